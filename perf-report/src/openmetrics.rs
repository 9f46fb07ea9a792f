//! Prometheus text and OpenMetrics with times.

use crate::moment::millis;
use crate::report::Report;
use crate::source::Source;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{MetricSeriesTrack, SeriesPoint, SeriesTrack};
use perf_runtime::{Kind, Outcome};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::{self, Display, Write as _};
use std::io::{self, Write};
use std::time::SystemTime;

/// Writes each step of a report as OpenMetrics 1.0 with times, for `promtool tsdb create-blocks-from openmetrics`.
///
/// Counters and histograms count from zero at the first step that was observed, so `rate` and `increase` are right over the range.
/// Each number has the time when its step had ended. Histograms are of all outcomes together, without the label `outcome`; a histogram
/// of the application's own has a sum and a count, and no buckets. Steps that nobody observed have no samples.
/// Of a metric that had two types in the range, the series of the first type are written: a family has one.
///
/// # Errors
/// Those of `out`.
pub fn openmetrics(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    openmetrics_from(Source::held(report), out)
}

pub(crate) fn openmetrics_from(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    all(source, Style::OpenMetrics, out)?;
    out.write_all(b"# EOF\n")
}

/// Writes a report as Prometheus text 0.0.4: each series once, with all that was counted in the range and the time of its end. The
/// format has no place for more than one sample of a series; [`openmetrics`] has.
///
/// # Errors
/// Those of `out`.
pub fn prometheus(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    prometheus_from(Source::held(report), out)
}

pub(crate) fn prometheus_from(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    all(source, Style::Prometheus, out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Prometheus,
    OpenMetrics,
}

/// A family, by what its samples are made of.
enum Family<'a> {
    Counter(&'a [SeriesTrack]),
    Histogram(&'a [SeriesTrack]),
    Metric(MetricKind, Vec<&'a MetricSeriesTrack>),
}

impl Family<'_> {
    /// The word for the type of the family. In OpenMetrics a counter has a name that ends with `_total`: any other, and one whose name
    /// without it is another family's, has no type, as on the page that is scraped.
    fn word(&self, name: &str, style: Style, names: &BTreeSet<String>) -> &'static str {
        match self {
            Self::Histogram(_) => "histogram",
            Self::Metric(MetricKind::Histogram, _) => "summary",
            Self::Metric(MetricKind::Gauge, _) => "gauge",
            Self::Counter(_) | Self::Metric(MetricKind::Counter, _) => match (style, name.strip_suffix("_total")) {
                (Style::Prometheus, _) => "counter",
                (Style::OpenMetrics, Some(stem)) if !stem.is_empty() && !names.contains(stem) => "counter",
                (Style::OpenMetrics, _) => "unknown",
            },
        }
    }

    /// The names of its samples.
    fn samples(&self, name: &str) -> Vec<String> {
        let ends: &[&str] = match self {
            Self::Histogram(_) => &["_bucket", "_count", "_sum", "_created"],
            Self::Metric(MetricKind::Histogram, _) => &["_count", "_sum", "_created"],
            Self::Counter(_) | Self::Metric(..) => &[],
        };
        ends.iter().map(|end| format!("{name}{end}")).collect()
    }
}

fn all(source: Source<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let mut families: BTreeMap<String, Family<'_>> = BTreeMap::new();
    for tracks in report.tracks.series.chunk_by(|one, other| one.kind == other.kind) {
        let Some(names) = tracks.first().and_then(|track| report.names_of(track.kind)) else { continue };
        families.insert(names.counter.clone(), Family::Counter(tracks));
        families.insert(names.histogram.clone(), Family::Histogram(tracks));
    }
    for track in &report.tracks.metrics {
        let name = exposed(&track.name);
        match families.entry(name).or_insert_with(|| Family::Metric(track.kind, Vec::new())) {
            // Of one name that had two types, those of the first are written: a family has one type.
            Family::Metric(kind, tracks) if *kind == track.kind => tracks.push(track),
            _ => {}
        }
    }
    // A name that is that of another family's samples gives way, as on the page that is scraped.
    let samples: BTreeSet<String> = families.iter().flat_map(|(name, family)| family.samples(name)).collect();
    families.retain(|name, family| !samples.contains(name) || !matches!(family, Family::Metric(..)));
    let names: BTreeSet<String> = families.keys().cloned().collect();
    let mut pen = Pen { out, style, text: String::new(), end: report.end.min(report.made) };
    for (name, family) in &families {
        let word = family.word(name, style, &names);
        match family {
            Family::Counter(tracks) => {
                pen.family(name, word, &of(tracks, " that ended, by outcome."));
                counters(source, name, tracks, &mut pen)?;
            }
            Family::Histogram(tracks) => {
                pen.family(name, word, &of(tracks, ": duration in seconds, of all outcomes."));
                histograms(source, name, tracks, &mut pen)?;
            }
            Family::Metric(kind, tracks) => {
                pen.family(name, word, "As the program or a part of perf tells it.");
                metrics(report, name, *kind, tracks, &mut pen)?;
            }
        }
    }
    pen.flush()
}

/// The name under which a metric is written, of the letters that the format has: the name of the page that is scraped, so that what is put
/// into a Prometheus goes on in what it scrapes.
fn exposed(name: &str) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '_' | ':') { one } else { '_' };
    name.chars().map(plain).collect()
}

fn counters(source: Source<'_>, name: &str, tracks: &[SeriesTrack], pen: &mut Pen<'_>) -> io::Result<()> {
    source.calls(tracks, |track| {
        for outcome in Outcome::ALL {
            let labels = labels(track.labels.pairs().chain([("outcome", outcome.as_str())]));
            let count = |point: &SeriesPoint| Some(point.outcomes?.of(outcome));
            let numbers = track.points.iter().filter_map(|point| Some((point.start, count(point)?)));
            pen.growing(source.report, &[name, ""], &labels, numbers, 0, u64::saturating_add)?;
        }
        Ok(())
    })
}

fn histograms(source: Source<'_>, name: &str, tracks: &[SeriesTrack], pen: &mut Pen<'_>) -> io::Result<()> {
    source.calls(tracks, |track| {
        let plain = labels(track.labels.pairs());
        let bounds = track.bounds.iter().copied().chain([f64::INFINITY]);
        let bounds = bounds.map(|bound| shown_bound(bound, pen.style));
        let of_bound = |bound: String| labels(track.labels.pairs().chain([("le", bound.as_str())]));
        let mut buckets: Vec<(String, u64)> = bounds.map(|bound| (of_bound(bound), 0)).collect();
        let mut sum = 0.0;
        let seen = track.points.iter().filter(|point| point.count.is_some());
        pen.at_each(source.report, seen.map(|point| (point.start, point)), |pen, at, point| {
            if let Some(point) = point {
                for (bucket, more) in buckets.iter_mut().zip(&point.buckets) {
                    bucket.1 = bucket.1.saturating_add(*more);
                }
                sum += point.sum.unwrap_or_default();
            }
            // A point of a histogram stands together: readers take times that go back within one for a mistake.
            let Some(at) = at else { return Ok(()) };
            let mut below = 0_u64;
            for (labels, count) in &buckets {
                below = below.saturating_add(*count);
                pen.sample(&[name, "_bucket"], labels, below, at)?;
            }
            pen.sample(&[name, "_count"], &plain, below, at)?;
            pen.sample(&[name, "_sum"], &plain, sum, at)
        })
    })
}

fn metrics(
    report: &Report,
    name: &str,
    kind: MetricKind,
    tracks: &[&MetricSeriesTrack],
    pen: &mut Pen<'_>,
) -> io::Result<()> {
    for track in tracks {
        let labels = labels(track.labels.pairs());
        let values = track.points.iter().filter_map(|point| Some((point.start, point.value?)));
        match kind {
            MetricKind::Counter => pen.growing(report, &[name, ""], &labels, values, 0.0, |all, more| all + more)?,
            MetricKind::Histogram => summary(report, name, &labels, track, pen)?,
            MetricKind::Gauge => pen.changing(report, name, &labels, values)?,
        }
    }
    Ok(())
}

/// A histogram of the application's own: how many values, and their sum as the mean of each step tells it, which has seven digits.
/// Where a mean is no number, the sum is known no more.
fn summary(report: &Report, name: &str, labels: &str, track: &MetricSeriesTrack, pen: &mut Pen<'_>) -> io::Result<()> {
    let counted = track.points.iter().filter_map(|point| Some((point.start, (point.count?, point.value))));
    let (mut all, mut sum) = (0.0, Some(0.0));
    pen.at_each(report, counted, |pen, at, read| {
        if let Some((count, mean)) = read {
            all += count;
            let more = if count == 0.0 { Some(0.0) } else { mean.map(|mean| mean * count) };
            sum = sum.zip(more).map(|(sum, more)| sum + more).filter(|sum| sum.is_finite());
        }
        let Some(at) = at else { return Ok(()) };
        pen.sample(&[name, "_count"], labels, all, at)?;
        sum.map_or(Ok(()), |sum| pen.sample(&[name, "_sum"], labels, sum, at))
    })
}

/// The first words of a family's help: its kind.
fn of(tracks: &[SeriesTrack], rest: &str) -> String {
    let kind = tracks.first().map_or("", |track| Kind::as_str(track.kind)).replace('_', " ");
    format!("Calls of the kind {kind}{rest}")
}

/// A bound as the value of `le`: OpenMetrics asks that whole numbers show that they are not, and for Go's exponents.
fn shown_bound(bound: f64, style: Style) -> String {
    if bound.is_infinite() {
        return "+Inf".to_owned();
    }
    if style == Style::Prometheus {
        return bound.to_string();
    }
    let text = format!("{bound:?}");
    match text.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => text,
    }
}

/// Labels as a text, without the braces.
fn labels<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in pairs {
        if !text.is_empty() {
            text.push(',');
        }
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{name}=\"{}\"", Escaped(value));
    }
    text
}

struct Escaped<'a>(&'a str);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for one in self.0.chars() {
            match one {
                '\\' => f.write_str("\\\\")?,
                '"' => f.write_str("\\\"")?,
                '\n' => f.write_str("\\n")?,
                one => f.write_char(one)?,
            }
        }
        Ok(())
    }
}

/// Writes lines, some thousand bytes at a time.
struct Pen<'a> {
    out: &'a mut dyn Write,
    style: Style,
    text: String,
    /// The time of numbers that are of the whole range.
    end: SystemTime,
}

impl Pen<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        let stem = match self.style {
            Style::OpenMetrics if kind == "counter" => name.strip_suffix("_total").unwrap_or(name),
            _ => name,
        };
        let _ = write!(self.text, "# HELP {stem} {}\n# TYPE {stem} {kind}\n", Escaped(help));
        if self.style == Style::OpenMetrics {
            let unit = ["seconds", "bytes"].into_iter().find(|unit| ends_with_unit(stem, unit));
            let _ = unit.map(|unit| writeln!(self.text, "# UNIT {stem} {unit}"));
        }
    }

    /// Numbers that add up: from zero at the start of the first step, and all so far at the end of each.
    fn growing<N: Display + Copy>(
        &mut self,
        report: &Report,
        name: &[&str; 2],
        labels: &str,
        numbers: impl Iterator<Item = (SystemTime, N)>,
        zero: N,
        add: impl Fn(N, N) -> N,
    ) -> io::Result<()> {
        let mut all = zero;
        self.at_each(report, numbers, |pen, at, number| {
            all = number.map_or(all, |number| add(all, number));
            at.map_or(Ok(()), |at| pen.sample(name, labels, all, at))
        })
    }

    /// Goes from step to step of what adds up. `show` is given the time at which the sum is to be written, where there is one, and
    /// first what is to be added to it; at the very beginning nothing is.
    fn at_each<N>(
        &mut self,
        report: &Report,
        numbers: impl Iterator<Item = (SystemTime, N)>,
        mut show: impl FnMut(&mut Self, Option<SystemTime>, Option<N>) -> io::Result<()>,
    ) -> io::Result<()> {
        let each = self.style == Style::OpenMetrics;
        let mut is_any = false;
        for (start, number) in numbers {
            let end = report.end_of(start);
            // A session begins within a step.
            let start = start.max(report.start);
            if !is_any && each {
                show(self, Some(start), None)?;
            }
            is_any = true;
            show(self, Some(end).filter(|end| each && *end > start), Some(number))?;
        }
        if is_any && !each { show(self, Some(self.end), None) } else { Ok(()) }
    }

    /// Numbers that go up and down: each at the end of its step.
    fn changing(
        &mut self,
        report: &Report,
        name: &str,
        labels: &str,
        numbers: impl Iterator<Item = (SystemTime, f64)>,
    ) -> io::Result<()> {
        let mut last = None;
        for (start, number) in numbers {
            let end = report.end_of(start);
            last = Some((number, end));
            if self.style == Style::OpenMetrics {
                self.sample(&[name, ""], labels, number, end)?;
            }
        }
        match last {
            Some((number, end)) if self.style == Style::Prometheus => self.sample(&[name, ""], labels, number, end),
            _ => Ok(()),
        }
    }

    fn sample(
        &mut self,
        [name, suffix]: &[&str; 2],
        labels: &str,
        value: impl Display,
        at: SystemTime,
    ) -> io::Result<()> {
        const FULL: usize = 1 << 14;
        self.text.push_str(name);
        self.text.push_str(suffix);
        if !labels.is_empty() {
            let _ = write!(self.text, "{{{labels}}}");
        }
        let millis = millis(at);
        let _ = match self.style {
            Style::Prometheus => writeln!(self.text, " {value} {millis}"),
            Style::OpenMetrics if millis.is_multiple_of(1_000) => writeln!(self.text, " {value} {}", millis / 1_000),
            Style::OpenMetrics => writeln!(self.text, " {value} {}.{:03}", millis / 1_000, millis % 1_000),
        };
        if self.text.len() >= FULL { self.flush() } else { Ok(()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.write_all(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}

fn ends_with_unit(stem: &str, unit: &str) -> bool {
    stem.strip_suffix(unit).is_some_and(|front| front.ends_with('_'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_are_as_each_format_writes_them() {
        let both = |bound| [Style::Prometheus, Style::OpenMetrics].map(|style| shown_bound(bound, style));
        assert_eq!(both(1.0), ["1", "1.0"]);
        assert_eq!(both(0.25), ["0.25", "0.25"]);
        assert_eq!(both(5e-5)[1], "5e-05");
        assert_eq!(both(f64::INFINITY), ["+Inf", "+Inf"]);
    }

    #[test]
    fn names_are_such_as_the_format_has() {
        assert_eq!(exposed("a.b-c"), "a_b_c");
        assert_eq!(labels([("a", "b\"\\\n")].into_iter()), r#"a="b\"\\\n""#);
    }
}
