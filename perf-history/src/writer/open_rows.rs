//! The rows of cells that are not over: filled from the cursor, and handed on when their cell is over.

use crate::names::{FxHashMap, Name, Names};
use crate::rows::{At, CallRow, Hit, OUTCOMES, PointRow, Row};
use crate::store::{Batch, FINEST, late, nanos_of};
use perf_runtime::Outcome;
use perf_runtime::collect::{DeltaSeries, DeltaSink, DeltaSlice, Family, FamilyType, Sample, Value};
use std::sync::Arc;

/// The rows of cells that are not over, and what is needed to add to them.
#[derive(Default)]
pub(super) struct Rows {
    calls: FxHashMap<(u64, u32), CallRow>,
    points: FxHashMap<(u64, u32), PointRow>,
    /// Sums and counts of counters and histograms when they were last read.
    totals: FxHashMap<u32, (f64, f64)>,
    /// The numbers that series have in this process.
    names: Names,
    /// The numbers of the series of metrics, in the order in which they were last read: mostly it is the same.
    order: Vec<u32>,
}

/// Adds one read of the cursor to rows.
pub(super) struct Adding<'a> {
    pub(super) rows: &'a mut Rows,
    /// When the read ended, which is known only after it: the readings are placed then.
    pub(super) readings: Vec<(u32, f64, f64)>,
    /// How many series of metrics came.
    read: usize,
}

impl<'a> Adding<'a> {
    pub(super) fn new(rows: &'a mut Rows) -> Self {
        Self { rows, readings: Vec::new(), read: 0 }
    }
}

/// The cell of a slice that ended then, and how long before the end of its cell that was. The boot is that of the commit.
fn place(end: u64) -> At {
    let cell = end.saturating_sub(late()) / FINEST.step;
    At { cell, boot: 0, short: ((cell + 1) * FINEST.step).saturating_sub(end) }
}

impl Rows {
    /// Moves the rows of cells before this one into a batch. Rows of cells that are `over` ended with their cell: the process
    /// lived on.
    pub(super) fn take_before(&mut self, cell: u64, over: u64, batch: &mut Batch) {
        batch.calls = take(&mut self.calls, cell, over, &self.names);
        batch.points = take(&mut self.points, cell, over, &self.names);
    }

    /// Whether readings of two times are of one step.
    pub(super) fn is_one_step(one: u64, other: u64) -> bool {
        place(one).cell == place(other).cell
    }

    /// The number of a series: a new one where it is new.
    pub(super) fn number_of(&mut self, name: &Arc<Name>) -> u32 {
        self.names.number_of(name).0
    }

    /// Adds readings of metrics that were made at a time, in nanoseconds since 1970.
    pub(super) fn place(&mut self, readings: &[(u32, f64, f64)], end: u64) {
        let at = place(end);
        for &(series, sum, count) in readings {
            join(&mut self.points, series, PointRow { at, sum, count });
        }
    }
}

fn join<R: Row>(rows: &mut FxHashMap<(u64, u32), R>, series: u32, row: R) {
    let key = (row.at().cell, series);
    match rows.get_mut(&key) {
        Some(known) => {
            let short = known.at().short.min(row.at().short);
            known.join(&row);
            known.at_mut().short = short;
        }
        None => {
            rows.insert(key, row);
        }
    }
}

fn take<R: Row>(rows: &mut FxHashMap<(u64, u32), R>, cell: u64, over: u64, names: &Names) -> Vec<(Arc<Name>, R)> {
    let taken = rows.extract_if(|(of, _), _| *of < cell).filter_map(|((of, series), mut row)| {
        if of < over {
            row.at_mut().short = 0;
        }
        Some((names.get(series)?, row))
    });
    taken.collect()
}

impl DeltaSink for Adding<'_> {
    fn slice(&mut self, series: &DeltaSeries<'_>, slice: &DeltaSlice<'_>) {
        let number = self.rows.names.of_calls(*series);
        let mut nanos = [0; OUTCOMES];
        for (sum, outcome) in nanos.iter_mut().zip(Outcome::ALL) {
            *sum = slice.nanos(outcome);
        }
        let hits = slice.buckets().map(|bucket| {
            let outcome = Outcome::ALL.iter().zip(0_u8..).find(|(outcome, _)| **outcome == bucket.outcome);
            let (_, longest) = series.range(bucket.index);
            Hit { bucket: (outcome.map_or(0, |(_, number)| number), longest), count: bucket.count }
        });
        let outcomes = slice.outcomes();
        let row = CallRow {
            at: place(nanos_of(slice.end)),
            nanos,
            idle_nanos: slice.idle_nanos,
            slow_polls: slice.slow_polls,
            expected: [outcomes.expected_errors, outcomes.expected_cancelled],
            hits: hits.collect(),
        };
        join(&mut self.rows.calls, number, row);
    }

    fn reading(&mut self, family: &Family<'_>, sample: &Sample<'_>) {
        let Rows { names, order, .. } = &mut *self.rows;
        let Some(number) = names.of_metric(family, sample, order.get(self.read).copied()) else { return };
        match order.get_mut(self.read) {
            Some(place) => *place = number,
            None => order.push(number),
        }
        self.read += 1;
        let total = match sample.value {
            Value::Number(value) if family.kind == FamilyType::Gauge => {
                return self.readings.push((number, value.as_f64(), 1.0));
            }
            Value::Number(value) => (value.as_f64(), 0.0),
            Value::Histogram(histogram) => (histogram.sum().as_f64(), histogram.count() as f64),
            _ => return,
        };
        // The program's own counters begin at zero; those read elsewhere may have begun long ago.
        let fresh = if sample.from_zero { (0.0, 0.0) } else { total };
        let before = self.rows.totals.insert(number, total).unwrap_or(fresh);
        let is_histogram = family.kind == FamilyType::Histogram;
        // A counter that steps back begins anew.
        let (sum, count) =
            if is_histogram { (total.0 - before.0, total.1 - before.1) } else { ((total.0 - before.0).max(0.0), 1.0) };
        if sum != 0.0 || (is_histogram && count > 0.0) {
            self.readings.push((number, sum, count));
        }
    }
}
