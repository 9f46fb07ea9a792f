//! The slices of memory that a question means.

use crate::measure::clock::{Moment, wall};
use std::time::{Duration, SystemTime};

/// A range that ended so short a time ago is one up to now.
const JUST_NOW: Duration = Duration::from_millis(250);

/// The slices that end in a range of time, by what the wall clock showed when they did, for that may have been set since; and of those
/// the ones that end between two moments, for it may have shown a time twice.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wanted {
    /// The first moment, and the first one after the last.
    moments: (Moment, Moment),
    /// After it, in nanoseconds since 1970, a slice is to end.
    start: u64,
    /// It is to end by then.
    end: u64,
}

impl Wanted {
    /// Those of a range that ended at a moment or later.
    pub(crate) fn of_range((start, end): (SystemTime, SystemTime), since: Moment, now: Moment) -> Self {
        let [start, end, now] = [start, end, wall::time_of(now)].map(wall::to_unix_nanos);
        let is_up_to_now = Duration::from_nanos(now.saturating_sub(end)) < JUST_NOW;
        let end = if is_up_to_now { end.max(now) } else { end };
        Self { moments: (since, Moment::default().after(Duration::MAX)), start, end }
    }

    /// Those that ended from a moment on and before another, whatever the time was.
    pub(crate) fn between(from: Moment, to: Moment) -> Self {
        Self { moments: (from, to), start: 0, end: u64::MAX }
    }

    /// Whether a slice that ended at a moment is meant.
    pub(crate) fn has(&self, end: Moment) -> bool {
        self.has_told(end, wall::unix_nanos(end))
    }

    /// Whether one is meant that ended at a moment, and is told as if it had ended at a time.
    pub(crate) fn has_told(&self, end: Moment, told_at: u64) -> bool {
        let (from, to) = self.moments;
        from <= end && end < to && self.start < told_at && told_at <= self.end
    }
}
