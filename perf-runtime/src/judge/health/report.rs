//! How well the process is, and why.

use super::advice;
use super::finding::Finding;
use super::indicator::{Indicator, IndicatorStatus};
use super::part_resource::Resource;
use super::verdict::{HealthStatus, Verdict};
use super::{of_alerts, of_kind, of_servers, points, resource};
use crate::judge::alerts::rule_state::FiringAlert;
use crate::judge::rule::in_force::LimitsInForce;
use crate::judge::rule::observation::Gauges;
use crate::observe::query::summary::KindSummary;
use serde::{Deserialize, Serialize};
use std::fmt;

/// How well the process is: a score that explains itself.
///
/// There are two verdicts. [`serving`](Self::serving) is what callers feel. Each kind that was called is judged by its
/// latency, its errors, its cancelled calls and its calls that do not end, over the last minute (the last five where the last
/// minute saw fewer than 20 calls); each MCP server and each other service by whether it answers; and alerts and
/// objectives by what they are about. [`resources`](Self::resources) is what they may come to feel: how much of each
/// resource is used. It makes the process degraded at most, unless a resource is [about to fail it for
/// certain](Indicator::is_certain). The status is the worse of the two.
///
/// The score is 100 less the penalties of the indicators, and each says which series took which points:
///
/// | status | score | |
/// |---|---|---|
/// | healthy | 100 | nothing is yellow or red |
/// | degraded | 81 to 99 | something is; all that only warns takes less than 20 points together |
/// | unhealthy | at most 80 | an indicator of serving is red, or a resource fails for certain: 20 points at least, each |
///
/// A fact takes points once: an alert about a latency costs nothing where that latency costs as much already, and so on
/// for a server whose failures are those of its kind, and for load and processors
/// ([`counted_in`](Indicator::counted_in)). An alert that is acknowledged or silenced takes none. Whatever gets worse, the
/// score does not rise. A kind that was not called, and a resource that nothing measures, take nothing off.
///
/// Limits are those of the rules in force ([`RuleSet`](crate::rule::RuleSet)): where a rule on all series of a metric judges
/// the same figure, the health is yellow from where the rule warns.
///
/// Shown, it is one line: `unhealthy, 78 of 100: Failing database operations: 12.5 % (limit 5 %) over the last minute`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HealthReport {
    score: f64,
    status: HealthStatus,
    serving: HealthStatus,
    resources: HealthStatus,
    indicators: Vec<Indicator>,
    recommendations: Vec<String>,
}

/// Everything that the health is judged by, but the calls.
#[derive(Clone, Copy)]
pub(crate) struct Evidence<'a> {
    pub(crate) gauges: &'a Gauges,
    /// The resources that were added.
    pub(crate) added: &'a [Resource],
    pub(crate) firing: &'a [FiringAlert],
    pub(crate) limits: &'a LimitsInForce,
}

impl HealthReport {
    /// Judges what was seen of each kind, what the gauges say, and what fires.
    pub(crate) fn judge(kinds: &[KindSummary], evidence: Evidence<'_>) -> Self {
        let Evidence { gauges, added, firing, limits } = evidence;
        let mut findings: Vec<Finding> = kinds.iter().flat_map(|kind| of_kind::findings(kind, limits)).collect();
        findings.extend(kinds.iter().flat_map(|kind| of_servers::findings(kind, limits)));
        findings.extend(resource::findings(gauges, added, limits));
        let judged = findings.into_iter().enumerate().map(|(place, finding)| finding.charge(place));
        let (mut indicators, charges): (Vec<Indicator>, Vec<_>) = judged.unzip();
        let (of_alerts, alert_charges) = of_alerts::judge(firing, added, indicators.len());
        indicators.extend(of_alerts);
        points::settle(charges.into_iter().flatten().chain(alert_charges).collect(), &mut indicators);
        // The worst first, so that they are read first.
        indicators.sort_by(|one, other| other.penalty().total_cmp(&one.penalty()));
        let score = (100.0 - indicators.iter().map(Indicator::penalty).sum::<f64>()).max(0.0);
        let [serving, resources] = [Verdict::Serving, Verdict::Resources].map(|verdict| status(&indicators, verdict));
        let recommendations = indicators.iter().filter_map(advice::recommendation).collect();
        Self { score, status: serving.max(resources), serving, resources, indicators, recommendations }
    }

    /// 0 (as bad as can be) to 100 (nothing to complain about).
    pub fn score(&self) -> f64 {
        self.score
    }

    /// The status: the worse of the two verdicts.
    pub fn status(&self) -> HealthStatus {
        self.status
    }

    /// The verdict on what callers feel: latency, errors, cancelled and stuck calls, alerts and objectives about them.
    pub fn serving(&self) -> HealthStatus {
        self.serving
    }

    /// The verdict on resources: degraded where one is short, unhealthy only where one is about to fail the process.
    pub fn resources(&self) -> HealthStatus {
        self.resources
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

/// The verdict of its indicators.
fn status(indicators: &[Indicator], verdict: Verdict) -> HealthStatus {
    let of_indicator = |one: &Indicator| match one.status() {
        IndicatorStatus::Unknown | IndicatorStatus::Green => HealthStatus::Healthy,
        IndicatorStatus::Red if verdict == Verdict::Serving || one.is_certain() => HealthStatus::Unhealthy,
        IndicatorStatus::Yellow | IndicatorStatus::Red => HealthStatus::Degraded,
    };
    indicators.iter().filter(|one| one.verdict() == verdict).map(of_indicator).max().unwrap_or_default()
}

/// One line: the status, the score, and the worst problem with how many others there are.
impl fmt::Display for HealthReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {:.0} of 100", self.status, self.score)?;
        let mut problems = self.indicators.iter().filter(|one| one.counted_in().is_none() || one.penalty() > 0.0);
        let mut complaints = problems.by_ref().filter_map(Indicator::complaint);
        let Some(worst) = complaints.next() else { return f.write_str(": nothing to complain about") };
        write!(f, ": {worst}")?;
        match complaints.count() {
            0 => Ok(()),
            others => write!(f, "; and {others} more"),
        }
    }
}

#[cfg(test)]
mod tests;
