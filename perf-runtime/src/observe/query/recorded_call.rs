//! A call that is kept, without those inside it.

use super::recorded_error::RecordedError;
use super::recorded_field::{self, RecordedField};
use crate::measure::model::outcome::Outcome;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A call that was made inside no other, and is kept: one of the slowest of its series and minute, or one of the first that failed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own, and a field of the JSON")]
pub struct RecordedCall {
    /// Its name, for [`Monitor::recorded_call`](crate::Monitor::recorded_call): no other call has it, in whatever process.
    pub id: String,
    /// The series in which it was counted; of a request with its status.
    pub series: SeriesId,
    /// When it began.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// How long it took.
    pub seconds: f64,
    /// The part of it in which no call inside it ran; `None` where that is not known, as of some calls whose
    /// [calls inside are not](Self::calls_known).
    pub self_seconds: Option<f64>,
    /// How it ended.
    pub outcome: Outcome,
    /// The kind of failure, where it failed and that is known.
    pub error: Option<RecordedError>,
    /// The trace that its span belongs to, where [`trace_id_of`](crate::MonitorBuilder::trace_id_of) tells it.
    pub trace_id: Option<String>,
    /// The address at which that trace is shown, where [`trace_url`](crate::MonitorBuilder::trace_url) is set and the id is one of W3C Trace
    /// Context.
    #[serde(default)]
    pub trace_link: Option<String>,
    /// Whether it is known which calls were made inside it. If not, it made some, and there was
    /// [no room](crate::series::RecorderState::without_buffer) to record them, or nobody wanted them recorded when it made the first.
    #[serde(default = "known")]
    pub calls_known: bool,
    /// Calls inside it that are recorded.
    pub calls: usize,
    /// Calls inside it that ended and are not recorded: beyond the bound of a tree, or inside one that goes on. It may be too many by calls
    /// that outlived another tree.
    pub missing: u64,
    /// The values of its fields, in the order of the attribute's option `fields(..)`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<RecordedField>,
    /// Whether values of fields are not told, its own or, with its tree, those of calls inside it: see [`withhold_fields`](Self::withhold_fields).
    #[serde(default)]
    pub fields_withheld: bool,
    /// Calls inside it whose values of fields are not kept: those of one tree are 16 KiB at most.
    #[serde(default)]
    pub fields_missing: u64,
    /// Whether it is one of the slowest of its series and minute.
    pub is_slowest: bool,
    /// Whether it is one of the first of its series and minute that failed.
    pub is_failed: bool,
}

impl RecordedCall {
    /// Takes the values of its fields away, for somebody who is not to see them: the names stay.
    pub fn withhold_fields(&mut self) {
        self.fields_withheld |= recorded_field::withhold(&mut self.fields);
    }
}

fn known() -> bool {
    true
}
