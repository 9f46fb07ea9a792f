//! The call that runs on a thread, for parts that count what is done inside calls.

use crate::measure::cells::tree::context::Context;
use crate::measure::cells::tree::frame;
use crate::measure::cells::tree::node::Node;
use crate::measure::site::directory;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use std::num::NonZeroU64;
use tracing::Metadata;

/// A number that stands for a series of calls in this process. [`Monitor::call_series`](crate::Monitor::call_series) has the names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CallSeries(Node);

impl CallSeries {
    pub(crate) fn new(node: Node) -> Option<Self> {
        Some(Self(node)).filter(|_| node != Node::OVERFLOW)
    }

    pub(crate) fn node(self) -> Node {
        self.0
    }

    pub(crate) fn number(self) -> u16 {
        self.0.number()
    }
}

/// The innermost call that runs on a thread, and the call without a caller that it was made inside, directly or through others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RunningCall {
    /// The series of the call; `None` where it is beyond the bound of the tree of calls.
    pub series: Option<CallSeries>,
    /// The series of the root; `None` where it is not known.
    pub root: Option<CallSeries>,
    /// A number that this root has and no other call that runs at the same time. `None` where it is not known: in a call that another one
    /// made, while no calls are recorded ([`MonitorBuilder::recorder`](crate::MonitorBuilder::recorder)), or none has room to be.
    pub root_call: Option<NonZeroU64>,
}

/// A place among the recorded calls, after those that somebody has seen, for [`Monitor::recorded_since`](crate::Monitor::recorded_since).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordedCursor(pub(crate) u64);

/// The call that runs on this thread: an annotated function, an operation or a request that is running, or being polled, just now. `None` where
/// there is none, and where the tree of calls is switched off (`max_edges = 0`).
///
/// Costs a few loads; the first time inside a call also what the call's name among its children costs.
///
/// ```
/// use perf_runtime::extend::running_call;
/// use perf_runtime::monitor;
///
/// #[monitor("running_call_example")]
/// fn work() {
///     let call = running_call().expect("a call runs");
///     assert_eq!(call.series, call.root, "it was made inside no other");
///     let names = perf_runtime::monitor().call_series();
///     let name = call.series.and_then(|series| names.get(&series));
///     assert_eq!(name.map(ToString::to_string).as_deref(), Some("operation{operation=running_call_example}"));
/// }
///
/// assert_eq!(running_call(), None);
/// work();
/// ```
pub fn running_call() -> Option<RunningCall> {
    let (context, root_call): (Context, Option<NonZeroU64>) = frame::running()?;
    Some(RunningCall { series: CallSeries::new(context.node()), root: CallSeries::new(context.root()), root_call })
}

/// The series of the calls that open a span: of an annotated function whose labels are all known at compile time. `None` for other spans, and
/// for functions whose calls bring labels, which a span's metadata does not tell. Costs a look at every annotated function: keep the answer.
pub fn series_of_span(metadata: &'static Metadata<'static>) -> Option<CallSeries> {
    let meter = directory::sites().find_map(|site| site.meter_of_span(metadata))?;
    #[cfg(any(test, feature = "test-util"))]
    let meter = isolation::meter(meter);
    CallSeries::new(meter.node())
}
