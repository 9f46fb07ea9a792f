//! The one who looks: opens incidents, explains them, makes one of those that are one, and closes them.

mod fold;
mod saved;
mod taking;

pub(crate) use saved::{Saved, check_version};

use super::changes::{Change, ChangeKind};
use super::explain::{Explanation, Subject, explain, explain_series};
use super::group::groups;
use super::incident::{Cause, Check, Incident, IncidentChange, IncidentEvent, Sureness, digits_of};
use super::scene::Scene;
use perf_runtime::Monitor;
use perf_runtime::alert::{Alert, AlertState, Severity};
use perf_runtime::series::SeriesId;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

/// Incidents that are open at once, at most: alerts beyond them join the last.
const MAX_OPEN: usize = 20;
/// Alerts that are looked at.
const MAX_LOOKED_AT: usize = 500;
/// Events that are kept.
const MAX_EVENTS: usize = 200;
/// Changes that are kept.
const MAX_CHANGES: usize = 50;
/// An alert that is pending for so long opens an incident, where its cause is likely.
const PENDING: Duration = Duration::from_secs(10);
/// So long nothing must fire before an incident is over.
const CALM: Duration = Duration::from_secs(10);
/// How often an open incident is explained anew, while it is young and later.
const AGAIN: (Duration, Duration) = (Duration::from_secs(6), Duration::from_secs(20));
/// While it is so young, each explanation replaces the one before.
const YOUNG: Duration = Duration::from_secs(60);
/// So long after the onset the slices from before it are still there.
const SEEN: Duration = Duration::from_secs(200);
/// The time within which alerts of one incident begin: windows of rules look back that far.
const NEAR: Duration = Duration::from_secs(180);

/// Looks at a monitor's alerts, makes incidents of them, and says where they come from. [`Insight`](super::Insight) runs it on
/// a thread of its own; for tests with a clock that one moves, it is called by hand.
///
/// Without an alert, a look takes a microsecond or two. With one it reads every series, some microseconds each, every six
/// seconds at first and every twenty later.
#[derive(Debug)]
pub struct Investigator {
    monitor: Monitor,
    keep: usize,
    /// The oldest first.
    open: Vec<Open>,
    past: VecDeque<Incident>,
    /// Those that have become a part of another, without their alerts.
    folded: VecDeque<Incident>,
    events: VecDeque<IncidentEvent>,
    seq: u64,
    changes: Vec<Change>,
    /// Since when all that ended are here, of this process.
    known_since: SystemTime,
    /// When something was last looked for without success: pending alerts whose cause is not likely.
    looked: Option<SystemTime>,
}

#[derive(Debug)]
struct Open {
    incident: Incident,
    explained: SystemTime,
    /// When an alert was last active.
    active: SystemTime,
    /// Whether another has become a part of it since it was told.
    has_grown: bool,
    /// Whether a process before began it.
    is_restored: bool,
}

impl Investigator {
    /// One that keeps so many incidents that ended. The start of the process is the first change that it knows.
    pub fn new(monitor: &Monitor, keep: usize) -> Self {
        let mut investigator = Self {
            monitor: monitor.clone(),
            keep: keep.max(1),
            open: Vec::new(),
            past: VecDeque::new(),
            folded: VecDeque::new(),
            events: VecDeque::new(),
            seq: 0,
            changes: Vec::new(),
            known_since: monitor.time_of_day(),
            looked: None,
        };
        if let Some(at) = monitor.time_of_day().checked_sub(monitor.uptime()) {
            investigator.known_since = at;
            investigator.note(Change::new(ChangeKind::Start, "the start of the process", at));
        }
        investigator
    }

    /// Notes a change that somebody made. The newest 50 are kept.
    pub fn note(&mut self, change: Change) {
        self.changes.push(change);
        if self.changes.len() > MAX_CHANGES {
            self.changes.remove(0);
        }
    }

    /// Whether no incident is open.
    pub fn is_calm(&self) -> bool {
        self.open.is_empty()
    }

    /// Since when all incidents of this process that ended are among those that are kept.
    pub(crate) fn known_since(&self) -> SystemTime {
        self.known_since
    }

    pub(crate) fn uptime(&self) -> Duration {
        self.monitor.uptime()
    }

    /// Open incidents and those that ended, the newest first.
    pub fn incidents(&self) -> Vec<Incident> {
        let open = self.open.iter().rev().map(|open| &open.incident);
        open.chain(self.past.iter().rev()).cloned().collect()
    }

    /// Incidents that have become a part of another, the newest first. They have no alerts of their own any more, and
    /// [`folded_into`](Incident::folded_into) says where these are.
    pub fn folded(&self) -> Vec<Incident> {
        self.folded.iter().rev().cloned().collect()
    }

    /// The events after the one with this number, the oldest first, of the 200 that are kept.
    pub fn events_since(&self, seq: u64) -> Vec<IncidentEvent> {
        self.events.iter().filter(|event| event.seq > seq).cloned().collect()
    }

    /// Explains a series, whether or not an alert is about it: what made it slow, or fail, since about then? The causes, the
    /// likeliest first, and everything that was looked for. `None` where there is no such series.
    pub fn why(&self, series: &SeriesId, since: SystemTime) -> Option<(Vec<Cause>, Vec<Check>)> {
        let scene = Scene::read(&self.monitor, self.monitor.time_of_day())?;
        let found = explain_series(&self.monitor, &scene, &self.changes, series, since)?;
        Some((found.causes, found.checked))
    }

    /// Looks once: to be called after each tick. Gives the events that came of it.
    pub fn look(&mut self) -> Vec<IncidentEvent> {
        let alerts = self.monitor.alerts();
        let mut active = alerts.active();
        active.extend(alerts.pending());
        let before = self.seq;
        if active.is_empty() && self.open.is_empty() {
            return Vec::new();
        }
        active.truncate(MAX_LOOKED_AT);
        let now = self.monitor.time_of_day();
        self.follow(&active, now);
        if self.is_due(&active, now)
            && let Some(scene) = Scene::read(&self.monitor, now)
        {
            self.investigate(&scene, &active, now);
        }
        self.close(now);
        self.events_since(before)
    }

    /// Takes over what became of the alerts of open incidents.
    fn follow(&mut self, active: &[Alert], now: SystemTime) {
        // One that fires anew has another id.
        let by_fingerprint: BTreeMap<_, &Alert> = active.iter().map(|alert| (alert.fingerprint, alert)).collect();
        let mut changed = Vec::new();
        for (place, open) in self.open.iter_mut().enumerate() {
            let before = open.incident.severity;
            for own in &mut open.incident.alerts {
                match by_fingerprint.get(&own.fingerprint) {
                    Some(alert) => {
                        own.take(alert);
                        open.active = now;
                        open.incident.severity = open.incident.severity.max(own.severity);
                    }
                    None => own.state = AlertState::Resolved,
                }
            }
            if open.incident.severity != before {
                changed.push(place);
            }
        }
        for place in changed {
            self.tell(place, IncidentChange::Changed, now);
        }
    }

    /// Whether it is time to look at the series.
    fn is_due(&self, active: &[Alert], now: SystemTime) -> bool {
        let since = |at: SystemTime| now.duration_since(at).unwrap_or_default();
        let is_new = |alert: &Alert| self.open.iter().all(|open| !open.has(alert));
        let new_fires = active.iter().any(|alert| alert.state == AlertState::Firing && is_new(alert));
        let new_waits = active.iter().any(|alert| is_new(alert) && since(alert.since) >= PENDING);
        let again = self.looked.is_none_or(|at| since(at) >= AGAIN.0);
        let stale = self.open.iter().any(|open| {
            let every = if since(open.incident.began) < YOUNG { AGAIN.0 } else { AGAIN.1 };
            since(open.incident.onset) < SEEN && since(open.explained) >= every
        });
        new_fires && (again || self.open.is_empty()) || new_waits && again || stale && again
    }

    fn investigate(&mut self, scene: &Scene, active: &[Alert], now: SystemTime) {
        self.looked = Some(now);
        let alerts: Vec<(&Alert, Subject)> = active.iter().map(|alert| (alert, Subject::of(scene, alert))).collect();
        for members in groups(scene, &alerts) {
            let group: Vec<(&Alert, Subject)> =
                members.iter().filter_map(|place| alerts.get(*place)).cloned().collect();
            self.fold_connected(&group, now);
            for group in self.apart(group) {
                let explanation = explain(&self.monitor, scene, &self.changes, &group);
                match self.place_of(&group, &explanation) {
                    Some(place) => self.update(place, &group, explanation, now),
                    None => self.begin(&group, explanation, now),
                }
            }
        }
        self.fold_of_one_cause(now);
    }

    /// The open incident that a group belongs to: one of its alerts is of it, or the same thing is to blame.
    fn place_of(&self, group: &[(&Alert, Subject)], explanation: &Explanation) -> Option<usize> {
        let has = |open: &Open| group.iter().any(|(alert, _)| open.has(alert));
        let cause = explanation.likely();
        let is_same = |open: &Open| cause.zip(open.likely()).is_some_and(|(one, other)| one.is_of_one_with(other));
        let found = self.open.iter().position(has).or_else(|| self.open.iter().position(is_same));
        // Of metrics alone: they go with what began at about the same time.
        let metrics = group.iter().all(|(_, subject)| matches!(subject, Subject::Metric(_)));
        let near = |open: &Open| {
            let since = |alert: &Alert| alert.since.duration_since(open.incident.onset).unwrap_or_default();
            group.iter().any(|(alert, _)| since(alert) <= NEAR)
        };
        let found = found.or_else(|| metrics.then(|| self.open.iter().position(near)).flatten());
        found.or_else(|| (self.open.len() >= MAX_OPEN).then(|| self.open.len().saturating_sub(1)))
    }

    fn begin(&mut self, group: &[(&Alert, Subject)], explanation: Explanation, now: SystemTime) {
        let fires = group.iter().any(|(alert, _)| alert.state == AlertState::Firing);
        if !fires && explanation.sureness != Sureness::Likely {
            return;
        }
        let Some((first, _)) = group.iter().min_by_key(|(alert, _)| (alert.since, alert.id)) else { return };
        let fingerprint = first.fingerprint.to_string();
        let since = first.since.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().to_string();
        let mut incident = Incident {
            id: digits_of(&[&fingerprint, &since]),
            fingerprint: digits_of(&["incident", &fingerprint]),
            headline: String::new(),
            sureness: Sureness::NoClearCause,
            causes: Vec::new(),
            checked: Vec::new(),
            severity: Severity::Warning,
            alerts: Vec::new(),
            more_alerts: 0,
            onset: explanation.onset.min(first.since),
            began: now,
            ended: None,
            folded_into: None,
            left_out: 0,
        };
        incident.take_alerts(group);
        incident.take_explanation(explanation);
        let past = self.past.iter().position(|past| past.id == incident.id);
        if let Some(past) = past.and_then(|past| self.past.remove(past)) {
            // It only seemed to be over.
            incident.began = past.began;
        }
        self.folded.retain(|folded| folded.id != incident.id);
        self.open.push(Open { incident, explained: now, active: now, has_grown: false, is_restored: false });
        self.tell(self.open.len() - 1, IncidentChange::Began, now);
        self.open.sort_by_key(|open| open.incident.began);
    }

    fn update(&mut self, place: usize, group: &[(&Alert, Subject)], explanation: Explanation, now: SystemTime) {
        let Some(open) = self.open.get_mut(place) else { return };
        let before = (open.incident.severity, open.incident.cause().map(Cause::key), open.incident.sureness);
        open.incident.take_alerts(group);
        open.active = now;
        open.explained = now;
        let is_young = now.duration_since(open.incident.began).unwrap_or_default() < YOUNG;
        // Later, the time before is out of sight: what was found stands unless something surer is.
        let is_seen = !open.is_restored && now.duration_since(open.incident.onset).unwrap_or_default() < SEEN;
        let has_grown = std::mem::take(&mut open.has_grown);
        if is_seen
            && ((is_young || has_grown) && explanation.sureness >= open.incident.sureness
                || explanation.sureness > open.incident.sureness)
        {
            open.incident.take_explanation(explanation);
        }
        let after = (open.incident.severity, open.incident.cause().map(Cause::key), open.incident.sureness);
        if has_grown || before != after {
            self.tell(place, IncidentChange::Changed, now);
        }
    }

    /// Ends the incidents of which nothing was active for a while.
    fn close(&mut self, now: SystemTime) {
        let mut place = 0;
        while let Some(open) = self.open.get_mut(place) {
            if now.duration_since(open.active).unwrap_or_default() < CALM {
                place += 1;
                continue;
            }
            open.incident.ended = Some(open.active);
            self.tell(place, IncidentChange::Ended, now);
            let ended = self.open.remove(place);
            self.past.push_back(ended.incident);
            if self.past.len() > self.keep
                && let Some(until) = self.past.pop_front().and_then(|forgotten| forgotten.ended)
            {
                self.known_since = self.known_since.max(until);
            }
        }
    }

    fn tell(&mut self, place: usize, change: IncidentChange, at: SystemTime) {
        if let Some(open) = self.open.get(place) {
            self.tell_of(open.incident.clone(), change, at);
        }
    }

    fn tell_of(&mut self, incident: Incident, change: IncidentChange, at: SystemTime) {
        self.seq += 1;
        self.events.push_back(IncidentEvent { seq: self.seq, at, change, incident });
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }
}

impl Open {
    /// Its cause, where that is likely.
    fn likely(&self) -> Option<&Cause> {
        self.incident.cause().filter(|cause| cause.sureness == Sureness::Likely)
    }

    fn has(&self, alert: &Alert) -> bool {
        self.incident.alerts.iter().any(|own| own.id == alert.id || own.fingerprint == alert.fingerprint)
    }
}
