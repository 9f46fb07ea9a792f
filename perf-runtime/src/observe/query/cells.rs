//! The counts of one series, or of several together, in each cell of a grid.

use super::grid::Grid;
use super::past::PastBucket;
use super::statistics::{Durations, busy_share};
use crate::measure::cells::histogram::Layout;
use crate::measure::clock::Moment;
use crate::observe::history::counts::{Hit, Place, Sums, Together, WindowCounts};
use crate::observe::history::packed::Hits;
use crate::observe::series::entry::Series;
use std::collections::BTreeMap;
use std::time::Duration;

/// The cells in which anything happened, by number.
#[derive(Debug)]
pub(crate) struct Cells {
    layout: &'static Layout,
    by_number: BTreeMap<u64, Cell>,
    /// Whether calls of any are streams.
    has_streams: bool,
}

#[derive(Debug, Default)]
struct Cell {
    end: Moment,
    sums: Sums,
    /// In no order, and a place may be there several times.
    hits: Vec<Hit>,
}

impl Cells {
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self { layout, by_number: BTreeMap::new(), has_streams: false }
    }

    /// The cells of a series in memory, up to the last tick.
    pub(crate) fn of(series: &Series, grid: &Grid) -> Self {
        let mut this = Self::new(series.layout);
        this.add_series(series, grid);
        this
    }

    /// Adds what memory holds of a series with the same buckets.
    pub(crate) fn add_series(&mut self, series: &Series, grid: &Grid) {
        self.has_streams |= series.has_streams();
        series.for_each_slice(grid.from, |end, sums, hits: Hits<'_>| {
            if !grid.has(end) {
                return;
            }
            let cell = self.by_number.entry(grid.cell_of(end)).or_default();
            cell.end = cell.end.max(end);
            cell.sums.add(sums);
            cell.hits.extend(hits);
        });
        if let Some(after) = grid.after {
            self.by_number.retain(|_, cell| cell.end > after);
        }
    }

    /// Adds counts of the past to a cell.
    pub(crate) fn add_counts(&mut self, number: u64, sums: Sums, buckets: &[PastBucket]) {
        let layout = self.layout;
        let cell = self.by_number.entry(number).or_default();
        cell.sums.add(sums);
        cell.hits.extend(buckets.iter().map(|bucket| {
            let place = Place::new(bucket.outcome.index(), layout.index(bucket.longest_nanos));
            Hit { place, count: bucket.count }
        }));
    }

    /// The same in other buckets. Where they are not the same, each goes where its largest duration lies.
    pub(crate) fn into_layout(self, layout: &'static Layout) -> Self {
        if std::ptr::eq(self.layout, layout) {
            return self;
        }
        let mut moved = Self::new(layout);
        moved.add(&self);
        moved
    }

    /// Adds the cells of another series. Where its buckets are not the same, each goes where its largest duration lies.
    pub(crate) fn add(&mut self, other: &Self) {
        self.has_streams |= other.has_streams;
        let (ours, same) = (self.layout, std::ptr::eq(self.layout, other.layout));
        for (&number, more) in &other.by_number {
            let cell = self.by_number.entry(number).or_default();
            cell.sums.add(more.sums);
            cell.hits.extend(more.hits.iter().map(|&hit| {
                let moved = || hit.place.in_bucket(ours.index(other.layout.range(hit.place.bucket()).1));
                Hit { place: if same { hit.place } else { moved() }, ..hit }
            }));
        }
    }

    /// The counts of all cells together; `None` where nothing happened.
    pub(crate) fn whole(&self) -> Option<CellCounts> {
        let (layout, has_streams) = (self.layout, self.has_streams);
        let mut whole = Together::new(layout);
        self.by_number.values().for_each(|cell| whole.add_hits(cell.sums, &cell.hits, layout));
        (!self.by_number.is_empty()).then(|| CellCounts::new(layout, whole.into_counts(), has_streams))
    }

    /// Each cell with its counts, the oldest first.
    pub(crate) fn into_counts(self) -> impl Iterator<Item = (u64, CellCounts)> {
        let Self { layout, by_number, has_streams } = self;
        by_number.into_iter().map(move |(number, cell)| (number, cell.into_counts(layout, has_streams)))
    }
}

impl Cell {
    fn into_counts(self, layout: &'static Layout, has_streams: bool) -> CellCounts {
        let Self { sums, mut hits, .. } = self;
        // Those of one slice ascend.
        if !hits.is_sorted_by(|one, other| one.place < other.place) {
            hits.sort_unstable_by_key(|hit| hit.place);
            hits.dedup_by(|later, earlier| {
                let same = later.place == earlier.place;
                earlier.count += if same { later.count } else { 0 };
                same
            });
        }
        let counts = WindowCounts { covered: Duration::ZERO, sums, hits };
        CellCounts::new(layout, counts, has_streams)
    }
}

/// The counts of a cell, and its durations.
pub(crate) struct CellCounts {
    pub(crate) counts: WindowCounts,
    pub(crate) durations: Durations,
    pub(crate) layout: &'static Layout,
    /// Whether calls of any that count here are streams.
    has_streams: bool,
}

impl CellCounts {
    fn new(layout: &'static Layout, counts: WindowCounts, has_streams: bool) -> Self {
        Self { durations: Durations::new(layout, &counts), counts, layout, has_streams }
    }

    /// The share of the durations in which calls did not wait between polls. `None` where none ended, or some are streams: for how long a
    /// consumer has an item, nobody looks.
    pub(crate) fn busy_share(&self) -> Option<f64> {
        busy_share(&self.counts).filter(|_| !self.has_streams)
    }
}
