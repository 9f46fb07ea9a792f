//! The one who looks: opens incidents, explains them, and closes them.

use super::changes::{Change, ChangeKind};
use super::explain::{Explanation, Subject, explain, explain_series};
use super::group::groups;
use super::incident::{Cause, Check, Incident, IncidentAlert, IncidentChange, IncidentEvent, Sureness, digits_of};
use super::scene::Scene;
use perf_runtime::Monitor;
use perf_runtime::alert::{Alert, AlertState, Severity};
use perf_runtime::series::SeriesId;
use std::collections::{BTreeMap, VecDeque};
use std::time::{Duration, SystemTime};

/// Incidents that are open at once, at most: alerts beyond them join the last.
const MAX_OPEN: usize = 20;
/// Alerts that are listed with an incident.
const MAX_ALERTS: usize = 100;
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

/// Looks at a monitor's alerts, makes incidents of them, and says where they come from. [`Insight`](super::Insight) runs it on
/// a thread of its own; for tests with a clock that one moves, it is called by hand.
///
/// Without an alert, a look takes a microsecond or two. With one it reads every series, some microseconds each, every six
/// seconds at first and every twenty later.
#[derive(Debug)]
pub struct Investigator {
    monitor: Monitor,
    keep: usize,
    open: Vec<Open>,
    past: VecDeque<Incident>,
    events: VecDeque<IncidentEvent>,
    seq: u64,
    changes: Vec<Change>,
    /// When something was last looked for without success: pending alerts whose cause is not likely.
    looked: Option<SystemTime>,
}

#[derive(Debug)]
struct Open {
    incident: Incident,
    explained: SystemTime,
    /// When an alert was last active.
    active: SystemTime,
    /// The keys of alerts beyond those that are listed.
    key: Option<String>,
}

impl Investigator {
    /// One that keeps so many incidents that ended. The start of the process is the first change that it knows.
    pub fn new(monitor: &Monitor, keep: usize) -> Self {
        let mut investigator = Self {
            monitor: monitor.clone(),
            keep: keep.max(1),
            open: Vec::new(),
            past: VecDeque::new(),
            events: VecDeque::new(),
            seq: 0,
            changes: Vec::new(),
            looked: None,
        };
        if let Some(at) = monitor.time_of_day().checked_sub(monitor.uptime()) {
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

    pub(crate) fn uptime(&self) -> Duration {
        self.monitor.uptime()
    }

    /// Open incidents and those that ended, the newest first.
    pub fn incidents(&self) -> Vec<Incident> {
        let open = self.open.iter().rev().map(|open| &open.incident);
        open.chain(self.past.iter().rev()).cloned().collect()
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
        let by_id: BTreeMap<u64, &Alert> = active.iter().map(|alert| (alert.id, alert)).collect();
        let mut changed = Vec::new();
        for (place, open) in self.open.iter_mut().enumerate() {
            let before = open.incident.severity;
            for own in &mut open.incident.alerts {
                match by_id.get(&own.id) {
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
            let explanation = explain(&self.monitor, scene, &self.changes, &group);
            match self.place_of(&group, &explanation) {
                Some(place) => self.update(place, &group, explanation, now),
                None => self.begin(&group, explanation, now),
            }
        }
    }

    /// The open incident that a group belongs to: one of its alerts is of it, or the same thing is to blame.
    fn place_of(&self, group: &[(&Alert, Subject)], explanation: &Explanation) -> Option<usize> {
        let has = |open: &Open| group.iter().any(|(alert, _)| open.has(alert));
        let key = explanation.likely_key();
        let is_same = |open: &Open| key.is_some() && open.key == key;
        let found = self.open.iter().position(has).or_else(|| self.open.iter().position(is_same));
        // Of metrics alone: they go with what began at about the same time.
        let metrics = group.iter().all(|(_, subject)| matches!(subject, Subject::Metric(_)));
        let near = |open: &Open| {
            group.iter().any(|(alert, _)| {
                let apart = alert.since.duration_since(open.incident.onset).unwrap_or_default();
                apart <= Duration::from_secs(180)
            })
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
        };
        incident.take_alerts(group);
        let key = explanation.likely_key();
        incident.take_explanation(explanation);
        let past = self.past.iter().position(|past| past.id == incident.id);
        if let Some(past) = past.and_then(|past| self.past.remove(past)) {
            // It only seemed to be over.
            incident.began = past.began;
        }
        self.open.push(Open { incident, explained: now, active: now, key });
        self.tell(self.open.len() - 1, IncidentChange::Began, now);
    }

    fn update(&mut self, place: usize, group: &[(&Alert, Subject)], explanation: Explanation, now: SystemTime) {
        let Some(open) = self.open.get_mut(place) else { return };
        let before = (open.incident.severity, open.incident.cause().map(Cause::key), open.incident.sureness);
        open.incident.take_alerts(group);
        open.active = now;
        open.explained = now;
        let is_young = now.duration_since(open.incident.began).unwrap_or_default() < YOUNG;
        // Later, the time before is out of sight: what was found stands unless something surer is.
        let is_seen = now.duration_since(open.incident.onset).unwrap_or_default() < SEEN;
        if is_seen
            && (is_young && explanation.sureness >= open.incident.sureness
                || explanation.sureness > open.incident.sureness)
        {
            open.key = explanation.likely_key();
            open.incident.take_explanation(explanation);
        }
        if before != (open.incident.severity, open.incident.cause().map(Cause::key), open.incident.sureness) {
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
            if self.past.len() > self.keep {
                self.past.pop_front();
            }
        }
    }

    fn tell(&mut self, place: usize, change: IncidentChange, at: SystemTime) {
        let Some(open) = self.open.get(place) else { return };
        self.seq += 1;
        self.events.push_back(IncidentEvent { seq: self.seq, at, change, incident: open.incident.clone() });
        if self.events.len() > MAX_EVENTS {
            self.events.pop_front();
        }
    }
}

impl Open {
    fn has(&self, alert: &Alert) -> bool {
        self.incident.alerts.iter().any(|own| own.id == alert.id || own.fingerprint == alert.fingerprint)
    }
}

impl IncidentAlert {
    fn of(alert: &Alert) -> Self {
        Self {
            id: alert.id,
            fingerprint: alert.fingerprint,
            rule: alert.rule.clone(),
            name: alert.name.clone(),
            series: alert.series.clone(),
            severity: alert.severity,
            state: alert.state,
            message: alert.message.clone(),
            since: alert.since,
        }
    }

    fn take(&mut self, alert: &Alert) {
        self.state = alert.state;
        self.severity = self.severity.max(alert.severity);
        if self.message != alert.message {
            self.message.clone_from(&alert.message);
        }
    }
}

impl Incident {
    fn take_alerts(&mut self, group: &[(&Alert, Subject)]) {
        let mut beyond = 0;
        for (alert, _) in group {
            let listed = self.alerts.len();
            match self.alerts.iter_mut().find(|own| own.fingerprint == alert.fingerprint) {
                Some(own) => {
                    own.id = alert.id;
                    own.take(alert);
                }
                None if listed < MAX_ALERTS => self.alerts.push(IncidentAlert::of(alert)),
                None => beyond += 1,
            }
            self.severity = self.severity.max(alert.severity);
        }
        self.more_alerts = self.more_alerts.max(beyond);
        self.alerts.sort_by_key(|alert| (alert.since, alert.id));
    }

    fn take_explanation(&mut self, explanation: Explanation) {
        self.onset = self.onset.min(explanation.onset);
        self.sureness = explanation.sureness;
        self.causes = explanation.causes;
        self.checked = explanation.checked;
        self.headline = self.said();
    }

    /// The incident in one sentence.
    fn said(&self) -> String {
        let what = match self.alerts.as_slice() {
            [one] => one.message.clone(),
            [first, ..] => format!("{} and {} more alerts", first.message, self.alerts.len() - 1 + self.more_alerts),
            [] => "Alerts".to_owned(),
        };
        match self.causes.first() {
            Some(cause) if self.sureness == Sureness::Likely => format!("{}. {what}", cause.sentence),
            Some(cause) => format!("{what}. Possibly: {}", cause.sentence),
            None => format!("{what}. No clear cause"),
        }
    }
}
