//! Groups: the alerts that are told together, and what was told of them.
//!
//! A group is asked at each tick whether there is a message to send. Spans are counted by the monitor's uptime, which no clock that is
//! set can move; moments of the wall are kept only for what has to outlive the process.

mod incident;
mod member;

use crate::message::{Message, MessageAlert, MessageIncident, Reason};
use crate::route::Route;
use crate::since::Since;
use member::Member;
use perf_runtime::alert::{Alert, Fingerprint, Severity};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

/// When what still fires is told again, where neither the route nor the rule says so: as Alertmanager does.
pub(crate) const REPEAT: Duration = Duration::from_secs(4 * 3_600);
/// An alert that ended while nobody could be told is forgotten after this.
const FORGET: Duration = Duration::from_secs(24 * 3_600);

/// The time of a tick.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    /// Since the monitor was made.
    pub(crate) uptime: Duration,
    pub(crate) wall: SystemTime,
}

/// A group of alerts of one route.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Group {
    /// The same in every process: the name of the route, and the labels.
    pub(crate) key: String,
    pub(crate) route: String,
    pub(crate) labels: BTreeMap<String, String>,
    members: BTreeMap<Fingerprint, Member>,
    /// When something was last told of it.
    #[serde(default)]
    told_at: Option<Since>,
    #[serde(default)]
    escalation: Escalation,
    /// The incident that it is about.
    #[serde(default)]
    incident: Option<MessageIncident>,
    /// Whether a message had a cause that is as good as certain.
    #[serde(default)]
    is_explained: bool,
    /// Before this nothing is sent. `None` before anything changed in this process.
    #[serde(skip)]
    due: Option<Duration>,
    /// The last message of this process.
    #[serde(skip)]
    sent: Option<Duration>,
}

/// How far the steps of a route have come.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Escalation {
    /// The first message about what fires and nobody has acknowledged.
    since: Option<Since>,
    worst: Option<Severity>,
    /// Steps that are taken.
    steps: usize,
    /// Channels that were told by a step, and hear of what follows.
    channels: BTreeSet<String>,
}

/// A message to send, and to which channels.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Send {
    pub(crate) channels: BTreeSet<String>,
    pub(crate) message: Message,
}

/// The surroundings of a group.
pub(crate) struct Surroundings<'a> {
    pub(crate) now: Now,
    pub(crate) route: &'a Route,
    /// Whether ends wait for those of others of the same incident.
    pub(crate) by_incident: bool,
    /// Why nobody is told of an alert now.
    pub(crate) held: &'a dyn Fn(&Alert) -> bool,
    /// The cooldown of a rule, where it has one.
    pub(crate) cooldown: &'a dyn Fn(&str) -> Option<Duration>,
}

impl Group {
    pub(crate) fn new(key: String, route: &Route, labels: BTreeMap<String, String>) -> Self {
        Self {
            key,
            route: route.name.clone(),
            labels,
            members: BTreeMap::new(),
            told_at: None,
            escalation: Escalation::default(),
            incident: None,
            is_explained: false,
            due: None,
            sent: None,
        }
    }

    /// Goes on in another process with what it had to tell.
    pub(crate) fn resume(&mut self, route: &Route, now: Now) {
        self.take_up(now);
        let has_news = self.members.values().any(|member| member.is_news);
        self.due = has_news.then(|| self.due_after(route, now));
    }

    /// Counts the spans of a process before by this one.
    fn take_up(&mut self, now: Now) {
        let taken_up = |since: &mut Since| *since = since.taken_up(now);
        let ended = self.members.values_mut().filter_map(|member| member.ended.as_mut());
        ended.chain(&mut self.told_at).chain(&mut self.escalation.since).for_each(taken_up);
    }

    /// Goes on, as what another process left of it, in one that knows the group already: what the other told is not told again, and
    /// what only the other knew ends with what no rule of this process knows.
    pub(crate) fn join(&mut self, own: Self, route: &Route, now: Now) {
        self.take_up(now);
        let left = std::mem::replace(self, own);
        for (fingerprint, member) in left.members {
            self.members.entry(fingerprint).and_modify(|own| own.join(&member)).or_insert(member);
        }
        self.told_at = [self.told_at, left.told_at].into_iter().flatten().min_by_key(|told| told.elapsed(now));
        if self.escalation.since.is_none() {
            self.escalation = left.escalation;
        }
        self.incident = self.incident.take().or(left.incident);
        self.is_explained |= left.is_explained;
        let has_news = self.members.values().any(|member| member.is_news);
        self.due = has_news.then(|| self.due.unwrap_or_else(|| self.due_after(route, now)));
    }

    /// Whether an alert is among its own.
    pub(crate) fn knows(&self, alert: Fingerprint) -> bool {
        self.members.contains_key(&alert)
    }

    /// Brings what fires up to date: values, words, acknowledgements that ended. Says whether somebody has to know after a restart.
    pub(crate) fn refresh(&mut self, active: &BTreeMap<Fingerprint, &Alert>) -> bool {
        let mut has_changed = false;
        for (fingerprint, member) in &mut self.members {
            if let Some(alert) = active.get(fingerprint).filter(|_| member.is_firing()) {
                has_changed |= member.alert.acknowledged != alert.acknowledged;
                member.alert = (*alert).clone();
            }
        }
        has_changed
    }

    /// Takes note of how an alert stands, and of whether somebody is to be told. Where an incident may be known soon, the message
    /// waits for that with some patience.
    pub(crate) fn hear(&mut self, alert: &Alert, is_told: bool, route: &Route, patience: Duration, now: Now) {
        let patience = if self.incident.is_none() && alert.resolved_at.is_none() { patience } else { Duration::ZERO };
        let member = self.members.entry(alert.fingerprint).or_insert_with(|| Member::new(alert));
        if member.hear(alert, is_told, now) && self.due.is_none() {
            self.due = Some(self.due_after(route, now) + patience);
        }
        self.members.retain(|_, member| !member.is_over());
    }

    /// When a change of now is told.
    fn due_after(&self, route: &Route, now: Now) -> Duration {
        let interval = self.sent.map_or(Duration::ZERO, |sent| sent + route.group_interval.0);
        interval.max(now.uptime + route.group_wait.0)
    }

    /// The alerts that fire, as far as this group knows.
    pub(crate) fn firing(&self) -> impl Iterator<Item = &Alert> {
        self.members.values().filter(|member| member.is_firing()).map(|member| &member.alert)
    }

    /// Whether there is nothing left to remember. The time of the last message is, for as long as another one has to keep its distance.
    pub(crate) fn is_over(&self, route: &Route, now: Now) -> bool {
        self.members.is_empty() && self.sent.is_none_or(|sent| now.uptime >= sent + route.group_interval.0)
    }

    /// Ends alerts that no rule of this process knows: they ended while no process watched.
    pub(crate) fn end_unknown(&mut self, known: &BTreeSet<Fingerprint>, route: &Route, now: Now) -> bool {
        let mut has_ended = false;
        for member in self.members.values_mut().filter(|member| member.is_firing()) {
            if !known.contains(&member.alert.fingerprint) {
                has_ended |= member.end(now);
            }
        }
        if has_ended && self.due.is_none() {
            self.due = Some(self.due_after(route, now));
        }
        has_ended
    }

    /// The messages that are due, each with the channels that it goes to. What they say counts as told.
    pub(crate) fn take_due(&mut self, surroundings: &Surroundings<'_>) -> Vec<Send> {
        let now = surroundings.now;
        // An alert that came and went while nobody was to be told is in the history, and in no message.
        let is_quiet = |member: &Member| !member.is_firing() && !member.is_told() && (surroundings.held)(&member.alert);
        self.members.retain(|_, member| !member.is_forgotten(now, FORGET) && !is_quiet(member));
        let mut all = Vec::new();
        if let Some(reason) = self.reason(surroundings) {
            let route = surroundings.route.channels.iter().cloned();
            let channels = route.chain(self.escalation.channels.iter().cloned()).collect();
            all.push(Send { channels, message: self.tell(reason, surroundings) });
        }
        all.extend(self.escalate(surroundings));
        all
    }

    fn reason(&mut self, surroundings: &Surroundings<'_>) -> Option<Reason> {
        let Surroundings { now, route, held, cooldown, .. } = surroundings;
        if self.due.is_some_and(|due| due <= now.uptime) {
            let is_due =
                |member: &Member| member.is_news && !held(&member.alert) && self.is_worth(member, surroundings);
            if self.members.values().any(is_due) {
                return Some(Reason::Changed);
            }
            // News that is held waits on; without any, the next change begins its own wait.
            if !self.members.values().any(|member| member.is_news) {
                self.due = None;
            }
        }
        if self.is_to_be_explained(surroundings) {
            return Some(Reason::Explained);
        }
        let elapsed = self.told_at?.elapsed(*now);
        let is_due = |member: &Member| {
            let of_rule = || cooldown(&member.alert.rule).filter(|cooldown| !cooldown.is_zero()).unwrap_or(REPEAT);
            let is_open = member.is_told() && member.is_unacknowledged() && !held(&member.alert);
            is_open && member.alert.muted.is_none() && elapsed >= route.repeat.map_or_else(of_rule, |span| span.0)
        };
        self.members.values().any(is_due).then_some(Reason::Repeated)
    }

    /// Makes the message of how the group stands, and counts it as told.
    fn tell(&mut self, reason: Reason, surroundings: &Surroundings<'_>) -> Message {
        let Surroundings { now, held, .. } = surroundings;
        let mut alerts: Vec<(bool, Alert)> = Vec::new();
        self.members.retain(|_, member| {
            if held(&member.alert) || !(member.is_news || member.is_told()) {
                return true;
            }
            // Of a muted alert only what was told of it before.
            if member.alert.muted.is_some() && !member.is_news {
                return true;
            }
            alerts.push((member.is_news, member.alert.clone()));
            member.tell();
            !member.is_over()
        });
        self.sent = Some(now.uptime);
        self.told_at = Some(Since::now(*now));
        let is_waiting = self.members.values().any(|member| member.is_news);
        self.due = is_waiting.then(|| now.uptime + surroundings.route.group_interval.0);
        self.begin_escalation(*now);
        self.is_explained |= self.incident.as_ref().is_some_and(|incident| incident.is_explained);
        self.message(reason, alerts, now.wall)
    }

    fn message(&self, reason: Reason, mut alerts: Vec<(bool, Alert)>, at: SystemTime) -> Message {
        let rank = |(is_news, alert): &(bool, Alert)| {
            (alert.resolved_at.is_some(), Reverse(alert.severity), Reverse(*is_news), alert.since, alert.fingerprint)
        };
        alerts.sort_by_key(rank);
        let alerts = alerts.into_iter().map(|(is_news, alert)| MessageAlert::new(alert, is_news)).collect();
        let incident = self.incident.clone();
        Message { incident, ..Message::new(reason, &self.key, self.labels.clone(), alerts, at) }
    }

    /// Counts the time of a route's steps from the first message about what nobody has acknowledged. A higher severity begins it anew.
    fn begin_escalation(&mut self, now: Now) {
        let open = || self.members.values().filter(|member| member.is_told() && member.is_unacknowledged());
        let Some(worst) = open().map(|member| member.alert.severity).max() else {
            // Channels of earlier steps hear of the end, which the message of now tells them, and of nothing after it.
            self.escalation = Escalation::default();
            return;
        };
        if self.escalation.since.is_none() || self.escalation.worst.is_some_and(|before| before < worst) {
            self.escalation.since = Some(Since::now(now));
            self.escalation.steps = 0;
        }
        self.escalation.worst = Some(worst);
    }

    /// The next step, where it is due.
    fn escalate(&mut self, surroundings: &Surroundings<'_>) -> Option<Send> {
        let Surroundings { now, route, held, .. } = surroundings;
        let step = route.escalate.get(self.escalation.steps)?;
        let open = || {
            let open = self.members.values().filter(|member| member.is_told() && member.is_unacknowledged());
            open.filter(|member| member.alert.muted.is_none() && !held(&member.alert))
        };
        let elapsed = self.escalation.since?.elapsed(*now);
        if elapsed < step.after.0 {
            return None;
        }
        let alerts: Vec<(bool, Alert)> = open().map(|member| (false, member.alert.clone())).collect();
        if alerts.is_empty() {
            return None;
        }
        self.escalation.steps += 1;
        self.escalation.channels.extend(step.channels.iter().cloned());
        let message = self.message(Reason::Escalated, alerts, now.wall);
        Some(Send { channels: step.channels.iter().cloned().collect(), message })
    }
}
