//! The views that locks and channels have in common: times, those that wait, and calls that waited.

use crate::watch::buckets::Times;
use perf_runtime::series::SeriesId;
use serde::Serialize;

/// Times, in seconds. Shares are told by the upper bound of the bucket in which they are reached.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct TimesView {
    /// How many.
    pub count: u64,
    /// Their sum.
    pub sum_seconds: f64,
    /// Half of them took at most so long; null where there are none, or it was more than a minute.
    pub half_at_most_seconds: Option<f64>,
    /// 99 of 100 took at most so long.
    pub p99_at_most_seconds: Option<f64>,
}

/// One that waits for a lock, or for room in a channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct WaiterView {
    /// The number of the lock or channel, among all that were made.
    pub instance: u64,
    /// The series whose call waits; null where none ran.
    pub series: Option<SeriesId>,
    /// The task or the thread.
    pub by: String,
    /// For how long.
    pub waited_seconds: f64,
}

/// The calls of a series that waited for a lock or for room in a channel, however that ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallerView {
    /// The series; null of waits around which no measured call ran, and with the label `__overflow__` of all that are not told apart.
    pub series: Option<SeriesId>,
    /// Waits that are over.
    pub waits: u64,
    /// How long they were in all, in seconds.
    pub waited_seconds: f64,
}

impl TimesView {
    pub(super) fn new(times: &Times) -> Self {
        Self {
            count: times.count(),
            sum_seconds: seconds(times.nanos),
            half_at_most_seconds: times.at_most(0.5).map(seconds),
            p99_at_most_seconds: times.at_most(0.99).map(seconds),
        }
    }
}

pub(super) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

/// Seconds as a number that can be sorted by: milliseconds.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age in milliseconds")]
pub(super) fn whole_millis(seconds: Option<f64>) -> u64 {
    seconds.map_or(0, |seconds| (seconds * 1e3) as u64 + 1)
}
