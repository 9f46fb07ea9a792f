//! The failures of an hour by kind, and its calls inside calls, as the monitor tells them when the hour is over.

use super::Writer;
use crate::past::{HoursUntil, time};
use crate::store::{Batch, HOUR, late};
use perf_runtime::extend::LogPosition;
use std::sync::{PoisonError, RwLockWriteGuard};

/// So long after its end, in nanoseconds, an hour is told.
const MOMENT: u64 = 1_000_000_000;
/// The longest slices in which memory holds them, in nanoseconds.
const MINUTE: u64 = 60 * MOMENT;

/// Up to when hours were gathered and written. They are known by moments, for the clock may be set.
#[derive(Debug, Default)]
pub(super) struct Hours {
    /// Of those in the file: the monitor's memory answers for what came later.
    written: HoursUntil,
    /// Of those in a commit that may wait.
    gathered: LogPosition,
    /// The number of these slices.
    slices: u64,
}

impl Hours {
    /// Nothing is written that happened before a time: the slice of memory that the time is in goes whole.
    pub(super) fn forget_before(&mut self, before: u64) {
        let slice_ends = before.div_ceil(MINUTE).saturating_mul(MINUTE).saturating_add(late());
        self.gathered = self.gathered.max(LogPosition::at(time(slice_ends)));
    }

    /// Holds up whoever asks, where a commit has hours.
    pub(super) fn writing(&self, batch: &Batch) -> Option<RwLockWriteGuard<'_, LogPosition>> {
        let has_hours = !batch.errors.is_empty() || !batch.trees.is_empty();
        has_hours.then(|| self.written.write().unwrap_or_else(PoisonError::into_inner))
    }

    /// A commit was written.
    pub(super) fn are_written(&self, held: Option<RwLockWriteGuard<'_, LogPosition>>) {
        let mut written = held.unwrap_or_else(|| self.written.write().unwrap_or_else(PoisonError::into_inner));
        *written = self.gathered;
    }
}

impl Writer {
    /// Shares with whoever answers for the past up to when hours are in the file.
    pub(crate) fn with_hours(mut self, until: HoursUntil) -> Self {
        let gathered = *until.read().unwrap_or_else(PoisonError::into_inner);
        self.hours = Hours { written: until, gathered, ..Hours::default() };
        self
    }

    /// Takes what the hour that is over had into a commit; where somebody set the clock, what there was up to then; and where the process ends,
    /// up to now.
    pub(super) fn gather_hours(&mut self, now: u64, batch: &mut Batch) {
        // Slices of memory that end so late are of the hour before. A range that ended a moment ago is one up to now for the monitor, and
        // would hold what the next one has as well.
        let over = now.saturating_sub(late() + MOMENT) / HOUR * HOUR + late();
        let until = (!self.boot.1.clean).then(|| time(over));
        batch.slices_before = self.hours.slices;
        for slice in self.monitor.log_slices(&mut self.hours.gathered, until) {
            batch.errors.extend(slice.errors);
            batch.trees.extend(Some(slice.tree).filter(|tree| !tree.is_empty()));
        }
        self.hours.slices += (batch.errors.len() + batch.trees.len()) as u64;
    }
}
