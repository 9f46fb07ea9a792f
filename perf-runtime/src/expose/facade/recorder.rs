//! In: what an application counts through the `metrics` facade.

use crate::observe::metrics::cell::{Cell, CounterCell, GaugeCell, HistogramCell};
use crate::observe::metrics::kind::MetricKind;
use crate::observe::metrics::metric::Resolved;
use crate::observe::series::lookup::{Lookup, hash_of};
use crate::observe::series::overflow::Overflow;
use crate::observe::series::registry::Registry;
use metrics::{
    Counter, CounterFn, Gauge, GaugeFn, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use std::sync::Arc;

thread_local! {
    /// Keys that were asked for, each with its cell.
    static FOUND: Lookup<(Key, Cell)> = Lookup::new();
}

/// Counts what an application says through the `metrics` facade as metrics of its own, which the monitor exposes and
/// observes. [`install`](crate::MonitorBuilder::install) installs it; made by
/// [`Monitor::metrics_recorder`](crate::Monitor::metrics_recorder) it can stand beside others in a fan-out.
///
/// - Names are exposed as they are, without a namespace; what Prometheus does not take becomes `_`.
/// - Counters are whole numbers, gauges `f64`. Histograms have buckets with exact counts at their bounds: what
///   [`histogram_bounds`](crate::MonitorBuilder::histogram_bounds) says, or the usual ones for their unit.
/// - A handle counts for as long as the monitor lives, and is never orphaned: nothing times out. (One that was made before
///   any recorder was installed does nothing for ever, by the facade's own rules: install the monitor first.)
/// - 2,000 series a metric, 200 values a label, of 128 bytes at most; beyond that only the value that is one too many
///   becomes `__overflow__`, and `perf_label_overflow_total` counts it.
///
/// `counter!(..)` costs a look-up in a cache of the thread's own where its labels were met before, beside what the macro
/// makes of them; a handle that is kept costs an atomic add.
#[derive(Clone, Debug)]
pub struct MetricsRecorder {
    registry: Arc<Registry>,
}

impl MetricsRecorder {
    pub(crate) fn new(registry: &Arc<Registry>) -> Self {
        Self { registry: Arc::clone(registry) }
    }

    fn resolve(&self, kind: MetricKind, key: &Key) -> Resolved {
        let custom = self.registry.custom();
        let hash = hash_of(key.get_hash() ^ kind as u64, []);
        let is_it = |(kept, cell): &(Key, Cell)| cell.kind() == kind && kept == key;
        let kept = FOUND.try_with(|cache| cache.with(custom.owner(), hash, is_it, |(_, cell)| cell.clone()));
        // No cache, while the thread ends.
        if let Ok(Some(cell)) = kept {
            return Resolved { cell, overflow: None };
        }
        let resolved = custom.resolve(kind, key.name(), key.labels().map(|label| (label.key(), label.value())));
        // A value that overflowed is not kept: it is one of too many.
        if resolved.overflow.is_none() {
            let _ = FOUND.try_with(|cache| cache.keep(custom.owner(), hash, (key.clone(), resolved.cell.clone())));
        }
        resolved
    }

    fn describe(&self, kind: MetricKind, name: &KeyName, unit: Option<Unit>, help: &str) {
        // A count is no unit: it is what every number is that has none.
        let unit = unit.filter(|unit| *unit != Unit::Count).map(|unit| unit.as_str());
        self.registry.custom().describe(kind, name.as_str(), unit, Some(help));
    }
}

impl Recorder for MetricsRecorder {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(MetricKind::Counter, &key, unit, &description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(MetricKind::Gauge, &key, unit, &description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe(MetricKind::Histogram, &key, unit, &description);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        match self.resolve(MetricKind::Counter, key) {
            Resolved { cell: Cell::Counter(cell), overflow: None } => Counter::from_arc(cell),
            Resolved { cell: Cell::Counter(cell), overflow: Some(overflow) } => {
                Counter::from_arc(Arc::new(Overflowing { cell, overflow }))
            }
            _ => Counter::noop(),
        }
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        match self.resolve(MetricKind::Gauge, key) {
            Resolved { cell: Cell::Gauge(cell), overflow: None } => Gauge::from_arc(cell),
            Resolved { cell: Cell::Gauge(cell), overflow: Some(overflow) } => {
                Gauge::from_arc(Arc::new(Overflowing { cell, overflow }))
            }
            _ => Gauge::noop(),
        }
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        match self.resolve(MetricKind::Histogram, key) {
            Resolved { cell: Cell::Histogram(cell), overflow: None } => Histogram::from_arc(cell),
            Resolved { cell: Cell::Histogram(cell), overflow: Some(overflow) } => {
                Histogram::from_arc(Arc::new(Overflowing { cell, overflow }))
            }
            _ => Histogram::noop(),
        }
    }
}

/// A handle to a series in which a label's value was replaced: each use is counted.
struct Overflowing<T> {
    cell: Arc<T>,
    overflow: Overflow,
}

impl<T> Overflowing<T> {
    fn counted(&self) -> &T {
        self.overflow.count();
        &self.cell
    }
}

impl<T: CounterFn> CounterFn for Overflowing<T> {
    fn increment(&self, value: u64) {
        self.counted().increment(value);
    }

    fn absolute(&self, value: u64) {
        self.counted().absolute(value);
    }
}

impl<T: GaugeFn> GaugeFn for Overflowing<T> {
    fn increment(&self, value: f64) {
        self.counted().increment(value);
    }

    fn decrement(&self, value: f64) {
        self.counted().decrement(value);
    }

    fn set(&self, value: f64) {
        self.counted().set(value);
    }
}

impl<T: HistogramFn> HistogramFn for Overflowing<T> {
    fn record(&self, value: f64) {
        self.counted().record(value);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.counted().record_many(value, count);
    }
}

impl CounterFn for CounterCell {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, value: u64) {
        self.raise_to(value);
    }
}

impl GaugeFn for GaugeCell {
    fn increment(&self, value: f64) {
        self.add(value);
    }

    fn decrement(&self, value: f64) {
        self.add(-value);
    }

    fn set(&self, value: f64) {
        self.put(value);
    }
}

impl HistogramFn for HistogramCell {
    fn record(&self, value: f64) {
        self.count(value, 1);
    }

    fn record_many(&self, value: f64, count: usize) {
        self.count(value, count as u64);
    }
}
