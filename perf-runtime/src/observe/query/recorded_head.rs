//! A recorded call before anything is worked out of it.

use super::range::TimeRange;
use super::recorded_call::RecordedCall;
use super::statistics::seconds;
use crate::measure::cells::recorder::kept::{Entry, KeptCall};
use crate::measure::clock::wall;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use std::sync::Arc;
use std::time::SystemTime;

/// A recorded call before its error, its trace and the number of calls inside it are looked up: from it
/// [`Monitor::recorded_from`](crate::Monitor::recorded_from) makes a [`RecordedCall`](crate::series::RecordedCall). For lists that are chosen from and sorted
/// before a part of them is shown.
#[derive(Clone, Debug)]
pub struct RecordedHead(pub(super) Source);

/// Where a recorded call comes from.
#[derive(Clone, Debug)]
pub(super) enum Source {
    /// Memory, with its series.
    Memory(Entry, Arc<Series>),
    /// A [`CallLog`](crate::extend::CallLog), with what lists are chosen and sorted by: of a month they are many.
    Log(Box<Logged>),
}

/// The part that lists need of a call of a [`CallLog`](crate::extend::CallLog).
#[derive(Clone, Debug)]
pub(super) struct Logged {
    id: Box<str>,
    series: Arc<SeriesId>,
    start: SystemTime,
    seconds: f64,
    outcome: Outcome,
}

impl RecordedHead {
    pub(super) fn new(entry: Entry, series: Arc<Series>) -> Self {
        Self(Source::Memory(entry, series))
    }

    /// Of a call of a [`CallLog`](crate::extend::CallLog), whose series is `series`.
    pub(crate) fn of_log(call: RecordedCall, series: Arc<SeriesId>) -> Self {
        let RecordedCall { id, start, seconds, outcome, .. } = call;
        Self(Source::Log(Box::new(Logged { id: id.into(), series, start, seconds, outcome })))
    }

    /// Its [name](crate::series::RecordedCall::id).
    #[must_use]
    pub fn id(&self) -> String {
        match &self.0 {
            Source::Memory(entry, _) => name_of(&entry.call),
            Source::Log(call) => call.id.to_string(),
        }
    }

    /// The series in which it was counted; of a request with its status.
    #[must_use]
    pub fn series(&self) -> SeriesId {
        match &self.0 {
            Source::Memory(_, series) => SeriesId { kind: series.identity.kind, labels: series.labels() },
            Source::Log(call) => SeriesId::clone(&call.series),
        }
    }

    /// When it began, to the millisecond.
    #[must_use]
    pub fn start(&self) -> SystemTime {
        match &self.0 {
            Source::Memory(entry, _) => text::to_millis(wall::time_of(entry.call.started)),
            Source::Log(call) => call.start,
        }
    }

    /// How long it took.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        match &self.0 {
            Source::Memory(entry, _) => seconds(entry.call.nanos),
            Source::Log(call) => call.seconds,
        }
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        match &self.0 {
            Source::Memory(entry, _) => entry.call.outcome,
            Source::Log(call) => call.outcome,
        }
    }

    /// When it ended, in nanoseconds since 1970; `None` of one whose name does not tell it.
    pub(crate) fn ended(&self) -> Option<u64> {
        match &self.0 {
            Source::Memory(entry, _) => Some(wall::unix_nanos(entry.call.ended)),
            Source::Log(call) => ended_of(&call.id),
        }
    }
}

/// When the call ended, and its number.
pub(super) fn name_of(call: &KeptCall) -> String {
    call.kept_as().name()
}

/// Whether a call ended in a range.
pub(super) fn ended_in(call: &KeptCall, range: &TimeRange) -> bool {
    let ended = wall::time_of(call.ended);
    ended > range.start() && ended <= range.end()
}

/// When the call of this name ended, in nanoseconds since 1970.
fn ended_of(name: &str) -> Option<u64> {
    let (ended, _) = name.split_once('-')?;
    u64::from_str_radix(ended, 16).ok()
}

/// The number of the call of this name.
pub(super) fn number_in(name: &str) -> Option<u64> {
    let (_, number) = name.split_once('-')?;
    u64::from_str_radix(number, 16).ok()
}
