//! The buffers that no root has. A few are at hand for each group of threads, so that roots which begin and end take no lock.

use super::buffer::{SLOTS, buffer};
use super::chunks;
use crate::measure::clock::Moment;
use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Groups of threads.
const GROUPS: usize = 64;
/// So many buffers that were put aside are looked at in a row, for one that is ready again.
const LOOKED_AT_ASIDE: usize = 16;
/// So many buffers are looked at in a row, for one whose root has it too long.
const LOOKED_AT_OWNED: usize = 64;

/// Those that are not at hand.
#[derive(Debug)]
struct Pool {
    free: Vec<u16>,
    /// The lowest that nobody ever had.
    fresh: u16,
    /// Those in which a record is yet to be written, of a root that ended.
    aside: VecDeque<u16>,
    /// Where the next look for a root that has its buffer too long begins.
    hand: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool { free: Vec::new(), fresh: 0, aside: VecDeque::new(), hand: 0 });

/// The buffers at hand for a group of threads, up to four: their numbers plus one, 16 bits for each, the last that came in the lowest. Changed
/// as a whole, so threads may take those of other groups.
#[derive(Debug)]
#[repr(align(128))]
struct AtHand(AtomicU64);

static AT_HAND: [AtHand; GROUPS] = [const { AtHand(AtomicU64::new(0)) }; GROUPS];

impl AtHand {
    #[inline]
    fn pop(&self) -> Option<u16> {
        let mut all = self.0.load(Relaxed);
        loop {
            let [.., upper, lower] = all.to_be_bytes();
            let slot = u16::from_be_bytes([upper, lower]).checked_sub(1)?;
            match self.0.compare_exchange_weak(all, all >> u16::BITS, AcqRel, Relaxed) {
                Ok(_) => return Some(slot),
                Err(changed) => all = changed,
            }
        }
    }

    #[inline]
    fn push(&self, slot: u16) -> bool {
        let mut all = self.0.load(Relaxed);
        loop {
            if all.leading_zeros() < u16::BITS {
                return false;
            }
            let more = all << u16::BITS | (u64::from(slot) + 1);
            match self.0.compare_exchange_weak(all, more, Release, Relaxed) {
                Ok(_) => return true,
                Err(changed) => all = changed,
            }
        }
    }

    fn take_all(&self) -> impl Iterator<Item = u16> {
        let all = self.0.swap(0, Acquire);
        let [a1, a0, b1, b0, c1, c0, d1, d0] = all.to_be_bytes();
        let numbers = [[a1, a0], [b1, b0], [c1, c0], [d1, d0]].map(u16::from_be_bytes);
        numbers.into_iter().filter_map(|number| number.checked_sub(1))
    }
}

/// Those at hand for this thread.
#[inline]
fn at_hand() -> &'static AtHand {
    thread_local! {
        /// The number of this thread's group plus one; zero where it has none yet.
        static GROUP: Cell<usize> = const { Cell::new(0) };
    }
    static LAST: AtomicUsize = AtomicUsize::new(0);
    if GROUP.get() == 0 {
        GROUP.set(LAST.fetch_add(1, Relaxed) % GROUPS + 1);
    }
    &AT_HAND[(GROUP.get() - 1) % GROUPS]
}

/// A buffer that no root has, from now on the caller's; `None` where all are taken.
#[inline]
pub(super) fn take(now: Moment) -> Option<u16> {
    at_hand().pop().or_else(|| pool().take(now))
}

/// Gives back a buffer that is cleared. While nobody wants calls recorded it keeps no memory, and where memory is scarce little.
#[inline]
pub(super) fn give_back(slot: u16, is_on: bool) {
    if !is_on || chunks::are_scarce() {
        give_back_with_memory(slot, usize::from(is_on));
    }
    if !at_hand().push(slot) {
        pool().free.push(slot);
    }
}

#[cold]
#[inline(never)]
fn give_back_with_memory(slot: u16, kept: usize) {
    give_back_memory_of(slot, kept);
    if chunks::have_become_scarce() {
        give_back_memory(kept);
    }
}

/// Puts a buffer aside until its last record is written.
#[cold]
pub(super) fn put_aside(slot: u16) {
    pool().aside.push_back(slot);
}

/// Gives back the memory of the buffers that no root has, but for so many chunks of each.
pub(super) fn give_back_memory(kept: usize) {
    let mut pool = pool();
    pool.free.extend(AT_HAND.iter().flat_map(AtHand::take_all));
    let waiting = pool.aside.len();
    for _ in 0..waiting {
        let _ = pool.try_aside().map(|slot| pool.free.push(slot));
    }
    pool.free.iter().for_each(|&slot| give_back_memory_of(slot, kept));
}

fn give_back_memory_of(slot: u16, kept: usize) {
    // SAFETY: it was cleared before it came here, and no root gets it meanwhile: the caller has it, or the lock of the pool that has it.
    unsafe { buffer(slot).give_back_memory(kept) };
}

impl Pool {
    #[cold]
    fn take(&mut self, now: Moment) -> Option<u16> {
        let at_once = self.free.pop().or_else(|| self.take_fresh()).or_else(|| self.take_aside());
        at_once.or_else(|| AT_HAND.iter().find_map(AtHand::pop)).or_else(|| self.take_from_owner(now))
    }

    fn take_fresh(&mut self) -> Option<u16> {
        let fresh = Some(self.fresh).filter(|fresh| usize::from(*fresh) < SLOTS)?;
        self.fresh += 1;
        Some(fresh)
    }

    fn take_aside(&mut self) -> Option<u16> {
        (0..LOOKED_AT_ASIDE.min(self.aside.len())).find_map(|_| self.try_aside())
    }

    /// The first of those aside, if it is ready again; else it is the last of them now.
    fn try_aside(&mut self) -> Option<u16> {
        let slot = self.aside.pop_front()?;
        if buffer(slot).clear() {
            return Some(slot);
        }
        self.aside.push_back(slot);
        None
    }

    /// The buffer of a root that has it too long, or whose duration has ended.
    fn take_from_owner(&mut self, now: Moment) -> Option<u16> {
        (0..LOOKED_AT_OWNED).find_map(|_| {
            let slot = u16::try_from(self.hand).ok()?;
            self.hand = (self.hand + 1) % SLOTS;
            if !buffer(slot).take_from_owner(now) {
                return None;
            }
            if buffer(slot).clear() {
                return Some(slot);
            }
            self.aside.push_back(slot);
            None
        })
    }
}

fn pool() -> MutexGuard<'static, Pool> {
    POOL.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes all buffers that nobody has, and gives them back when it is dropped: for tests of what happens then.
#[cfg(test)]
pub(crate) fn exhaust() -> All {
    All(std::iter::from_fn(|| take(Moment::default())).collect())
}

/// As [`exhaust`], of so many of them.
#[cfg(test)]
pub(crate) fn exhaust_some(count: usize) -> All {
    All(std::iter::from_fn(|| take(Moment::default())).take(count).collect())
}

/// All buffers that nobody had.
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
