//! Everything that one series, or one site of it, writes.

use super::cells::{Cells, Reading};
use super::clock::Moment;
use super::error_type::ErrorCounts;
use super::histogram::Layout;
use super::kind::Kind;
use super::outcome::Outcome;
use super::waiting::Waiting;

/// Counts, durations and waiting calls.
#[derive(Debug)]
pub(crate) struct Meter {
    kind: Kind,
    cells: Cells,
    pub(crate) waiting: Waiting,
    pub(crate) errors: ErrorCounts,
}

impl Meter {
    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, cells: Cells::new(), waiting: Waiting::new(), errors: ErrorCounts::new() }
    }

    /// Counts a call as started. `first_touch` runs when this thread's cells did not exist yet.
    #[inline]
    pub(crate) fn start(&self, first_touch: impl FnOnce()) {
        self.cells.start(|| {
            first_touch();
            Layout::of(self.kind)
        });
    }

    /// Counts a call as finished.
    #[inline]
    pub(crate) fn finish(&self, outcome: Outcome, nanos: u64) {
        self.cells.finish(outcome, nanos, || Layout::of(self.kind));
    }

    /// Counts a call that is over.
    pub(crate) fn record(&self, outcome: Outcome, nanos: u64) {
        self.start(|| {});
        self.finish(outcome, nanos);
    }

    /// Moves a call that `self` counted as started to `other`, where it ends.
    pub(crate) fn hand_over(&self, other: &Self, outcome: Outcome, nanos: u64) {
        other.record(outcome, nanos);
        self.cells.unstart(|| Layout::of(self.kind));
    }

    /// All that was counted.
    pub(crate) fn read(&self) -> Reading {
        let mut reading = Reading::default();
        self.read_into(&mut reading);
        reading
    }

    pub(crate) fn read_into(&self, reading: &mut Reading) {
        self.cells.read_into(reading);
    }

    /// When the oldest waiting call started.
    pub(crate) fn oldest(&self) -> Option<Moment> {
        self.waiting.oldest()
    }
}
