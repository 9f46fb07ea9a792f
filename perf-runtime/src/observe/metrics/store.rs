//! The application's own metrics: counters, gauges and histograms under names that only it knows.
//!
//! They are bounded as all that is made at run time (see [`overflow`](crate::observe::series::overflow)): 2,000 names, 2,000 series of a
//! name, 200 values of a label. A cell is never removed, so a handle always counts into a cell that is read.
//!
//! A name may be used for a counter and for a gauge: both count, and can be read here; which of them is shown where there
//! is room for one only is told by [`MetricReading::made`]. Names that differ only in what Prometheus does not take
//! (`a.b`, `a_b`) are one metric.

use super::bounds::HistogramBounds;
use super::cell::Cell;
use super::metric::{Filled, Metric, Pair, Resolved};
use super::names;
use super::reading::MetricReading;
use super::recent::TrailCount;
use crate::log_level::tell;
use crate::observe::metrics::kind::MetricKind;
use crate::observe::series::identity::OVERFLOW;
use crate::observe::series::lookup::{Owner, Owners};
use crate::observe::series::overflow::{Bounds, Limits, Overflow, Replaced};
use std::collections::BTreeMap;
use std::sync::{PoisonError, RwLock};

/// Names of metrics.
const MAX_METRICS: usize = 2_000;

static OWNERS: Owners = Owners::new();

/// Every metric of the application.
#[derive(Debug)]
pub(crate) struct MetricStore {
    owner: Owner,
    bounds: HistogramBounds,
    pub(super) trails: TrailCount,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
pub(super) struct Inner {
    pub(super) by_name: BTreeMap<Box<str>, ByKind>,
    metrics: usize,
    limits: Limits,
    /// Bounds nothing: counts what came when there were too many names.
    names: Bounds,
}

/// The metrics of one name, one of each type.
pub(super) type ByKind = [Option<Metric>; MetricKind::ALL.len()];

impl MetricStore {
    pub(crate) fn new(bounds: HistogramBounds) -> Self {
        Self { owner: Owner::new(&OWNERS), bounds, trails: TrailCount::default(), inner: RwLock::default() }
    }

    /// The same with other bounds on each metric.
    pub(crate) fn limited(self, limits: Limits) -> Self {
        self.write(|inner| (inner.limits, inner.names) = (limits, Bounds::new(limits)));
        self
    }

    /// Whose entries a thread's cache holds.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Says what a metric is. The last word holds; the bounds of a histogram that counts already stay as they are.
    pub(crate) fn describe(&self, kind: MetricKind, name: &str, unit: Option<&str>, help: Option<&str>) {
        let name = names::metric_name(name);
        self.write(|inner| {
            let Some(metric) = inner.metric(kind, &name) else { return };
            let said = |text: Option<&str>| text.filter(|text| !text.is_empty()).map(Into::into);
            metric.unit = said(unit).or_else(|| metric.unit.take());
            metric.help = said(help).or_else(|| metric.help.take());
        });
    }

    /// Where a metric with these labels counts, made where there is none yet. Costs a read lock and two searches; more
    /// where it is made.
    pub(crate) fn resolve<'a>(
        &self,
        kind: MetricKind,
        written: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Resolved {
        self.resolve_as(kind, Filled::AtZero, written, labels)
    }

    /// As [`resolve`](Self::resolve), for a counter or a gauge that is read elsewhere: no series until something is put
    /// into it. Where the application made it before, its own cell.
    pub(crate) fn resolve_sampled<'a>(
        &self,
        kind: MetricKind,
        written: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Resolved {
        self.resolve_as(kind, Filled::Later, written, labels)
    }

    fn resolve_as<'a>(
        &self,
        kind: MetricKind,
        filled: Filled,
        written: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Resolved {
        let name = names::metric_name(written);
        let labels = names::labels(kind, labels);
        if let Some(found) = self.read(|inner| inner.find(kind, &name)?.find(&labels)) {
            return found;
        }
        let (found, made, rival) =
            self.write(|inner| inner.make((kind, filled), &name, &labels, written, &self.bounds));
        // Logged when nothing is locked: a subscriber may count what it hears.
        if let (true, Some(rival)) = (made, rival) {
            tell!(
                WARN,
                metric = &*name,
                "{name} is used as a {kind} and as a {rival}: both count, only the {rival} is exposed; rename one"
            );
        }
        found
    }

    /// Sets a gauge without labels, and says its unit where it is new.
    pub(crate) fn set_gauge(&self, name: &str, value: f64, unit: &str) {
        self.set_labelled_gauge(name, &[], value, (unit, ""));
    }

    /// Sets a gauge, and says its unit and what it means where it is new.
    pub(crate) fn set_labelled_gauge(
        &self,
        name: &str,
        labels: &[(&str, &str)],
        value: f64,
        (unit, help): (&str, &str),
    ) {
        let given = || labels.iter().copied();
        let exposed = names::metric_name(name);
        let sorted = names::labels(MetricKind::Gauge, given());
        let known = self.read(|inner| inner.find(MetricKind::Gauge, &exposed)?.find(&sorted));
        let resolved = known.unwrap_or_else(|| {
            self.describe(MetricKind::Gauge, name, Some(unit), Some(help));
            self.resolve(MetricKind::Gauge, name, given())
        });
        resolved.overflow.inspect(Overflow::count);
        if let Cell::Gauge(gauge) = resolved.cell {
            gauge.put(value);
        }
    }

    /// Every metric as it stands, in the order of names and kinds.
    pub(crate) fn metrics(&self) -> Vec<MetricReading> {
        self.read(|inner| inner.by_name.iter().flat_map(|(name, kinds)| readings(name, kinds)).collect())
    }

    /// The metrics of one name as they stand.
    pub(crate) fn named(&self, name: &str) -> Vec<MetricReading> {
        self.read(|inner| {
            inner.by_name.get_key_value(name).into_iter().flat_map(|(name, kinds)| readings(name, kinds)).collect()
        })
    }

    /// How many times a label's value was replaced: metric, label, count. Of a metric's own name, the label is `__name__`.
    pub(crate) fn overflowed(&self) -> Vec<(String, String, u64)> {
        self.read(|inner| {
            let of_metrics = inner.by_name.iter().flat_map(|(name, kinds)| {
                let metrics = kinds.iter().flatten();
                metrics.flat_map(Metric::overflowed).map(|(label, count)| (name.to_string(), label, count))
            });
            let names = inner.names.overflowed().map(|(_, count)| (OVERFLOW.to_owned(), "__name__".to_owned(), count));
            // A counter and a gauge of one name are one line.
            let mut sums = BTreeMap::new();
            for (name, label, count) in of_metrics.chain(names) {
                *sums.entry((name, label)).or_insert(0) += count;
            }
            sums.into_iter().map(|((name, label), count)| (name, label, count)).collect()
        })
    }

    pub(super) fn read<R>(&self, look: impl FnOnce(&Inner) -> R) -> R {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn readings<'a>(name: &'a str, kinds: &'a ByKind) -> impl Iterator<Item = MetricReading> + 'a {
    kinds.iter().zip(MetricKind::ALL).filter_map(move |(metric, kind)| metric.as_ref()?.reading(name, kind))
}

impl Inner {
    fn find(&self, kind: MetricKind, name: &str) -> Option<&Metric> {
        self.by_name.get(name)?[kind as usize].as_ref()
    }

    /// The metric of a name, made where there is none yet and room for it.
    fn metric(&mut self, kind: MetricKind, name: &str) -> Option<&mut Metric> {
        if self.find(kind, name).is_none() {
            if self.by_name.len() >= MAX_METRICS && !self.by_name.contains_key(name) && name != OVERFLOW {
                return None;
            }
            self.by_name.entry(name.into()).or_default()[kind as usize] = Some(Metric::new(name, self.limits));
        }
        self.by_name.get_mut(name)?[kind as usize].as_mut()
    }

    /// Where a metric with these labels counts; whether its metric was made for that, and the kind that had its name
    /// before.
    fn make(
        &mut self,
        (kind, filled): (MetricKind, Filled),
        name: &str,
        labels: &[Pair<'_>],
        written: &str,
        bounds: &HistogramBounds,
    ) -> (Resolved, bool, Option<MetricKind>) {
        let order = self.metrics;
        let rival = self.by_name.get(name).and_then(|kinds| {
            let made = kinds.iter().zip(MetricKind::ALL).filter(|&(_, other)| other != kind);
            made.filter_map(|(metric, other)| Some((metric.as_ref()?.made?, other))).min().map(|(_, other)| other)
        });
        let Some(metric) = self.metric(kind, name) else {
            let overflow = self.names.overflow(Replaced::FIRST, "the application");
            let (resolved, ..) = self.make((kind, filled), OVERFLOW, &[], OVERFLOW, bounds);
            return (Resolved { overflow, ..resolved }, false, None);
        };
        let first = metric.made.is_none();
        if first {
            metric.made = Some(order);
            metric.bounds = bounds.of(written, name, metric.unit.as_deref());
        }
        // Another thread may have made it since it was looked for.
        let found = metric.find(labels).unwrap_or_else(|| metric.make(kind, filled, labels));
        self.metrics += usize::from(first);
        (found, first, rival)
    }
}

#[cfg(test)]
mod tests;
