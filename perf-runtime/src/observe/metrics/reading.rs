//! Readings of the application's own metrics.

use super::kind::MetricKind;
use crate::observe::series::labels::Labels;
use crate::text;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A metric of the application's own, as it stood when it was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricReading {
    /// The name under which it is exposed: as the program wrote it, with `_` for what Prometheus does not take.
    pub name: String,
    /// The type of the metric.
    pub kind: MetricKind,
    /// Its unit, as it was described: `seconds`, `bytes`, or a word of the application's own.
    pub unit: Option<String>,
    /// The description.
    pub help: Option<String>,
    /// Its place in the order in which metrics were made. Of two that cannot both be exposed, it is the one that was made
    /// first.
    pub made: usize,
    /// Each set of label values, sorted.
    pub series: Vec<MetricSeries>,
}

/// One set of label values, and what it counted.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MetricSeries {
    /// Names and values, sorted by name.
    pub labels: Labels,
    /// The count.
    pub value: MetricValue,
    /// Whether it counts from zero since this process began, as the program's own counters and histograms do. Counters read
    /// elsewhere, such as the bytes of a disk, may have begun long ago.
    #[serde(default)]
    pub from_zero: bool,
    /// Words beside the value, for alerts and the health.
    #[serde(skip)]
    pub(crate) note: Option<Arc<str>>,
}

/// The value of a series of the application's own. In JSON, a number that is not finite is one of the texts `"NaN"`, `"+Inf"` and
/// `"-Inf"`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetricValue {
    /// All that was ever counted.
    Counter(u64),
    /// All that was ever counted, in fractions too: such as seconds.
    Total(#[serde(with = "text::any_number")] f64),
    /// The value last set.
    Gauge(#[serde(with = "text::any_number")] f64),
    /// All that was ever recorded.
    Histogram(HistogramReading),
}

/// The values that a histogram was given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HistogramBucket {
    /// The bound, in the metric's unit. It includes itself.
    pub le: f64,
    /// How many values were not above it.
    pub count: u64,
}
