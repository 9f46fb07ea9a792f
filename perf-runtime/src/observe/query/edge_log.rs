//! The counts of the edges of the tree of calls, tick by tick.
//!
//! Each tick cuts off what happened since the one before: the counts of each edge, and the times of the series at its ends. Slices of a
//! tick are kept for a minute, and then join the slice of their minute, which is kept for an hour and some minutes more. A slice names only what changed.

use super::edge_sums::{EdgeKey, address, id};
use super::range::TimeRange;
use super::tree::{Ends, Tree};
use crate::measure::cells::meter::Meter;
use crate::measure::cells::times::Times;
use crate::measure::cells::tree::bound;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::measure::cells::tree::node::Node;
use crate::measure::clock::{self, Moment, wall};
use crate::observe::history::ring::cell_of;
use crate::observe::history::wanted::Wanted;
use crate::observe::series::entry::Series;
use crate::observe::series::series_id::SeriesId;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
use std::sync::Arc;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// An hour, and as long as a store may take to ask for it.
const KEPT: Duration = Duration::from_secs(3_600 + 360);

/// The moment of a question, and all series: for the counts since the last tick.
type Live<'a> = (Moment, &'a [Arc<Series>]);

/// The counts of a registry's edges, slice by slice.
#[derive(Debug, Default)]
pub(crate) struct EdgeLog {
    /// The edges that were ever seen, and their counts at the last tick.
    edges: Seen<EdgeKey, (EdgeKey, Arc<Series>), EdgeCounts>,
    /// The series of each node that was ever seen. One that is not here is of another monitor.
    of_node: HashMap<Node, Arc<Series>>,
    /// The series at their ends, and their times at the last tick.
    series: Seen<usize, Arc<Series>, Times>,
    /// Of the last minute, a tick each; the oldest first.
    ticks: VecDeque<Slice>,
    /// Of the last hour and more, a minute each.
    minutes: VecDeque<Slice>,
    last: Moment,
}

/// The counts after `start` and up to `end`, by the place of the edge or the series.
#[derive(Debug, Default)]
struct Slice {
    start: Moment,
    end: Moment,
    edges: BTreeMap<usize, EdgeCounts>,
    times: BTreeMap<usize, Times>,
}

/// Things that were ever seen, in their order, with what was counted of each at the last tick.
#[derive(Debug)]
struct Seen<K, T, C> {
    all: Vec<(T, C)>,
    places: HashMap<K, usize>,
}

impl<K, T, C> Default for Seen<K, T, C> {
    fn default() -> Self {
        Self { all: Vec::new(), places: HashMap::new() }
    }
}

impl<K: Eq + Hash, T, C: Copy + Default> Seen<K, T, C> {
    /// The place of a thing, and what was counted of it at the last tick.
    fn place(&mut self, key: K, thing: impl FnOnce() -> T) -> (usize, Option<&mut C>) {
        let all = &mut self.all;
        let place = *self.places.entry(key).or_insert_with(|| {
            all.push((thing(), C::default()));
            all.len() - 1
        });
        (place, all.get_mut(place).map(|(_, counts)| counts))
    }
}

impl EdgeLog {
    /// Begins to observe: calls of earlier are in no range, for nobody knows when they were.
    pub(crate) fn begin(&mut self, now: Moment, all: &[Arc<Series>]) {
        self.since_last(now, all, true);
        self.last = now;
    }

    /// Cuts off what happened since the last tick.
    pub(crate) fn tick(&mut self, now: Moment, all: &[Arc<Series>]) {
        let slice = self.since_last(now, all, true);
        if !slice.is_empty() {
            self.ticks.push_back(slice);
        }
        self.last = now;
        while let Some(first) = self.ticks.front().filter(|first| now.since(first.end) > MINUTE) {
            // Minutes of the day, so that an hour which is over is of whole ones.
            let minute_of = |slice: &Slice| cell_of(slice.end, clock::nanos(MINUTE));
            let is_same = |minute: &Slice| {
                // A time that came again is another one: of the two, a log may have the first already.
                minute_of(minute) == minute_of(first) && !wall::is_set_between(minute.end, first.end)
            };
            match self.minutes.back_mut().filter(|minute| is_same(minute)) {
                Some(minute) => {
                    minute.join(first);
                    self.ticks.pop_front();
                }
                None => self.minutes.extend(self.ticks.pop_front()),
            }
        }
        while self.minutes.front().is_some_and(|first| now.since(first.end) > KEPT) {
            self.minutes.pop_front();
        }
    }

    /// Adds the counts of a range up to now to a tree, and those of the slices that begin or end in it; but none that ended before a
    /// moment.
    pub(crate) fn add_range(&mut self, tree: &mut Tree, range: &TimeRange, since: Moment, (now, all): Live<'_>) {
        let [first, last] = [range.start(), range.end()].map(wall::to_unix_nanos);
        let slice = self.joined((now, all), |slice| {
            let (start, end) = slice.times();
            slice.end >= since && end > first && start < last
        });
        self.add_named(tree, &slice);
    }

    /// The counts of the slices that are wanted: each is in one of several stretches of time that follow each other.
    pub(crate) fn tree(&mut self, wanted: &Wanted, live: Live<'_>) -> Tree {
        let slice = self.joined(live, |slice| wanted.has(slice.end));
        let mut tree = Tree::default();
        self.add_named(&mut tree, &slice);
        tree
    }

    fn joined(&mut self, (now, all): Live<'_>, is_meant: impl Fn(&Slice) -> bool) -> Slice {
        let live = self.since_last(now, all, false);
        let mut joined = Slice::default();
        for slice in self.minutes.iter().chain(&self.ticks).chain([&live]).filter(|slice| is_meant(slice)) {
            joined.join(slice);
        }
        joined
    }

    /// Adds a slice to a tree, by the names of the series.
    fn add_named(&self, tree: &mut Tree, slice: &Slice) {
        let mut places = HashMap::<Option<usize>, usize>::new();
        let mut place = |tree: &mut Tree, series: Option<&Arc<Series>>| {
            *places.entry(series.map(address)).or_insert_with(|| tree.place(id(series.map(AsRef::as_ref))))
        };
        for (number, counts) in &slice.edges {
            let Some(((key, own), _)) = self.edges.all.get(*number) else { continue };
            let Some(of_edge) = key.ends(own, &self.of_node) else { continue };
            let [root, parent, child] =
                [of_edge.root, of_edge.parent, of_edge.child].map(|series| place(tree, series.as_ref()));
            tree.add_edge(Ends { root, parent, child }, *counts);
        }
        for (number, times) in &slice.times {
            let Some((series, _)) = self.series.all.get(*number) else { continue };
            let place = place(tree, Some(series));
            tree.add_times(place, *times);
        }
    }

    /// The counts since the last tick; where this `is_tick`, they are seen from now on.
    fn since_last(&mut self, now: Moment, all: &[Arc<Series>], is_tick: bool) -> Slice {
        let mut slice = Slice { start: self.last, end: now, ..Slice::default() };
        if !bound::some_edge() {
            return slice;
        }
        let nodes = Nodes::of(all);
        for (node, series) in &nodes.of_node {
            self.of_node.entry(*node).or_insert_with(|| Arc::clone(series));
        }
        for (key, (own, total)) in nodes.edges() {
            let (place, Some(seen)) = self.edges.place(key, || (key, Arc::clone(own))) else { continue };
            let new = total.since(*seen);
            if !new.is_empty() {
                slice.edges.insert(place, new);
            }
            if is_tick {
                *seen = total;
            }
        }
        for (series, total) in nodes.times() {
            let (place, Some(seen)) = self.series.place(address(series), || Arc::clone(series)) else { continue };
            let new = total.since(*seen);
            if new != Times::default() {
                slice.times.insert(place, new);
            }
            if is_tick {
                *seen = total;
            }
        }
        slice
    }
}

/// All that was ever counted on each edge, by the names of parent and child; sorted.
pub(crate) fn totals(all: &[Arc<Series>]) -> Vec<((String, String), EdgeCounts)> {
    let mut totals = BTreeMap::<(String, String), EdgeCounts>::new();
    if !bound::some_edge() {
        return Vec::new();
    }
    let nodes = Nodes::of(all);
    let of_node = nodes.of_node.iter().map(|(node, series)| (*node, Arc::clone(series))).collect();
    for (key, (own, counts)) in nodes.edges() {
        let Some(ends) = key.ends(own, &of_node) else { continue };
        let names = [&ends.parent, &ends.child].map(|series| id(series.as_deref()).to_string());
        totals.entry(names.into()).or_default().add(counts);
    }
    totals.into_iter().collect()
}

impl Slice {
    fn is_empty(&self) -> bool {
        self.edges.is_empty() && self.times.is_empty()
    }

    /// When it began and ended, in nanoseconds since 1970. Where the clock was set meanwhile, nobody knows what came before that: all is of
    /// the time after.
    fn times(&self) -> (u64, u64) {
        let end = wall::unix_nanos(self.end);
        (end.saturating_sub(self.end.nanos_since(self.start)), end)
    }

    fn join(&mut self, other: &Self) {
        for (&place, &counts) in &other.edges {
            self.edges.entry(place).or_default().add(counts);
        }
        for (&place, &times) in &other.times {
            let sum = self.times.entry(place).or_default();
            *sum = sum.plus(times);
        }
        self.end = other.end;
    }
}

/// The names of all series that have a number.
pub(crate) fn names(all: &[Arc<Series>]) -> Vec<(Node, SeriesId)> {
    Nodes::of(all).of_node.into_iter().map(|(node, series)| (node, id(Some(series)))).collect()
}

/// All series of a registry. Those that differ only in a label which is not known when a call starts are one.
struct Nodes<'a> {
    /// Each series that has a part in an edge, with those that are one with it.
    groups: Vec<&'a [Arc<Series>]>,
    of_node: HashMap<Node, &'a Arc<Series>>,
}

impl<'a> Nodes<'a> {
    fn of(all: &'a [Arc<Series>]) -> Self {
        let mut this = Self { groups: Vec::new(), of_node: HashMap::new() };
        for group in all.chunk_by(|one, other| is_one(one, other)) {
            let Some(first) = group.first() else { continue };
            let mut has_node = false;
            for series in group {
                series.for_each_meter(|meter| {
                    let Some(node) = meter.existing_node() else { return };
                    has_node = true;
                    // That of all beyond the bound is nobody's.
                    if node != Node::OVERFLOW {
                        this.of_node.insert(node, first);
                    }
                });
            }
            if has_node {
                this.groups.push(group);
            }
        }
        this
    }

    /// All that was ever counted on each edge.
    fn edges(&self) -> BTreeMap<EdgeKey, (&'a Arc<Series>, EdgeCounts)> {
        let mut totals = BTreeMap::new();
        let mut add = |key, own, counts| {
            totals.entry(key).or_insert_with(|| (own, EdgeCounts::default())).1.add(counts);
        };
        for group in &self.groups {
            let Some(own) = group.first() else { continue };
            for series in *group {
                series.for_each_meter(|meter| {
                    meter.for_each_edge(|context, counts| add(EdgeKey::Calls(context, address(own)), own, counts));
                    meter.for_each_wait(|child, waited_nanos| {
                        let counts = EdgeCounts { waited_nanos, ..EdgeCounts::default() };
                        add(EdgeKey::Waits(child, address(own)), own, counts);
                    });
                });
            }
        }
        totals
    }

    /// The times of each series that has a part in an edge, since it has.
    fn times(&self) -> impl Iterator<Item = (&'a Arc<Series>, Times)> {
        self.groups.iter().filter_map(|group| {
            let mut sum = Times::default();
            let mut add = |meter: &Meter| {
                if meter.existing_node().is_some() {
                    sum = sum.plus(meter.times_in_tree());
                }
            };
            group.iter().for_each(|series| series.for_each_meter(&mut add));
            Some((group.first()?, sum))
        })
    }
}

fn is_one(one: &Series, other: &Series) -> bool {
    let (one, other) = (&one.identity, &other.identity);
    let early = one.kind.early_labels().len();
    one == other
        || one.kind == other.kind && one.kind.has_late_labels() && one.labels.get(..early) == other.labels.get(..early)
}
