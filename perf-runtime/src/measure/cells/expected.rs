//! Counts of ends that are part of the plan. Beside the cells, for they are rare: one shared count of each, with atomic adds.

use crate::measure::model::outcome::Expected;
use std::sync::atomic::{AtomicU64, Ordering};

/// Calls of one meter that ended in an expected error, or were cancelled by design.
#[derive(Debug, Default)]
pub(crate) struct ExpectedCounts {
    errors: AtomicU64,
    cancelled: AtomicU64,
}

impl ExpectedCounts {
    pub(crate) const fn new() -> Self {
        Self { errors: AtomicU64::new(0), cancelled: AtomicU64::new(0) }
    }

    /// Counts an expected error, just before its call ends.
    pub(crate) fn add_error(&self) {
        self.errors.fetch_add(1, Ordering::Release);
    }

    /// Counts a call that was cancelled by design, just before it ends.
    pub(crate) fn add_cancelled(&self) {
        self.cancelled.fetch_add(1, Ordering::Release);
    }

    /// To be read after the calls themselves: so what was expected is never taken for a failure.
    pub(crate) fn read(&self) -> Expected {
        let [errors, cancelled] = [&self.errors, &self.cancelled].map(|count| count.load(Ordering::Acquire));
        Expected { errors, cancelled }
    }
}
