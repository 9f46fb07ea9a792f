//! Settings from outside the program: a file, the environment.
//!
//! What is set in code comes first, then the file, then the environment; the later one wins. All of it is read and checked
//! before any of it is applied.
//!
//! ```toml
//! namespace = "shop"                    # PERF_NAMESPACE
//! presets = ["standard", "agents"]      # PERF_PRESETS=standard,agents
//! alert_history = 1000                  # PERF_ALERT_HISTORY
//!
//! [rules.http-latency]                  # changes a rule of a preset
//! warning = "250ms"                     # PERF_RULE_HTTP_LATENCY_WARNING=250ms
//! for = "30s"                           # PERF_RULE_HTTP_LATENCY_FOR=30s
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
//! ```

mod environment;
#[cfg(feature = "toml")]
mod file;
mod layer;
mod objective;
mod rule;
mod value;

#[cfg(test)]
mod tests;

use crate::error::ConfigError;
use crate::judge::objective::spec::Objective;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::set::RuleSet;
use crate::measure::model::service::Service;
use layer::{Layer, effective_rules};
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::path::PathBuf;
use value::Table;

/// Everything that can be set, in code or from outside.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Settings {
    pub(crate) namespace: String,
    pub(crate) service: Option<Service>,
    pub(crate) rules: RuleSet,
    pub(crate) objectives: Vec<Objective>,
    pub(crate) alert_history: usize,
}

/// Where settings come from beside the code.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) file: Option<PathBuf>,
    pub(crate) environment: bool,
}

const KEYS: [&str; 5] = ["namespace", "presets", "alert_history", "rules", "objectives"];

impl Sources {
    /// Reads all sources and lays them over what was set in code.
    pub(crate) fn over(&self, code: &Settings) -> Result<Settings, ConfigError> {
        let mut layers = Vec::new();
        if let Some(path) = &self.file {
            layers.push(read_file(path)?);
        }
        if self.environment {
            let base = effective_rules(&layers, &code.rules)?;
            let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
            layers.push(environment::layer(variables, &base, &layers)?);
        }
        apply(&layers, code)
    }
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
    let code = Settings {
        namespace: String::new(),
        service: None,
        rules: crate::judge::rule::preset::presets::standard(),
        objectives: Vec::new(),
        alert_history: crate::judge::alerts::engine::DEFAULT_HISTORY,
    };
    let mut layers = vec![file::parse(file, "file")?];
    let base = effective_rules(&layers, &code.rules)?;
    let variables = environment.into_iter().map(|(name, value)| (name.to_owned(), value.into()));
    layers.push(environment::layer(variables, &base, &layers)?);
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
    let mut settings = Settings { rules: effective_rules(layers, &code.rules)?, ..code.clone() };
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
