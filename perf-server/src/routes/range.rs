//! A range of time, as `window`, or `from` and `to`, name it.

use crate::respond::{self, Lane, Params, Problem};
use perf_runtime::series::TimeRange;
use perf_runtime::text::parse_duration;
use perf_runtime::{Monitor, Window};
use std::time::{Duration, UNIX_EPOCH};

/// So long is everything in memory: an hour, and a second for a question about an hour that comes a moment late.
const MEMORY: Duration = Duration::from_secs(3_601);

/// The most points of all series together, and of one.
const MOST_POINTS: usize = 300_000;
const MOST_STEPS: usize = 11_000;

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

/// The range that is asked for, in steps of the length that `step` names.
pub(super) fn in_steps(monitor: &Monitor, params: &Params) -> Result<TimeRange, Problem> {
    let range = of(monitor, params)?;
    let Some(text) = params.get("step") else { return Ok(range) };
    let step = parse_duration(text).or_else(|| text.parse().ok().map(Duration::from_secs));
    let step = step.filter(|step| *step >= Duration::from_secs(1));
    let step = step.ok_or_else(|| Problem::invalid("step", text, "a second or more, such as 30s or 5m"))?;
    Ok(range.with_step(step))
}

/// Refuses a step so short that one series, or as many as the limit allows, have too many points. It is not made longer in silence.
pub(super) fn check_steps(range: &TimeRange, params: &Params, limit: usize) -> Result<(), Problem> {
    let most = MOST_STEPS.min(MOST_POINTS / limit.max(1)) as u128;
    let steps = range.step().map_or(0, |step| range.duration().as_nanos() / step.as_nanos().max(1));
    if steps <= most {
        return Ok(());
    }
    let finest = range.duration().as_nanos().div_ceil(most * 1_000_000_000);
    let allowed = format!("{finest}s or more: at most {most} steps of this range, for {limit} series (`limit`)");
    Err(Problem::invalid("step", params.get("step").unwrap_or_default(), allowed))
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
