//! The one type that a user builds, installs and asks.

use crate::config::{ConfigError, InstallError, prefix_of};
use crate::expose::prometheus;
use crate::expose::view::{MetricsSummary, PerformanceHealth};
use crate::judge::alert::{AcknowledgeError, Alert, AlertBook, AlertEvent, Severity, Transition};
use crate::judge::health::HealthReport;
use crate::judge::threshold::Thresholds;
use crate::measure::clock::{self, Moment};
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use crate::observe::operation::Operation;
use crate::observe::registry::Registry;
use crate::observe::request::HttpRequest;
use crate::observe::summary::Summary;
use crate::observe::ticker;
use crate::observe::window::Window;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

static INSTALLED: OnceLock<Monitor> = OnceLock::new();
static DEFAULT: OnceLock<Monitor> = OnceLock::new();

/// The process's monitor: the installed one, or a default one without a namespace where none is installed (yet). Never
/// panics.
pub fn monitor() -> Monitor {
    let default = || {
        let monitor = Monitor::new(String::new());
        // Without a thread the windows are cut when somebody asks: coarser, not wrong.
        let _ = monitor.start_ticker();
        monitor
    };
    INSTALLED.get().unwrap_or_else(|| DEFAULT.get_or_init(default)).clone()
}

/// Observes, judges and exposes what the process measures. A cheap handle: clones are the same monitor.
///
/// Calls of annotated functions are counted from the start of the process, whether a monitor exists or not. What the
/// program records itself ([`operation`](Self::operation) and its like) belongs to the monitor it was recorded on.
///
/// ```
/// use perf_runtime::{Monitor, monitor_db_operation};
///
/// #[monitor_db_operation("select", "users")]
/// fn find_user(id: u64) -> Result<u64, String> {
///     if id == 0 { Err("no such user".into()) } else { Ok(id) }
/// }
///
/// let monitor = Monitor::builder().namespace("mcp").install()?;
/// find_user(1).unwrap();
/// find_user(0).unwrap_err();
///
/// let text = monitor.render_prometheus();
/// assert!(text.contains(r#"mcp_db_operations_total{operation="select",table="users",outcome="ok"} 1"#));
/// assert!(text.contains(r#"mcp_db_operations_total{operation="select",table="users",outcome="error"} 1"#));
/// assert_eq!(monitor.health().score(), 100.0);
/// # Ok::<(), perf_runtime::InstallError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Monitor {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    prefix: String,
    registry: Arc<Registry>,
    alerts: Mutex<AlertBook>,
    started: Moment,
}

/// Settings of a [`Monitor`] to be.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `install` or `build`"]
pub struct MonitorBuilder {
    namespace: String,
}

impl MonitorBuilder {
    /// What stands before every metric's name: `mcp` makes `mcp_db_operations_total`. Up to 64 letters, digits and
    /// underscores, a letter first and no underscore last; empty for none, the default.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// Makes the monitor, starts its ticker (a thread of its own, once a second) and makes it the process's own, which
    /// [`monitor`](fn@monitor) gives from now on.
    ///
    /// # Errors
    /// A setting that is not allowed, a monitor that is installed already, or no thread to be had. Nothing is installed
    /// then.
    pub fn install(self) -> Result<Monitor, InstallError> {
        let monitor = self.build()?;
        if INSTALLED.get().is_some() {
            return Err(InstallError::AlreadyInstalled);
        }
        monitor.start_ticker().map_err(InstallError::Ticker)?;
        INSTALLED.set(monitor.clone()).map_err(|_| InstallError::AlreadyInstalled)?;
        Ok(monitor)
    }

    /// Makes a monitor that is nobody's: it sees the process's annotated functions as every monitor does, has windows,
    /// alerts and series of its own, and no ticker. For tests, together with `Monitor::tick` (feature `test-util`).
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn build(self) -> Result<Monitor, ConfigError> {
        Ok(Monitor::new(prefix_of(&self.namespace)?))
    }
}

impl Monitor {
    /// Begins a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }

    fn new(prefix: String) -> Self {
        let registry = Arc::new(Registry::new());
        Self { inner: Arc::new(Inner { prefix, registry, alerts: Mutex::default(), started: clock::now() }) }
    }

    fn start_ticker(&self) -> std::io::Result<()> {
        ticker::spawn(Arc::downgrade(&self.inner), Inner::tick)
    }

    /// All metrics as Prometheus text, format 0.0.4. Takes microseconds for each series: call it where blocking is
    /// allowed.
    pub fn render_prometheus(&self) -> String {
        prometheus::render(&self.inner.registry, &self.inner.prefix)
    }

    /// The content type of [`render_prometheus`](Self::render_prometheus)'s text.
    pub const PROMETHEUS_CONTENT_TYPE: &'static str = prometheus::CONTENT_TYPE;

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

    /// The [`summary`](Self::summary) of the last hour in the shape of `GET /metrics/summary`.
    pub fn metrics_summary(&self) -> MetricsSummary {
        MetricsSummary::new(self.summary(Window::LastHour), self.uptime())
    }

    /// The alerts: what is wrong now and what was.
    pub fn alerts(&self) -> Alerts {
        Alerts { inner: Arc::clone(&self.inner) }
    }

    /// Moves the baseline: totals and windows begin anew. Exported counters go on.
    pub fn reset(&self) {
        self.inner.registry.reset(clock::now());
        tracing::info!("the baseline was reset");
    }

    /// The time since the monitor was made.
    pub fn uptime(&self) -> Duration {
        clock::now().since(self.inner.started)
    }

    /// A series of kind `operation`, made where there is none of this name yet. Beyond 200 names the name becomes
    /// `__overflow__`.
    pub fn operation(&self, name: &str) -> Operation {
        Operation::new(self.inner.registry.series(Kind::Operation, &[name]))
    }

    /// Records how long an operation took to answer: a call of [`operation`](Self::operation) that went well. More than
    /// 2 seconds are told by a warning through `tracing`.
    pub fn record_response_time(&self, operation: &str, duration: Duration) {
        let took = duration.as_secs_f64();
        if Thresholds::of(Kind::Operation).latency.is_some_and(|limits| took > limits.critical) {
            tracing::warn!(operation, took, "Slow response: {operation} took {took:.2}s");
        }
        self.operation(operation).record(duration, Outcome::Ok);
    }

    /// Records a call to an MCP server.
    pub fn record_mcp_call(&self, server: &str, capability: &str, duration: Duration, success: bool) {
        let series = self.inner.registry.series(Kind::McpCall, &[server, capability]);
        series.own.record(Outcome::from_success(success), clock::nanos(duration));
    }

    /// Counts a request that begins to be answered. For HTTP layers; `route` is the route's template, never the raw path.
    pub fn http_request(&self, method: &str, route: &str) -> HttpRequest {
        HttpRequest::start(&self.inner.registry, method, route)
    }

    /// What the ticker does once a second. For tests that move the clock by hand.
    #[cfg(any(test, feature = "test-util"))]
    pub fn tick(&self) {
        self.inner.tick();
    }
}

impl Inner {
    fn tick(&self) {
        let now = clock::now();
        self.registry.tick(now);
        let report = HealthReport::judge(&self.registry.recent(now));
        // Logged after the book is closed: a subscriber may look into it.
        let events = self.alerts().evaluate(&report, SystemTime::now());
        events.iter().for_each(log);
    }

    fn alerts(&self) -> MutexGuard<'_, AlertBook> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The alerts of a [`Monitor`].
///
/// An alert is an indicator of the health that is yellow (warning) or red (critical). It is judged once a second.
#[derive(Clone, Debug)]
pub struct Alerts {
    inner: Arc<Inner>,
}

impl Alerts {
    /// What is wrong now, the oldest first.
    pub fn active(&self) -> Vec<Alert> {
        self.inner.alerts().active()
    }

    /// What happened, the oldest first: the last 1,000 transitions.
    pub fn history(&self) -> Vec<AlertEvent> {
        self.inner.alerts().history()
    }

    /// Marks an active alert: `by` took notice of it, until a moment or, with `None`, until it ends.
    ///
    /// # Errors
    /// No active alert has this id, `by` is empty, or `until` is past. Nothing is marked then.
    pub fn acknowledge(
        &self,
        id: u64,
        by: &str,
        comment: &str,
        until: impl Into<Option<SystemTime>>,
    ) -> Result<Alert, AcknowledgeError> {
        let alert = self.inner.alerts().acknowledge(id, by, comment, until.into(), SystemTime::now())?;
        tracing::info!(id, by, comment, alert = alert.name, "alert acknowledged");
        Ok(alert)
    }
}

fn log(event: &AlertEvent) {
    let Alert { name, severity, message, .. } = &event.alert;
    match (event.transition, severity) {
        (Transition::Resolved, _) => tracing::info!(alert = name, "resolved: {message}"),
        (_, Severity::Warning) => tracing::warn!(alert = name, %severity, "{message}"),
        (_, Severity::Critical) => tracing::error!(alert = name, %severity, "{message}"),
    }
}
