//! The rows of cells that are not over: filled from the cursor, and handed on when their cell is over.

use crate::names::{FxHashMap, Name, Names};
use crate::rows::{At, CallRow, Hit, OUTCOMES, PointRow, Row, insert};
use crate::store::{Batch, FINEST, late, nanos_of};
use perf_runtime::Outcome;
use perf_runtime::collect::{DeltaSeries, DeltaSink, DeltaSlice, Family, FamilyType, Sample, Value};
use std::ops::Range;
use std::sync::Arc;

/// The rows of cells that are not over, and what is needed to add to them.
#[derive(Default)]
pub(super) struct Rows {
    calls: Pending<CallRow>,
    points: Pending<PointRow>,
    /// Sums and counts of counters and histograms when they were last read.
    totals: FxHashMap<u32, (f64, f64)>,
    /// The numbers that series have in this process.
    names: Names,
    /// The numbers of the series of metrics, in the order in which they were last read: mostly it is the same.
    order: Vec<u32>,
}

/// Rows by the number of their series, those of a series in the order of their cells.
#[derive(Default)]
struct Pending<R>(Vec<Vec<R>>);

/// One read of the cursor, to be added to rows.
pub(super) struct Adding<'a> {
    rows: &'a mut Rows,
    /// When the read ended, which is known only after it: the readings are placed then.
    pub(super) readings: Vec<Reading>,
    /// How many series of metrics came.
    read: usize,
}

/// A metric as it stood when it was read.
pub(super) struct Reading {
    series: u32,
    kind: FamilyType,
    /// Of a gauge the value and 1, of the others everything since they began.
    total: (f64, f64),
    /// Whether it began at zero in this process.
    from_zero: bool,
}

impl<'a> Adding<'a> {
    pub(super) fn new(rows: &'a mut Rows) -> Self {
        Self { rows, readings: Vec::new(), read: 0 }
    }
}

/// The cell of a slice that ended then, and how long before the end of its cell that was. The boot is that of the commit.
fn place(end: u64) -> At {
    let cell = end.saturating_sub(late()) / FINEST.step;
    At { cell, boot: 0, short: ((cell + 1) * FINEST.step).wrapping_sub(end).cast_signed() }
}

impl Rows {
    /// Moves the rows of cells before this one into a batch. Rows of cells whose end the process `saw` ended with their cell. What
    /// it did right after it began is of the cell before, as all that ends a moment after a cell is: it did not end with that cell, for
    /// only those who were there before did.
    pub(super) fn take_before(&mut self, cell: u64, saw: Range<u64>, batch: &mut Batch) {
        batch.calls = self.calls.take_before(cell, &saw, &self.names);
        batch.points = self.points.take_before(cell, &saw, &self.names);
    }

    /// Whether readings of two times are of one step.
    pub(super) fn is_one_step(one: u64, other: u64) -> bool {
        place(one).cell == place(other).cell
    }

    /// The number of a series: a new one where it is new.
    pub(super) fn number_of(&mut self, name: &Arc<Name>) -> u32 {
        self.names.number_of(name).0
    }

    /// The readings of gauges, and what was added to the others since they were last asked for here: series, sum and count.
    pub(super) fn since_last(&mut self, readings: Vec<Reading>) -> Vec<(u32, f64, f64)> {
        let since = |Reading { series, kind, total, from_zero }: Reading| {
            if kind == FamilyType::Gauge {
                return Some((series, total.0, total.1));
            }
            // The program's own counters begin at zero; those read elsewhere may have begun long ago.
            let fresh = if from_zero { (0.0, 0.0) } else { total };
            let before = self.totals.insert(series, total).unwrap_or(fresh);
            let is_histogram = kind == FamilyType::Histogram;
            // A counter that steps back begins anew.
            let (sum, count) = if is_histogram {
                (total.0 - before.0, total.1 - before.1)
            } else {
                ((total.0 - before.0).max(0.0), 1.0)
            };
            (sum != 0.0 || (is_histogram && count > 0.0)).then_some((series, sum, count))
        };
        readings.into_iter().filter_map(since).collect()
    }

    /// Adds readings of metrics that were made at a time, in nanoseconds since 1970.
    pub(super) fn place(&mut self, readings: &[(u32, f64, f64)], end: u64) {
        let at = place(end);
        for &(series, sum, count) in readings {
            self.points.join(series, PointRow { at, sum, count });
        }
    }
}

impl<R: Row> Pending<R> {
    fn join(&mut self, series: u32, row: R) {
        let place = series as usize;
        if place >= self.0.len() {
            self.0.resize_with(place + 1, Vec::new);
        }
        match self.0[place].last() {
            Some(last) if last.at().cell >= row.at().cell => insert(&mut self.0[place], *row.at(), &row),
            _ => self.0[place].push(row),
        }
    }

    fn take_before(&mut self, cell: u64, saw: &Range<u64>, names: &Names) -> Vec<(Arc<Name>, Vec<R>)> {
        let taken = self.0.iter_mut().zip(0_u32..).filter_map(|(rows, series)| {
            let length = rows.partition_point(|row| row.at().cell < cell);
            let name = (length > 0).then(|| names.get(series)).flatten()?;
            let rest = rows.split_off(length);
            let mut taken = std::mem::replace(rows, rest);
            taken.iter_mut().filter(|row| saw.contains(&row.at().cell)).for_each(|row| row.at_mut().short = 0);
            Some((name, taken))
        });
        taken.collect()
    }
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
        self.rows.calls.join(number, row);
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
            Value::Number(value) if family.kind == FamilyType::Gauge => (value.as_f64(), 1.0),
            Value::Number(value) => (value.as_f64(), 0.0),
            Value::Histogram(histogram) => (histogram.sum().as_f64(), histogram.count() as f64),
            _ => return,
        };
        self.readings.push(Reading { series: number, kind: family.kind, total, from_zero: sample.from_zero });
    }
}
