//! Series over a range of time, on a grid that is aligned to the wall clock: from memory what memory holds, from the
//! [`Past`] the rest.

use super::cells::Cells;
use super::past::Past;
use super::range::TimeRange;
use super::selector::Selector;
use super::span::{Observed, Span};
use super::statistics::seconds;
use super::stored::{MetricCells, MetricKey, Stored};
use crate::measure::cells::histogram::{Bound, Layout};
use crate::measure::clock;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::OutcomeCounts;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::query::cells::CellCounts;
use crate::observe::series::entry::Series;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

/// Series over a range of time, step by step: [`Monitor::tracks`](crate::Monitor::tracks).
///
/// Steps begin at multiples of their length since 1970 by the wall clock. The first begins at or before the start that was
/// asked for, the last ends at or after the end, but not after the last tick's second.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Tracks {
    /// When the first step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The length of a step in seconds.
    pub step: f64,
    /// Series of calls, sorted by kind and labels.
    pub series: Vec<SeriesTrack>,
    /// Series of the application's own metrics and of sampled ones, sorted by name and labels.
    pub metrics: Vec<MetricSeriesTrack>,
    /// How many more series there were than [`Selector::limit`] allowed.
    pub left_out: usize,
}

/// A series of calls over a range of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeriesTrack {
    /// Its name.
    pub id: SeriesId,
    /// The kind of work that it measures.
    pub kind: Kind,
    /// The names and values of its labels.
    pub labels: Labels,
    /// The upper bounds of the buckets, in seconds, which include themselves.
    pub bounds: Vec<f64>,
    /// A point for each step.
    pub points: Vec<SeriesPoint>,
    /// All steps together: percentiles are those of all calls, and not means of percentiles.
    pub whole: SeriesPoint,
}

/// Calls that ended in one step. Durations in seconds, of calls of every outcome; `None` where no call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeriesPoint {
    /// When the step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The seconds of the step in which the process was observed. Less than the step while it is still filling, and around a
    /// start or a pause of the process.
    pub covered: f64,
    /// Calls that ended; `None` where nobody observed, or nothing is kept.
    pub count: Option<u64>,
    /// The same by outcome.
    pub outcomes: Option<OutcomeCounts>,
    /// The sum of their durations.
    pub sum: Option<f64>,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// Half of the calls took no longer.
    pub p50: Option<f64>,
    /// 90 % of the calls took no longer.
    pub p90: Option<f64>,
    /// 95 % of the calls took no longer.
    pub p95: Option<f64>,
    /// 99 % of the calls took no longer.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
    /// The share of their durations that calls were polled, 0 to 1; the rest they waited. `None` where some are streams that are measured now:
    /// for how long a consumer has an item, nobody looks.
    pub busy_share: Option<f64>,
    /// How many fell into each bucket of [`SeriesTrack::bounds`], and at last how many took longer than all bounds. Not
    /// cumulative. Empty where no call ended.
    pub buckets: Vec<u64>,
}

/// A series of the application's own metrics over a range of time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricSeriesTrack {
    /// The metric's name.
    pub name: String,
    /// The type of the metric.
    pub kind: MetricKind,
    /// Its unit, as it was described.
    pub unit: Option<String>,
    /// Names and values, sorted by name.
    pub labels: Labels,
    /// A point for each step.
    pub points: Vec<MetricSeriesPoint>,
}

/// The reading of a metric in one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricSeriesPoint {
    /// When the step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// As of [`SeriesPoint::covered`].
    pub covered: f64,
    /// Of a gauge the mean of what was read, of a counter what was added to it, of a histogram the mean of the values; in the
    /// metric's unit, to seven digits. `None` where nothing was read.
    pub value: Option<f64>,
    /// Of a histogram, how many values; of a gauge, how many readings.
    pub count: Option<f64>,
}

/// A range as memory and the past hold it: its steps, the times that were observed, and what the past gave.
pub(super) struct Found {
    pub(super) span: Span,
    pub(super) observed: Observed,
    pub(super) stored: Stored,
}

impl Found {
    pub(super) fn of(registry: &Registry, past: Option<&dyn Past>, selector: &Selector, range: &TimeRange) -> Self {
        let span = Span::of(registry, past, range);
        let observed = Observed::of(registry, past, &span);
        let mut stored = Stored::default();
        if let (Some(past), Some(range)) = (past, span.before_memory()) {
            past.read(selector, &range, &mut stored.sink(&span));
        }
        Self { span, observed, stored }
    }
}

/// The names of the series of calls that may be in a range, sorted.
pub(crate) fn names(
    registry: &Registry,
    past: Option<&dyn Past>,
    selector: &Selector,
    range: &TimeRange,
) -> Vec<SeriesId> {
    let all = registry.all();
    let selected = all.iter().filter(|series| selector.selects_identity(&series.identity));
    let of_memory = selected.map(|series| SeriesId { kind: series.identity.kind, labels: series.labels() });
    let mut names: BTreeSet<SeriesId> = of_memory.collect();
    if registry.remembers(range, clock::now()) {
        return names.into_iter().collect();
    }
    let of_past = past.and_then(|past| past.series(selector));
    names.extend(of_past.unwrap_or_else(|| {
        let Found { stored, .. } = Found::of(registry, past, selector, range);
        stored.series.into_keys().collect()
    }));
    names.into_iter().collect()
}

/// The tracks of what is selected.
pub(crate) fn of(registry: &Registry, past: Option<&dyn Past>, selector: &Selector, range: &TimeRange) -> Tracks {
    registry.catch_up(clock::now());
    let Found { span, observed, stored } = Found::of(registry, past, selector, range);
    let (series, more_series) = series(registry, selector, &span, &observed, stored.series);
    let (metrics, more_metrics) = if selector.may_select_metrics() {
        metrics(registry, selector, &span, &observed, stored.metrics)
    } else {
        (Vec::new(), 0)
    };
    let (start, step) = (span.start_of(span.grid.oldest), seconds(span.grid.step));
    Tracks { start, step, series, metrics, left_out: more_series + more_metrics }
}

fn series(
    registry: &Registry,
    selector: &Selector,
    span: &Span,
    observed: &Observed,
    mut stored: BTreeMap<SeriesId, Cells>,
) -> (Vec<SeriesTrack>, usize) {
    let all = registry.all();
    let mut known = BTreeMap::new();
    for series in all.iter().filter(|series| selector.selects_identity(&series.identity)) {
        let id = SeriesId { kind: series.identity.kind, labels: series.labels() };
        known.insert(id, Some(series));
    }
    for id in stored.keys() {
        known.entry(id.clone()).or_insert(None);
    }
    let known: Vec<(SeriesId, Option<&Arc<Series>>)> = known.into_iter().collect();
    let (mut tracks, mut shown, mut left_out) = (Vec::new(), 0, 0);
    for of_kind in known.chunk_by(|(one, _), (other, _)| one.kind == other.kind) {
        let place = tracks.len();
        let mut whole = of_kind.first().filter(|_| selector.is_joined()).map(|(id, _)| Group::of_kind(id.kind));
        for members in of_kind.chunk_by(|(one, _), (other, _)| selector.shows_as_one(one, other)) {
            let is_shown = shown < selector.most();
            shown += usize::from(is_shown);
            left_out += usize::from(!is_shown);
            if !is_shown && whole.is_none() {
                continue;
            }
            let Some((group, (id, _))) = Group::of(members, &mut stored, span).zip(members.first()) else { continue };
            if let Some(whole) = &mut whole {
                whole.cells.add(&group.cells);
            }
            if is_shown {
                tracks.push(group.into_track(selector.shown_as(id), span, observed));
            }
        }
        if let (Some(whole), Some((id, _))) = (whole, of_kind.first()) {
            let id = SeriesId { kind: id.kind, labels: Labels::default() };
            tracks.insert(place, whole.into_track(id, span, observed));
        }
    }
    (tracks, left_out)
}

/// Series that are shown as one, and the bounds of the buckets that they are shown in.
struct Group<'a> {
    cells: Cells,
    bounds: Vec<&'a Bound>,
}

impl<'a> Group<'a> {
    /// Nothing yet of a kind as a whole.
    fn of_kind(kind: Kind) -> Self {
        let layout = Layout::of(kind);
        Self { cells: Cells::new(layout), bounds: layout.bounds().iter().collect() }
    }

    /// The calls that memory and the past hold of series of one kind.
    fn of(
        members: &[(SeriesId, Option<&'a Arc<Series>>)],
        stored: &mut BTreeMap<SeriesId, Cells>,
        span: &Span,
    ) -> Option<Self> {
        let all = members.iter().map(|(id, series)| {
            let layout = series.map_or_else(|| Layout::of(id.kind), |series| series.layout);
            let mut cells = stored.remove(id).map_or_else(|| Cells::new(layout), |before| before.into_layout(layout));
            series.inspect(|series| cells.add_series(series, &span.grid));
            let bounds = series.map_or_else(|| layout.bounds().iter().collect(), |series| series.bounds());
            Self { cells, bounds }
        });
        all.reduce(|mut group, more| {
            group.cells.add(&more.cells);
            group
        })
    }

    fn into_track(self, id: SeriesId, span: &Span, observed: &Observed) -> SeriesTrack {
        let Self { cells, bounds } = self;
        let whole = cells.whole();
        let mut counts = cells.into_counts().peekable();
        let point = |cell| {
            while counts.next_if(|(number, _)| *number < cell).is_some() {}
            let counted = counts.next_if(|(number, _)| *number == cell).map(|(_, counts)| counts);
            SeriesPoint::new(counted.as_ref(), span.start_of(cell), observed.seconds_in(cell, span), &bounds)
        };
        let points: Vec<SeriesPoint> = span.cells().map(point).collect();
        let covered = points.iter().map(|point| point.covered).sum();
        SeriesTrack {
            kind: id.kind,
            labels: id.labels.clone(),
            id,
            points,
            whole: SeriesPoint::new(whole.as_ref(), span.start_of(span.grid.oldest), covered, &bounds),
            bounds: bounds.iter().map(|bound| seconds(bound.nanos)).collect(),
        }
    }
}

impl SeriesPoint {
    fn new(counted: Option<&CellCounts>, start: SystemTime, covered: f64, bounds: &[&Bound]) -> Self {
        let nothing = Self {
            start,
            covered,
            count: None,
            outcomes: None,
            sum: None,
            mean: None,
            p50: None,
            p90: None,
            p95: None,
            p99: None,
            max: None,
            busy_share: None,
            buckets: Vec::new(),
        };
        let Some(counted @ CellCounts { counts, durations, .. }) = counted else {
            let zero = (covered > 0.0).then(OutcomeCounts::default);
            return Self { count: zero.map(|_| 0), outcomes: zero, sum: zero.map(|_| 0.0), ..nothing };
        };
        let outcomes = counts.outcomes();
        let [p50, p90, p95, p99] = durations.quantiles();
        let mut buckets = vec![0; bounds.len() + 1];
        // The hits of an outcome ascend.
        for of_outcome in
            counts.hits.chunk_by(|one, other| one.place < other.place && one.place.outcome() == other.place.outcome())
        {
            let mut place = 0;
            for hit in of_outcome {
                while bounds.get(place).is_some_and(|bound| bound.buckets <= hit.place.bucket()) {
                    place += 1;
                }
                buckets.get_mut(place).into_iter().for_each(|count| *count += hit.count);
            }
        }
        Self {
            count: Some(outcomes.finished()),
            outcomes: Some(outcomes),
            sum: Some(durations.sum()),
            mean: durations.mean(),
            p50,
            p90,
            p95,
            p99,
            max: durations.max(),
            busy_share: counted.busy_share(),
            buckets,
            ..nothing
        }
    }
}

fn metrics(
    registry: &Registry,
    selector: &Selector,
    span: &Span,
    observed: &Observed,
    mut stored: BTreeMap<MetricKey, MetricCells>,
) -> (Vec<MetricSeriesTrack>, usize) {
    let (window, wanted) = span.memory_cells();
    for course in registry.custom().courses(window, &wanted) {
        if !selector.selects_metric(&course.name, &course.labels) {
            continue;
        }
        let cells = stored.entry((course.name, course.labels, course.kind)).or_default();
        cells.unit = course.unit;
        if let Some(since) = course.known_since {
            cells.know_since(since);
        }
        course.points.iter().for_each(|point| cells.add(span.wider(point.cell), point.sum, point.count));
    }
    let found = stored.len();
    let tracks = stored.into_iter().take(selector.most()).map(|((name, labels, kind), cells)| {
        let point = |cell| MetricSeriesPoint::new(cell, kind, &cells, span, observed);
        MetricSeriesTrack { name, kind, unit: cells.unit.clone(), labels, points: span.cells().map(point).collect() }
    });
    let tracks: Vec<MetricSeriesTrack> = tracks.collect();
    let left_out = found - tracks.len();
    (tracks, left_out)
}

impl MetricSeriesPoint {
    fn new(cell: u64, kind: MetricKind, cells: &MetricCells, span: &Span, observed: &Observed) -> Self {
        let covered = observed.seconds_in(cell, span);
        let read = cells.of(cell);
        let stood = || covered > 0.0 && cells.known_since.is_some_and(|since| span.end_of(cell) > since);
        let (value, count) = match (kind, read) {
            (MetricKind::Gauge, Some((sum, count))) => (Some(sum / count), Some(count)),
            (MetricKind::Histogram, Some((sum, count))) => ((count > 0.0).then(|| sum / count), Some(count)),
            (MetricKind::Counter, Some((sum, _))) => (Some(sum), None),
            (MetricKind::Gauge, None) => (None, None),
            (MetricKind::Histogram, None) => (None, stood().then_some(0.0)),
            (MetricKind::Counter, None) => (stood().then_some(0.0), None),
        };
        // A gauge may be no number, and then its mean is none.
        Self { start: span.start_of(cell), covered, value: value.filter(|value| value.is_finite()), count }
    }
}

#[cfg(test)]
mod tests;
