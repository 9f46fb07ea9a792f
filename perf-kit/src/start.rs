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

const SERVER: &str = "server";
#[cfg(feature = "notify")]
const NOTIFY: &str = "notify";
/// The sections of `perf.toml` beside the monitor's own keys: each with the feature that brings its part, and whether it is enabled.
const SECTIONS: [(&str, &str, bool); 10] = [
    (SERVER, "server", cfg!(feature = "server")),
    ("host", "host", cfg!(feature = "host")),
    ("history", "history", cfg!(feature = "history")),
    ("insight", "insight", cfg!(feature = "insight")),
    ("notify", "notify", cfg!(feature = "notify")),
    ("llm", "llm", cfg!(feature = "llm")),
    ("sync", "sync", cfg!(feature = "sync")),
    ("sql", "sql", cfg!(feature = "sql")),
    ("report", "report", cfg!(feature = "report")),
    ("profiler", "host-profiler", cfg!(all(feature = "host-profiler", target_os = "linux"))),
];

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
        #[cfg(feature = "sql")]
        sql: None,
        #[cfg(feature = "report")]
        report: None,
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
    #[cfg(feature = "sql")]
    sql: Option<perf_sql::Settings>,
    #[cfg(feature = "report")]
    report: Option<perf_report::Settings>,
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

    /// Sets up how locks and channels are shown in code. The section `[sync]` wins, where there is one.
    #[cfg(feature = "sync")]
    pub fn sync(mut self, settings: perf_sync::Settings) -> Self {
        self.sync = Some(settings);
        self
    }

    /// Sets up the account of SQL statements in code. The section `[sql]` wins, where there is one.
    #[cfg(feature = "sql")]
    pub fn sql(mut self, settings: perf_sql::Settings) -> Self {
        self.sql = Some(settings);
        self
    }

    /// Sets up reports in code. The section `[report]` wins, where there is one.
    #[cfg(feature = "report")]
    pub fn report(mut self, settings: perf_report::Settings) -> Self {
        self.report = Some(settings);
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
    #[allow(clippy::too_many_lines, reason = "some lines for each part that is enabled, in the order that they need")]
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
        let monitor = with_rules(monitor).build()?;
        refuse_missing_features(&monitor)?;
        if let Some(state) = self.state {
            monitor.restore(state)?;
        }
        // Before the first tick: it takes up the state of the process before, unless there was another.
        #[cfg(all(feature = "history", feature = "report"))]
        let state_folder = crate::remembering::folder(&monitor, self.history.as_ref())?;
        #[cfg(all(feature = "report", not(feature = "history")))]
        let state_folder = {
            let service = monitor.service().map_or("service", |service| &service.name);
            perf_runtime::extend::state_folder(None, service)
        };
        #[cfg(feature = "history")]
        let history = crate::remembering::open(&monitor, self.history)?;
        #[cfg(feature = "insight")]
        let insight = perf_insight::runtime::Insight::open(&monitor)?;
        #[cfg(all(feature = "history", feature = "insight"))]
        crate::explaining::note_boots(&insight, &history);
        // After the history, whose state says which alerts fire already.
        #[cfg(all(any(feature = "notify", feature = "report"), feature = "server"))]
        let public_url = crate::serving::public_url(&monitor)?;
        #[cfg(all(any(feature = "notify", feature = "report"), not(feature = "server")))]
        let public_url: Option<String> = None;
        #[cfg(feature = "notify")]
        let notifier = match self.notify {
            Some(mut settings) if monitor.section(NOTIFY)?.is_empty() => {
                settings.public_url = settings.public_url.or(public_url.clone());
                perf_notify::Notifier::with_settings(&monitor, settings)?
            }
            _ => perf_notify::Notifier::open(&monitor, public_url.as_deref())?,
        };
        #[cfg(feature = "llm")]
        let llm = crate::spending::open(&monitor, self.llm)?;
        #[cfg(feature = "sync")]
        let locks = crate::locking::open(&monitor, self.sync.as_ref())?;
        #[cfg(feature = "sql")]
        let sql = crate::querying::open(&monitor, self.sql)?;
        // After the parts that it is made with, which end after it then.
        #[cfg(feature = "report")]
        let sources = crate::reporting::Sources {
            #[cfg(feature = "history")]
            history: Some(history.view()),
            #[cfg(feature = "insight")]
            insight: Some(insight.view()),
            #[cfg(feature = "llm")]
            llm: Some(llm.meter().clone()),
            without_service: false,
        };
        #[cfg(feature = "report")]
        let reports = crate::reporting::open(&monitor, self.report, sources.clone(), state_folder, public_url)?;
        #[cfg(feature = "server")]
        let set_up = self.server;
        #[cfg(all(feature = "history", feature = "server"))]
        let set_up = {
            let extension = crate::remembering::extension(history.view());
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
            let extension = crate::spending::extension(&monitor, llm.meter());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "sync", feature = "server"))]
        let set_up = {
            let (of_locks, of_channels) =
                (crate::locking::extension(locks.view()), crate::locking::channels::extension(locks.view()));
            set_up.and(move |server| server.extend(of_locks()).extend(of_channels()))
        };
        #[cfg(all(feature = "sql", feature = "server"))]
        let set_up = {
            let extension = crate::querying::extension(sql.statements());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(all(feature = "report", feature = "server"))]
        let set_up = {
            let extension = crate::reporting::extension(&monitor, sources, reports.view());
            set_up.and(move |server| server.extend(extension()))
        };
        #[cfg(feature = "server")]
        let serving = crate::serving::Serving::prepare(&monitor, self.with_server, set_up)?;
        #[cfg(feature = "host")]
        crate::hosting::install(&monitor)?;
        let settled =
            SECTIONS.map(|(section, ..)| settle(&monitor, section)).into_iter().collect::<Result<Vec<_>, _>>()?;
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
        #[cfg(feature = "sql")]
        let perf = perf.with_sql(sql);
        #[cfg(feature = "report")]
        let perf = perf.with_reports(reports);
        Ok(perf)
    }
}

/// Adds the rules of the parts.
fn with_rules(monitor: MonitorBuilder) -> MonitorBuilder {
    #[cfg(feature = "host")]
    let monitor = monitor.add_rules(perf_host::rules());
    #[cfg(feature = "notify")]
    let monitor = monitor.add_rules(perf_notify::rules());
    #[cfg(feature = "insight")]
    let monitor = monitor.add_rules(perf_insight::runtime::rules());
    #[cfg(feature = "llm")]
    let monitor = perf_llm::Llm::judged(monitor);
    #[cfg(feature = "sync")]
    let monitor = perf_sync::Locks::judged(monitor);
    #[cfg(feature = "sql")]
    let monitor = monitor.add_rules(perf_sql::rules());
    monitor
}

/// Adds the environment, and the sections of the parts.
fn with_settings(monitor: MonitorBuilder) -> MonitorBuilder {
    let sections = SECTIONS.into_iter().map(|(section, ..)| section);
    let monitor = sections.fold(monitor.environment(), MonitorBuilder::section);
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

/// Refuses the settings of parts that are not there.
fn refuse_missing_features(monitor: &Monitor) -> Result<(), ConfigError> {
    for (section, feature, is_enabled) in SECTIONS {
        if !is_enabled && !monitor.section(section)?.is_empty() {
            let allowed = format!("nothing: the feature `{feature}` of perf-kit is not enabled");
            return Err(ConfigError::new(section, "set", allowed));
        }
    }
    Ok(())
}
