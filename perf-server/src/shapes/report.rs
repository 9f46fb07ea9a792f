//! `GET /metrics/dashboard` and `GET /metrics/report`: figures as people write them, and the plain numbers beside them.

use perf_runtime::alert::{Alert, AlertState, Severity};
use perf_runtime::health::{HealthEvidence, HealthStatus, ResourceUse};
use perf_runtime::series::{OutcomeCounts, SeriesSummary, Summary};
use perf_runtime::{Kind, Monitor, Window};
use serde::Serialize;
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime};

/// The answer of `GET /metrics/dashboard`. Texts are for people; each has its number beside it: seconds, and ratios 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Dashboard {
    /// When it was made, as RFC 3339.
    pub timestamp: String,
    /// The window of averages and rates; totals are since the process started, or since the last reset.
    pub window: Window,
    /// The process as a whole.
    pub system: SystemOverview,
    /// Operations on databases.
    pub database: CallsOverview,
    /// Workflows; their steps where there are no whole ones.
    pub workflows: CallsOverview,
    /// The alerts that fire, and the last that ended.
    pub alerts: AlertsOverview,
}

/// The process as a whole.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SystemOverview {
    /// Such as `12h 34m`.
    pub uptime: String,
    /// The same in seconds.
    pub uptime_seconds: f64,
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: HealthStatus,
    /// 0 to 100.
    pub score: f64,
    /// HTTP requests that this process answered.
    pub requests: CallsOverview,
    /// Workflows in flight; of a workflow that is only measured by its steps, these.
    pub active_workflows: u64,
    /// The use of limited resources: memory, processors, cache, connections.
    pub resources: ResourcesOverview,
}

/// The calls of a kind.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CallsOverview {
    /// Calls that ended.
    pub total: u64,
    /// How many of them failed: errors and panics.
    pub errors: u64,
    /// Calls in flight.
    pub in_flight: u64,
    /// The share of failed calls in the window, among those that ran to their end. `None` where there were none.
    pub error_rate: Option<f64>,
    /// The share of calls in the window that ended well, of all that ended, also of those that were cancelled.
    pub completion_rate: Option<f64>,
    /// The mean duration in the window, such as `123ms`.
    pub average_latency: Option<String>,
    /// The same in seconds.
    pub average_latency_seconds: Option<f64>,
}

/// Shares in use, such as `65%`; `None` where nothing measures them.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ResourcesOverview {
    /// Memory of the host.
    pub memory: Option<String>,
    /// The same, 0 to 1.
    pub memory_ratio: Option<f64>,
    /// Processors of the host.
    pub cpu: Option<String>,
    /// The same, 0 to 1.
    pub cpu_ratio: Option<f64>,
    /// Look-ups in the application's cache that found something.
    pub cache_hit_ratio: Option<String>,
    /// The same, 0 to 1.
    pub cache_hits: Option<f64>,
    /// Connections of the application's pool.
    pub connection_pool: Option<String>,
    /// The same, 0 to 1.
    pub connection_pool_ratio: Option<f64>,
}

/// The alerts that fire, and the last that ended.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AlertsOverview {
    /// The alerts that fire, the oldest first.
    pub active: Vec<AlertInShort>,
    /// The last that ended, the oldest first.
    pub history: Vec<AlertInShort>,
}

/// One alert of a [`Dashboard`] or a [`MetricsReport`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AlertInShort {
    /// The number that [`Alerts::acknowledge`](perf_runtime::alert::Alerts::acknowledge) takes.
    pub id: u64,
    /// The rule, in capitals: `HTTP_LATENCY`.
    #[serde(rename = "type")]
    pub kind: String,
    /// How bad it is.
    pub severity: Severity,
    /// Firing, or resolved.
    pub state: AlertState,
    /// The value when it last reached the threshold, such as `85%`.
    pub current_value: Option<String>,
    /// The same in the unit of the rule.
    pub value: Option<f64>,
    /// Such as `80%`.
    pub threshold: Option<String>,
    /// Since when the condition holds, as RFC 3339.
    pub timestamp: String,
    /// The series that it is about.
    pub affected_components: Vec<String>,
    /// The problem, in one sentence.
    pub message: String,
}

/// The answer of `GET /metrics/report`: key figures, and the alerts of now.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct MetricsReport {
    /// When it was made, as RFC 3339.
    pub timestamp: String,
    /// The window of averages and rates; totals are since the process started, or since the last reset.
    pub window: Window,
    /// Seconds since the monitor was made.
    pub uptime_seconds: f64,
    /// `healthy`, `degraded` or `unhealthy`.
    pub status: HealthStatus,
    /// 0 to 100.
    pub score: f64,
    /// Each kind that there are series of.
    pub metrics: Vec<KindReport>,
    /// The alerts that fire, the oldest first.
    pub alerts: Vec<AlertInShort>,
    /// Advice on where to look, the worst first.
    pub recommendations: Vec<String>,
}

/// One kind of a [`MetricsReport`].
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindReport {
    /// The kind of these calls.
    pub kind: Kind,
    /// Its calls.
    #[serde(flatten)]
    pub calls: CallsOverview,
    /// The series whose calls took longest on average in the window.
    pub slowest: Option<String>,
}

/// The process at a glance, over the last hour: the answer of `GET /metrics/dashboard`.
pub fn dashboard(monitor: &Monitor) -> Dashboard {
    Overview::of(monitor).dashboard()
}

/// Key figures and the alerts of now, over the last hour: the answer of `GET /metrics/report`.
pub fn metrics_report(monitor: &Monitor) -> MetricsReport {
    Overview::of(monitor).report()
}

/// The data that both shapes are made from.
struct Overview {
    summary: Summary,
    health: HealthEvidence,
    firing: Vec<Alert>,
    past: Vec<Alert>,
    uptime: Duration,
    at: SystemTime,
}

impl Overview {
    fn of(monitor: &Monitor) -> Self {
        let (health, alerts) = (monitor.health_evidence(), monitor.alerts());
        Self {
            summary: monitor.summary(Window::LastHour),
            health,
            firing: alerts.active(),
            past: alerts.past(),
            uptime: monitor.uptime(),
            at: SystemTime::now(),
        }
    }

    fn dashboard(&self) -> Dashboard {
        let workflows = self.calls(Kind::Workflow);
        let workflows = if workflows.is_empty() { self.calls(Kind::WorkflowStep) } else { workflows };
        Dashboard {
            timestamp: rfc3339(self.at),
            window: self.summary.window,
            system: SystemOverview {
                uptime: span(self.uptime),
                uptime_seconds: self.uptime.as_secs_f64(),
                status: self.health.report.status(),
                score: self.health.report.score(),
                requests: CallsOverview::of(&self.calls(Kind::HttpRequest)),
                active_workflows: self.active_workflows(),
                resources: ResourcesOverview::of(self.health.resources),
            },
            database: CallsOverview::of(&self.calls(Kind::DbOperation)),
            workflows: CallsOverview::of(&workflows),
            alerts: AlertsOverview {
                active: self.firing.iter().map(AlertInShort::of).collect(),
                history: self.past.iter().map(AlertInShort::of).collect(),
            },
        }
    }

    fn report(&self) -> MetricsReport {
        let kinds: BTreeSet<Kind> = self.summary.series.iter().map(|series| series.kind).collect();
        let of_kind = |kind| {
            let series = self.calls(kind);
            let slowest = series.iter().max_by(|one, other| mean(one).total_cmp(&mean(other)));
            let slowest = slowest.filter(|slowest| slowest.count > 0).map(|slowest| slowest.name());
            KindReport { kind, calls: CallsOverview::of(&series), slowest }
        };
        MetricsReport {
            timestamp: rfc3339(self.at),
            window: self.summary.window,
            uptime_seconds: self.uptime.as_secs_f64(),
            status: self.health.report.status(),
            score: self.health.report.score(),
            metrics: kinds.into_iter().map(of_kind).collect(),
            alerts: self.firing.iter().map(AlertInShort::of).collect(),
            recommendations: self.health.report.recommendations().to_vec(),
        }
    }

    fn calls(&self, kind: Kind) -> Vec<&SeriesSummary> {
        self.summary.series.iter().filter(|series| series.kind == kind).collect()
    }

    fn active_workflows(&self) -> u64 {
        self.summary.in_flight(Kind::Workflow)
    }
}

impl ResourcesOverview {
    fn of(used: ResourceUse) -> Self {
        let shown = |share: Option<f64>| share.map(|share| format!("{:.0}%", 100.0 * share));
        Self {
            memory: shown(used.memory),
            memory_ratio: used.memory,
            cpu: shown(used.cpu),
            cpu_ratio: used.cpu,
            cache_hit_ratio: shown(used.cache_hits),
            cache_hits: used.cache_hits,
            connection_pool: shown(used.connection_pool),
            connection_pool_ratio: used.connection_pool,
        }
    }
}

fn mean(series: &SeriesSummary) -> f64 {
    series.mean.unwrap_or(0.0)
}

impl CallsOverview {
    fn of(series: &[&SeriesSummary]) -> Self {
        let sum = |count: &dyn Fn(&SeriesSummary) -> u64| series.iter().map(|one| count(one)).sum::<u64>();
        let mut outcomes = OutcomeCounts::default();
        for one in series {
            outcomes += one.outcomes;
        }
        let count = outcomes.finished();
        let seconds: f64 = series.iter().map(|one| mean(one) * one.count as f64).sum();
        let average = (count > 0).then(|| seconds / count as f64);
        Self {
            total: sum(&|one| one.total.finished()),
            errors: sum(&|one| one.total.error + one.total.panicked),
            in_flight: sum(&|one| one.in_flight),
            error_rate: outcomes.error_rate(),
            completion_rate: (count > 0).then(|| outcomes.ok as f64 / count as f64),
            average_latency: average.map(latency),
            average_latency_seconds: average,
        }
    }
}

impl AlertInShort {
    fn of(alert: &Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.rule.to_uppercase().replace('-', "_"),
            severity: alert.severity,
            state: alert.state,
            current_value: alert.value.map(|value| alert.unit.show(value)),
            value: alert.value,
            threshold: alert.threshold.map(|threshold| {
                threshold.numbers().map(|number| alert.unit.show(number)).collect::<Vec<_>>().join(" to ")
            }),
            timestamp: rfc3339(alert.since),
            affected_components: vec![alert.series.clone()],
            message: alert.message.clone(),
        }
    }
}

fn rfc3339(at: SystemTime) -> String {
    perf_runtime::text::rfc3339(at)
}

/// Such as `123ms` or `2.34s`.
fn latency(seconds: f64) -> String {
    let millis = seconds * 1_000.0;
    match millis {
        ..1.0 => format!("{millis:.2}ms"),
        ..10.0 => format!("{millis:.1}ms"),
        ..1_000.0 => format!("{millis:.0}ms"),
        _ => format!("{seconds:.2}s"),
    }
}

/// The two largest parts of a span: `3d 4h`, `12h 34m`, `5m 6s`, `7s`.
fn span(span: Duration) -> String {
    let seconds = span.as_secs();
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {}s", seconds % 60),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_people_do() {
        let shown = [7, 306, 45_240, 273_600].map(|seconds| span(Duration::from_secs(seconds)));
        assert_eq!(shown, ["7s", "5m 6s", "12h 34m", "3d 4h"]);
        let shown = [0.000_25, 0.0025, 0.123, 0.9994, 2.341].map(latency);
        assert_eq!(shown, ["0.25ms", "2.5ms", "123ms", "999ms", "2.34s"]);
    }
}
