//! The reasons why a command cannot be carried out, with their exit codes.

use std::fmt;
use std::io;

/// A command that was not carried out. Shown, it is one line that says what is wrong and what to do.
#[derive(Debug)]
pub(crate) enum Failure {
    /// It was asked wrongly, or for what the service has not.
    Usage(String),
    /// The service has not the part that would answer.
    Missing(String),
    /// Nobody answers, or not as a service of this kind does.
    Unreachable(String),
    /// The reader of the output is gone.
    Closed,
}

impl Failure {
    pub(crate) fn code(&self) -> u8 {
        match self {
            Self::Closed => 0,
            Self::Usage(_) | Self::Missing(_) => 2,
            Self::Unreachable(_) => 3,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(text) | Self::Missing(text) | Self::Unreachable(text) => f.write_str(text),
            Self::Closed => f.write_str("the reader of the output is gone"),
        }
    }
}

/// An output that cannot be written.
impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Self::Closed;
        }
        Self::Unreachable(format!("the output cannot be written: {error}"))
    }
}
