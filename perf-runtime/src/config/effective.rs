//! The settings in effect, as people and programs may see them: without secrets.

use super::section::{NOT_SHOWN, Sections, is_secret};
use super::settings::Settings;
use super::value::{Table, Value};
use super::{objective, rule};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The settings in effect, whether a file, the environment or code set them, or nobody: see
/// [`Monitor::config`](crate::Monitor::config).
///
/// A tree with the keys of `perf.toml`: spans as `"250ms"`, shares as numbers 0 to 1. Two things are not as in the file:
/// `objectives` is a list, since those of code have no name, and `resources` and `histogram_bounds` are set
/// in code alone. Secrets read `"(not shown)"`: every value whose key names a token, a password, a key, a URL or the
/// like, and every text that has a URL with more than a host and a port in it.
///
/// ```
/// use perf_runtime::Monitor;
/// use perf_runtime::config::Value;
///
/// let monitor = Monitor::builder().namespace("shop").build()?;
/// let config = monitor.config();
/// assert_eq!(config.get("namespace"), Some(&Value::from("shop")));
/// assert_eq!(config.get("log.level"), Some(&Value::from("debug")));
/// assert_eq!(config.get("rules.http-latency.warning"), Some(&Value::from("500ms")));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EffectiveSettings(Table);

impl EffectiveSettings {
    /// The value at a path of keys with dots between, such as `server.port`. `None` where nothing is set there.
    pub fn get(&self, path: &str) -> Option<&Value> {
        let mut keys = path.split('.');
        let first = self.0.get(keys.next()?)?;
        keys.try_fold(first, |value, key| match value {
            Value::Table(table) => table.get(key),
            _ => None,
        })
    }

    /// The monitor's own settings, the sections of parts as they were written, and over them what the parts said that they
    /// run with.
    pub(crate) fn of(settings: &Settings, sections: &Sections, said: &SaidByParts) -> Self {
        let mut all = own(settings);
        let mut parts = sections.written();
        for (name, table) in &said.0 {
            parts.entry(name.clone()).or_default().extend(table.clone());
        }
        // Those of the monitor itself hold no secrets.
        all.extend(parts.into_iter().map(|(name, table)| (name, without_secrets("", Value::Table(table)))));
        Self(all)
    }
}

/// The settings that parts said they run with, by section.
#[derive(Debug, Default)]
pub(crate) struct SaidByParts(BTreeMap<String, Table>);

impl SaidByParts {
    pub(crate) fn add(&mut self, section: &str, settings: Table) {
        self.0.entry(section.to_owned()).or_default().extend(settings);
    }
}

fn own(settings: &Settings) -> Table {
    let mut table = Table::new();
    let mut set = |key: &str, value: Value| {
        table.insert(key.to_owned(), value);
    };
    set("namespace", settings.namespace.as_str().into());
    set("enabled", settings.enabled.into());
    set("interval", settings.interval.into());
    set("alert_history", settings.alert_history.into());
    set("max_series", settings.limits.series.into());
    set("max_label_values", settings.limits.values.into());
    set("max_edges", settings.max_edges.into());
    set("edge_metrics", settings.edge_metrics.into());
    set("log", Value::table_of([("level", Some(settings.log_level.as_str().into()))]));
    let errors = [
        ("enabled", Some(settings.errors.enabled.into())),
        ("text", Some(settings.errors.text.into())),
        ("max_groups", Some(settings.errors.max_groups.into())),
        ("panics", Some(settings.errors.panics.into())),
    ];
    set("errors", Value::table_of(errors));
    let recorder = [
        ("enabled", Some(settings.recorder.enabled.into())),
        ("slowest", Some(settings.recorder.slowest.into())),
        ("failed", Some(settings.recorder.failed.into())),
        ("minutes", Some(settings.recorder.minutes.into())),
        ("calls", Some(settings.recorder.calls.into())),
        ("fields", Some(settings.recorder.fields.as_str().into())),
    ];
    set("recorder", Value::table_of(recorder));
    if let Some(url) = &settings.trace_url {
        set("trace_url", url.as_str().into());
    }
    if let Some(every) = settings.reset_every {
        set("reset_every", every.into());
    }
    if let Some(service) = &settings.service {
        let service = [
            ("name", Some(service.name.as_str().into())),
            ("version", service.version.as_deref().map(Value::from)),
            ("instance", service.instance.as_deref().map(Value::from)),
        ];
        set("service", Value::table_of(service));
    }
    let rules = settings.rules.iter().map(|rule| (rule.id().to_owned(), Value::Table(rule::keys_of(rule))));
    set("rules", Value::Table(rules.collect()));
    set("objectives", Value::List(settings.objectives.iter().map(objective::keys_of).map(Value::Table).collect()));
    if !settings.histogram_bounds.is_empty() {
        let list = |bounds: &[f64]| Value::List(bounds.iter().map(|&bound| bound.into()).collect());
        let bounds = settings.histogram_bounds.iter().map(|(name, bounds)| (name.clone(), list(bounds)));
        set("histogram_bounds", Value::Table(bounds.collect()));
    }
    if !settings.resources.is_empty() {
        let resources = settings.resources.iter().map(|resource| {
            let keys = [
                ("metric", Some(resource.metric.as_str().into())),
                ("warning", Some(resource.warning.into())),
                ("critical", Some(resource.critical.into())),
                ("hint", Some(resource.hint.as_str().into())),
            ];
            (resource.name.clone(), Value::table_of(keys))
        });
        set("resources", Value::Table(resources.collect()));
    }
    table
}

/// The value of a key, with every secret in it replaced.
fn without_secrets(key: &str, value: Value) -> Value {
    match value {
        _ if is_secret(key) => Value::from(NOT_SHOWN),
        Value::Text(text) if has_more_than_an_origin(&text) => Value::from(NOT_SHOWN),
        Value::List(values) => Value::List(values.into_iter().map(|value| without_secrets("", value)).collect()),
        Value::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let value = without_secrets(&key, value);
                (key, value)
            });
            Value::Table(entries.collect())
        }
        other => other,
    }
}

/// Whether there is a URL in the text that is more than the scheme, host and port of a web server: then it may hold a
/// password, or be a secret by itself, as the addresses of incoming webhooks are.
fn has_more_than_an_origin(text: &str) -> bool {
    text.split("://").skip(1).any(|rest| {
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        rest.contains(['/', '@', '?', '#'])
    }) || text.contains("://") && !text.starts_with("http://") && !text.starts_with("https://")
}
