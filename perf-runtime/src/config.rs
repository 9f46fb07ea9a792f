//! Settings from outside the program: one file and the environment, for the monitor and for every part.
//!
//! Settings in code come first, then the file (`MonitorBuilder::config_file`, with the feature `toml`), then the environment
//! ([`environment`](crate::MonitorBuilder::environment)); the later one wins. All of it is read and checked before any of
//! it is applied.
//!
//! ```toml
//! enabled = true                        # PERF_ENABLED: false counts on, and starts no thread, port or file
//! namespace = "shop"                    # PERF_NAMESPACE
//! interval = "1s"                       # PERF_INTERVAL: of samplers and of the live feed
//! reset_every = "24h"                   # PERF_RESET_EVERY: moves the baseline of the views; off by default
//! presets = ["standard", "agents"]      # PERF_PRESETS=standard,agents: in place of the code's presets
//! alert_history = 1000                  # PERF_ALERT_HISTORY
//! max_series = 2000                     # PERF_MAX_SERIES: of one metric, made at run time
//! max_label_values = 200                # PERF_MAX_LABEL_VALUES: of one label of a metric, made at run time
//! max_edges = 2000                      # PERF_MAX_EDGES: told apart of the tree of calls; 0: off
//! edge_metrics = true                   # PERF_EDGE_METRICS: whether these are in a scrape
//! trace_url = "https://tempo.example.com/trace/{trace_id}" # PERF_TRACE_URL: where traces are shown
//!
//! [rules.http-latency]                  # changes a rule of a preset
//! warning = "250ms"                     # PERF_RULE_HTTP_LATENCY_WARNING=250ms
//! for = "30s"                           # PERF_RULE_HTTP_LATENCY_FOR=30s
//! warm_up = "3m"                        # PERF_RULE_HTTP_LATENCY_WARM_UP=3m
//! recovery_window = "1m"                # PERF_RULE_HTTP_LATENCY_RECOVERY_WINDOW=1m
//!
//! [rules.deep-queue]                    # makes a new one
//! metric = "queue_depth"
//! warning = 100
//! critical = 1000
//!
//! [objectives.checkout]
//! kind = "http_request"
//! only = { route = "/checkout" }
//! latency = "250ms"
//! percentile = "99%"
//! success = "99.9%"
//!
//! [service]
//! name = "shop"                         # PERF_SERVICE_NAME
//! version = "1.4.2"                     # PERF_SERVICE_VERSION
//! instance = "shop-7c9f"                # PERF_SERVICE_INSTANCE
//!
//! [errors]
//! enabled = true                        # PERF_ERRORS_ENABLED: failures by kind
//! text = false                          # PERF_ERRORS_TEXT: texts of all errors, not only of functions with `err`
//! max_groups = 20                       # PERF_ERRORS_MAX_GROUPS: kinds of failures of one series
//! panics = false                        # PERF_ERRORS_PANICS: message and place of panics, by a panic hook
//!
//! [recorder]
//! enabled = true                        # PERF_RECORDER_ENABLED: whole calls; on in `perf_kit::start`, off elsewhere
//! slowest = 3                           # PERF_RECORDER_SLOWEST: kept of each series and minute
//! failed = 3                            # PERF_RECORDER_FAILED: kept of each series and minute
//! minutes = 60                          # PERF_RECORDER_MINUTES: how long they are kept
//! calls = 1000                          # PERF_RECORDER_CALLS: the most inside one
//! fields = "admin"                      # PERF_RECORDER_FIELDS: off, admin, read: who sees values of `fields(..)`
//!
//! [log]
//! level = "info"                        # PERF_LOG_LEVEL: off, error, warn, info, debug
//! ```
//!
//! `presets` take the place of the presets of the code. Rules that the code made or changed itself stay, and so do those
//! of parts; one is switched off by `enabled = false` in its table. [`Monitor::rules`](crate::Monitor::rules) gives the
//! merged set, and the log names the rules that were left out.
//!
//! A part has a table of its own, [`Section`]: `[history]` and `PERF_HISTORY_..`.

mod effective;
mod environment;
#[cfg(feature = "toml")]
mod file;
mod layer;
mod objective;
mod read;
mod rule;
mod section;
mod settings;
mod types;
mod value;

#[cfg(test)]
mod tests;

use crate::error::ConfigError;
use crate::judge::objective::spec::Objective;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::set::RuleSet;
pub use crate::log_level::LogLevel;
use crate::measure::model::field_access::FieldAccess;
use crate::measure::model::service::Service;
pub use effective::EffectiveSettings;
pub(crate) use effective::SaidByParts;
use layer::{Layer, effective_rules, staying, tell_of_presets};
pub use section::Section;
pub(crate) use section::Sections;
use serde::{Deserialize, Deserializer};
pub(crate) use settings::Settings;
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
pub use types::{Share, Span};
pub use value::{Table, Value};

/// Where settings come from beside the code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<PathBuf>,
    pub(crate) environment: bool,
    /// The names of the parts' sections.
    pub(crate) sections: Vec<String>,
    /// Variables by a name of their own: each with its section and key.
    pub(crate) variables: Vec<(String, String, String)>,
}

/// All that was read: the monitor's own settings, and those of parts.
#[derive(Clone, Debug)]
pub(crate) struct Loaded {
    pub(crate) settings: Settings,
    pub(crate) sections: Sections,
}

const KEYS: [&str; 17] = [
    "namespace",
    "presets",
    "alert_history",
    "max_series",
    "max_label_values",
    "max_edges",
    "edge_metrics",
    "trace_url",
    "rules",
    "objectives",
    "enabled",
    "interval",
    "reset_every",
    "log",
    "errors",
    "recorder",
    "service",
];

impl Sources {
    /// Reads all sources and lays them over what was set in code.
    pub(crate) fn over(&self, code: &Settings) -> Result<Loaded, ConfigError> {
        let mut sections = self.empty_sections()?;
        let mut layers = Vec::new();
        if let Some(path) = &self.file {
            layers.push(take_sections(read_file(path)?, &mut sections)?);
        }
        if self.environment {
            let base = effective_rules(&layers, code)?;
            let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
            let others = self.take_variables(variables, &mut sections)?;
            layers.push(environment::layer(others.into_iter(), &base, &staying(code), &layers)?);
        }
        let settings = apply(&layers, code)?;
        tell_of_presets(&layers, code, &settings.rules);
        Ok(Loaded { settings, sections })
    }

    fn empty_sections(&self) -> Result<Sections, ConfigError> {
        for name in &self.sections {
            let is_word = name.starts_with(|first: char| first.is_ascii_lowercase())
                && name.chars().all(|one| one.is_ascii_lowercase() || one.is_ascii_digit() || one == '_');
            if !is_word || name == "rule" || KEYS.contains(&name.as_str()) {
                let allowed =
                    "lower-case letters, digits and underscores, a letter first, and no key of the monitor's own";
                return Err(ConfigError::new("section", name, allowed));
            }
        }
        Ok(Sections::named(self.sections.iter().cloned()))
    }

    /// Gives each section the variables that are its own, and returns the others.
    fn take_variables(
        &self,
        variables: impl Iterator<Item = (String, OsString)>,
        sections: &mut Sections,
    ) -> Result<Vec<(String, OsString)>, ConfigError> {
        let mut others = Vec::new();
        let mut named: Vec<(String, OsString)> = variables.filter(|(name, _)| name.starts_with("PERF_")).collect();
        named.sort();
        for (variable, value) in named {
            let alias = self.variables.iter().find(|(name, ..)| *name == variable);
            let of_sections =
                sections.iter_mut().filter_map(|one| Some((one.name().to_owned(), one.key_of(&variable)?)));
            // The longest name that fits: one may begin as another does. The monitor's own variables come before all.
            let by_prefix = of_sections.max_by_key(|(name, _)| name.len()).filter(|_| !environment::is_own(&variable));
            match alias.map(|(_, section, key)| (section.clone(), key.clone())).or(by_prefix) {
                Some((name, key)) => {
                    let value = section::unicode(&variable, value)?;
                    sections
                        .get_mut(&name)
                        .into_iter()
                        .for_each(|one| one.set_variable(&variable, key.clone(), value.clone()));
                }
                None => others.push((variable, value)),
            }
        }
        Ok(others)
    }
}

/// Takes the tables of sections out of a file's layer. A table of a section that nobody registered is an error.
fn take_sections(mut layer: Layer, sections: &mut Sections) -> Result<Layer, ConfigError> {
    for section in sections.iter_mut() {
        if let Some(value) = layer.table.remove(section.name()) {
            let name = section.name().to_owned();
            let table = value.table(&name).map_err(|error| error.found_in(&layer.source))?;
            section.set_table(table, &layer.source);
        }
    }
    let unknown = layer.table.keys().find(|key| !KEYS.contains(&key.as_str()));
    if let Some(unknown) = unknown {
        let known = KEYS.into_iter().chain(sections.names());
        return Err(ConfigError::unknown("", unknown, known).found_in(&layer.source));
    }
    Ok(layer)
}

/// The rules that a file and the environment make of the standard ones, read from texts instead: what a
/// [`MonitorBuilder`](crate::MonitorBuilder) would have.
///
/// # Errors
/// The first setting that is not allowed, of whatever sort.
#[cfg(all(feature = "test-util", feature = "toml"))]
pub fn read_rules<'a>(
    file: &str,
    environment: impl IntoIterator<Item = (&'a str, &'a str)>,
) -> Result<RuleSet, ConfigError> {
    let code = Settings { rules: crate::judge::rule::preset::presets::standard(), ..Settings::without_rules() };
    let mut layers = vec![file::parse(file, "file")?];
    let base = effective_rules(&layers, &code)?;
    let variables = environment.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    layers.push(environment::layer(variables, &base, &staying(&code), &layers)?);
    Ok(apply(&layers, &code)?.rules)
}

#[cfg(feature = "toml")]
fn read_file(path: &std::path::Path) -> Result<Layer, ConfigError> {
    file::read(path)
}

#[cfg(not(feature = "toml"))]
fn read_file(path: &std::path::Path) -> Result<Layer, ConfigError> {
    Err(ConfigError::new("config_file", path.display(), "a file only with the feature `toml` of perf-runtime"))
}

/// The rule with this id as `rules` has it, or a new one, with settings laid over it: the keys of a rule in a file.
pub(crate) fn rule_with<'de, D: Deserializer<'de>>(
    mut rules: RuleSet,
    id: &str,
    settings: D,
) -> Result<Rule, ConfigError> {
    let path = format!("rules.{id}");
    let keys = Table::deserialize(settings);
    let keys = keys.map_err(|error| ConfigError::new(&path, error, "a table of settings"))?;
    rule::apply(&mut rules, id, &keys)?;
    rules.get(id).cloned().ok_or_else(|| ConfigError::unknown("rules", id, rules.ids()))
}

fn apply(layers: &[Layer], code: &Settings) -> Result<Settings, ConfigError> {
    let mut settings = Settings { rules: effective_rules(layers, code)?, ..code.clone() };
    let mut objectives = BTreeMap::new();
    for Layer { source, table } in layers {
        apply_one(table, &mut settings, &mut objectives).map_err(|error| error.found_in(source))?;
    }
    settings.objectives.splice(0..0, objectives.into_values());
    Ok(settings)
}

fn apply_one(
    table: &Table,
    settings: &mut Settings,
    objectives: &mut BTreeMap<String, Objective>,
) -> Result<(), ConfigError> {
    for (key, value) in table {
        match key.as_str() {
            "namespace" => value.text("namespace")?.clone_into(&mut settings.namespace),
            // Looked at before.
            "presets" => {}
            "alert_history" => settings.alert_history = value.whole("alert_history")?,
            "max_series" => settings.limits.series = value.whole("max_series")?,
            "max_label_values" => settings.limits.values = value.whole("max_label_values")?,
            "max_edges" => settings.max_edges = value.whole("max_edges")?,
            "edge_metrics" => settings.edge_metrics = value.bool("edge_metrics")?,
            "trace_url" => settings.trace_url = Some(value.text("trace_url")?.to_owned()),
            "enabled" => settings.enabled = value.bool("enabled")?,
            "interval" => settings.interval = value.duration("interval")?,
            "reset_every" => settings.reset_every = Some(value.duration("reset_every")?),
            "errors" => read_errors(value.table("errors")?, settings)?,
            "recorder" => read_recorder(value.table("recorder")?, settings)?,
            "log" => read_log(value.table("log")?, settings)?,
            "service" => read_service(value.table("service")?, settings)?,
            "rules" => {
                for (id, keys) in value.table("rules")? {
                    rule::apply(&mut settings.rules, id, keys.table(&format!("rules.{id}"))?)?;
                }
            }
            "objectives" => {
                for (name, keys) in value.table("objectives")? {
                    let path = format!("objectives.{name}");
                    let objective = objective::read(&path, keys.table(&path)?)?;
                    objectives.insert(name.clone(), objective);
                }
            }
            other => return Err(ConfigError::unknown("", other, KEYS)),
        }
    }
    Ok(())
}

fn read_errors(keys: &Table, settings: &mut Settings) -> Result<(), ConfigError> {
    let errors = &mut settings.errors;
    for (key, value) in keys {
        let field = format!("errors.{key}");
        match key.as_str() {
            "enabled" => errors.enabled = value.bool(&field)?,
            "text" => errors.text = value.bool(&field)?,
            "max_groups" => errors.max_groups = value.whole(&field)?,
            "panics" => errors.panics = value.bool(&field)?,
            other => return Err(ConfigError::unknown("errors", other, ["enabled", "text", "max_groups", "panics"])),
        }
    }
    Ok(())
}

fn read_recorder(keys: &Table, settings: &mut Settings) -> Result<(), ConfigError> {
    let recorder = &mut settings.recorder;
    for (key, value) in keys {
        let field = format!("recorder.{key}");
        match key.as_str() {
            "enabled" => recorder.enabled = value.bool(&field)?,
            "slowest" => recorder.slowest = value.whole(&field)?,
            "failed" => recorder.failed = value.whole(&field)?,
            "minutes" => recorder.minutes = value.whole(&field)?,
            "calls" => recorder.calls = value.whole(&field)?,
            "fields" => recorder.fields = rule::one_of(value, &field, FieldAccess::ALL, FieldAccess::as_str)?,
            other => {
                let known = ["enabled", "slowest", "failed", "minutes", "calls", "fields"];
                return Err(ConfigError::unknown("recorder", other, known));
            }
        }
    }
    Ok(())
}

fn read_log(keys: &Table, settings: &mut Settings) -> Result<(), ConfigError> {
    for (key, value) in keys {
        match key.as_str() {
            "level" => settings.log_level = rule::one_of(value, "log.level", LogLevel::ALL, LogLevel::as_str)?,
            other => return Err(ConfigError::unknown("log", other, ["level"])),
        }
    }
    Ok(())
}

fn read_service(keys: &Table, settings: &mut Settings) -> Result<(), ConfigError> {
    let mut service = settings.service.take().unwrap_or_else(|| Service::new(""));
    for (key, value) in keys {
        let field = format!("service.{key}");
        match key.as_str() {
            "name" => value.text(&field)?.clone_into(&mut service.name),
            "version" => service.version = Some(value.text(&field)?.to_owned()),
            "instance" => service.instance = Some(value.text(&field)?.to_owned()),
            other => return Err(ConfigError::unknown("service", other, ["name", "version", "instance"])),
        }
    }
    settings.service = Some(service);
    Ok(())
}
