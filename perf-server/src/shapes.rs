//! The JSON of the routes whose shapes dashboards and probes know from the systems before, made from the public API of
//! [`Monitor`](perf_runtime::Monitor).
//!
//! Units stand in the fields' names or docs. Two shapes keep the older units: milliseconds and per cent in
//! [`PerformanceHealth`], seconds in [`MetricsSummary`].
//!
//! ```
//! let monitor = perf_runtime::Monitor::builder().build()?;
//! monitor.record_mcp_call("context7", "resolve", std::time::Duration::from_millis(40), true);
//! assert_eq!(perf_server::shapes::check_health(&monitor).get("context7_healthy"), Some(&true));
//! assert_eq!(perf_server::shapes::performance_health(&monitor).score, 100.0);
//! # Ok::<(), perf_runtime::ConfigError>(())
//! ```

mod health;
mod report;
mod summary;

pub use health::{HealthIndicators, PerformanceHealth, PerformanceMetrics, check_health, performance_health};
pub use report::{
    AlertInShort, AlertsOverview, CallsOverview, Dashboard, KindReport, MetricsReport, ResourcesOverview,
    SystemOverview, dashboard, metrics_report,
};
pub use summary::{MetricInShort, MetricsSummary, metrics_summary};
