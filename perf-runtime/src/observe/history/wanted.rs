//! The slices of memory that a question means.

use crate::measure::clock::{Moment, wall};
use std::time::{Duration, SystemTime};

/// A range that ended so short a time ago is one up to now.
const JUST_NOW: Duration = Duration::from_millis(250);

/// The slices that end in a range of time: by what the wall clock showed when they did, for that may have been set since.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// After it, in nanoseconds since 1970, a slice is to end.
    start: u64,
    /// It is to end by then.
    end: u64,
}

impl Wanted {
    pub(crate) fn of_range(start: SystemTime, end: SystemTime, now: Moment) -> Self {
        let [start, end, now] = [start, end, wall::time_of(now)].map(wall::to_unix_nanos);
        let is_up_to_now = Duration::from_nanos(now.saturating_sub(end)) < JUST_NOW;
        Self { start, end: if is_up_to_now { end.max(now) } else { end } }
    }

    /// Whether a slice that ended at a moment is meant.
    pub(crate) fn has(&self, end: Moment) -> bool {
        self.has_ended(wall::unix_nanos(end))
    }

    /// Whether one is meant that ended at a time, or counts as if it did.
    pub(crate) fn has_ended(&self, unix_nanos: u64) -> bool {
        self.start < unix_nanos && unix_nanos <= self.end
    }
}
