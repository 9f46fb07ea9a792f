//! The two verdicts of the health, and how they make its status.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The status of a [`HealthReport`](crate::health::HealthReport), or of one of its two verdicts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// No indicator is yellow or red: the score is 100.
    #[default]
    Healthy,
    /// Something is not as it should be, and callers are served: the score is 81 to 99.
    Degraded,
    /// Callers are not served as they should be, or will not be for certain: the score is 80 at most.
    Unhealthy,
}

impl fmt::Display for HealthStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        })
    }
}

/// One of the two questions that the health answers: the verdict that an indicator is part of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The side that callers feel: latency, errors, cancelled and stuck calls, objectives. An indicator of it that is red makes the
    /// process unhealthy.
    Serving,
    /// The side that callers may come to feel: memory, processors, disks, pools, caches, the executor. It makes the process degraded
    /// at most, unless it is [about to fail it for certain](crate::health::Indicator::is_certain).
    Resources,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Serving => "serving",
            Self::Resources => "resources",
        })
    }
}
