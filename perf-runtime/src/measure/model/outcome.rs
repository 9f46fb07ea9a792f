//! How a call ended.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::ops::AddAssign;

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

    /// Whether it is an error or a panic.
    #[inline]
    pub(crate) const fn is_failure(self) -> bool {
        matches!(self, Self::Error | Self::Panicked)
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
    /// How many of `error` are expected (`#[error_type(expected)]`): they are no failures. In JSON only where there are any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expected_errors: u64,
    /// How many of `cancelled` are part of the plan (`cancel = "expected"`). In JSON only where there are any.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub expected_cancelled: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}

/// Ends of calls that are part of the plan: counted as what they were, and no sign of ill health.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Expected {
    pub(crate) errors: u64,
    pub(crate) cancelled: u64,
}

impl OutcomeCounts {
    pub(crate) fn from_array([ok, error, panicked, cancelled]: [u64; 4]) -> Self {
        Self { ok, error, panicked, cancelled, expected_errors: 0, expected_cancelled: 0 }
    }

    /// The same, of which these are expected. A call says that it is expected just before it ends, so there are never more
    /// of them than have ended.
    pub(crate) fn with_expected(self, Expected { errors, cancelled }: Expected) -> Self {
        Self { expected_errors: errors.min(self.error), expected_cancelled: cancelled.min(self.cancelled), ..self }
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

    /// Calls that ran to their end: all but the cancelled ones.
    pub fn ended(&self) -> u64 {
        self.ok + self.error + self.panicked
    }

    /// Calls that failed: errors that are not expected, and panics.
    pub fn failed(&self) -> u64 {
        self.error.saturating_sub(self.expected_errors) + self.panicked
    }

    /// The share of calls that failed, 0 to 1: errors that are not expected and panics among the calls that ran to their
    /// end. Cancelled calls are in neither, for who cancels is the caller. `None` where no call ran to its end.
    pub fn error_rate(&self) -> Option<f64> {
        share(self.failed(), self.ended())
    }

    /// The share of calls that were cancelled though that was not part of the plan, 0 to 1. Those of the plan are left out
    /// altogether. `None` where there are no others.
    pub fn cancelled_rate(&self) -> Option<f64> {
        let cancelled = self.cancelled.saturating_sub(self.expected_cancelled);
        share(cancelled, self.ended() + cancelled)
    }
}

impl AddAssign for OutcomeCounts {
    fn add_assign(&mut self, other: Self) {
        let Self { ok, error, panicked, cancelled, expected_errors, expected_cancelled } = other;
        self.ok += ok;
        self.error += error;
        self.panicked += panicked;
        self.cancelled += cancelled;
        self.expected_errors += expected_errors;
        self.expected_cancelled += expected_cancelled;
    }
}

fn share(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
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

    #[test]
    fn what_is_expected_is_no_failure_and_there_is_never_more_of_it_than_there_is() {
        let expected = |errors, cancelled| Expected { errors, cancelled };
        let counts = OutcomeCounts::from_array([6, 3, 1, 5]).with_expected(expected(2, 4));
        assert_eq!((counts.failed(), counts.ended(), counts.finished()), (2, 10, 15));
        assert_eq!((counts.error_rate(), counts.cancelled_rate()), (Some(0.2), Some(1.0 / 11.0)));
        let counts = OutcomeCounts::from_array([0, 1, 0, 1]).with_expected(expected(9, 9));
        assert_eq!((counts.expected_errors, counts.expected_cancelled), (1, 1));
        assert_eq!((counts.error_rate(), counts.cancelled_rate()), (Some(0.0), Some(0.0)));
    }

    #[test]
    fn in_json_only_what_was_expected_is_told() {
        let plain = serde_json::to_value(OutcomeCounts::from_array([1, 2, 3, 4])).unwrap();
        assert_eq!(plain, serde_json::json!({"ok": 1, "error": 2, "panicked": 3, "cancelled": 4}));
        let counts = OutcomeCounts::from_array([1, 2, 3, 4]).with_expected(Expected { errors: 1, cancelled: 2 });
        let json = serde_json::to_value(counts).unwrap();
        assert_eq!((&json["expected_errors"], &json["expected_cancelled"]), (&1.into(), &2.into()));
        assert_eq!(serde_json::from_value::<OutcomeCounts>(json).unwrap(), counts);
        assert_eq!(serde_json::from_value::<OutcomeCounts>(plain).unwrap().expected_errors, 0);
    }
}
