//! The one type that a user builds, installs and asks.

use crate::config::{Settings, Sources};
use crate::error::{ConfigError, InstallError};
use crate::judge::book::AlertBook;
use crate::judge::objective::Objectives;
use crate::measure::clock::{self, Moment};
use crate::observe::registry::Registry;
use crate::observe::ticker;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

mod alerts;
mod ask;
mod judging;
mod objectives;
mod record;
mod setup;

pub use alerts::Alerts;
use setup::Setup;

static INSTALLED: OnceLock<Monitor> = OnceLock::new();
static DEFAULT: OnceLock<Monitor> = OnceLock::new();

/// The process's monitor: the installed one, or a default one without a namespace where none is installed (yet). Never
/// panics.
pub fn monitor() -> Monitor {
    let default = || {
        let monitor = Monitor::new(Setup::default());
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
    objectives: Mutex<Objectives>,
    /// What was set in code, and where the rest is read.
    code: Settings,
    outside: Sources,
    started: Moment,
}

/// Settings of a [`Monitor`] to be.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `install` or `build`"]
pub struct MonitorBuilder {
    settings: Settings,
    outside: Sources,
}

impl MonitorBuilder {
    /// What stands before every metric's name: `mcp` makes `mcp_db_operations_total`. Up to 64 letters, digits and
    /// underscores, a letter first and no underscore last; empty for none, the default.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = namespace.into();
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
        Ok(Monitor::new(Setup::new(self.settings, self.outside)?))
    }
}

impl Monitor {
    /// Begins a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder { settings: Settings::default(), outside: Sources::default() }
    }

    fn new(setup: Setup) -> Self {
        let Setup { prefix, alerts, objectives, code, outside } = setup;
        let (registry, started) = (Arc::new(Registry::new()), clock::now());
        let (alerts, objectives) = (Mutex::new(alerts), Mutex::new(objectives));
        let inner = Inner { prefix, registry, alerts, objectives, code, outside, started };
        // What was counted before is not known to be recent.
        inner.keep_objectives(started);
        Self { inner: Arc::new(inner) }
    }

    fn start_ticker(&self) -> std::io::Result<()> {
        ticker::spawn(Arc::downgrade(&self.inner), Inner::tick)
    }

    /// Moves the baseline: totals and windows begin anew. Exported counters go on.
    pub fn reset(&self) {
        let now = clock::now();
        self.inner.registry.reset(now);
        self.inner.objectives().reset();
        self.inner.keep_objectives(now);
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
        self.registry.tick(now);
        self.judge(now);
    }
}
