//! The limits that the rules in force set, for whoever judges the same figures: the health, and the lines in charts.

use super::condition::{Condition, Threshold};
use super::definition::Rule;
use super::metric::Metric;
use super::severity::Severity;
use super::signal::Signal;
use super::statistic::Statistic;
use super::threshold::{Limits, Thresholds};
use crate::measure::model::kind::Kind;
use std::collections::BTreeMap;

/// A figure of a kind that the health judges too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Figure {
    Latency,
    Errors,
    Cancelled,
    Age,
}

/// The warning and the critical limit of a rule, where it has them; of figures that are good when high, of their rest.
type Levels = (Option<f64>, Option<f64>);

/// The limits of the rules in force, by what they are of. Only those of rules on all series of a metric: a rule on one route
/// says nothing of the others.
#[derive(Debug, Default)]
pub(crate) struct LimitsInForce {
    of_kinds: BTreeMap<(Kind, Figure), Levels>,
    of_gauges: BTreeMap<String, Levels>,
}

impl LimitsInForce {
    pub(crate) fn of<'a>(rules: impl IntoIterator<Item = &'a Rule>) -> Self {
        let mut this = Self::default();
        for rule in rules.into_iter().filter(|rule| rule.is_enabled()) {
            let Signal { term, over, change, .. } = &rule.signal;
            if over.is_some() || change.is_some() || term.matchers.iter().any(|matcher| !matcher.except) {
                continue;
            }
            let Some(levels) = levels(rule) else { continue };
            match &term.metric {
                Metric::Kind(kind) => {
                    if let Some(figure) = figure(term.statistic, rule.condition) {
                        tighten(this.of_kinds.entry((*kind, figure)).or_default(), levels);
                    }
                }
                Metric::Gauge(name) => tighten(this.of_gauges.entry(name.clone()).or_default(), levels),
            }
        }
        this
    }

    /// The limits of a kind.
    pub(crate) fn of_kind(&self, kind: Kind) -> Thresholds {
        let defaults = Thresholds::of(kind);
        let changed = |figure, limits: Limits| {
            let (warning, critical) = self.of_kinds.get(&(kind, figure)).copied().unwrap_or_default();
            limits.changed_to(warning, critical)
        };
        Thresholds {
            latency: defaults.latency.map(|limits| changed(Figure::Latency, limits)),
            errors: changed(Figure::Errors, defaults.errors),
            cancelled: changed(Figure::Cancelled, defaults.cancelled),
            age: defaults.age.map(|limits| changed(Figure::Age, limits)),
        }
    }

    /// The limits of a gauge that has these by itself.
    pub(crate) fn of_gauge(&self, gauge: &str, defaults: Limits) -> Limits {
        let (warning, critical) = self.of_gauges.get(gauge).copied().unwrap_or_default();
        defaults.changed_to(warning, critical)
    }
}

/// Of several rules on one figure the first that is reached counts.
fn tighten(levels: &mut Levels, (warning, critical): Levels) {
    let least = |one: Option<f64>, other: Option<f64>| [one, other].into_iter().flatten().reduce(f64::min);
    *levels = (least(levels.0, warning), least(levels.1, critical));
}

fn levels(rule: &Rule) -> Option<Levels> {
    let is_good_when_high = match rule.condition {
        Condition::Above | Condition::AtLeast => false,
        Condition::Below | Condition::AtMost => true,
        Condition::Outside | Condition::Absent => return None,
    };
    let limit = |severity| match rule.threshold(severity)? {
        Threshold::Value(value) if is_good_when_high => Some(Limits::rest_of(value)),
        Threshold::Value(value) => Some(value),
        Threshold::Range(..) => None,
    };
    Some((limit(Severity::Warning), limit(Severity::Critical)))
}

/// The figure that the health judges by the same number, where it does.
fn figure(statistic: Statistic, condition: Condition) -> Option<Figure> {
    let is_good_when_high = matches!(condition, Condition::Below | Condition::AtMost);
    match statistic {
        Statistic::SuccessRate if is_good_when_high => Some(Figure::Errors),
        _ if is_good_when_high => None,
        Statistic::P95 => Some(Figure::Latency),
        Statistic::ErrorRate => Some(Figure::Errors),
        Statistic::CancelledRate => Some(Figure::Cancelled),
        Statistic::OldestInFlight => Some(Figure::Age),
        _ => None,
    }
}
