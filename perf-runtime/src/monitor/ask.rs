//! What a monitor answers: text for a scrape, summaries, health.

use super::{Inner, Monitor};
use crate::expose::prometheus;
use crate::expose::rules::{self, PrometheusRules, RuleProfile};
use crate::expose::view::{self, MetricsSummary, PerformanceHealth};
use crate::judge::health::HealthReport;
use crate::judge::sight::Gauges;
use crate::measure::clock;
use crate::observe::in_flight::{self, CallInFlight};
use crate::observe::summary::{KindSummary, Summary};
use crate::observe::window::Window;
use std::collections::BTreeMap;
use std::time::SystemTime;

impl Monitor {
    /// All metrics as Prometheus text, format 0.0.4. Takes microseconds for each series: call it where blocking is
    /// allowed.
    pub fn render_prometheus(&self) -> String {
        prometheus::render(&self.inner.registry, &self.inner.prefix)
    }

    /// The content type of [`render_prometheus`](Self::render_prometheus)'s text.
    pub const PROMETHEUS_CONTENT_TYPE: &'static str = prometheus::CONTENT_TYPE;

    /// How well the process is, and why: judged now, over the last minutes.
    pub fn health(&self) -> HealthReport {
        self.inner.health().0
    }

    /// [`health`](Self::health) in the shape of `GET /health/performance`.
    pub fn performance_health(&self) -> PerformanceHealth {
        let (report, kinds, gauges) = self.inner.health();
        PerformanceHealth::new(&report, &kinds, &gauges, SystemTime::now())
    }

    /// What is well, part by part: `response_time_healthy` where operations take less than 2 s on average, and
    /// `<server>_healthy` where more than 80 % of the calls to an MCP server succeed. What was not called lately is not
    /// there.
    pub fn check_health(&self) -> BTreeMap<String, bool> {
        view::health_checks(&self.inner.registry.recent(clock::now()))
    }

    /// The rules and objectives as a rule file of Prometheus, with unit tests for `promtool test rules`.
    pub fn prometheus_rules(&self, profile: RuleProfile) -> PrometheusRules {
        let rules = self.inner.alerts().rules();
        rules::write(rules.iter().map(|status| &status.rule), &self.objectives(), &self.inner.prefix, profile)
    }

    /// Every series with its statistics over a window, up to now.
    pub fn summary(&self, window: Window) -> Summary {
        self.inner.registry.summary(window, clock::now())
    }

    /// The calls that wait now, the oldest first, `limit` at most: async calls that returned `Pending` and have not ended.
    /// A call that never waited is not among them while it runs.
    pub fn calls_in_flight(&self, limit: usize) -> Vec<CallInFlight> {
        in_flight::oldest(&self.inner.registry, limit, clock::now())
    }

    /// The [`summary`](Self::summary) of the last hour in the shape of `GET /metrics/summary`.
    pub fn metrics_summary(&self) -> MetricsSummary {
        MetricsSummary::new(self.summary(Window::LastHour), self.uptime())
    }
}

impl Inner {
    /// The verdict, and what it was made from.
    fn health(&self) -> (HealthReport, Vec<KindSummary>, Gauges) {
        let now = clock::now();
        let kinds = self.registry.recent(now);
        let firing = self.alerts().active();
        let gauges = self.gauges(self.moment_of(now));
        (HealthReport::judge(&kinds, &gauges, &firing), kinds, gauges)
    }
}
