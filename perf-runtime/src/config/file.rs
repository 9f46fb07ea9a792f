//! Settings from a TOML file.

use super::layer::Layer;
use super::section;
use super::value::{Table, Value};
use crate::error::ConfigError;
use std::path::Path;

pub(super) fn read(path: &Path) -> Result<Layer, ConfigError> {
    let shown = path.display().to_string();
    let text = std::fs::read_to_string(path);
    let text =
        text.map_err(|error| ConfigError::new("config_file", &shown, format!("a file that can be read: {error}")))?;
    parse(&text, &shown)
}

/// `source` is what errors call the text.
pub(super) fn parse(text: &str, source: &str) -> Result<Layer, ConfigError> {
    let parsed: Result<toml::Table, _> = text.parse();
    let table = parsed.map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let before = text.get(..at).unwrap_or(text);
        let line = before.matches('\n').count() + 1;
        let found = text.lines().nth(line - 1).unwrap_or_default().trim();
        let key = found.split(['=', '.', ' ']).next().unwrap_or_default();
        let found = section::shown(key, found.to_owned());
        ConfigError::new(format!("line {line}"), found, format!("TOML: {}", error.message())).found_in(source)
    })?;
    Ok(Layer { source: source.to_owned(), table: values(table) })
}

fn values(table: toml::Table) -> Table {
    table.into_iter().map(|(key, found)| (key, value(found))).collect()
}

fn value(found: toml::Value) -> Value {
    match found {
        toml::Value::String(text) => Value::Text(text),
        #[expect(clippy::cast_precision_loss, reason = "no threshold has sixteen digits")]
        toml::Value::Integer(number) => Value::Number(number as f64),
        toml::Value::Float(number) => Value::Number(number),
        toml::Value::Boolean(bool) => Value::Bool(bool),
        toml::Value::Array(all) => Value::List(all.into_iter().map(value).collect()),
        toml::Value::Table(table) => Value::Table(values(table)),
        // No setting is a date: as text it is refused with what is allowed.
        toml::Value::Datetime(date) => Value::Text(date.to_string()),
    }
}
