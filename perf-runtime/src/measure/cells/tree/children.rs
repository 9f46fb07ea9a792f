//! The children of one call, and the time that they cover.

use super::outlived;
use super::parent::Parent;
use crate::measure::clock::{self, Moment};
use std::cell::Cell;

/// The children of a call. All zero before the first.
///
/// Each field is a cell of its own: to copy them all at once, just after one was written, would wait for the cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children {
    /// The call's name among its children; none while it has had no child.
    pub(super) name: Cell<Parent>,
    /// The time that children cover, in nanoseconds; while one is open, less the start of the first of these.
    covered: Cell<u64>,
    /// When a child last ended while others were open.
    last_end: Cell<Moment>,
    pub(super) open: Cell<u32>,
}

impl Children {
    /// Takes the children of earlier polls.
    pub(super) fn go_on(&self, earlier: &Self) {
        self.name.set(earlier.name.get());
        self.covered.set(earlier.covered.get());
        self.last_end.set(earlier.last_end.get());
        self.open.set(earlier.open.get());
    }

    #[inline]
    pub(super) fn open_first(&self, now: Moment) {
        self.covered.set(self.covered.get().wrapping_sub(now.to_nanos()));
        self.open.set(1);
    }

    pub(super) fn begin_beside(&self, now: Moment) {
        self.apply(&outlived::take(self.name.get()));
        match self.open.get() {
            0 => self.open_first(now),
            open => self.open.set(open.saturating_add(1)),
        }
    }

    #[inline]
    pub(super) fn end(&self, now: Moment) {
        match self.open.get() {
            0 | 1 => {
                self.open.set(0);
                self.covered.set(self.covered.get().wrapping_add(now.to_nanos()));
            }
            open => {
                self.open.set(open - 1);
                self.last_end.set(now);
            }
        }
    }

    /// Ends children that ended elsewhere.
    fn apply(&self, ends: &[Moment]) {
        // Others may have ended here since, before this was known.
        for &end in ends {
            self.end(end.max(self.last_end.get()));
        }
    }

    /// The time that children covered of a call that ends now. Those that are still open outlive it.
    #[inline(never)]
    pub(super) fn covered_at_end(&self) -> u64 {
        if self.open.get() > 0 {
            self.close_open();
        }
        // A clock that went back between two processors makes it less than nothing.
        Some(self.covered.get()).filter(|&covered| covered <= u64::MAX / 2).unwrap_or_default()
    }

    #[cold]
    fn close_open(&self) {
        self.apply(&outlived::close(self.name.get(), self.open.get()));
        if self.open.get() > 0 {
            self.covered.set(self.covered.get().wrapping_add(clock::now().to_nanos()));
        }
    }
}
