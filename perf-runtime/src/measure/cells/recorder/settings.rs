//! The settings of the recorder.

use crate::measure::model::field_access::FieldAccess;

/// The settings `[recorder]` of one monitor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecorderSettings {
    /// Whether calls are recorded at all.
    pub(crate) enabled: bool,
    /// So many of the slowest are kept of each series and minute.
    pub(crate) slowest: usize,
    /// So many of those that failed are kept of each series and minute.
    pub(crate) failed: usize,
    /// So many minutes they are kept.
    pub(crate) minutes: usize,
    /// The most calls of one tree.
    pub(crate) calls: usize,
    /// The access to values of fields: `Off` keeps none.
    pub(crate) fields: FieldAccess,
}

impl RecorderSettings {
    /// Whether the values of fields are kept.
    pub(super) fn wants_values(&self) -> bool {
        self.enabled && self.fields != FieldAccess::Off
    }
}

impl Default for RecorderSettings {
    fn default() -> Self {
        Self { enabled: false, slowest: 3, failed: 3, minutes: 60, calls: 1_000, fields: FieldAccess::Admin }
    }
}
