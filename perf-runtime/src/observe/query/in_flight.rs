//! The calls in flight: those that wait now and since when, and how many there are of a whole or of its parts.

use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::observe::series::registry::Registry;
use serde::Serialize;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;
use std::iter;

/// A call that has started, returned `Pending` at least once, and not ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallInFlight {
    /// What its series measures.
    pub kind: Kind,
    /// The names and values of its series' labels.
    pub labels: Vec<(String, String)>,
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
        let identity = &all.get(place)?.identity;
        let labels = identity.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        Some(CallInFlight { kind: identity.kind, labels, age: now.since(started).as_secs_f64() })
    });
    calls.collect()
}

/// The calls in flight by a kind's first label, for a kind with [`parts`](crate::measure::model::kind::Family::parts):
/// those of the kind itself; of a value that has no series of the kind, those of the parts. Both are sorted by that label;
/// a value may be there several times.
pub(crate) fn of_whole_or_parts<'a>(
    whole: impl Iterator<Item = (&'a str, u64)>,
    parts: impl Iterator<Item = (&'a str, u64)>,
) -> impl Iterator<Item = (&'a str, u64)> {
    let (mut whole, mut parts) = (summed(whole).peekable(), summed(parts).peekable());
    iter::from_fn(move || {
        let order = match (whole.peek(), parts.peek()) {
            (Some((one, _)), Some((other, _))) => one.cmp(other),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => return None,
        };
        let of_parts = if order.is_ge() { parts.next() } else { None };
        let of_whole = if order.is_le() { whole.next() } else { None };
        of_whole.or(of_parts)
    })
}

/// Adds up neighbours that have the same label.
fn summed<'a>(all: impl Iterator<Item = (&'a str, u64)>) -> impl Iterator<Item = (&'a str, u64)> {
    let mut all = all.peekable();
    iter::from_fn(move || {
        let (label, mut sum) = all.next()?;
        while let Some((_, more)) = all.next_if(|(next, _)| *next == label) {
            sum += more;
        }
        Some((label, sum))
    })
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

    #[test]
    fn parts_count_only_where_the_whole_is_not_measured() {
        let whole = [("b", 1), ("b", 2), ("d", 0)];
        let parts = [("a", 4), ("a", 5), ("b", 9), ("c", 6), ("d", 7), ("e", 8)];
        let all = of_whole_or_parts(whole.into_iter(), parts.into_iter());
        assert_eq!(all.collect::<Vec<_>>(), [("a", 9), ("b", 3), ("c", 6), ("d", 0), ("e", 8)]);
    }
}
