//! The calls that wait now, and since when.

use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// A call that has started, returned `Pending` at least once or, of a stream, given an item, and not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallInFlight {
    /// The kind of its series.
    pub kind: Kind,
    /// The names and values of its series' labels.
    pub labels: Labels,
    /// Seconds since its first poll.
    pub age: f64,
    /// Of a stream the items that it has given so far; `None`, and not in JSON, of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Of a stream the seconds for which its consumer has been waiting for the next item; `None`, and not in JSON, while the consumer has
    /// one, and of all else. A consumer waits from the end of the first poll that had no item: a poll that blocks is not seen while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for_item: Option<f64>,
}

/// A call by its age: when it started and the place of its series; of a stream its items, and since when it waits for one.
type Kept = (Moment, Reverse<usize>, Option<u64>, Option<Moment>);

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
    let mut kept: BinaryHeap<Kept> = BinaryHeap::new();
    for (place, series) in all.iter().enumerate().filter(|(_, series)| fits(&series.identity)) {
        series.for_each_waiting(|waiter| {
            let is_older = || kept.peek().is_some_and(|youngest| waiter.started < youngest.0);
            if kept.len() >= limit && is_older() {
                kept.pop();
            }
            if kept.len() < limit {
                kept.push((waiter.started, Reverse(place), waiter.items, waiter.waits_since));
            }
        });
    }
    let calls = kept.into_sorted_vec().into_iter().filter_map(|(started, Reverse(place), items, since)| {
        let series = all.get(place)?;
        let (kind, labels) = (series.identity.kind, series.labels());
        let seconds = |since: Moment| now.since(since).as_secs_f64();
        let waits_for_item = since.filter(|_| items.is_some()).map(seconds);
        Some(CallInFlight { kind, labels, age: seconds(started), items, waits_for_item })
    });
    calls.collect()
}

/// When the calls of the series that `fits` chooses began, `limit` of them at most, in no order. Costs as [`oldest`] does.
pub(crate) fn begun(registry: &Registry, fits: impl Fn(&Identity) -> bool, limit: usize) -> Vec<Moment> {
    let mut begun = Vec::new();
    for series in registry.all().iter().filter(|series| fits(&series.identity)) {
        series.for_each_waiting(|waiter| {
            if begun.len() < limit {
                begun.push(waiter.started);
            }
        });
    }
    begun
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
