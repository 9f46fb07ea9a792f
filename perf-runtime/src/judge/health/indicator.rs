//! One named part of the health: a value, its limits, and what it takes off the score.

use crate::judge::rule::threshold::Limits;
use crate::measure::model::kind::Kind;
use crate::text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;

/// The value without an end, such as a duration, at which an indicator takes all of its points: so many times the
/// critical one.
const WORST: f64 = 5.0;

/// The colour of an indicator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
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

/// The aspect that an indicator looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Aspect {
    /// The 95th percentile of durations, in seconds; the median where there were fewer than 20 calls.
    Latency,
    /// The share of panics and errors that are not expected, 0 to 1.
    Errors,
    /// The share of cancelled calls, without those cancelled by design, 0 to 1.
    Cancelled,
    /// The age of the oldest call that waits, in seconds.
    Stuck,
    /// The share of calls to one MCP server or one other service that failed, 0 to 1.
    Availability,
    /// How much of something the host or the process has only so much of is used, 0 to 1.
    Resource,
    /// Alerts that fire. One that is critical is red, warnings alone are yellow while they are few.
    Alerts,
}

impl Aspect {
    /// The aspect's name, as in `db_operation.latency`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Errors => "errors",
            Self::Cancelled => "cancelled",
            Self::Stuck => "stuck",
            Self::Availability => "availability",
            Self::Resource => "resource",
            Self::Alerts => "alerts",
        }
    }

    /// The unit of its values: `seconds`, `ratio` or `alerts`.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Latency | Self::Stuck => "seconds",
            Self::Errors | Self::Cancelled | Self::Availability | Self::Resource => "ratio",
            Self::Alerts => "alerts",
        }
    }

    /// The most points that it can take off the score.
    const fn weight(self) -> f64 {
        match self {
            Self::Errors => 30.0,
            Self::Latency => 20.0,
            Self::Stuck | Self::Resource => 15.0,
            Self::Cancelled | Self::Availability | Self::Alerts => 10.0,
        }
    }
}

/// The points that one series takes off the score, through one indicator.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PenaltyShare {
    /// The series, such as `db_operation{operation=select,table=users}`.
    pub series: String,
    /// Its points.
    pub points: f64,
}

/// So many alerts that fire take all of the points.
pub(super) const MOST_ALERTS: f64 = 12.0;

/// One named part of the health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    name: String,
    kind: Option<Kind>,
    aspect: Aspect,
    status: IndicatorStatus,
    #[serde(with = "text::any_number_or_none", default)]
    value: Option<f64>,
    unit: Cow<'static, str>,
    warning: f64,
    critical: f64,
    penalty: f64,
    /// Until the penalty is known, how much each series has to do with it, in any unit.
    shares: Vec<PenaltyShare>,
    series: Option<String>,
    covered: f64,
    calls: u64,
    /// Advice of whoever added the indicator, in place of ours.
    #[serde(default)]
    hint: Option<String>,
}

impl Indicator {
    /// Judges a value. `blame` says how much each series has to do with it, in any unit.
    pub(super) fn judge(
        name: String,
        kind: Option<Kind>,
        aspect: Aspect,
        value: Option<f64>,
        limits: Limits,
        blame: impl IntoIterator<Item = (String, f64)>,
    ) -> Self {
        let status = match value {
            None => IndicatorStatus::Unknown,
            Some(value) if value > limits.critical => IndicatorStatus::Red,
            Some(value) if value > limits.warning => IndicatorStatus::Yellow,
            Some(_) => IndicatorStatus::Green,
        };
        let penalty = value.map_or(0.0, |value| aspect.weight() * severity(aspect, value, limits));
        let mut shares = Vec::new();
        if status >= IndicatorStatus::Yellow {
            let blamed = blame.into_iter().filter(|(_, amount)| *amount > 0.0);
            shares.extend(blamed.map(|(series, points)| PenaltyShare { series, points }));
            shares.sort_by(|one, other| other.points.total_cmp(&one.points));
        }
        let series = shares.first().map(|share| share.series.clone());
        let Limits { warning, critical } = limits;
        let unit = aspect.unit().into();
        let mut this = Self {
            name,
            kind,
            aspect,
            status,
            value,
            unit,
            warning,
            critical,
            penalty,
            shares,
            series,
            covered: 0.0,
            calls: 0,
            hint: None,
        };
        this.share_out();
        this
    }

    /// Says what was looked at: seconds, and calls.
    pub(super) fn seen(mut self, covered: f64, calls: u64) -> Self {
        (self.covered, self.calls) = (covered, calls);
        self
    }

    /// The same with a hint of its own.
    pub(super) fn with_hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Advice of whoever added the indicator ([`Resource::hint`](crate::health::Resource::hint)): one sentence without
    /// its full stop. `None` for the built-in ones.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// Shares the penalty out in proportion to the blame.
    fn share_out(&mut self) {
        let whole: f64 = self.shares.iter().map(|share| share.points).sum();
        let mut left = self.penalty;
        for share in &mut self.shares {
            share.points = (self.penalty * (share.points / whole)).min(left);
            left -= share.points;
        }
        // The rest that rounding left goes to the first, so that the shares sum up to the penalty.
        if let Some(first) = self.shares.first_mut() {
            first.points += left;
        }
    }

    /// The name: of a kind and an aspect (`db_operation.latency`), a server (`mcp_call.server.context7`), a
    /// resource (`memory`), or `alerts`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The kind that is judged, where it is one.
    pub fn kind(&self) -> Option<Kind> {
        self.kind
    }

    /// The aspect that is judged.
    pub fn aspect(&self) -> Aspect {
        self.aspect
    }

    /// The colour.
    pub fn status(&self) -> IndicatorStatus {
        self.status
    }

    /// The value that was judged, in [`unit`](Self::unit). `None` where there were too few calls. In JSON, infinity is
    /// the text
    /// `"+Inf"`.
    pub fn value(&self) -> Option<f64> {
        self.value
    }

    /// `seconds`, `ratio` or `alerts`.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Above this, the indicator is yellow.
    pub fn warning(&self) -> f64 {
        self.warning
    }

    /// Above this, the indicator is red.
    pub fn critical(&self) -> f64 {
        self.critical
    }

    /// The points that it takes off the score.
    pub fn penalty(&self) -> f64 {
        self.penalty
    }

    /// Which series took which of these points, the most first: they sum up to the penalty. Empty where none is to blame.
    pub fn shares(&self) -> &[PenaltyShare] {
        &self.shares
    }

    /// The series that has the most to do with it, where it is yellow or red.
    pub fn series(&self) -> Option<&str> {
        self.series.as_deref()
    }

    /// The seconds that were looked at; 0 where it is about now.
    pub fn covered(&self) -> f64 {
        self.covered
    }

    /// The calls that were looked at.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Leaves at most `points` of the penalty, so that no score falls below zero.
    pub(crate) fn cap_penalty(&mut self, points: f64) {
        if self.penalty > points {
            self.penalty = points;
            self.share_out();
        }
    }
}

/// How bad a value is: 0 up to the warning limit, 0.5 at the critical one, 1 at the worst; it never falls as the value
/// rises.
fn severity(aspect: Aspect, value: f64, limits: Limits) -> f64 {
    let worst = match aspect.unit() {
        // A share cannot be more than all of it.
        "ratio" if limits.critical < 1.0 => 1.0,
        "alerts" => MOST_ALERTS,
        _ => limits.critical * WORST,
    };
    let part = |from: f64, to: f64| ((value - from) / (to - from)).clamp(0.0, 1.0);
    0.5 * part(limits.warning, limits.critical) + 0.5 * part(limits.critical, worst)
}
