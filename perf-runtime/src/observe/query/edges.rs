//! The edges of the tree of calls: calls of one series that were made inside calls of another, over a range of time.
//!
//! Each tick cuts off what happened on each edge since the one before. Slices of a tick are kept for a minute, and then join the slice
//! of their minute, which is kept for an hour. A slice names only edges on which a call ended.

use super::range::TimeRange;
use super::statistics::seconds;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::measure::cells::tree::node::{self, Node};
use crate::measure::clock::{Moment, wall};
use crate::measure::model::kind::Kind;
use crate::observe::series::entry::Series;
use crate::observe::series::identity::OVERFLOW;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

/// Calls of one series that were made inside calls of another: they began on the thread of a call that ran, or was polled, at the time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Edge {
    /// The series whose calls made the others. Of edges beyond the bound it is `operation{operation=__overflow__}`.
    pub parent: SeriesId,
    /// The series of the calls that were made.
    pub child: SeriesId,
    /// Calls that ended in the range, whichever way.
    pub calls: u64,
    /// Their durations, in seconds.
    pub seconds: f64,
    /// Those of them that ended in an error or panicked.
    pub failed: u64,
}

/// The counts of a registry's edges, slice by slice.
#[derive(Debug, Default)]
pub(crate) struct EdgeLog {
    /// The edges that were ever seen, and their counts at the last tick.
    edges: Vec<(Ends, EdgeCounts)>,
    places: HashMap<Key, usize>,
    /// Of the last minute, a tick each; the oldest first.
    ticks: VecDeque<Slice>,
    /// Of the last hour, a minute each.
    minutes: VecDeque<Slice>,
    last: Moment,
}

/// The two series, by their addresses, which stay. The parent is `None` where it is beyond the bound.
type Key = (Option<usize>, usize);

#[derive(Debug)]
struct Ends {
    parent: Option<Arc<Series>>,
    child: Arc<Series>,
}

/// Counts after `start` and up to `end`, by the place of the edge.
#[derive(Debug)]
struct Slice {
    start: Moment,
    end: Moment,
    counts: BTreeMap<usize, EdgeCounts>,
}

impl EdgeLog {
    /// Begins to observe: calls of earlier are in no range, for nobody knows when they were.
    pub(crate) fn begin(&mut self, now: Moment, all: &[Arc<Series>]) {
        self.since_last(all, true);
        self.last = now;
    }

    /// Cuts off what happened since the last tick.
    pub(crate) fn tick(&mut self, now: Moment, all: &[Arc<Series>]) {
        let counts = self.since_last(all, true);
        if !counts.is_empty() {
            self.ticks.push_back(Slice { start: self.last, end: now, counts });
        }
        self.last = now;
        while let Some(first) = self.ticks.front().filter(|first| now.since(first.end) > MINUTE) {
            match self.minutes.back_mut().filter(|minute| first.end.since(minute.start) <= MINUTE) {
                Some(minute) => {
                    for (&place, &counts) in &first.counts {
                        minute.counts.entry(place).or_default().add(counts);
                    }
                    minute.end = first.end;
                    self.ticks.pop_front();
                }
                None => self.minutes.extend(self.ticks.pop_front()),
            }
        }
        while self.minutes.front().is_some_and(|first| now.since(first.end) > HOUR) {
            self.minutes.pop_front();
        }
    }

    /// The edges of a range up to now, and of the slices that begin or end in it.
    pub(crate) fn edges(&mut self, range: &TimeRange, now: Moment, all: &[Arc<Series>]) -> Vec<Edge> {
        let within = |start: Moment, end: Moment| {
            let [start, end] = [start, end].map(wall::time_of);
            end > range.start() && start < range.end()
        };
        let mut sums = BTreeMap::<usize, EdgeCounts>::new();
        let live = self.since_last(all, false);
        let slices = self.minutes.iter().chain(&self.ticks).filter(|slice| within(slice.start, slice.end));
        let live = Some(&live).filter(|_| within(self.last, now));
        for (&place, &counts) in slices.map(|slice| &slice.counts).chain(live).flatten() {
            sums.entry(place).or_default().add(counts);
        }
        let mut edges: Vec<Edge> =
            sums.into_iter().filter_map(|(place, counts)| Some(self.edges.get(place)?.0.edge(counts))).collect();
        edges.sort_by(|one, other| (&one.parent, &one.child).cmp(&(&other.parent, &other.child)));
        edges
    }

    /// The counts since the last tick; where this `is_tick`, they are seen from now on.
    fn since_last(&mut self, all: &[Arc<Series>], is_tick: bool) -> BTreeMap<usize, EdgeCounts> {
        let mut counts = BTreeMap::new();
        if !node::some_edge() {
            return counts;
        }
        for (ends, total) in totals(all) {
            let key = ends.key();
            let fresh = self.edges.len();
            let place = *self.places.entry(key).or_insert(fresh);
            if place == fresh {
                self.edges.push((ends, EdgeCounts::default()));
            }
            let Some((_, seen)) = self.edges.get_mut(place) else { continue };
            let new = total.since(*seen);
            if new.calls > 0 {
                counts.insert(place, new);
            }
            if is_tick {
                *seen = total;
            }
        }
        counts
    }
}

/// All that was ever counted on each edge.
fn totals(all: &[Arc<Series>]) -> impl Iterator<Item = (Ends, EdgeCounts)> {
    let mut of_node: HashMap<Node, &Arc<Series>> = HashMap::new();
    for series in all {
        series.for_each_meter(|meter| {
            meter.existing_node().inspect(|node| {
                of_node.insert(*node, series);
            });
        });
    }
    let mut totals: BTreeMap<Key, (Ends, EdgeCounts)> = BTreeMap::new();
    for child in all {
        child.for_each_meter(|meter| {
            meter.for_each_edge(|parent, counts| {
                // Of another monitor, where it is none of this one's series.
                let parent = of_node.get(&parent).copied().cloned();
                let ends = Ends { parent, child: Arc::clone(child) };
                totals.entry(ends.key()).or_insert_with(|| (ends, EdgeCounts::default())).1.add(counts);
            });
        });
    }
    totals.into_values()
}

impl Ends {
    fn key(&self) -> Key {
        let address = |series: &Arc<Series>| Arc::as_ptr(series).addr();
        (self.parent.as_ref().map(address), address(&self.child))
    }

    fn edge(&self, counts: EdgeCounts) -> Edge {
        let id = |series: &Series| SeriesId { kind: series.identity.kind, labels: series.labels() };
        let beyond = || {
            let label = Kind::Operation.label_names().first().copied().unwrap_or_default();
            SeriesId { kind: Kind::Operation, labels: [(label, OVERFLOW)].into_iter().collect() }
        };
        Edge {
            parent: self.parent.as_deref().map_or_else(beyond, id),
            child: id(&self.child),
            calls: counts.calls,
            seconds: seconds(counts.nanos),
            failed: counts.failed,
        }
    }
}
