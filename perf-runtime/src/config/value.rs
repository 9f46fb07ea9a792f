//! A setting as it was written, and what it can be read as.

use crate::error::ConfigError;
use crate::judge::rule::condition::Threshold;
use crate::judge::rule::statistic::Unit;
use crate::text;
use serde::{Deserialize, Serialize, Serializer};
use std::collections::BTreeMap;
use std::time::Duration;

/// Settings by their keys.
pub type Table = BTreeMap<String, Value>;

/// A setting as it was written. In the environment everything is text. In JSON it is a text, a number, a bool, an array or an
/// object.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Value {
    /// A text; also a span (`"250ms"`).
    Text(String),
    /// A number, whole or not.
    Number(f64),
    /// True or false.
    Bool(bool),
    /// Several values in their order.
    List(Vec<Value>),
    /// Settings below this one.
    Table(Table),
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => serializer.serialize_str(text),
            // So that 1000 is not written as 1000.0.
            #[expect(clippy::cast_possible_truncation, reason = "the range is checked")]
            Self::Number(number) if number.fract() == 0.0 && number.abs() < 1e15 => {
                serializer.serialize_i64(*number as i64)
            }
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::Bool(bool) => serializer.serialize_bool(*bool),
            Self::List(values) => values.serialize(serializer),
            Self::Table(table) => table.serialize(serializer),
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<bool> for Value {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Self {
        Self::Number(number)
    }
}

impl From<usize> for Value {
    fn from(number: usize) -> Self {
        Self::Number(number as f64)
    }
}

impl From<Duration> for Value {
    fn from(span: Duration) -> Self {
        Self::Text(text::show_duration(span))
    }
}

impl FromIterator<String> for Value {
    fn from_iter<T: IntoIterator<Item = String>>(texts: T) -> Self {
        Self::List(texts.into_iter().map(Self::Text).collect())
    }
}

const DURATION: &str = "a span with its unit, such as \"250ms\", \"30s\", \"5m\" or \"1h\"";

impl Value {
    /// A table of the keys that have a value.
    pub(super) fn table_of<'a>(entries: impl IntoIterator<Item = (&'a str, Option<Self>)>) -> Self {
        let entries = entries.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        Self::Table(entries.collect())
    }

    fn refused(&self, field: &str, allowed: &str) -> ConfigError {
        ConfigError::new(field, self.shown(), allowed)
    }

    pub(super) fn shown(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Number(number) => number.to_string(),
            Self::Bool(bool) => bool.to_string(),
            Self::List(values) => values.iter().map(Self::shown).collect::<Vec<_>>().join(","),
            Self::Table(_) => "a table".to_owned(),
        }
    }

    pub(super) fn text(&self, field: &str) -> Result<&str, ConfigError> {
        match self {
            Self::Text(text) => Ok(text),
            _ => Err(self.refused(field, "a text")),
        }
    }

    /// A list of texts; one text stands for those between its commas.
    pub(super) fn texts(&self, field: &str) -> Result<Vec<String>, ConfigError> {
        match self {
            Self::Text(text) => {
                Ok(text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect())
            }
            Self::List(values) => values.iter().map(|value| value.text(field).map(str::to_owned)).collect(),
            _ => Err(self.refused(field, "a list of texts")),
        }
    }

    pub(super) fn bool(&self, field: &str) -> Result<bool, ConfigError> {
        match self {
            Self::Bool(bool) => Ok(*bool),
            Self::Text(text) if text == "true" || text == "1" => Ok(true),
            Self::Text(text) if text == "false" || text == "0" => Ok(false),
            _ => Err(self.refused(field, "true or false")),
        }
    }

    pub(super) fn number(&self, field: &str) -> Result<f64, ConfigError> {
        let number = match self {
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
            _ => None,
        };
        number.filter(|number: &f64| number.is_finite()).ok_or_else(|| self.refused(field, "a number"))
    }

    /// A whole number.
    pub(super) fn whole(&self, field: &str) -> Result<usize, ConfigError> {
        let number = self.number(field)?;
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
        if (0.0..=1e9).contains(&number) && number.fract() == 0.0 {
            return Ok(number as usize);
        }
        Err(ConfigError::new(field, number, "a whole number"))
    }

    /// A span. A number without a unit would leave open what it counts, so it is refused.
    pub(super) fn duration(&self, field: &str) -> Result<Duration, ConfigError> {
        match self {
            Self::Text(text) => text::parse_duration(text).ok_or_else(|| self.refused(field, DURATION)),
            _ => Err(self.refused(field, DURATION)),
        }
    }

    /// A share as `"80%"` or `0.8`.
    pub(super) fn share(&self, field: &str) -> Result<f64, ConfigError> {
        if let Self::Text(text) = self
            && let Some(percent) = text.trim().strip_suffix('%')
        {
            let percent = percent.trim().parse::<f64>().ok().filter(|percent| percent.is_finite());
            return percent
                .map(|percent| percent / 100.0)
                .ok_or_else(|| self.refused(field, "a share, such as \"80%\""));
        }
        self.number(field).map_err(|_| self.refused(field, "a share, such as \"80%\" or 0.8"))
    }

    /// A number in the unit, or the two of a range.
    pub(super) fn threshold(&self, field: &str, unit: Unit) -> Result<Threshold, ConfigError> {
        let parts = match self {
            Self::List(values) => values.clone(),
            Self::Text(text) if text.contains(',') => {
                text.split(',').map(|part| Self::Text(part.trim().to_owned())).collect()
            }
            one => vec![one.clone()],
        };
        let in_unit = |value: &Self| match unit {
            Unit::Seconds => value.seconds(field),
            Unit::Ratio => value.share(field),
            Unit::Plain | Unit::Change if matches!(value, Self::Text(text) if text.ends_with('%')) => {
                value.share(field)
            }
            _ => value.number(field),
        };
        match parts.as_slice() {
            [one] => in_unit(one).map(Threshold::Value),
            [low, high] => Ok(Threshold::Range(in_unit(low)?, in_unit(high)?)),
            _ => Err(self.refused(field, "one value, or two for `outside`")),
        }
    }

    /// Seconds: a span with its unit. A change can be downward, so a minus is understood.
    fn seconds(&self, field: &str) -> Result<f64, ConfigError> {
        let Self::Text(text) = self else { return Err(self.refused(field, DURATION)) };
        let (sign, span) = text.strip_prefix('-').map_or((1.0, text.as_str()), |span| (-1.0, span));
        let span = text::parse_duration(span).ok_or_else(|| self.refused(field, DURATION))?;
        Ok(sign * span.as_secs_f64())
    }

    pub(super) fn table(&self, field: &str) -> Result<&Table, ConfigError> {
        match self {
            Self::Table(table) => Ok(table),
            _ => Err(self.refused(field, "a table")),
        }
    }
}
