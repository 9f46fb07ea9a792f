//! Prometheus text and OpenMetrics with times.

use crate::moment::millis;
use crate::report::Report;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{MetricSeriesTrack, SeriesPoint, SeriesTrack};
use perf_runtime::{Kind, Outcome};
use std::collections::BTreeMap;
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
    all(report, Style::OpenMetrics, out)?;
    out.write_all(b"# EOF\n")
}

/// Writes a report as Prometheus text 0.0.4: each series once, with all that was counted in the range and the time of its end. The
/// format has no place for more than one sample of a series; [`openmetrics`] has.
///
/// # Errors
/// Those of `out`.
pub fn prometheus(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    all(report, Style::Prometheus, out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Style {
    Prometheus,
    OpenMetrics,
}

/// A family, by what its samples are made of.
enum Source<'a> {
    Counter(&'a [SeriesTrack]),
    Histogram(&'a [SeriesTrack]),
    Metric(MetricKind, Vec<&'a MetricSeriesTrack>),
}

fn all(report: &Report, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut families: BTreeMap<String, Source<'_>> = BTreeMap::new();
    for tracks in report.tracks.series.chunk_by(|one, other| one.kind == other.kind) {
        let Some(names) = tracks.first().and_then(|track| report.names_of(track.kind)) else { continue };
        families.insert(names.counter.clone(), Source::Counter(tracks));
        families.insert(names.histogram.clone(), Source::Histogram(tracks));
    }
    for track in &report.tracks.metrics {
        let name = exposed(&track.name, track.kind);
        match families.entry(name).or_insert_with(|| Source::Metric(track.kind, Vec::new())) {
            // Of one name that had two types, those of the first are written: a family has one type.
            Source::Metric(kind, tracks) if *kind == track.kind => tracks.push(track),
            _ => {}
        }
    }
    let mut pen = Pen { out, style, text: String::new(), end: report.end.min(report.made) };
    for (name, source) in &families {
        match source {
            Source::Counter(tracks) => counters(report, name, tracks, &mut pen)?,
            Source::Histogram(tracks) => histograms(report, name, tracks, &mut pen)?,
            Source::Metric(kind, tracks) => metrics(report, name, *kind, tracks, &mut pen)?,
        }
    }
    pen.flush()
}

/// The name under which a metric is written: of the letters that the format has, and of a counter with its ending.
fn exposed(name: &str, kind: MetricKind) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() || matches!(one, '_' | ':') { one } else { '_' };
    let name: String = name.chars().map(plain).collect();
    if kind == MetricKind::Counter && !name.ends_with("_total") { name + "_total" } else { name }
}

fn counters(report: &Report, name: &str, tracks: &[SeriesTrack], pen: &mut Pen<'_>) -> io::Result<()> {
    pen.family(name, "counter", &of(tracks, " that ended, by outcome."));
    for track in tracks {
        for outcome in Outcome::ALL {
            let labels = labels(track.labels.pairs().chain([("outcome", outcome.as_str())]));
            let count = |point: &SeriesPoint| Some(point.outcomes?.of(outcome));
            let numbers = track.points.iter().filter_map(|point| Some((point.start, count(point)?)));
            pen.growing(report, &[name, ""], &labels, numbers, 0, u64::saturating_add)?;
        }
    }
    Ok(())
}

fn histograms(report: &Report, name: &str, tracks: &[SeriesTrack], pen: &mut Pen<'_>) -> io::Result<()> {
    pen.family(name, "histogram", &of(tracks, ": duration in seconds, of all outcomes."));
    for track in tracks {
        let plain = labels(track.labels.pairs());
        let seen = || track.points.iter().filter(|point| point.count.is_some());
        let bounds = track.bounds.iter().copied().chain([f64::INFINITY]);
        for (place, bound) in bounds.enumerate() {
            let bound = shown_bound(bound, pen.style);
            let labels = labels(track.labels.pairs().chain([("le", bound.as_str())]));
            let below = |point: &SeriesPoint| point.buckets.iter().take(place + 1).sum::<u64>();
            let numbers = seen().map(|point| (point.start, below(point)));
            pen.growing(report, &[name, "_bucket"], &labels, numbers, 0, u64::saturating_add)?;
        }
        let counts = seen().map(|point| (point.start, point.buckets.iter().sum::<u64>()));
        pen.growing(report, &[name, "_count"], &plain, counts, 0, u64::saturating_add)?;
        let sums = seen().map(|point| (point.start, point.sum.unwrap_or_default()));
        pen.growing(report, &[name, "_sum"], &plain, sums, 0.0, |all, more| all + more)?;
    }
    Ok(())
}

fn metrics(
    report: &Report,
    name: &str,
    kind: MetricKind,
    tracks: &[&MetricSeriesTrack],
    pen: &mut Pen<'_>,
) -> io::Result<()> {
    let word = match kind {
        MetricKind::Counter => "counter",
        MetricKind::Histogram => "summary",
        MetricKind::Gauge => "gauge",
    };
    pen.family(name, word, "As the program or a part of perf tells it.");
    for track in tracks {
        let labels = labels(track.labels.pairs());
        let values = track.points.iter().filter_map(|point| Some((point.start, point.value?)));
        match kind {
            MetricKind::Counter => pen.growing(report, &[name, ""], &labels, values, 0.0, |all, more| all + more)?,
            MetricKind::Histogram => {
                let counted = || track.points.iter().filter_map(|point| Some((point, point.count?)));
                let counts = counted().map(|(point, count)| (point.start, count));
                pen.growing(report, &[name, "_count"], &labels, counts, 0.0, |all, more| all + more)?;
                let sums = counted().map(|(point, count)| (point.start, point.value.unwrap_or_default() * count));
                pen.growing(report, &[name, "_sum"], &labels, sums, 0.0, |all, more| all + more)?;
            }
            MetricKind::Gauge => pen.changing(report, name, &labels, values)?,
        }
    }
    Ok(())
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
        let (mut all, mut last) = (zero, None);
        for (start, number) in numbers {
            if last.is_none() && self.style == Style::OpenMetrics {
                self.sample(name, labels, zero, start)?;
            }
            all = add(all, number);
            last = Some(start);
            let end = report.end_of(start);
            if self.style == Style::OpenMetrics && end > start {
                self.sample(name, labels, all, end)?;
            }
        }
        match last {
            Some(_) if self.style == Style::Prometheus => self.sample(name, labels, all, self.end),
            _ => Ok(()),
        }
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
        assert_eq!(exposed("a.b-c", MetricKind::Gauge), "a_b_c");
        assert_eq!(exposed("a", MetricKind::Counter), "a_total");
        assert_eq!(labels([("a", "b\"\\\n")].into_iter()), r#"a="b\"\\\n""#);
    }
}
