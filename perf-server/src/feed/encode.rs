//! Series of calls, as clients know them.

use super::message::Body;
use super::number::Number;
use super::table::{Definition, Entry, Numbers, Point, Rows, put_grid};
use super::watch::Wanted;
use perf_runtime::series::{
    CellGrid, Labels, ObjectiveState, OutcomeCounts, Panorama, ProfileSummary, SampledCpu, SeriesSummary, SlowCalls,
    StreamSummary, Track, TrackBucket, TrackPoint,
};
use serde::ser::SerializeSeq;
use serde::{Serialize, Serializer};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// The names of the numbers in arrays, in this order.
const COLUMNS: [&str; 19] = [
    "count",
    "ok",
    "error",
    "panicked",
    "cancelled",
    "covered",
    "error_rate",
    "mean",
    "p50",
    "p95",
    "p99",
    "max",
    "in_flight",
    "oldest",
    "busy_share",
    "apdex",
    "slow_polls",
    "expected_errors",
    "expected_cancelled",
];
const POINT_COLUMNS: [&str; 11] =
    ["cell", "ok", "error", "panicked", "cancelled", "mean", "p50", "p95", "p99", "max", "busy_share"];
const BUCKET_COLUMNS: [&str; 4] = ["outcome", "lower", "upper", "count"];
/// The most series that are listed as parts of the one that is shown.
const PARTS: usize = 50;

/// All series over a window, the kinds as a whole first.
pub(super) fn rows(panorama: &Panorama) -> Rows {
    Rows::new(["rows", "new"], panorama.grid, tracks(panorama))
}

/// Goes on to what is seen now; see [`Rows::update`].
pub(super) fn update(rows: &mut Rows, panorama: &Panorama, wanted: Wanted, body: &mut Body) -> bool {
    rows.update(panorama.grid, tracks(panorama), wanted, body)
}

fn tracks(panorama: &Panorama) -> impl Iterator<Item = &Track> {
    panorama.kinds.iter().chain(&panorama.series)
}

impl Entry for &Track {
    fn name(&self) -> String {
        self.summary.name()
    }

    fn definition(&self) -> Definition {
        let summary = &self.summary;
        Definition::Calls { kind: summary.kind, labels: summary.labels.clone(), name: summary.name() }
    }

    fn numbers(&self) -> Numbers {
        numbers(&self.summary)
    }

    fn points(&self) -> Vec<Point> {
        self.points.iter().map(point).collect()
    }

    /// Calls since the baseline.
    fn total(&self) -> u64 {
        self.summary.total.finished()
    }
}

/// One series with its histograms, or several taken together.
#[derive(Debug)]
pub(super) struct TrackFrame {
    seen: Option<Seen>,
}

#[derive(Debug)]
struct Seen {
    grid: CellGrid,
    detail: Box<Detail>,
    points: VecDeque<PointWithBuckets>,
    total: u64,
}

impl TrackFrame {
    pub(super) fn new(found: Option<(CellGrid, Track)>) -> Self {
        let seen = found.map(|(grid, track)| Seen {
            grid,
            points: track.points.iter().map(PointWithBuckets::of).collect(),
            total: track.summary.total.finished(),
            detail: Box::new(Detail::of(track)),
        });
        Self { seen }
    }

    pub(super) fn ticked(&self) -> Option<Duration> {
        Duration::try_from_secs_f64(self.seen.as_ref()?.grid.ticked).ok()
    }

    /// Where there is no such series, `detail` is null.
    pub(super) fn write_all(&self, body: &mut Body) {
        put_columns(body);
        let Some(seen) = &self.seen else { return body.put("detail", &()) };
        put_grid(body, &seen.grid);
        body.put("detail", &seen.detail);
        body.put("points", &seen.points);
    }

    /// As [`Rows::update`].
    pub(super) fn update(&mut self, found: Option<(CellGrid, Track)>, body: &mut Body) -> bool {
        let Some((grid, track)) = found else {
            body.put("detail", &());
            return true;
        };
        let total = track.summary.total.finished();
        let Some(seen) = self.seen.as_mut().filter(|seen| total >= seen.total) else { return false };
        let oldest = (grid.newest + 1).saturating_sub(grid.cells);
        let points: Vec<PointWithBuckets> = track.points.iter().map(PointWithBuckets::of).collect();
        for new in &points {
            seen.points.retain(|PointWithBuckets(point, _)| (oldest..new.0.cell).contains(&point.cell));
            seen.points.push_back(new.clone());
        }
        (seen.grid, seen.detail, seen.total) = (grid, Box::new(Detail::of(track)), total);
        put_grid(body, &seen.grid);
        body.put("detail", &seen.detail);
        body.put("points", &points);
        true
    }
}

pub(super) fn put_columns(body: &mut Body) {
    body.put("columns", &COLUMNS);
    body.put("point_columns", &POINT_COLUMNS);
    body.put("bucket_columns", &BUCKET_COLUMNS);
}

fn numbers(summary: &SeriesSummary) -> Numbers {
    // Of a series in which nothing happened, it would only change and say nothing.
    let covered = (summary.count > 0).then(|| summary.covered.round().max(1.0));
    let [ok, error, panicked, cancelled] = outcomes(summary.outcomes);
    Box::new([
        Number::count(summary.count),
        ok,
        error,
        panicked,
        cancelled,
        covered.into(),
        summary.error_rate.into(),
        summary.mean.into(),
        summary.p50.into(),
        summary.p95.into(),
        summary.p99.into(),
        summary.max.into(),
        Number::count(summary.in_flight),
        summary.oldest_in_flight.into(),
        summary.busy_share.into(),
        summary.apdex.into(),
        Number::count(summary.slow_polls),
        Number::count(summary.outcomes.expected_errors),
        Number::count(summary.outcomes.expected_cancelled),
    ])
}

fn outcomes(outcomes: OutcomeCounts) -> [Number; 4] {
    [outcomes.ok, outcomes.error, outcomes.panicked, outcomes.cancelled].map(Number::count)
}

fn point(point: &TrackPoint) -> Point {
    let [ok, error, panicked, cancelled] = outcomes(point.outcomes);
    let durations = [point.mean, point.p50, point.p95, point.p99, point.max, point.busy_share].map(Number::from);
    let [mean, p50, p95, p99, max, busy_share] = durations;
    let numbers = Box::new([ok, error, panicked, cancelled, mean, p50, p95, p99, max, busy_share]);
    Point { cell: point.cell, numbers }
}

/// A point, and behind its numbers an array of buckets.
#[derive(Clone, Debug)]
struct PointWithBuckets(Point, Box<[Bucket]>);

/// The outcome, the bounds, and how many calls.
type Bucket = (u8, Number, Number, u64);

impl PointWithBuckets {
    fn of(seen: &TrackPoint) -> Self {
        let bucket = |bucket: &TrackBucket| {
            let TrackBucket { outcome, lower, upper, count, .. } = *bucket;
            (outcome as u8, Number::from(lower), Number::from(upper), count)
        };
        Self(point(seen), seen.buckets.iter().map(bucket).collect())
    }
}

impl Serialize for PointWithBuckets {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(Point { cell, numbers }, buckets) = self;
        let mut list = serializer.serialize_seq(Some(2 + numbers.len()))?;
        list.serialize_element(cell)?;
        numbers.iter().try_for_each(|number| list.serialize_element(number))?;
        list.serialize_element(buckets)?;
        list.end()
    }
}

/// One series in full.
#[derive(Debug, Serialize)]
struct Detail {
    numbers: Numbers,
    kind: perf_runtime::Kind,
    labels: Labels,
    name: String,
    total: OutcomeCounts,
    error_types: BTreeMap<String, u64>,
    min: Option<f64>,
    p90: Option<f64>,
    std: Option<f64>,
    apdex_threshold: Option<f64>,
    slow: Option<SlowCalls>,
    profile: Option<ProfileSummary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stream: Option<StreamSummary>,
    sampled_cpu: Option<SampledCpu>,
    self_seconds: f64,
    objective: Option<ObjectiveState>,
    parts: Vec<DetailPart>,
}

/// One of the series that make up the one that is shown.
#[derive(Debug, Serialize)]
struct DetailPart {
    labels: Labels,
    name: String,
    count: u64,
    outcomes: OutcomeCounts,
    p95: Option<f64>,
}

impl Detail {
    fn of(track: Track) -> Self {
        let Track { summary, parts, .. } = track;
        let part = |part: SeriesSummary| DetailPart {
            name: part.name(),
            labels: part.labels,
            count: part.count,
            outcomes: part.outcomes,
            p95: part.p95,
        };
        Self {
            numbers: numbers(&summary),
            name: summary.name(),
            kind: summary.kind,
            labels: summary.labels,
            total: summary.total,
            error_types: summary.error_types,
            min: summary.min,
            p90: summary.p90,
            std: summary.std,
            apdex_threshold: summary.apdex_threshold,
            slow: summary.slow,
            profile: summary.profile,
            stream: summary.stream,
            sampled_cpu: summary.sampled_cpu,
            self_seconds: summary.self_seconds,
            objective: summary.objective,
            parts: parts.into_iter().take(PARTS).map(part).collect(),
        }
    }
}
