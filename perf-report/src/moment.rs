//! Milliseconds since 1970.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Cuts a time to the millisecond, as it is written: so it is the same once it is read back.
pub(crate) fn to_millis(at: SystemTime) -> SystemTime {
    UNIX_EPOCH.checked_add(Duration::from_millis(millis(at))).unwrap_or(UNIX_EPOCH)
}

/// Milliseconds since 1970; 0 before.
pub(crate) fn millis(at: SystemTime) -> u64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
}
