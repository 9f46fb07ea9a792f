//! The views that a live dashboard draws: all series, or one with its histograms, over one of the windows and cell by cell.
//!
//! A window of a minute is told by the second, one of five minutes by five seconds, the longer ones by the minute: what the
//! rings hold (see [`history`](crate::observe::history::slices)). A cell in which nothing happened has no point. The last
//! cell is still filling; it is told up to the last tick. Any other range is for [`tracks`](super::tracks).

use super::cells::{CellCounts, Cells};
use super::grid::{CellGrid, Grid};
use super::statistics::seconds;
use super::summary::{Merged, SeriesSummary};
use crate::measure::cells::histogram::Layout;
use crate::measure::clock::{self, Moment};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::{Outcome, OutcomeCounts};
use crate::observe::history::counts::Hit;
use crate::observe::history::window::Window;
use crate::observe::series::entry::Series;
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::observe::series::observation::Look;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// All series over a window, cell by cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Panorama {
    /// Where the cells lie.
    pub grid: CellGrid,
    /// Each kind that has series, as a whole: without labels.
    pub kinds: Vec<Track>,
    /// Each series; but HTTP requests of one method and route are one, whatever their status.
    pub series: Vec<Track>,
}

/// One series, or several together, over a window and cell by cell.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Track {
    /// The whole window, up to now.
    pub summary: SeriesSummary,
    /// The cells in which any call ended, the oldest first, up to the last tick.
    pub points: Vec<TrackPoint>,
    /// Each of several series that are taken together, where it was asked for ([`Monitor::track`](crate::Monitor::track)).
    pub parts: Vec<SeriesSummary>,
}

/// Calls that ended in one cell. Durations in seconds, of calls of every outcome; `None` where no call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackPoint {
    /// The number of the cell ([`CellGrid`]).
    pub cell: u64,
    /// Calls that ended, by outcome.
    pub outcomes: OutcomeCounts,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// Half of the calls took no longer.
    pub p50: Option<f64>,
    /// 95 % of the calls took no longer.
    pub p95: Option<f64>,
    /// 99 % of the calls took no longer.
    pub p99: Option<f64>,
    /// The longest.
    pub max: Option<f64>,
    /// The share of their durations that calls were polled, 0 to 1. `None` where some are streams: for how long a consumer has an item, nobody
    /// looks.
    pub busy_share: Option<f64>,
    /// The histogram, where it was asked for ([`Monitor::track`](crate::Monitor::track)).
    pub buckets: Vec<TrackBucket>,
}

/// One bucket of a cell's histogram, at most 6.25 % wide.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackBucket {
    /// How the calls ended.
    pub outcome: Outcome,
    /// The shortest duration that falls into it, in seconds.
    pub lower: f64,
    /// The longest.
    pub upper: f64,
    /// How many calls.
    pub count: u64,
}

/// The points of cells, the oldest first.
fn points(cells: Cells, with_buckets: bool) -> Vec<TrackPoint> {
    cells.into_counts().map(|(number, counts)| TrackPoint::new(number, &counts, with_buckets)).collect()
}

impl TrackPoint {
    fn new(cell: u64, counted: &CellCounts, with_buckets: bool) -> Self {
        let CellCounts { counts, durations, layout, .. } = counted;
        let [p50, _, p95, p99] = durations.quantiles();
        let bucket = |hit: &Hit| {
            let (lower, upper) = layout.range(hit.place.bucket());
            let outcome = Outcome::ALL.get(hit.place.outcome()).copied().unwrap_or(Outcome::Ok);
            TrackBucket { outcome, lower: seconds(lower), upper: seconds(upper), count: hit.count }
        };
        Self {
            cell,
            outcomes: counts.outcomes(),
            mean: durations.mean(),
            p50,
            p95,
            p99,
            max: durations.max(),
            busy_share: counted.busy_share(),
            buckets: if with_buckets { counts.hits.iter().map(bucket).collect() } else { Vec::new() },
        }
    }
}

/// Series of one kind taken together, as they are added.
struct Group {
    merged: Merged,
    cells: Cells,
}

impl Group {
    fn new(layout: &'static Layout) -> Self {
        Self { merged: Merged::new(layout), cells: Cells::new(layout) }
    }

    fn into_track(self, kind: Kind, labels: Labels, with_buckets: bool) -> Track {
        let points = points(self.cells, with_buckets);
        Track { summary: self.merged.into_summary(kind, labels), points, parts: Vec::new() }
    }
}

/// How many of a series' labels tell it apart here: those that say what it is, and not how a call ended.
fn told_by(series: &Arc<Series>) -> usize {
    let Identity { kind, labels, .. } = &series.identity;
    if kind.has_late_labels() { kind.early_labels().len().min(labels.len()) } else { labels.len() }
}

/// Whether two series that follow each other are shown as one: they differ only in labels that say how a call ended.
fn is_same_group(one: &Arc<Series>, other: &Arc<Series>) -> bool {
    let (ours, theirs) = (&one.identity, &other.identity);
    let is_told_late = ours.kind == theirs.kind && ours.kind.has_late_labels();
    is_told_late && ours.labels.get(..told_by(one)) == theirs.labels.get(..told_by(other))
}

impl Registry {
    /// The cells of a window.
    pub(crate) fn grid(&self, window: Window, started: Moment) -> CellGrid {
        self.catch_up(clock::now());
        let ticked = self.last_tick();
        Grid::of_window(window, ticked).view(window, started, ticked)
    }

    /// Those of its cells in which anything happened `after` so long a time since `started`, and how they are shown.
    fn grid_after(&self, window: Window, started: Moment, after: Option<Duration>) -> (Grid, CellGrid) {
        let ticked = self.last_tick();
        let grid = Grid::of_window(window, ticked);
        let wanted = after.map_or(grid, |after| grid.after(started.after(after)));
        (wanted, grid.view(window, started, ticked))
    }

    /// Everything over a window; of the points, those of cells in which anything happened `after` so long a time since
    /// `started`.
    pub(crate) fn panorama(&self, window: Window, started: Moment, after: Option<Duration>) -> Panorama {
        let now = clock::now();
        self.catch_up(now);
        let (grid, view) = self.grid_after(window, started, after);
        let (all, mut look) = (self.all(), Look::live(now).without(self.pauses()));
        let (mut kinds, mut parts) = (Vec::new(), Vec::new());
        for of_kind in all.chunk_by(|one, other| one.identity.kind == other.identity.kind) {
            let Some(kind) = of_kind.first().map(|first| first.identity.kind) else { continue };
            let mut whole = Group::new(Layout::of(kind));
            for group in of_kind.chunk_by(is_same_group) {
                let told = group.first().map_or(0, told_by);
                parts.push(track(group, told, (window, &grid), &mut look, Some(&mut whole), false));
            }
            kinds.push(whole.into_track(kind, Labels::default(), false));
        }
        Panorama { grid: view, kinds, series: parts.into_iter().flatten().collect() }
    }

    /// The series of a kind whose first labels have these values, together, with histograms. `None` where there is none.
    pub(crate) fn track(
        &self,
        kind: Kind,
        labels: &[&str],
        window: Window,
        started: Moment,
        after: Option<Duration>,
    ) -> Option<(CellGrid, Track)> {
        let now = clock::now();
        self.catch_up(now);
        let (grid, view) = self.grid_after(window, started, after);
        let all = self.all();
        let found: Vec<Arc<Series>> =
            all.iter().filter(|series| series.identity.begins(kind, labels)).cloned().collect();
        let track =
            track(&found, labels.len(), (window, &grid), &mut Look::live(now).without(self.pauses()), None, true)?;
        Some((view, track))
    }
}

/// Takes series together that have the first `told` labels in common, and adds them to what is more than they.
fn track(
    group: &[Arc<Series>],
    told: usize,
    (window, grid): (Window, &Grid),
    look: &mut Look,
    mut whole: Option<&mut Group>,
    with_buckets: bool,
) -> Option<Track> {
    let first = group.first()?;
    let mut together = Group::new(first.layout);
    let (mut alone, mut parts) = (None, Vec::new());
    for one in group {
        let (observation, cells) = (one.observe(window, look), Cells::of(one, grid));
        if let Some(whole) = whole.as_deref_mut() {
            whole.merged.add(&observation);
            whole.cells.add(&cells);
        }
        if group.len() == 1 {
            alone = Some((SeriesSummary::of(one, &observation), cells));
        } else {
            together.merged.add(&observation);
            together.cells.add(&cells);
            if with_buckets {
                parts.push(SeriesSummary::of(one, &observation));
            }
        }
    }
    let labels = first.labels();
    let labels = if told < labels.len() { labels.iter().take(told).cloned().collect() } else { labels };
    if let Some((summary, cells)) = alone {
        let summary = SeriesSummary { labels, ..summary };
        return Some(Track { summary, points: points(cells, with_buckets), parts });
    }
    let track = together.into_track(first.identity.kind, labels, with_buckets);
    Some(Track { parts, ..track })
}

#[cfg(test)]
mod tests;
