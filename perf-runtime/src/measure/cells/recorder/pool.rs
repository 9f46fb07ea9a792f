//! The buffers that no root has. A thread keeps a few at hand, so that roots which begin and end on it take no lock.

use super::buffer::{SLOTS, buffer};
use std::cell::Cell;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// So many a thread keeps at hand.
const AT_HAND: usize = 4;

/// Those that no thread has at hand.
#[derive(Debug)]
struct Pool {
    free: Vec<u16>,
    /// The lowest that nobody ever had.
    fresh: u16,
    /// Those in which a record is yet to be written, of a root that ended.
    aside: Vec<u16>,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), fresh: 0, aside: Vec::new() });

thread_local! {
    static STASH: Stash = const { Stash { slots: [const { Cell::new(0) }; AT_HAND], length: Cell::new(0) } };
}

struct Stash {
    slots: [Cell<u16>; AT_HAND],
    length: Cell<usize>,
}

impl Stash {
    fn pop(&self) -> Option<u16> {
        let place = self.length.get().checked_sub(1)?;
        self.length.set(place);
        self.slots.get(place).map(Cell::get)
    }

    fn push(&self, slot: u16) -> bool {
        let place = self.slots.get(self.length.get());
        place.inspect(|place| {
            place.set(slot);
            self.length.set(self.length.get() + 1);
        });
        place.is_some()
    }
}

impl Drop for Stash {
    fn drop(&mut self) {
        let mut pool = pool();
        while let Some(slot) = self.pop() {
            pool.free.push(slot);
        }
    }
}

/// A buffer that no root has, from now on the caller's; `None` where all are taken.
pub(super) fn take() -> Option<u16> {
    // No stash, while the thread ends.
    STASH.try_with(Stash::pop).ok().flatten().or_else(|| pool().take())
}

/// Gives back a buffer that is cleared.
pub(super) fn give_back(slot: u16) {
    if !STASH.try_with(|stash| stash.push(slot)).unwrap_or(false) {
        pool().free.push(slot);
    }
}

/// Puts a buffer aside until its last record is written.
#[cold]
pub(super) fn put_aside(slot: u16) {
    pool().aside.push(slot);
}

impl Pool {
    #[cold]
    fn take(&mut self) -> Option<u16> {
        if let Some(slot) = self.free.pop() {
            return Some(slot);
        }
        if let Some(place) = self.aside.iter().position(|slot| buffer(*slot).clear()) {
            return Some(self.aside.swap_remove(place));
        }
        let fresh = Some(self.fresh).filter(|fresh| usize::from(*fresh) < SLOTS)?;
        self.fresh += 1;
        Some(fresh)
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes all buffers that there are, and gives them back when it is dropped: for tests of what happens then.
#[cfg(test)]
pub(crate) fn exhaust() -> All {
    All(std::iter::from_fn(take).collect())
}

/// All buffers that there were.
#[cfg(test)]
pub(crate) struct All(Vec<u16>);

#[cfg(test)]
impl All {
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
impl Drop for All {
    fn drop(&mut self) {
        pool().free.append(&mut self.0);
    }
}
