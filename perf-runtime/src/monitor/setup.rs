//! The set-up of a monitor: settings of code, file and environment, checked.

use super::MonitorBuilder;
use crate::config::{Loaded, Sections, Settings, Sources};
use crate::error::{ConfigError, prefix_of};
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::health::part_resource::Resource;
use crate::judge::objective::spec::Objective;
use crate::judge::objective::tracker::Objectives;
use crate::judge::rule::preset::presets;
use crate::judge::rule::set::RuleSet;
use crate::log_level::LogLevel;
use crate::measure::cells::recorder::buffer::MOST_CALLS;
use crate::measure::model::service::Service;
use crate::measure::model::target::Objective as Target;
use crate::observe::query::errors::Redaction;
use crate::observe::query::trace_url::TraceUrl;
use crate::text;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const YEAR: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The checked settings that a monitor is made of.
pub(super) struct Setup {
    pub(super) prefix: String,
    pub(super) alerts: AlertEngine,
    pub(super) objectives: Objectives,
    pub(super) service: Option<Arc<Service>>,
    pub(super) loaded: Loaded,
    pub(super) code: Settings,
    pub(super) outside: Sources,
}

impl Setup {
    /// Reads what is set outside, lays it over what is set in code, and checks all of it.
    pub(super) fn new(code: Settings, outside: Sources) -> Result<Self, ConfigError> {
        let loaded = outside.over(&code)?;
        let settings = &loaded.settings;
        check(settings)?;
        let prefix = prefix_of(&settings.namespace)?;
        for (field, value, range, what) in [
            ("alert_history", settings.alert_history, 100..=100_000, "transitions"),
            ("max_series", settings.limits.series, 100..=100_000, "series"),
            ("max_label_values", settings.limits.values, 10..=100_000, "values"),
            ("max_edges", settings.max_edges, 0..=100_000, "edges"),
        ] {
            if !range.contains(&value) {
                return Err(ConfigError::new(field, value, format!("{} to {} {what}", range.start(), range.end())));
            }
        }
        if let Some((field, value)) = settings.service.as_ref().and_then(Service::refused) {
            return Err(ConfigError::new(field, value, "1 to 128 bytes without control characters"));
        }
        let service = settings.service.clone().map(Arc::new);
        let objectives = Objectives::new(targets(settings)?);
        let alerts = AlertEngine::new(&settings.rules, settings.alert_history).of_service(service.clone());
        Ok(Self { prefix, alerts, objectives, service, loaded, code, outside })
    }
}

/// Checks the settings beside rules and objectives.
pub(super) fn check(settings: &Settings) -> Result<(), ConfigError> {
    let within = |field: &str, span: Duration, least: Duration, most: Duration| {
        let allowed = || format!("{} to {}", text::show_duration(least), text::show_duration(most));
        let is_within = (least..=most).contains(&span);
        if is_within { Ok(()) } else { Err(ConfigError::new(field, text::show_duration(span), allowed())) }
    };
    Resource::check_all(&settings.resources)?;
    within("interval", settings.interval, SECOND, MINUTE)?;
    if let Some(url) = settings.trace_url.as_ref().filter(|url| TraceUrl::parse(url).is_none()) {
        return Err(ConfigError::new("trace_url", url, TraceUrl::ALLOWED));
    }
    let groups = settings.errors.max_groups;
    if !(1..=1_000).contains(&groups) {
        return Err(ConfigError::new("errors.max_groups", groups, "1 to 1000 groups"));
    }
    let recorder = settings.recorder;
    for (key, value, range) in [
        ("slowest", recorder.slowest, 0..=100),
        ("failed", recorder.failed, 0..=100),
        ("minutes", recorder.minutes, 1..=1_440),
        ("calls", recorder.calls, 1..=MOST_CALLS),
    ] {
        if !range.contains(&value) {
            let allowed = format!("{} to {}", range.start(), range.end());
            return Err(ConfigError::new(format!("recorder.{key}"), value, allowed));
        }
    }
    settings.reset_every.map_or(Ok(()), |every| within("reset_every", every, MINUTE, YEAR))
}

/// The objectives, each with the target that series are held against.
pub(super) fn targets(settings: &Settings) -> Result<Vec<(Objective, Target)>, ConfigError> {
    let with_target = |objective: &Objective| objective.target().map(|target| (objective.clone(), target));
    settings.objectives.iter().map(with_target).collect()
}

/// The set-up of a monitor without any setting.
impl Default for Setup {
    fn default() -> Self {
        let code = Settings::default();
        Self {
            prefix: String::new(),
            alerts: AlertEngine::new(&code.rules, code.alert_history),
            objectives: Objectives::default(),
            service: None,
            loaded: Loaded { settings: code.clone(), sections: Sections::default() },
            code,
            outside: Sources::default(),
        }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self { rules: presets::standard(), ..Self::without_rules() }
    }
}

impl MonitorBuilder {
    /// The service that the process is an instance of: its name, version and instance are on every page, in events, and
    /// `target_info` in a scrape. It names no metric; that is for [`namespace`](Self::namespace).
    pub fn service(mut self, service: Service) -> Self {
        self.settings.service = Some(service);
        self
    }

    /// The rules: [`presets::standard`](crate::rule::presets::standard) by default.
    pub fn rules(mut self, rules: RuleSet) -> Self {
        self.settings.rules = rules;
        self
    }

    /// Adds the rules of a part that brings its own: judged beside those of the presets, whichever presets the code, the file
    /// or the environment name. A rule with an id that is there already stays out.
    pub fn add_rules(mut self, rules: RuleSet) -> Self {
        self.settings.part_rules.extend(rules);
        self
    }

    /// Adds an objective. It goes before what a function says of itself; of several that cover a series, the first holds.
    pub fn objective(mut self, objective: Objective) -> Self {
        self.settings.objectives.push(objective);
        self
    }

    /// Adds a resource to what the health judges.
    pub fn resource(mut self, resource: Resource) -> Self {
        self.settings.resources.push(resource);
        self
    }

    /// How many transitions of alerts are kept, 100 to 100,000: 1,000 by default. One takes about a kilobyte. Alerts that began or
    /// cleared and did not fire give way first, down to a quarter of it.
    pub fn alert_history(mut self, transitions: usize) -> Self {
        self.settings.alert_history = transitions;
        self
    }

    /// How many series one metric may have that are made at run time, 100 to 100,000: 2,000 by default. Beyond that the label
    /// with the most values becomes `__overflow__`. A series takes up to some kilobytes while it is busy. Those of annotated functions are
    /// not counted, nor are those of a router's templates, of which there may be four times as many.
    pub fn max_series(mut self, series: usize) -> Self {
        self.settings.limits.series = series;
        self
    }

    /// How many values one label of a metric may have that come at run time, 10 to 100,000: 200 by default. Others become
    /// `__overflow__`, and `perf_label_overflow_total` counts the calls. The templates of a router, which are few by the program's text,
    /// are not counted.
    pub fn max_label_values(mut self, values: usize) -> Self {
        self.settings.limits.values = values;
        self
    }

    /// How many edges are told apart, 0 to 100,000: 2,000 by default. An edge is two series of which the one made calls of the other
    /// ([`Monitor::edges`](crate::Monitor::edges)); beyond the bound the caller becomes `__overflow__`. An edge takes 32 bytes for each
    /// thread on which it occurs, and as many for each second of the last minute and each minute of the last hour in which it does. With 0
    /// calls know no callers. It is set for the process, by the monitor that is built last.
    pub fn max_edges(mut self, edges: usize) -> Self {
        self.settings.max_edges = edges;
        self
    }

    /// Whether the tree of calls is in a scrape: `call_edges_total`, `call_edge_seconds_total`, `call_edge_failures_total` and
    /// `call_edge_wait_seconds_total` by `parent` and `child`, and the time that is a series' own, such as `db_operation_self_seconds_total`.
    /// `true` by default: four samples for each edge and one for each series, once there is an edge.
    pub fn edge_metrics(mut self, are_metrics: bool) -> Self {
        self.settings.edge_metrics = are_metrics;
        self
    }

    /// Whether anything is done beside counting. `false` starts no thread, no sampler, no port and no file: calls are
    /// counted, and can be asked for. `true` by default.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.settings.enabled = enabled;
        self
    }

    /// How often samplers run that say nothing else, and how often the live feed tells of news: 1 s, the default, to 1 m.
    /// Windows are cut and alerts judged once a second all the same.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.settings.interval = interval;
        self
    }

    /// Moves the baseline of the views so often, 1 m to 366 d; error budgets go on. Never by default.
    /// Counted from the last reset, over restarts too where the state is restored.
    pub fn reset_every(mut self, every: Duration) -> Self {
        self.settings.reset_every = Some(every);
        self
    }

    /// Whether failures are told apart by kind, for [`Monitor::errors`](crate::Monitor::errors): `true` by default. The process keeps them as
    /// long as one of its monitors wants them, or there is none.
    pub fn errors(mut self, enabled: bool) -> Self {
        self.settings.errors.enabled = enabled;
        self
    }

    /// Whether the texts of all errors are kept, and not only those of functions with the option `err`: off by default, for texts may hold
    /// what is private. With it go the messages of panics and the details of problem documents. See
    /// [`redact_errors`](Self::redact_errors).
    ///
    /// The process writes the texts as long as one of its monitors wants them; each monitor shows what it wants itself. A text costs
    /// what its `Display` takes, with each error.
    pub fn error_texts(mut self, text: bool) -> Self {
        self.settings.errors.text = text;
        self
    }

    /// How many kinds of failures are told apart of one series, 1 to 1,000: 20 by default. Beyond that the one that failed least recently
    /// gives way, and is counted among [all others](crate::series::SeriesErrors::others). With texts a kind takes up to a kilobyte.
    /// Functions keep as many as the monitor that wants the most.
    pub fn max_error_groups(mut self, groups: usize) -> Self {
        self.settings.errors.max_groups = groups;
        self
    }

    /// Has [`Monitor::errors`](crate::Monitor::errors) tell the message and the place of panics: off by default, since the standard library
    /// tells both only to the panic hook. One is put in front of the hook that is there, once for the process and for good, and calls it
    /// as ever. So set your own hook before, or have it call the one that it finds. A message that stands in the source as it is is
    /// always shown; one that was put together is a text as those of errors.
    pub fn remember_panics(mut self) -> Self {
        self.settings.errors.panics = true;
        self
    }

    /// Takes out of the texts of errors what nobody may see, each time that they are asked for; it gets the first 512 bytes of the text,
    /// and the first 200 of what it returns are shown. Where it panics the text is not shown. No default.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let builder = Monitor::builder()
    ///     .error_texts(true)
    ///     .redact_errors(|text| text.replace("hunter2", "(password)"));
    /// # let _ = builder;
    /// ```
    pub fn redact_errors(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.redaction = Some(Redaction::new(redact));
        self
    }

    /// Where traces are shown, so that [groups of errors](crate::series::ErrorGroup::trace_link) have a link: an address of http or https
    /// without user or password, with `{trace_id}` behind its host, which stands for the 32 hexadecimal digits of the id. No default.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let monitor = Monitor::builder().trace_url("https://tempo.example.com/trace/{trace_id}").build()?;
    /// # drop(monitor);
    /// let refused = Monitor::builder().trace_url("javascript:alert({trace_id})").build();
    /// assert_eq!(refused.unwrap_err().field, "trace_url");
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn trace_url(mut self, url: impl Into<String>) -> Self {
        self.settings.trace_url = Some(url.into());
        self
    }

    /// The least serious events that this crate sends to `tracing`, for the process: all by default.
    pub fn log_level(mut self, level: LogLevel) -> Self {
        self.settings.log_level = level;
        self
    }

    /// Registers the section of a part: a table of this name in the file, and variables `PERF_<NAME>_<KEY>`. The part reads
    /// it with [`Monitor::section`](crate::Monitor::section). A table that nobody registered is an error.
    pub fn section(mut self, name: impl Into<String>) -> Self {
        self.outside.sections.push(name.into());
        self
    }

    /// Gives a key of a section a variable of its own name, beside `PERF_<SECTION>_<KEY>`: such as `PERF_PORT` for the key
    /// `port` of `server`.
    pub fn section_variable(
        mut self,
        variable: impl Into<String>,
        section: impl Into<String>,
        key: impl Into<String>,
    ) -> Self {
        self.outside.variables.push((variable.into(), section.into(), key.into()));
        self
    }

    /// Lays the settings of a TOML file over those of the code, when the monitor is made and at each
    /// [`reload`](crate::Monitor::reload). The keys are those of this builder, of
    /// [`RuleBuilder`](crate::rule::RuleBuilder) (`for` for
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
        self.outside.file = Some(path.into());
        self
    }

    /// Lays the settings of the environment over those of code and file, when the monitor is made and at each
    /// [`reload`](crate::Monitor::reload): `PERF_NAMESPACE`, `PERF_PRESETS` (names with commas between) and its like, as
    /// [`config`](crate::config) lists them; `PERF_RULE_<ID>_<KEY>` for each key of each rule, as in
    /// `PERF_RULE_HTTP_LATENCY_WARNING=250ms`; and those of [sections](Self::section).
    pub fn environment(mut self) -> Self {
        self.outside.environment = true;
        self
    }
}
