//! The failures of an hour by kind, and its calls inside calls, as the monitor tells them when the hour is over.

use super::Writer;
use crate::past::time;
use crate::store::{Batch, HOUR, late};
use perf_runtime::extend::ErrorSlice;
use perf_runtime::series::{Selector, TimeRange};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// So long after its end, in nanoseconds, an hour is told.
const MOMENT: u64 = 1_000_000_000;
/// The longest slices in which memory holds them, in nanoseconds.
const MINUTE: u64 = 60 * MOMENT;

/// Up to when hours were gathered and written, in nanoseconds since 1970.
#[derive(Debug)]
pub(super) struct Hours {
    /// Of those in the file: the monitor's memory answers for what came later.
    written: Arc<AtomicU64>,
    /// Of those in a commit that may wait.
    gathered: u64,
    /// Up to when everything was to be forgotten: memory holds it still.
    forgotten: u64,
}

impl Hours {
    /// Those of this process, which begins now.
    pub(super) fn since(written: Arc<AtomicU64>) -> Self {
        let gathered = written.load(Ordering::Acquire);
        Self { written, gathered, forgotten: 0 }
    }

    /// Nothing is written that happened before a time: the slice of memory that the time is in goes whole.
    pub(super) fn forget_before(&mut self, time: u64) {
        self.gathered = self.gathered.max(time);
        self.forgotten = time.div_ceil(MINUTE).saturating_mul(MINUTE).saturating_add(late());
    }

    /// A commit was written.
    pub(super) fn are_written(&self) {
        self.written.store(self.gathered, Ordering::Release);
    }
}

impl Writer {
    /// Shares with whoever answers for the past up to when hours are in the file.
    pub(crate) fn with_hours(mut self, until: Arc<AtomicU64>) -> Self {
        self.hours = Hours::since(until);
        self
    }

    /// Takes what the hour that is over had into a commit; where the process ends, what there was up to now.
    pub(super) fn gather_hour(&mut self, now: u64, batch: &mut Batch) {
        // Slices of memory that end so late are of the hour before. A range that ended a moment ago is one up to now for the monitor, and
        // would hold what the next one has as well.
        let over = now.saturating_sub(late() + MOMENT) / HOUR * HOUR + late();
        let until = if self.boot.1.clean { now.max(crate::past::now()) } else { over };
        if until <= self.hours.gathered {
            return;
        }
        let from = self.hours.gathered.max(self.hours.forgotten);
        self.hours.gathered = until;
        let (start, end) = (time(from), time(until));
        let Ok(range) = TimeRange::between(start, end) else { return };
        let errors = self.monitor.errors(&Selector::calls(), range);
        let tree = self.monitor.tree(range);
        batch.tree = Some(tree).filter(|tree| !tree.is_empty());
        batch.errors.extend(errors.series.into_iter().map(|series| ErrorSlice::new(start, end, series)));
    }

    /// Goes on from another time, to which the clock was set back.
    pub(super) fn begin_hours(&mut self, now: u64) {
        self.hours.gathered = now;
    }
}
