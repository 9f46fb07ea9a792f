//! Moments in JSON: RFC 3339 in UTC, to the millisecond. For `#[serde(with = "crate::moment")]`.

use perf_runtime::text::{parse_rfc3339, rfc3339};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::time::SystemTime;

pub(crate) fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_rfc3339(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no time of RFC 3339")))
}
