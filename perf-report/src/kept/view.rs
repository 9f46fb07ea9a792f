//! A handle by which others list kept reports, read them, and have them made.

use super::error::MakeError;
use super::id::ReportId;
use super::keeper::Keeper;
use super::listed::KeptReport;
use crate::Format;
use perf_runtime::text;
use serde::Serialize;
use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::time::SystemTime;

/// A handle by which others look at kept reports: [`Reports::view`](crate::Reports::view). Cheap to clone.
#[derive(Clone)]
pub struct ReportsView(pub(crate) Result<Arc<Keeper>, &'static str>);

/// The reports that are kept, and how the schedule is. As JSON, times are of RFC 3339.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KeptReports {
    /// Why none is kept; `None` while they are.
    pub off: Option<String>,
    /// The most bytes that all of them may take.
    pub max_bytes: u64,
    /// The reports, the last made first.
    pub reports: Vec<KeptReport>,
    /// The one of the schedule that is due next; `None` where there is no schedule of days or weeks.
    pub next: Option<Due>,
    /// Those that are due and whose time nobody knows anything of, as the schedule was looked at last: they are looked for until a later one
    /// is made.
    pub not_known: Vec<ReportId>,
    /// Why one that is due is not made, as the schedule was looked at last. It is tried again.
    pub trouble: Option<Trouble>,
}

/// A report that is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Due {
    /// Its id.
    pub id: ReportId,
    /// When it is due.
    #[serde(serialize_with = "text::moment::serialize")]
    pub at: SystemTime,
}

/// The reason why a report that is due is not made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Trouble {
    /// When it was tried last.
    #[serde(serialize_with = "text::moment::serialize")]
    pub at: SystemTime,
    /// The reason.
    pub error: String,
}

/// A report that somebody wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Wanted {
    /// Of the last day that is over, in the time zone of `[report]`.
    Day,
    /// Of the last week that is over.
    Week,
    /// Of the process before.
    Session,
    /// From one time to another, which is over.
    Range(SystemTime, SystemTime),
    /// Two such ranges side by side: the one before, and the one after.
    Comparison([SystemTime; 2], [SystemTime; 2]),
}

impl ReportsView {
    fn keeper(&self) -> Result<&Keeper, MakeError> {
        self.0.as_deref().map_err(|off| MakeError::Off((*off).to_owned()))
    }

    /// Reads it from the folder: some milliseconds.
    ///
    /// # Errors
    /// [`MakeError::Io`] where the folder cannot be read.
    pub fn overview(&self) -> Result<KeptReports, MakeError> {
        match self.keeper() {
            Ok(keeper) => keeper.overview(),
            Err(off) => Ok(KeptReports { off: Some(off.to_string()), ..KeptReports::default() }),
        }
    }

    /// Opens a report in a format to read it, with its length in bytes. `None` where there is none.
    ///
    /// # Errors
    /// [`MakeError::Io`] where it cannot be read, and [`MakeError::Off`].
    pub fn open(&self, id: ReportId, format: Format) -> Result<Option<(File, u64)>, MakeError> {
        Ok(self.keeper()?.room.open(id, format)?)
    }

    /// A report by its id. `None` where there is none.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn get(&self, id: ReportId) -> Result<Option<KeptReport>, MakeError> {
        Ok(self.keeper()?.room.get(id)?)
    }

    /// Makes a report now and keeps it, or finds the one that is there; says whether it is new. One at a time. Costs what
    /// [`Export::of`](crate::Export::of) costs: call it where blocking is allowed. A comparison is kept as `html` and `json`, whatever the settings say.
    ///
    /// # Errors
    /// [`MakeError`].
    pub fn make(&self, wanted: Wanted) -> Result<(KeptReport, bool), MakeError> {
        self.keeper()?.make_wanted(wanted)
    }

    /// Removes a report; says whether there was one. One of a schedule is not made again by itself.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn remove(&self, id: ReportId) -> Result<bool, MakeError> {
        Ok(self.keeper()?.remove(id)?)
    }
}

impl fmt::Debug for ReportsView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReportsView").field("is_kept", &self.0.is_ok()).finish_non_exhaustive()
    }
}
