//! The families of calls that were made inside others.

use super::number::Number;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::observe::metrics::known as names;

/// A figure of each edge. Each counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EdgeFigure {
    Calls,
    Seconds,
    Failed,
    Waited,
}

impl EdgeFigure {
    pub(crate) const ALL: [Self; 4] = [Self::Calls, Self::Seconds, Self::Failed, Self::Waited];

    /// The name of its family.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Calls => names::CALL_EDGES_TOTAL,
            Self::Seconds => names::CALL_EDGE_SECONDS_TOTAL,
            Self::Failed => names::CALL_EDGE_FAILURES_TOTAL,
            Self::Waited => names::CALL_EDGE_WAIT_SECONDS_TOTAL,
        }
    }

    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Calls => "Calls that were made inside calls of another series and ended.",
            Self::Seconds => "Durations in seconds of calls that were made inside calls of another series and ended.",
            Self::Failed => "Calls that were made inside calls of another series and ended in an error or panicked.",
            Self::Waited => "Seconds in which calls that ended waited for calls that they had made.",
        }
    }

    pub(crate) const fn number(self, counts: &EdgeCounts) -> Number<'static> {
        match self {
            Self::Calls => Number::Count(counts.calls),
            Self::Seconds => Number::Nanos(counts.nanos),
            Self::Failed => Number::Count(counts.failed),
            Self::Waited => Number::Nanos(counts.waited_nanos),
        }
    }
}
