//! A recorded call before anything is worked out of it.

use super::range::TimeRange;
use super::selector::Selector;
use super::statistics::seconds;
use crate::measure::cells::recorder::store::{Entry, KeptCall};
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
pub struct RecordedHead {
    pub(super) entry: Entry,
    pub(super) series: Arc<Series>,
}

impl RecordedHead {
    pub(super) fn new(entry: Entry, series: Arc<Series>) -> Self {
        Self { entry, series }
    }

    /// Its [name](crate::series::RecordedCall::id).
    #[must_use]
    pub fn id(&self) -> String {
        name_of(&self.entry.call)
    }

    /// The series in which it was counted; of a request with its status.
    #[must_use]
    pub fn series(&self) -> SeriesId {
        SeriesId { kind: self.series.identity.kind, labels: self.series.labels() }
    }

    /// When it began, to the millisecond.
    #[must_use]
    pub fn start(&self) -> SystemTime {
        text::to_millis(wall::time_of(self.entry.call.started))
    }

    /// How long it took.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        seconds(self.entry.call.nanos)
    }

    /// How it ended.
    #[must_use]
    pub fn outcome(&self) -> Outcome {
        self.entry.call.outcome
    }

    pub(super) fn is_selected(&self, selector: &Selector) -> bool {
        selector.selects_identity(&self.series.identity)
    }

    pub(super) fn is_in(&self, range: &TimeRange) -> bool {
        let ended = wall::time_of(self.entry.call.ended);
        ended > range.start() && ended <= range.end()
    }
}

/// When the call ended, and its number: no two processes keep a call in the same nanosecond and with the same number, as far as chance allows.
pub(super) fn name_of(call: &KeptCall) -> String {
    format!("{:x}-{:x}", wall::unix_nanos(call.ended), call.number)
}

/// The number of the call of this name.
pub(super) fn number_in(name: &str) -> Option<u64> {
    let (_, number) = name.split_once('-')?;
    u64::from_str_radix(number, 16).ok()
}
