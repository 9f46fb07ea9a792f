//! Objectives that are set on the monitor, beside those of the attributes.

use crate::error::ConfigError;
use crate::judge::rule::check::unknown_label;
use crate::measure::clock;
use crate::measure::model::kind::Kind;
use crate::measure::model::target::Objective as Target;
use crate::observe::query::selector::Selector;
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// A promise of the calls of some series: that a share of them stays within a latency, that a share of them succeeds, or
/// both. For functions it is written on them, as `objective(..)`; this is for what has no attribute, such as HTTP routes,
/// and for what is only known where the program runs.
///
/// ```
/// use perf_runtime::objective::Objective;
/// use perf_runtime::{Kind, Monitor};
/// use std::time::Duration;
///
/// let checkout = Objective::new(Kind::HttpRequest)
///     .only("route", "/checkout")
///     .latency(Duration::from_millis(250), 99.0)
///     .success(99.9);
/// let monitor = Monitor::builder().objective(checkout).build()?;
///
/// // A latency is counted exactly, so it must be a bound of the histogram.
/// let inexact = Objective::new(Kind::HttpRequest).latency(Duration::from_millis(251), 99.0);
/// let error = Monitor::builder().objective(inexact).build().unwrap_err();
/// assert_eq!(error.field, "objectives.latency");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[must_use = "an objective does nothing until a monitor has it"]
pub struct Objective {
    pub(crate) kind: Kind,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) latency: Option<(Duration, f64)>,
    pub(crate) success: Option<f64>,
}

impl Objective {
    /// An objective of every series of a kind, each by itself. Requests count by method and route, whatever their status.
    pub fn new(kind: Kind) -> Self {
        Self { kind, labels: BTreeMap::new(), latency: None, success: None }
    }

    /// Only of series whose label has this value.
    pub fn only(mut self, label: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.insert(label.into(), value.into());
        self
    }

    /// That `percentile` per cent of the calls take no longer.
    pub fn latency(mut self, latency: Duration, percentile: f64) -> Self {
        self.latency = Some((latency, percentile));
        self
    }

    /// That `percent` per cent of the calls that run to their end succeed.
    pub fn success(mut self, percent: f64) -> Self {
        self.success = Some(percent);
        self
    }

    /// Checks it, and gives what series are held against.
    pub(crate) fn target(&self) -> Result<Target, ConfigError> {
        let error = |field: &str, value: String, allowed: String| {
            ConfigError::new(format!("objectives.{field}"), value, allowed)
        };
        if self.latency.is_none() && self.success.is_none() {
            return Err(error("latency", String::new(), "a latency here or a share in `success`".to_owned()));
        }
        for label in self.labels.keys() {
            if let Some(allowed) = unknown_label(self.kind, label) {
                return Err(error("only", label.clone(), allowed));
            }
        }
        for (field, percent) in [("percentile", self.latency.map(|(_, percent)| percent)), ("success", self.success)] {
            if percent.is_some_and(|percent| !(percent > 0.0 && percent < 100.0)) {
                let value = percent.unwrap_or_default().to_string();
                return Err(error(field, value, "a share above 0 and below 100 per cent".to_owned()));
            }
        }
        let latency = self.latency.map(|(latency, percent)| {
            let bounds = self.kind.family().bounds;
            let is_bound = bounds.iter().any(|&bound| Duration::from_secs_f64(bound) == latency);
            let show = crate::text::show_duration;
            if is_bound {
                return Ok((clock::nanos(latency), percent / 100.0));
            }
            let all: Vec<String> = bounds.iter().map(|&bound| show(Duration::from_secs_f64(bound))).collect();
            Err(error(
                "latency",
                show(latency),
                format!("a bound of the histogram, so that it is exact: {}", all.join(", ")),
            ))
        });
        Ok(Target { latency: latency.transpose()?, success: self.success.map(|percent| percent / 100.0) })
    }

    pub(crate) fn covers(&self, kind: Kind, labels: &[(&str, &str)]) -> bool {
        let has = |(name, value): (&String, &String)| labels.contains(&(name.as_str(), value.as_str()));
        kind == self.kind && self.labels.iter().all(has)
    }

    /// The series that it covers.
    pub(crate) fn selector(&self) -> Selector {
        self.labels.iter().fold(Selector::kind(self.kind), |selector, (name, value)| selector.label(name, value))
    }
}
