//! Times of our own in JSON: seconds since 1970, written in RFC 3339.

use perf_runtime::text::moment_or_none;
use serde::Serializer;
use std::time::{Duration, UNIX_EPOCH};

/// Writes seconds since 1970.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
pub(crate) fn seconds<S: Serializer>(at: &i64, serializer: S) -> Result<S::Ok, S::Error> {
    let seconds = Duration::from_secs(at.unsigned_abs());
    let at = if *at < 0 { UNIX_EPOCH.checked_sub(seconds) } else { UNIX_EPOCH.checked_add(seconds) };
    moment_or_none::serialize(&at, serializer)
}

/// Writes the same where they may be unknown.
#[expect(clippy::ref_option, reason = "serde's signature")]
pub(crate) fn seconds_or_none<S: Serializer>(at: &Option<i64>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => seconds(at, serializer),
        None => serializer.serialize_none(),
    }
}
