//! The application's own metrics: counters, gauges and histograms under names that only it knows.
//!
//! They are bounded as all that is made at run time (see [`overflow`](super::overflow)): 2,000 names, 2,000 series of a
//! name, 200 values of a label. What was made once is never taken away, so whoever holds a cell counts into what is read.
//!
//! A name may be used for a counter and for a gauge: both count, and can be read here; which of them is shown where there
//! is room for one only is told by [`CustomMetric::made`]. Names that differ only in what Prometheus does not take
//! (`a.b`, `a_b`) are one metric.

use super::identity::OVERFLOW;
use super::lookup::{Owner, Owners};
use super::overflow::{Bounds, MAX_LABELS, Overflow, Replaced};
pub(crate) use bounds::HistogramBounds;
pub(crate) use cell::{Cell, CounterCell, GaugeCell, HistogramCell};
pub use handle::CustomHistogram;
pub use reading::{CustomKind, CustomMetric, CustomSeries, CustomValue, HistogramBucket, HistogramReading};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
pub use trail::{CustomPoint, CustomTrack};

mod bounds;
mod cell;
mod handle;
mod names;
mod reading;
pub(crate) mod trail;

/// Names of metrics.
const MAX_METRICS: usize = 2_000;
/// The place that stands for all labels of a metric beyond the first 63 names: they are left out.
const LEFT_OUT: usize = MAX_LABELS - 1;

static OWNERS: Owners = Owners::new();

/// A label's name and its value.
type Pair<'a> = (Cow<'a, str>, &'a str);

/// Every metric of the application.
#[derive(Debug)]
pub(crate) struct CustomMetrics {
    owner: Owner,
    bounds: HistogramBounds,
    trails: trail::TrailCount,
    inner: RwLock<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    by_name: BTreeMap<Box<str>, ByKind>,
    metrics: usize,
    /// Bounds nothing: counts what came when there were too many names.
    names: Bounds,
}

/// What goes by one name: of each kind a metric.
type ByKind = [Option<Metric>; CustomKind::ALL.len()];

#[derive(Debug)]
struct Metric {
    name: Box<str>,
    /// Its place in the order in which metrics were made; none while it is only described.
    made: Option<usize>,
    unit: Option<Box<str>>,
    help: Option<Box<str>>,
    /// Of a histogram.
    bounds: Arc<[f64]>,
    /// The names of labels in the order in which they came: a label's place.
    label_names: Vec<Box<str>>,
    room: Bounds,
    /// Sorted by labels.
    series: Vec<Series>,
}

#[derive(Debug)]
struct Series {
    labels: Box<[(Box<str>, Box<str>)]>,
    cell: Cell,
    trail: trail::TrailPlace,
}

/// What a series says when it is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Filled {
    AtZero,
    /// Nothing, until a sampler puts something into it.
    Later,
}

/// Where something counts.
#[derive(Debug)]
pub(crate) struct Resolved {
    pub(crate) cell: Cell,
    /// To be counted each time, where a label's value was replaced.
    pub(crate) overflow: Option<Overflow>,
}

impl CustomMetrics {
    pub(crate) fn new(bounds: HistogramBounds) -> Self {
        Self { owner: Owner::new(&OWNERS), bounds, trails: trail::TrailCount::default(), inner: RwLock::default() }
    }

    /// Whose entries a thread's cache holds.
    pub(crate) fn owner(&self) -> &Owner {
        &self.owner
    }

    /// Says what a metric is. The last word holds; the bounds of a histogram that counts already stay as they are.
    pub(crate) fn describe(&self, kind: CustomKind, name: &str, unit: Option<&str>, help: Option<&str>) {
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
        kind: CustomKind,
        written: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Resolved {
        self.resolve_as(kind, Filled::AtZero, written, labels)
    }

    /// As [`resolve`](Self::resolve), for a counter or a gauge that is read elsewhere: no series until something is put
    /// into it. Where the application made it before, its own cell.
    pub(crate) fn resolve_sampled<'a>(
        &self,
        kind: CustomKind,
        written: &str,
        labels: impl Iterator<Item = (&'a str, &'a str)>,
    ) -> Resolved {
        self.resolve_as(kind, Filled::Later, written, labels)
    }

    fn resolve_as<'a>(
        &self,
        kind: CustomKind,
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
            tracing::warn!(
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
        let sorted = names::labels(CustomKind::Gauge, given());
        let known = self.read(|inner| inner.find(CustomKind::Gauge, &exposed)?.find(&sorted));
        let resolved = known.unwrap_or_else(|| {
            self.describe(CustomKind::Gauge, name, Some(unit), Some(help));
            self.resolve(CustomKind::Gauge, name, given())
        });
        resolved.overflow.inspect(Overflow::count);
        if let Cell::Gauge(gauge) = resolved.cell {
            gauge.put(value);
        }
    }

    /// Every metric as it stands, in the order of names and kinds.
    pub(crate) fn metrics(&self) -> Vec<CustomMetric> {
        self.read(|inner| inner.by_name.iter().flat_map(|(name, kinds)| readings(name, kinds)).collect())
    }

    /// The metrics of one name as they stand.
    pub(crate) fn named(&self, name: &str) -> Vec<CustomMetric> {
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

    fn read<R>(&self, look: impl FnOnce(&Inner) -> R) -> R {
        look(&self.inner.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn write<R>(&self, change: impl FnOnce(&mut Inner) -> R) -> R {
        change(&mut self.inner.write().unwrap_or_else(PoisonError::into_inner))
    }
}

fn readings<'a>(name: &'a str, kinds: &'a ByKind) -> impl Iterator<Item = CustomMetric> + 'a {
    kinds.iter().zip(CustomKind::ALL).filter_map(move |(metric, kind)| metric.as_ref()?.reading(name, kind))
}

impl Inner {
    fn find(&self, kind: CustomKind, name: &str) -> Option<&Metric> {
        self.by_name.get(name)?[kind as usize].as_ref()
    }

    /// The metric of a name, made where there is none yet and room for it.
    fn metric(&mut self, kind: CustomKind, name: &str) -> Option<&mut Metric> {
        if self.find(kind, name).is_none() {
            if self.by_name.len() >= MAX_METRICS && !self.by_name.contains_key(name) && name != OVERFLOW {
                return None;
            }
            self.by_name.entry(name.into()).or_default()[kind as usize] = Some(Metric::new(name));
        }
        self.by_name.get_mut(name)?[kind as usize].as_mut()
    }

    /// Where a metric with these labels counts; whether its metric was made for that, and the kind that had its name
    /// before.
    fn make(
        &mut self,
        (kind, filled): (CustomKind, Filled),
        name: &str,
        labels: &[Pair<'_>],
        written: &str,
        bounds: &HistogramBounds,
    ) -> (Resolved, bool, Option<CustomKind>) {
        let order = self.metrics;
        let rival = self.by_name.get(name).and_then(|kinds| {
            let made = kinds.iter().zip(CustomKind::ALL).filter(|&(_, other)| other != kind);
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

impl Metric {
    fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            made: None,
            unit: None,
            help: None,
            bounds: Arc::new([]),
            label_names: Vec::new(),
            room: Bounds::default(),
            series: Vec::new(),
        }
    }

    /// Where these labels count, where that exists.
    fn find(&self, labels: &[Pair<'_>]) -> Option<Resolved> {
        let series = |place: usize| Some(self.series.get(place)?.cell.clone());
        if let Ok(place) = self.place(labels) {
            return Some(Resolved { cell: series(place)?, overflow: None });
        }
        let ways = [Some(self.fit(labels)), self.last_resort(labels)];
        ways.into_iter().flatten().find_map(|(labels, replaced)| {
            let place = self.place(&labels).ok()?;
            Some(Resolved { cell: series(place)?, overflow: self.room.overflow(replaced, &self.name) })
        })
    }

    fn make(&mut self, kind: CustomKind, filled: Filled, labels: &[Pair<'_>]) -> Resolved {
        for (name, _) in labels {
            if !self.knows_all_names() && self.place_of(name).is_none() {
                self.label_names.push((**name).into());
            }
        }
        let (labels, replaced) = self.last_resort(labels).unwrap_or_else(|| self.fit(labels));
        let cell = match kind {
            CustomKind::Counter | CustomKind::Gauge if filled == Filled::Later => Cell::Sampled(kind, Arc::default()),
            CustomKind::Counter => Cell::Counter(Arc::default()),
            CustomKind::Gauge => Cell::Gauge(Arc::default()),
            CustomKind::Histogram => Cell::Histogram(Arc::new(HistogramCell::new(Arc::clone(&self.bounds)))),
        };
        if let Err(place) = self.place(&labels) {
            let owned = labels.iter().map(|(name, value)| ((**name).into(), (*value).into())).collect();
            self.series
                .insert(place, Series { labels: owned, cell: cell.clone(), trail: trail::TrailPlace::default() });
            let places: Vec<(usize, &str)> = self.places(&labels).collect();
            self.room.admit(places.into_iter());
        }
        Resolved { cell, overflow: self.room.overflow(replaced, &self.name) }
    }

    /// The series with these labels, or where it would stand.
    fn place(&self, labels: &[Pair<'_>]) -> Result<usize, usize> {
        self.series.binary_search_by(|series| series.compare(labels))
    }

    /// Labels as they count, where there is no such series.
    fn fit<'a>(&self, labels: &[Pair<'a>]) -> (Vec<Pair<'a>>, Replaced) {
        let replaced = self.room.fit(self.places(labels));
        let is_left_out = |name: &str| self.knows_all_names() && self.place_of(name).is_none();
        let kept = labels.iter().filter(|(name, _)| !is_left_out(name)).map(|(name, value)| {
            let value =
                if self.place_of(name).is_some_and(|place| replaced.contains(place)) { OVERFLOW } else { value };
            (name.clone(), value)
        });
        let any_left_out = labels.iter().any(|(name, _)| is_left_out(name));
        (kept.collect(), if any_left_out { replaced.with(LEFT_OUT) } else { replaced })
    }

    /// The one series for whatever comes when there is no room at all.
    fn last_resort<'a>(&self, labels: &[Pair<'a>]) -> Option<(Vec<Pair<'a>>, Replaced)> {
        let replaced = self.room.all(self.places(labels))?;
        Some((vec![(Cow::Borrowed("overflow"), OVERFLOW)], replaced))
    }

    fn places<'a>(&self, labels: &'a [Pair<'_>]) -> impl Iterator<Item = (usize, &'a str)> {
        labels.iter().filter_map(|(name, value)| Some((self.place_of(name)?, *value)))
    }

    fn place_of(&self, label: &str) -> Option<usize> {
        self.label_names.iter().position(|name| **name == *label)
    }

    /// Whether labels of other names than these are left out.
    fn knows_all_names(&self) -> bool {
        self.label_names.len() >= LEFT_OUT
    }

    /// For each label, how many times its value was replaced.
    fn overflowed(&self) -> impl Iterator<Item = (String, u64)> {
        let name = |place: usize| self.label_names.get(place).map_or(OVERFLOW, |name| &**name).to_owned();
        self.room.overflowed().map(move |(place, count)| (name(place), count))
    }
}

impl Series {
    fn compare(&self, labels: &[Pair<'_>]) -> Ordering {
        let own = self.labels.iter().map(|(name, value)| (&**name, &**value));
        own.cmp(labels.iter().map(|(name, value)| (&**name, *value)))
    }
}

#[cfg(test)]
mod tests;
