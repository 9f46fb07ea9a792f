//! The calls that wait now, since when, and inside which others.

use super::edge_sums::id;
use crate::measure::cells::cell_table::Waiter;
use crate::measure::cells::meter::Meter;
use crate::measure::cells::tree::context::Context;
use crate::measure::cells::tree::node::Node;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::measure::site::annotated::Site;
use crate::observe::series::entry::Series;
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::observe::series::places::place_of;
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;

/// A call that has started, returned `Pending` at least once or, of a stream, given an item, and not ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallInFlight {
    /// A number that no other call of this process that waits ever has; a request whose body streams has another one each time that it waits for a part. 0, and so not a call's, in answers of services of before.
    #[serde(default)]
    pub id: u64,
    /// The kind of its series.
    pub kind: Kind,
    /// The names and values of its series' labels.
    pub labels: Labels,
    /// Seconds since its first poll.
    pub age: f64,
    /// The [id](Self::id) of the call that it was made inside, where that is one of those that are listed with it; `None` where it is not:
    /// it was made inside no other, or inside one that is left out, runs just now and has not waited yet, or is over.
    /// Not in JSON then, as all below that is `None`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<u64>,
    /// The series of the call that it was made inside, whether that is listed or not: a request is known by its method and route. `None` where
    /// it was made inside no other, or that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<SeriesId>,
    /// How many calls that wait were made inside it directly: all of them, also those that are not listed with it.
    #[serde(default)]
    pub inside: u64,
    /// `file:line` of its annotated function; `None` of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
    /// Of a stream the items that it has given so far; `None`, and not in JSON, of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub items: Option<u64>,
    /// Of a stream the seconds for which its consumer has been waiting for the next item; `None`, and not in JSON, while the consumer has
    /// one, and of all else. A consumer waits from the end of the first poll that had no item: a poll that blocks is not seen while it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for_item: Option<f64>,
}

/// Calls that wait now, and how many there are.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallsInFlight {
    /// The oldest of them, the oldest first. So a call comes after the one that it was made inside, but for two that started within the same step of
    /// the clock, and a request whose body streams, which is as old as it has waited for the part to come.
    pub calls: Vec<CallInFlight>,
    /// How many there are in all.
    pub total: u64,
}

/// A call by its age.
struct Kept {
    waiter: Waiter,
    /// The place of its series.
    series: usize,
    site: Option<&'static Site>,
}

impl Kept {
    fn order(&self) -> (Moment, Reverse<usize>, u64) {
        (self.waiter.started, Reverse(self.series), self.waiter.number.get())
    }
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.order() == other.order()
    }
}

impl Eq for Kept {}

impl PartialOrd for Kept {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Kept {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.order().cmp(&other.order())
    }
}

/// The `limit` oldest calls of the series that `fits` chooses, the oldest first, and how many there are. Costs a look at every call of theirs that
/// waits, one more at every call that waits where some of the oldest made calls, and memory for `limit` of them.
pub(crate) fn oldest(
    registry: &Registry,
    fits: impl Fn(&Identity) -> bool,
    limit: usize,
    now: Moment,
) -> CallsInFlight {
    let all = registry.all();
    let (kept, total) = oldest_of(&all, fits, limit);
    // By the names that those inside them have for them.
    let mut named: Vec<(Parent, u64, u64)> =
        kept.iter().map(|kept| (kept.waiter.own, kept.waiter.number.get(), 0)).collect();
    named.retain(|(own, ..)| own.is_some());
    named.sort_unstable_by_key(|(own, ..)| *own);
    let place_of_name = |named: &[(Parent, u64, u64)], name: Parent| {
        Some(name)
            .filter(|name| name.is_some())
            .and_then(|name| named.binary_search_by_key(&name, |(own, ..)| *own).ok())
    };
    if !named.is_empty() {
        let count = |waiter: Waiter| {
            let place = place_of_name(&named, waiter.parent);
            if let Some((.., inside)) = place.and_then(|place| named.get_mut(place)) {
                *inside += 1;
            }
        };
        let mut count = count;
        all.iter().for_each(|series| series.for_each_waiting(&mut count));
    }
    let nodes = if kept.iter().any(|kept| kept.waiter.parent.is_some()) { nodes(&all) } else { HashMap::new() };
    let shown = |kept: &Kept| {
        let Kept { waiter, series, site } = kept;
        let series = all.get(*series)?;
        let seconds = |since: Moment| now.since(since).as_secs_f64();
        let known = |name: Parent| place_of_name(&named, name).and_then(|place| named.get(place));
        Some(CallInFlight {
            id: waiter.number.get(),
            kind: series.identity.kind,
            labels: series.labels(),
            age: seconds(waiter.started),
            parent: known(waiter.parent).map(|(_, number, _)| *number),
            caller: waiter.parent.context().and_then(|context| caller(context.node(), &nodes)),
            inside: known(waiter.own).map_or(0, |(.., inside)| *inside),
            place: site.map(place_of),
            items: waiter.items,
            waits_for_item: waiter.waits_since.filter(|_| waiter.items.is_some()).map(seconds),
        })
    };
    CallsInFlight { calls: kept.iter().filter_map(shown).collect(), total }
}

fn oldest_of(all: &[Arc<Series>], fits: impl Fn(&Identity) -> bool, limit: usize) -> (Vec<Kept>, u64) {
    // The youngest of those kept is on top.
    let mut kept: BinaryHeap<Kept> = BinaryHeap::new();
    let mut total = 0;
    for (place, series) in all.iter().enumerate().filter(|(_, series)| fits(&series.identity)) {
        series.for_each_meter(|meter| {
            let site = Site::of(meter);
            meter.for_each_waiting(|waiter| {
                total += 1;
                let is_older = || kept.peek().is_some_and(|youngest| waiter.started < youngest.waiter.started);
                if kept.len() >= limit && is_older() {
                    kept.pop();
                }
                if kept.len() < limit {
                    kept.push(Kept { waiter, series: place, site });
                }
            });
        });
    }
    (kept.into_sorted_vec(), total)
}

fn nodes(all: &[Arc<Series>]) -> HashMap<Node, &Arc<Series>> {
    let mut nodes = HashMap::new();
    for series in all {
        series.for_each_meter(|meter| {
            if let Some(node) = meter.existing_node() {
                nodes.insert(node, series);
            }
        });
    }
    nodes
}

/// The series of a caller; that of all beyond the bound is nobody's.
fn caller(node: Node, nodes: &HashMap<Node, &Arc<Series>>) -> Option<SeriesId> {
    nodes.get(&node).filter(|_| node != Node::OVERFLOW).map(|series| id(Some(series)))
}

/// The node of the calls without a caller inside which all calls of a node were made that wait: of the node itself where they have no caller. `None` where none waits, where
/// they were made inside several, and where that is not known. Costs a look at every series, and at every call of the node's that waits.
pub(crate) fn root_of(registry: &Registry, node: Node) -> Option<Node> {
    let all = registry.all();
    let mut roots = Vec::new();
    let mut add = |waiter: Waiter| {
        let root = if waiter.parent.is_some() { waiter.parent.context().map(Context::root) } else { Some(node) };
        if !roots.contains(&root) {
            roots.push(root);
        }
    };
    let mut look = |meter: &Meter| {
        if meter.existing_node() == Some(node) {
            meter.for_each_waiting(&mut add);
        }
    };
    all.iter().for_each(|series| series.for_each_meter(&mut look));
    match roots[..] {
        [root] => root.filter(|root| *root != Node::OVERFLOW),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::{self, manual::ManualClock};
    use std::time::Duration;

    fn ages(registry: &Registry, fits: impl Fn(&Identity) -> bool, limit: usize) -> Vec<f64> {
        oldest(registry, fits, limit, clock::now()).calls.iter().map(|call| call.age).collect()
    }

    #[test]
    fn of_many_only_the_oldest_are_shown_and_all_are_counted() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let series = registry.series(Kind::Agent, &["researcher"]);
        for _ in 0..5 {
            series.own.start_away();
            series.own.wait(clock::now(), Parent::NONE);
            clock.advance(Duration::from_secs(1));
        }
        assert_eq!(ages(&registry, |_| true, 2), [5.0, 4.0]);
        assert_eq!(ages(&registry, |_| true, 9), [5.0, 4.0, 3.0, 2.0, 1.0]);
        assert_eq!(ages(&registry, |_| true, 0), [0.0; 0]);
        let totals = [0, 2, 9].map(|limit| oldest(&registry, |_| true, limit, clock::now()).total);
        assert_eq!(totals, [5; 3]);
        assert_eq!(oldest(&registry, |_| false, 9, clock::now()).total, 0);
    }

    #[test]
    fn the_calls_of_a_series_are_found_behind_any_number_of_older_ones() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let wait = |labels: &[&str]| {
            let series = registry.series(Kind::DbOperation, labels);
            series.own.start_away();
            series.own.wait(clock::now(), Parent::NONE);
            clock.advance(Duration::from_secs(1));
        };
        (0..9).for_each(|_| wait(&["select", "users"]));
        wait(&["select", "orders"]);
        wait(&["insert", "orders"]);
        let ages = |labels: &[&str], limit| {
            ages(&registry, |identity: &Identity| identity.begins(Kind::DbOperation, labels), limit)
        };
        assert_eq!(ages(&["select", "orders"], 1), [2.0]);
        assert_eq!(ages(&["insert"], 9), [1.0]);
        assert_eq!(ages(&["select"], 99).len(), 10);
        assert_eq!(ages(&["delete"], 9), [0.0; 0]);
        let others = oldest(&registry, |identity| identity.begins(Kind::Tool, &[]), 9, clock::now());
        assert!(others.calls.is_empty());
    }
}
