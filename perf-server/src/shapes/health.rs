//! `GET /health/performance`, and the health part by part.

use perf_runtime::health::{Aspect, HealthEvidence, HealthStatus, Indicator, IndicatorStatus};
use perf_runtime::series::KindSummary;
use perf_runtime::{Kind, Monitor};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The answer of `GET /health/performance`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PerformanceHealth {
    /// `healthy`, `degraded` or `unhealthy`: the worse of the two verdicts.
    pub status: HealthStatus,
    /// 100 where it is healthy, 81 to 99 where it is degraded, 80 at most where it is unhealthy.
    pub score: f64,
    /// The verdict on what callers feel.
    pub serving: HealthStatus,
    /// The verdict on resources: `unhealthy` only where one is about to fail the process.
    pub resources: HealthStatus,
    /// Why, in one line.
    pub explanation: String,
    /// When the report was made, as RFC 3339.
    pub timestamp: String,
    /// The figures behind it.
    pub performance_metrics: PerformanceMetrics,
    /// The colours of the four parts.
    pub health_indicators: HealthIndicators,
    /// Every indicator, the one that takes the most points first.
    pub indicators: Vec<Indicator>,
    /// Advice on where to look, the worst first.
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

/// The health with the figures behind it, judged now: the answer of `GET /health/performance`.
pub fn performance_health(monitor: &Monitor) -> PerformanceHealth {
    PerformanceHealth::new(&monitor.health_evidence(), SystemTime::now())
}

/// Whether each part is well: `response_time_healthy` where operations take less than 2 s on average, and
/// `<server>_healthy` where more than 80 % of the calls to an MCP server succeed. A part that was not called lately is not
/// there.
pub fn check_health(monitor: &Monitor) -> BTreeMap<String, bool> {
    health_checks(&monitor.health_evidence())
}

impl PerformanceHealth {
    fn new(evidence: &HealthEvidence, at: SystemTime) -> Self {
        let report = &evidence.report;
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
            serving: report.serving(),
            resources: report.resources(),
            explanation: report.to_string(),
            timestamp: perf_runtime::text::rfc3339(at),
            performance_metrics: PerformanceMetrics::new(evidence),
            health_indicators,
            recommendations: report.recommendations().to_vec(),
            indicators: report.indicators().to_vec(),
        }
    }
}

impl PerformanceMetrics {
    fn new(HealthEvidence { kinds, resources, .. }: &HealthEvidence) -> Self {
        let percent = |share: Option<f64>| share.map(|share| 100.0 * share);
        let of = |kind: Kind| kinds.iter().map(|summary| &summary.whole).find(|whole| whole.kind == kind);
        let millis = |kind: Kind| of(kind).and_then(|whole| whole.mean).map(|mean| mean * 1_000.0);
        let (mut failed, mut ended) = (0, 0);
        for outcomes in kinds.iter().map(|summary| summary.whole.outcomes) {
            failed += outcomes.failed();
            ended += outcomes.ended();
        }
        let http = of(Kind::HttpRequest);
        Self {
            avg_response_time: millis(Kind::HttpRequest),
            error_rate: (ended > 0).then(|| failed as f64 / ended as f64),
            avg_agent_time: millis(Kind::Agent),
            active_connections: http.map_or(0, |whole| whole.in_flight),
            requests_per_minute: http.map_or(0.0, |whole| whole.rate * 60.0),
            memory_percent: percent(resources.memory),
            cpu_percent: percent(resources.cpu),
        }
    }
}

fn health_checks(evidence: &HealthEvidence) -> BTreeMap<String, bool> {
    let mut checks = BTreeMap::new();
    let of = |kind: Kind| evidence.kinds.iter().find(|summary: &&KindSummary| summary.whole.kind == kind);
    // Each kind that has series is judged, and its indicators say by which limits.
    let limit = |kind: Kind, aspect: Aspect| {
        let mut indicators = evidence.report.indicators().iter();
        indicators.find(|one| one.kind() == Some(kind) && one.aspect() == aspect).map(Indicator::critical)
    };
    let mean = of(Kind::Operation).and_then(|operations| operations.timed().mean);
    let slowest = limit(Kind::Operation, Aspect::Latency);
    checks.extend(mean.zip(slowest).map(|(mean, limit)| ("response_time_healthy".to_owned(), mean < limit)));
    let mut servers: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for series in of(Kind::McpCall).iter().flat_map(|calls| &calls.series).filter(|series| series.count > 0) {
        let Some((_, server)) = series.labels.iter().find(|(name, _)| name == "server") else { continue };
        let (ok, all) = servers.entry(server).or_default();
        *ok += series.outcomes.ok;
        *all += series.count;
    }
    let Some(most_errors) = limit(Kind::McpCall, Aspect::Errors) else { return checks };
    let least = 1.0 - most_errors;
    let check = |(server, (ok, all)): (&str, (u64, u64))| (format!("{server}_healthy"), ok as f64 / all as f64 > least);
    checks.extend(servers.into_iter().map(check));
    checks
}
