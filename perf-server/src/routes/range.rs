//! A range of time, as `window`, or `from` and `to`, name it.

use crate::respond::{self, Lane, Params, Problem};
use perf_runtime::series::TimeRange;
use perf_runtime::text::{parse_duration, parse_rfc3339};
use perf_runtime::{Monitor, Window};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const TIME: &str = "a time such as 2026-11-21T03:05:00Z, seconds since 1970, or a span before now such as -2h";

/// So long is everything in memory.
const MEMORY: Duration = Duration::from_secs(3_600);

/// The range that is asked for; an hour by default.
pub(super) fn of(monitor: &Monitor, params: &Params) -> Result<TimeRange, Problem> {
    let window = params.window(Window::LastHour)?;
    let [from, to] = ["from", "to"].map(|name| params.get(name).map(|text| time(monitor, name, text)));
    match (from.transpose()?, to.transpose()?) {
        (None, None) => Ok(TimeRange::from(window)),
        _ if params.get("window").is_some() => {
            Err(Problem::invalid("window", &window.to_string(), "either `window`, or `from` and `to`"))
        }
        (from, to) => {
            let to = to.unwrap_or_else(|| monitor.time_of_day());
            let from = from.or_else(|| to.checked_sub(window.duration())).unwrap_or(UNIX_EPOCH);
            TimeRange::between(from, to)
                .map_err(|error| Problem::invalid("from", params.get("from").unwrap_or_default(), error.allowed))
        }
    }
}

/// The lane for a question about a range: what is beyond memory may be read from a disk.
pub(super) fn lane(monitor: &Monitor, range: &TimeRange) -> &'static Lane {
    let in_memory = monitor.uptime().min(MEMORY);
    let is_beyond = monitor.time_of_day().duration_since(range.start()).is_ok_and(|age| age > in_memory);
    if is_beyond { &respond::PAST } else { &respond::ANSWERS }
}

fn time(monitor: &Monitor, name: &str, text: &str) -> Result<SystemTime, Problem> {
    let before_now = || monitor.time_of_day().checked_sub(parse_duration(text.strip_prefix('-')?)?);
    let unix = || UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(text.parse().ok()?).ok()?);
    let found =
        if text == "now" { Some(monitor.time_of_day()) } else { parse_rfc3339(text).or_else(before_now).or_else(unix) };
    found.ok_or_else(|| Problem::invalid(name, text, TIME))
}
