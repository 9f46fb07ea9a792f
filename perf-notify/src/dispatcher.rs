//! From events of alerts to messages in the outbox, and from the outbox to channels. Nothing here waits, sends or writes: time, events
//! and answers come in; changes to write and messages to send go out.

use crate::channel::{Accepted, Refused};
use crate::figures::{CHANNEL, OWN_RULES};
use crate::group::{Group, Now, Send, Surroundings};
use crate::message::{Message, MessageAlert, Reason};
use crate::outbox::{AttemptOutcome, Changes, Done, Entry, Left, Plan, Queue, QueueState};
use crate::route::{Facts, Route, Routes};
use perf_runtime::alert::{Alert, AlertEvent, Fingerprint, Transition};
use perf_runtime::extend::Service;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

#[cfg(test)]
mod tests;

/// So many groups a route has; alerts of others share one.
const MOST_GROUPS: usize = 1_000;
const OTHERS: &str = "__overflow__";
/// How long a process runs before what it does not know counts as ended: its rules have seen their windows then.
const SETTLED: Duration = Duration::from_secs(600);

/// The state of all channels and groups.
pub(crate) struct Dispatcher {
    pub(crate) routes: Routes,
    service: Option<Service>,
    queues: BTreeMap<String, Queue>,
    groups: BTreeMap<String, Group>,
    /// The number of the last event that was heard.
    seq: u64,
    instance: u64,
    last_id: u64,
    /// The uptime at which what other processes left is compared with what fires. `None` once it was.
    settles: Option<Duration>,
    /// Everything that is to be written.
    changes: Changes,
    /// Attempts by channel and outcome since the process began.
    counts: BTreeMap<(String, AttemptOutcome), u64>,
}

/// The state that a process before left, and the settings.
#[derive(Default)]
pub(crate) struct Beginning {
    pub(crate) routes: Routes,
    pub(crate) plans: Vec<Plan>,
    pub(crate) service: Option<Service>,
    pub(crate) instance: u64,
    pub(crate) seq: u64,
    pub(crate) groups: Vec<Group>,
    pub(crate) entries: Vec<Entry>,
}

impl Dispatcher {
    pub(crate) fn new(beginning: Beginning, now: Now) -> Self {
        let Beginning { routes, plans, service, instance, seq, groups, entries } = beginning;
        let mut changes = Changes::default();
        let last_id = entries.iter().map(|entry| entry.id).max().unwrap_or(0);
        // Ids of a process that wrote none of its last ones are not given again.
        let last_id = last_id.max(
            u64::try_from(now.wall.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros()).unwrap_or(0),
        );
        let mut left: BTreeMap<String, Vec<Entry>> = BTreeMap::new();
        for entry in entries {
            left.entry(entry.channel.clone()).or_default().push(entry);
        }
        let queue = |plan: Plan| {
            let entries = left.remove(&plan.name).unwrap_or_default();
            (plan.name.clone(), Queue::new(plan, entries, now.uptime))
        };
        let queues: BTreeMap<String, Queue> = plans.into_iter().map(queue).collect();
        for entry in left.into_values().flatten() {
            let mut dead = entry.record(AttemptOutcome::Dead, now.wall);
            "the channel is no longer set".clone_into(&mut dead.text);
            changes.attempts.push(dead);
            changes.entries.insert(entry.id, None);
        }
        let (kept, gone): (Vec<Group>, Vec<Group>) =
            groups.into_iter().partition(|group| routes.named(&group.route).is_some());
        changes.groups.extend(gone.into_iter().map(|group| (group.key, None)));
        let resumed = |mut group: Group| {
            if let Some(route) = routes.named(&group.route) {
                group.resume(route, now);
            }
            (group.key.clone(), group)
        };
        let groups = kept.into_iter().map(resumed).collect();
        let counts = BTreeMap::new();
        let mut this = Self {
            routes,
            service,
            queues,
            groups,
            seq,
            instance,
            last_id,
            settles: Some(now.uptime + SETTLED),
            changes,
            counts,
        };
        this.count_attempts(0);
        this
    }

    /// Takes over what another process left: its messages, and the groups that are not known here.
    pub(crate) fn adopt(&mut self, left: Left, now: Now) {
        for entry in left.entries {
            self.last_id += 1;
            let entry = Entry { id: self.last_id, next: now.uptime, ..entry };
            let Some(queue) = self.queues.get_mut(&entry.channel) else { continue };
            let changed = queue.push(entry, now);
            self.write(changed.kept, changed.removed, changed.attempts);
        }
        self.settles = Some(now.uptime + SETTLED);
        for mut group in left.groups {
            let Some(route) = self.routes.named(&group.route) else { continue };
            if !self.groups.contains_key(&group.key) {
                group.resume(route, now);
                self.changes.groups.insert(group.key.clone(), Some(group.clone()));
                self.groups.insert(group.key.clone(), group);
            }
        }
    }

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
            group.hear(alert, is_told, route, now);
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

    /// Takes note of the answer of a receiver that keeps the state itself.
    pub(crate) fn mirrored(&mut self, channel: &str, answer: &Result<Accepted, Refused>, now: Now) {
        if let Some(queue) = self.queues.get_mut(channel) {
            queue.mirrored(answer, now);
        }
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
            let sends = group.take_due(&Surroundings { now, route, held: &held, cooldown });
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
        for Send { channels, mut message } in due {
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
            if let Some(fallback) = &fallback {
                self.push(fallback, message, now);
            }
        }
    }

    fn write(&mut self, kept: Vec<Entry>, removed: Vec<u64>, attempts: Vec<crate::outbox::Attempt>) {
        self.changes.entries.extend(kept.into_iter().map(|entry| (entry.id, Some(entry))));
        self.changes.entries.extend(removed.into_iter().map(|id| (id, None)));
        let first = self.changes.attempts.len();
        self.changes.attempts.extend(attempts);
        self.count_attempts(first);
    }

    fn count_attempts(&mut self, first: usize) {
        for attempt in self.changes.attempts.iter().skip(first) {
            *self.counts.entry((attempt.channel.clone(), attempt.outcome)).or_default() += 1;
        }
    }

    /// Attempts by channel and outcome since the process began.
    pub(crate) fn counts(&self) -> &BTreeMap<(String, AttemptOutcome), u64> {
        &self.counts
    }

    /// The changes since they were last written.
    pub(crate) fn changes(&self) -> &Changes {
        &self.changes
    }

    /// Everything is written.
    pub(crate) fn clear_changes(&mut self) {
        self.changes = Changes::default();
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

    /// A message that tries a channel.
    pub(crate) fn test_message(&mut self, now: Now) -> Message {
        self.last_id += 1;
        let mut message = Message::new(Reason::Test, "test", BTreeMap::new(), Vec::new(), now.wall);
        message.id = id_of(self.instance, self.last_id);
        message.service.clone_from(&self.service);
        message
    }
}

fn new_entry(instance: u64, id: u64, channel: &str, mut message: Message, now: Now) -> Entry {
    message.id = id_of(instance, id);
    Entry {
        id,
        channel: channel.to_owned(),
        message,
        created: now.wall,
        attempts: 0,
        fell_back: false,
        next: now.uptime,
    }
}

fn id_of(instance: u64, id: u64) -> String {
    format!("{instance:016x}-{id:x}")
}
