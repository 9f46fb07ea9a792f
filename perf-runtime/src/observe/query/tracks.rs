//! How it came to be what it is: the slices of the rings, joined into cells of equal length.
//!
//! A window of a minute is told by the second, one of five minutes by five seconds, the longer ones by the minute: what the
//! rings hold (see [`history`](crate::observe::history::slices)). A cell in which nothing happened has no point. The last cell is still
//! filling; it is told up to the last tick.

use super::statistics::{Durations, busy_share, seconds};
use super::summary::{Merged, SeriesSummary};
use crate::measure::cells::histogram::Layout;
use crate::measure::clock::{self, Moment};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::{Outcome, OutcomeCounts};
use crate::observe::history::counts::{Hit, Sums, WindowCounts};
use crate::observe::history::packed::Hits;
use crate::observe::history::window::Window;
use crate::observe::series::entry::{Look, Series};
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::observe::series::registry::Registry;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// Where the cells of a window lie in time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CellGrid {
    /// The window.
    pub window: Window,
    /// The length of a cell in seconds: 1, 5 or 60.
    pub step: f64,
    /// How many cells the window has.
    pub cells: u64,
    /// The cell of the last tick.
    pub newest: u64,
    /// How long that cell had lasted by then, in seconds: it is still filling.
    pub filled: f64,
    /// The time of the last tick, in seconds since the monitor was made.
    pub ticked: f64,
}

/// What happened over a window, cell by cell.
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

/// What ended in one cell. Durations in seconds, of calls of every outcome; `None` where no call ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TrackPoint {
    /// The number of the cell: one more each [`step`](CellGrid::step), for as long as the process lives.
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
    /// The share of their durations that calls were polled, 0 to 1.
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

impl CellGrid {
    /// The cells of a window, for a monitor that was made at `started` and ticked last at `ticked`.
    pub(crate) fn at(window: Window, started: Moment, ticked: Moment) -> Self {
        Grid::new(window, started, ticked, None).view()
    }

    /// The cell of an earlier tick, `at` after the monitor was made, or one before it.
    pub(crate) fn cell_at(&self, at: Duration) -> u64 {
        let cells = ((self.ticked - at.as_secs_f64()).max(0.0) / self.step).ceil();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "not negative, and a few")]
        self.newest.saturating_sub(cells as u64)
    }
}

/// Cells, and which of them are wanted.
#[derive(Clone, Copy, Debug)]
struct Grid {
    window: Window,
    step: u64,
    /// What is added before a moment is divided by the step.
    shift: u64,
    /// From where on moments are counted.
    origin: Moment,
    oldest: u64,
    newest: u64,
    started: Moment,
    ticked: Moment,
    /// Only cells in which anything happened after this.
    after: Moment,
}

impl Grid {
    fn new(window: Window, started: Moment, ticked: Moment, after: Option<Duration>) -> Self {
        let step = clock::nanos(match window {
            Window::LastMinute => Duration::from_secs(1),
            Window::Last5Minutes => Duration::from_secs(5),
            Window::Last15Minutes | Window::LastHour => Duration::from_secs(60),
        });
        // A tick's slices are one cell. Ticks come near whole seconds after the start, so cells change in between. Longer
        // cells are those that slices are joined in.
        let by_tick = window == Window::LastMinute;
        let (origin, shift) = if by_tick { (started, step / 2) } else { (Moment::default(), 0) };
        let after = after.map_or(Moment::default(), |after| started.after(after));
        let mut grid = Self { window, step, shift, origin, oldest: 0, newest: 0, started, ticked, after };
        grid.newest = grid.cell_of(ticked);
        grid.oldest = (grid.newest + 1).saturating_sub(grid.cells());
        grid
    }

    fn cells(&self) -> u64 {
        clock::nanos(self.window.duration()) / self.step
    }

    fn cell_of(&self, moment: Moment) -> u64 {
        (moment.nanos_since(self.origin) + self.shift) / self.step
    }

    /// Before the first moment of the first cell that is wanted.
    fn begin(&self) -> Moment {
        let cell = self.oldest.max(self.cell_of(self.after));
        let nanos = (cell * self.step).saturating_sub(self.shift).saturating_sub(1);
        self.origin.after(Duration::from_nanos(nanos))
    }

    fn view(&self) -> CellGrid {
        CellGrid {
            window: self.window,
            step: seconds(self.step),
            cells: self.cells(),
            newest: self.newest,
            filled: seconds(if self.shift > 0 { self.step } else { self.ticked.nanos_since(self.origin) % self.step }),
            ticked: self.ticked.since(self.started).as_secs_f64(),
        }
    }
}

/// What happened in one cell.
#[derive(Debug, Default)]
struct Cell {
    end: Moment,
    sums: Sums,
    /// In no order, and a place may be there several times.
    hits: Vec<Hit>,
}

/// The cells of one series, or of several together.
#[derive(Debug)]
struct Cells {
    layout: &'static Layout,
    cells: BTreeMap<u64, Cell>,
}

impl Cells {
    fn new(layout: &'static Layout) -> Self {
        Self { layout, cells: BTreeMap::new() }
    }

    fn of(series: &Series, grid: &Grid) -> Self {
        let mut this = Self::new(series.layout);
        series.for_each_slice(grid.begin(), |end, sums, hits: Hits<'_>| {
            let number = grid.cell_of(end);
            if number < grid.oldest {
                return;
            }
            let cell = this.cells.entry(number).or_default();
            cell.end = end;
            cell.sums.add(sums);
            cell.hits.extend(hits);
        });
        this.cells.retain(|_, cell| cell.end > grid.after);
        this
    }

    /// Adds the cells of another series. Where its buckets are not the same, each goes where its largest duration lies.
    fn add(&mut self, other: &Self) {
        let (ours, same) = (self.layout, std::ptr::eq(self.layout, other.layout));
        for (&number, more) in &other.cells {
            let cell = self.cells.entry(number).or_default();
            cell.sums.add(more.sums);
            cell.hits.extend(more.hits.iter().map(|&hit| {
                let moved = || hit.place.in_bucket(ours.index(other.layout.range(hit.place.bucket()).1));
                Hit { place: if same { hit.place } else { moved() }, ..hit }
            }));
        }
    }

    fn into_points(self, with_buckets: bool) -> Vec<TrackPoint> {
        let layout = self.layout;
        self.cells.into_iter().map(|(number, cell)| cell.into_point(number, layout, with_buckets)).collect()
    }
}

impl Cell {
    fn into_point(self, number: u64, layout: &Layout, with_buckets: bool) -> TrackPoint {
        let Self { sums, mut hits, .. } = self;
        hits.sort_unstable_by_key(|hit| hit.place);
        hits.dedup_by(|later, earlier| {
            let same = later.place == earlier.place;
            earlier.count += if same { later.count } else { 0 };
            same
        });
        let counts = WindowCounts { covered: Duration::ZERO, sums, hits };
        let durations = Durations::new(layout, &counts);
        let [p50, _, p95, p99] = durations.quantiles();
        let bucket = |hit: &Hit| {
            let (lower, upper) = layout.range(hit.place.bucket());
            let outcome = Outcome::ALL.get(hit.place.outcome()).copied().unwrap_or(Outcome::Ok);
            TrackBucket { outcome, lower: seconds(lower), upper: seconds(upper), count: hit.count }
        };
        TrackPoint {
            cell: number,
            outcomes: OutcomeCounts::from_array(counts.finished()),
            mean: durations.mean(),
            p50,
            p95,
            p99,
            max: durations.max(),
            busy_share: busy_share(&counts),
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
        let points = self.cells.into_points(with_buckets);
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
        CellGrid::at(window, started, self.last_tick())
    }

    /// Everything over a window; of the points, those of cells in which anything happened `after` so long a time since
    /// `started`.
    pub(crate) fn panorama(&self, window: Window, started: Moment, after: Option<Duration>) -> Panorama {
        let now = clock::now();
        self.catch_up(now);
        let grid = Grid::new(window, started, self.last_tick(), after);
        let (all, mut look) = (self.all(), Look::live(now));
        let (mut kinds, mut parts) = (Vec::new(), Vec::new());
        for of_kind in all.chunk_by(|one, other| one.identity.kind == other.identity.kind) {
            let Some(kind) = of_kind.first().map(|first| first.identity.kind) else { continue };
            let mut whole = Group::new(Layout::of(kind));
            for group in of_kind.chunk_by(is_same_group) {
                let told = group.first().map_or(0, told_by);
                parts.push(track(group, told, &grid, &mut look, Some(&mut whole), false));
            }
            kinds.push(whole.into_track(kind, Labels::default(), false));
        }
        Panorama { grid: grid.view(), kinds, series: parts.into_iter().flatten().collect() }
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
        let grid = Grid::new(window, started, self.last_tick(), after);
        let all = self.all();
        let starts_so = |series: &Series| {
            let own = series.identity.labels.iter().map(AsRef::as_ref);
            series.identity.labels.len() >= labels.len() && own.take(labels.len()).eq(labels.iter().copied())
        };
        let fits = |series: &&Arc<Series>| series.identity.kind == kind && starts_so(series);
        let found: Vec<Arc<Series>> = all.iter().filter(fits).cloned().collect();
        let track = track(&found, labels.len(), &grid, &mut Look::live(now), None, true)?;
        Some((grid.view(), track))
    }
}

/// Takes series together that have the first `told` labels in common, and adds them to what is more than they.
fn track(
    group: &[Arc<Series>],
    told: usize,
    grid: &Grid,
    look: &mut Look,
    mut whole: Option<&mut Group>,
    with_buckets: bool,
) -> Option<Track> {
    let first = group.first()?;
    let mut together = Group::new(first.layout);
    let (mut alone, mut parts) = (None, Vec::new());
    for one in group {
        let (observation, cells) = (one.observe(grid.window, look), Cells::of(one, grid));
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
        return Some(Track { summary, points: cells.into_points(with_buckets), parts });
    }
    let track = together.into_track(first.identity.kind, labels, with_buckets);
    Some(Track { parts, ..track })
}

#[cfg(test)]
mod tests;
