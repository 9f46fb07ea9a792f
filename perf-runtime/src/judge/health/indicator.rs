//! One named part of the health: a value, its limits, and what it takes off the score.

use super::verdict::Verdict;
use crate::judge::rule::threshold::Limits;
use crate::measure::model::kind::Kind;
use crate::text;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

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
    /// The share of cancelled calls, without those cancelled by design, 0 to 1. By itself red only of requests, whose callers
    /// gave up.
    Cancelled,
    /// The age of the oldest call that waits, in seconds.
    Stuck,
    /// The share of calls to one MCP server or one other service that failed, 0 to 1.
    Availability,
    /// How much of something the host or the process has only so much of is used, 0 to 1; or for how long something is
    /// waited for, in seconds.
    Resource,
    /// Alerts that fire, but those that are acknowledged or silenced. One that is critical is red, warnings alone are yellow.
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

    /// The unit of its values: `seconds`, `ratio` or `alerts`. A resource whose gauge is named `.._seconds` has that unit
    /// instead ([`Indicator::unit`]).
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Latency | Self::Stuck => "seconds",
            Self::Errors | Self::Cancelled | Self::Availability | Self::Resource => "ratio",
            Self::Alerts => "alerts",
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
    /// The seconds that it was judged over; 0 where it is about now.
    #[serde(default)]
    pub covered: f64,
}

/// One named part of the health.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Indicator {
    name: String,
    kind: Option<Kind>,
    aspect: Aspect,
    verdict: Verdict,
    status: IndicatorStatus,
    #[serde(with = "text::any_number_or_none", default)]
    value: Option<f64>,
    unit: Cow<'static, str>,
    warning: f64,
    critical: f64,
    penalty: f64,
    shares: Vec<PenaltyShare>,
    series: Option<String>,
    covered: f64,
    calls: u64,
    /// The part of the value that is the process's own, where somebody measures it.
    #[serde(default)]
    own: Option<f64>,
    #[serde(default)]
    certain: bool,
    #[serde(default)]
    counted_in: Option<String>,
    /// Advice of whoever added the indicator, in place of ours.
    #[serde(default)]
    hint: Option<String>,
    /// Words of who measured the value, a part of the complaint.
    #[serde(skip)]
    note: Option<Arc<str>>,
}

impl Indicator {
    /// Judges a value of one aspect.
    pub(super) fn judge(name: String, aspect: Aspect, value: Option<f64>, limits: Limits) -> Self {
        let status = match value {
            None => IndicatorStatus::Unknown,
            Some(value) if value > limits.critical => IndicatorStatus::Red,
            Some(value) if value > limits.warning => IndicatorStatus::Yellow,
            Some(_) => IndicatorStatus::Green,
        };
        let verdict = if aspect == Aspect::Resource { Verdict::Resources } else { Verdict::Serving };
        let Limits { warning, critical } = limits;
        Self {
            name,
            kind: None,
            aspect,
            verdict,
            status,
            value,
            unit: aspect.unit().into(),
            warning,
            critical,
            penalty: 0.0,
            shares: Vec::new(),
            series: None,
            covered: 0.0,
            calls: 0,
            own: None,
            certain: false,
            counted_in: None,
            hint: None,
            note: None,
        }
    }

    /// The same, of a kind.
    pub(super) fn of(self, kind: Kind) -> Self {
        Self { kind: Some(kind), ..self }
    }

    /// The same as a part of another verdict.
    pub(super) fn in_verdict(self, verdict: Verdict) -> Self {
        Self { verdict, ..self }
    }

    /// Says what was looked at: seconds, and calls.
    pub(super) fn seen(self, covered: f64, calls: u64) -> Self {
        Self { covered, calls, ..self }
    }

    pub(super) fn in_unit(self, unit: &'static str) -> Self {
        Self { unit: unit.into(), ..self }
    }

    /// The same with the process's own part of the value.
    pub(super) fn with_own(self, own: Option<f64>) -> Self {
        Self { own, ..self }
    }

    /// The same, about to fail the process.
    pub(super) fn with_certainty(self) -> Self {
        Self { certain: true, status: IndicatorStatus::Red, ..self }
    }

    /// The same with a hint of its own.
    pub(super) fn with_hint(self, hint: &str) -> Self {
        Self { hint: Some(hint.to_owned()), ..self }
    }

    /// The same with words of who measured the value.
    pub(super) fn with_note(self, note: Option<Arc<str>>) -> Self {
        Self { note, ..self }
    }

    pub(super) fn note(&self) -> Option<&str> {
        self.note.as_deref()
    }

    /// The same with the series that has the most to do with it.
    pub(super) fn with_series(self, series: Option<String>) -> Self {
        Self { series, ..self }
    }

    /// Notes that another indicator took the points of the fact.
    pub(super) fn count_in(&mut self, other: String) {
        if other != self.name {
            self.counted_in = Some(other);
        }
    }

    /// Takes points, shared out among series in proportion to their blame.
    pub(super) fn take(&mut self, points: f64, blame: Vec<(String, f64)>, covered: f64) {
        self.penalty += points;
        let whole: f64 = blame.iter().map(|(_, amount)| amount).sum();
        let mut left = points;
        let begin = self.shares.len();
        for (series, amount) in blame {
            let points = (points * (amount / whole)).min(left);
            left -= points;
            self.shares.push(PenaltyShare { series, points, covered });
        }
        // The rest that rounding left goes to the first, so that the shares sum up to the penalty.
        if let Some(first) = self.shares.get_mut(begin) {
            first.points += left;
        }
        self.shares.sort_by(|one, other| other.points.total_cmp(&one.points));
    }

    /// The name: of a kind and an aspect (`db_operation.latency`), a server (`mcp_call.server.context7`), a
    /// resource (`memory`), or `alerts`; `alerts.resources` are those about resources.
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

    /// The verdict that it is part of.
    pub fn verdict(&self) -> Verdict {
        self.verdict
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

    /// The part of the value that is this process's own, in the same unit; the rest is others' on the same host. Of
    /// processors and memory, where something measures it.
    pub fn own(&self) -> Option<f64> {
        self.own
    }

    /// `seconds`, `ratio` or `alerts`.
    pub fn unit(&self) -> &str {
        &self.unit
    }

    /// Above this, the indicator is yellow. Where a rule on the same figure is in force, its limit.
    pub fn warning(&self) -> f64 {
        self.warning
    }

    /// Above this, the indicator is red. Where a rule on the same figure is in force, its limit.
    pub fn critical(&self) -> f64 {
        self.critical
    }

    /// Whether a resource is not only short, but about to fail the process: its own container's memory over 95 %, a full
    /// disk on which it writes, a pool that nobody gets a connection of.
    pub fn is_certain(&self) -> bool {
        self.certain
    }

    /// The points that it takes off the score.
    pub fn penalty(&self) -> f64 {
        self.penalty
    }

    /// The indicator that takes the points of this one's fact, since a fact takes points once. `None` where this one does, or
    /// nothing is to be taken.
    pub fn counted_in(&self) -> Option<&str> {
        self.counted_in.as_deref()
    }

    /// Which series took which of these points, the most first: they sum up to the penalty. Empty where none is to blame.
    pub fn shares(&self) -> &[PenaltyShare] {
        &self.shares
    }

    /// The series that has the most to do with it, where it is yellow or red.
    pub fn series(&self) -> Option<&str> {
        self.series.as_deref()
    }

    /// The span that was judged, in seconds; 0 where it is about now.
    pub fn covered(&self) -> f64 {
        self.covered
    }

    /// The calls that were looked at.
    pub fn calls(&self) -> u64 {
        self.calls
    }

    /// Advice of whoever added the indicator ([`Resource::hint`](crate::health::Resource::hint)): one sentence without
    /// its full stop. `None` for the built-in ones.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}
