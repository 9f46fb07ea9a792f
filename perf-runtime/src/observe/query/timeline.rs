//! One series over a window, slice by slice: what a chart is drawn from.

use super::statistics::{Durations, busy_share, seconds};
use super::summary::SeriesSummary;
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::OutcomeCounts;
use crate::observe::history::counts::{CountedSlice, Together, WindowCounts};
use crate::observe::history::window::Window;
use crate::observe::series::entry::{Look, Observation, Series};
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// How often a series is looked at in retrospect.
const STEP: Duration = Duration::from_secs(5);

/// One series over a window, in the slices of time that are kept: of a tick (about 1 s) in the last minute, of 5 s in the
/// last five minutes, of a minute before that.
///
/// The slices touch: each begins where the one before ended, and the last ends now. A time in which no call ended is one
/// slice, however long. Every call that ended in the window is in one of them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Timeline {
    /// What the series measures.
    pub kind: Kind,
    /// The names and values of its labels.
    pub labels: Labels,
    /// The window that was asked for.
    pub window: Window,
    /// The upper bounds of the buckets, in seconds, which include themselves.
    pub bounds: Vec<f64>,
    /// What happened, the oldest first.
    pub slices: Vec<TimeSlice>,
}

/// What happened to one series in a slice of time. Durations in seconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TimeSlice {
    /// When it begins, in seconds since 1970 (UTC).
    pub start: f64,
    /// When it ends, in seconds since 1970 (UTC).
    pub end: f64,
    /// Calls that ended in it.
    pub count: u64,
    /// The same by outcome.
    pub outcomes: OutcomeCounts,
    /// The sum of their durations.
    pub sum: f64,
    /// Half of them took no longer. `None` where no call ended, as below.
    pub p50: Option<f64>,
    /// 90 % of them took no longer.
    pub p90: Option<f64>,
    /// 95 % of them took no longer.
    pub p95: Option<f64>,
    /// 99 % of them took no longer.
    pub p99: Option<f64>,
    /// The share of their durations that they were polled, 0 to 1; the rest they waited.
    pub busy_share: Option<f64>,
    /// How many fell into each bucket of [`Timeline::bounds`], and at last how many took longer than all bounds. Not
    /// cumulative. Empty where no call ended.
    pub buckets: Vec<u64>,
}

/// The series of this name ([`Identity`](crate::observe::series::identity::Identity)'s) over a window.
pub(crate) fn of(registry: &Registry, name: &str, window: Window, now: Moment) -> Option<Timeline> {
    registry.catch_up(now);
    let all = registry.all();
    let series = all.iter().find(|series| series.identity.to_string() == name)?;
    let counted = series.slices(window, &mut Look::live(now));
    let clock = WallClock { now, unix: unix_now() };
    let bounds = Bounds::of(series);
    Some(Timeline {
        kind: series.identity.kind,
        labels: series.labels(),
        window,
        slices: touching(&counted, now).map(|slice| TimeSlice::new(slice, series, &bounds, clock)).collect(),
        bounds: bounds.seconds,
    })
}

/// What the summaries over `span` would have said of a series, every five seconds of the last hour: each with the time
/// since the first, and how long ago that was. What is kept by the minute only is taken to have happened at its end.
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

/// The slices with the times between them, in which nothing happened.
fn touching(counted: &[CountedSlice], now: Moment) -> impl Iterator<Item = (Moment, Moment, Option<&WindowCounts>)> {
    let mut ended = counted.first().map_or(now, |first| first.start);
    let slices = counted.iter().flat_map(move |slice| {
        let gap = (slice.start > ended).then_some((ended, slice.start, None));
        let start = slice.start.max(ended);
        ended = slice.end;
        gap.into_iter().chain([(start, slice.end, Some(&slice.counts))])
    });
    let last = counted.last().map_or(now, |last| last.end);
    slices.chain((last < now).then_some((last, now, None)))
}

/// Where the exact bounds lie among the buckets of a series.
struct Bounds {
    seconds: Vec<f64>,
    /// How many buckets lie at or below each of them.
    buckets: Vec<usize>,
}

impl Bounds {
    fn of(series: &Series) -> Self {
        let bounds = series.bounds();
        Self {
            seconds: bounds.iter().map(|bound| seconds(bound.nanos)).collect(),
            buckets: bounds.iter().map(|bound| bound.buckets).collect(),
        }
    }

    fn count(&self, counts: &WindowCounts) -> Vec<u64> {
        let mut counted = vec![0; self.buckets.len() + 1];
        for hit in &counts.hits {
            let place = self.buckets.partition_point(|&below| below <= hit.place.bucket());
            if let Some(count) = counted.get_mut(place) {
                *count += hit.count;
            }
        }
        counted
    }
}

/// What time it is on the wall at a moment.
#[derive(Clone, Copy)]
struct WallClock {
    now: Moment,
    unix: f64,
}

impl WallClock {
    fn at(self, moment: Moment) -> f64 {
        let at = self.unix - self.now.since(moment).as_secs_f64();
        // To the millisecond: no clock on a wall is better.
        (at * 1_000.0).round() / 1_000.0
    }
}

fn unix_now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}

impl TimeSlice {
    fn new(
        (start, end, counts): (Moment, Moment, Option<&WindowCounts>),
        series: &Series,
        bounds: &Bounds,
        clock: WallClock,
    ) -> Self {
        let nothing = WindowCounts::default();
        let counts = counts.unwrap_or(&nothing);
        let durations = Durations::new(series.layout, counts);
        let [p50, p90, p95, p99] = durations.quantiles();
        let outcomes = OutcomeCounts::from_array(counts.finished());
        Self {
            start: clock.at(start),
            end: clock.at(end),
            count: outcomes.finished(),
            outcomes,
            sum: durations.sum(),
            p50,
            p90,
            p95,
            p99,
            busy_share: busy_share(counts),
            buckets: if counts.hits.is_empty() { Vec::new() } else { bounds.count(counts) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::{self, manual::ManualClock};
    use crate::measure::model::outcome::Outcome;
    use std::collections::BTreeSet;

    const NAME: &str = "db_operation{operation=select,table=users}";

    fn record(registry: &Registry, outcome: Outcome, millis: u64) {
        registry.record(Kind::DbOperation, &["select", "users"], outcome, millis * 1_000_000);
    }

    fn tick(registry: &Registry) {
        registry.tick(clock::now(), &BTreeSet::new());
    }

    fn timeline(registry: &Registry, window: Window) -> Timeline {
        of(registry, NAME, window, clock::now()).unwrap()
    }

    #[test]
    fn a_slice_says_how_its_calls_ended_and_how_long_they_took() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        record(&registry, Outcome::Ok, 3);
        record(&registry, Outcome::Error, 3);
        record(&registry, Outcome::Ok, 20_000);
        clock.advance(Duration::from_secs(1));
        tick(&registry);
        let timeline = timeline(&registry, Window::LastMinute);
        let [slice] = timeline.slices.as_slice() else { panic!("{timeline:#?}") };
        assert_eq!((slice.count, slice.outcomes.ok, slice.outcomes.error), (3, 2, 1));
        assert!((slice.sum - 20.006).abs() < 1e-9 && (slice.end - slice.start - 1.0).abs() < 2e-3, "{slice:?}");
        assert!(slice.p50.is_some_and(|p50| (0.002..0.004).contains(&p50)), "{slice:?}");
        assert!(slice.p99.is_some_and(|p99| (19.0..21.0).contains(&p99)), "{slice:?}");
        assert_eq!(timeline.bounds[..2], [0.001, 0.005]);
        assert_eq!(slice.buckets, [0, 2, 0, 0, 0, 0, 0, 0, 0, 1]);
    }

    #[test]
    fn slices_touch_and_what_came_since_the_last_tick_is_there() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        for second in 0..10 {
            if second == 2 || second == 7 {
                record(&registry, Outcome::Ok, 1);
            }
            clock.advance(Duration::from_secs(1));
            tick(&registry);
        }
        record(&registry, Outcome::Cancelled, 1);
        clock.advance(Duration::from_millis(300));
        let slices = timeline(&registry, Window::LastMinute).slices;
        assert!(slices.windows(2).all(|pair| pair[0].end.to_bits() == pair[1].start.to_bits()), "{slices:#?}");
        let counts: Vec<u64> = slices.iter().map(|slice| slice.count).collect();
        assert_eq!(counts, [1, 0, 1, 0, 1]);
        assert_eq!(slices.last().unwrap().outcomes.cancelled, 1);
    }

    #[test]
    fn every_call_of_the_window_is_in_one_slice() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        for second in 0..4_000_u64 {
            record(&registry, Outcome::Ok, 1 + second % 50);
            clock.advance(Duration::from_secs(1));
            tick(&registry);
        }
        record(&registry, Outcome::Ok, 1);
        for window in Window::ALL {
            let summary = registry.summary(window, clock::now());
            let expected = summary.find(Kind::DbOperation, &["select", "users"]).unwrap();
            let timeline = timeline(&registry, window);
            assert_eq!(timeline.slices.iter().map(|slice| slice.count).sum::<u64>(), expected.count, "{window}");
            assert!(timeline.slices.len() <= 170, "{window}: {}", timeline.slices.len());
        }
    }

    #[test]
    fn a_series_that_is_not_there_has_none_and_one_that_was_never_called_is_empty() {
        let _clock = ManualClock::hold();
        let registry = Registry::new();
        assert_eq!(of(&registry, "tool{tool=none}", Window::LastHour, clock::now()), None);
        registry.series(Kind::Tool, &["idle"]);
        let idle = of(&registry, "tool{tool=idle}", Window::LastHour, clock::now()).unwrap();
        assert!(idle.slices.is_empty() && !idle.bounds.is_empty());
    }
}
