//! The bar from which a call of a series is worth keeping in this minute: by one look at a few words.

use crate::measure::cells::lazy::LazyBox;
use crate::measure::clock::Moment;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64};

/// The bar for the calls of a meter that were made inside no other. Nothing is there before the first that ends while calls are recorded.
#[derive(Debug)]
pub(crate) struct Keep(LazyBox<Bar>);

#[derive(Debug)]
pub(super) struct Bar {
    /// By which the kept calls name the meter: no other ever has this number.
    pub(super) serial: u32,
    /// Until when the bar holds, in nanoseconds of the clock.
    until: AtomicU64,
    /// A call of so many nanoseconds or more is one of the slowest.
    slowest: AtomicU64,
    /// So many that fail are still to be kept.
    failed_left: AtomicU32,
}

impl Keep {
    pub(crate) const fn new() -> Self {
        Self(LazyBox::new())
    }

    /// Whether a call that ends at the moment `now` may have to be kept.
    #[inline]
    pub(super) fn wants(&self, has_failed: bool, nanos: u64, now: Moment) -> bool {
        let Some(bar) = self.0.get() else { return true };
        // First of all: whoever sees that the bar is of this minute sees the rest of it.
        let is_over = now.to_nanos() >= bar.until.load(Acquire);
        is_over || nanos >= bar.slowest.load(Relaxed) || (has_failed && bar.failed_left.load(Relaxed) > 0)
    }

    pub(super) fn bar(&self) -> &Bar {
        self.0.get_or_init(|| {
            static LAST: AtomicU32 = AtomicU32::new(0);
            let serial = LAST.fetch_add(1, Relaxed) + 1;
            let (until, slowest, failed_left) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU32::new(0));
            Box::new(Bar { serial, until, slowest, failed_left })
        })
    }

    /// The number by which kept calls name the meter, if any was ever looked at.
    pub(crate) fn serial(&self) -> Option<u32> {
        self.0.get().map(|bar| bar.serial)
    }
}

impl Bar {
    /// Sets the bar, under the lock of the store.
    pub(super) fn set(&self, until: Moment, slowest: u64, failed_left: usize) {
        self.slowest.store(slowest, Relaxed);
        self.failed_left.store(u32::try_from(failed_left).unwrap_or(u32::MAX), Relaxed);
        self.until.store(until.to_nanos(), Release);
    }

    /// Until when it holds.
    pub(super) fn until(&self) -> Moment {
        Moment::from_nanos(self.until.load(Relaxed))
    }
}
