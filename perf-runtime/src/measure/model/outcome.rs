//! How a call ended.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a call ended. Every call ends exactly one way.
///
/// | outcome | when |
/// |---|---|
/// | `Ok` | the body returned, and what it returned is not an error |
/// | `Error` | the body returned `Err(..)`, or what `ok_if` or `error_if` calls an error |
/// | `Panicked` | the body unwound |
/// | `Cancelled` | the future was dropped before it was ready: a timeout, a lost `select!`, an aborted task |
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Outcome {
    /// The body returned, and what it returned is not an error.
    Ok,
    /// The body returned an error.
    Error,
    /// The body unwound.
    Panicked,
    /// The future was dropped before it was ready.
    Cancelled,
}

impl Outcome {
    /// All four, in the order in which they are shown.
    pub const ALL: [Self; 4] = [Self::Ok, Self::Error, Self::Panicked, Self::Cancelled];

    /// The value of the label `outcome`: `ok`, `error`, `panicked` or `cancelled`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Panicked => "panicked",
            Self::Cancelled => "cancelled",
        }
    }

    /// `Ok` or `Error`, by whether it went well.
    pub const fn from_success(success: bool) -> Self {
        if success { Self::Ok } else { Self::Error }
    }

    /// The place of this outcome in arrays that hold one value for each.
    pub(crate) const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Calls counted by outcome.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct OutcomeCounts {
    /// Calls that returned something other than an error.
    pub ok: u64,
    /// Calls that returned an error.
    pub error: u64,
    /// Calls that unwound.
    pub panicked: u64,
    /// Calls that were dropped before they were ready.
    pub cancelled: u64,
}

impl OutcomeCounts {
    pub(crate) fn from_array([ok, error, panicked, cancelled]: [u64; 4]) -> Self {
        Self { ok, error, panicked, cancelled }
    }

    /// All calls that ended.
    pub fn finished(&self) -> u64 {
        self.ok + self.error + self.panicked + self.cancelled
    }

    /// Calls that ended with `outcome`.
    pub fn of(&self, outcome: Outcome) -> u64 {
        match outcome {
            Outcome::Ok => self.ok,
            Outcome::Error => self.error,
            Outcome::Panicked => self.panicked,
            Outcome::Cancelled => self.cancelled,
        }
    }

    /// The share of calls that failed, 0 to 1: errors and panics among the calls that ran to their end. Cancelled calls
    /// are in neither, for who cancels is the caller. `None` where no call ran to its end.
    pub fn error_rate(&self) -> Option<f64> {
        let failed = self.error + self.panicked;
        let ended = self.ok + failed;
        (ended > 0).then(|| failed as f64 / ended as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_index_their_own_place() {
        for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
            assert_eq!(outcome.index(), place);
        }
        let counts = OutcomeCounts::from_array([1, 2, 3, 4]);
        assert_eq!(Outcome::ALL.map(|outcome| counts.of(outcome)), [1, 2, 3, 4]);
        assert_eq!(counts.finished(), 10);
    }

    #[test]
    fn the_error_rate_leaves_cancelled_calls_out() {
        let counts = OutcomeCounts::from_array([6, 1, 1, 100]);
        assert_eq!(counts.error_rate(), Some(0.25));
        assert_eq!(OutcomeCounts::from_array([0, 0, 0, 5]).error_rate(), None);
    }
}
