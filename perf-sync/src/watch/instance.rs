//! The locks that are there, with the holders of each and those that wait for it.
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
    waits: Mutex<Slab>,
    waiting: AtomicU32,
    /// Permits that are out.
    pub(crate) units: AtomicU64,
    /// The place in its list.
    place: AtomicUsize,
}

/// One that waits for a lock.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Waiter {
    pub(crate) owner: Owner,
    /// The thread that is blocked, where one is.
    pub(crate) thread: Option<Who>,
    /// Whether it is a reader that does not wait behind writers which wait.
    pub(crate) is_recursive: bool,
    pub(crate) since: u64,
}

impl Waiter {
    /// Whether this task or thread is the one that waits.
    pub(crate) fn is(&self, who: Who) -> bool {
        self.owner.task_or_thread() == who || self.thread == Some(who)
    }
}

/// Waits, each at a place of its own for as long as it lasts: begun and ended in constant time, however many there are.
#[derive(Debug, Default)]
struct Slab {
    places: Vec<Option<Waiter>>,
    /// The places of those that ended.
    free: Vec<usize>,
}

impl Slab {
    fn put(&mut self, waiter: Waiter) -> usize {
        if let Some(place) = self.free.pop() {
            if let Some(there) = self.places.get_mut(place) {
                *there = Some(waiter);
            }
            return place;
        }
        self.places.push(Some(waiter));
        self.places.len() - 1
    }

    /// Whether there was one.
    fn take(&mut self, place: usize) -> bool {
        if self.places.get_mut(place).and_then(Option::take).is_none() {
            return false;
        }
        self.free.push(place);
        if self.free.len() == self.places.len() {
            self.clear();
        }
        true
    }

    /// Leaves none, and gives back the room of many.
    fn clear(&mut self) {
        if self.places.capacity() > SMALL {
            *self = Self::default();
        }
        self.places.clear();
        self.free.clear();
    }

    fn iter(&self) -> impl Iterator<Item = &Waiter> {
        self.places.iter().flatten()
    }
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
        let mut waits = self.waits();
        for waiter in waits.iter() {
            let slow = &cells::series(self.series(waiter.owner.mode())).slow;
            slow.cancelled.fetch_add(1, Ordering::Release);
        }
        waits.clear();
    }

    /// Shows a wait, and gives its place.
    pub(crate) fn begin_wait(&self, waiter: Waiter) -> usize {
        let place = self.waits().put(waiter);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// Ends the wait that is at a place.
    pub(crate) fn end_wait(&self, place: usize) {
        if self.waits().take(place) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn waits(&self) -> MutexGuard<'_, Slab> {
        lock(&self.waits)
    }

    /// How it stands now; `None` where nobody holds it or waits for it.
    fn look(&self) -> Option<Seen> {
        let waiters =
            if self.waiting.load(Ordering::Relaxed) == 0 { Vec::new() } else { self.waits().iter().copied().collect() };
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
    /// In no order.
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn waiter(since: u64) -> Waiter {
        Waiter { owner: Owner::new(2, 0, Mode::Lock), thread: None, is_recursive: false, since }
    }

    proptest! {
        #[test]
        fn a_wait_is_there_until_it_ends_and_its_place_is_used_again(ends in prop::collection::vec(any::<Option<prop::sample::Index>>(), 0..200)) {
            let (mut slab, mut there, mut most) = (Slab::default(), Vec::new(), 0);
            for (since, end) in (0..).zip(ends) {
                match end.filter(|_| !there.is_empty()) {
                    None => there.push((slab.put(waiter(since)), since)),
                    Some(end) => {
                        let (place, _) = there.swap_remove(end.index(there.len()));
                        prop_assert!(slab.take(place));
                        prop_assert!(!slab.take(place));
                    }
                }
                most = most.max(there.len());
                let mut expected: Vec<_> = there.iter().map(|(_, since)| *since).collect();
                let mut found: Vec<_> = slab.iter().map(|waiter| waiter.since).collect();
                expected.sort_unstable();
                found.sort_unstable();
                prop_assert_eq!(found, expected);
                prop_assert!(slab.places.len() <= most);
            }
        }
    }

    #[test]
    fn a_crowd_that_went_leaves_no_room_behind() {
        let mut slab = Slab::default();
        let places: Vec<_> = (0..10_000).map(|since| slab.put(waiter(since))).collect();
        assert!(places.into_iter().all(|place| slab.take(place)));
        assert_eq!((slab.places.capacity(), slab.free.capacity()), (0, 0));
    }
}
