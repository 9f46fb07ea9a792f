//! Counts by their path in a body.

use super::{MAX_COUNT, UsageError};
use serde_json::Value;

/// The value at a path; `None` where a part of it is missing or null.
pub(super) fn at<'a>(value: &'a Value, path: &[&str]) -> Option<&'a Value> {
    let found = path.iter().try_fold(value, |value, key| value.get(key))?;
    (!found.is_null()).then_some(found)
}

/// The count at a path; `None` where there is none, or it is null.
pub(super) fn count(value: &Value, path: &[&str]) -> Result<Option<u64>, UsageError> {
    at(value, path).map(|found| number(found, path)).transpose()
}

fn number(found: &Value, path: &[&str]) -> Result<u64, UsageError> {
    let field = || path.join(".").into();
    let text = || found.to_string().chars().take(64).collect();
    if let Some(count) = found.as_u64() {
        return if count <= MAX_COUNT {
            Ok(count)
        } else {
            Err(UsageError::TooLarge { field: field(), value: text() })
        };
    }
    match found.as_f64() {
        Some(float) if float < 0.0 => Err(UsageError::Negative { field: field(), value: text() }),
        Some(float) if float > MAX_COUNT as f64 => Err(UsageError::TooLarge { field: field(), value: text() }),
        // Some gateways write whole numbers as `12.0`.
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole, and in range")]
        Some(float) if float.fract() == 0.0 => Ok(float as u64),
        _ => Err(UsageError::NoCount { field: field(), value: text() }),
    }
}

/// The first count that one of the paths has.
pub(super) fn first(value: &Value, paths: &[&[&str]]) -> Result<Option<u64>, UsageError> {
    for path in paths {
        if let Some(count) = count(value, path)? {
            return Ok(Some(count));
        }
    }
    Ok(None)
}

/// The text at a path, at most 256 characters of it.
pub(super) fn text(value: &Value, path: &[&str]) -> Option<String> {
    at(value, path)?.as_str().filter(|text| !text.is_empty()).map(|text| text.chars().take(256).collect())
}

/// The sum of two counts, of which either may be unknown.
pub(super) fn sum(left: Option<u64>, right: Option<u64>) -> Option<u64> {
    match (left, right) {
        (Some(left), Some(right)) => Some(left.saturating_add(right)),
        (one, other) => one.or(other),
    }
}

/// Lays what came later over what came before: objects by key, and null over nothing.
pub(super) fn overlay(place: &mut Value, later: Value) {
    match (place, later) {
        (_, Value::Null) => {}
        (Value::Object(place), Value::Object(later)) => {
            for (key, value) in later {
                overlay(place.entry(key).or_insert(Value::Null), value);
            }
        }
        (place, later) => *place = later,
    }
}
