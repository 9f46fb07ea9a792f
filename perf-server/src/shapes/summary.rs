//! `GET /metrics/summary`: each series in short, and in full.

use perf_runtime::series::{SeriesSummary, Summary};
use perf_runtime::{Monitor, Window};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// The answer of `GET /metrics/summary`: each series in short, and in full.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricsSummary {
    /// The window that the figures cover.
    pub window: Window,
    /// Seconds since the monitor was made.
    pub uptime_seconds: f64,
    /// The series that were called in the window, by name.
    pub metrics: BTreeMap<String, MetricInShort>,
    /// Every series with all its statistics.
    pub series: Vec<SeriesSummary>,
}

/// One series of [`MetricsSummary`]. Durations in seconds.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricInShort {
    /// Calls that finished in the window.
    pub count: u64,
    /// The mean duration.
    pub avg_duration: f64,
    /// The longest duration.
    pub max_duration: f64,
    /// The shortest duration.
    pub min_duration: f64,
}

/// Every series over the last hour: the answer of `GET /metrics/summary`.
pub fn metrics_summary(monitor: &Monitor) -> MetricsSummary {
    MetricsSummary::new(monitor.summary(Window::LastHour), monitor.uptime())
}

impl MetricsSummary {
    fn new(summary: Summary, uptime: Duration) -> Self {
        let in_short = |series: &SeriesSummary| {
            Some(MetricInShort {
                count: series.count,
                avg_duration: series.mean?,
                max_duration: series.max?,
                min_duration: series.min?,
            })
        };
        let metrics = summary.series.iter().filter_map(|series| Some((series.name(), in_short(series)?))).collect();
        Self { window: summary.window, uptime_seconds: uptime.as_secs_f64(), metrics, series: summary.series }
    }
}
