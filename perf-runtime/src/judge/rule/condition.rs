//! When a value is too bad.

use serde::{Deserialize, Serialize};
use std::fmt;

/// How a value is held against a threshold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Condition {
    /// `>`: the default.
    #[default]
    Above,
    /// `>=`
    AtLeast,
    /// `<`
    Below,
    /// `<=`
    AtMost,
    /// Below the first or above the second of two numbers.
    Outside,
    /// There is no value at all. Takes no threshold, only a severity.
    Absent,
}

impl Condition {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Above, Self::AtLeast, Self::Below, Self::AtMost, Self::Outside, Self::Absent];

    /// The name in configuration, such as `at_least`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Above => "above",
            Self::AtLeast => "at_least",
            Self::Below => "below",
            Self::AtMost => "at_most",
            Self::Outside => "outside",
            Self::Absent => "absent",
        }
    }

    /// Whether the value is on the bad side of the threshold.
    pub(crate) fn holds(self, value: f64, threshold: Threshold) -> bool {
        match (self, threshold) {
            (Self::Above, Threshold::Value(limit)) => value > limit,
            (Self::AtLeast, Threshold::Value(limit)) => value >= limit,
            (Self::Below, Threshold::Value(limit)) => value < limit,
            (Self::AtMost, Threshold::Value(limit)) => value <= limit,
            (Self::Outside, Threshold::Range(low, high)) => value < low || value > high,
            // A threshold of the wrong shape is refused when the rule is made.
            _ => false,
        }
    }

    /// The worse of two values that were both on the bad side of a threshold.
    pub(crate) fn worse(self, one: f64, other: f64, threshold: Option<Threshold>) -> f64 {
        match (self, threshold) {
            (Self::Below | Self::AtMost, _) => one.min(other),
            (Self::Outside, Some(Threshold::Range(low, high))) => {
                let distance = |value: f64| (low - value).max(value - high);
                if distance(other) > distance(one) { other } else { one }
            }
            _ => one.max(other),
        }
    }

    /// Whether the first threshold is as far out as the second, or farther.
    pub(crate) fn is_as_strict(self, far: Threshold, near: Threshold) -> bool {
        match (self, far, near) {
            (Self::Above | Self::AtLeast, Threshold::Value(far), Threshold::Value(near)) => far >= near,
            (Self::Below | Self::AtMost, Threshold::Value(far), Threshold::Value(near)) => far <= near,
            (Self::Outside, Threshold::Range(low, high), Threshold::Range(near_low, near_high)) => {
                low <= near_low && high >= near_high
            }
            _ => false,
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Where good ends: a number, or the two ends of what is good for [`Condition::Outside`]. In the unit of the rule's
/// statistic: seconds, shares 0 to 1, calls, or a gauge's own.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Threshold {
    /// One number.
    Value(f64),
    /// The lower and the upper end of what is good.
    Range(f64, f64),
}

impl Threshold {
    /// Its numbers.
    pub fn numbers(self) -> impl Iterator<Item = f64> {
        let (first, second) = match self {
            Self::Value(value) => (value, None),
            Self::Range(low, high) => (low, Some(high)),
        };
        std::iter::once(first).chain(second)
    }
}

impl From<f64> for Threshold {
    fn from(value: f64) -> Self {
        Self::Value(value)
    }
}

impl From<(f64, f64)> for Threshold {
    fn from((low, high): (f64, f64)) -> Self {
        Self::Range(low, high)
    }
}

impl fmt::Display for Threshold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value}"),
            Self::Range(low, high) => write!(f, "{low}..{high}"),
        }
    }
}
