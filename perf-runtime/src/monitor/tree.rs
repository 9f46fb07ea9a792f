//! The tree of calls: which were made inside which, and where the time of a series goes.

use super::Monitor;
use crate::extend::CallSeries;
use crate::extend::waits::Wait;
use crate::measure::clock::{self, wall};
use crate::observe::query::edge_log;
use crate::observe::query::edges::{self, Edge};
use crate::observe::query::in_flight;
use crate::observe::query::past::Past;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::shares::{self, Shares};
use crate::observe::query::tracks;
use crate::observe::query::tree::Tree;
use crate::observe::query::tree_log::TreeLog;
use crate::observe::series::series_id::SeriesId;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// So long memory holds the tree of calls.
const MEMORY: Duration = Duration::from_secs(3_600);

impl Monitor {
    /// The edges of the tree of calls: for each two series the calls of the one that were made inside calls of the other, and ended in a
    /// range of time; sorted by parent and child. A [`Window`](crate::Window) is a range too. Memory holds an hour; earlier times come from
    /// the [`TreeLog`], where a part [provides](Self::provide) one, by the hour.
    ///
    /// A call is made inside another if it begins on a thread on which the other runs or is polled just then: through awaits, `join!`,
    /// `select!` and boxed futures, and not through `spawn`. The last minute is known by the tick, earlier times by the minute, and a
    /// tick or minute that begins or ends in the range is part of it. At most 2,000 edges are told apart. Costs a look at the cells of
    /// all series, and what the log takes.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window, monitor};
    /// #[monitor("edges_inner")]
    /// fn inner() {}
    ///
    /// #[monitor("edges_outer")]
    /// fn outer() {
    ///     inner();
    ///     inner();
    /// }
    ///
    /// let monitor = perf_runtime::monitor();
    /// outer();
    /// let edges = monitor.edges(Window::LastMinute);
    /// let edge = edges.iter().find(|edge| edge.child.labels.get("operation") == Some("edges_inner"));
    /// assert_eq!(edge.map(|edge| (edge.parent.to_string(), edge.calls)), Some(("operation{operation=edges_outer}".to_owned(), 2)));
    /// ```
    pub fn edges(&self, range: impl Into<TimeRange>) -> Vec<Edge> {
        edges::edges(&self.tree_of(&range.into()))
    }

    /// The waits of calls for what is no call, such as a lock, room in a channel or a statement: since the process began, for each series and thing, the
    /// longest first. Of what [parts count](Self::add_wait_source); empty where none does.
    ///
    /// As many are told as the parts keep apart: of a lock or channel the 20 calls that waited longest, of a statement the 16 that executed it first. A
    /// statement that gave way to others is counted in `__overflow__`, and begins anew when it comes back.
    pub fn waits(&self) -> Vec<Wait> {
        self.inner.wait_sources.read()
    }

    /// The names of the series whose calls made others, or had [something counted](crate::extend::running_call) inside them: of requests
    /// without their status. Costs a look at every series.
    pub fn call_series(&self) -> BTreeMap<CallSeries, SeriesId> {
        let names = edge_log::names(&self.inner.registry.all());
        names.into_iter().filter_map(|(node, name)| Some((CallSeries::new(node)?, name))).collect()
    }

    /// The root series (such as a route) inside which all calls in flight of a series run; `None` where there are several, or none is known.
    ///
    /// A call is in flight that has waited once and has not ended. One without a caller is its own root. For parts that hear of a call elsewhere than where it runs. Costs a look at every series, and at the calls of this one that wait.
    pub fn root_in_flight(&self, series: CallSeries) -> Option<CallSeries> {
        in_flight::root_of(&self.inner.registry, series.node()).and_then(CallSeries::new)
    }

    /// Where the time of a series went in a range of time: its own, and that of each series whose calls were made inside its calls,
    /// directly or through others. A request is named by its method and route. `None` where none of its calls ended in the range. The range
    /// and the cost are those of [`edges`](Self::edges).
    ///
    /// ```
    /// # use perf_runtime::{Window, monitor};
    /// #[monitor("shares_inner")]
    /// fn inner() {}
    ///
    /// #[monitor("shares_outer")]
    /// fn outer() {
    ///     inner();
    /// }
    ///
    /// let monitor = perf_runtime::monitor();
    /// outer();
    /// let shares = monitor.shares(&"operation{operation=shares_outer}".parse()?, Window::LastMinute);
    /// let shares = shares.expect("a call ended");
    /// let all = shares.unannotated + shares.parts.iter().map(|part| part.share).sum::<f64>();
    /// assert!((all - 1.0).abs() < 1e-9);
    /// # Ok::<(), perf_runtime::series::NoSeriesId>(())
    /// ```
    pub fn shares(&self, of: &SeriesId, range: impl Into<TimeRange>) -> Option<Shares> {
        let range = range.into();
        shares::shares(&self.tree_of(&range), of).or_else(|| self.shares_of_one(of, &range))
    }

    /// Those of a series that has no part in an edge. Of times of which no edges are known, nobody knows what was inside its calls.
    fn shares_of_one(&self, of: &SeriesId, range: &TimeRange) -> Option<Shares> {
        let (registry, selector) = (&self.inner.registry, Selector::from(of));
        let tracks = match self.tree_log(range) {
            Some(log) => {
                let known = TimeRange::between(range.start().max(log.tree_since()?), range.end()).ok()?;
                tracks::of(registry, self.ask::<dyn Past>().as_deref(), &selector, &known)
            }
            None if registry.is_recent(range, clock::now()) => tracks::of(registry, None, &selector, range),
            None => return None,
        };
        let seconds = tracks.series.iter().filter_map(|series| series.whole.sum).sum();
        (seconds > 0.0).then(|| Shares::of_one(of, seconds))
    }

    /// Since when calls inside calls are known: for an hour in memory, at most since the process began; longer where a [`TreeLog`] keeps
    /// them. A range that begins before has only what came later.
    pub fn tree_since(&self) -> SystemTime {
        let now = clock::now();
        let in_memory = wall::time_of(self.inner.registry.begun().max(now.before(MEMORY)));
        let kept = self.ask::<dyn TreeLog>().and_then(|log| log.tree_since());
        kept.map_or(in_memory, |kept| kept.min(in_memory))
    }

    fn tree_of(&self, range: &TimeRange) -> Tree {
        let mut tree = Tree::default();
        let until = self.tree_log(range).map(|log| log.for_each(range, &mut |slice| slice.add_to(&mut tree)));
        // Memory answers for what the log does not have.
        self.inner.registry.add_tree(&mut tree, range, until.unwrap_or_default().0, clock::now());
        tree
    }

    /// The log that knows of times that this process's memory does not hold, where the range has such.
    fn tree_log(&self, range: &TimeRange) -> Option<Arc<dyn TreeLog>> {
        let is_in_memory = self.inner.registry.remembers(range, clock::now());
        if is_in_memory { None } else { self.ask::<dyn TreeLog>() }
    }
}
