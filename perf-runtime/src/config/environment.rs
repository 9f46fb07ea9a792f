//! The monitor's own settings from the environment: `PERF_NAMESPACE` and its like, and `PERF_RULE_<ID>_<KEY>`, in capitals
//! and with underscores.
//!
//! Other programs have variables that begin with `PERF_`, too. So only what begins with `PERF_RULE_`, or is nearly one of
//! the others, is refused where it is not known.

use super::layer::{Layer, named_presets};
use super::rule::KEYS;
use super::section::{ENVIRONMENT, capitals, unicode};
use super::value::{Table, Value};
use crate::error::{ConfigError, nearest};
use crate::judge::rule::set::RuleSet;
use std::collections::BTreeSet;
use std::ffi::OsString;

const RULE: &str = "PERF_RULE_";
/// The monitor's own variables: each with its key, and the table that it is in.
const PLAIN: [(&str, &str, Option<&str>); 25] = [
    ("PERF_NAMESPACE", "namespace", None),
    ("PERF_PRESETS", "presets", None),
    ("PERF_ALERT_HISTORY", "alert_history", None),
    ("PERF_MAX_SERIES", "max_series", None),
    ("PERF_MAX_LABEL_VALUES", "max_label_values", None),
    ("PERF_MAX_EDGES", "max_edges", None),
    ("PERF_EDGE_METRICS", "edge_metrics", None),
    ("PERF_TRACE_URL", "trace_url", None),
    ("PERF_ENABLED", "enabled", None),
    ("PERF_INTERVAL", "interval", None),
    ("PERF_RESET_EVERY", "reset_every", None),
    ("PERF_LOG_LEVEL", "level", Some("log")),
    ("PERF_ERRORS_ENABLED", "enabled", Some("errors")),
    ("PERF_ERRORS_TEXT", "text", Some("errors")),
    ("PERF_ERRORS_MAX_GROUPS", "max_groups", Some("errors")),
    ("PERF_ERRORS_PANICS", "panics", Some("errors")),
    ("PERF_RECORDER_ENABLED", "enabled", Some("recorder")),
    ("PERF_RECORDER_SLOWEST", "slowest", Some("recorder")),
    ("PERF_RECORDER_FAILED", "failed", Some("recorder")),
    ("PERF_RECORDER_MINUTES", "minutes", Some("recorder")),
    ("PERF_RECORDER_CALLS", "calls", Some("recorder")),
    ("PERF_RECORDER_FIELDS", "fields", Some("recorder")),
    ("PERF_SERVICE_NAME", "name", Some("service")),
    ("PERF_SERVICE_VERSION", "version", Some("service")),
    ("PERF_SERVICE_INSTANCE", "instance", Some("service")),
];

/// Whether a variable is one of the monitor's own.
pub(super) fn is_own(name: &str) -> bool {
    PLAIN.iter().any(|(known, ..)| *known == name)
}

/// Reads the variables. Rules can be changed, not made: they are those of the presets and of the layers before, and those
/// that stay whatever presets are named.
pub(super) fn layer(
    variables: impl Iterator<Item = (String, OsString)>,
    rules: &RuleSet,
    staying: &RuleSet,
    before: &[Layer],
) -> Result<Layer, ConfigError> {
    let mut table = Table::new();
    let mut of_rules: Vec<(String, String)> = Vec::new();
    for (name, value) in variables.filter(|(name, _)| name.starts_with("PERF_")) {
        let value = unicode(&name, value)?;
        if let Some((_, key, inside)) = PLAIN.iter().find(|(known, ..)| *known == name) {
            let keys = match inside {
                None => &mut table,
                Some(inside) => match table.entry((*inside).to_owned()).or_insert_with(|| Value::Table(Table::new())) {
                    Value::Table(keys) => keys,
                    _ => continue,
                },
            };
            keys.insert((*key).to_owned(), Value::Text(value));
        } else if name.starts_with(RULE) {
            of_rules.push((name, value));
        } else if let Some(near) = nearest(&name, PLAIN.map(|(known, ..)| known)) {
            let allowed = format!("a known name: did you mean {near:?}?");
            return Err(ConfigError::new(&name, value, allowed).found_in(ENVIRONMENT));
        }
    }
    let mut layer = Layer { source: ENVIRONMENT.to_owned(), table };
    let ids = known_ids(&layer, rules, staying, before)?;
    let mut tables = Table::new();
    for (name, value) in of_rules {
        let (id, key) = place(&name, &ids)?;
        let entry = tables.entry(id.to_owned()).or_insert_with(|| Value::Table(Table::new()));
        if let Value::Table(keys) = entry {
            keys.insert(key.to_owned(), Value::Text(value));
        }
    }
    layer.table.insert("rules".to_owned(), Value::Table(tables));
    Ok(layer)
}

/// The rules there will be: those of the presets that hold in the end, and those that the layers make.
fn known_ids(
    layer: &Layer,
    rules: &RuleSet,
    staying: &RuleSet,
    before: &[Layer],
) -> Result<BTreeSet<String>, ConfigError> {
    let named = named_presets(std::slice::from_ref(layer))?;
    let mut ids: BTreeSet<String> = named.as_ref().unwrap_or(rules).ids().map(str::to_owned).collect();
    ids.extend(staying.ids().map(str::to_owned));
    for layer in before {
        if let Some(Value::Table(tables)) = layer.table.get("rules") {
            ids.extend(tables.keys().cloned());
        }
    }
    Ok(ids)
}

/// Which rule and which of its keys a variable is about.
fn place<'a>(name: &str, ids: &'a BTreeSet<String>) -> Result<(&'a str, &'static str), ConfigError> {
    let rest = name.strip_prefix(RULE).unwrap_or_default();
    // The longest id that fits: one id may begin as another does.
    let fitting = ids.iter().filter_map(|id| Some((id, rest.strip_prefix(&capitals(id))?.strip_prefix('_')?)));
    let Some((id, key)) = fitting.max_by_key(|(id, _)| id.len()) else {
        let with_key = |id: &String| {
            let key = KEYS
                .iter()
                .map(|key| capitals(key))
                .filter(|key| rest.ends_with(&format!("_{key}")))
                .max_by_key(String::len);
            format!("{RULE}{}_{}", capitals(id), key.unwrap_or_else(|| "<KEY>".to_owned()))
        };
        let known: Vec<String> = ids.iter().map(with_key).collect();
        return Err(ConfigError::unknown(name, name, known.iter().map(String::as_str)).found_in(ENVIRONMENT));
    };
    let found = KEYS.into_iter().find(|known| capitals(known) == key);
    found.map(|key| (id.as_str(), key)).ok_or_else(|| {
        let known = KEYS.map(|key| format!("{RULE}{}_{}", capitals(id), capitals(key)));
        ConfigError::unknown(name, name, known.iter().map(String::as_str)).found_in(ENVIRONMENT)
    })
}
