//! One named part of the health: a value, its limits, and what it takes off the score.

use super::threshold::{Limits, Thresholds};
use crate::measure::kind::Kind;
use crate::observe::summary::{KindSummary, SeriesSummary};
use serde::Serialize;
use std::fmt;

/// Fewer calls than this say nothing.
const MIN_CALLS: u64 = 5;
/// Below this number of calls one slow call would decide the 95th percentile, so the median is judged instead.
const MIN_CALLS_FOR_P95: u64 = 20;
/// Fewer failures than this are bad luck.
const MIN_FAILURES: u64 = 3;
/// The value at which an indicator takes all of its points: five times the critical duration, or a share of one.
const WORST_DURATION: f64 = 5.0;

/// The colour of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IndicatorStatus {
    /// Too few calls to tell. Takes nothing off the score.
    Unknown,
    /// Within the limits.
    Green,
    /// Above the warning limit.
    Yellow,
    /// Above the critical limit.
    Red,
}

impl fmt::Display for IndicatorStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Unknown => "unknown",
            Self::Green => "green",
            Self::Yellow => "yellow",
            Self::Red => "red",
        })
    }
}

/// What an indicator looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Aspect {
    /// The 95th percentile of durations, in seconds; the median where there were fewer than 20 calls.
    Latency,
    /// The share of errors and panics, 0 to 1.
    Errors,
    /// The share of cancelled calls, 0 to 1.
    Cancelled,
    /// The age of the oldest call that waits, in seconds.
    Stuck,
}

impl Aspect {
    const ALL: [Self; 4] = [Self::Latency, Self::Errors, Self::Cancelled, Self::Stuck];

    /// The aspect's name, as in `db_operation.latency`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Cancelled => "cancelled",
            Self::Stuck => "stuck",
        }
    }

    /// The unit of its values: `seconds` or `ratio`.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Latency | Self::Stuck => "seconds",
            Self::Errors | Self::Cancelled => "ratio",
        }
    }

    /// The most points that it can take off the score.
    const fn weight(self) -> f64 {
        match self {
            Self::Errors => 30.0,
            Self::Latency => 20.0,
            Self::Stuck => 15.0,
            Self::Cancelled => 10.0,
        }
    }

    /// What is judged, where there is enough of it.
    fn value(self, summary: &SeriesSummary) -> Option<f64> {
        let enough = summary.count >= MIN_CALLS;
        let share = |calls: u64| if calls < MIN_FAILURES { 0.0 } else { calls as f64 / summary.count as f64 };
        match self {
            Self::Latency if summary.count >= MIN_CALLS_FOR_P95 => summary.p95,
            Self::Latency => summary.p50.filter(|_| enough),
            Self::Errors => enough.then(|| {
                let failures = summary.outcomes.error + summary.outcomes.panicked;
                if failures < MIN_FAILURES { 0.0 } else { summary.error_rate.unwrap_or(0.0) }
            }),
            Self::Cancelled => enough.then(|| share(summary.outcomes.cancelled)),
            Self::Stuck => summary.oldest_in_flight.or(enough.then_some(0.0)),
        }
    }

    fn limits(self, thresholds: &Thresholds) -> Option<Limits> {
        match self {
            Self::Latency => thresholds.latency,
            Self::Errors => Some(thresholds.errors),
            Self::Cancelled => Some(thresholds.cancelled),
            Self::Stuck => thresholds.age,
        }
    }

    /// How much a series has to do with the kind's value: the one with the most is named.
    fn blame(self, series: &SeriesSummary, whole: &SeriesSummary) -> f64 {
        match self {
            // A rare series does not make the 95th percentile of its kind.
            Self::Latency if series.count * 20 < whole.count => 0.0,
            Self::Latency => series.p95.unwrap_or(0.0),
            Self::Errors => (series.outcomes.error + series.outcomes.panicked) as f64,
            Self::Cancelled => series.outcomes.cancelled as f64,
            Self::Stuck => series.oldest_in_flight.unwrap_or(0.0),
        }
    }
}

/// One named part of the health.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Indicator {
    name: String,
    kind: Kind,
    aspect: Aspect,
    status: IndicatorStatus,
    value: Option<f64>,
    unit: &'static str,
    warning: f64,
    critical: f64,
    penalty: f64,
    series: Option<String>,
    covered: f64,
    calls: u64,
}

impl Indicator {
    /// All indicators of a kind.
    pub(super) fn of_kind(summary: &KindSummary) -> impl Iterator<Item = Self> + '_ {
        let thresholds = Thresholds::of(summary.whole.kind);
        Aspect::ALL
            .into_iter()
            .filter_map(move |aspect| Some(Self::judge(aspect, aspect.limits(&thresholds)?, summary)))
    }

    fn judge(aspect: Aspect, limits: Limits, summary: &KindSummary) -> Self {
        let whole = &summary.whole;
        let value = aspect.value(whole);
        let status = match value {
            None => IndicatorStatus::Unknown,
            Some(value) if value > limits.critical => IndicatorStatus::Red,
            Some(value) if value > limits.warning => IndicatorStatus::Yellow,
            Some(_) => IndicatorStatus::Green,
        };
        let blamed = summary
            .series
            .iter()
            .max_by(|one, other| aspect.blame(one, whole).total_cmp(&aspect.blame(other, whole)))
            .filter(|_| status >= IndicatorStatus::Yellow);
        Self {
            name: format!("{}.{}", whole.kind, aspect.as_str()),
            kind: whole.kind,
            aspect,
            status,
            value,
            unit: aspect.unit(),
            warning: limits.warning,
            critical: limits.critical,
            penalty: value.map_or(0.0, |value| aspect.weight() * severity(aspect, value, limits)),
            series: blamed.map(SeriesSummary::name),
            covered: whole.covered,
            calls: whole.count,
        }
    }

    /// The kind and the aspect: `db_operation.latency`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind that is judged.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What of the kind is judged.
    pub fn aspect(&self) -> Aspect {
        self.aspect
    }

    /// The colour.
    pub fn status(&self) -> IndicatorStatus {
        self.status
    }

    /// The value that was judged, in [`unit`](Self::unit). `None` where there were too few calls.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// `seconds` or `ratio`.
    pub fn unit(&self) -> &str {
        self.unit
    }

    /// Above this, the indicator is yellow.
    pub fn warning(&self) -> f64 {
        self.warning
    }

    /// Above this, the indicator is red.
    pub fn critical(&self) -> f64 {
        self.critical
    }

    /// What it takes off the score, in points.
    pub fn penalty(&self) -> f64 {
        self.penalty
    }

    /// The series that has the most to do with it, where it is yellow or red.
    pub fn series(&self) -> Option<&str> {
        self.series.as_deref()
    }

    /// The seconds that were looked at.
    pub fn covered(&self) -> f64 {
        self.covered
    }

    /// The calls that were looked at.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Leaves at most `points` of the penalty, so that no score falls below zero.
    pub(super) fn cap_penalty(&mut self, points: f64) {
        self.penalty = self.penalty.min(points);
    }
}

/// How bad a value is: 0 up to the warning limit, 0.5 at the critical one, 1 at the worst; it never falls as the value
/// rises.
fn severity(aspect: Aspect, value: f64, limits: Limits) -> f64 {
    let worst = match aspect.unit() {
        "ratio" => 1.0,
        _ => limits.critical * WORST_DURATION,
    };
    let part = |from: f64, to: f64| ((value - from) / (to - from)).clamp(0.0, 1.0);
    0.5 * part(limits.warning, limits.critical) + 0.5 * part(limits.critical, worst)
}
