//! The past beyond memory, as a part provides it.

use super::range::TimeRange;
use super::selector::Selector;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use std::time::{Duration, SystemTime};

pub use crate::observe::history::ring::LATE;

/// The past beyond what memory holds: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn Past>`), so that [`Monitor::tracks`](crate::Monitor::tracks)
/// answers over any range.
///
/// Its methods are called by whoever asks for tracks, on their thread, and may take as long as that may.
pub trait Past: Send + Sync {
    /// The parts of a range that were observed and are kept, ascending: one for each life of a process, with its gaps. What
    /// memory holds too may be among them; it is then read from memory.
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange>;

    /// The length of the shortest steps that are kept from this time on.
    fn step_since(&self, start: SystemTime) -> Duration;

    /// The length of the shortest steps that are ever kept: a question that memory answers in steps as short is not one to the past. Asked
    /// with each question. As by default, there may be any.
    fn shortest_step(&self) -> Duration {
        Duration::ZERO
    }

    /// Gives everything that is kept of a range: the slices that ended in it, and of metrics the points. The range's
    /// [`step`](TimeRange::step) is that of the answer: a multiple of [`step_since`](Self::step_since) its start.
    ///
    /// A slice may be one that a cursor gave ([`DeltaSlice`](crate::collect::DeltaSlice)), or several of one life of a process
    /// joined, as long as all of them ended within one step, aligned to the wall clock. A slice that ended up to
    /// [`LATE`] after the end of a step is of that step: ticks come a little after each full second.
    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink);

    /// The names of the series of calls that are kept and selected, whenever their calls ended: without reading any. `None`, as by
    /// default, where that is not known.
    fn series(&self, selector: &Selector) -> Option<Vec<SeriesId>> {
        let _ = selector;
        None
    }
}

/// Takes what is kept of the past: [`Past::read`].
pub trait PastSink {
    /// Takes what calls of one series did in a slice of time.
    fn slice(&mut self, series: &SeriesId, slice: &PastSlice<'_>);

    /// Takes what was read of a series of the application's own metrics in a slice of time.
    fn point(&mut self, metric: &PastMetric<'_>, point: &PastPoint);
}

/// Calls of a series in a slice of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastSlice<'a> {
    /// The buckets that were hit.
    pub buckets: &'a [PastBucket],
    /// The summed durations of calls by outcome, in nanoseconds, in the order of [`Outcome::ALL`].
    pub nanos: [u64; Outcome::ALL.len()],
    /// How many of the errors were expected ([`OutcomeCounts::expected_errors`](crate::series::OutcomeCounts::expected_errors)).
    pub expected_errors: u64,
    /// How many of the cancelled calls were part of the plan.
    pub expected_cancelled: u64,
    /// Nanoseconds that async calls waited between their polls.
    pub idle_nanos: u64,
    /// Polls that kept their thread for long.
    pub slow_polls: u64,
    /// When it ended.
    pub end: SystemTime,
}

/// Calls of one outcome whose durations lie in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastBucket {
    /// How they ended.
    pub outcome: Outcome,
    /// The longest duration of the bucket, in nanoseconds: the second of
    /// [`DeltaSeries::range`](crate::collect::DeltaSeries::range).
    pub longest_nanos: u64,
    /// How many.
    pub count: u64,
}

/// A series of the application's own metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PastMetric<'a> {
    /// The metric's name.
    pub name: &'a str,
    /// The type of the metric.
    pub kind: MetricKind,
    /// Its unit, as it was described.
    pub unit: Option<&'a str>,
    /// Names and values.
    pub labels: &'a Labels,
}

/// The reading of the metric in a slice of time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PastPoint {
    /// When the slice ended.
    pub end: SystemTime,
    /// Of a gauge the sum of what was read, of a counter what was added to it, of a histogram the sum of the values.
    pub sum: f64,
    /// How many values that is the sum of; of a counter, 1.
    pub count: f64,
}
