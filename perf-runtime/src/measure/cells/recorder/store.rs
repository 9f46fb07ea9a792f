//! The store of kept calls: of the process, or of an isolated test.

use super::buffer::{Taken, bound_calls};
use super::ended::{Ended, Told};
use super::inside::Inside;
use super::kept::{Entry, Kept, KeptCall, MINUTE, Most};
use super::kept_as::KeptAs;
use super::pool;
use super::settings::RecorderSettings;
use super::values::Values;
use crate::measure::cells::exemplar;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::Moment;
#[cfg(any(test, feature = "test-util"))]
use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

static OF_PROCESS: Store = Store::new();

/// The store of the process, or of the isolated test that this thread works for.
pub(crate) fn here() -> &'static Store {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(store) = OF_THREAD.get() {
        return store;
    }
    &OF_PROCESS
}

#[cfg(any(test, feature = "test-util"))]
thread_local! {
    /// The store of the isolated test that this thread works for.
    static OF_THREAD: Cell<Option<&'static Store>> = const { Cell::new(None) };
}

#[cfg(test)]
thread_local! {
    /// How many calls this thread offered to a store.
    pub(crate) static OFFERED: Cell<usize> = const { Cell::new(0) };
}

/// Has this thread keep calls in a store of its own, or in that of the process; and gives the one before.
#[cfg(any(test, feature = "test-util"))]
pub(in crate::measure) fn go_by(store: Option<&'static Store>) -> Option<&'static Store> {
    OF_THREAD.replace(store)
}

/// Kept calls.
#[derive(Debug)]
pub(crate) struct Store {
    wishes: Mutex<Vec<RecorderSettings>>,
    /// The number of wishes, and of the settings in them the largest.
    wanting: AtomicUsize,
    slowest: AtomicUsize,
    failed: AtomicUsize,
    minutes: AtomicUsize,
    keeps_values: AtomicBool,
    without_buffer: AtomicU64,
    kept: Mutex<Kept>,
}

/// The kept calls that a monitor shows: those of its store that did not end before a moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown {
    pub(crate) store: &'static Store,
    pub(crate) since: Moment,
}

impl Shown {
    /// The name of a call that was kept, as long as it is.
    pub(crate) fn name_of(self, kept_as: KeptAs) -> Option<String> {
        let entry = self.store.entry(kept_as.number)?;
        (entry.call.kept_as() == kept_as && entry.call.ended >= self.since).then(|| kept_as.name())
    }
}

impl Store {
    pub(crate) const fn new() -> Self {
        Self {
            wishes: Mutex::new(Vec::new()),
            wanting: AtomicUsize::new(0),
            slowest: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            minutes: AtomicUsize::new(0),
            keeps_values: AtomicBool::new(false),
            without_buffer: AtomicU64::new(0),
            kept: Mutex::new(Kept::new()),
        }
    }

    pub(super) fn change_wishes(&self, change: impl FnOnce(&mut Vec<RecorderSettings>)) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wishes);
        let most = |of: fn(&RecorderSettings) -> usize| wishes.iter().map(of).max().unwrap_or_default();
        self.slowest.store(most(|settings| settings.slowest), Ordering::Relaxed);
        self.failed.store(most(|settings| settings.failed), Ordering::Relaxed);
        self.minutes.store(most(|settings| settings.minutes), Ordering::Relaxed);
        self.keeps_values.store(wishes.iter().any(RecorderSettings::wants_values), Ordering::Relaxed);
        self.wanting.store(wishes.len(), Ordering::Relaxed);
        if wishes.is_empty() {
            self.kept().forget();
        } else if bound_calls(most(|settings| settings.calls)) {
            // Trees are smaller from now on.
            pool::give_back_memory(0);
        }
    }

    /// Whether calls are recorded.
    pub(super) fn is_on(&self) -> bool {
        self.wanting.load(Ordering::Relaxed) > 0
    }

    /// Whether the values of fields are kept of calls that are recorded.
    pub(super) fn keeps_values(&self) -> bool {
        self.keeps_values.load(Ordering::Relaxed)
    }

    /// Counts a call that made others and found no buffer free.
    #[cold]
    pub(super) fn count_without_buffer(&self) {
        self.without_buffer.fetch_add(1, Ordering::Relaxed);
    }

    /// How many calls that made others found no buffer free.
    pub(crate) fn without_buffer(&self) -> u64 {
        self.without_buffer.load(Ordering::Relaxed)
    }

    /// How many kept calls gave way to later ones before their time was over.
    pub(crate) fn gave_way(&self) -> u64 {
        self.kept().gave_way()
    }

    /// The moment after which every call that ended and was to be kept is there still.
    pub(crate) fn is_whole_since(&self) -> Moment {
        self.kept().is_whole_since()
    }

    /// Keeps a call, where it is one of the slowest or has failed; and says as which.
    #[cold]
    #[inline(never)]
    pub(super) fn offer(
        &self,
        inside: Inside,
        call: Ended<'_>,
        (failure, has_failed): (u32, bool),
        ended: Moment,
        told: Told<'_>,
    ) -> Option<KeptAs> {
        if !self.is_on() {
            return None;
        }
        let Ended { meter, outcome, started, nanos } = call;
        let (name, covered, Taken { records, missing, values: values_inside, values_missing }) = match inside {
            Inside::Nothing => (Parent::NONE, Some(0), Taken::default()),
            Inside::Unknown(covered) => (Parent::NONE, covered, Taken::default()),
            Inside::Recorded(recording) => {
                let (name, covered) = recording.buffer().root();
                (name, Some(covered), recording.buffer().take())
            }
        };
        // The user's own code, which may measure calls itself: nothing is locked meanwhile.
        let trace_id = told.span.filter(|_| exemplar::wanted()).and_then(exemplar::trace_id).map(Into::into);
        let bar = meter.keep.bar();
        let (serial, number) = (bar.serial, 0);
        let call = KeptCall {
            number,
            serial,
            outcome,
            started,
            nanos,
            ended,
            covered,
            is_inside_known: !matches!(inside, Inside::Unknown(_)),
            failure,
            trace_id,
            name,
            records,
            missing,
            values: told.values.map(Values::keep),
            values_inside,
            values_missing,
            shape: OnceLock::new(),
        };
        let most = Most { slowest: self.slowest.load(Ordering::Relaxed), failed: self.failed.load(Ordering::Relaxed) };
        let kept_for = MINUTE * u32::try_from(self.minutes.load(Ordering::Relaxed)).unwrap_or(u32::MAX);
        #[cfg(test)]
        OFFERED.set(OFFERED.get() + 1);
        let mut kept = self.kept();
        let kept_as = kept.offer(call, has_failed, most, bar);
        kept.settle(ended, kept_for);
        kept_as
    }

    /// The kept calls that did not end before a moment, the last first. Nothing is done with any while the store is locked.
    pub(crate) fn entries(&self, since: Moment) -> Vec<Entry> {
        self.kept().since(since)
    }

    /// The calls that were kept after the one of this number, by the names that calls inside them know them by, and the number of the last.
    pub(crate) fn named_after(&self, number: u64) -> (Vec<(Parent, KeptAs)>, u64) {
        self.kept().named_after(number)
    }

    /// The kept call of this number.
    pub(crate) fn entry(&self, number: u64) -> Option<Entry> {
        self.kept().entry(number)
    }

    /// Of how many series and minutes there is an account.
    #[cfg(test)]
    pub(crate) fn accounts(&self) -> usize {
        self.kept().accounts()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
