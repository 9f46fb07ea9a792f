//! Minutes since 1970.

use crate::runtime::findings::Course;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The seconds of one.
pub(super) const MINUTE: i64 = 60;
/// The minutes of the past that a series is learned from.
pub(super) const LEARNED_FROM: i64 = 400;

/// The beginning of a minute.
pub(super) fn moment(minute: i64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs((MINUTE * minute.max(0)).unsigned_abs())
}

/// The value of a minute; not a number where it is not known.
pub(super) fn value(course: &Course, minute: i64) -> f64 {
    course.value_at(minute * MINUTE, MINUTE).unwrap_or(f64::NAN)
}
