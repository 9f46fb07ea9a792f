//! An objective from outside.

use super::rule::one_of;
use super::value::{Table, Value};
use crate::error::ConfigError;
use crate::judge::objective::spec::Objective;
use crate::measure::model::kind::Kind;

const KEYS: [&str; 5] = ["kind", "only", "latency", "percentile", "success"];
/// The percentile of a latency, where none is said.
const PERCENTILE: f64 = 99.0;

pub(super) fn read(path: &str, keys: &Table) -> Result<Objective, ConfigError> {
    if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(ConfigError::unknown(path, unknown, KEYS));
    }
    let field = |key: &str| format!("{path}.{key}");
    let Some(kind) = keys.get("kind") else {
        return Err(ConfigError::unknown(&field("kind"), "", Kind::ALL.map(Kind::as_str)));
    };
    let mut objective = Objective::new(one_of(kind, &field("kind"), Kind::ALL, Kind::as_str)?);
    if let Some(only) = keys.get("only") {
        for (label, value) in only.table(&field("only"))? {
            objective = objective.only(label, value.text(&field("only"))?);
        }
    }
    let percent = |key: &str| keys.get(key).map(|value| percent_of(value, &field(key))).transpose();
    let percentile = percent("percentile")?;
    if let Some(latency) = keys.get("latency") {
        objective = objective.latency(latency.duration(&field("latency"))?, percentile.unwrap_or(PERCENTILE));
    } else if let Some(percentile) = percentile {
        return Err(ConfigError::new(field("percentile"), percentile, "nothing without `latency`"));
    }
    if let Some(success) = percent("success")? {
        objective = objective.success(success);
    }
    // Checked here, where it is known what it is called.
    let in_its_place = |mut error: ConfigError| {
        error.field = error.field.replacen("objectives", path, 1);
        error
    };
    objective.target().map_err(in_its_place)?;
    Ok(objective)
}

/// The keys that make this objective.
pub(super) fn keys_of(objective: &Objective) -> Table {
    let only = objective.labels.iter().map(|(label, value)| (label.clone(), value.as_str().into()));
    let keys = [
        ("kind", Some(objective.kind.as_str().into())),
        ("only", (!objective.labels.is_empty()).then(|| Value::Table(only.collect()))),
        ("latency", objective.latency.map(|(latency, _)| latency.into())),
        ("percentile", objective.latency.map(|(_, percentile)| percentile.into())),
        ("success", objective.success.map(Value::from)),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// `"99%"` and `99` are the same, as they are in the attribute. Nobody who writes `0.99` means less than one per cent.
fn percent_of(value: &Value, field: &str) -> Result<f64, ConfigError> {
    let is_written_with_a_sign = matches!(value, Value::Text(text) if text.trim().ends_with('%'));
    let number = value.share(field)?;
    let percent = if is_written_with_a_sign { number * 100.0 } else { number };
    let is_meant = percent >= 1.0 || is_written_with_a_sign;
    if is_meant { Ok(percent) } else { Err(ConfigError::new(field, number, "per cent, such as \"99%\" or 99")) }
}
