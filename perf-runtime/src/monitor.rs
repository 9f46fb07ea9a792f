//! The one type that a user builds, installs and asks.

use crate::config::{Settings, Sources};
use crate::error::{ConfigError, InstallError, prefix_of};
use crate::judge::book::{AlertBook, DEFAULT_HISTORY};
use crate::judge::objective::Objectives;
use crate::judge::objective::spec::Objective;
use crate::judge::preset::presets;
use crate::judge::rule::set::RuleSet;
use crate::measure::clock::{self, Moment};
use crate::measure::target::Objective as Target;
use crate::observe::registry::Registry;
use crate::observe::ticker;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

mod alerts;
mod ask;
mod judging;
mod objectives;
mod record;

pub use alerts::Alerts;

static INSTALLED: OnceLock<Monitor> = OnceLock::new();
static DEFAULT: OnceLock<Monitor> = OnceLock::new();

/// The process's monitor: the installed one, or a default one without a namespace where none is installed (yet). Never
/// panics.
pub fn monitor() -> Monitor {
    let default = || {
        let code = default_settings();
        let setup = Setup {
            prefix: String::new(),
            alerts: AlertBook::new(&code.rules, code.alert_history),
            objectives: Vec::new(),
        };
        let monitor = Monitor::new(setup, code, Sources::default());
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
    sources: Sources,
    started: Moment,
}

fn default_settings() -> Settings {
    let (rules, alert_history) = (presets::standard(), DEFAULT_HISTORY);
    Settings { namespace: String::new(), rules, objectives: Vec::new(), alert_history }
}

/// What a monitor is made of, checked.
struct Setup {
    prefix: String,
    alerts: AlertBook,
    objectives: Vec<(Objective, Target)>,
}

impl Setup {
    fn of(settings: &Settings) -> Result<Self, ConfigError> {
        let prefix = prefix_of(&settings.namespace)?;
        if !(100..=100_000).contains(&settings.alert_history) {
            return Err(ConfigError::new("alert_history", settings.alert_history, "100 to 100000 transitions"));
        }
        let with_target = |objective: &Objective| objective.target().map(|target| (objective.clone(), target));
        let objectives = settings.objectives.iter().map(with_target).collect::<Result<_, _>>()?;
        Ok(Self { prefix, alerts: AlertBook::new(&settings.rules, settings.alert_history), objectives })
    }
}

/// Settings of a [`Monitor`] to be.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `install` or `build`"]
pub struct MonitorBuilder {
    settings: Settings,
    sources: Sources,
}

impl MonitorBuilder {
    /// What stands before every metric's name: `mcp` makes `mcp_db_operations_total`. Up to 64 letters, digits and
    /// underscores, a letter first and no underscore last; empty for none, the default.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = namespace.into();
        self
    }

    /// What is judged: [`presets::standard`](crate::presets::standard) by default.
    pub fn rules(mut self, rules: RuleSet) -> Self {
        self.settings.rules = rules;
        self
    }

    /// Adds an objective. It goes before what a function says of itself; of several that cover a series, the first holds.
    pub fn objective(mut self, objective: Objective) -> Self {
        self.settings.objectives.push(objective);
        self
    }

    /// How many transitions of alerts are kept, 100 to 100,000: 1,000 by default. One takes about a kilobyte.
    pub fn alert_history(mut self, transitions: usize) -> Self {
        self.settings.alert_history = transitions;
        self
    }

    /// Lays the settings of a TOML file over those of the code, when the monitor is made and at each
    /// [`reload`](Monitor::reload). The keys are those of this builder, of [`RuleBuilder`](crate::RuleBuilder) (`for` for
    /// `hold_for`) and of [`Objective`]; durations are written with their unit (`"250ms"`), shares as `"80%"` or `0.8`.
    ///
    /// ```toml
    /// namespace = "shop"
    /// presets = ["standard", "agents"]
    ///
    /// [rules.http-latency]
    /// warning = "250ms"
    ///
    /// [rules.deep-queue]
    /// metric = "queue_depth"
    /// warning = 100
    /// for = "30s"
    ///
    /// [objectives.checkout]
    /// kind = "http_request"
    /// only = { route = "/checkout" }
    /// latency = "250ms"
    /// percentile = "99%"
    /// ```
    #[cfg(feature = "toml")]
    pub fn config_file(mut self, path: impl Into<std::path::PathBuf>) -> Self {
        self.sources.file = Some(path.into());
        self
    }

    /// Lays the settings of the environment over those of code and file, when the monitor is made and at each
    /// [`reload`](Monitor::reload): `PERF_NAMESPACE`, `PERF_PRESETS` (names with commas between), `PERF_ALERT_HISTORY`, and
    /// `PERF_RULE_<ID>_<KEY>` for each key of each rule, as in `PERF_RULE_HTTP_LATENCY_WARNING=250ms`.
    pub fn environment(mut self) -> Self {
        self.sources.environment = true;
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
        let setup = Setup::of(&self.sources.over(&self.settings)?)?;
        Ok(Monitor::new(setup, self.settings, self.sources))
    }
}

impl Monitor {
    /// Begins a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder { settings: default_settings(), sources: Sources::default() }
    }

    fn new(setup: Setup, code: Settings, sources: Sources) -> Self {
        let (registry, started) = (Arc::new(Registry::new()), clock::now());
        let (alerts, objectives) = (Mutex::new(setup.alerts), Mutex::new(Objectives::new(setup.objectives)));
        let prefix = setup.prefix;
        let inner = Inner { prefix, registry, alerts, objectives, code, sources, started };
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
