//! A report as plain lines of numbers: one for each metric, set of labels and statistic. Tables and vendors' formats are made of
//! them, so that they say the same.

use crate::report::Report;
use crate::source::Source;
use perf_runtime::Outcome;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{MetricSeriesTrack, SeriesPoint, SeriesTrack};
use std::io;
use std::time::SystemTime;

/// One line of numbers over the range.
#[derive(Debug)]
pub(crate) struct Line<'a> {
    /// The series in one text, as the API names it.
    pub(crate) series: &'a str,
    /// The name of the metric as it is exposed.
    pub(crate) metric: &'a str,
    pub(crate) labels: &'a [(&'a str, &'a str)],
    /// The figure: `count`, `sum`, `mean`, `p50`, `p90`, `p95`, `p99`, `max` or `value`.
    pub(crate) statistic: &'static str,
    pub(crate) unit: Option<&'a str>,
    /// Whether the numbers of steps add up, and are of the step alone.
    pub(crate) adds_up: bool,
    /// The steps that have one, in their order: when they begin, and the number.
    pub(crate) points: &'a [(SystemTime, f64)],
}

type Figure = fn(&SeriesPoint) -> Option<f64>;

/// The figures of durations: name, whether they add up, and where they stand.
const DURATIONS: [(&str, bool, Figure); 7] = [
    ("sum", true, |point| point.sum),
    ("mean", false, |point| point.mean),
    ("p50", false, |point| point.p50),
    ("p90", false, |point| point.p90),
    ("p95", false, |point| point.p95),
    ("p99", false, |point| point.p99),
    ("max", false, |point| point.max),
];

/// Shows every line that has a point. Calls are counted by outcome; a step that nobody observed has no point.
pub(crate) fn each(source: Source<'_>, mut show: impl FnMut(&Line<'_>) -> io::Result<()>) -> io::Result<()> {
    let mut points = Vec::new();
    let report = source.report;
    source.calls(&report.tracks.series, |track| calls(report, track, &mut points, &mut show))?;
    report.tracks.metrics.iter().try_for_each(|track| metric(track, &mut points, &mut show))
}

type Points = Vec<(SystemTime, f64)>;

fn calls(
    report: &Report,
    track: &SeriesTrack,
    points: &mut Points,
    show: &mut impl FnMut(&Line<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let Some(names) = report.names_of(track.kind) else { return Ok(()) };
    let series = track.id.to_string();
    let mut labels: Vec<(&str, &str)> = track.labels.pairs().collect();
    for outcome in Outcome::ALL {
        points.clear();
        points.extend(track.points.iter().filter_map(|point| Some((point.start, point.outcomes?.of(outcome) as f64))));
        labels.push(("outcome", outcome.as_str()));
        let line = Line {
            series: &series,
            metric: &names.counter,
            labels: &labels,
            statistic: "count",
            unit: None,
            adds_up: true,
            points,
        };
        show_any(&line, show)?;
        labels.pop();
    }
    for (statistic, adds_up, figure) in DURATIONS {
        points.clear();
        points.extend(track.points.iter().filter_map(|point| Some((point.start, figure(point)?))));
        let (metric, unit) = (names.histogram.as_str(), Some("seconds"));
        show_any(&Line { series: &series, metric, labels: &labels, statistic, unit, adds_up, points }, show)?;
    }
    Ok(())
}

fn metric(
    track: &MetricSeriesTrack,
    points: &mut Points,
    show: &mut impl FnMut(&Line<'_>) -> io::Result<()>,
) -> io::Result<()> {
    let labels: Vec<(&str, &str)> = track.labels.pairs().collect();
    let series = series_text(&track.name, &labels);
    let (metric, unit) = (track.name.as_str(), track.unit.as_deref());
    let (statistic, adds_up) = match track.kind {
        MetricKind::Counter => ("count", true),
        MetricKind::Histogram => ("mean", false),
        MetricKind::Gauge => ("value", false),
    };
    points.clear();
    points.extend(track.points.iter().filter_map(|point| Some((point.start, point.value?))));
    show_any(&Line { series: &series, metric, labels: &labels, statistic, unit, adds_up, points }, show)?;
    if track.kind == MetricKind::Histogram {
        points.clear();
        points.extend(track.points.iter().filter_map(|point| Some((point.start, point.count?))));
        let statistic = "count";
        show_any(
            &Line { series: &series, metric, labels: &labels, statistic, unit: None, adds_up: true, points },
            show,
        )?;
    }
    Ok(())
}

fn show_any(line: &Line<'_>, show: &mut impl FnMut(&Line<'_>) -> io::Result<()>) -> io::Result<()> {
    if line.points.is_empty() { Ok(()) } else { show(line) }
}

/// The name of a metric's series, as the API names it.
fn series_text(name: &str, labels: &[(&str, &str)]) -> String {
    if labels.is_empty() {
        return name.to_owned();
    }
    let escaped = |value: &str| value.replace('\\', "\\\\").replace(',', "\\,");
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", escaped(value))).collect();
    format!("{name}{{{}}}", labels.join(","))
}
