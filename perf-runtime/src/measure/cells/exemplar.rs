//! Exemplars: for each bucket of a histogram one call that fell into it, by the id of its trace.
//!
//! How to get a trace's id from a span is told once for the process ([`set_trace_id_of`]), for calls are measured once,
//! for all monitors. Until then an offer costs one relaxed load, and after that a clock read and a look-up of the
//! bucket; a bucket that has had its exemplar in this second asks nothing further. A call that would have to wait gives up
//! instead.

use super::histogram::Layout;
use super::recorder::kept_as::KeptAs;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::outcome::Outcome;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, TryLockError};
use std::time::SystemTime;
use tracing::Span;

/// The id of the trace that a span belongs to, where it belongs to one that somebody keeps.
pub(crate) type TraceIdOf = fn(&Span) -> Option<String>;

/// The longest id, in characters: an exemplar's labels are 128 at most with their names (OpenMetrics 1.0, "Exemplars").
pub(crate) const MAX_TRACE_ID: usize = MOST_CHARACTERS - TRACE_ID.len();
const MOST_CHARACTERS: usize = 128;
/// The name of an exemplar's first label.
pub(crate) const TRACE_ID: &str = "trace_id";
/// The name of the second, of a call that is kept whole.
pub(crate) const RECORDED: &str = "recorded_call";

static WANTED: AtomicBool = AtomicBool::new(false);
static TRACE_ID_OF: RwLock<Option<TraceIdOf>> = RwLock::new(None);

/// Sets how the process gets a trace's id. The last setting holds.
pub(crate) fn set_trace_id_of(trace_id_of: TraceIdOf) {
    *TRACE_ID_OF.write().unwrap_or_else(PoisonError::into_inner) = Some(trace_id_of);
    WANTED.store(true, Ordering::Relaxed);
}

/// Whether there can be exemplars at all.
pub(crate) fn wanted() -> bool {
    WANTED.load(Ordering::Relaxed)
}

/// The exemplars of one meter: at most one for each exposed bucket of each outcome. Takes 16 bytes until the first call
/// with a span ends; then 88 for each bucket, and its id, for each outcome of such calls.
#[derive(Debug)]
pub(crate) struct Exemplars {
    slots: OnceLock<Box<[Slots; Outcome::ALL.len()]>>,
}

type Slots = OnceLock<Box<[Slot]>>;

#[derive(Debug, Default)]
struct Slot {
    /// The nanosecond of the clock in which it was written, counted from one; zero where it never was.
    written: AtomicU64,
    last: Mutex<Option<Exemplar>>,
}

/// One call that fell into a bucket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exemplar {
    /// How long it took.
    pub(crate) nanos: u64,
    /// When it ended.
    pub(crate) at: SystemTime,
    pub(crate) trace_id: String,
    /// As which it was kept whole, if it was.
    pub(crate) kept_as: Option<KeptAs>,
}

impl Exemplar {
    /// Whether there is room among its labels for the name of the recorded call that it is.
    pub(crate) fn has_room_for(&self, name: &str) -> bool {
        TRACE_ID.len() + self.trace_id.chars().count() + RECORDED.len() + name.len() <= MOST_CHARACTERS
    }
}

impl Exemplars {
    pub(crate) const fn new() -> Self {
        Self { slots: OnceLock::new() }
    }

    /// Offers a call that has just been counted, while its span still stands; and as which it was kept whole, if it was.
    #[inline]
    pub(crate) fn offer(&self, layout: &Layout, outcome: Outcome, nanos: u64, span: (&Span, Option<KeptAs>)) {
        if wanted() {
            self.consider(layout, outcome, nanos, span);
        }
    }

    #[cold]
    fn consider(&self, layout: &Layout, outcome: Outcome, nanos: u64, span: (&Span, Option<KeptAs>)) {
        let slots = self.slots.get_or_init(Box::default)[outcome.index()]
            .get_or_init(|| (0..=layout.bounds().len()).map(|_| Slot::default()).collect());
        let bucket = layout.index(nanos);
        let place = layout.bounds().partition_point(|bound| bound.buckets <= bucket);
        if let Some(slot) = slots.get(place) {
            slot.take(nanos, span, clock::now().nanos_since(Moment::default()).saturating_add(1));
        }
    }

    /// Shows every exemplar of an outcome.
    pub(crate) fn read(&self, outcome: Outcome, mut look: impl FnMut(&Exemplar)) {
        let slots = self.slots.get().and_then(|slots| slots[outcome.index()].get());
        for slot in slots.into_iter().flatten() {
            slot.last.lock().unwrap_or_else(PoisonError::into_inner).iter().for_each(&mut look);
        }
    }
}

impl Slot {
    fn take(&self, nanos: u64, (span, kept_as): (&Span, Option<KeptAs>), now: u64) {
        const SECOND: u64 = 1_000_000_000;
        let written = self.written.load(Ordering::Relaxed);
        if written > 0 && now.saturating_sub(written) < SECOND {
            return;
        }
        // Asked before the lock is taken: what is asked is the user's own, and may measure calls itself.
        let Some(trace_id) = trace_id(span) else { return };
        let mut last = match self.last.try_lock() {
            Ok(last) => last,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        if self.written.compare_exchange(written, now, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            *last = Some(Exemplar { nanos, at: wall::now(), trace_id, kept_as });
        }
    }
}

/// Asks for the id of a span's trace. Calls end in destructors too, where a second panic would end the process: so one
/// that comes of asking ends here, and there is no exemplar.
pub(super) fn trace_id(span: &Span) -> Option<String> {
    let trace_id_of = (*TRACE_ID_OF.try_read().ok()?)?;
    let id = catch_unwind(AssertUnwindSafe(|| trace_id_of(span))).ok()??;
    let fits = !id.is_empty() && id.chars().count() <= MAX_TRACE_ID;
    fits.then_some(id)
}
