//! The windows over which a summary is made.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// How far back a summary looks.
///
/// A window is made of whole slices of time, so it covers its length and a little more; a summary says how much
/// ([`SeriesSummary::covered`](crate::series::SeriesSummary::covered)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[non_exhaustive]
pub enum Window {
    /// The last minute, to the second.
    #[serde(rename = "1m")]
    LastMinute,
    /// The last five minutes, to five seconds.
    #[serde(rename = "5m")]
    Last5Minutes,
    /// The last fifteen minutes, to the minute.
    #[serde(rename = "15m")]
    Last15Minutes,
    /// The last hour, to the minute.
    #[serde(rename = "1h")]
    LastHour,
}

impl Window {
    /// All windows, the shortest first.
    pub const ALL: [Self; 4] = [Self::LastMinute, Self::Last5Minutes, Self::Last15Minutes, Self::LastHour];

    /// How long the window is.
    pub const fn duration(self) -> Duration {
        Duration::from_secs(match self {
            Self::LastMinute => 60,
            Self::Last5Minutes => 300,
            Self::Last15Minutes => 900,
            Self::LastHour => 3_600,
        })
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::LastMinute => "1m",
            Self::Last5Minutes => "5m",
            Self::Last15Minutes => "15m",
            Self::LastHour => "1h",
        })
    }
}
