//! From events of alerts to messages in the outbox, and from the outbox to channels. Nothing here waits, sends or writes: time, events
//! and answers come in; changes to write and messages to send go out.

use crate::figures::{CHANNEL, OWN_RULES};
use crate::group::{Group, Now, Send, Surroundings};
use crate::message::{Message, MessageAlert};
use crate::notice::Told;
use crate::outbox::{AttemptOutcome, Changes, Done, Entry, Queue, QueueState};
use crate::route::{Facts, Route, Routes};
use crate::since::Since;
use perf_runtime::alert::{Alert, AlertEvent, Delivery, Fingerprint, Transition};
use perf_runtime::extend::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

mod attempts;
mod begin;
mod incidents;
mod notices;
#[cfg(test)]
mod tests;

pub(crate) use attempts::Mirrored;
pub(crate) use begin::Beginning;
use incidents::PATIENCE;

/// So many groups a route has; alerts of others share one.
const MOST_GROUPS: usize = 1_000;
const OTHERS: &str = "__overflow__";
/// The state of all channels and groups.
pub(crate) struct Dispatcher {
    pub(crate) routes: Routes,
    service: Option<Service>,
    queues: BTreeMap<String, Queue>,
    groups: BTreeMap<String, Group>,
    /// The number of the last event that was heard.
    seq: u64,
    /// Whether somebody knows which alerts are one incident.
    has_incidents: bool,
    instance: u64,
    last_id: u64,
    /// The uptime at which what other processes left is compared with what fires. `None` once it was.
    settles: Option<Duration>,
    /// Everything that is to be written.
    changes: Changes,
    /// The last id of a message that a commit has seen.
    written_id: u64,
    /// Attempts by channel and outcome since the process began.
    counts: BTreeMap<(String, AttemptOutcome), u64>,
    /// Attempts that the monitor was not told of yet.
    deliveries: Vec<Delivery>,
    /// The channels that take notices.
    notice_channels: Vec<String>,
    /// The notices that were told.
    told: Told,
}

impl Dispatcher {
    /// The number of the last event that was heard.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Goes on from another number: after a restart events may be counted anew.
    pub(crate) fn go_on_from(&mut self, seq: u64) {
        if self.seq != seq {
            self.seq = seq;
            self.changes.seq = Some(seq);
        }
    }

    /// Hears of an event.
    pub(crate) fn hear(&mut self, event: &AlertEvent, now: Now) {
        self.go_on_from(event.seq);
        match event.transition {
            Transition::Pending | Transition::Cleared => {}
            Transition::Acknowledged => self.hear_alert(&event.alert, false, now),
            _ => self.hear_alert(&event.alert, event.notify, now),
        }
    }

    /// Hears how an alert stands, and whether somebody is to be told. Groups that know it hear of it, whatever the routes say now; a new
    /// one goes where they lead.
    fn hear_alert(&mut self, alert: &Alert, is_told: bool, now: Now) {
        let knows = |group: &&Group| group.knows(alert.fingerprint);
        let mut keys: BTreeSet<String> = self.groups.values().filter(knows).map(|group| group.key.clone()).collect();
        if is_told {
            let leading: Vec<Route> = self.routes.of(Facts::of(alert)).cloned().collect();
            for route in
                leading.iter().filter(|route| !keys.iter().any(|key| self.is_of(key, route))).collect::<Vec<_>>()
            {
                let labels = route.group_labels(&Facts::of(alert));
                let key = self.key_of(route, &labels);
                self.groups.entry(key.clone()).or_insert_with(|| Group::new(key.clone(), route, labels));
                keys.insert(key);
            }
        }
        for key in keys {
            let Some(group) = self.groups.get_mut(&key) else { continue };
            let Some(route) = self.routes.named(&group.route) else { continue };
            // It is heard of once its end was told: at the next comparison with what fires.
            if group.ends_first(alert, now) {
                continue;
            }
            let waits = self.has_incidents && route.is_by_incident();
            group.hear(alert, is_told, route, if waits { PATIENCE } else { Duration::ZERO }, now);
            self.changes.groups.insert(key, Some(group.clone()));
        }
    }

    fn is_of(&self, key: &str, route: &Route) -> bool {
        self.groups.get(key).is_some_and(|group| group.route == route.name)
    }

    /// The key of a group, which messages carry: `route 1{rule="cpu"}`.
    fn key_of(&self, route: &Route, labels: &BTreeMap<String, String>) -> String {
        let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        let key = format!("{}{{{}}}", route.name, pairs.join(","));
        let has_room = || self.groups.values().filter(|group| group.route == route.name).count() < MOST_GROUPS;
        if self.groups.contains_key(&key) || has_room() { key } else { format!("{}{{{OTHERS}}}", route.name) }
    }

    /// Compares with what fires: alerts of which no event was heard are heard of now, and the others are brought up to date. Those
    /// that a process before told of, and that this one does not know once it has run for a while, have ended.
    pub(crate) fn compare(&mut self, active: &[Alert], known: impl FnOnce() -> BTreeSet<Fingerprint>, now: Now) {
        let by_fingerprint: BTreeMap<Fingerprint, &Alert> =
            active.iter().map(|alert| (alert.fingerprint, alert)).collect();
        let mut unheard = by_fingerprint.clone();
        for group in self.groups.values_mut() {
            let has_changed = group.refresh(&by_fingerprint);
            unheard.retain(|fingerprint, _| !group.knows(*fingerprint));
            if has_changed {
                self.changes.groups.insert(group.key.clone(), Some(group.clone()));
            }
        }
        for alert in unheard.into_values() {
            self.hear_alert(alert, alert.muted.is_none(), now);
        }
        if self.settles.is_none_or(|at| now.uptime < at) {
            return;
        }
        self.settles = None;
        let known = known();
        for group in self.groups.values_mut() {
            let Some(route) = self.routes.named(&group.route) else { continue };
            if group.end_unknown(&known, route, now) {
                self.changes.groups.insert(group.key.clone(), Some(group.clone()));
            }
        }
    }

    /// Compares soon with what fires whether what is known still does: for events that nobody heard.
    pub(crate) fn look_again(&mut self, now: Now) {
        self.settles.get_or_insert(now.uptime);
    }

    /// Puts into the outbox what is due. `finish` adds what the words need beyond the alerts themselves.
    pub(crate) fn flush(
        &mut self,
        now: Now,
        cooldown: &dyn Fn(&str) -> Option<Duration>,
        finish: &dyn Fn(&mut Message),
    ) {
        let mut due = Vec::new();
        let routes = &self.routes;
        for group in self.groups.values_mut() {
            let Some(route) = routes.named(&group.route) else { continue };
            let held = |alert: &Alert| routes.held(route, &Facts::of(alert), now.wall).is_some();
            let by_incident = self.has_incidents && route.is_by_incident();
            let sends = group.take_due(&Surroundings { now, route, by_incident, held: &held, cooldown });
            if !sends.is_empty() {
                self.changes.groups.insert(group.key.clone(), Some(group.clone()));
                due.extend(sends);
            }
        }
        let over = self
            .groups
            .values()
            .filter(|group| routes.named(&group.route).is_none_or(|route| group.is_over(route, now)));
        for key in over.map(|group| group.key.clone()).collect::<Vec<_>>() {
            self.groups.remove(&key);
            self.changes.groups.insert(key, None);
        }
        let firing: BTreeSet<String> = self
            .groups
            .values()
            .filter(|group| group.has_firing())
            .filter_map(|group| group.incident_id())
            .map(str::to_owned)
            .collect();
        for Send { channels, mut message } in due {
            if let Some(incident) = &mut message.incident {
                incident.goes_on = firing.contains(&incident.id);
            }
            message.service.clone_from(&self.service);
            finish(&mut message);
            for channel in self.with_another(channels, &message) {
                self.push(&channel, message.clone(), now);
            }
        }
    }

    /// Adds a channel that can tell of the failures of the only one: its fallback, or any other.
    fn with_another(&self, mut channels: BTreeSet<String>, message: &Message) -> BTreeSet<String> {
        let is_own = |alert: &Alert, channel: &str| {
            alert.rule.starts_with(OWN_RULES) && alert.labels.get(CHANNEL).is_some_and(|about| about == channel)
        };
        let only = channels.first().filter(|_| channels.len() == 1);
        let only = only.filter(|only| message.alerts.iter().any(|one| one.is_new && is_own(&one.alert, only)));
        let Some(queue) = only.and_then(|only| self.queues.get(only)) else { return channels };
        let others = || self.queues.keys().find(|name| **name != queue.plan.name).cloned();
        channels.extend(queue.plan.fallback.clone().or_else(others));
        channels
    }

    /// Puts a message into the outbox of a channel.
    pub(crate) fn push(&mut self, channel: &str, message: Message, now: Now) {
        // Those that keep the state are told it, and no messages.
        if self.queues.get(channel).is_none_or(|queue| queue.plan.mirrors) {
            return;
        }
        let entry = self.entry(channel, message, now);
        let Some(queue) = self.queues.get_mut(channel) else { return };
        let changed = queue.push(entry, now);
        self.write(changed.kept, changed.removed, changed.attempts);
    }

    fn entry(&mut self, channel: &str, message: Message, now: Now) -> Entry {
        self.last_id += 1;
        new_entry(self.instance, self.last_id, channel, message, now)
    }

    /// The messages to send now: at most one a channel.
    pub(crate) fn take_due(&mut self, now: Now) -> Vec<Entry> {
        let (mut all, mut writes) = (Vec::new(), Vec::new());
        let instance = self.instance;
        for (channel, queue) in &mut self.queues {
            let last_id = &mut self.last_id;
            let service = &self.service;
            let (entry, changed) = queue.take_due(now, |mut message| {
                *last_id += 1;
                message.service.clone_from(service);
                new_entry(instance, *last_id, channel, message, now)
            });
            all.extend(entry);
            writes.push(changed);
        }
        for changed in writes {
            self.write(changed.kept, changed.removed, changed.attempts);
        }
        all
    }

    /// Takes note of the result of an attempt.
    pub(crate) fn finish(&mut self, done: &Done, now: Now) {
        let Some(queue) = self.queues.get_mut(&done.channel) else { return };
        let fallback = queue.plan.fallback.clone();
        let changed = queue.finish(done, now);
        self.write(changed.kept, changed.removed, changed.attempts);
        for message in changed.fall_back {
            if let Some(fallback) = &fallback
                && self.may_fall_back(fallback, &message, now)
            {
                self.push(fallback, message, now);
            }
        }
    }

    /// The changes since they were last written.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    pub(crate) fn states(&self) -> BTreeMap<String, QueueState> {
        self.queues.iter().map(|(name, queue)| (name.clone(), queue.state())).collect()
    }

    /// Whether an answer is still to come.
    pub(crate) fn is_sending(&self) -> bool {
        self.queues.values().any(Queue::is_sending)
    }

    /// The alerts of groups whose route, or a step of it, leads to a channel.
    pub(crate) fn alerts_for(&self, channel: &str) -> Vec<MessageAlert> {
        let leads = |group: &&Group| {
            self.routes.named(&group.route).is_some_and(|route| route.channels.iter().any(|name| name == channel))
        };
        let firing = self.groups.values().filter(leads).flat_map(Group::firing);
        let all: BTreeMap<Fingerprint, &Alert> = firing.map(|alert| (alert.fingerprint, alert)).collect();
        all.into_values().map(|alert| MessageAlert::new(alert.clone(), false)).collect()
    }
}

fn new_entry(instance: u64, id: u64, channel: &str, mut message: Message, now: Now) -> Entry {
    message.id = id_of(instance, id);
    Entry {
        id,
        channel: channel.to_owned(),
        message,
        created: Since::now(now),
        attempts: 0,
        fell_back: false,
        next: now.uptime,
    }
}

fn id_of(instance: u64, id: u64) -> String {
    format!("{instance:016x}-{id:x}")
}
