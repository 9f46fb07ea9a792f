//! Incidents that turn out to be one: the younger becomes a part of the older.

use super::{Investigator, NEAR, Open};
use crate::runtime::explain::Subject;
use crate::runtime::incident::IncidentChange;
use perf_runtime::alert::Alert;
use std::time::SystemTime;

/// Alerts that are connected.
type Group<'a> = Vec<(&'a Alert, Subject)>;

impl Investigator {
    /// Makes one of the open incidents whose alerts are connected by now, where they began at about the same time or have the
    /// same likely cause.
    pub(super) fn fold_connected(&mut self, group: &Group<'_>, now: SystemTime) {
        let has = |open: &Open| group.iter().any(|(alert, _)| open.has(alert));
        while let Some((older, younger)) = self.pair(|one, other| has(one) && has(other) && one.may_be(other)) {
            self.fold(older, younger, now);
        }
    }

    /// Makes one of open incidents that have the same likely cause, and tells of those that have grown.
    pub(super) fn fold_of_one_cause(&mut self, now: SystemTime) {
        while let Some((older, younger)) = self.pair(Open::has_the_cause_of) {
            self.fold(older, younger, now);
        }
        for place in 0..self.open.len() {
            let has_grown = self.open.get_mut(place).is_some_and(|open| std::mem::take(&mut open.has_grown));
            if has_grown {
                self.tell(place, IncidentChange::Changed, now);
            }
        }
    }

    /// The group by the incidents that its alerts are of, where these stay apart; a new alert goes to the one that began
    /// closest to it.
    pub(super) fn apart<'a>(&self, group: Group<'a>) -> Vec<Group<'a>> {
        let owners: Vec<&Open> =
            self.open.iter().filter(|open| group.iter().any(|(alert, _)| open.has(alert))).collect();
        if owners.len() < 2 {
            return vec![group];
        }
        let mut parts: Vec<Group<'a>> = owners.iter().map(|_| Vec::new()).collect();
        for (alert, subject) in group {
            let own = owners.iter().position(|open| open.has(alert));
            let distance = |open: &&Open| between(open.incident.onset, alert.since);
            let closest = || owners.iter().enumerate().min_by_key(|(_, open)| distance(open)).map(|(place, _)| place);
            if let Some(part) = own.or_else(closest).and_then(|place| parts.get_mut(place)) {
                part.push((alert, subject));
            }
        }
        parts
    }

    /// Two open incidents that belong together, the older first.
    fn pair(&self, is_one: impl Fn(&Open, &Open) -> bool) -> Option<(usize, usize)> {
        self.open.iter().enumerate().find_map(|(older, one)| {
            let others = self.open.iter().enumerate().skip(older + 1);
            others.filter(|(_, other)| is_one(one, other)).map(|(younger, _)| (older, younger)).next()
        })
    }

    /// Makes the younger a part of the older, whose id stays.
    fn fold(&mut self, older: usize, younger: usize, now: SystemTime) {
        let mut part = self.open.remove(younger);
        let Some(whole) = self.open.get_mut(older) else { return };
        whole.incident.take_over(&mut part.incident);
        whole.active = whole.active.max(part.active);
        whole.has_grown = true;
        let id = whole.incident.id.clone();
        let mut part = part.incident;
        part.ended = Some(now);
        for earlier in self.folded.iter_mut().filter(|earlier| earlier.folded_into.as_ref() == Some(&part.id)) {
            earlier.folded_into = Some(id.clone());
        }
        part.folded_into = Some(id);
        self.folded.push_back(part.clone());
        if self.folded.len() > self.keep {
            self.folded.pop_front();
        }
        self.tell_of(part, IncidentChange::Folded, now);
    }
}

impl Open {
    /// Whether two whose alerts are connected are one: they began at about the same time, or have the same likely cause.
    fn may_be(&self, other: &Self) -> bool {
        between(self.incident.onset, other.incident.onset) <= NEAR || self.has_the_cause_of(other)
    }

    fn has_the_cause_of(&self, other: &Self) -> bool {
        self.likely().zip(other.likely()).is_some_and(|(one, other)| one.is_of_one_with(other))
    }
}

/// The time between two moments, whichever is the first.
fn between(one: SystemTime, other: SystemTime) -> std::time::Duration {
    one.duration_since(other).unwrap_or_else(|error| error.duration())
}
