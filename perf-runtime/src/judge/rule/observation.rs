//! The observation of one tick: the input of all judgement.

use super::estimate::{Estimate, EstimateQuestion, Estimates};
use super::statistic::Statistic;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::OutcomeCounts;
use crate::observe::history::window::Window;
use crate::observe::query::summary::SeriesSummary;
use crate::observe::series::labels;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// Names and values of labels.
pub(crate) type Labels = [(String, String)];

/// The moment of a judgement: on the clock that only goes forward, and on the wall.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tick {
    /// Since the monitor was made.
    pub(crate) elapsed: Duration,
    pub(crate) wall: SystemTime,
}

impl Tick {
    /// The moment on the wall of a time on the judging clock.
    pub(crate) fn on_the_wall(&self, elapsed: Duration) -> SystemTime {
        let ago = self.elapsed.saturating_sub(elapsed);
        let ahead = elapsed.saturating_sub(self.elapsed);
        self.wall.checked_sub(ago).and_then(|then| then.checked_add(ahead)).unwrap_or(self.wall)
    }

    /// The time on the judging clock of a moment on the wall; its beginning for what was before.
    pub(crate) fn elapsed_at(&self, wall: SystemTime) -> Duration {
        match self.wall.duration_since(wall) {
            Ok(ago) => self.elapsed.saturating_sub(ago),
            Err(ahead) => self.elapsed.saturating_add(ahead.duration()),
        }
    }
}

/// A value of a gauge.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct GaugeSample {
    pub(crate) labels: labels::Labels,
    pub(crate) value: f64,
    /// Words of who measured it, to be said after the value.
    pub(crate) note: Option<Arc<str>>,
}

impl GaugeSample {
    /// A value without words.
    pub(crate) fn new(labels: labels::Labels, value: f64) -> Self {
        Self { labels, value, note: None }
    }
}

/// Every gauge by its name.
pub(crate) type Gauges = BTreeMap<String, Vec<GaugeSample>>;

/// The observation of one tick: summaries by window and kind, and gauges.
#[derive(Debug, Default)]
pub(crate) struct Observation<'a> {
    /// The series over each window that is looked at, sorted by kind.
    windows: BTreeMap<Window, &'a [SeriesSummary]>,
    gauges: Option<&'a Gauges>,
    estimates: Option<&'a Estimates>,
}

impl<'a> Observation<'a> {
    pub(crate) fn new(windows: &'a BTreeMap<Window, Vec<SeriesSummary>>, gauges: &'a Gauges) -> Self {
        let windows = windows.iter().map(|(&window, series)| (window, series.as_slice())).collect();
        Self { windows, gauges: Some(gauges), estimates: None }
    }

    /// The same with the figures that are estimated.
    pub(crate) fn with_estimates(self, estimates: &'a Estimates) -> Self {
        Self { estimates: Some(estimates), ..self }
    }

    pub(crate) fn estimates(&self, question: &EstimateQuestion) -> &'a [Estimate] {
        self.estimates.and_then(|all| all.get(question)).map(Vec::as_slice).unwrap_or_default()
    }

    pub(crate) fn of_kind(&self, kind: Kind, window: Window) -> &'a [SeriesSummary] {
        let all: &'a [SeriesSummary] = self.windows.get(&window).copied().unwrap_or_default();
        let begin = all.partition_point(|one| one.kind < kind);
        let length = all.get(begin..).unwrap_or_default().partition_point(|one| one.kind == kind);
        all.get(begin..begin + length).unwrap_or_default()
    }

    pub(crate) fn gauges(&self, name: &str) -> &'a [GaugeSample] {
        self.gauges.and_then(|gauges| gauges.get(name)).map(Vec::as_slice).unwrap_or_default()
    }
}

/// Series added up, as far as that can be done.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) count: u64,
    outcomes: OutcomeCounts,
    /// Calls whose time is judged: not those that wait by design, nor streams whose function limits their latency by nothing.
    timed: u64,
    slow: Option<u64>,
    rate: f64,
    seconds: f64,
    min: Option<f64>,
    max: Option<f64>,
    in_flight: u64,
    oldest: f64,
}

impl Tally {
    pub(crate) fn add(&mut self, series: &SeriesSummary) {
        self.count += series.count;
        self.outcomes += series.outcomes;
        self.rate += series.rate;
        self.in_flight += series.in_flight;
        if series.waits {
            return;
        }
        self.oldest = self.oldest.max(series.oldest_in_flight.unwrap_or(0.0));
        if !series.is_timed() {
            return;
        }
        self.timed += series.count;
        self.slow = series.slow.map(|slow| slow.count + self.slow.unwrap_or(0)).or(self.slow);
        self.seconds += series.mean.unwrap_or(0.0) * series.count as f64;
        self.min = [self.min, series.min].into_iter().flatten().reduce(f64::min);
        self.max = [self.max, series.max].into_iter().flatten().reduce(f64::max);
    }

    /// A figure of all together; `None` where there is nothing to tell it from.
    pub(crate) fn value(&self, statistic: Statistic) -> Option<f64> {
        let share = |part: u64, whole: u64| (whole > 0).then(|| part as f64 / whole as f64);
        match statistic {
            Statistic::Calls => Some(self.count as f64),
            Statistic::Rate => Some(self.rate),
            Statistic::ErrorRate => self.outcomes.error_rate(),
            Statistic::SuccessRate => share(self.outcomes.ended() - self.outcomes.failed(), self.outcomes.ended()),
            Statistic::CancelledRate => self.outcomes.cancelled_rate(),
            Statistic::SlowRate => self.slow.and_then(|slow| share(slow, self.timed)),
            Statistic::Min => self.min,
            Statistic::Max => self.max,
            Statistic::Mean => (self.timed > 0).then(|| self.seconds / self.timed as f64),
            Statistic::InFlight => Some(self.in_flight as f64),
            Statistic::OldestInFlight => Some(self.oldest),
            // The first is no figure of calls, the last are estimated; the others are refused where series are added up.
            Statistic::Value
            | Statistic::Std
            | Statistic::P50
            | Statistic::P90
            | Statistic::P95
            | Statistic::P99
            | Statistic::Anomaly
            | Statistic::Trend
            | Statistic::Forecast => None,
        }
    }

    /// A figure of one series.
    pub(crate) fn value_of(series: &SeriesSummary, statistic: Statistic) -> Option<f64> {
        let is_left_out = if statistic == Statistic::OldestInFlight { series.waits } else { !series.is_timed() };
        if is_left_out && statistic.is_of_time() {
            return None;
        }
        match statistic {
            Statistic::Std => series.std,
            Statistic::P50 => series.p50,
            Statistic::P90 => series.p90,
            Statistic::P95 => series.p95,
            Statistic::P99 => series.p99,
            Statistic::Mean => series.mean,
            other => {
                let mut alone = Self::default();
                alone.add(series);
                alone.value(other)
            }
        }
    }
}

/// The result of a tick for a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Seen {
    Value {
        value: f64,
        /// Over the recovery window, where the rule has one and it says something.
        lately: Option<f64>,
    },
    Nothing,
    /// The rule is about absence, and there is nothing.
    Absence,
}
