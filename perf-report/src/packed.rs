//! Series of calls, read a group at a time and packed: a third of what their points take.

use crate::gather::{MOST_POINTS, MOST_SERIES};
use perf_runtime::Monitor;
use perf_runtime::series::{OutcomeCounts, Selector, SeriesId, SeriesPoint, SeriesTrack, TimeRange, Tracks};
use serde::{Deserialize, Serialize};
use std::cmp::Reverse;
use std::time::{Duration, SystemTime};

/// The points of a group at most: up to 8 MB of calls.
const GROUP: usize = 20_000;
/// The same of what memory holds, which grows coarser while it is read: a thousand series over an hour in one.
const GROUP_IN_MEMORY: usize = 70_000;
const HOUR: Duration = Duration::from_secs(3_600);
/// The fewest series that there is room for at any step.
const FEWEST_SERIES: usize = 10;
/// Reads that begin anew where the steps have changed meanwhile, before all is read at once.
const ATTEMPTS: usize = 3;

/// The points of a series.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packed(Vec<u8>);

impl Packed {
    fn of(points: &[SeriesPoint]) -> Option<Self> {
        let points: Vec<Point> = points.iter().map(Point::from).collect();
        let mut bytes = postcard::to_stdvec(&points).ok()?;
        bytes.shrink_to_fit();
        Some(Self(bytes))
    }

    /// The points as they are packed.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// The series with its points.
    pub(crate) fn track(&self, head: &SeriesTrack) -> Result<SeriesTrack, postcard::Error> {
        let points: Vec<Point> = postcard::from_bytes(&self.0)?;
        let mut track = head.clone();
        track.points = points.into_iter().map(|point| point.within(&head.whole)).collect();
        Ok(track)
    }
}

/// A [`SeriesPoint`] without the names of its fields, and none left out.
#[derive(Serialize, Deserialize)]
struct Point {
    start: SystemTime,
    covered: f64,
    count: Option<u64>,
    outcomes: Option<[u64; 6]>,
    /// Sum, mean, p50, p90, p95, p99, the longest, and the busy share.
    figures: [Option<f64>; 8],
    buckets: Vec<u64>,
}

impl From<&SeriesPoint> for Point {
    fn from(point: &SeriesPoint) -> Self {
        let counts = |all: OutcomeCounts| {
            [all.ok, all.error, all.panicked, all.cancelled, all.expected_errors, all.expected_cancelled]
        };
        let SeriesPoint { sum, mean, p50, p90, p95, p99, max, busy_share, .. } = *point;
        Self {
            start: point.start,
            covered: point.covered,
            count: point.count,
            outcomes: point.outcomes.map(counts),
            figures: [sum, mean, p50, p90, p95, p99, max, busy_share],
            buckets: point.buckets.clone(),
        }
    }
}

impl Point {
    /// The same as a point of this series.
    fn within(self, whole: &SeriesPoint) -> SeriesPoint {
        let mut point = whole.clone();
        (point.start, point.covered, point.count, point.buckets) = (self.start, self.covered, self.count, self.buckets);
        point.outcomes = self.outcomes.map(|[ok, error, panicked, cancelled, expected_errors, expected_cancelled]| {
            let mut all = OutcomeCounts::default();
            (all.ok, all.error, all.panicked, all.cancelled) = (ok, error, panicked, cancelled);
            (all.expected_errors, all.expected_cancelled) = (expected_errors, expected_cancelled);
            all
        });
        [point.sum, point.mean, point.p50, point.p90, point.p95, point.p99, point.max, point.busy_share] = self.figures;
        point
    }
}

/// All series of a range: those of metrics with their points, those of calls without.
pub(crate) struct Gathered {
    pub(crate) tracks: Tracks,
    pub(crate) metrics_left_out: usize,
    /// The points of each series of calls, in their order.
    pub(crate) packed: Vec<Packed>,
}

impl Gathered {
    /// Those series of calls that there is room for, which were called most; and as many of metrics as there is room for beside them.
    pub(crate) fn of(monitor: &Monitor, range: TimeRange) -> Self {
        let names = Names::of(monitor, range);
        let attempt = |attempt| Self::read(monitor, range, &names, attempt);
        // One that reads all at once never fails.
        (0..=ATTEMPTS).find_map(attempt).unwrap_or_else(|| Self {
            tracks: monitor.tracks(&Selector::metrics().limit(0), range),
            metrics_left_out: 0,
            packed: Vec::new(),
        })
    }

    /// `None` where the steps have changed since the first group: memory grows coarser as it grows older.
    fn read(monitor: &Monitor, range: TimeRange, names: &Names, attempt: usize) -> Option<Self> {
        let fits = names.fits(0);
        let selector_of = |ids: &[SeriesId]| ids.iter().map(Selector::series).reduce(Selector::or);
        let (at_once, in_groups) = names.ids.split_at(if attempt == ATTEMPTS { names.ids.len() } else { 0 });
        let first = selector_of(at_once).into_iter().fold(Selector::metrics(), Selector::or);
        let mut all = monitor.tracks(&first.limit(fits.max(at_once.len())), range);
        let mut kept = Kept { series: Vec::new(), fits, left_out: names.not_read };
        kept.add(std::mem::take(&mut all.series))?;
        for selector in in_groups.chunks(names.group(range).max(1)).filter_map(selector_of) {
            let tracks = monitor.tracks(&selector, range);
            if tracks.start != all.start || tracks.step.to_bits() != all.step.to_bits() {
                return None;
            }
            kept.add(tracks.series)?;
        }
        let Kept { mut series, left_out, .. } = kept;
        series.sort_by(|(one, _), (other, _)| one.id.cmp(&other.id));
        let metrics_fit = names.fits(series.len());
        let metrics_left_out = all.left_out + all.metrics.len().saturating_sub(metrics_fit);
        all.metrics.truncate(metrics_fit);
        all.left_out = left_out;
        let packed;
        (all.series, packed) = series.into_iter().unzip();
        Some(Self { tracks: all, metrics_left_out, packed })
    }
}

/// The series that were called most, packed.
struct Kept {
    series: Vec<(SeriesTrack, Packed)>,
    fits: usize,
    left_out: usize,
}

impl Kept {
    fn add(&mut self, more: Vec<SeriesTrack>) -> Option<()> {
        for mut track in more {
            let packed = Packed::of(&track.points)?;
            track.points = Vec::new();
            self.series.push((track, packed));
        }
        if self.series.len() > self.fits {
            self.series.sort_by_key(|(track, _)| Reverse(track.whole.count));
            self.left_out += self.series.len() - self.fits;
            self.series.truncate(self.fits);
        }
        Some(())
    }
}

/// The series of calls that may be in a range.
struct Names {
    ids: Vec<SeriesId>,
    /// The number of those that are not looked at.
    not_read: usize,
    steps: usize,
}

impl Names {
    fn of(monitor: &Monitor, range: TimeRange) -> Self {
        let step = range.step().unwrap_or(HOUR).as_secs().max(1);
        let steps = range.duration().as_secs().div_ceil(step).saturating_add(1);
        let mut names = Self { ids: Vec::new(), not_read: 0, steps: usize::try_from(steps).unwrap_or(usize::MAX) };
        // Of those that were called most, twice as many as there is room for are looked at: of fewer, all, however often they were called.
        let most = names.fits(0).saturating_mul(2);
        names.ids = monitor.series_in(&Selector::calls(), range);
        if names.ids.len() <= most {
            return names;
        }
        // One step of whole hours tells which there may be, and about how often they were called: it begins before the range, and is read
        // from the longest steps that are kept.
        let hours = range.duration().as_secs().div_ceil(HOUR.as_secs()).max(1);
        let whole = range.with_step(Duration::from_secs(hours.saturating_mul(HOUR.as_secs())));
        let found = monitor.tracks(&Selector::calls(), whole).series;
        let mut found: Vec<_> = found.into_iter().map(|track| (Reverse(track.whole.count), track.id)).collect();
        found.sort();
        names.not_read = found.len().saturating_sub(most);
        found.truncate(most);
        names.ids = found.into_iter().map(|(_, id)| id).collect();
        names
    }

    /// The number of series that there is room for beside so many.
    fn fits(&self, taken: usize) -> usize {
        (MOST_POINTS / self.steps.max(1)).saturating_sub(taken).clamp(FEWEST_SERIES, MOST_SERIES)
    }

    /// The number of series that are read at once.
    fn group(&self, range: TimeRange) -> usize {
        let points = if range.duration() <= HOUR { GROUP_IN_MEMORY } else { GROUP };
        points / self.steps.max(1)
    }
}
