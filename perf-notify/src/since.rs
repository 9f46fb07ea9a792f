//! Moments from which spans are counted that may outlive the process.

use crate::group::Now;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A moment, and how long ago it is: counted by the monitor's uptime, which no clock that is set can move. Of a moment in a process
/// before, the clocks of the wall say how long ago it was when this one took it up.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "SystemTime", into = "SystemTime")]
pub(crate) struct Since {
    /// The moment, as people read it.
    pub(crate) at: SystemTime,
    /// An uptime, and how long the moment was ago then. `None` before this process took it up.
    mark: Option<(Duration, Duration)>,
}

impl Since {
    /// This moment.
    pub(crate) fn now(now: Now) -> Self {
        Self { at: now.wall, mark: Some((now.uptime, Duration::ZERO)) }
    }

    /// The same moment, counted by this process from now on.
    pub(crate) fn taken_up(self, now: Now) -> Self {
        Self { mark: Some((now.uptime, self.elapsed(now))), ..self }
    }

    pub(crate) fn elapsed(&self, now: Now) -> Duration {
        match self.mark {
            Some((uptime, before)) => before + now.uptime.saturating_sub(uptime),
            None => now.wall.duration_since(self.at).unwrap_or_default(),
        }
    }
}

impl From<SystemTime> for Since {
    fn from(at: SystemTime) -> Self {
        Self { at, mark: None }
    }
}

impl From<Since> for SystemTime {
    fn from(since: Since) -> Self {
        since.at
    }
}
