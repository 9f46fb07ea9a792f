//! A stretch of time for a log.

use super::error_log::ErrorSlice;
use super::tree_log::TreeSlice;
use std::time::SystemTime;

/// The failures, and the calls inside calls, of a stretch of time: [`Monitor::log_slices`](crate::Monitor::log_slices).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct LogSlice {
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// The failures, by series.
    pub errors: Vec<ErrorSlice>,
    /// The calls inside calls.
    pub tree: TreeSlice,
}
