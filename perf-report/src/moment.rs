//! Moments in JSON: RFC 3339 in UTC, to the millisecond.

use perf_runtime::text::{parse_rfc3339, rfc3339};
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) fn serialize<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&rfc3339(*at))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse_rfc3339(&text).ok_or_else(|| D::Error::custom(format_args!("{text:?} is no time of RFC 3339")))
}

/// The same, or null.
pub(crate) mod or_none {
    use super::{Deserialize, Deserializer, Serializer, SystemTime};

    #[expect(clippy::ref_option, reason = "the signature that serde asks for")]
    pub(crate) fn serialize<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
        match at {
            Some(at) => super::serialize(at, serializer),
            None => serializer.serialize_none(),
        }
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
        #[derive(Deserialize)]
        struct Moment(#[serde(with = "super")] SystemTime);
        Ok(Option::<Moment>::deserialize(deserializer)?.map(|Moment(at)| at))
    }
}

/// Cuts a time to the millisecond, as it is written: so it is the same once it is read back.
pub(crate) fn to_millis(at: SystemTime) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis(at))).unwrap_or(UNIX_EPOCH)
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
