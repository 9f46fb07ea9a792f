//! Times in RFC 3339, as `serde` writes and reads them.

use perf_runtime::text::{parse_rfc3339, rfc3339};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&rfc3339(*at))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    parse(&String::deserialize(deserializer)?)
}

fn parse<E: Error>(text: &str) -> Result<SystemTime, E> {
    parse_rfc3339(text).ok_or_else(|| E::custom("no time in RFC 3339"))
}

/// Writes seconds since 1970.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn seconds<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = Duration::from_secs(at.unsigned_abs());
    let at = if *at < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    or_none::serialize(&at, serializer)
}

/// The same where they may be unknown.
#[expect(clippy::ref_option, reason = "serde's signature")]
pub(crate) fn seconds_or_none<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => seconds(at, serializer),
        None => serializer.serialize_none(),
    }
}

/// The same of times that may be unknown.
pub(crate) mod or_none {
    use super::{Deserialize, Deserializer, Serializer, SystemTime, parse, rfc3339};

    #[expect(clippy::ref_option, reason = "serde's signature")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => serializer.collect_str(&rfc3339(*at)),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        Option::<String>::deserialize(deserializer)?.map(|text| parse(&text)).transpose()
    }
}
