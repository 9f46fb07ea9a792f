//! Readings from the past, step by step.

use super::cells::Cells;
use super::past::{PastMetric, PastPoint, PastSink, PastSlice};
use super::span::Span;
use crate::measure::cells::histogram::Layout;
use crate::measure::model::outcome::Expected;
use crate::observe::history::counts::Sums;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use std::collections::BTreeMap;

/// The series of a metric.
pub(super) type MetricKey = (String, Labels, MetricKind);

#[derive(Debug, Default)]
pub(super) struct Stored {
    pub(super) series: BTreeMap<SeriesId, Cells>,
    pub(super) metrics: BTreeMap<MetricKey, MetricCells>,
}

/// Readings of a series of a metric, step by step.
#[derive(Debug, Default)]
pub(super) struct MetricCells {
    pub(super) unit: Option<String>,
    /// Since when it is known, in nanoseconds since 1970: from then on a counter that has no point stood still.
    pub(super) known_since: Option<u64>,
    /// Sums and counts.
    cells: BTreeMap<u64, (f64, f64)>,
}

impl MetricCells {
    pub(super) fn add(&mut self, cell: u64, sum: f64, count: f64) {
        let known = self.cells.entry(cell).or_default();
        known.0 += sum;
        known.1 += count;
    }

    pub(super) fn know_since(&mut self, unix_nanos: u64) {
        self.known_since = Some(self.known_since.map_or(unix_nanos, |known| known.min(unix_nanos)));
    }

    /// The sum and the count of a step; `None` where nothing was read.
    pub(super) fn of(&self, cell: u64) -> Option<(f64, f64)> {
        self.cells.get(&cell).copied()
    }
}

impl Stored {
    pub(super) fn sink<'a>(&'a mut self, span: &'a Span) -> Sink<'a> {
        Sink { stored: self, span, last: None }
    }
}

pub(super) struct Sink<'a> {
    stored: &'a mut Stored,
    span: &'a Span,
    /// The series of the slice before, taken out of the others: the next one is mostly of the same.
    last: Option<(SeriesId, Cells)>,
}

impl Sink<'_> {
    /// The cells of a series.
    fn cells_of(&mut self, series: &SeriesId) -> &mut Cells {
        let (id, cells) = match self.last.take() {
            Some(last) if last.0 == *series => last,
            other => {
                self.stored.series.extend(other);
                let known = self.stored.series.remove_entry(series);
                known.unwrap_or_else(|| (series.clone(), Cells::new(Layout::of(series.kind))))
            }
        };
        &mut self.last.insert((id, cells)).1
    }
}

impl Drop for Sink<'_> {
    fn drop(&mut self) {
        self.stored.series.extend(self.last.take());
    }
}

impl PastSink for Sink<'_> {
    fn slice(&mut self, series: &SeriesId, slice: &PastSlice<'_>) {
        let Some(cell) = self.span.of_past(slice.end) else { return };
        let PastSlice { nanos, idle_nanos, slow_polls, expected_errors, expected_cancelled, .. } = *slice;
        let expected = Expected { errors: expected_errors, cancelled: expected_cancelled };
        let sums = Sums { nanos, idle_nanos, slow_polls, expected, ..Sums::default() };
        self.cells_of(series).add_counts(cell, sums, slice.buckets);
    }

    fn point(&mut self, metric: &PastMetric<'_>, point: &PastPoint) {
        let Some(cell) = self.span.of_past(point.end) else { return };
        let key = (metric.name.to_owned(), metric.labels.clone(), metric.kind);
        let cells = self.stored.metrics.entry(key).or_default();
        cells.unit = metric.unit.map(ToOwned::to_owned);
        cells.know_since(cell * self.span.grid.step);
        cells.add(cell, point.sum, point.count);
    }
}
