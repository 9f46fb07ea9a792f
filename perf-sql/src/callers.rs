//! The call in which a statement was executed.
//!
//! Most often it is the call that runs on the thread of the event. sqlx executes statements of SQLite on a thread of its own, where it enters the
//! span that was current when the statement was handed over: there it is the innermost span of an annotated function, where the subscriber
//! listens to those.

use perf_runtime::extend::{CallSeries, running_call, series_of_span};
use std::collections::BTreeMap;
use std::num::NonZeroU64;
use std::sync::{PoisonError, RwLock};
use tracing::dispatcher::WeakDispatch;
use tracing::{Dispatch, Metadata};
use tracing_subscriber::Registry;
use tracing_subscriber::registry::LookupSpan;

/// The call around an execution, and the one without a caller around that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Around {
    pub(crate) series: Option<CallSeries>,
    pub(crate) root: Option<CallSeries>,
    /// The root's own number.
    pub(crate) root_call: Option<NonZeroU64>,
}

/// The number of a root by its span is that of the span, turned by so many bits: numbers by calls begin with other bits.
const TURNED: u32 = 24;

/// The series of spans, by the address of their metadata, which is for ever. There are as many as callsites.
type Known = BTreeMap<usize, Option<CallSeries>>;

/// The subscriber that a layer is a part of, and the series of its spans.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    dispatch: RwLock<Option<WeakDispatch>>,
    known: RwLock<Known>,
}

impl Spans {
    pub(crate) const fn new() -> Self {
        Self { dispatch: RwLock::new(None), known: RwLock::new(BTreeMap::new()) }
    }

    pub(crate) fn register(&self, dispatch: &Dispatch) {
        *self.dispatch.write().unwrap_or_else(PoisonError::into_inner) = Some(dispatch.downgrade());
    }

    /// The subscriber; `None` while the layer is a part of none, or it is gone.
    pub(crate) fn dispatch(&self) -> Option<Dispatch> {
        self.dispatch.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()
    }

    /// The call around what happens now on this thread.
    pub(crate) fn around(&self) -> Around {
        match running_call() {
            Some(call) => Around { series: call.series, root: call.root, root_call: call.root_call },
            None => self.around_by_spans().unwrap_or_default(),
        }
    }

    fn around_by_spans(&self) -> Option<Around> {
        let dispatch = self.dispatch()?;
        let registry: &Registry = dispatch.downcast_ref()?;
        let current = dispatch.current_span();
        let innermost = registry.span(current.id()?)?;
        let mut around = Around::default();
        for span in innermost.scope() {
            let Some(series) = self.series(span.metadata()) else { continue };
            around.series = around.series.or(Some(series));
            around.root = Some(series);
            around.root_call = NonZeroU64::new(span.id().into_u64().rotate_right(TURNED));
        }
        Some(around)
    }

    fn series(&self, metadata: &'static Metadata<'static>) -> Option<CallSeries> {
        // Spans of annotated functions have them both.
        let is_of_call =
            metadata.fields().field("outcome").is_some() && metadata.fields().field("error_type").is_some();
        if !is_of_call {
            return None;
        }
        let address = std::ptr::from_ref(metadata).addr();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied();
        known.unwrap_or_else(|| {
            let series = series_of_span(metadata);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(address, series);
            series
        })
    }
}
