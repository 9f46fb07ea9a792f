//! One metric of the application's, and its series.

use super::cell::{Cell, HistogramCell};
use super::kind::MetricKind;
use super::reading::{HistogramBucket, HistogramReading, MetricReading, MetricSeries, MetricValue};
use super::recent::TrailPlace;
use crate::observe::series::identity::OVERFLOW;
use crate::observe::series::labels::Labels;
use crate::observe::series::overflow::{Bounds, Limits, MAX_LABELS, Overflow, Replaced};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

/// The place that stands for all labels of a metric beyond the first 63 names: they are left out.
const LEFT_OUT: usize = MAX_LABELS - 1;

/// A label's name and its value.
pub(super) type Pair<'a> = (Cow<'a, str>, &'a str);

#[derive(Debug)]
pub(super) struct Metric {
    pub(super) name: Box<str>,
    /// Its place in the order in which metrics were made; none while it is only described.
    pub(super) made: Option<usize>,
    pub(super) unit: Option<Box<str>>,
    pub(super) help: Option<Box<str>>,
    /// Of a histogram.
    pub(super) bounds: Arc<[f64]>,
    /// The names of labels in the order in which they came: a label's place.
    pub(super) label_names: Vec<Box<str>>,
    pub(super) room: Bounds,
    /// Sorted by labels.
    pub(super) series: Vec<Series>,
}

#[derive(Debug)]
pub(super) struct Series {
    pub(super) labels: Box<[(Box<str>, Box<str>)]>,
    pub(super) cell: Cell,
    pub(super) trail: TrailPlace,
}

/// The first value of a new series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Filled {
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

impl Metric {
    pub(super) fn new(name: &str, limits: Limits) -> Self {
        Self {
            name: name.into(),
            made: None,
            unit: None,
            help: None,
            bounds: Arc::new([]),
            label_names: Vec::new(),
            room: Bounds::new(limits),
            series: Vec::new(),
        }
    }

    /// Where these labels count, where that exists.
    pub(super) fn find(&self, labels: &[Pair<'_>]) -> Option<Resolved> {
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

    pub(super) fn make(&mut self, kind: MetricKind, filled: Filled, labels: &[Pair<'_>]) -> Resolved {
        for (name, _) in labels {
            if !self.knows_all_names() && self.place_of(name).is_none() {
                self.label_names.push((**name).into());
            }
        }
        let (labels, replaced) = self.last_resort(labels).unwrap_or_else(|| self.fit(labels));
        let cell = match kind {
            MetricKind::Counter | MetricKind::Gauge if filled == Filled::Later => Cell::Sampled(kind, Arc::default()),
            MetricKind::Counter => Cell::Counter(Arc::default()),
            MetricKind::Gauge => Cell::Gauge(Arc::default()),
            MetricKind::Histogram => Cell::Histogram(Arc::new(HistogramCell::new(Arc::clone(&self.bounds)))),
        };
        if let Err(place) = self.place(&labels) {
            let owned = labels.iter().map(|(name, value)| ((**name).into(), (*value).into())).collect();
            self.series.insert(place, Series { labels: owned, cell: cell.clone(), trail: TrailPlace::default() });
            let places: Vec<(usize, &str)> = self.places(&labels).collect();
            self.room.admit(places.into_iter());
        }
        Resolved { cell, overflow: self.room.overflow(replaced, &self.name) }
    }

    /// The series with these labels, or where it would stand.
    pub(super) fn place(&self, labels: &[Pair<'_>]) -> Result<usize, usize> {
        self.series.binary_search_by(|series| series.compare(labels))
    }

    /// Labels as they count, where there is no such series.
    pub(super) fn fit<'a>(&self, labels: &[Pair<'a>]) -> (Vec<Pair<'a>>, Replaced) {
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
    pub(super) fn last_resort<'a>(&self, labels: &[Pair<'a>]) -> Option<(Vec<Pair<'a>>, Replaced)> {
        let replaced = self.room.all(self.places(labels))?;
        Some((vec![(Cow::Borrowed("overflow"), OVERFLOW)], replaced))
    }

    pub(super) fn places<'a>(&self, labels: &'a [Pair<'_>]) -> impl Iterator<Item = (usize, &'a str)> + Clone {
        labels.iter().filter_map(|(name, value)| Some((self.place_of(name)?, *value)))
    }

    pub(super) fn place_of(&self, label: &str) -> Option<usize> {
        self.label_names.iter().position(|name| **name == *label)
    }

    /// Whether labels of other names than these are left out.
    pub(super) fn knows_all_names(&self) -> bool {
        self.label_names.len() >= LEFT_OUT
    }

    /// For each label, how many times its value was replaced.
    pub(super) fn overflowed(&self) -> impl Iterator<Item = (String, u64)> {
        let name = |place: usize| self.label_names.get(place).map_or(OVERFLOW, |name| &**name).to_owned();
        self.room.overflowed().map(move |(place, count)| (name(place), count))
    }
}

impl Series {
    pub(super) fn compare(&self, labels: &[Pair<'_>]) -> Ordering {
        let own = self.labels.iter().map(|(name, value)| (&**name, &**value));
        own.cmp(labels.iter().map(|(name, value)| (&**name, *value)))
    }
}

impl Metric {
    /// Its value, if anything was ever counted in it and is still known.
    pub(super) fn reading(&self, name: &str, kind: MetricKind) -> Option<MetricReading> {
        let series: Vec<MetricSeries> = self.series.iter().filter_map(Series::reading).collect();
        if series.is_empty() {
            return None;
        }
        let text = |text: &Option<Box<str>>| text.as_deref().map(ToOwned::to_owned);
        Some(MetricReading {
            name: name.to_owned(),
            kind,
            unit: text(&self.unit),
            help: text(&self.help),
            made: self.made?,
            series,
        })
    }
}

impl Series {
    pub(super) fn labels(&self) -> Labels {
        self.labels.iter().map(|(name, value)| (&**name, &**value)).collect()
    }

    /// Whether it has a value: not where a sampler found nothing.
    pub(super) fn is_known(&self) -> bool {
        !matches!(&self.cell, Cell::Sampled(_, cell) if cell.value().is_none())
    }

    /// Its value; nothing where a sampler found nothing.
    pub(super) fn reading(&self) -> Option<MetricSeries> {
        let value = match &self.cell {
            Cell::Sampled(MetricKind::Counter, cell) => MetricValue::Total(cell.value()?),
            Cell::Sampled(_, cell) => MetricValue::Gauge(cell.value()?),
            Cell::Counter(counter) if counter.fractions().is_some() => MetricValue::Total(counter.total()),
            Cell::Counter(counter) => MetricValue::Counter(counter.value()),
            Cell::Gauge(gauge) => MetricValue::Gauge(gauge.value()),
            Cell::Histogram(histogram) => {
                let counts: Vec<u64> = histogram.cumulative().collect();
                let buckets = histogram.bounds().iter().zip(&counts).map(|(&le, &count)| HistogramBucket { le, count });
                MetricValue::Histogram(HistogramReading {
                    buckets: buckets.collect(),
                    count: counts.last().copied().unwrap_or_default(),
                    sum: histogram.sum(),
                })
            }
        };
        let labels = self.labels();
        let from_zero = matches!(self.cell, Cell::Counter(_) | Cell::Histogram(_));
        let note = match &self.cell {
            Cell::Sampled(_, cell) => cell.note(),
            Cell::Counter(_) | Cell::Gauge(_) | Cell::Histogram(_) => None,
        };
        Some(MetricSeries { labels, value, from_zero, note })
    }
}
