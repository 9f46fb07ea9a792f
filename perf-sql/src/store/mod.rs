//! All statements, bounded: those that ran least recently are counted together.

mod cache;
mod latency;
#[cfg_attr(not(feature = "sqlx"), allow(dead_code, reason = "the layer knows no outcomes, and diesel not all of them"))]
mod outcome;
mod repeats;
mod slot;

pub(crate) use latency::BOUNDS;
#[cfg(any(feature = "diesel", feature = "sqlx"))]
pub(crate) use outcome::{ErrorType, Outcome};
pub(crate) use slot::{Counts, Execution, OfCaller, Statement};

use crate::callers::Around;
use crate::text::{DoubleQuotes, OTHER, normalize_into, operations, shown};
use cache::{Cache, Place};
use foldhash::quality::RandomState;
use perf_runtime::metric::Histogram;
use slot::{Counted, Key, Slot};
use std::collections::HashMap;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// The name of all statements that are not kept apart.
pub(crate) const OVERFLOW: &str = "__overflow__";

const SECOND: Duration = Duration::from_secs(1);

/// The bounds of a store.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) statements: usize,
    pub(crate) new_per_second: u32,
    pub(crate) repeated_at: u32,
    pub(crate) quotes: DoubleQuotes,
}

/// Makes the durations of an operation.
type Make = Box<dyn Fn(&'static str) -> Histogram + Send + Sync>;

/// The statements of a program.
///
/// A hit takes no lock but that of its own statement. Locks are taken in this order: the index, a place, the place of all others.
pub(crate) struct Store {
    limits: Limits,
    cache: Cache,
    places: Box<[OnceLock<Mutex<Slot>>]>,
    /// The number of the last event of each place.
    last_events: Box<[AtomicU64]>,
    others: Mutex<Slot>,
    index: Mutex<Index>,
    make: Make,
    /// The durations of each operation, the first of those that are none: made when they are needed.
    durations: Vec<(&'static str, OnceLock<Histogram>)>,
    second: AtomicU32,
    events: AtomicU64,
    unread: AtomicU64,
    evicted: AtomicU64,
}

/// All that is looked at where a text is not in the cache.
#[derive(Debug)]
struct Index {
    places: HashMap<Key, u16>,
    /// Places that have a statement.
    used: u16,
    text: String,
    /// When the second began in which texts are counted, and how many were read in it.
    since: Instant,
    read: u32,
}

/// The statement that an execution counts for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Found {
    At(Place),
    Others,
}

/// How many of what there were.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) events: u64,
    pub(crate) unread: u64,
    pub(crate) evicted: u64,
}

impl Store {
    pub(crate) fn new(limits: Limits, make: impl Fn(&'static str) -> Histogram + Send + Sync + 'static) -> Self {
        let others = Statement { text: OVERFLOW.into(), hash: 0, operation: OTHER, may_repeat: false, durations: 0 };
        let places = HashMap::with_capacity(limits.statements);
        let index = Index { places, used: 0, text: String::new(), since: Instant::now(), read: 0 };
        Self {
            limits,
            cache: Cache::new(),
            places: (0..limits.statements).map(|_| OnceLock::new()).collect(),
            last_events: (0..limits.statements).map(|_| AtomicU64::new(0)).collect(),
            others: Mutex::new(Slot::new(others, (0, 0))),
            index: Mutex::new(index),
            make: Box::new(make),
            durations: operations().map(|operation| (operation, OnceLock::new())).collect(),
            second: AtomicU32::new(0),
            events: AtomicU64::new(0),
            unread: AtomicU64::new(0),
            evicted: AtomicU64::new(0),
        }
    }

    /// Sets the second that executions are counted in from now on.
    pub(crate) fn set_second(&self, second: u64) {
        self.second.store(u32::try_from(second).unwrap_or(u32::MAX), Relaxed);
    }

    pub(crate) fn minute(&self) -> u64 {
        u64::from(self.second.load(Relaxed) / 60)
    }

    pub(crate) fn totals(&self) -> Totals {
        let load = |count: &AtomicU64| count.load(Relaxed);
        Totals { events: load(&self.events), unread: load(&self.unread), evicted: load(&self.evicted) }
    }

    /// The statement of a text, as it comes from the program.
    pub(crate) fn find(&self, raw: &str) -> Found {
        self.find_hashed(raw, hash(raw))
    }

    /// The same by the [hash](hash) of the text.
    pub(crate) fn find_hashed(&self, raw: &str, hash: u64) -> Found {
        self.cache.find(hash).map_or_else(|| self.read(raw, hash), Found::At)
    }

    /// Counts an execution that begins.
    #[cfg(any(feature = "diesel", feature = "sqlx"))]
    pub(crate) fn begin(&self, found: Found) {
        self.at(found, self.events.load(Relaxed), Slot::begin);
    }

    /// Counts an execution of a statement that is over, [begun](Self::begin) or not. Says whether its root repeated it just now, or will with the
    /// next one.
    pub(crate) fn count(&self, found: Found, execution: &Execution, around: &Around, is_begun: bool) -> Counted {
        let event = self.events.fetch_add(1, Relaxed);
        let second = self.second.load(Relaxed);
        let counted = self.at(found, event, |slot| {
            let count = if is_begun { Slot::end } else { Slot::count };
            count(slot, execution, around, second, self.limits.repeated_at)
        });
        if let Some(nanos) = execution.nanos {
            self.record(counted.durations, nanos);
        }
        counted
    }

    /// Looks at the place of a statement: that of all others where it gave way since it was found, and where there was no time to read it.
    fn at<R>(&self, found: Found, event: u64, look: impl FnOnce(&mut Slot) -> R) -> R {
        if let Found::At(place) = found
            && let Some(slot) = self.slot(place.slot)
        {
            let mut slot = locked(slot);
            if slot.generation == place.generation {
                self.note_event(place.slot, event);
                return look(&mut slot);
            }
        }
        look(&mut locked(&self.others))
    }

    /// Records a duration of an operation. Nothing is locked here: where a metric is one too many it is told of in the log, by code of others.
    fn record(&self, place: usize, nanos: u64) {
        let Some((operation, durations)) = self.durations.get(place) else { return };
        if durations.get().is_none() {
            // Not made within the lock, which others would wait for.
            let _ = durations.set((self.make)(operation));
        }
        if let Some(durations) = durations.get() {
            durations.record(nanos as f64 / 1e9);
        }
    }

    /// Shows each statement and its counts; the last are those that are not kept apart. No statement gives way meanwhile, so that the
    /// counts are of one moment.
    pub(crate) fn for_each(&self, mut look: impl FnMut(&Statement, &Counts)) {
        let index = locked(&self.index);
        let kept = self.places.iter().filter_map(OnceLock::get);
        for slot in kept.chain([&self.others]) {
            let slot = locked(slot);
            if let Some(statement) = &slot.statement {
                look(statement, &slot.counts);
            }
        }
        drop(index);
    }

    fn slot(&self, place: u16) -> Option<&Mutex<Slot>> {
        self.places.get(usize::from(place))?.get()
    }

    #[cold]
    fn read(&self, raw: &str, hash: u64) -> Found {
        let mut index = locked(&self.index);
        if !index.may_read(self.limits.new_per_second) {
            self.unread.fetch_add(1, Relaxed);
            return Found::Others;
        }
        let Index { places, used, text, .. } = &mut *index;
        let (of_text, operation) = normalize_into(raw, self.limits.quotes, text);
        let key = (of_text, text.len());
        if let Some(place) = places.get(&key).copied() {
            return self.note(hash, place);
        }
        let shown = if text.is_empty() { "(empty)".into() } else { shown(text) };
        let may_repeat = repeats::may_repeat(text, operation);
        let durations = self.durations.iter().position(|(own, _)| *own == operation).unwrap_or_default();
        let statement = Statement { text: shown.into(), hash: of_text, operation, may_repeat, durations };
        let place = if usize::from(*used) < self.places.len() {
            let free = *used;
            *used += 1;
            self.places.get(usize::from(free)).inspect(|place| drop(place.set(Mutex::new(Slot::new(statement, key)))));
            free
        } else {
            self.give_away(places, statement, key)
        };
        places.insert(key, place);
        self.note(hash, place)
    }

    /// Notes the place of a raw text. The index is locked, so the place is not given away meanwhile.
    fn note(&self, hash: u64, place: u16) -> Found {
        let Some(slot) = self.slot(place) else { return Found::Others };
        let mut slot = locked(slot);
        slot.texts.add(hash);
        let at = Place { slot: place, generation: slot.generation };
        self.cache.insert(hash, at);
        Found::At(at)
    }

    fn note_event(&self, place: u16, event: u64) {
        if let Some(last) = self.last_events.get(usize::from(place)) {
            last.store(event, Relaxed);
        }
    }

    /// Gives a statement the place of the one that ran least recently.
    fn give_away(&self, places: &mut HashMap<Key, u16>, statement: Statement, key: Key) -> u16 {
        let oldest = (0_u16..).zip(&self.last_events).min_by_key(|(_, last)| last.load(Relaxed));
        let place = oldest.map_or(0, |(place, _)| place);
        let Some(slot) = self.slot(place) else { return place };
        let mut slot = locked(slot);
        places.remove(&slot.key);
        locked(&self.others).counts.add(&slot.counts);
        slot.counts.clear();
        self.cache.forget(place, slot.texts.all());
        slot.assign(statement, key);
        slot.generation = Place::next_generation(slot.generation);
        // It is the newest, though it is yet to be counted.
        self.note_event(place, self.events.load(Relaxed));
        self.evicted.fetch_add(1, Relaxed);
        place
    }
}

impl Index {
    fn may_read(&mut self, most: u32) -> bool {
        if self.since.elapsed() >= SECOND {
            (self.since, self.read) = (Instant::now(), 0);
        }
        self.read = self.read.saturating_add(1);
        self.read <= most
    }
}

/// The hash of a text as it comes from the program: keyed, and one for all accounts of the process.
pub(crate) fn hash(raw: &str) -> u64 {
    static KEYED: OnceLock<RandomState> = OnceLock::new();
    KEYED.get_or_init(RandomState::default).hash_one(raw)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("limits", &self.limits).finish_non_exhaustive()
    }
}
