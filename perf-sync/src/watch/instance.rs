//! The locks that are there, with the holders of each and those that wait for it.
//!
//! A lock comes in here when it is first taken, and leaves when it is dropped; nothing of it is kept then but its counts.

use super::cells;
use super::holders::{Holder, Slots, Unnamed};
use super::live::{Listed, Live};
use super::mode::Mode;
use super::name::Number;
use super::series::SeriesNumber;
use super::waits::{Waiter, Waits};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// The part of a lock that is looked at from elsewhere.
#[derive(Debug)]
pub(crate) struct Instance {
    /// The number of the instance, by which two of one name are told apart.
    pub(crate) serial: u64,
    pub(crate) name: Number,
    pub(crate) slots: Slots,
    pub(crate) unnamed: Unnamed,
    pub(super) waits: Waits,
    /// Permits that are out.
    pub(crate) units: AtomicU64,
    /// The place in its list.
    place: AtomicUsize,
}

static LIVE: Live<Instance> = Live::new();

impl Listed for Instance {
    fn serial(&self) -> u64 {
        self.serial
    }

    fn place(&self) -> &AtomicUsize {
        &self.place
    }
}

impl Instance {
    pub(crate) fn new(name: Number) -> Arc<Self> {
        Arc::new(Self {
            serial: LIVE.serial(),
            name,
            slots: Slots::default(),
            unnamed: Unnamed::default(),
            waits: Waits::default(),
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
        LIVE.enter(self);
    }

    /// Takes it back: the lock is dropped. Guards of it that are left were leaked, and so were futures that waited for it.
    pub(crate) fn leave(&self) {
        LIVE.leave(self);
        self.settle();
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
        self.waits.settle(|waiter| {
            let slow = &cells::series(self.series(waiter.owner.mode())).slow;
            slow.cancelled.fetch_add(1, Ordering::Release);
        });
    }

    /// How it stands now; `None` where nobody holds it or waits for it.
    fn look(&self) -> Option<Seen> {
        let waiters = self.waits.read();
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

/// Asks those that wait for a lock, which `wants` chooses and where it is time to, which calls wait for nothing else: their tasks are woken, and tell it when they are polled.
/// Costs a look at all locks that are waited for.
pub(crate) fn ask(now: u64, wants: impl Fn(&Waiter) -> bool) {
    let mut wakers = Vec::new();
    LIVE.each(|instance| instance.waits.ask(now, &wants, &mut wakers));
    for waker in wakers {
        // A waker is foreign code, and one that panics is no reason to leave out the others. Its wait may be over by now: then this drops it.
        let _ = catch_unwind(AssertUnwindSafe(|| waker.wake_by_ref()));
        let _ = catch_unwind(AssertUnwindSafe(|| drop(waker)));
    }
}

/// All locks that somebody holds or waits for. Costs a look at all locks that are there, a part of them at a time.
pub(crate) fn look() -> Vec<Seen> {
    let mut seen = Vec::new();
    LIVE.each(|instance| seen.extend(instance.look()));
    seen
}
