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
/// After all were looked at in vain, nobody looks for so many nanoseconds: ten milliseconds.
const VAIN_NANOS: u64 = 10_000_000;
/// So many buffers are taken out of the pool at a time to give their memory back.
const BATCH: usize = 32;

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
    /// So many were looked at in vain since one was found.
    vain: usize,
    /// When all had been looked at in vain, in nanoseconds of the clock: for a while nobody looks at them again.
    vain_since: u64,
    /// So many of the free ones have given their memory back in the round that goes on.
    swept: usize,
    /// Where the next look for a root that needs its buffer no longer begins.
    left_hand: usize,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    free: Vec::new(),
    fresh: 0,
    aside: VecDeque::new(),
    hand: 0,
    vain: 0,
    vain_since: 0,
    swept: 0,
    left_hand: 0,
});

/// Since when there is no use in asking the pool, in nanoseconds of the clock: there was nothing, and nothing came since. Zero where there may be something.
static NOTHING_SINCE: AtomicU64 = AtomicU64::new(0);

/// The number of batches that are still to give their memory back, since it became scarce.
static BATCHES_LEFT: AtomicUsize = AtomicUsize::new(0);

#[cfg(test)]
thread_local! {
    /// How many buffers this thread looked at that others had.
    pub(crate) static LOOKS: Cell<usize> = const { Cell::new(0) };
}

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

/// A buffer that no root has, from now on the caller's; `None` where all are taken. Where that was found out a moment ago, no lock is taken.
#[inline]
pub(super) fn take(now: Moment) -> Option<u16> {
    at_hand().pop().or_else(|| take_from_pool(now))
}

#[inline(never)]
fn take_from_pool(now: Moment) -> Option<u16> {
    if is_recent(NOTHING_SINCE.load(Relaxed), now) { None } else { pool().take(now) }
}

/// Whether it was a moment ago that something was looked for in vain; zero was never.
fn is_recent(vain_since: u64, now: Moment) -> bool {
    vain_since > 0 && now.to_nanos().wrapping_sub(vain_since) < VAIN_NANOS
}

/// There is something in the pool.
#[inline]
fn something_came() {
    if NOTHING_SINCE.load(Relaxed) > 0 {
        NOTHING_SINCE.store(0, Relaxed);
    }
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
    something_came();
}

#[cold]
#[inline(never)]
fn give_back_with_memory(slot: u16, kept: usize) {
    give_back_memory_of(slot, kept);
    if chunks::have_become_scarce() {
        pool().begin_round();
        BATCHES_LEFT.store(ROUND, Relaxed);
    }
    // Each root that ends does a part of it, so that none is held up for long.
    if BATCHES_LEFT.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(1)).is_ok() {
        give_back_batch(kept, true);
    }
}

/// Puts a buffer aside until its last record is written.
#[cold]
pub(super) fn put_aside(slot: u16) {
    pool().aside.push_back(slot);
    something_came();
}

/// So many batches are all buffers.
const ROUND: usize = SLOTS.div_ceil(BATCH) + 1;

/// Gives back the memory of the buffers that no root has, but for so many chunks of each.
pub(super) fn give_back_memory(kept: usize) {
    pool().begin_round();
    (0..ROUND).for_each(|_| give_back_batch(kept, false));
}

/// Gives back the memory of some of the buffers that no root has and, where it `is_scarce`, of those whose root needs it no longer. The pool is locked only to take
/// them out and to put them back: whoever asks meanwhile waits for no memory.
fn give_back_batch(kept: usize, is_scarce: bool) {
    let (at, batch) = {
        let mut pool = pool();
        let at = pool.swept.min(pool.free.len());
        let until = (at + BATCH).min(pool.free.len());
        let mut batch: Vec<u16> = pool.free.drain(at..until).collect();
        if is_scarce {
            batch.extend((0..BATCH).filter_map(|_| pool.take_left()));
        }
        batch.extend((0..BATCH.min(pool.aside.len())).filter_map(|_| pool.try_aside()));
        (at, batch)
    };
    for &slot in &batch {
        give_back_memory_of(slot, kept);
    }
    let mut pool = pool();
    let at = at.min(pool.free.len());
    pool.swept = at + batch.len();
    drop(pool.free.splice(at..at, batch));
    something_came();
}

fn give_back_memory_of(slot: u16, kept: usize) {
    // SAFETY: it was cleared before it came here, and no root gets it meanwhile: the caller has it, for it was taken out of the pool.
    unsafe { buffer(slot).give_back_memory(kept) };
}

impl Pool {
    #[cold]
    fn take(&mut self, now: Moment) -> Option<u16> {
        let at_once = self.free.pop().or_else(|| self.take_fresh()).or_else(|| self.take_aside());
        let found = at_once.or_else(|| AT_HAND.iter().find_map(AtHand::pop)).or_else(|| self.take_from_owner(now));
        if found.is_none() && is_recent(self.vain_since, now) {
            NOTHING_SINCE.store(self.vain_since, Relaxed);
        }
        found
    }

    /// Begins to have all of them give their memory back, also those that are at hand.
    fn begin_round(&mut self) {
        self.free.extend(AT_HAND.iter().flat_map(AtHand::take_all));
        self.swept = 0;
    }

    /// The buffer of a root whose duration has ended, of which nothing is to be written any more, if the next that is looked at is one.
    fn take_left(&mut self) -> Option<u16> {
        let slot = u16::try_from(self.left_hand).ok()?;
        self.left_hand = (self.left_hand + 1) % SLOTS;
        if !buffer(slot).take_left() {
            return None;
        }
        self.ready_or_aside(slot)
    }

    fn ready_or_aside(&mut self, slot: u16) -> Option<u16> {
        if buffer(slot).clear() {
            return Some(slot);
        }
        self.aside.push_back(slot);
        None
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
        self.ready_or_aside(slot)
    }

    /// The buffer of a root that has it too long, or whose duration has ended. Once all were looked at in vain, nobody looks for a while.
    fn take_from_owner(&mut self, now: Moment) -> Option<u16> {
        if is_recent(self.vain_since, now) {
            return None;
        }
        let found = (0..LOOKED_AT_OWNED).find_map(|_| {
            let slot = u16::try_from(self.hand).ok()?;
            self.hand = (self.hand + 1) % SLOTS;
            #[cfg(test)]
            LOOKS.set(LOOKS.get() + 1);
            if buffer(slot).take_from_owner(now) { self.ready_or_aside(slot) } else { None }
        });
        self.vain = if found.is_some() { 0 } else { self.vain + LOOKED_AT_OWNED };
        if self.vain >= SLOTS {
            (self.vain, self.vain_since) = (0, now.to_nanos().max(1));
        }
        found
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
