//! The calls that are kept, and the settings by which they are: of the process, or of an isolated test.

use super::buffer::{Taken, bound_calls};
use super::ended::Ended;
use super::inside::Inside;
use super::keep::Bar;
use super::kept_as::KeptAs;
use super::pool;
use super::record::Recorded;
use crate::measure::cells::exemplar;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::outcome::Outcome;
#[cfg(any(test, feature = "test-util"))]
use std::cell::Cell;
use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;
use tracing::Span;

/// The memory for kept calls, in records of 48 bytes: 7 MiB.
const MOST_RECORDS: usize = 150_000;
/// The room of a kept call beside its records, in records.
const RECORDS_OF_A_CALL: usize = 4;
const MINUTE_NANOS: u64 = 60_000_000_000;
const MINUTE: Duration = Duration::from_secs(60);
/// So much longer than they are shown kept calls stay, for a history takes those of a minute once it is over.
const FOR_A_HISTORY: Duration = MINUTE;

static OF_PROCESS: Store = Store::new();
/// Monitors of the process that want calls recorded.
static WANTING: AtomicUsize = AtomicUsize::new(0);

/// The settings `[recorder]` of one monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecorderSettings {
    /// Whether calls are recorded at all.
    pub(crate) enabled: bool,
    /// So many of the slowest are kept of each series and minute.
    pub(crate) slowest: usize,
    /// So many of those that failed are kept of each series and minute.
    pub(crate) failed: usize,
    /// So many minutes they are kept.
    pub(crate) minutes: usize,
    /// The most calls of one tree.
    pub(crate) calls: usize,
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { enabled: false, slowest: 3, failed: 3, minutes: 60, calls: 1_000 }
    }
}

/// Whether some monitor of the process wants calls recorded.
#[inline]
pub(super) fn is_any() -> bool {
    WANTING.load(Ordering::Relaxed) > 0
}

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

/// A monitor's wish that calls be recorded, as long as it lives.
#[derive(Debug)]
pub(crate) struct Wish {
    store: &'static Store,
    settings: RecorderSettings,
}

impl Wish {
    pub(crate) fn new(settings: RecorderSettings) -> Self {
        let store = here();
        if settings.enabled {
            store.change_wishes(|wishes| wishes.push(settings));
            WANTING.fetch_add(1, Ordering::Relaxed);
        }
        Self { store, settings }
    }

    pub(crate) fn settings(&self) -> RecorderSettings {
        self.settings
    }

    pub(crate) fn store(&self) -> &'static Store {
        self.store
    }
}

impl Drop for Wish {
    fn drop(&mut self) {
        if self.settings.enabled {
            self.store.change_wishes(|wishes| {
                if let Some(own) = wishes.iter().position(|settings| *settings == self.settings) {
                    wishes.swap_remove(own);
                }
            });
            if WANTING.fetch_sub(1, Ordering::Relaxed) == 1 {
                pool::give_back_memory(0);
            }
        }
    }
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
    without_buffer: AtomicU64,
    kept: Mutex<Kept>,
}

/// A call that was made inside no other, with all that was made inside it.
#[derive(Debug)]
pub(crate) struct KeptCall {
    /// Another one for each call that is kept, in the order in which they ended.
    pub(crate) number: u64,
    /// The number of its meter.
    pub(crate) serial: u32,
    pub(crate) outcome: Outcome,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
    /// When it ended; of a request whose body streams later than its duration did.
    pub(crate) ended: Moment,
    /// The time that calls inside it covered; `None` where that is not known.
    pub(crate) covered: Option<u64>,
    /// Whether the calls inside it were recorded, as far as there was room.
    pub(crate) is_inside_known: bool,
    pub(crate) failure: u32,
    pub(crate) trace_id: Option<Box<str>>,
    /// The name by which calls inside it know it.
    pub(crate) name: Parent,
    pub(crate) records: Vec<Recorded>,
    /// Calls that ended inside it and have no record.
    pub(crate) missing: u64,
    /// How many of the records belong to it, and how many to none of its calls: worked out as somebody asks first.
    pub(crate) shape: OnceLock<(usize, u64)>,
}

impl KeptCall {
    pub(crate) fn kept_as(&self) -> KeptAs {
        KeptAs { ended: wall::unix_nanos(self.ended), number: self.number }
    }

    fn size(&self) -> usize {
        self.records.len() + RECORDS_OF_A_CALL
    }
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

/// A kept call, and why.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) call: Arc<KeptCall>,
    pub(crate) is_slowest: bool,
    pub(crate) is_failed: bool,
}

#[derive(Debug)]
struct Kept {
    /// In the order of their numbers.
    entries: VecDeque<Entry>,
    last_number: u64,
    /// The sum of their sizes.
    records: usize,
    /// By the minute since 1970 and the meter.
    minutes: BTreeMap<(u64, u32), Minute>,
    /// Calls that gave way to later ones before their time was over.
    gave_way: u64,
    /// The last moment at which one ended that was let go of, in nanoseconds.
    let_go: u64,
}

/// The kept calls of one meter in one minute.
#[derive(Debug, Default)]
struct Minute {
    /// Durations and numbers of the slowest.
    slowest: Vec<(u64, u64)>,
    failed: usize,
}

/// How many of a series are kept in a minute.
#[derive(Clone, Copy)]
struct Most {
    slowest: usize,
    failed: usize,
}

impl Store {
    pub(crate) const fn new() -> Self {
        let kept = Kept {
            entries: VecDeque::new(),
            last_number: 0,
            records: 0,
            minutes: BTreeMap::new(),
            gave_way: 0,
            let_go: 0,
        };
        Self {
            wishes: Mutex::new(Vec::new()),
            wanting: AtomicUsize::new(0),
            slowest: AtomicUsize::new(0),
            failed: AtomicUsize::new(0),
            minutes: AtomicUsize::new(0),
            without_buffer: AtomicU64::new(0),
            kept: Mutex::new(kept),
        }
    }

    fn change_wishes(&self, change: impl FnOnce(&mut Vec<RecorderSettings>)) {
        let mut wishes = self.wishes.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut wishes);
        let most = |of: fn(&RecorderSettings) -> usize| wishes.iter().map(of).max().unwrap_or_default();
        self.slowest.store(most(|settings| settings.slowest), Ordering::Relaxed);
        self.failed.store(most(|settings| settings.failed), Ordering::Relaxed);
        self.minutes.store(most(|settings| settings.minutes), Ordering::Relaxed);
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
        self.kept().gave_way
    }

    /// The moment after which every call that ended and was to be kept is there still.
    pub(crate) fn is_whole_since(&self) -> Moment {
        Moment::from_nanos(self.kept().let_go.saturating_add(1))
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
        span: Option<&Span>,
    ) -> Option<KeptAs> {
        if !self.is_on() {
            return None;
        }
        let Ended { meter, outcome, started, nanos } = call;
        let (name, covered, Taken { records, missing }) = match inside {
            Inside::Nothing => (Parent::NONE, Some(0), Taken::default()),
            Inside::Unknown(covered) => (Parent::NONE, covered, Taken::default()),
            Inside::Recorded(recording) => {
                let (name, covered) = recording.buffer().root();
                (name, Some(covered), recording.buffer().take())
            }
        };
        // The user's own code, which may measure calls itself: nothing is locked meanwhile.
        let trace_id = span.filter(|_| exemplar::wanted()).and_then(exemplar::trace_id).map(Into::into);
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
        self.kept().entries.iter().rev().filter(|entry| entry.call.ended >= since).cloned().collect()
    }

    /// The kept call of this number.
    pub(crate) fn entry(&self, number: u64) -> Option<Entry> {
        let kept = self.kept();
        kept.place(number).and_then(|place| kept.entries.get(place)).cloned()
    }

    /// Of how many series and minutes there is an account.
    #[cfg(test)]
    pub(crate) fn accounts(&self) -> usize {
        self.kept().minutes.len()
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn forget(&mut self) {
        self.let_go = clock::now().to_nanos();
        self.entries.clear();
        self.minutes.clear();
        self.records = 0;
    }

    fn offer(&mut self, mut call: KeptCall, has_failed: bool, most: Most, bar: &Bar) -> Option<KeptAs> {
        let (ended, number) = (call.ended, self.last_number + 1);
        let unix = wall::unix_nanos(ended);
        let minute = self.minutes.entry((unix / MINUTE_NANOS, call.serial)).or_default();
        let is_failed = has_failed && minute.failed < most.failed;
        minute.failed += usize::from(is_failed);
        let (is_slowest, ousted) = minute.add((call.nanos, number), most.slowest);
        let until = ended.after(Duration::from_nanos(MINUTE_NANOS - unix % MINUTE_NANOS));
        if until >= bar.until() {
            bar.set(until, minute.bar(most.slowest), most.failed.saturating_sub(minute.failed));
        }
        if let Some(ousted) = ousted {
            self.oust(ousted);
        }
        if !is_failed && !is_slowest {
            return None;
        }
        call.number = number;
        self.last_number = number;
        self.records += call.size();
        let kept_as = call.kept_as();
        self.entries.push_back(Entry { call: Arc::new(call), is_slowest, is_failed });
        Some(kept_as)
    }

    /// Where the call of a number stands.
    fn place(&self, number: u64) -> Option<usize> {
        self.entries.binary_search_by_key(&number, |entry| entry.call.number).ok()
    }

    /// A call is one of the slowest no longer.
    fn oust(&mut self, number: u64) {
        let Some(place) = self.place(number) else { return };
        let Some(entry) = self.entries.get_mut(place) else { return };
        entry.is_slowest = false;
        if !entry.is_failed {
            self.records = self.records.saturating_sub(entry.call.size());
            self.entries.remove(place);
        }
    }

    /// Lets go of calls that ended too long ago, and of the first where all are too much.
    fn settle(&mut self, now: Moment, kept_for: Duration) {
        let too_early = now.before(kept_for);
        let much_too_early = too_early.before(FOR_A_HISTORY);
        while let Some(first) = self.entries.front() {
            let ended = first.call.ended;
            if ended >= much_too_early && self.records <= MOST_RECORDS {
                break;
            }
            self.gave_way += u64::from(ended >= too_early);
            self.let_go = self.let_go.max(ended.to_nanos());
            self.records = self.records.saturating_sub(first.call.size());
            self.entries.pop_front();
        }
        // Calls of a minute come a little later than its end.
        let over = (wall::unix_nanos(now) / MINUTE_NANOS).saturating_sub(2);
        while let Some(first) = self.minutes.first_entry().filter(|first| first.key().0 < over) {
            first.remove();
        }
    }
}

impl Minute {
    /// Adds a call to the slowest, where it is one of them; and says which ceases to be one.
    fn add(&mut self, call: (u64, u64), most: usize) -> (bool, Option<u64>) {
        if self.slowest.len() < most {
            self.slowest.push(call);
            return (true, None);
        }
        match self.slowest.iter_mut().min_by_key(|(nanos, _)| *nanos).filter(|(nanos, _)| *nanos < call.0) {
            Some(least) => (true, Some(std::mem::replace(least, call).1)),
            None => (false, None),
        }
    }

    /// A call of so many nanoseconds or more is one of the slowest.
    fn bar(&self, most: usize) -> u64 {
        match self.slowest.iter().map(|(nanos, _)| *nanos).min() {
            Some(least) if self.slowest.len() >= most => least.saturating_add(1),
            _ if most == 0 => u64::MAX,
            _ => 0,
        }
    }
}
