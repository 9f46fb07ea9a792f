//! Handles to the application's own counters, gauges and histograms.

use super::cell::{Cell, CounterCell, GaugeCell, HistogramCell};
use super::kind::MetricKind;
use super::store::MetricStore;
use crate::observe::series::overflow::Overflow;
use std::sync::Arc;

/// A counter of the application's own, made by [`Metrics::counter`](crate::metric::Metrics::counter): it only grows. A cheap
/// handle; keep it where it is used often.
#[derive(Clone, Debug)]
pub struct Counter {
    cell: Option<Arc<CounterCell>>,
    overflow: Option<Overflow>,
}

impl Counter {
    /// Adds one. Costs an atomic addition.
    pub fn increment(&self) {
        count(self.overflow.as_ref());
        self.cell.as_ref().inspect(|cell| cell.add(1));
    }

    /// Adds an amount, in the counter's unit. Costs an atomic addition for a whole number, a compare-and-swap for a fraction.
    /// An amount below zero, or no number, is ignored: a counter only grows.
    pub fn add(&self, amount: f64) {
        count(self.overflow.as_ref());
        self.cell.as_ref().inspect(|cell| cell.add_amount(amount));
    }
}

/// A gauge of the application's own, made by [`Metrics::gauge`](crate::metric::Metrics::gauge): it goes up and down. A cheap
/// handle; keep it where it is used often.
#[derive(Clone, Debug)]
pub struct Gauge {
    cell: Option<Arc<GaugeCell>>,
    overflow: Option<Overflow>,
}

impl Gauge {
    /// Sets the value, in the gauge's unit. Costs a store.
    pub fn set(&self, value: f64) {
        count(self.overflow.as_ref());
        self.cell.as_ref().inspect(|cell| cell.put(value));
    }

    /// Adds to the value; takes off it where `by` is below zero. Costs a compare-and-swap.
    pub fn add(&self, by: f64) {
        count(self.overflow.as_ref());
        self.cell.as_ref().inspect(|cell| cell.add(by));
    }
}

/// A histogram of the application's own, made by [`Metrics::histogram`](crate::metric::Metrics::histogram). A cheap handle;
/// keep it where it is used often.
#[derive(Clone, Debug)]
pub struct Histogram {
    cell: Option<Arc<HistogramCell>>,
    overflow: Option<Overflow>,
}

impl Histogram {
    /// Counts a value, in the histogram's unit. Costs a search in the bounds and two atomic operations.
    pub fn record(&self, value: f64) {
        count(self.overflow.as_ref());
        self.cell.as_ref().inspect(|cell| cell.count(value, 1));
    }

    /// Adds values that were counted elsewhere by upper bounds, and their sum. For parts of this project.
    #[doc(hidden)]
    pub fn add_counts(&self, counts: impl IntoIterator<Item = (f64, u64)>, sum: f64) {
        count(self.overflow.as_ref());
        let Some(cell) = &self.cell else { return };
        counts.into_iter().filter(|(_, times)| *times > 0).for_each(|(bound, times)| cell.count_alone(bound, times));
        if sum.is_finite() {
            cell.add_sum(sum);
        }
    }
}

fn count(overflow: Option<&Overflow>) {
    overflow.inspect(|overflow| overflow.count());
}

/// The name, labels, unit and help of a metric.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Described<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: &'a [(&'a str, &'a str)],
    pub(crate) unit: &'a str,
    pub(crate) help: &'a str,
}

impl MetricStore {
    /// A counter, made where there is none yet.
    pub(crate) fn counter(&self, described: Described<'_>) -> Counter {
        let (cell, overflow) = self.made(MetricKind::Counter, described);
        Counter { cell: if let Cell::Counter(cell) = cell { Some(cell) } else { None }, overflow }
    }

    /// A gauge, made where there is none yet.
    pub(crate) fn gauge(&self, described: Described<'_>) -> Gauge {
        let (cell, overflow) = self.made(MetricKind::Gauge, described);
        Gauge { cell: if let Cell::Gauge(cell) = cell { Some(cell) } else { None }, overflow }
    }

    /// A histogram, made where there is none yet.
    pub(crate) fn histogram(&self, described: Described<'_>) -> Histogram {
        let (cell, overflow) = self.made(MetricKind::Histogram, described);
        Histogram { cell: if let Cell::Histogram(cell) = cell { Some(cell) } else { None }, overflow }
    }

    fn made(&self, kind: MetricKind, described: Described<'_>) -> (Cell, Option<Overflow>) {
        let Described { name, labels, unit, help } = described;
        self.describe(kind, name, Some(unit), Some(help));
        let resolved = self.resolve(kind, name, labels.iter().copied());
        (resolved.cell, resolved.overflow)
    }
}
