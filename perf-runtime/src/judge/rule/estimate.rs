//! Figures that a part estimates, for the rules that judge them.

use super::metric::Metric;
use super::statistic::Statistic;
use crate::observe::history::window::Window;
use crate::observe::series::labels::Labels;
use std::collections::BTreeMap;

/// A part that estimates what cannot be counted: what is unusual, where a figure moves, what comes. Provided with
/// [`Monitor::provide`](crate::Monitor::provide) as `dyn Estimator`; rules on
/// [`Anomaly`](Statistic::Anomaly), [`Trend`](Statistic::Trend) and [`Forecast`](Statistic::Forecast) judge its answers.
///
/// It is asked at each tick, on the monitor's thread, so that it answers from what it knows already, and works out on a thread of
/// its own what was asked for the first time. Where no part provides it, such rules have nothing to judge, which is logged once.
pub trait Estimator: Send + Sync {
    /// The estimates that are known, of each series once; none of a series about which nothing is known yet.
    fn estimates(&self, question: &EstimateQuestion) -> Vec<Estimate>;
}

/// A question to an [`Estimator`]: the figure of the series of a metric that a rule judges.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct EstimateQuestion {
    /// The metric.
    pub metric: Metric,
    /// The figure, one of those that [are estimated](Statistic::is_estimated).
    pub statistic: Statistic,
    /// The window that the rule looks back over. A forecast has none, and this says nothing.
    pub window: Window,
}

/// The estimate for one series.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Estimate {
    /// The labels of the series, without those that are known only at a call's end.
    pub labels: Labels,
    /// The value, in the unit of the statistic.
    pub value: f64,
}

impl Estimate {
    /// An estimate of the series with these labels.
    pub fn new(labels: Labels, value: f64) -> Self {
        Self { labels, value }
    }
}

/// The answers to the questions of a tick.
pub(crate) type Estimates = BTreeMap<EstimateQuestion, Vec<Estimate>>;
