//! Waits that last, each at a place of its own.

use super::owner::{Owner, Who};
use perf_runtime::__locks::Alone;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::Waker;

/// A list of fewer keeps its room.
pub(super) const SMALL: usize = 64;

/// The waits for one thing.
#[derive(Debug, Default)]
pub(crate) struct Waits {
    waits: Mutex<Slab>,
    waiting: AtomicU32,
}

/// So often one that waits is asked which calls wait for nothing else: they may be where no answer comes from.
pub(crate) const MOST_ASKED: u8 = 3;

/// One that waits.
#[derive(Clone, Debug)]
pub(crate) struct Waiter {
    pub(crate) owner: Owner,
    /// The thread that is blocked, where one is.
    pub(crate) thread: Option<Who>,
    /// Whether it is a reader that does not wait behind writers which wait.
    pub(crate) is_recursive: bool,
    pub(crate) since: u64,
    /// So often it was asked which calls wait for nothing else.
    pub(crate) asked: u8,
    /// Those calls, as they were last told.
    pub(crate) alone: Option<Alone>,
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
    waker: Option<Waker>,
}

/// Waits, each at a place of its own for as long as it lasts: begun and ended in constant time, however many there are.
#[derive(Debug, Default)]
struct Slab {
    places: Vec<Option<Entry>>,
    /// The places of those that ended.
    free: Vec<usize>,
}

impl Slab {
    fn put(&mut self, waiter: Waiter) -> usize {
        let entry = Some(Entry { waiter, waker: None });
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
    /// Shows a wait, and gives its place.
    pub(crate) fn begin(&self, waiter: Waiter) -> usize {
        let place = self.waits().put(waiter);
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

    /// Keeps the waker of the task of a wait.
    pub(super) fn set_waker(&self, place: usize, waker: Waker) {
        let before = self.waits().get_mut(place).and_then(|entry| entry.waker.replace(waker));
        drop(before);
    }

    /// Keeps which calls wait for nothing but a wait.
    pub(super) fn set_alone(&self, place: usize, alone: Alone) {
        if let Some(entry) = self.waits().get_mut(place) {
            entry.waiter.alone = Some(alone);
        }
    }

    /// Asks those that `wants` chooses which calls wait for nothing else: their tasks are to be woken.
    pub(super) fn ask(&self, wants: impl Fn(&Waiter) -> bool, wakers: &mut Vec<Waker>) {
        let mut slab = self.waits();
        for entry in slab.places.iter_mut().flatten().filter(|entry| wants(&entry.waiter)) {
            entry.waiter.asked = entry.waiter.asked.saturating_add(1);
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
        Waiter { owner: Owner::new(2, 0, Mode::Lock), thread: None, is_recursive: false, since, asked: 0, alone: None }
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
        let places: Vec<_> = (0..10_000).map(|since| slab.put(waiter(since))).collect();
        assert!(places.into_iter().all(|place| slab.take(place).is_some()));
        assert_eq!((slab.places.capacity(), slab.free.capacity()), (0, 0));
    }
}
