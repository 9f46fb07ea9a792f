//! A series in retrospect: what summaries would have said.

use super::cells::{CellCounts, Cells};
use super::past::Past;
use super::range::TimeRange;
use super::selector::Selector;
use super::summary::SeriesSummary;
use super::tracks::{self, Found};
use crate::measure::cells::histogram::Layout;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::target::Targets;
use crate::observe::history::counts::{Hit, Place, Sums, Together, WindowCounts};
use crate::observe::history::streams::StreamWindow;
use crate::observe::history::window::Window;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::entry::Series;
use crate::observe::series::observation::{Look, Observation};
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How often a series is looked at in retrospect.
pub(crate) const STEP: Duration = Duration::from_secs(5);

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
        (after, SeriesSummary::of(series, &observed(Some(series), series.layout, counts)))
    };
    Some((length, times.map(at).collect()))
}

/// A range is looked at no more often than this, however long it is.
const MOST_LOOKS: u32 = 50_000;
/// So many steps are read at a time: what is in memory at once has a bound.
const AT_ONCE: u64 = 4_320;
/// The steps that a range is looked at in, in seconds: each divides the stretch that is read at a time, whatever step that has.
const STEPS: [u64; 10] = [5, 10, 15, 30, 60, 120, 300, 900, 3_600, 21_600];

/// A figure over a range of time, step by step. Steps in which nobody observed are left out.
#[derive(Debug)]
pub(crate) struct Looks {
    /// When the range begins.
    pub(crate) since: SystemTime,
    /// The length of the longest step.
    pub(crate) step: Duration,
    /// The ends of steps after the start of the range, and the figure then.
    pub(crate) values: Vec<(Duration, Option<f64>)>,
}

impl Looks {
    fn of(range: &TimeRange) -> Self {
        Self { since: range.start(), step: Duration::ZERO, values: Vec::new() }
    }

    /// Adds a step that ended then, in nanoseconds since 1970.
    fn add(&mut self, end: u64, step: u64, value: Option<f64>) {
        let since = wall::to_unix_nanos(self.since);
        self.step = self.step.max(Duration::from_nanos(step));
        self.values.push((Duration::from_nanos(end.saturating_sub(since)), value));
    }
}

/// A figure of the summaries over `window` of a series, as they would have been over a range of time: from memory and the past,
/// in steps as short as are kept. `None` where nobody knows the series. Memory is bounded by a stretch of the range, and time by
/// [`MOST_LOOKS`].
pub(crate) fn calls(
    (registry, past): (&Registry, Option<&dyn Past>),
    id: &SeriesId,
    window: Duration,
    range: &TimeRange,
    mut figure: impl FnMut(&SeriesSummary) -> Option<f64>,
) -> Option<Looks> {
    registry.catch_up(clock::now());
    let all = registry.all();
    let series = all.iter().find(|one| one.identity.kind == id.kind && one.labels() == id.labels);
    let layout = series.map_or_else(|| Layout::of(id.kind), |series| series.layout);
    let mut is_known = series.is_some();
    let [start, end] = [range.start(), range.end()].map(wall::to_unix_nanos);
    let (mut looks, mut sliding) = (Looks::of(range), Sliding::new(window));
    for part in stretches(past, range, window) {
        let Found { span, observed, mut stored } = Found::of(registry, past, &Selector::from(id), &part);
        let mut cells = Cells::new(layout);
        stored.series.remove(id).inspect(|before| {
            is_known = true;
            cells.add(before);
        });
        series.inspect(|series| cells.add_series(series, &span.grid));
        let mut counts: BTreeMap<u64, CellCounts> = cells.into_counts().collect();
        for cell in span.cells() {
            let covered = observed.seconds_in(cell, &span);
            if covered <= 0.0 {
                continue;
            }
            let ends = span.end_of(cell);
            sliding.push(ends, covered, counts.remove(&cell).map(|cell| cell.counts).unwrap_or_default());
            if ends > start {
                let summary = summary(id, series, layout, sliding.counts());
                looks.add(ends.min(end), span.grid.step, figure(&summary));
            }
        }
    }
    is_known.then_some(looks)
}

/// The readings of a gauge over a range of time: the mean of each step. `None` where nobody knows the metric, or several series of
/// it are selected.
pub(crate) fn gauge(
    (registry, past): (&Registry, Option<&dyn Past>),
    selector: &Selector,
    range: &TimeRange,
) -> Option<Looks> {
    let end = wall::to_unix_nanos(range.end());
    let (mut looks, mut is_known) = (Looks::of(range), false);
    for part in stretches(past, range, Duration::ZERO) {
        let tracks = tracks::of(registry, past, selector, &part);
        let mut gauges = tracks.metrics.iter().filter(|track| track.kind == MetricKind::Gauge);
        let Some(track) = gauges.next() else { continue };
        if gauges.next().is_some() {
            return None;
        }
        is_known = true;
        let step = clock::nanos(Duration::from_secs_f64(tracks.step));
        for point in track.points.iter().filter(|point| point.covered > 0.0) {
            let ends = wall::to_unix_nanos(point.start).saturating_add(step);
            looks.add(ends.min(end), step, point.value);
        }
    }
    is_known.then_some(looks)
}

/// The stretches of a range, and of the window before it, that are read one after the other. Each begins where a step does.
fn stretches(past: Option<&dyn Past>, range: &TimeRange, window: Duration) -> impl Iterator<Item = TimeRange> {
    let begin = range.start().checked_sub(window).unwrap_or(SystemTime::UNIX_EPOCH);
    let kept = past.map_or(Duration::ZERO, |past| past.step_since(begin));
    let least = kept.max(range.duration() / MOST_LOOKS);
    let steps = STEPS.map(Duration::from_secs);
    let step = steps.into_iter().find(|step| *step >= least).unwrap_or(least);
    let length = clock::nanos(step).saturating_mul(AT_ONCE).max(1);
    let end = wall::to_unix_nanos(range.end());
    let mut next = wall::to_unix_nanos(begin) / clock::nanos(step).max(1) * clock::nanos(step);
    std::iter::from_fn(move || {
        let from = next;
        next = (from / length + 1).saturating_mul(length).min(end);
        let [from, to] = [from, next].map(|nanos| SystemTime::UNIX_EPOCH + Duration::from_nanos(nanos));
        TimeRange::between(from, to).ok()
    })
    .map(move |range| range.with_step(step))
}

fn summary(
    id: &SeriesId,
    series: Option<&Arc<Series>>,
    layout: &'static Layout,
    counts: WindowCounts,
) -> SeriesSummary {
    let observation = observed(series, layout, counts);
    match series {
        Some(series) => SeriesSummary::of(series, &observation),
        None => SeriesSummary::new(id.kind, id.labels.clone(), &observation, &Targets::NONE),
    }
}

fn observed(series: Option<&Arc<Series>>, layout: &'static Layout, counts: WindowCounts) -> Observation {
    let waits = series.is_some_and(|series| series.waits());
    // No rule looks at items: by these it is known that calls are streams.
    let streams = series.filter(|series| series.has_streams());
    let streams = streams.map(|series| StreamWindow::default().mixed(series.has_others()));
    Observation { counts, streams, waits, ..Observation::none(layout) }
}

/// The counts of the last steps, as far back as a window reaches.
struct Sliding {
    window: u64,
    /// When each step ended, the seconds in which it was observed, and its counts.
    steps: VecDeque<(u64, f64, WindowCounts)>,
    sums: Sums,
    hits: BTreeMap<Place, u64>,
}

impl Sliding {
    fn new(window: Duration) -> Self {
        Self { window: clock::nanos(window), steps: VecDeque::new(), sums: Sums::default(), hits: BTreeMap::new() }
    }

    fn push(&mut self, end: u64, covered: f64, counts: WindowCounts) {
        while self.steps.front().is_some_and(|(ended, ..)| ended.saturating_add(self.window) <= end) {
            let Some((_, _, gone)) = self.steps.pop_front() else { break };
            self.sums = self.sums.since(gone.sums);
            for hit in gone.hits {
                if let Some(count) = self.hits.get_mut(&hit.place) {
                    *count -= hit.count;
                }
            }
            self.hits.retain(|_, count| *count > 0);
        }
        self.sums.add(counts.sums);
        for hit in &counts.hits {
            *self.hits.entry(hit.place).or_default() += hit.count;
        }
        self.steps.push_back((end, covered, counts));
    }

    fn counts(&self) -> WindowCounts {
        let covered = self.steps.iter().map(|(_, covered, _)| covered).sum();
        let hits = self.hits.iter().map(|(&place, &count)| Hit { place, count }).collect();
        WindowCounts { covered: Duration::from_secs_f64(covered), sums: self.sums, hits }
    }
}
