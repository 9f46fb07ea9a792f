//! The calls that wait now, and since when.

use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
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

/// The `limit` oldest calls, the oldest first. Costs a look at every call that waits, and memory for `limit` of them.
pub(crate) fn oldest(registry: &Registry, limit: usize, now: Moment) -> Vec<CallInFlight> {
    let all = registry.all();
    // The youngest of those kept is on top.
    let mut kept: BinaryHeap<(Moment, Reverse<usize>)> = BinaryHeap::new();
    for (place, series) in all.iter().enumerate() {
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
        let ages = |limit| oldest(&registry, limit, clock::now()).iter().map(|call| call.age).collect::<Vec<_>>();
        assert_eq!(ages(2), [5.0, 4.0]);
        assert_eq!(ages(9), [5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(ages(0), [0.0; 0]);
    }
}
