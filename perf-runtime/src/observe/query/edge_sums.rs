//! The edges of the tree of calls as they are counted, and the series at their ends.

use crate::measure::cells::tree::context::Context;
use crate::measure::cells::tree::node::Node;
use crate::measure::model::kind::Kind;
use crate::observe::series::entry::Series;
use crate::observe::series::identity::OVERFLOW;
use crate::observe::series::series_id::SeriesId;
use std::collections::HashMap;
use std::sync::Arc;

/// The series of an edge. `None` is what is beyond the bound.
#[derive(Clone, Debug)]
pub(super) struct SeriesOfEdge {
    /// That of the call which was made inside no other, and inside which the parent was made. `None` too where it is not known.
    pub(super) root: Option<Arc<Series>>,
    pub(super) parent: Option<Arc<Series>>,
    pub(super) child: Option<Arc<Series>>,
}

/// An edge as it is counted, at a series that is known by its address, which stays.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum EdgeKey {
    /// Calls of the series, by the context in which they were made.
    Calls(Context, usize),
    /// The waiting of the series' calls, by what they waited for.
    Waits(Node, usize),
}

impl EdgeKey {
    /// The series of its nodes, at the series `own`; `None` where another one is of another monitor.
    pub(super) fn ends(self, own: &Arc<Series>, of_node: &HashMap<Node, Arc<Series>>) -> Option<SeriesOfEdge> {
        let known = |node: Node| match of_node.get(&node) {
            Some(series) => Some(Some(Arc::clone(series))),
            None => (node == Node::OVERFLOW).then_some(None),
        };
        let own = Some(Arc::clone(own));
        Some(match self {
            Self::Calls(context, _) => {
                SeriesOfEdge { root: known(context.root()).flatten(), parent: known(context.node())?, child: own }
            }
            Self::Waits(child, _) => SeriesOfEdge { root: None, parent: own, child: known(child)? },
        })
    }
}

/// The name of a series among edges; of what is beyond the bound, `operation{operation=__overflow__}`.
pub(crate) fn id(series: Option<&Series>) -> SeriesId {
    let Some(series) = series else {
        let label = Kind::Operation.label_names().first().copied().unwrap_or_default();
        return SeriesId { kind: Kind::Operation, labels: [(label, OVERFLOW)].into_iter().collect() };
    };
    let kind = series.identity.kind;
    SeriesId { kind, labels: series.identity.pairs().filter(|(name, _)| !kind.is_late(name)).collect() }
}

pub(super) fn address(series: &Arc<Series>) -> usize {
    Arc::as_ptr(series).addr()
}
