//! A report that is kept, as it is listed.

use super::id::{ReportId, ReportKind};
use crate::Format;
use perf_runtime::text;
use serde::Serialize;
use std::time::SystemTime;

/// A report that is kept. As JSON, times are of RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeptReport {
    /// Its id.
    pub id: ReportId,
    /// The occasion.
    pub kind: ReportKind,
    /// The start of the range that it is about; of a comparison, of the one after.
    #[serde(serialize_with = "text::moment::serialize")]
    pub from: SystemTime,
    /// The end.
    #[serde(serialize_with = "text::moment::serialize")]
    pub to: SystemTime,
    /// Of a comparison, the range before.
    pub before: Option<KeptRange>,
    /// When it was made.
    #[serde(serialize_with = "text::moment::serialize")]
    pub made: SystemTime,
    /// Whether the process ended in order; `None` where it is not about a session.
    pub in_order: Option<bool>,
    /// Its files.
    pub files: Vec<KeptFile>,
}

/// A range of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeptRange {
    /// Its start.
    #[serde(serialize_with = "text::moment::serialize")]
    pub from: SystemTime,
    /// Its end.
    #[serde(serialize_with = "text::moment::serialize")]
    pub to: SystemTime,
}

/// A report in one format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct KeptFile {
    /// The format.
    pub format: Format,
    /// Its length in bytes.
    pub bytes: u64,
}

impl KeptReport {
    /// The bytes of all files.
    pub fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.bytes).sum()
    }
}
