//! A series in retrospect: what summaries would have said.

use super::summary::SeriesSummary;
use crate::measure::clock::Moment;
use crate::observe::history::counts::{Together, WindowCounts};
use crate::observe::history::window::Window;
use crate::observe::series::entry::{Look, Observation};
use crate::observe::series::registry::Registry;
use std::time::Duration;

/// How often a series is looked at in retrospect.
const STEP: Duration = Duration::from_secs(5);

/// Summaries over `span` as they would have been every five seconds of the last hour: the length of that time, and each
/// summary with the time since its start. A slice of a minute counts as if all of it happened at its end.
pub(crate) fn past(
    registry: &Registry,
    name: &str,
    span: Duration,
    now: Moment,
) -> Option<(Duration, Vec<(Duration, SeriesSummary)>)> {
    registry.catch_up(now);
    let all = registry.all();
    let series = all.iter().find(|series| series.identity.to_string() == name)?;
    let slices = series.slices(Window::LastHour, &mut Look::live(now));
    let begin = slices.first().map_or(now, |first| first.start);
    let length = now.since(begin);
    let times = (1..).map(|step| STEP * step).take_while(|after| *after <= length);
    let at = |after: Duration| {
        let mut together = Together::new(series.layout);
        for slice in &slices {
            let ended = slice.end.since(begin);
            if ended <= after && ended + span > after {
                together.add(&slice.counts, series.layout);
            }
        }
        let counts = WindowCounts { covered: span.min(after), ..together.into_counts() };
        (after, SeriesSummary::of(series, &Observation { counts, ..Observation::none(series.layout) }))
    };
    Some((length, times.map(at).collect()))
}
