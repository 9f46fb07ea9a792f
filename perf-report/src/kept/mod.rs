//! Reports that are kept: their ids, the folder that they lie in, and when they are due.

mod compared;
mod error;
mod id;
mod keeper;
mod listed;
mod parts;
mod room;
mod schedule;
mod telling;
mod view;

pub use error::MakeError;
pub use id::{InvalidId, ReportId, ReportKind};
pub(crate) use keeper::{Keeper, LONGEST};
pub use listed::{KeptFile, KeptRange, KeptReport};
pub(crate) use room::{MOST_KEPT, Room};
pub(crate) use schedule::Schedule;
pub use view::{Due, KeptReports, ReportsView, Trouble, Wanted};

use std::time::SystemTime;

/// One life of a process of the service, as a history knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Life {
    /// When it was first observed.
    pub started: SystemTime,
    /// Up to when it was observed.
    pub ended: SystemTime,
    /// Whether it ended in order.
    pub in_order: bool,
}

impl Life {
    /// A life from one time to another.
    pub fn new(started: SystemTime, ended: SystemTime, in_order: bool) -> Self {
        Self { started, ended, in_order }
    }
}
