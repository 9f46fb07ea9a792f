//! Waits that last, each at a place of its own.

use super::owner::{Owner, Who};
use perf_runtime::__locks::Alone;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A list of fewer keeps its room.
pub(super) const SMALL: usize = 64;

/// The waits for one thing.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Mutex<Slab>,
    waiting: AtomicU32,
}

const SECOND: u64 = 1_000_000_000;
/// The seconds after which one that waits is asked again at the latest.
const MOST_SECONDS: u64 = 60;
/// The seconds for which an answer is waited for: all measured bodies that are polled meanwhile pay for it.
const OPEN_SECONDS: u64 = 20;

/// One that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) owner: Owner,
    /// The thread that is blocked, where one is.
    pub(crate) thread: Option<Who>,
    /// Whether it waits for a time that is over some day.
    pub(crate) is_timed: bool,
    /// Whether it is a reader that does not wait behind writers which wait.
    pub(crate) is_recursive: bool,
    pub(crate) since: u64,
    pub(crate) asked: Asked,
    /// The calls that wait for nothing else, as they were last told.
    pub(crate) alone: Option<Alone>,
}

/// The questions to one that waits, which calls wait for nothing else. There may be no answer, as where its task is not polled or its waker is another: so it is asked
/// again, after one second, two, four and so on, and in the end each minute.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Asked {
    /// The number of questions.
    pub(crate) times: u8,
    /// The moment of the last one.
    at: u64,
    /// Whether it was polled since.
    is_polled: bool,
}

impl Asked {
    /// Whether it is time to ask, or to ask again.
    pub(crate) fn is_due(self, now: u64) -> bool {
        let seconds = (1 << self.times.saturating_sub(1).min(6)).min(MOST_SECONDS);
        self.times == 0 || now.saturating_sub(self.at) >= seconds * SECOND
    }

    /// Whether it is to be asked, or an answer may come soon. One that is polled later is asked again by then.
    pub(crate) fn is_open(self, now: u64) -> bool {
        self.is_due(now) || (!self.is_polled && now.saturating_sub(self.at) < OPEN_SECONDS * SECOND)
    }

    fn again(&mut self, now: u64) {
        *self = Self { times: self.times.saturating_add(1), at: now, is_polled: false };
    }
}

#[cfg(test)]
impl Asked {
    pub(crate) fn so_often(times: u8) -> Self {
        Self { times, at: 0, is_polled: true }
    }
}

impl Waiter {
    /// Whether this task or thread is the one that waits.
    pub(crate) fn is(&self, who: Who) -> bool {
        self.owner.task_or_thread() == who || self.thread == Some(who)
    }
}

/// One that waits, and the waker of its task.
#[derive(Debug)]
struct Entry {
    waiter: Waiter,
    /// It is foreign code: cloned, dropped and woken outside of all locks.
    waker: Option<Arc<Waker>>,
}

/// Waits, each at a place of its own for as long as it lasts: begun and ended in constant time, however many there are.
#[derive(Debug, Default)]
struct Slab {
    places: Vec<Option<Entry>>,
    /// The places of those that ended.
    free: Vec<usize>,
}

impl Slab {
    fn put(&mut self, entry: Entry) -> usize {
        let entry = Some(entry);
        if let Some(place) = self.free.pop() {
            if let Some(there) = self.places.get_mut(place) {
                *there = entry;
            }
            return place;
        }
        self.places.push(entry);
        self.places.len() - 1
    }

    fn take(&mut self, place: usize) -> Option<Entry> {
        let entry = self.places.get_mut(place).and_then(Option::take)?;
        self.free.push(place);
        if self.free.len() == self.places.len() {
            self.clear();
        }
        Some(entry)
    }

    fn get_mut(&mut self, place: usize) -> Option<&mut Entry> {
        self.places.get_mut(place)?.as_mut()
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
        self.places.iter().flatten().map(|entry| &entry.waiter)
    }
}

impl Waits {
    /// Shows a wait, and gives its place. With the waker of its task where it may be asked.
    pub(super) fn begin(&self, waiter: Waiter, waker: Option<Arc<Waker>>) -> usize {
        let place = self.waits().put(Entry { waiter, waker });
        self.waiting.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// Ends the wait that is at a place.
    pub(crate) fn end(&self, place: usize) {
        let entry = self.waits().take(place);
        if entry.is_some() {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        // Foreign code is run without the list: a waker's drop.
        drop(entry);
    }

    /// Says that a wait ends by itself, when its time is over.
    #[cfg(feature = "parking_lot")]
    pub(super) fn set_timed(&self, place: usize) {
        if let Some(Entry { waiter, .. }) = self.waits().get_mut(place) {
            waiter.is_timed = true;
        }
    }

    /// Notes that the future of a wait was polled while somebody asked, and the calls that wait for nothing else, where that is known.
    pub(super) fn polled(&self, place: usize, alone: Option<Alone>) {
        if let Some(Entry { waiter, .. }) = self.waits().get_mut(place) {
            waiter.asked.is_polled = true;
            waiter.alone = alone.or_else(|| waiter.alone.take());
        }
    }

    /// Asks those that `wants` chooses, where it is time to, which calls wait for nothing else: their tasks are to be woken.
    pub(super) fn ask(&self, now: u64, wants: impl Fn(&Waiter) -> bool, wakers: &mut Vec<Arc<Waker>>) {
        if self.waiting.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut slab = self.waits();
        let due = |entry: &&mut Entry| entry.waiter.asked.is_due(now) && wants(&entry.waiter);
        for entry in slab.places.iter_mut().flatten().filter(due) {
            entry.waiter.asked.again(now);
            wakers.extend(entry.waker.clone());
        }
    }

    /// Those that wait now, in no order.
    pub(crate) fn read(&self) -> Vec<Waiter> {
        if self.waiting.load(Ordering::Relaxed) == 0 { Vec::new() } else { self.waits().iter().cloned().collect() }
    }

    /// Leaves none, after having told each: their futures were leaked.
    pub(crate) fn settle(&self, tell: impl FnMut(&Waiter)) {
        let gone = {
            let mut waits = self.waits();
            waits.iter().for_each(tell);
            std::mem::take(&mut *waits)
        };
        drop(gone);
    }

    fn waits(&self) -> MutexGuard<'_, Slab> {
        self.waits.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::mode::Mode;
    use proptest::prelude::*;

    fn waiter(since: u64) -> Waiter {
        let owner = Owner::new(2, 0, Mode::Lock);
        Waiter {
            owner,
            thread: None,
            is_timed: false,
            is_recursive: false,
            since,
            asked: Asked::default(),
            alone: None,
        }
    }

    fn entry(since: u64) -> Entry {
        Entry { waiter: waiter(since), waker: None }
    }

    #[derive(Default)]
    struct Task;

    impl std::task::Wake for Task {
        fn wake(self: Arc<Self>) {}
    }

    /// The seconds in which one that waits is asked, of so many.
    fn asked_in(waits: &Waits, seconds: std::ops::Range<u64>) -> Vec<u64> {
        let mut wakers = Vec::new();
        let is_asked = |second: &u64| {
            wakers.clear();
            waits.ask(second * SECOND, |_| true, &mut wakers);
            !wakers.is_empty()
        };
        seconds.filter(is_asked).collect()
    }

    #[test]
    fn one_that_waits_is_asked_again_and_again_and_never_for_the_last_time() {
        let (waits, task) = (Waits::default(), Arc::new(Task));
        let place = waits.begin(waiter(0), Some(Arc::new(Waker::from(Arc::clone(&task)))));
        assert_eq!(asked_in(&waits, 0..200), [0, 1, 3, 7, 15, 31, 63, 123, 183]);
        assert_eq!(asked_in(&waits, 100_000..100_061), [100_000, 100_060]);
        let is_open = || waits.read().iter().any(|waiter| waiter.asked.is_open(100_061 * SECOND));
        assert!(is_open(), "it was not polled yet");
        waits.polled(place, None);
        assert!(!is_open());
        waits.end(place);
        assert_eq!(asked_in(&waits, 100_200..100_300), [0; 0]);
    }

    #[test]
    fn no_waker_is_cloned_where_it_is_asked() {
        let (waits, task) = (Waits::default(), Arc::new(Task));
        let place = waits.begin(waiter(0), Some(Arc::new(Waker::from(Arc::clone(&task)))));
        let mut wakers = Vec::new();
        waits.ask(0, |_| true, &mut wakers);
        assert_eq!((wakers.len(), Arc::strong_count(&task)), (1, 2));
        waits.end(place);
        drop(wakers);
        assert_eq!(Arc::strong_count(&task), 1);
    }

    proptest! {
        #[test]
        fn a_wait_is_there_until_it_ends_and_its_place_is_used_again(ends in prop::collection::vec(any::<Option<prop::sample::Index>>(), 0..200)) {
            let (mut slab, mut there, mut most) = (Slab::default(), Vec::new(), 0);
            for (since, end) in (0..).zip(ends) {
                match end.filter(|_| !there.is_empty()) {
                    None => there.push((slab.put(entry(since)), since)),
                    Some(end) => {
                        let (place, _) = there.swap_remove(end.index(there.len()));
                        prop_assert!(slab.take(place).is_some());
                        prop_assert!(slab.take(place).is_none());
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
        let places: Vec<_> = (0..10_000).map(|since| slab.put(entry(since))).collect();
        assert!(places.into_iter().all(|place| slab.take(place).is_some()));
        assert_eq!((slab.places.capacity(), slab.free.capacity()), (0, 0));
    }
}
