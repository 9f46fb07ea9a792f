//! Which cells a thread writes.
//!
//! A thread leases one of 127 numbers when it first counts something, and gives it back when it ends; the next thread
//! that comes goes on in the same cells. While it holds the number it alone writes them, so a count is a plain load and a
//! plain store. Threads beyond 127, and threads that are ending, share one more number and write with atomic adds.

use std::cell::{Cell, OnceCell};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// How many slots there are, the shared one included.
pub(crate) const SLOTS: usize = 128;
/// The slot of all threads that have none of their own.
const SHARED: Slot = Slot(127);
/// A thread that has not counted anything yet.
const NONE: u8 = u8::MAX;

/// The number of a set of cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Slot(u8);

impl Slot {
    /// The slot of this number, below [`SLOTS`].
    #[expect(clippy::cast_possible_truncation, reason = "there are 128")]
    pub(crate) fn at(index: usize) -> Self {
        Self((index % SLOTS) as u8)
    }

    /// Below [`SLOTS`].
    #[inline]
    pub(crate) fn index(self) -> usize {
        usize::from(self.0) % SLOTS
    }

    /// Whether several threads may write at once.
    #[inline]
    pub(crate) fn is_shared(self) -> bool {
        self == SHARED
    }
}

thread_local! {
    /// The thread's slot. Without a destructor, so it can be read as long as the thread runs.
    static CURRENT: Cell<u8> = const { Cell::new(NONE) };
    /// Gives the slot back when the thread ends.
    static LEASE: OnceCell<Lease> = const { OnceCell::new() };
}

/// The slot of this thread. Costs one load of a thread-local.
#[inline]
pub(crate) fn current() -> Slot {
    match CURRENT.get() {
        NONE => lease(),
        slot => Slot(slot),
    }
}

/// The slot of this thread, where it has one of its own already.
#[inline]
pub(crate) fn own() -> Option<Slot> {
    let slot = Slot(CURRENT.get());
    (slot.0 < SHARED.0).then_some(slot)
}

#[cold]
#[inline(never)]
fn lease() -> Slot {
    let slot = pool().take();
    // First of all: should the line below count something itself, it must find a slot.
    CURRENT.set(slot.0);
    if !slot.is_shared() {
        // Refused only while the thread ends. Then the lease is dropped here and now, and gives the slot back.
        let _ = LEASE.try_with(|lease| lease.set(Lease(slot)));
    }
    Slot(CURRENT.get())
}

/// A slot in the hands of one thread.
#[derive(Debug)]
struct Lease(Slot);

impl Drop for Lease {
    fn drop(&mut self) {
        // Calls that the thread makes from here on, in destructors that run later, go to the shared cells.
        CURRENT.set(SHARED.0);
        // The lock hands over what was written: whoever takes the slot next goes on from these counts.
        pool().give_back(self.0);
    }
}

#[derive(Debug)]
pub(crate) struct Pool {
    free: Vec<Slot>,
    /// The lowest slot that no thread ever had.
    fresh: u8,
}

impl Pool {
    pub(crate) const fn new() -> Self {
        Self { free: Vec::new(), fresh: 0 }
    }

    pub(crate) fn give_back(&mut self, slot: Slot) {
        self.free.push(slot);
    }

    /// The slot that was given back last, for its cells are warm; else a fresh one; else the shared one.
    pub(crate) fn take(&mut self) -> Slot {
        self.free.pop().unwrap_or_else(|| {
            let slot = Slot(self.fresh);
            self.fresh = (self.fresh + 1).min(SHARED.0);
            slot
        })
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    static POOL: Mutex<Pool> = Mutex::new(Pool::new());
    // Nothing under the lock can unwind half way.
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::{Arc, Barrier};
    use std::thread;

    #[test]
    fn a_pool_gives_each_slot_once_and_then_the_shared_one() {
        let mut pool = Pool::new();
        let own: Vec<usize> = (0..SLOTS - 1).map(|_| pool.take().index()).collect();
        assert_eq!(own, (0..SLOTS - 1).collect::<Vec<_>>());
        assert!(pool.take().is_shared() && pool.take().is_shared());
        pool.give_back(Slot(5));
        assert_eq!(pool.take(), Slot(5));
        assert!(pool.take().is_shared());
    }

    #[test]
    fn living_threads_never_share_a_slot_unless_it_is_the_shared_one() {
        const THREADS: usize = 200;
        for _ in 0..3 {
            let together = Arc::new(Barrier::new(THREADS));
            let threads: Vec<_> = (0..THREADS)
                .map(|_| {
                    let together = Arc::clone(&together);
                    thread::spawn(move || {
                        let slot = current();
                        together.wait();
                        assert_eq!(current(), slot, "a slot is kept");
                        slot
                    })
                })
                .collect();
            let mut own: Vec<usize> = threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .filter(|slot| !slot.is_shared())
                .map(Slot::index)
                .collect();
            let count = own.len();
            own.sort_unstable();
            own.dedup();
            assert_eq!(own.len(), count);
            assert!(count < SLOTS);
        }
    }

    #[test]
    fn a_thread_that_ends_counts_in_the_shared_slot() {
        struct Last(Arc<Mutex<Option<Slot>>>);
        impl Drop for Last {
            fn drop(&mut self) {
                *self.0.lock().unwrap() = Some(current());
            }
        }
        thread_local!(static LAST: OnceCell<Last> = const { OnceCell::new() });
        let seen = Arc::new(Mutex::new(None));
        let for_thread = Arc::clone(&seen);
        thread::spawn(move || {
            // Made before the lease, so dropped after it.
            LAST.with(|last| last.set(Last(for_thread)).ok());
            current();
        })
        .join()
        .unwrap();
        assert!(seen.lock().unwrap().unwrap().is_shared());
    }
}
