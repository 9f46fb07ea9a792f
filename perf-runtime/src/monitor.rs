//! The one type that a user builds, installs and asks.

use crate::config::{ConfigError, InstallError, prefix_of};
use crate::expose::text::Renderer;
use crate::judge::alert::AlertBook;
use crate::judge::health::HealthReport;
use crate::measure::clock::{self, Moment};
use crate::measure::exemplar::{TraceIdOf, set_trace_id_of};
use crate::observe::registry::Registry;
use crate::observe::ticker::{TickCounts, Ticker};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, SystemTime};

mod alerts;
mod ask;
mod record;

pub use alerts::Alerts;

static INSTALLED: OnceLock<Monitor> = OnceLock::new();
static DEFAULT: OnceLock<Monitor> = OnceLock::new();

/// The process's monitor: the installed one, or a default one without a namespace where none is installed (yet). Never
/// panics.
pub fn monitor() -> Monitor {
    let default = || {
        let monitor = Monitor::new("");
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
    registry: Arc<Registry>,
    renderer: Renderer,
    alerts: Mutex<AlertBook>,
    started: Moment,
    ticker: OnceLock<Ticker>,
}

/// Settings of a [`Monitor`] to be.
#[derive(Clone, Debug, Default)]
#[must_use = "a builder does nothing until `install` or `build`"]
pub struct MonitorBuilder {
    namespace: String,
    trace_id_of: Option<TraceIdOf>,
}

impl MonitorBuilder {
    /// What stands before every metric's name: `mcp` makes `mcp_db_operations_total`. Up to 64 letters, digits and
    /// underscores, a letter first and no underscore last; empty for none, the default.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.namespace = namespace.into();
        self
    }

    /// How to get the id of the trace that a call's span belongs to; `None` where it belongs to none, or to one that nobody
    /// keeps. With it, the buckets of histograms have exemplars in [`render_openmetrics`](Monitor::render_openmetrics): of
    /// each bucket the last call's but once a second, so that a slow bucket leads to the trace of a slow call. No default.
    ///
    /// It is asked as a call with a span ends, on the call's own thread, once a second for each bucket and more often only
    /// while it has no answer. Calls are measured once for the process: what the last monitor was built with holds for all.
    /// An id of more than 120 characters gives no exemplar, and neither does a panic.
    ///
    /// With the crates `opentelemetry` and `tracing-opentelemetry` it is:
    ///
    /// ```ignore
    /// use opentelemetry::trace::TraceContextExt;
    /// use tracing_opentelemetry::OpenTelemetrySpanExt;
    ///
    /// let builder = Monitor::builder().trace_id_of(|span| {
    ///     let context = span.context().span().span_context().clone();
    ///     context.is_sampled().then(|| context.trace_id().to_string())
    /// });
    /// ```
    pub fn trace_id_of(mut self, trace_id_of: fn(&tracing::Span) -> Option<String>) -> Self {
        self.trace_id_of = Some(trace_id_of);
        self
    }

    /// Makes the monitor, starts its ticker (a thread of its own, once a second) and makes it the process's own, which
    /// [`monitor`](fn@monitor) gives from now on.
    ///
    /// # Errors
    /// A setting that is not allowed, a monitor that is installed already, or no thread to be had. Nothing is installed
    /// then.
    pub fn install(self) -> Result<Monitor, InstallError> {
        let monitor = Monitor::new(&prefix_of(&self.namespace)?);
        if INSTALLED.get().is_some() {
            return Err(InstallError::AlreadyInstalled);
        }
        monitor.start_ticker().map_err(InstallError::Ticker)?;
        INSTALLED.set(monitor.clone()).map_err(|_| InstallError::AlreadyInstalled)?;
        self.trace_id_of.into_iter().for_each(set_trace_id_of);
        Ok(monitor)
    }

    /// Makes a monitor that is nobody's: it sees the process's annotated functions as every monitor does, has windows,
    /// alerts and series of its own, and no ticker. For tests, together with `Monitor::tick` (feature `test-util`).
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn build(self) -> Result<Monitor, ConfigError> {
        let monitor = Monitor::new(&prefix_of(&self.namespace)?);
        self.trace_id_of.into_iter().for_each(set_trace_id_of);
        Ok(monitor)
    }
}

impl Monitor {
    /// Begins a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder::default()
    }

    fn new(prefix: &str) -> Self {
        let registry = Arc::new(Registry::new());
        let renderer = Renderer::new(prefix);
        let (alerts, started, ticker) = (Mutex::default(), clock::now(), OnceLock::new());
        Self { inner: Arc::new(Inner { registry, renderer, alerts, started, ticker }) }
    }

    fn start_ticker(&self) -> std::io::Result<()> {
        let ticker = Ticker::spawn(Arc::downgrade(&self.inner), Inner::tick)?;
        // One that runs already stays, and this one ends.
        let _ = self.inner.ticker.set(ticker);
        Ok(())
    }

    /// How regularly the monitor observed the process so far. All zero for a monitor without a ticker (of
    /// [`MonitorBuilder::build`]); its windows go on when it is asked for them.
    pub fn ticks(&self) -> TickCounts {
        self.inner.ticker.get().map(Ticker::counts).unwrap_or_default()
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

    /// What the ticker does once a second. For tests that move the clock by hand.
    #[cfg(any(test, feature = "test-util"))]
    pub fn tick(&self) {
        self.inner.tick();
    }
}

impl Inner {
    fn tick(&self) {
        let now = clock::now();
        let report = HealthReport::judge(&self.registry.tick(now));
        // Logged after the book is closed: a subscriber may look into it.
        let events = self.alerts().evaluate(&report, SystemTime::now());
        events.iter().for_each(alerts::log);
    }

    fn alerts(&self) -> MutexGuard<'_, AlertBook> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
