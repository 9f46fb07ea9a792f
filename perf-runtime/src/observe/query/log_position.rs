//! Up to when a log keeps what memory holds.

use crate::measure::clock::{Moment, wall};
use std::time::{Duration, SystemTime};

/// The place in a process's memory up to which a log has everything ([`ErrorLog`](crate::extend::ErrorLog),
/// [`TreeLog`](crate::extend::TreeLog)): a moment, whatever the time of day was set to before or since. By default the first one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct LogPosition(pub(crate) Moment);

impl LogPosition {
    /// The end of time: of a log that has everything, so that memory is not asked.
    #[must_use]
    pub fn end() -> Self {
        Self(Moment::default().after(Duration::MAX))
    }

    /// The last moment at which the clock showed a time.
    #[must_use]
    pub fn at(time: SystemTime) -> Self {
        Self(wall::last_at(wall::to_unix_nanos(time)))
    }
}
