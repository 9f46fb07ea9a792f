//! The part that is the same of all locks: attempts, waits and holds are counted here, and shown while they last. Channels count in the same cells.

pub(crate) mod buckets;
pub(crate) mod callers;
pub(crate) mod cells;
pub(crate) mod holders;
pub(crate) mod instance;
pub(crate) mod kind;
pub(crate) mod live;
pub(crate) mod mode;
pub(crate) mod name;
pub(crate) mod owner;
pub(crate) mod series;
mod sync;
mod wait;
pub(crate) mod waits;

pub(crate) use mode::Mode;
pub(crate) use wait::Wait;
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
pub(crate) use wait::WaitAt;

use cells::Writer;
use holders::{Place, Taken};
use instance::Instance;
use name::Name;
use owner::Owner;
use perf_runtime::__locks;
use series::SeriesNumber;
use std::panic::Location;
use std::ptr::{self, NonNull};
use std::sync::Arc;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::task::Waker;

/// The part of a lock by which it is watched: 24 bytes, and as long as it lives some 290 more once it was taken.
#[derive(Debug)]
pub(crate) struct Watch {
    name: Name,
    /// An `Arc` of it, made when the lock is first taken.
    instance: AtomicPtr<Instance>,
}

/// The kind of lock, as far as its holders differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Holds {
    /// A guard stays on its thread, so the thread holds it.
    ByThread,
    /// The same of a reader that does not wait behind writers which wait.
    Recursively,
    /// A guard goes where its task goes.
    ByTask,
}

impl Watch {
    pub(crate) const fn named(name: &'static str) -> Self {
        Self::new(Name::Given(name))
    }

    /// With the name of the place where the lock is made.
    #[track_caller]
    pub(crate) const fn here() -> Self {
        Self::new(Name::Place(Location::caller()))
    }

    const fn new(name: Name) -> Self {
        Self { name, instance: AtomicPtr::new(ptr::null_mut()) }
    }

    #[inline]
    fn instance(&self) -> NonNull<Instance> {
        NonNull::new(self.instance.load(Ordering::Acquire)).unwrap_or_else(|| self.make())
    }

    #[inline]
    fn get(&self) -> &Instance {
        // SAFETY: it is from an `Arc` that this owns until it is dropped, which it is not while it is borrowed.
        unsafe { self.instance().as_ref() }
    }

    #[cold]
    fn make(&self) -> NonNull<Instance> {
        let made = Instance::new(self.name.number());
        let raw = Arc::into_raw(Arc::clone(&made)).cast_mut();
        match self.instance.compare_exchange(ptr::null_mut(), raw, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => {
                made.enter();
                // It is not null: it is from an `Arc`.
                NonNull::new(raw).unwrap_or(NonNull::from(&*made))
            }
            Err(first) => {
                // SAFETY: it is what `into_raw` gave above, and nobody else has it.
                drop(unsafe { Arc::from_raw(raw) });
                NonNull::new(first).unwrap_or(NonNull::from(&*made))
            }
        }
    }

    /// Counts an attempt that was successful at once, and begins the hold.
    #[inline(always)]
    pub(crate) fn at_once(&self, mode: Mode, by: Holds) -> Held {
        self.at_once_units(mode, by, 0)
    }

    #[inline(always)]
    pub(crate) fn at_once_units(&self, mode: Mode, by: Holds, units: u64) -> Held {
        Writer::of(self.get().series(mode)).at_once(units);
        self.hold(mode, by, units)
    }

    /// Counts an attempt that was successful at once, whose hold is begun elsewhere, or that holds nothing.
    pub(crate) fn counted_at_once(&self, mode: Mode, units: u64) {
        Writer::of(self.get().series(mode)).at_once(units);
    }

    /// Counts an attempt that was refused.
    pub(crate) fn refused(&self, mode: Mode) {
        Writer::of(self.get().series(mode)).refused();
    }

    /// Counts that a lock was acquired and found poisoned.
    pub(crate) fn poisoned(&self, mode: Mode) {
        cells::series(self.get().series(mode)).slow.poisoned.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts that a lock was acquired on return from a condition variable, and begins the hold.
    pub(crate) fn resumed(&self, mode: Mode, by: Holds) -> Held {
        cells::series(self.get().series(mode)).slow.resumed.fetch_add(1, Ordering::Release);
        self.hold(mode, by, 0)
    }

    /// Begins a wait.
    pub(crate) fn wait(&self, mode: Mode, by: Holds, blocks: bool) -> Wait<'_> {
        let there = self.get();
        Wait::begin(&there.waits, there.series(mode), mode, by, blocks)
    }

    /// Begins a wait of a future, which is polled again where it is asked what its calls wait for.
    pub(crate) fn wait_polled(&self, mode: Mode, waker: &Waker) -> Wait<'_> {
        let there = self.get();
        Wait::begin_polled(&there.waits, there.series(mode), mode, Holds::ByTask, false, Some(waker))
    }

    /// Begins a hold of what was acquired.
    #[inline(always)]
    pub(crate) fn hold(&self, mode: Mode, by: Holds, units: u64) -> Held {
        let instance = self.instance();
        // SAFETY: as in `get`.
        let there = unsafe { instance.as_ref() };
        let owner = Owner::current(mode, by != Holds::ByTask);
        let since = __locks::now();
        Held::new(there, instance, owner, Taken { since, call: __locks::address() }, since, units)
    }

    /// Takes a lock that blocks its thread: without waiting where that can be, and else for as long as it takes. The guard is built on either way
    /// by itself: one that is built where it is used is not moved about, which takes longer than to count it.
    #[inline(always)]
    pub(crate) fn blocking<G, W>(
        &self,
        mode: Mode,
        by: Holds,
        try_take: impl FnOnce() -> Option<G>,
        take: impl FnOnce() -> G,
        guard: impl Fn(G, Held) -> W,
    ) -> W {
        if let Some(inner) = try_take() {
            return guard(inner, self.at_once(mode, by));
        }
        let (inner, held) = self.blocked(mode, by, take);
        guard(inner, held)
    }

    /// Takes a lock that was not free, and blocks its thread for as long as that takes.
    #[cold]
    pub(crate) fn blocked<G>(&self, mode: Mode, by: Holds, take: impl FnOnce() -> G) -> (G, Held) {
        let wait = self.wait(mode, by, true);
        let guard = take();
        wait.acquired(0);
        (guard, self.hold(mode, by, 0))
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        let instance = *self.instance.get_mut();
        if !instance.is_null() {
            // SAFETY: it is what `into_raw` gave in `make`, and this is its end.
            let instance = unsafe { Arc::from_raw(instance) };
            instance.leave();
        }
    }
}

/// A hold in its two parts, so that a guard can have the lock's own between them: fields are dropped in their order. First the holder is no
/// longer named, then the lock is free, and then the hold is counted.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) mark: Mark,
    pub(crate) hold: Hold,
}

/// The holder's name at the lock, until it is dropped. Whoever has it keeps the lock from being dropped.
#[derive(Debug)]
pub(crate) struct Mark {
    instance: NonNull<Instance>,
    place: Place,
    owner: Owner,
}

// SAFETY: it is a reference to what all threads may use; its lock, which outlives it, keeps that alive.
unsafe impl Send for Mark {}
// SAFETY: as above.
unsafe impl Sync for Mark {}

/// A hold that is counted when it is dropped.
#[derive(Debug)]
pub(crate) struct Hold {
    since: u64,
    series: SeriesNumber,
    /// Permits.
    units: u64,
}

impl Held {
    #[inline(always)]
    fn new(there: &Instance, instance: NonNull<Instance>, owner: Owner, taken: Taken, since: u64, units: u64) -> Self {
        let mode = owner.mode();
        let place = there.slots.take(owner, taken);
        if units > 0 {
            there.units.fetch_add(units, Ordering::Relaxed);
        }
        if place == Place::UNNAMED {
            there.unnamed.add(mode);
        }
        Self { mark: Mark { instance, place, owner }, hold: Hold { since, series: there.series(mode), units } }
    }
}

impl Held {
    /// The same of a guard that owns its lock.
    #[cfg(feature = "tokio")]
    pub(crate) fn owned(mut self) -> Self {
        self.mark.owner = self.mark.owner.owned();
        self.mark.there().slots.own(self.mark.place, self.mark.owner);
        self
    }
}

impl Mark {
    /// Says that so many permits are no longer out.
    #[cfg(feature = "tokio")]
    pub(crate) fn units_back(&self, units: u64) {
        self.there().units.fetch_sub(units, Ordering::Relaxed);
    }

    /// The same holder in another mode, which was no attempt: the lock let it change.
    pub(crate) fn made_from(self, mode: Mode) -> Held {
        let (instance, owner, since) = (self.instance, self.owner.with_mode(mode), __locks::now());
        let taken = self.taken(since);
        drop(self);
        // SAFETY: whoever had the mark still has the lock, which owns the instance.
        let there = unsafe { instance.as_ref() };
        cells::series(there.series(mode)).slow.made.fetch_add(1, Ordering::Release);
        Held::new(there, instance, owner, taken, since, 0)
    }

    /// The moment at which its lock was taken, and by which call, of a hold that becomes another one at a moment.
    fn taken(&self, now: u64) -> Taken {
        self.there().slots.taken(self.place).unwrap_or(Taken { since: now, call: 0 })
    }

    fn there(&self) -> &Instance {
        // SAFETY: whoever has the mark borrows or owns the lock, which owns the instance.
        unsafe { self.instance.as_ref() }
    }

    /// A hold of the same holder in another mode, which was no attempt: its lock let it change.
    pub(crate) fn made(&self, mode: Mode, units: u64) -> Held {
        let there = self.there();
        cells::series(there.series(mode)).slow.made.fetch_add(1, Ordering::Release);
        let since = __locks::now();
        Held::new(there, self.instance, self.owner.with_mode(mode), self.taken(since), since, units)
    }
}

impl Mark {
    /// Says that the holder is about to let go.
    #[inline]
    pub(crate) fn clear(&self) {
        let there = self.there();
        if !there.slots.clear(self.place) && self.place == Place::UNNAMED {
            there.unnamed.take(self.owner.mode());
        }
    }

    /// Calls a closure of the program's, to which the lock's own guard was given. If it panics, that guard lets go on the way out: so the holder is
    /// cleared before.
    #[inline]
    pub(crate) fn guarding<R>(&mut self, call: impl FnOnce() -> R) -> R {
        let cleared = ClearedByPanic(self);
        let value = call();
        std::mem::forget(cleared);
        value
    }
}

struct ClearedByPanic<'a>(&'a mut Mark);

impl Drop for ClearedByPanic<'_> {
    fn drop(&mut self) {
        let Self(mark) = self;
        mark.clear();
        // Another may hold the lock when the mark itself is dropped.
        mark.place = Place::NOWHERE;
    }
}

impl Drop for Mark {
    #[inline]
    fn drop(&mut self) {
        self.clear();
    }
}

impl Hold {
    #[cfg(feature = "tokio")]
    pub(crate) fn units(&self) -> u64 {
        self.units
    }

    /// Takes permits off it, for another hold.
    #[cfg(feature = "tokio")]
    pub(crate) fn split_off(&mut self, units: u64) {
        self.units = self.units.saturating_sub(units);
    }

    /// Takes in another hold, which ends uncounted.
    #[cfg(feature = "tokio")]
    pub(crate) fn merge(&mut self, other: Self) {
        self.units += other.units;
        cells::series(self.series).slow.merged.fetch_add(1, Ordering::Release);
        std::mem::forget(other);
    }

    /// Ends it without a release: a permit that never comes back.
    #[cfg(feature = "tokio")]
    pub(crate) fn forget(self) {
        let slow = &cells::series(self.series).slow;
        slow.units_forgotten.fetch_add(self.units, Ordering::Relaxed);
        slow.forgotten.fetch_add(1, Ordering::Release);
        std::mem::forget(self);
    }
}

impl Hold {
    /// Counts it as ended now.
    #[inline]
    pub(crate) fn count(&self) {
        let nanos = __locks::now().saturating_sub(self.since);
        Writer::of(self.series).held(nanos, self.units);
    }
}

impl Drop for Hold {
    #[inline]
    fn drop(&mut self) {
        self.count();
    }
}
