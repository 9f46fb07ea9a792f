//! Failures beyond what memory holds, as a part keeps them.

use super::errors::SeriesErrors;
use super::log_position::LogPosition;
use super::range::TimeRange;
use crate::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Failures of before the last hour, and of before a restart: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn ErrorLog>`), so that [`Monitor::errors`](crate::Monitor::errors) answers over any
/// range.
///
/// Its methods are called by whoever asks, on their thread, and may take as long as that may.
pub trait ErrorLog: Send + Sync {
    /// Shows the failures of the stretches of time that overlap with a range, one after the other, and says up to when it has everything,
    /// whatever the range: what came later is asked of memory.
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(ErrorSlice)) -> LogPosition;
}

/// The failures of one series in a stretch of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorSlice {
    /// When it began.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// When it ended.
    #[serde(with = "text::moment")]
    pub end: SystemTime,
    /// The failures.
    pub errors: SeriesErrors,
}

impl ErrorSlice {
    /// The failures of one series that [`Monitor::log_slices`](crate::Monitor::log_slices) or [`Monitor::errors`](crate::Monitor::errors) told.
    pub fn new(start: SystemTime, end: SystemTime, errors: SeriesErrors) -> Self {
        Self { start, end, errors }
    }
}
