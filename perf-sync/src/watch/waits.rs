//! Waits that last, each at a place of its own.

use super::owner::{Owner, Who};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A list of fewer keeps its room.
pub(super) const SMALL: usize = 64;

/// The waits for one thing.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Mutex<Slab>,
    waiting: AtomicU32,
}

/// One that waits.
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

impl Waits {
    /// Shows a wait, and gives its place.
    pub(crate) fn begin(&self, waiter: Waiter) -> usize {
        let place = self.waits().put(waiter);
        self.waiting.fetch_add(1, Ordering::Relaxed);
        place
    }

    /// Ends the wait that is at a place.
    pub(crate) fn end(&self, place: usize) {
        if self.waits().take(place) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Those that wait now, in no order.
    pub(crate) fn read(&self) -> Vec<Waiter> {
        if self.waiting.load(Ordering::Relaxed) == 0 { Vec::new() } else { self.waits().iter().copied().collect() }
    }

    /// Leaves none, after having told each: their futures were leaked.
    pub(crate) fn settle(&self, tell: impl FnMut(&Waiter)) {
        let mut waits = self.waits();
        waits.iter().for_each(tell);
        waits.clear();
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
