//! Starts everything that the features brought, in the order that each part needs.

use crate::error::StartError;
use crate::perf::Perf;
#[cfg(feature = "server")]
use crate::serving::SetUp;
use perf_runtime::config::Section;
use perf_runtime::extend::{ReloadObserver, Service, State};
use perf_runtime::{ConfigError, InstallError, Monitor, MonitorBuilder};
#[cfg(feature = "server")]
use perf_server::ServerBuilder;
#[cfg(feature = "toml")]
use std::{env, path::PathBuf};

/// The sections of `perf.toml` beside the monitor's own keys.
const SERVER: &str = "server";
const HOST: &str = "host";
const HISTORY: &str = "history";
const INSIGHT: &str = "insight";
const NOTIFY: &str = "notify";
const LLM: &str = "llm";
const SYNC: &str = "sync";
const PROFILER: &str = "profiler";

/// Starts everything that the features brought for the service of this name: the monitor as the process's own, the host's
/// samplers with their rules, and the server. As [`builder(name).start()`](Builder::start).
///
/// The monitor records whole calls ([`MonitorBuilder::recorder`]), unless the settings say `[recorder] enabled = false`.
///
/// The name is the service's and no namespace: `db_operations_total` stays `db_operations_total`.
///
/// # Errors
/// A setting that is not allowed, a port that is taken, or a monitor that is installed already: a process starts once.
/// Nothing is half started then.
pub fn start(service: impl Into<String>) -> Result<Perf, StartError> {
    builder(service).start()
}

/// Begins to set up what [`start`] starts.
pub fn builder(service: impl Into<String>) -> Builder {
    let monitor = Monitor::builder().service(Service::new(service)).recorder(true);
    Builder {
        monitor,
        state: None,
        #[cfg(feature = "server")]
        with_server: true,
        #[cfg(feature = "server")]
        server: SetUp::default(),
        #[cfg(feature = "toml")]
        file: None,
        #[cfg(feature = "history")]
        history: None,
        #[cfg(feature = "notify")]
        notify: None,
        #[cfg(feature = "llm")]
        llm: None,
        #[cfg(feature = "sync")]
        sync: None,
    }
}

/// Everything that is to be started.
#[derive(Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct Builder {
    monitor: MonitorBuilder,
    state: Option<State>,
    #[cfg(feature = "server")]
    with_server: bool,
    #[cfg(feature = "server")]
    server: SetUp,
    #[cfg(feature = "toml")]
    file: Option<PathBuf>,
    #[cfg(feature = "history")]
    history: Option<perf_history::Settings>,
    #[cfg(feature = "notify")]
    notify: Option<perf_notify::Settings>,
    #[cfg(feature = "llm")]
    llm: Option<perf_llm::Settings>,
    #[cfg(feature = "sync")]
    sync: Option<perf_sync::Settings>,
}

impl Builder {
    /// Sets up the monitor in code: rules, objectives, a namespace, the version of the service. Settings of the file and of
    /// the environment win.
    ///
    /// ```
    /// use perf_kit::objective::Objective;
    /// use perf_kit::Kind;
    ///
    /// let builder = perf_kit::builder("shop")
    ///     .monitor(|monitor| monitor.objective(Objective::new(Kind::HttpRequest).success(99.9)));
    /// # let _ = builder;
    /// ```
    pub fn monitor(mut self, set_up: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Self {
        self.monitor = set_up(self.monitor);
        self
    }

    /// Reads the settings from this file, which must be there, in place of `perf.toml` where that is.
    #[cfg(feature = "toml")]
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.file = Some(path.into());
        self
    }

    /// Opens no port: the routes are to be [mounted](Perf::mount) in the application's own server, or nowhere.
    #[cfg(feature = "server")]
    pub fn without_server(mut self) -> Self {
        self.with_server = false;
        self
    }

    /// Sets up the server in code: [extensions](perf_server::Extension), readiness checks, limits. The settings of `[server]`
    /// and of the environment win. Also for routes that are [mounted](Perf::mount).
    ///
    /// ```
    /// let builder = perf_kit::builder("shop").server(|server| server.ready_when("database", || true));
    /// # let _ = builder;
    /// ```
    #[cfg(feature = "server")]
    pub fn server(mut self, set_up: impl Fn(ServerBuilder) -> ServerBuilder + Send + Sync + 'static) -> Self {
        self.server = SetUp::new(set_up);
        self
    }

    /// Sets up the history in code: its folder, its size, or that there is none. The section `[history]` wins, where there is one.
    #[cfg(feature = "history")]
    pub fn history(mut self, settings: perf_history::Settings) -> Self {
        self.history = Some(settings);
        self
    }

    /// Sets up notifications in code: channels and routes. The section `[notify]` wins, where there is one.
    #[cfg(feature = "notify")]
    pub fn notify(mut self, settings: perf_notify::Settings) -> Self {
        self.notify = Some(settings);
        self
    }

    /// Sets up the metering of language models in code: budgets, a table of prices. The section `[llm]` wins, where there is one.
    #[cfg(feature = "llm")]
    pub fn llm(mut self, settings: perf_llm::Settings) -> Self {
        self.llm = Some(settings);
        self
    }

    /// Sets up how locks are shown in code. The section `[sync]` wins, where there is one.
    #[cfg(feature = "sync")]
    pub fn sync(mut self, settings: perf_sync::Settings) -> Self {
        self.sync = Some(settings);
        self
    }

    /// Takes up the [state](perf_runtime::Monitor::state) of the process before.
    pub fn restore(mut self, state: State) -> Self {
        self.state = Some(state);
        self
    }

    /// Starts it all: settings first, then the state of before, rules, parts, the ticker, and the server last.
    ///
    /// # Errors
    /// As [`start`].
    pub fn start(self) -> Result<Perf, StartError> {
        if Monitor::installed().is_some() {
            return Err(StartError::Install(InstallError::AlreadyInstalled));
        }
        let monitor = with_settings(self.monitor);
        #[cfg(feature = "toml")]
        let monitor = match settings_file(self.file) {
            Some(path) => monitor.config_file(path),
            None => monitor,
        };
        #[cfg(feature = "host")]
        let monitor = monitor.add_rules(perf_host::rules());
        #[cfg(feature = "notify")]
        let monitor = monitor.add_rules(perf_notify::rules());
        #[cfg(feature = "insight")]
        let monitor = monitor.add_rules(perf_insight::runtime::rules());
        #[cfg(feature = "sync")]
        let monitor = perf_sync::Locks::judged(monitor);
        let monitor = monitor.build()?;
        refuse_parts_that_are_not_there(&monitor)?;
        if let Some(state) = self.state {
            monitor.restore(state)?;
        }
        // Before the first tick: it takes up the state of the process before, unless there was another.
        #[cfg(feature = "history")]
        let history = crate::remembering::open(&monitor, self.history)?;
        #[cfg(feature = "insight")]
        let insight = perf_insight::runtime::Insight::open(&monitor)?;
        #[cfg(all(feature = "history", feature = "insight"))]
        crate::explaining::note_boots(&insight, &history);
        // After the history, whose state says which alerts fire already.
        #[cfg(all(feature = "notify", feature = "server"))]
        let public_url = crate::serving::public_url(&monitor)?;
        #[cfg(all(feature = "notify", not(feature = "server")))]
        let public_url: Option<String> = None;
        #[cfg(feature = "notify")]
        let notifier = match self.notify {
            Some(mut settings) if monitor.section(NOTIFY)?.is_empty() => {
                settings.public_url = settings.public_url.or(public_url);
                perf_notify::Notifier::with_settings(&monitor, settings)?
            }
            _ => perf_notify::Notifier::open(&monitor, public_url.as_deref())?,
        };
        #[cfg(feature = "llm")]
        let llm = crate::spending::open(&monitor, self.llm)?;
        #[cfg(feature = "sync")]
        let locks = crate::locking::open(&monitor, self.sync.as_ref())?;
        #[cfg(feature = "server")]
        let set_up = self.server;
        #[cfg(all(feature = "history", feature = "server"))]
        let set_up = {
            let extension = crate::remembering::extension(&history);
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "notify", feature = "server"))]
        let set_up = {
            let extension = crate::telling::extension(notifier.view());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "insight", feature = "server"))]
        let set_up = {
            let extension = crate::explaining::extension(insight.view());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "llm", feature = "server"))]
        let set_up = {
            let extension = crate::spending::extension(llm.meter());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "sync", feature = "server"))]
        let set_up = {
            let extension = crate::locking::extension(locks.view());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(feature = "server")]
        let serving = crate::serving::Serving::prepare(&monitor, self.with_server, set_up)?;
        #[cfg(feature = "host")]
        crate::hosting::install(&monitor)?;
        let settled =
            [SERVER, HOST, HISTORY, INSIGHT, NOTIFY, LLM, SYNC, PROFILER].map(|section| settle(&monitor, section));
        let settled = settled.into_iter().collect::<Result<Vec<_>, _>>()?;
        #[cfg(all(feature = "host-profiler", target_os = "linux"))]
        let profiler = crate::hosting::profile(&monitor)?;
        let monitor = monitor.install()?;
        #[cfg(feature = "server")]
        let perf = Perf::new(monitor, settled).with_server(serving);
        #[cfg(not(feature = "server"))]
        let perf = Perf::new(monitor, settled);
        #[cfg(all(feature = "host-profiler", target_os = "linux"))]
        let perf = perf.with_profiler(profiler);
        #[cfg(feature = "history")]
        let perf = perf.with_history(history);
        #[cfg(feature = "insight")]
        let perf = perf.with_insight(insight);
        #[cfg(feature = "notify")]
        let perf = perf.with_notifier(notifier);
        #[cfg(feature = "llm")]
        let perf = perf.with_llm(llm);
        #[cfg(feature = "sync")]
        let perf = perf.with_locks(locks);
        Ok(perf)
    }
}

/// Adds the environment, and the sections of the parts.
fn with_settings(monitor: MonitorBuilder) -> MonitorBuilder {
    let sections = [SERVER, HOST, HISTORY, INSIGHT, NOTIFY, LLM, SYNC, PROFILER];
    let monitor = sections.into_iter().fold(monitor.environment(), MonitorBuilder::section);
    monitor.section_variable("PERF_PORT", SERVER, "port")
}

/// The file that holds the settings: the named one, or `perf.toml` where it is there.
#[cfg(feature = "toml")]
fn settings_file(named: Option<PathBuf>) -> Option<PathBuf> {
    let default = || Some(PathBuf::from("perf.toml")).filter(|path| path.exists());
    named.or_else(|| env::var_os("PERF_CONFIG").map(PathBuf::from)).or_else(default)
}

/// Has a reload refuse other settings of a part that takes them up at the start alone.
fn settle(monitor: &Monitor, name: &'static str) -> Result<ReloadObserver, ConfigError> {
    let old = monitor.section(name)?;
    let same = move |new: &Section| {
        let refused = || ConfigError::new(name, "changed", "what it was, until the process starts anew");
        if *new == old { Ok(()) } else { Err(refused()) }
    };
    monitor.on_reload(name, same, |()| ())
}

/// Refuses the settings of every part whose feature is not enabled.
#[allow(clippy::unnecessary_wraps, unused_variables, reason = "with every feature nothing is refused")]
fn refuse_parts_that_are_not_there(monitor: &Monitor) -> Result<(), ConfigError> {
    #[cfg(not(feature = "server"))]
    refuse_without_feature(monitor, SERVER, SERVER)?;
    #[cfg(not(feature = "host"))]
    refuse_without_feature(monitor, HOST, HOST)?;
    #[cfg(not(feature = "history"))]
    refuse_without_feature(monitor, HISTORY, HISTORY)?;
    #[cfg(not(feature = "insight"))]
    refuse_without_feature(monitor, INSIGHT, INSIGHT)?;
    #[cfg(not(feature = "notify"))]
    refuse_without_feature(monitor, NOTIFY, NOTIFY)?;
    #[cfg(not(feature = "llm"))]
    refuse_without_feature(monitor, LLM, LLM)?;
    #[cfg(not(feature = "sync"))]
    refuse_without_feature(monitor, SYNC, SYNC)?;
    #[cfg(not(all(feature = "host-profiler", target_os = "linux")))]
    refuse_without_feature(monitor, PROFILER, "host-profiler")?;
    Ok(())
}

/// Refuses the settings of a part that is not there.
#[cfg(not(all(
    feature = "history",
    feature = "host",
    feature = "insight",
    feature = "llm",
    feature = "notify",
    feature = "server",
    feature = "sync",
    feature = "host-profiler",
    target_os = "linux"
)))]
fn refuse_without_feature(monitor: &Monitor, section: &str, feature: &str) -> Result<(), ConfigError> {
    if monitor.section(section)?.is_empty() {
        return Ok(());
    }
    Err(ConfigError::new(section, "set", format!("nothing: the feature `{feature}` of perf-kit is not enabled")))
}
