//! Families and samples, as they are shown to who collects them. All data is borrowed.

use super::entry::Entry;
use super::ladder::Step;
use super::number::Number;
use super::streams::Spread;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::reading::HistogramReading;
use crate::observe::series::identity::Identity;
use std::borrow::Cow;
use std::fmt;
use std::iter;

/// The label of calls that ended as it was expected: its value is `true`. Others have no such label.
pub(crate) const EXPECTED: &str = "expected";

/// Takes everything that a monitor knows: [`Monitor::collect`](crate::Monitor::collect).
///
/// Families come in the order of their names and the samples of a family in the order of their labels, each family once and
/// directly before its samples. A family without samples does not come.
///
/// ```
/// use perf_runtime::collect::{Collector, Family, Sample, Value};
/// use perf_runtime::{Monitor, Outcome};
/// use std::time::Duration;
///
/// #[derive(Default)]
/// struct Counted(Vec<String>);
///
/// impl Collector for Counted {
///     fn family(&mut self, family: &Family<'_>) {
///         self.0.push(format!("{} is a {}", family.name, family.kind));
///     }
///
///     fn sample(&mut self, sample: &Sample<'_>) {
///         if let Value::Number(number) = sample.value {
///             let labels: Vec<_> = sample.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
///             self.0.push(format!("{} {}", labels.join(","), number.as_f64()));
///         }
///     }
/// }
///
/// let monitor = Monitor::builder().build()?;
/// monitor.operation("resize").record(Duration::from_millis(3), Outcome::Ok);
/// let mut counted = Counted::default();
/// monitor.collect(&mut counted);
/// assert!(counted.0.iter().any(|line| line == "operations_total is a counter"));
/// assert!(counted.0.iter().any(|line| line == "operation=resize,outcome=ok 1"));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
pub trait Collector {
    /// Takes a family. Its samples follow.
    fn family(&mut self, family: &Family<'_>);

    /// Takes a sample of the family that came last.
    fn sample(&mut self, sample: &Sample<'_>);
}

/// A family of metrics: samples of one name that differ in their labels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Family<'a> {
    /// The name, with the namespace where it has one, and with the `_total` of a counter.
    pub name: &'a str,
    /// The type of its samples.
    pub kind: FamilyType,
    /// `seconds`, `bytes`, another unit; `None` where none was said.
    pub unit: Option<&'a str>,
    /// Its meaning, in a sentence; `None` where nobody said.
    pub help: Option<&'a str>,
}

/// The type of a family's samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum FamilyType {
    /// Numbers that only grow.
    Counter,
    /// Numbers that go up and down.
    Gauge,
    /// Values counted in buckets.
    Histogram,
    /// Quantiles that another library computed.
    Summary,
    /// Facts that do not change while a process lives, as labels: a number that is 1. Of merged OpenMetrics.
    Info,
    /// States, of which some are on: 1, and the others off: 0. Of merged OpenMetrics.
    StateSet,
    /// Values that are there now, counted in buckets. Of merged OpenMetrics.
    GaugeHistogram,
    /// Nobody said.
    Unknown,
}

impl FamilyType {
    /// The word of OpenMetrics: `counter`, `gauge`, `histogram`, `summary`, `info`, `stateset`, `gaugehistogram` or `unknown`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
            Self::Summary => "summary",
            Self::Info => "info",
            Self::StateSet => "stateset",
            Self::GaugeHistogram => "gaugehistogram",
            Self::Unknown => "unknown",
        }
    }

    /// The ends that its lines' names have in a text, behind the family's name.
    pub(crate) const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Histogram => &["_bucket", "_sum", "_count"],
            Self::Summary => &["", "_sum", "_count"],
            Self::GaugeHistogram => &["_bucket", "_gsum", "_gcount"],
            Self::Counter | Self::Gauge | Self::Info | Self::StateSet | Self::Unknown => &[""],
        }
    }

    /// The end of its name that its family goes without in OpenMetrics; empty where it goes by its name.
    pub(crate) const fn stem_suffix(self) -> &'static str {
        match self {
            Self::Counter => "_total",
            Self::Info => "_info",
            _ => "",
        }
    }
}

impl fmt::Display for FamilyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One set of label values, and what it says.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Sample<'a> {
    /// Names and values.
    pub labels: SampleLabels<'a>,
    /// The value.
    pub value: Value<'a>,
    /// Of a histogram or summary of a merged text, which comes line by line, the end of the line's name, such as `_bucket`,
    /// `_sum` or `_count`. Empty elsewhere.
    pub suffix: &'static str,
    /// Whether it counts from zero since this process began: so do counters and histograms of the program itself. Those of a
    /// sampler or a merged text may have begun long ago.
    pub from_zero: bool,
    /// When it was so, in milliseconds since 1970, where a merged text says it; else it is so now.
    pub timestamp: Option<i64>,
    /// The exemplar of a merged text, as OpenMetrics writes it behind a `#`: `{trace_id="4bf9"} 0.5`.
    pub exemplar: Option<&'a str>,
}

impl<'a> Sample<'a> {
    pub(crate) fn new(labels: SampleLabels<'a>, value: Value<'a>) -> Self {
        Self { labels, value, suffix: "", from_zero: false, timestamp: None, exemplar: None }
    }
}

/// The value of a sample.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Value<'a> {
    /// One number: of a counter what was ever counted, of a gauge what is so now.
    Number(Number<'a>),
    /// Values counted in buckets.
    Histogram(Histogram<'a>),
}

/// Values counted in buckets. Counts are exact at every bound.
#[derive(Clone, Copy, Debug)]
pub struct Histogram<'a>(pub(crate) Buckets<'a>);

#[derive(Clone, Copy, Debug)]
pub(crate) enum Buckets<'a> {
    /// Of calls with one outcome: the count at or below each bound, and nothing where there are none.
    Calls { entry: &'a Entry, outcome: Outcome, counts: &'a [u64] },
    /// Of calls that are streams.
    Stream { entry: &'a Entry, spread: &'a Spread },
    /// Of the application's own.
    Own(&'a HistogramReading),
}

impl<'a> Histogram<'a> {
    /// How many values there are.
    pub fn count(&self) -> u64 {
        match self.0 {
            Buckets::Calls { entry, outcome, .. } => entry.numbers.finished[outcome.index()],
            Buckets::Stream { spread, .. } => spread.count,
            Buckets::Own(reading) => reading.count,
        }
    }

    /// The sum of the values.
    pub fn sum(&self) -> Number<'static> {
        match self.0 {
            Buckets::Calls { entry, outcome, .. } => Number::Nanos(entry.numbers.nanos[outcome.index()]),
            Buckets::Stream { spread, .. } => Number::Nanos(spread.nanos),
            Buckets::Own(reading) => Number::Float(reading.sum),
        }
    }

    /// Each bound, ascending, with how many values are not above it. The last bound is infinite, and its count is that of
    /// all values.
    pub fn buckets(&self) -> impl Iterator<Item = (Number<'static>, u64)> + use<'a> {
        let (steps, counts, own, all): (&[Step], &[u64], _, _) = match self.0 {
            Buckets::Calls { entry, counts, .. } => (&entry.ladder.steps, counts, None, None),
            Buckets::Stream { entry, spread } => (&entry.ladder.steps, &spread.cumulative, None, None),
            Buckets::Own(reading) => (&[], &[], Some(&reading.buckets), Some(reading.count)),
        };
        let of_calls = steps.iter().enumerate().map(|(place, step)| {
            let infinite = step.nanos == u64::MAX;
            let bound = if infinite { Number::Float(f64::INFINITY) } else { Number::Nanos(step.nanos) };
            (bound, counts.get(place).copied().unwrap_or_default())
        });
        let of_own = own.into_iter().flatten().map(|bucket| (Number::Float(bucket.le), bucket.count));
        of_calls.chain(of_own).chain(all.map(|all| (Number::Float(f64::INFINITY), all)))
    }
}

/// The labels of a sample.
#[derive(Clone, Copy)]
pub struct SampleLabels<'a> {
    pub(crate) front: Front<'a>,
    pub(crate) end: End<'a>,
}

/// The labels that tell a series from others.
#[derive(Clone, Copy)]
pub(crate) enum Front<'a> {
    /// The first labels of a series of calls, and how they are written: escaped, with commas between them, and with one
    /// at the end where more follow.
    Series {
        identity: &'a Identity,
        shown: usize,
        text: &'a str,
    },
    Pair(&'a str, &'a str),
    Pairs([(&'a str, &'a str); 2]),
    Own(&'a [(String, String)]),
    Merged(&'a [(&'a str, Cow<'a, str>)]),
}

/// The labels that tell samples of one series apart.
#[derive(Clone, Copy)]
pub(crate) enum End<'a> {
    Nothing,
    Outcome(Outcome),
    /// Calls that ended in an error of a known sort.
    Failed(&'a str),
    /// Calls that ended as it was expected; of errors the sort, where it is known.
    Expected(Outcome, Option<&'a str>),
}

impl<'a> SampleLabels<'a> {
    /// Names and values, in the order in which they are shown. Costs no allocation.
    pub fn iter(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        let (front, end) = (self.front, self.end);
        let end = match end {
            End::Nothing => [None; 3],
            End::Outcome(outcome) => [Some(("outcome", outcome.as_str())), None, None],
            End::Failed(sort) => [Some(("outcome", Outcome::Error.as_str())), Some(("error_type", sort)), None],
            End::Expected(outcome, sort) => {
                [Some(("outcome", outcome.as_str())), sort.map(|sort| ("error_type", sort)), Some((EXPECTED, "true"))]
            }
        };
        let mut place = 0;
        let front = iter::from_fn(move || {
            let pair = front.get(place)?;
            place += 1;
            Some(pair)
        });
        front.chain(end.into_iter().flatten())
    }

    /// The value of a label; `None` where there is no such label.
    pub fn get(&self, name: &str) -> Option<&'a str> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }
}

impl<'a> Front<'a> {
    fn get(self, place: usize) -> Option<(&'a str, &'a str)> {
        match self {
            Self::Series { identity, shown, .. } => identity.pairs().take(shown).nth(place),
            Self::Pair(name, value) => (place == 0).then_some((name, value)),
            Self::Pairs(pairs) => pairs.get(place).copied(),
            Self::Own(pairs) => pairs.get(place).map(|(name, value)| (name.as_str(), value.as_str())),
            Self::Merged(pairs) => pairs.get(place).map(|(name, value)| (*name, &**value)),
        }
    }
}

impl fmt::Debug for SampleLabels<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}
