//! Why a report is not made.

use std::error::Error;
use std::{fmt, io};

/// Why a report is not made, kept or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum MakeError {
    /// No report is kept: `[report] enabled = false`, or there is no folder.
    Off(String),
    /// Another one is being made: one at a time.
    Busy,
    /// The range is not allowed: it is empty, too long, or not over.
    Range(String),
    /// Nobody knows anything of that time: no history, or it does not reach there.
    Unknown(String),
    /// It is larger than all that may be kept beside what must stay.
    #[non_exhaustive]
    NoRoom {
        /// Its bytes, as far as it was written.
        bytes: u64,
        /// The most bytes of all reports: `[report] max_bytes`.
        max_bytes: u64,
    },
    /// It cannot be written or read.
    Io(io::Error),
}

impl fmt::Display for MakeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off(why) => write!(f, "no report is kept: {why}"),
            Self::Busy => f.write_str("a report is being made: one at a time"),
            Self::Range(why) | Self::Unknown(why) => f.write_str(why),
            // Without its bytes: each time there are others, and the same trouble is told once.
            Self::NoRoom { max_bytes, .. } => write!(
                f,
                "there is no room for a report: max_bytes of [report] is {max_bytes}, and the newest of each kind stays"
            ),
            Self::Io(error) => error.fmt(f),
        }
    }
}

impl Error for MakeError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl From<io::Error> for MakeError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
