//! Gathers a report from a monitor.

use crate::alongside::{Alongside, Incident};
use crate::moment::to_millis;
use crate::packed::{Gathered, Packed};
use crate::report::{KindNames, Report, SCHEMA};
use perf_runtime::extend::AlertGroups;
use perf_runtime::series::{TimeRange, Tracks};
use perf_runtime::{ConfigError, Kind, Monitor, Window};
use std::collections::BTreeSet;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The most series of calls in a report, those that were called most, and as many of metrics. Others are counted as left out.
pub const MOST_SERIES: usize = 1_000;
/// The most points of all series together, as of `/api/v1/query`: a day of a thousand series in steps of five minutes fits. A point of
/// calls takes up to 400 bytes, so that a whole [`Report`] takes up to about 120 MB; an [`Export`](crate::Export) takes a third of it.
pub const MOST_POINTS: usize = 300_000;
/// The most steps where none is asked for, and at all.
const STEPS: u32 = 288;
const MOST_STEPS: u32 = 11_000;
/// The most steps of a range that stands on them: a week in five minutes.
const MOST_ON_STEPS: u64 = 2_016;
/// The most changes of alerts.
const MOST_EVENTS: usize = 500;
/// Lengths of steps that a reader takes in at once, in seconds.
const ROUND: [u64; 15] = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 21_600, 86_400];

/// The range between two times, in steps of this length; without it in steps that are round and at most 288.
///
/// # Errors
/// A [`ConfigError`] of `from` where it is not before `to`, and of `step` where it is shorter than a second or there were too many steps.
pub fn range_of(from: SystemTime, to: SystemTime, step: Option<Duration>) -> Result<TimeRange, ConfigError> {
    let range = TimeRange::between(from, to)?;
    let least = (range.duration() / MOST_STEPS).as_secs().saturating_add(1);
    let step = match step {
        Some(step) if step < Duration::from_secs(least) => {
            let value = perf_runtime::text::show_duration(step);
            return Err(ConfigError::new(
                "step",
                value,
                format!("{least}s or more, so that there are at most {MOST_STEPS} steps"),
            ));
        }
        Some(step) => step,
        None => round(range.duration() / STEPS),
    };
    Ok(range.with_step(step))
}

/// The range between two times, in the longest round steps that both stand on, so that it has nothing of the time beside: as it is of days, by the
/// offset of any time zone of today. In steps of [`range_of`] where there were too many of them.
pub(crate) fn range_on_steps(from: SystemTime, to: SystemTime) -> Result<TimeRange, ConfigError> {
    let range = TimeRange::between(from, to)?;
    let longest = round(range.duration() / STEPS);
    let stands = |step: u64| {
        let is_on = |at: SystemTime| {
            let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
            since.subsec_nanos() == 0 && since.as_secs().is_multiple_of(step)
        };
        is_on(from) && is_on(to) && range.duration().as_secs() / step <= MOST_ON_STEPS
    };
    let fits = |step: &u64| Duration::from_secs(*step) <= longest && stands(*step);
    let step = ROUND.into_iter().rev().find(fits).map_or(longest, Duration::from_secs);
    Ok(range.with_step(step))
}

/// The next round length that is not shorter.
fn round(least: Duration) -> Duration {
    let whole = least.as_secs() + u64::from(least.subsec_nanos() > 0);
    let days = whole.div_ceil(86_400).saturating_mul(86_400);
    Duration::from_secs(ROUND.into_iter().find(|round| *round >= whole).unwrap_or(days))
}

/// Everything of a report, with the points of its series of calls packed beside it.
pub(crate) fn packed(monitor: &Monitor, range: TimeRange, alongside: Alongside) -> (Report, Vec<Packed>) {
    let made = to_millis(monitor.time_of_day());
    let step = range.step().unwrap_or_else(|| round(range.duration() / STEPS)).max(Duration::from_secs(1));
    let range = range.with_step(step);
    let Gathered { tracks, metrics_left_out, packed } = Gathered::of(monitor, range);
    let start = to_millis(if range.is_exact() { range.start() } else { tracks.start });
    // The life of this process goes on while its report is made.
    let began = monitor.time_of_day().checked_sub(monitor.uptime()).unwrap_or(UNIX_EPOCH);
    let is_over = range.is_exact() && range.end() <= began;
    let end = to_millis(if is_over { range.end() } else { end_of_steps(&tracks, &range) }).min(made).max(start);
    let kinds: BTreeSet<Kind> = tracks.series.iter().map(|track| track.kind).collect();
    let names = kinds.iter().map(|&kind| KindNames { kind, names: monitor.family_names(kind) }).collect();
    let is_known = !alongside.without_service;
    let in_flight = if is_known {
        let now = monitor.summary(Window::LastMinute);
        kinds.iter().map(|&kind| (kind, now.in_flight(kind))).collect()
    } else {
        Vec::new()
    };
    let alerts = monitor.alerts();
    let mut events = alerts.events_in(range);
    // Numbers begin anew where no state was restored.
    events.sort_by_key(|event| std::cmp::Reverse((event.at, event.seq)));
    let events_left_out = events.len().saturating_sub(MOST_EVENTS);
    events.truncate(MOST_EVENTS);
    let alongside = with_groups(monitor, alongside, end, made);
    let head = Report {
        schema: SCHEMA.to_owned(),
        made,
        service: monitor.service().cloned(),
        start,
        end,
        names,
        tracks,
        metrics_left_out,
        in_flight,
        health: is_known.then(|| monitor.health()),
        alerts: if is_known { alerts.active() } else { Vec::new() },
        events,
        events_left_out,
        objectives: if is_known { monitor.objectives() } else { Vec::new() },
        alongside,
    };
    (head, packed)
}

/// The end of the last step that the range touches.
fn end_of_steps(tracks: &Tracks, range: &TimeRange) -> SystemTime {
    let Ok(step) = Duration::try_from_secs_f64(tracks.step) else { return range.end() };
    let length = range.end().duration_since(tracks.start).unwrap_or_default();
    let steps = length.as_nanos().div_ceil(step.as_nanos().max(1));
    let whole = u32::try_from(steps).ok().and_then(|steps| step.checked_mul(steps));
    whole.and_then(|whole| tracks.start.checked_add(whole)).unwrap_or(range.end())
}

/// The same with the open groups of alerts, where nobody told of incidents and a part knows them. Those that have ended are not known:
/// of a range that ended before there is nothing to say.
fn with_groups(monitor: &Monitor, alongside: Alongside, end: SystemTime, made: SystemTime) -> Alongside {
    let incidents = alongside.incidents.or_else(|| {
        let groups = monitor.ask::<dyn AlertGroups>().filter(|_| end >= made)?;
        let mut open = groups.open();
        open.sort_by_key(|group| std::cmp::Reverse(group.since));
        let incident = |group: perf_runtime::extend::AlertGroup| Incident {
            headline: group.headline,
            cause: group.cause,
            since: to_millis(group.since),
            ended: None,
            alerts: group.alerts.len(),
        };
        Some(open.into_iter().map(incident).collect())
    });
    Alongside { incidents, ..alongside }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_round_and_few() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let step = |length, step: Option<u64>| {
            range_of(at(0), at(length), step.map(Duration::from_secs))
                .map(|range| range.step().map(|step| step.as_secs()))
        };
        assert_eq!(step(3_600, None).unwrap(), Some(15));
        assert_eq!(step(86_400, None).unwrap(), Some(300));
        assert_eq!(step(30 * 86_400, None).unwrap(), Some(21_600));
        assert_eq!(step(800 * 86_400, None).unwrap(), Some(3 * 86_400));
        assert_eq!(step(3_600, Some(7)).unwrap(), Some(7));
        let error = step(30 * 86_400, Some(60)).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), ("step", "1m"));
        assert_eq!(step(0, None).unwrap_err().field, "from");
    }
}
