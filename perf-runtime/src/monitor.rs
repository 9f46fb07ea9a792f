//! The one type that a user builds, installs and asks.

use crate::collect::others::{Others, Source};
use crate::collect::read::ReadModel;
use crate::config::{Loaded, SaidByParts, Settings, Sources};
use crate::error::{ConfigError, InstallError};
#[cfg(feature = "metrics")]
use crate::expose::facade::MetricsFacade;
use crate::expose::text::Renderer;
use crate::extend::{
    Costs, KeptStates, PartLogs, Providers, ReloadObservers, Service, ShutdownHooks, TickObservers, WaitSources,
};
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::objective::tracker::Objectives;
use crate::log_level;
use crate::measure::cells::exemplar::{TraceIdOf, set_trace_id_of};
use crate::measure::cells::failures::wishes::Wish;
use crate::measure::cells::recorder::wish::Wish as RecorderWish;
use crate::measure::cells::tree::frame;
use crate::measure::clock::{self, Moment, wall};
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use crate::observe::metrics::bounds::HistogramBounds;
use crate::observe::metrics::known as names;
use crate::observe::metrics::recent::LENGTHS;
use crate::observe::query::errors::Redaction;
use crate::observe::query::grid::Grid;
use crate::observe::series::registry::Registry;
use crate::observe::ticker::{TickCounts, Ticker};
use crate::record::marks::Marks;
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

mod alerts;
mod ask;
mod baseline;
mod collecting;
mod errors;
#[cfg(feature = "metrics")]
mod facade;
mod health;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod isolated;
mod judging;
pub(crate) mod locks;
mod log_slices;
mod metrics;
mod objectives;
mod overhead;
mod parts;
mod record;
mod recorded;
mod report;
mod sampling;
mod series;
mod settings;
mod setup;
#[cfg(test)]
mod tests;
mod tree;
mod trial;

pub use alerts::Alerts;
use baseline::Resets;
pub use metrics::{MetricBuilder, Metrics};
use overhead::{Part, Spent};
pub use report::{HealthEvidence, ResourceUse};
use sampling::Samplers;
pub use sampling::{Sampler, Samples};
use setup::Setup;
pub use trial::PastFigures;

static OF_PROCESS: Own = Own { installed: OnceLock::new(), default: OnceLock::new() };

/// The monitors that [`monitor`](fn@monitor) gives.
#[derive(Debug, Default)]
struct Own {
    installed: OnceLock<Monitor>,
    default: OnceLock<Monitor>,
}

impl Own {
    /// Shows those of the process, or of the isolated test that this thread works for.
    fn here<R>(look: impl FnOnce(&Self) -> R) -> R {
        #[cfg(any(test, feature = "test-util"))]
        if let Some(isolation) = isolation::current() {
            return look(&isolation.part());
        }
        look(&OF_PROCESS)
    }
}

/// The process's monitor: the installed one, or a default one without a namespace where none is installed (yet). Never
/// panics.
pub fn monitor() -> Monitor {
    let default = || {
        let monitor = Monitor::new(Setup::default(), HistogramBounds::default(), Vec::new());
        // Without a thread the windows are cut when somebody asks: coarser, not wrong.
        let _ = monitor.start_ticker();
        monitor
    };
    Own::here(|own| own.installed.get().unwrap_or_else(|| own.default.get_or_init(default)).clone())
}

/// Observes, judges and exposes what the process measures. A cheap handle: clones are the same monitor.
///
/// Calls of annotated functions are counted from the start of the process, whether a monitor exists or not. A series
/// that the program makes itself ([`operation`](Self::operation) and its like) belongs to the monitor it was recorded on.
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
    model: ReadModel,
    renderer: Renderer,
    alerts: Mutex<AlertEngine>,
    objectives: Mutex<Objectives>,
    /// All settings as they were last read.
    loaded: Mutex<Loaded>,
    /// The settings that parts said they run with.
    shown: Mutex<SaidByParts>,
    reload_observers: ReloadObservers,
    /// Held while settings are read anew.
    reloading: Mutex<()>,
    /// The settings of code and of parts that were installed since, and where the others are read.
    code: Mutex<Settings>,
    outside: Sources,
    marks: Marks,
    tick_observers: TickObservers,
    costs: Costs,
    providers: Providers,
    shutdown_hooks: ShutdownHooks,
    kept_states: KeptStates,
    part_logs: Arc<PartLogs>,
    wait_sources: WaitSources,
    service: Option<Arc<Service>>,
    others: Others,
    samplers: Samplers,
    spent: Spent,
    resets: Resets,
    #[cfg(feature = "metrics")]
    out: facade::Out,
    #[cfg(feature = "metrics")]
    facade: MetricsFacade,
    trace_id_of: Option<TraceIdOf>,
    /// The wish that failures be kept, as the settings have it.
    wish: Mutex<Wish>,
    /// The wish that calls be recorded, as the settings have it.
    recorder: Mutex<RecorderWish>,
    redaction: Option<Redaction>,
    started: Moment,
    ticker: OnceLock<Ticker>,
}

/// Settings of a [`Monitor`] to be.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `install` or `build`"]
pub struct MonitorBuilder {
    settings: Settings,
    outside: Sources,
    sources: Vec<Source>,
    #[cfg(feature = "metrics")]
    facade: MetricsFacade,
    trace_id_of: Option<TraceIdOf>,
    redaction: Option<Redaction>,
}

impl MonitorBuilder {
    /// The prefix of every metric's name: `mcp` makes `mcp_db_operations_total`. Up to 64 letters, digits and
    /// underscores, a letter first and no underscore last; empty for none, the default.
    pub fn namespace(mut self, namespace: impl Into<String>) -> Self {
        self.settings.namespace = namespace.into();
        self
    }

    /// The buckets of a histogram of the application's own: their upper bounds, which include themselves, in the metric's
    /// unit; 1 to 200 finite numbers, ascending. `name` is the metric's name, or a pattern with one `*` at its start or
    /// its end; the first that fits a name holds.
    ///
    /// Elsewhere it is by the unit, which the metric's description or the end of its name tells: seconds (and what has
    /// no unit) from 0.005 to 10 as in Prometheus' client libraries, milli-, micro- and nanoseconds the same, bytes
    /// from 256 to 64 Mi by fours, ratios from 0.01 to 1.
    pub fn histogram_bounds(mut self, name: impl Into<String>, bounds: impl IntoIterator<Item = f64>) -> Self {
        self.settings.histogram_bounds.push((name.into(), bounds.into_iter().collect()));
        self
    }

    /// Serves another library's metrics together with the monitor's: `render` gives them as Prometheus text (0.0.4) at
    /// each scrape. Of an application that runs `metrics-exporter-prometheus`, it is its handle:
    ///
    /// ```
    /// # use perf_runtime::Monitor;
    /// # struct PrometheusHandle;
    /// # impl PrometheusHandle { fn render(&self) -> String { "jobs_total 3\n".into() } }
    /// # fn handle() -> PrometheusHandle { PrometheusHandle }
    /// let handle = handle(); // what `PrometheusBuilder::install_recorder` gives
    /// let monitor = Monitor::builder().merge_prometheus(move || handle.render()).build()?;
    /// assert!(monitor.render_prometheus().contains("jobs_total 3"));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    ///
    /// No family is there twice: where a name is taken by a metric of the monitor's or of the application's, the other
    /// text's is left out, and told once through `tracing`; so are lines that are not of the format. A `render` that
    /// panics is left out. It is called by whoever asks for the text, and may take as long as that may.
    pub fn merge_prometheus(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.sources.push(Source::new(render));
        self
    }

    /// How to get the id of the trace that a call's span belongs to; `None` where it belongs to none, or to one that
    /// nobody keeps. With it, the buckets of histograms have exemplars in
    /// [`render_openmetrics`](Monitor::render_openmetrics): of each bucket the last call's but once a second, so that a
    /// slow bucket leads to the trace of a slow call. No default.
    ///
    /// It is asked as a call with a span ends, on the call's own thread, once a second for each bucket and more often
    /// only while it has no answer. Calls are measured once for the process: what the last monitor was built with holds
    /// for all. An id of more than 120 characters gives no exemplar, and neither does a panic.
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
    /// [`monitor`](fn@monitor) gives from now on. With the feature `metrics` it becomes the recorder of the `metrics`
    /// facade as well, or pushes to the one that is there (see `metric::MetricsFacade`): another
    /// recorder is to be installed before the monitor.
    ///
    /// # Errors
    /// A setting that is not allowed, a monitor that is installed already, or no thread to be had. Nothing is installed
    /// then.
    pub fn install(self) -> Result<Monitor, InstallError> {
        self.make()?.install()
    }

    /// As [`install`](Self::install), but where a monitor is installed already it is that one: for tests of one program that
    /// each begin so, and share it. Its settings are those of whoever came first. A test that is not to see what the others do
    /// is isolated (`test_util::isolated`).
    ///
    /// # Errors
    /// A setting that is not allowed, or no thread to be had.
    pub fn install_or_current(self) -> Result<Monitor, InstallError> {
        match self.install() {
            Err(InstallError::AlreadyInstalled) => Ok(monitor()),
            made => made,
        }
    }

    /// Makes a monitor that is nobody's: it sees the process's annotated functions as every monitor does, has windows,
    /// alerts and series of its own, and no ticker. For tests, together with `Monitor::tick` (feature `test-util`).
    ///
    /// # Errors
    /// A setting that is not allowed.
    pub fn build(self) -> Result<Monitor, ConfigError> {
        let monitor = self.make()?;
        monitor.inner.trace_id_of.into_iter().for_each(set_trace_id_of);
        Ok(monitor)
    }

    fn make(&self) -> Result<Monitor, ConfigError> {
        let setup = Setup::new(self.settings.clone(), self.outside.clone())?;
        let mut bounds = HistogramBounds::default();
        self.settings.histogram_bounds.iter().try_for_each(|(name, of_name)| bounds.add(name, of_name))?;
        let mut monitor = Monitor::new(setup, bounds, self.sources.clone());
        if let Some(inner) = Arc::get_mut(&mut monitor.inner) {
            inner.trace_id_of = self.trace_id_of;
            inner.redaction.clone_from(&self.redaction);
            #[cfg(feature = "metrics")]
            {
                inner.facade = self.facade;
            }
        }
        Ok(monitor)
    }
}

impl Monitor {
    /// Begins a monitor.
    pub fn builder() -> MonitorBuilder {
        MonitorBuilder {
            settings: Settings::default(),
            outside: Sources::default(),
            sources: Vec::new(),
            #[cfg(feature = "metrics")]
            facade: MetricsFacade::default(),
            trace_id_of: None,
            redaction: None,
        }
    }

    fn new(setup: Setup, bounds: HistogramBounds, sources: Vec<Source>) -> Self {
        let Setup { prefix, alerts, objectives, service, loaded, code, outside } = setup;
        let started = clock::now();
        wall::follow(started);
        let model = ReadModel::new(&prefix, loaded.settings.edge_metrics);
        frame::bound_edges(loaded.settings.max_edges);
        let wish = errors::wish(&loaded.settings);
        let recorder = RecorderWish::new(loaded.settings.recorder);
        let inner = Inner {
            renderer: Renderer::new(&model),
            model,
            registry: Arc::new(Registry::with_bounds(bounds, loaded.settings.limits)),
            alerts: Mutex::new(alerts),
            objectives: Mutex::new(objectives),
            loaded: Mutex::new(loaded),
            shown: Mutex::default(),
            reload_observers: ReloadObservers::default(),
            reloading: Mutex::default(),
            code: Mutex::new(code),
            outside,
            marks: Marks::default(),
            tick_observers: TickObservers::default(),
            costs: Costs::default(),
            providers: Providers::default(),
            shutdown_hooks: ShutdownHooks::default(),
            kept_states: KeptStates::default(),
            part_logs: Arc::default(),
            wait_sources: WaitSources::default(),
            service,
            others: Others::new(sources),
            samplers: Samplers::default(),
            spent: Spent::default(),
            resets: Resets::default(),
            #[cfg(feature = "metrics")]
            out: facade::Out::default(),
            #[cfg(feature = "metrics")]
            facade: MetricsFacade::default(),
            trace_id_of: None,
            wish: Mutex::new(wish),
            recorder: Mutex::new(recorder),
            redaction: None,
            started,
            ticker: OnceLock::new(),
        };
        if let Some(service) = &inner.service {
            tell_of_service(&inner.registry, service);
        }
        // Calls that were counted before are not known to be recent.
        inner.keep_objectives(started);
        Self { inner: Arc::new(inner) }
    }

    /// The monitor that was installed; `None` where none is (yet), and [`monitor`](fn@monitor) gives a default one.
    pub fn installed() -> Option<Self> {
        Own::here(|own| own.installed.get().cloned())
    }

    /// Starts the ticker of a monitor that was [built](MonitorBuilder::build), and makes it the process's own, as
    /// [`MonitorBuilder::install`] does at once: for those who [restore](Self::restore) a state in between.
    ///
    /// # Errors
    /// A monitor is installed already, or there is no thread to be had. Nothing is installed then.
    pub fn install(self) -> Result<Self, InstallError> {
        if Self::installed().is_some() {
            return Err(InstallError::AlreadyInstalled);
        }
        if self.is_enabled() {
            self.start_ticker().map_err(InstallError::Ticker)?;
        }
        Own::here(|own| own.installed.set(self.clone())).map_err(|_| InstallError::AlreadyInstalled)?;
        self.inner.trace_id_of.into_iter().for_each(set_trace_id_of);
        #[cfg(feature = "metrics")]
        if self.is_enabled() {
            self.join_facade(self.inner.facade);
        }
        log_level::set(self.inner.loaded().settings.log_level);
        Ok(self)
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

    /// The time since the monitor was made.
    pub fn uptime(&self) -> Duration {
        clock::now().since(self.inner.started)
    }

    /// Does the work of one tick. For tests that move the clock by hand.
    #[cfg(any(test, feature = "test-util"))]
    pub fn tick(&self) {
        self.inner.tick();
    }
}

/// The metric `target_info`, by which scrapers tell services apart, with the names that OpenTelemetry gives its labels
/// (<https://opentelemetry.io/docs/specs/otel/compatibility/prometheus_and_openmetrics/>).
fn tell_of_service(registry: &Registry, service: &Service) {
    let labels = [
        ("service_name", Some(service.name.as_str())),
        ("service_version", service.version.as_deref()),
        ("service_instance_id", service.instance.as_deref()),
    ];
    let labels: Vec<(&str, &str)> = labels.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
    registry.custom().set_labelled_gauge(
        names::TARGET_INFO,
        &labels,
        1.0,
        ("", "The service, its version and instance."),
    );
}

impl Inner {
    fn tick(self: &Arc<Self>) {
        #[cfg(any(test, feature = "test-util"))]
        let _isolated = self.registry.enter_isolation();
        let (now, began) = (clock::now(), Instant::now());
        wall::follow(now);
        self.tick_observers.begin();
        // First of all: what is judged is what was just read.
        self.spent.time(Part::Sampling, || self.handle().run_samplers(now));
        let cells = LENGTHS.map(|window| Grid::of_window(window, now).newest);
        self.spent.time(Part::Observing, || self.registry.custom().leave_trails(cells));
        self.observe_and_judge(now);
        self.reset_if_due();
        #[cfg(feature = "metrics")]
        self.spent.time(Part::Pushing, || self.push_to_the_installed());
        self.tell_of_tick(now);
        self.spent.tick(began.elapsed());
    }
}
