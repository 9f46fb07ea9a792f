//! What a monitor answers: text for a scrape, summaries, health.

use super::{Inner, Monitor};
use crate::expose::format::Format;
use crate::expose::prometheus;
use crate::expose::view::{MetricsSummary, PerformanceHealth};
use crate::judge::health::HealthReport;
use crate::measure::clock;
use crate::observe::custom::CustomMetric;
use crate::observe::in_flight::{self, CallInFlight};
use crate::observe::summary::Summary;
use crate::observe::window::Window;
use std::time::SystemTime;

impl Monitor {
    /// All metrics as Prometheus text, format 0.0.4. Takes microseconds for each series: call it where blocking is
    /// allowed.
    pub fn render_prometheus(&self) -> String {
        let Inner { registry, prefix, others, .. } = &*self.inner;
        prometheus::render_with(registry, prefix, others.blocks(Format::Prometheus, registry, prefix))
    }

    /// The content type of [`render_prometheus`](Self::render_prometheus)'s text.
    pub const PROMETHEUS_CONTENT_TYPE: &'static str = prometheus::CONTENT_TYPE;

    /// The application's own metrics as they stand: what it counted through the `metrics` facade, or with
    /// [`record_custom_metric`](Self::record_custom_metric). In the order of their names.
    pub fn custom_metrics(&self) -> Vec<CustomMetric> {
        self.inner.registry.custom().metrics()
    }

    /// How well the process is, and why: judged now, over the last minutes.
    pub fn health(&self) -> HealthReport {
        HealthReport::judge(&self.inner.registry.recent(clock::now()))
    }

    /// [`health`](Self::health) in the shape of `GET /health/performance`.
    pub fn performance_health(&self) -> PerformanceHealth {
        let kinds = self.inner.registry.recent(clock::now());
        PerformanceHealth::new(&HealthReport::judge(&kinds), &kinds, SystemTime::now())
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
