//! A range of time, as `window`, or `from` and `to`, name it.

use crate::respond::{self, Lane, Params, Problem};
use perf_runtime::series::TimeRange;
use perf_runtime::{Monitor, Window};
use std::time::{Duration, UNIX_EPOCH};

/// So long is everything in memory: an hour, and a second for a question about an hour that comes a moment late.
const MEMORY: Duration = Duration::from_secs(3_601);

/// The range that is asked for; an hour by default.
pub(super) fn of(monitor: &Monitor, params: &Params) -> Result<TimeRange, Problem> {
    let window = params.window(Window::LastHour)?;
    let now = monitor.time_of_day();
    match (params.moment("from", now)?, params.moment("to", now)?) {
        (None, None) => Ok(TimeRange::from(window)),
        _ if params.get("window").is_some() => {
            Err(Problem::invalid("window", &window.to_string(), "either `window`, or `from` and `to`"))
        }
        (from, to) => {
            let to = to.unwrap_or(now);
            let from = from.or_else(|| to.checked_sub(window.duration())).unwrap_or(UNIX_EPOCH);
            TimeRange::between(from, to)
                .map_err(|error| Problem::invalid("from", params.get("from").unwrap_or_default(), error.allowed))
        }
    }
}

/// The range that is asked for, if any is.
pub(super) fn if_any(monitor: &Monitor, params: &Params) -> Result<Option<TimeRange>, Problem> {
    let is_asked_for = ["window", "from", "to"].iter().any(|name| params.get(name).is_some());
    is_asked_for.then(|| of(monitor, params)).transpose()
}

/// The lane for a question about a range: what is beyond memory may be read from a disk.
pub(super) fn lane(monitor: &Monitor, range: &TimeRange) -> &'static Lane {
    if is_beyond_memory(monitor, range) { &respond::PAST } else { &respond::ANSWERS }
}

pub(super) fn is_beyond_memory(monitor: &Monitor, range: &TimeRange) -> bool {
    let in_memory = monitor.uptime().min(MEMORY);
    monitor.time_of_day().duration_since(range.start()).is_ok_and(|age| age > in_memory)
}
