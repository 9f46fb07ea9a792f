//! The locks that are there, with who holds each and who waits for it.
//!
//! A lock comes in here when it is first taken, and leaves when it is dropped; nothing of it is kept then but its counts.

use super::cells;
use super::holders::{Holder, Slots, Unnamed};
use super::mode::{Mode, SeriesNumber};
use super::name::Number;
use super::owner::{Owner, Who};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The lists that locks are spread over.
const SHARDS: usize = 16;
/// A list of fewer keeps its room.
const SMALL: usize = 64;

/// The part of a lock that is looked at from elsewhere.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The number of the instance, by which two of one name are told apart.
    pub(crate) serial: u64,
    pub(crate) name: Number,
    pub(crate) slots: Slots,
    pub(crate) unnamed: Unnamed,
    waits: Mutex<Vec<Waiter>>,
    waiting: AtomicU32,
    /// Permits that are out.
    pub(crate) units: AtomicU64,
    /// The place in its list.
    place: AtomicUsize,
}

/// One that waits for a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) serial: u64,
    pub(crate) owner: Owner,
    /// The thread that is blocked, where one is.
    pub(crate) thread: Option<Who>,
    pub(crate) since: u64,
}

type List = Mutex<Vec<Arc<Instance>>>;

static LIVE: [List; SHARDS] = [const { Mutex::new(Vec::new()) }; SHARDS];
static LAST: AtomicU64 = AtomicU64::new(0);

impl Instance {
    pub(crate) fn new(name: Number) -> Arc<Self> {
        Arc::new(Self {
            serial: LAST.fetch_add(1, Ordering::Relaxed) + 1,
            name,
            slots: Slots::default(),
            unnamed: Unnamed::default(),
            waits: Mutex::default(),
            waiting: AtomicU32::new(0),
            units: AtomicU64::new(0),
            place: AtomicUsize::new(0),
        })
    }

    #[inline]
    pub(crate) fn series(&self, mode: Mode) -> SeriesNumber {
        SeriesNumber::new(self.name, mode)
    }

    /// Shows it to others.
    pub(crate) fn enter(self: &Arc<Self>) {
        let list = &mut *self.list();
        self.place.store(list.len(), Ordering::Relaxed);
        list.push(Arc::clone(self));
    }

    /// Takes it back: the lock is dropped. Guards of it that are left were leaked, and so were futures that waited for it.
    pub(crate) fn leave(&self) {
        let list = &mut *self.list();
        let place = self.place.load(Ordering::Relaxed);
        if list.get(place).is_some_and(|there| there.serial == self.serial) {
            list.swap_remove(place);
            if let Some(moved) = list.get(place) {
                moved.place.store(place, Ordering::Relaxed);
            }
            if list.capacity() > SMALL && list.len() < list.capacity() / 4 {
                list.shrink_to(list.len() * 2);
            }
        }
        self.settle();
    }

    fn list(&self) -> MutexGuard<'static, Vec<Arc<Self>>> {
        let shard = usize::try_from(self.serial).unwrap_or_default() % SHARDS;
        let [first, ..] = &LIVE;
        lock(LIVE.get(shard).unwrap_or(first))
    }

    fn settle(&self) {
        let forget = |mode: Mode, times: u64| {
            if times > 0 {
                let slow = &cells::series(self.series(mode)).slow;
                slow.forgotten.fetch_add(times, Ordering::Release);
            }
        };
        self.slots.read().for_each(|holder| forget(holder.owner.mode(), 1));
        self.unnamed.read().for_each(|(mode, times)| forget(mode, times));
        let units = self.units.load(Ordering::Acquire);
        if units > 0 {
            cells::series(self.series(Mode::Acquire)).slow.units_forgotten.fetch_add(units, Ordering::Release);
        }
        for waiter in self.waits().drain(..) {
            let slow = &cells::series(self.series(waiter.owner.mode())).slow;
            slow.cancelled.fetch_add(1, Ordering::Release);
        }
    }

    pub(crate) fn begin_wait(&self, waiter: Waiter) {
        self.waits().push(waiter);
        self.waiting.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn end_wait(&self, serial: u64) {
        let mut waits = self.waits();
        if let Some(place) = waits.iter().position(|waiter| waiter.serial == serial) {
            // In the order in which they came.
            waits.remove(place);
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        if waits.is_empty() && waits.capacity() > SMALL {
            waits.shrink_to_fit();
        }
    }

    fn waits(&self) -> MutexGuard<'_, Vec<Waiter>> {
        lock(&self.waits)
    }

    /// How it stands now; `None` where nobody holds it or waits for it.
    fn look(&self) -> Option<Seen> {
        let waiters = if self.waiting.load(Ordering::Relaxed) == 0 { Vec::new() } else { self.waits().clone() };
        let holders: Vec<_> = self.slots.read().collect();
        let unnamed = self.unnamed.read().map(|(_, times)| times).sum();
        let is_seen = !holders.is_empty() || !waiters.is_empty() || unnamed > 0;
        is_seen.then_some(Seen { serial: self.serial, name: self.name, holders, unnamed, waiters })
    }
}

/// A lock as it stands.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) serial: u64,
    pub(crate) name: Number,
    /// Those that are named.
    pub(crate) holders: Vec<Holder>,
    /// The number of others.
    pub(crate) unnamed: u64,
    /// In the order in which they came.
    pub(crate) waiters: Vec<Waiter>,
}

/// All locks that somebody holds or waits for. Costs a look at all locks that are there, a part of them at a time.
pub(crate) fn look() -> Vec<Seen> {
    let mut seen = Vec::new();
    for list in &LIVE {
        seen.extend(lock(list).iter().filter_map(|instance| instance.look()));
    }
    seen
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
