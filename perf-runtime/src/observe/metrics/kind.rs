//! The types of the application's own metrics.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The type of a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricKind {
    /// A whole number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Values counted in buckets, and their sum.
    Histogram,
}

impl MetricKind {
    pub(crate) const ALL: [Self; 3] = [Self::Counter, Self::Gauge, Self::Histogram];

    /// `counter`, `gauge` or `histogram`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for MetricKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
