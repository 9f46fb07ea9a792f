//! The figures of one run: of its report, and of its command as the system counted it.

use super::files::Usage;
use perf_report::Report;
use perf_runtime::Outcome;
use perf_runtime::metric::{MetricKind, names};
use perf_runtime::series::{Labels, MetricSeriesTrack, SeriesTrack};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The width of a bucket of durations, as a share: by this much a percentile may be off.
const BUCKET: f64 = 1.0 / 16.0;
/// Calls of a run below which a percentile rests on a handful.
const FEWEST_OF_P95: u64 = 100;
const FEWEST_OF_P99: u64 = 1_000;
/// Metrics of `perf-host` that are of the program's own work; its others are of the machine, or of what measures.
const OF_THE_PROGRAM: [&str; 3] = ["allocator_", "cache_", "db_client_"];

/// How a figure stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Class {
    Worse,
    Better,
    /// Less work, which may be a gain or a loss.
    Less,
    Unclear,
    /// Of too few runs to say anything.
    NotJudged,
    Same,
}

impl Class {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Worse => "worse",
            Self::Better => "better",
            Self::Less => "less",
            Self::Unclear => "unclear",
            Self::NotJudged => "not judged",
            Self::Same => "same",
        }
    }
}

/// The kind of a figure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum What {
    Calls,
    Errors,
    Panics,
    Cancellations,
    /// The growth of a counter of the program.
    Counter,
    /// The same of one that is read now and then: never exact.
    Sampled,
    Mean,
    P95,
    P99,
    CpuTime,
    PeakMemory,
    /// Of nearly the same work nearly the same: judged by repeats.
    Instructions,
}

impl What {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Errors => "errors",
            Self::Panics => "panics",
            Self::Cancellations => "cancellations",
            Self::Counter | Self::Sampled => "counter",
            Self::Mean => "mean",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::CpuTime => "cpu time",
            Self::PeakMemory => "peak memory",
            Self::Instructions => "instructions",
        }
    }

    /// The unit, for scripts.
    pub(super) fn unit(self) -> &'static str {
        match self {
            Self::Mean | Self::P95 | Self::P99 | Self::CpuTime => "seconds",
            Self::PeakMemory => "bytes",
            Self::Calls
            | Self::Errors
            | Self::Panics
            | Self::Cancellations
            | Self::Counter
            | Self::Sampled
            | Self::Instructions => "",
        }
    }

    /// Whether it is a count, of which the same work gives the same.
    pub(super) fn is_count(self) -> bool {
        matches!(self, Self::Calls | Self::Errors | Self::Panics | Self::Cancellations | Self::Counter)
    }

    /// Whether it is an amount of work, of which less may be a gain or a loss.
    pub(super) fn is_work(self) -> bool {
        matches!(self, Self::Calls | Self::Counter | Self::Sampled)
    }

    /// How it stands where there is less of it.
    pub(super) fn less(self) -> Class {
        if self.is_work() { Class::Less } else { Class::Better }
    }

    /// The share by which a value may be off.
    pub(super) fn resolution(self) -> f64 {
        if matches!(self, Self::P95 | Self::P99) { BUCKET } else { 0.0 }
    }
}

/// A figure of one series.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key {
    pub(super) series: String,
    pub(super) what: What,
}

/// The figures of one run.
pub(super) type Figures = BTreeMap<Key, f64>;

/// The series that stands for the whole command.
pub(super) const COMMAND: &str = "the whole command";

pub(super) fn of_report(report: &Report) -> Figures {
    let mut figures = Figures::new();
    for track in &report.tracks.series {
        add_calls(&mut figures, track);
    }
    for track in &report.tracks.metrics {
        add_counter(&mut figures, track);
    }
    figures
}

pub(super) fn add_usage(figures: &mut Figures, usage: &Usage) {
    let mut add = |what, value: Option<f64>| {
        figures.extend(value.map(|value| (Key { series: COMMAND.to_owned(), what }, value)));
    };
    add(What::CpuTime, usage.cpu_seconds);
    add(What::PeakMemory, usage.peak_bytes.map(|bytes| bytes as f64));
    add(What::Instructions, usage.instructions.map(|count| count as f64));
}

/// A series that nobody called has no figures: it is as if it were not there.
fn add_calls(figures: &mut Figures, track: &SeriesTrack) {
    let whole = &track.whole;
    let Some(count) = whole.count.filter(|count| *count > 0) else { return };
    let series = track.id.to_string();
    let mut add = |what, value: Option<f64>| {
        let value = value.filter(|value| value.is_finite());
        figures.extend(value.map(|value| (Key { series: series.clone(), what }, value)));
    };
    add(What::Calls, Some(count as f64));
    if let Some(outcomes) = whole.outcomes {
        for (what, outcome) in [
            (What::Errors, Outcome::Error),
            (What::Panics, Outcome::Panicked),
            (What::Cancellations, Outcome::Cancelled),
        ] {
            add(what, Some(outcomes.of(outcome) as f64));
        }
    }
    add(What::Mean, whole.sum.map(|sum| sum / count as f64).or(whole.mean));
    add(What::P95, whole.p95.filter(|_| count >= FEWEST_OF_P95));
    add(What::P99, whole.p99.filter(|_| count >= FEWEST_OF_P99));
}

fn add_counter(figures: &mut Figures, track: &MetricSeriesTrack) {
    if track.kind != MetricKind::Counter {
        return;
    }
    let known = names::ALL.iter().find(|known| known.name == track.name);
    if known.is_some_and(|_| !OF_THE_PROGRAM.iter().any(|start| track.name.starts_with(start))) {
        return;
    }
    let values: Vec<f64> = track.points.iter().filter_map(|point| point.value).collect();
    let sum: f64 = values.iter().sum();
    if values.is_empty() || !sum.is_finite() {
        return;
    }
    let what = if known.is_some() { What::Sampled } else { What::Counter };
    figures.insert(Key { series: name_of(&track.name, &track.labels), what }, sum);
}

fn name_of(name: &str, labels: &Labels) -> String {
    let mut text = name.to_owned();
    for (place, (name, value)) in labels.pairs().enumerate() {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{}{name}={}", if place == 0 { '{' } else { ',' }, parted(value));
    }
    if text.len() > name.len() {
        text.push('}');
    }
    text
}

/// The value of a label as it is, or in quotes where it could be taken for more than one.
fn parted(value: &str) -> String {
    if value.contains([',', '=', '{', '}', '"', '\\']) { format!("{value:?}") } else { value.to_owned() }
}
