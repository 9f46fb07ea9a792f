//! The tree of calls beyond what memory holds, as a part keeps it.

use super::log_position::LogPosition;
use super::range::TimeRange;
use super::tree::{Ends, Tree};
use crate::measure::cells::times::Times;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Edges of before the last hour, and of before a restart: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn TreeLog>`), so that [`Monitor::edges`](crate::Monitor::edges) and
/// [`Monitor::shares`](crate::Monitor::shares) answer over any range.
///
/// Its methods are called by whoever asks, on their thread, and may take as long as that may.
pub trait TreeLog: Send + Sync {
    /// Shows the stretches of time that overlap with a range, one after the other, and says up to when it has everything, whatever the
    /// range: what came later is asked of memory.
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(&TreeSlice)) -> LogPosition;

    /// Since when it has everything; `None` where it has nothing.
    fn tree_since(&self) -> Option<SystemTime>;
}

/// The calls that were made inside others in a stretch of time, as [`Monitor::log_slices`](crate::Monitor::log_slices) tells them. A store
/// writes them by `serde`, and reads them back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TreeSlice {
    /// When it began.
    #[serde(with = "text::moment")]
    start: SystemTime,
    /// When it ended.
    #[serde(with = "text::moment")]
    end: SystemTime,
    series: Vec<SeriesId>,
    /// Root, parent and child by their places among the series; calls, nanoseconds, failures, nanoseconds waited.
    edges: Vec<[u64; 7]>,
    /// A series by its place; nanoseconds, those in which calls inside ran, those of waiting.
    times: Vec<[u64; 4]>,
}

impl TreeSlice {
    /// The tree of a range of time.
    pub(crate) fn new((start, end): (SystemTime, SystemTime), tree: &Tree) -> Self {
        let edge = |(&Ends { root, parent, child }, counts): (&Ends, &EdgeCounts)| {
            let EdgeCounts { calls, nanos, failed, waited_nanos } = *counts;
            let [root, parent, child] = [root, parent, child].map(|place| place as u64);
            [root, parent, child, calls, nanos, failed, waited_nanos]
        };
        let times = |(&place, times): (&usize, &Times)| {
            let Times { nanos, covered_nanos, idle_nanos } = *times;
            [place as u64, nanos, covered_nanos, idle_nanos]
        };
        Self {
            start,
            end,
            series: tree.names().to_vec(),
            edges: tree.edges.iter().map(edge).collect(),
            times: tree.times.iter().map(times).collect(),
        }
    }

    /// When the stretch of time began.
    #[must_use]
    pub fn start(&self) -> SystemTime {
        self.start
    }

    /// When it ended.
    #[must_use]
    pub fn end(&self) -> SystemTime {
        self.end
    }

    /// Whether no call ended in it that has a part in the tree.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.edges.is_empty() && self.times.is_empty()
    }

    /// Adds it to a tree. Of a slice that is damaged, what names no series of its own is left out.
    pub(crate) fn add_to(&self, tree: &mut Tree) {
        let places: Vec<usize> = self.series.iter().map(|name| tree.place(name.clone())).collect();
        let place = |number: u64| places.get(usize::try_from(number).ok()?).copied();
        for &[root, parent, child, calls, nanos, failed, waited_nanos] in &self.edges {
            if let (Some(root), Some(parent), Some(child)) = (place(root), place(parent), place(child)) {
                tree.add_edge(Ends { root, parent, child }, EdgeCounts { calls, nanos, failed, waited_nanos });
            }
        }
        for &[series, nanos, covered_nanos, idle_nanos] in &self.times {
            if let Some(place) = place(series) {
                tree.add_times(place, Times { nanos, covered_nanos, idle_nanos });
            }
        }
    }
}
