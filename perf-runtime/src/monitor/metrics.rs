//! The application's own metrics, made and asked for.

use super::{Inner, Monitor};
use crate::observe::metrics::handle::{Counter, Described, Gauge, Histogram};
use crate::observe::metrics::reading::MetricReading;
use crate::observe::metrics::store::MetricStore;
use std::sync::Arc;

impl Monitor {
    /// The application's own metrics: counters, gauges and histograms with labels and units, for programs without the
    /// `metrics` facade. Both count in the same registry.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let sent = monitor.metrics().counter("mails_sent_total").label("queue", "news").register();
    /// sent.increment();
    /// assert!(monitor.render_prometheus().contains(r#"mails_sent_total{queue="news"} 1"#));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn metrics(&self) -> Metrics {
        Metrics { inner: Arc::clone(&self.inner) }
    }
}

/// The application's own metrics, of a [`Monitor`].
#[derive(Clone, Debug)]
pub struct Metrics {
    inner: Arc<Inner>,
}

impl Metrics {
    /// Begins a counter: a number that only grows, in whole numbers or fractions. Its name ends with `_total`.
    pub fn counter(&self, name: impl Into<String>) -> MetricBuilder<Counter> {
        MetricBuilder::new(self, name.into(), MetricStore::counter)
    }

    /// Begins a gauge: a number that goes up and down.
    pub fn gauge(&self, name: impl Into<String>) -> MetricBuilder<Gauge> {
        MetricBuilder::new(self, name.into(), MetricStore::gauge)
    }

    /// Begins a histogram. Its buckets are those of
    /// [`histogram_bounds`](crate::MonitorBuilder::histogram_bounds), or go by its unit.
    pub fn histogram(&self, name: impl Into<String>) -> MetricBuilder<Histogram> {
        MetricBuilder::new(self, name.into(), MetricStore::histogram)
    }

    /// Every metric as it stands, in the order of names: those made here, those of the `metrics` facade, and what
    /// samplers read.
    pub fn read(&self) -> Vec<MetricReading> {
        self.inner.registry.custom().metrics()
    }
}

/// A metric to be: its name, labels, unit and help. Without a unit it is a plain number.
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `register`"]
pub struct MetricBuilder<H> {
    inner: Arc<Inner>,
    name: String,
    labels: Vec<(String, String)>,
    unit: String,
    help: String,
    make: fn(&MetricStore, Described<'_>) -> H,
}

impl<H> MetricBuilder<H> {
    fn new(metrics: &Metrics, name: String, make: fn(&MetricStore, Described<'_>) -> H) -> Self {
        let inner = Arc::clone(&metrics.inner);
        Self { inner, name, labels: Vec::new(), unit: String::new(), help: String::new(), make }
    }

    /// Adds a label. Its values are for the program to choose, and few: never an id, or what a request brings.
    pub fn label(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.labels.push((name.into(), value.into()));
        self
    }

    /// The unit, such as `seconds`, `bytes`, `ratio` (0 to 1), or a word such as `jobs`.
    pub fn unit(mut self, unit: impl Into<String>) -> Self {
        self.unit = unit.into();
        self
    }

    /// The meaning, in a sentence.
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = help.into();
        self
    }

    /// The handle, of the series that is there already or is made now. Costs a lock and two searches: keep the handle.
    /// Beyond 2,000 names, 2,000 series of a name or 200 values of a label, a value becomes `__overflow__`.
    pub fn register(&self) -> H {
        let labels: Vec<(&str, &str)> = self.labels.iter().map(|(name, value)| (&**name, &**value)).collect();
        let described = Described { name: &self.name, labels: &labels, unit: &self.unit, help: &self.help };
        (self.make)(self.inner.registry.custom(), described)
    }
}
