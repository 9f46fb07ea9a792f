//! Views for JSON, in the shapes that dashboards and probes know.
//!
//! Units stand in the fields' names or docs. The two views of older shapes keep the older units: milliseconds in
//! [`PerformanceHealth`], seconds in [`MetricsSummary`].

use crate::judge::health::indicator::{Aspect, Indicator, IndicatorStatus};
use crate::judge::health::report::{HealthReport, HealthStatus};
use crate::judge::rule::observation::Gauges;
use crate::judge::rule::threshold::Thresholds;
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use crate::observe::metrics::known as names;
use crate::observe::query::summary::{KindSummary, SeriesSummary, Summary};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// What `GET /health/performance` answers.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PerformanceHealth {
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: HealthStatus,
    /// 0 to 100.
    pub score: f64,
    /// When the report was made, as RFC 3339.
    pub timestamp: String,
    /// The figures behind it.
    pub performance_metrics: PerformanceMetrics,
    /// The colours of the four parts.
    pub health_indicators: HealthIndicators,
    /// Every indicator, the one that takes the most points first.
    pub indicators: Vec<Indicator>,
    /// What to look at, the worst first.
    pub recommendations: Vec<String>,
}

/// The figures of [`PerformanceHealth`]. `None` where nothing is known.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PerformanceMetrics {
    /// The mean duration of HTTP requests, in milliseconds.
    pub avg_response_time: Option<f64>,
    /// The share of errors and panics among all calls, 0 to 1.
    pub error_rate: Option<f64>,
    /// The mean duration of agent runs, in milliseconds.
    pub avg_agent_time: Option<f64>,
    /// HTTP requests that are being answered now.
    pub active_connections: u64,
    /// HTTP requests a minute.
    pub requests_per_minute: f64,
    /// Memory of the host in use, in per cent.
    pub memory_percent: Option<f64>,
    /// Processors of the host in use, in per cent.
    pub cpu_percent: Option<f64>,
}

/// The colours of [`PerformanceHealth`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct HealthIndicators {
    /// The latency of HTTP requests.
    pub response_time: IndicatorStatus,
    /// The worst of the errors of all kinds.
    pub error_rate: IndicatorStatus,
    /// The worst of memory, processor and other resources: `unknown` until something measures them.
    pub resource_usage: IndicatorStatus,
    /// The worst of all that is judged of agents.
    pub agent_performance: IndicatorStatus,
}

impl PerformanceHealth {
    pub(crate) fn new(report: &HealthReport, kinds: &[KindSummary], gauges: &Gauges, at: SystemTime) -> Self {
        let worst = |wanted: &dyn Fn(&Indicator) -> bool| {
            let wanted = report.indicators().iter().filter(|indicator| wanted(indicator));
            wanted.map(Indicator::status).max().unwrap_or(IndicatorStatus::Unknown)
        };
        let health_indicators = HealthIndicators {
            response_time: worst(&|one| one.kind() == Some(Kind::HttpRequest) && one.aspect() == Aspect::Latency),
            error_rate: worst(&|one| one.aspect() == Aspect::Errors),
            resource_usage: worst(&|one| one.aspect() == Aspect::Resource),
            agent_performance: worst(&|one| one.kind() == Some(Kind::Agent)),
        };
        Self {
            status: report.status(),
            score: report.score(),
            timestamp: crate::text::rfc3339(at),
            performance_metrics: PerformanceMetrics::new(kinds, gauges),
            health_indicators,
            recommendations: report.recommendations().to_vec(),
            indicators: report.indicators().to_vec(),
        }
    }
}

impl PerformanceMetrics {
    fn new(kinds: &[KindSummary], gauges: &Gauges) -> Self {
        let percent = |name: &str| gauges.get(name)?.first().map(|sample| 100.0 * sample.value);
        let of = |kind: Kind| kinds.iter().map(|summary| &summary.whole).find(|whole| whole.kind == kind);
        let millis = |kind: Kind| of(kind).and_then(|whole| whole.mean).map(|mean| mean * 1_000.0);
        let (mut failed, mut ended) = (0, 0);
        for outcomes in kinds.iter().map(|summary| summary.whole.outcomes) {
            failed += outcomes.error + outcomes.panicked;
            ended += outcomes.ok + outcomes.error + outcomes.panicked;
        }
        let http = of(Kind::HttpRequest);
        Self {
            avg_response_time: millis(Kind::HttpRequest),
            error_rate: (ended > 0).then(|| failed as f64 / ended as f64),
            avg_agent_time: millis(Kind::Agent),
            active_connections: http.map_or(0, |whole| whole.in_flight),
            requests_per_minute: http.map_or(0.0, |whole| whole.rate * 60.0),
            memory_percent: percent(names::SYSTEM_MEMORY_UTILIZATION_RATIO),
            cpu_percent: percent(names::SYSTEM_CPU_UTILIZATION_RATIO),
        }
    }
}

/// What is well, part by part: `response_time_healthy` where operations take less than 2 s on average, and
/// `<server>_healthy` where more than 80 % of the calls to an MCP server succeed. What was not called is not there.
pub(crate) fn health_checks(kinds: &[KindSummary]) -> BTreeMap<String, bool> {
    let mut checks = BTreeMap::new();
    let of = |kind: Kind| kinds.iter().find(|summary| summary.whole.kind == kind);
    let limit = Thresholds::of(Kind::Operation).latency.map(|limits| limits.critical);
    let mean = of(Kind::Operation).and_then(|operations| operations.whole.mean);
    checks.extend(mean.zip(limit).map(|(mean, limit)| ("response_time_healthy".to_owned(), mean < limit)));
    let mut servers: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for series in of(Kind::McpCall).iter().flat_map(|calls| &calls.series).filter(|series| series.count > 0) {
        let Some((_, server)) = series.labels.iter().find(|(name, _)| name == "server") else { continue };
        let (ok, all) = servers.entry(server).or_default();
        *ok += series.outcomes.ok;
        *all += series.count;
    }
    let least = 1.0 - Thresholds::of(Kind::McpCall).errors.critical;
    let check = |(server, (ok, all)): (&str, (u64, u64))| (format!("{server}_healthy"), ok as f64 / all as f64 > least);
    checks.extend(servers.into_iter().map(check));
    checks
}

/// What `GET /metrics/summary` answers: each series in short, and in full.
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

impl MetricsSummary {
    pub(crate) fn new(summary: Summary, uptime: Duration) -> Self {
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
