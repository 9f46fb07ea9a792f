//! The edges of the tree of calls: calls of one series that were made inside calls of another, over a range of time.

use super::statistics::seconds;
use super::tree::{Ends, Tree};
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Calls of one series that were made inside calls of another: they began on the thread of a call that ran, or was polled, at the time.
///
/// Requests are known by their method and route, as they are when their calls begin, and not by their status.
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
    /// The seconds that calls of the parent waited for calls of the child, of those parents that ended in the range: of the measured
    /// children that were pending when a poll of the parent ended, the time until its next poll counts for the one that was polled last.
    #[serde(default)]
    pub waited_seconds: f64,
}

/// The edges of a tree, sorted by parent and child.
pub(crate) fn edges(tree: &Tree) -> Vec<Edge> {
    let mut edges = BTreeMap::<(&SeriesId, &SeriesId), EdgeCounts>::new();
    for (Ends { parent, child, .. }, counts) in &tree.edges {
        if let (Some(parent), Some(child)) = (tree.name(*parent), tree.name(*child)) {
            edges.entry((parent, child)).or_default().add(*counts);
        }
    }
    edges.into_iter().map(|((parent, child), counts)| Edge::new(parent.clone(), child.clone(), counts)).collect()
}

impl Edge {
    fn new(parent: SeriesId, child: SeriesId, counts: EdgeCounts) -> Self {
        let EdgeCounts { calls, nanos, failed, waited_nanos } = counts;
        Self { parent, child, calls, seconds: seconds(nanos), failed, waited_seconds: seconds(waited_nanos) }
    }
}
