//! How well the process is, and why.

use super::advice;
use super::indicator::{Indicator, IndicatorStatus};
use super::part_resource::Resource;
use crate::judge::alerts::alert::Alert;
use crate::judge::rule::observation::Gauges;
use crate::observe::query::summary::KindSummary;
use serde::{Deserialize, Serialize};
use std::fmt;

/// The verdict of a [`HealthReport`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum HealthStatus {
    /// No indicator is yellow or red.
    Healthy,
    /// An indicator is yellow.
    Degraded,
    /// An indicator is red.
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

/// How well the process is: a score that explains itself.
///
/// Each kind that was called is judged by its latency, its errors, its cancelled calls and its calls that do not end,
/// over the last minute (the last five where the last minute saw fewer than 20 calls); each MCP server and each other
/// service by whether it answers; resources by how much of them is used; and the alerts that fire by how many and how
/// bad they are. The score is 100 less the penalties of the indicators, and each says which series took which points. A
/// kind that was not called, and a resource that nothing measures, take nothing off.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    score: f64,
    status: HealthStatus,
    indicators: Vec<Indicator>,
    recommendations: Vec<String>,
}

impl HealthReport {
    /// Judges what was seen of each kind, what the gauges say, and what fires.
    pub(crate) fn judge(kinds: &[KindSummary], gauges: &Gauges, added: &[Resource], firing: &[Alert]) -> Self {
        let mut indicators: Vec<Indicator> = kinds.iter().flat_map(Indicator::of_kind).collect();
        indicators.extend(kinds.iter().flat_map(Indicator::of_servers));
        indicators.extend(Indicator::of_resources(gauges, added));
        indicators.extend(Indicator::of_alerts(firing));
        // The worst first: so they are read first, and what the score has no room for is taken from the least.
        indicators.sort_by(|one, other| other.penalty().total_cmp(&one.penalty()));
        let mut score = 100.0;
        for indicator in &mut indicators {
            indicator.cap_penalty(score);
            score -= indicator.penalty();
        }
        let status = match indicators.iter().map(Indicator::status).max() {
            Some(IndicatorStatus::Red) => HealthStatus::Unhealthy,
            Some(IndicatorStatus::Yellow) => HealthStatus::Degraded,
            _ => HealthStatus::Healthy,
        };
        let recommendations = indicators.iter().filter_map(advice::recommendation).collect();
        Self { score, status, indicators, recommendations }
    }

    /// 0 (as bad as can be) to 100 (nothing to complain about).
    pub fn score(&self) -> f64 {
        self.score
    }

    /// The verdict: by the worst indicator.
    pub fn status(&self) -> HealthStatus {
        self.status
    }

    /// Every indicator, the one that takes the most points first.
    pub fn indicators(&self) -> &[Indicator] {
        &self.indicators
    }

    /// Advice, the worst problem first. Empty where all is well.
    pub fn recommendations(&self) -> &[String] {
        &self.recommendations
    }
}

#[cfg(test)]
mod tests;
