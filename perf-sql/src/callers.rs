//! The call in which a statement was executed.
//!
//! Most often it is the call that runs on the thread of the event. sqlx executes statements of SQLite on a thread of its own, where it enters the
//! span that was current when the statement was handed over: there it is the innermost span of an annotated function, where the subscriber
//! listens to those. The call around that function which has no span, as a request, is known where all calls of the function that wait were made inside calls of one series.

use perf_runtime::extend::{CallSeries, running_call, series_of_span};
use std::collections::{BTreeMap, VecDeque};
use std::num::NonZeroU64;
use std::sync::{Mutex, PoisonError, RwLock};
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
    /// Whether the root is known by its span: it may itself have been called, by what has no span, as a request.
    pub(crate) is_by_span: bool,
}

impl Around {
    /// That of the call which runs on this thread.
    pub(crate) fn of_thread() -> Option<Self> {
        let call = running_call()?;
        Some(Self { series: call.series, root: call.root, root_call: call.root_call, is_by_span: false })
    }
}

/// The number of a root by its span is that of the span, turned by so many bits: numbers by calls begin with other bits.
const TURNED: u32 = 24;
/// Roots that are remembered until they repeat a statement.
const MOST_ROOTS: usize = 256;
/// Subscribers that are remembered.
const MOST_SUBSCRIBERS: usize = 16;

/// The series of spans, by the address of their metadata, which is for ever. There are as many as callsites.
type Known = BTreeMap<usize, Option<CallSeries>>;

/// The subscriber that one layer is a part of, and the series of its spans.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    dispatch: RwLock<Option<WeakDispatch>>,
    known: RwLock<Known>,
}

/// The series around roots that are known by their spans, by the numbers of those: the last ones.
#[derive(Debug, Default)]
pub(crate) struct Roots(Mutex<VecDeque<(NonZeroU64, CallSeries)>>);

impl Roots {
    /// Keeps it of a root, where it is known.
    pub(crate) fn put(&self, call: NonZeroU64, around: Option<CallSeries>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Numbers of spans are used again.
        all.retain(|(other, _)| *other != call);
        if let Some(around) = around {
            if all.len() == MOST_ROOTS {
                all.pop_front();
            }
            all.push_back((call, around));
        }
    }

    pub(crate) fn of(&self, call: NonZeroU64) -> Option<CallSeries> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(other, _)| *other == call).map(|(_, around)| *around)
    }
}

/// The subscribers of all layers that count for the same account: those that came last.
#[derive(Debug)]
pub(crate) struct Subscribers(Mutex<Vec<WeakDispatch>>);

impl Subscribers {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    pub(crate) fn add(&self, dispatch: &Dispatch) {
        // One that is held here alone by now ends after the lock: its layers are others' code.
        let alive = self.all();
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|one| one.upgrade().is_some());
        if all.len() == MOST_SUBSCRIBERS {
            all.remove(0);
        }
        all.push(dispatch.downgrade());
        drop(all);
        drop(alive);
    }

    /// Those that are still there.
    pub(crate) fn all(&self) -> Vec<Dispatch> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().filter_map(WeakDispatch::upgrade).collect()
    }
}

impl Spans {
    pub(crate) fn register(&self, dispatch: &Dispatch) {
        *self.dispatch.write().unwrap_or_else(PoisonError::into_inner) = Some(dispatch.downgrade());
    }

    /// The call around what happens now on this thread.
    pub(crate) fn around(&self) -> Around {
        Around::of_thread().or_else(|| self.around_by_spans()).unwrap_or_default()
    }

    /// The span that is current on this thread.
    #[cfg(feature = "sqlx")]
    pub(crate) fn current(&self) -> Option<&'static Metadata<'static>> {
        let dispatch = self.dispatch.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()?;
        dispatch.current_span().metadata()
    }

    fn around_by_spans(&self) -> Option<Around> {
        let dispatch = self.dispatch.read().unwrap_or_else(PoisonError::into_inner).as_ref()?.upgrade()?;
        let registry: &Registry = dispatch.downcast_ref()?;
        let current = dispatch.current_span();
        let mut calls = registry.span(current.id()?)?.scope().filter(|span| is_of_call(span.metadata()));
        let innermost = calls.next()?;
        // A call whose labels its span does not tell is the caller, though its name is not known: the one around it is not.
        let series = self.series(innermost.metadata());
        let root = calls.last();
        let root_series = root.as_ref().map_or(series, |root| self.series(root.metadata()));
        let root_number = root.as_ref().unwrap_or(&innermost).id().into_u64().rotate_right(TURNED);
        Some(Around { series, root: root_series, root_call: NonZeroU64::new(root_number), is_by_span: true })
    }

    fn series(&self, metadata: &'static Metadata<'static>) -> Option<CallSeries> {
        let address = std::ptr::from_ref(metadata).addr();
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner).get(&address).copied();
        known.unwrap_or_else(|| {
            let series = series_of_span(metadata);
            self.known.write().unwrap_or_else(PoisonError::into_inner).insert(address, series);
            series
        })
    }
}

/// Whether a span is that of an annotated function, known series or not: those have both fields.
fn is_of_call(metadata: &Metadata<'_>) -> bool {
    ["outcome", "error_type"].iter().all(|name| metadata.fields().field(*name).is_some())
}
