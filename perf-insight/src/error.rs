//! The answers instead of a finding.

use std::fmt;

/// The reason why there is no finding. Display names the field, the value and what is allowed.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Error {
    /// An argument that cannot be meant.
    Invalid {
        /// The name of the argument.
        field: &'static str,
        /// Its value.
        value: String,
        /// The values that are allowed.
        allowed: &'static str,
    },
    /// Too few known values for an answer with an interval: an answer without one would be a guess.
    TooLittleHistory {
        /// The number of known values.
        known: usize,
        /// The number that is needed, in steps of the series.
        needed: usize,
    },
}

impl Error {
    pub(crate) fn invalid(field: &'static str, value: impl fmt::Display, allowed: &'static str) -> Self {
        Self::Invalid { field, value: value.to_string(), allowed }
    }

    /// A check of the number of values.
    pub(crate) fn unless_enough(known: usize, needed: usize) -> Result<(), Self> {
        if known < needed { Err(Self::TooLittleHistory { known, needed }) } else { Ok(()) }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid { field, value, allowed } => write!(f, "{field} is {value}, allowed is {allowed}"),
            Self::TooLittleHistory { known, needed } => {
                write!(f, "not enough history: {known} values are known, {needed} are needed")
            }
        }
    }
}

impl std::error::Error for Error {}
