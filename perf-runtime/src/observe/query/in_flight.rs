//! The calls that wait now, and since when.

use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A call that has started, returned `Pending` at least once, and not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallInFlight {
    /// The kind of its series.
    pub kind: Kind,
    /// The names and values of its series' labels.
    pub labels: Labels,
    /// Seconds since its first poll.
    pub age: f64,
}

/// The `limit` oldest calls of the series that `fits` chooses, the oldest first. Costs a look at every call of theirs that waits,
/// and memory for `limit` of them.
pub(crate) fn oldest(
    registry: &Registry,
    fits: impl Fn(&Identity) -> bool,
    limit: usize,
    now: Moment,
) -> Vec<CallInFlight> {
    let all = registry.all();
    // The youngest of those kept is on top.
    let mut kept: BinaryHeap<(Moment, Reverse<usize>)> = BinaryHeap::new();
    for (place, series) in all.iter().enumerate().filter(|(_, series)| fits(&series.identity)) {
        series.for_each_waiting(|started| {
            if kept.len() < limit {
                kept.push((started, Reverse(place)));
            } else if kept.peek().is_some_and(|&(youngest, _)| started < youngest) {
                kept.pop();
                kept.push((started, Reverse(place)));
            }
        });
    }
    let calls = kept.into_sorted_vec().into_iter().filter_map(|(started, Reverse(place))| {
        let series = all.get(place)?;
        let (kind, labels) = (series.identity.kind, series.labels());
        Some(CallInFlight { kind, labels, age: now.since(started).as_secs_f64() })
    });
    calls.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::{self, manual::ManualClock};
    use std::time::Duration;

    #[test]
    fn of_many_only_the_oldest_are_shown() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let series = registry.series(Kind::Agent, &["researcher"]);
        for _ in 0..5 {
            series.own.start_away();
            series.own.wait(clock::now());
            clock.advance(Duration::from_secs(1));
        }
        let ages =
            |limit| oldest(&registry, |_| true, limit, clock::now()).iter().map(|call| call.age).collect::<Vec<_>>();
        assert_eq!(ages(2), [5.0, 4.0]);
        assert_eq!(ages(9), [5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(ages(0), [0.0; 0]);
    }
    #[test]
    fn the_calls_of_a_series_are_found_behind_any_number_of_older_ones() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let wait = |labels: &[&str]| {
            let series = registry.series(Kind::DbOperation, labels);
            series.own.start_away();
            series.own.wait(clock::now());
            clock.advance(Duration::from_secs(1));
        };
        (0..9).for_each(|_| wait(&["select", "users"]));
        wait(&["select", "orders"]);
        wait(&["insert", "orders"]);
        let ages = |labels: &[&str], limit| {
            let fits = |identity: &Identity| identity.begins(Kind::DbOperation, labels);
            oldest(&registry, fits, limit, clock::now()).iter().map(|call| call.age).collect::<Vec<_>>()
        };
        assert_eq!(ages(&["select", "orders"], 1), [2.0]);
        assert_eq!(ages(&["insert"], 9), [1.0]);
        assert_eq!(ages(&["select"], 99).len(), 10);
        assert_eq!(ages(&["delete"], 9), [0.0; 0]);
        let others = oldest(&registry, |identity| identity.begins(Kind::Tool, &[]), 9, clock::now());
        assert!(others.is_empty());
    }
}
