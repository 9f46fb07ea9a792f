//! What the application's own metrics say.

use super::cell::Cell;
use super::{Metric, Series};
use serde::Serialize;
use std::fmt;

/// What sort of metric it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomKind {
    /// A whole number that only grows.
    Counter,
    /// A number that goes up and down.
    Gauge,
    /// Values counted in buckets, and their sum.
    Histogram,
}

impl CustomKind {
    pub(crate) const ALL: [Self; 3] = [Self::Counter, Self::Gauge, Self::Histogram];

    /// `counter`, `gauge` or `histogram`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

impl fmt::Display for CustomKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// A metric of the application's own, as it stood when it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomMetric {
    /// The name under which it is exposed: as the program wrote it, with `_` for what Prometheus does not take.
    pub name: String,
    /// What sort of metric it is.
    pub kind: CustomKind,
    /// Its unit, as it was described: `seconds`, `bytes`, or a word of the application's own.
    pub unit: Option<String>,
    /// What it means, as it was described.
    pub help: Option<String>,
    /// Its place in the order in which metrics were made. Of two that cannot both be exposed, it is the one that was made
    /// first.
    pub made: usize,
    /// Each set of label values, sorted.
    pub series: Vec<CustomSeries>,
}

/// One set of label values, and what it counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct CustomSeries {
    /// Names and values, sorted by name.
    pub labels: Vec<(String, String)>,
    /// What it counted.
    pub value: CustomValue,
}

/// What a series of the application's own counted.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CustomValue {
    /// All that was ever counted.
    Counter(u64),
    /// All that was ever counted, of what is read elsewhere and may be counted in fractions, such as seconds.
    Total(f64),
    /// What it was last set to.
    Gauge(f64),
    /// All that was ever recorded.
    Histogram(HistogramReading),
}

/// The values that a histogram was given.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HistogramReading {
    /// How many values were not above each bound, exactly; the bounds ascend.
    pub buckets: Vec<HistogramBucket>,
    /// How many values there were: what the bucket `+Inf` shows.
    pub count: u64,
    /// Their sum, in the metric's unit; of those that are finite.
    pub sum: f64,
}

/// One bound of a histogram.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct HistogramBucket {
    /// The bound, in the metric's unit. It includes itself.
    pub le: f64,
    /// How many values were not above it.
    pub count: u64,
}

impl Metric {
    /// What it says, if anything was ever counted in it and is still known.
    pub(super) fn reading(&self, name: &str, kind: CustomKind) -> Option<CustomMetric> {
        let series: Vec<CustomSeries> = self.series.iter().filter_map(Series::reading).collect();
        if series.is_empty() {
            return None;
        }
        let text = |text: &Option<Box<str>>| text.as_deref().map(ToOwned::to_owned);
        Some(CustomMetric {
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
    /// What it says; nothing where a sampler found nothing.
    pub(super) fn reading(&self) -> Option<CustomSeries> {
        let value = match &self.cell {
            Cell::Sampled(CustomKind::Counter, cell) => CustomValue::Total(cell.value()?),
            Cell::Sampled(_, cell) => CustomValue::Gauge(cell.value()?),
            Cell::Counter(counter) => CustomValue::Counter(counter.value()),
            Cell::Gauge(gauge) => CustomValue::Gauge(gauge.value()),
            Cell::Histogram(histogram) => {
                let counts: Vec<u64> = histogram.cumulative().collect();
                let buckets = histogram.bounds().iter().zip(&counts).map(|(&le, &count)| HistogramBucket { le, count });
                CustomValue::Histogram(HistogramReading {
                    buckets: buckets.collect(),
                    count: counts.last().copied().unwrap_or_default(),
                    sum: histogram.sum(),
                })
            }
        };
        let labels = self.labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
        Some(CustomSeries { labels, value })
    }
}
