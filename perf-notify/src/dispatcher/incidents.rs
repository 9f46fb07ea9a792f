//! Groups by incident: an alert goes to the group of its incident as soon as somebody knows which one that is.

use super::{Dispatcher, OTHERS};
use crate::group::{Group, Now};
use crate::route::{Facts, INCIDENT};
use perf_runtime::alert::Fingerprint;
use perf_runtime::extend::AlertGroup;
use std::collections::BTreeMap;
use std::time::Duration;

/// So much longer than for other alerts the first message waits, where incidents are known and that of an alert is not yet: an
/// insight looks at alerts every six seconds at most, and shows what it found within two.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

impl Dispatcher {
    /// Says whether there is a source of incidents.
    pub(crate) fn has_incidents(&mut self, is_there: bool) {
        self.has_incidents = is_there;
    }

    /// Takes alerts of which nobody was told yet to the groups of their incidents, in routes that group by them. The others stay where
    /// they were told, as do those that are in no open incident: nobody is told of them twice, nor of less.
    pub(crate) fn regroup(&mut self, open: &[AlertGroup], now: Now) {
        let of_alert: BTreeMap<Fingerprint, &AlertGroup> =
            open.iter().flat_map(|group| group.alerts.iter().map(move |alert| (*alert, group))).collect();
        if of_alert.is_empty() {
            return;
        }
        for ((from, to), (incident, labels, alerts)) in self.moves(&of_alert) {
            let Some(route) = self.groups.get(&from).and_then(|group| self.routes.named(&group.route)) else {
                continue;
            };
            let Some(leaving) = self.groups.get_mut(&from).map(|group| group.take_out(&alerts)) else { continue };
            let group = self.groups.entry(to.clone()).or_insert_with(|| Group::new(to.clone(), route, labels));
            group.learn(incident);
            group.take_in(leaving, route, now);
            self.changes.groups.insert(to, Some(group.clone()));
            self.changes.groups.insert(from.clone(), self.groups.get(&from).cloned());
        }
        for group in self.groups.values_mut() {
            let incident = open.iter().find(|one| Some(one.id.as_str()) == group.incident_id());
            if incident.is_some_and(|incident| group.learn(incident)) {
                self.changes.groups.insert(group.key.clone(), Some(group.clone()));
            }
        }
    }

    /// Takes alerts out of a group that another process left, which this one has in another group of the route: of an incident, or
    /// of none. What was told of them counts there.
    pub(super) fn take_out_known(&mut self, left: &mut Group, now: Now) {
        let Some(route) = self.routes.named(&left.route) else { return };
        for own in self.groups.values_mut() {
            if own.route != left.route || own.key == left.key {
                continue;
            }
            let shared: Vec<Fingerprint> =
                left.alerts().map(|alert| alert.fingerprint).filter(|alert| own.knows(*alert)).collect();
            if !shared.is_empty() {
                own.take_in(left.take_out(&shared), route, now);
                self.changes.groups.insert(own.key.clone(), Some(own.clone()));
            }
        }
    }

    /// From which group to which, for which incident, and which alerts.
    fn moves<'a>(&self, of_alert: &BTreeMap<Fingerprint, &'a AlertGroup>) -> Moves<'a> {
        let mut moves = Moves::new();
        for group in self.groups.values() {
            let Some(route) = self.routes.named(&group.route).filter(|route| route.is_by_incident()) else { continue };
            for alert in group.untold() {
                let Some(incident) = of_alert.get(&alert.fingerprint) else { continue };
                if group.incident_id() == Some(incident.id.as_str()) {
                    continue;
                }
                let mut labels = route.group_labels(&Facts::of(alert));
                labels.insert(INCIDENT.to_owned(), incident.id.clone());
                let key = self.key_of(route, &labels);
                // No room for one more group: told with others, as without incidents.
                if key.ends_with(&format!("{{{OTHERS}}}")) {
                    continue;
                }
                let entry = moves.entry((group.key.clone(), key)).or_insert_with(|| (*incident, labels, Vec::new()));
                entry.2.push(alert.fingerprint);
            }
        }
        moves
    }
}

/// Alerts that go from one group to another, by the keys of both.
type Moves<'a> = BTreeMap<(String, String), (&'a AlertGroup, BTreeMap<String, String>, Vec<Fingerprint>)>;
