//! Prometheus text, format 0.0.4.
//!
//! <https://prometheus.io/docs/instrumenting/exposition_formats/>

use super::block::Block;
use crate::measure::cells::Reading;
use crate::measure::histogram::Bound;
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use crate::observe::registry::Registry;
use crate::observe::series::Series;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

/// The content type of [`render`]'s text.
pub(crate) const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Writes all series of a registry. `prefix` stands before every name.
///
/// Families are sorted by name and series by their labels, so that two scrapes differ only in their numbers.
#[cfg(test)]
pub(crate) fn render(registry: &Registry, prefix: &str) -> String {
    render_with(registry, prefix, Vec::new())
}

/// As [`render`], with the families of others between ours.
pub(crate) fn render_with(registry: &Registry, prefix: &str, others: Vec<Block>) -> String {
    let all = registry.all();
    let read: Vec<Scraped<'_>> = all.iter().map(Scraped::new).collect();
    let mut families = BTreeMap::new();
    for series in read.chunk_by(|one, other| one.kind() == other.kind()) {
        let Some(kind) = series.first().map(Scraped::kind) else { continue };
        let family = kind.family();
        let family_of = |name: &str, text: &str, of: &str, lines: &dyn Fn(&mut String, &str)| {
            let name = format!("{prefix}{name}");
            let mut body = format!("# HELP {name} {text}\n# TYPE {name} {of}\n");
            lines(&mut body, &name);
            (name, body)
        };
        let plural = upper_first(family.plural);
        families.extend([
            family_of(family.counter, &format!("{plural} that ended, by outcome."), "counter", &|body, name| {
                counters(body, name, series);
            }),
            family_of(
                family.histogram,
                &format!("{plural}: duration in seconds, by outcome."),
                "histogram",
                &|body, name| {
                    histograms(body, name, series);
                },
            ),
        ]);
        if kind != Kind::Workflow {
            families.extend([family_of(
                family.in_flight,
                &format!("{plural} that have started and not ended."),
                "gauge",
                &|body, name| gauges(body, name, in_flight(series)),
            )]);
        }
    }
    families.extend(active_workflows(prefix, &read));
    families.extend(overflow(prefix, registry));
    for block in others {
        families.entry(block.name).or_insert(block.text);
    }
    families.into_values().collect()
}

/// A series and all that it had counted at the time of the scrape: read once, so that its families agree.
struct Scraped<'a> {
    series: &'a Series,
    error_types: BTreeMap<&'static str, u64>,
    reading: Reading,
}

impl<'a> Scraped<'a> {
    fn new(series: &'a Arc<Series>) -> Self {
        // The sorts of errors first: the calls that they belong to are then in the reading.
        Self { series, error_types: series.error_types(), reading: series.read() }
    }

    fn kind(&self) -> Kind {
        self.series.identity.kind
    }

    fn labels(&self) -> String {
        pairs(self.series.identity.pairs())
    }
}

fn counters(body: &mut String, name: &str, series: &[Scraped<'_>]) {
    for one in series {
        let labels = one.labels();
        let always = shown_at_zero(one.kind(), &Outcome::ALL);
        for (outcome, mut count) in Outcome::ALL.into_iter().zip(one.reading.finished()) {
            if outcome == Outcome::Error {
                for (sort, errors) in &one.error_types {
                    let labels = format_args!("{labels},outcome=\"error\",error_type=\"{}\"", Escaped(sort));
                    line(body, format_args!("{name}{{{labels}}} {errors}"));
                    count = count.saturating_sub(*errors);
                }
            }
            if count > 0 || always.contains(&outcome) {
                line(body, format_args!("{name}{{{labels},outcome=\"{outcome}\"}} {count}"));
            }
        }
    }
}

/// `ok` and `error` are there from the beginning; the other two once they occurred.
fn histograms(body: &mut String, name: &str, series: &[Scraped<'_>]) {
    for one in series {
        let labels = one.labels();
        let bounds = one.series.bounds();
        let at_zero = shown_at_zero(one.kind(), &[Outcome::Ok, Outcome::Error]);
        for outcome in Outcome::ALL {
            let buckets = &one.reading.buckets[outcome.index()];
            if !buckets.is_empty() || at_zero.contains(&outcome) {
                let nanos = one.reading.nanos[outcome.index()];
                let labels = format!("{labels},outcome=\"{outcome}\"");
                histogram(body, name, &labels, &bounds, buckets, nanos);
            }
        }
    }
}

fn histogram(body: &mut String, name: &str, labels: &str, bounds: &[&Bound], buckets: &[u64], nanos: u64) {
    let (mut count, mut counted): (u64, usize) = (0, 0);
    for bound in bounds {
        count += buckets.iter().take(bound.buckets).skip(counted).sum::<u64>();
        counted = bound.buckets;
        line(body, format_args!("{name}_bucket{{{labels},le=\"{}\"}} {count}", bound.le));
    }
    count += buckets.iter().skip(counted).sum::<u64>();
    line(body, format_args!("{name}_bucket{{{labels},le=\"+Inf\"}} {count}"));
    line(body, format_args!("{name}_sum{{{labels}}} {}", Seconds(nanos)));
    line(body, format_args!("{name}_count{{{labels}}} {count}"));
}

/// Which outcomes of a series are shown although they never occurred. Of a request it is none: its status says how it
/// ended, so most could never come.
fn shown_at_zero(kind: Kind, always: &[Outcome]) -> &[Outcome] {
    if kind == Kind::HttpRequest { &[] } else { always }
}

/// Calls in flight by labels. A request's status is known only at its end, so its gauge is without.
fn in_flight(series: &[Scraped<'_>]) -> BTreeMap<String, u64> {
    let mut sums = BTreeMap::new();
    for one in series {
        let kept = one.kind() != Kind::HttpRequest;
        let labels = pairs(one.series.identity.pairs().filter(|&(name, _)| kept || name != "status"));
        *sums.entry(labels).or_default() += one.reading.in_flight();
    }
    sums
}

fn gauges(body: &mut String, name: &str, values: BTreeMap<String, u64>) {
    for (labels, value) in values {
        line(body, format_args!("{name}{{{labels}}} {value}"));
    }
}

/// Whole workflows in flight; of a workflow that has no site of its own, its steps.
fn active_workflows(prefix: &str, read: &[Scraped<'_>]) -> Option<(String, String)> {
    let mut active: BTreeMap<String, u64> = BTreeMap::new();
    for kind in [Kind::Workflow, Kind::WorkflowStep] {
        let mut of_kind: BTreeMap<String, u64> = BTreeMap::new();
        for one in read.iter().filter(|one| one.kind() == kind) {
            let workflow = pairs(one.series.identity.pairs().take(1));
            *of_kind.entry(workflow).or_default() += one.reading.in_flight();
        }
        for (workflow, in_flight) in of_kind {
            active.entry(workflow).or_insert(in_flight);
        }
    }
    let name = format!("{prefix}{}", Kind::Workflow.family().in_flight);
    let text = "Workflows that have started and not ended; their steps, where the workflow itself is not measured.";
    let mut body = format!("# HELP {name} {text}\n# TYPE {name} gauge\n");
    let any = !active.is_empty();
    gauges(&mut body, &name, active);
    any.then_some((name, body))
}

fn overflow(prefix: &str, registry: &Registry) -> Option<(String, String)> {
    let overflowed = registry.overflowed();
    let name = format!("{prefix}perf_label_overflow_total");
    let text = "Calls whose label value was replaced because the label has too many values.";
    let mut body = format!("# HELP {name} {text}\n# TYPE {name} counter\n");
    for (kind, label, count) in &overflowed {
        let metric = kind.family().counter;
        line(&mut body, format_args!("{name}{{metric=\"{prefix}{metric}\",label=\"{label}\"}} {count}"));
    }
    let custom = registry.custom().overflowed();
    for (metric, label, count) in &custom {
        line(&mut body, format_args!("{name}{{metric=\"{metric}\",label=\"{label}\"}} {count}"));
    }
    (!overflowed.is_empty() || !custom.is_empty()).then_some((name, body))
}

fn pairs<'a>(labels: impl Iterator<Item = (&'static str, &'a str)>) -> String {
    let mut text = String::new();
    for (name, value) in labels {
        let comma = if text.is_empty() { "" } else { "," };
        let _ = write!(text, "{comma}{name}=\"{}\"", Escaped(value));
    }
    text
}

/// Writing to a `String` cannot fail, so its `Result` is not looked at.
fn line(body: &mut String, line: std::fmt::Arguments<'_>) {
    let _ = writeln!(body, "{line}");
}

fn upper_first(text: &str) -> String {
    let (first, rest) = text.split_at(text.len().min(1));
    first.to_uppercase() + rest
}

/// A label's value with backslash, quote and newline escaped, as the format asks.
struct Escaped<'a>(&'a str);

impl std::fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.chars().try_for_each(|char| match char {
            '\\' => f.write_str("\\\\"),
            '"' => f.write_str("\\\""),
            '\n' => f.write_str("\\n"),
            other => f.write_char(other),
        })
    }
}

/// Nanoseconds shown as seconds, every digit of them.
struct Seconds(u64);

impl std::fmt::Display for Seconds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{:09}", self.0 / 1_000_000_000, self.0 % 1_000_000_000)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn record(registry: &Registry, labels: &[&str], outcome: Outcome, millis: u64) {
        let nanos = crate::measure::clock::nanos(Duration::from_millis(millis));
        registry.series(Kind::McpCall, labels).own.record(outcome, nanos);
    }

    #[test]
    fn a_family_is_written_as_the_format_asks() {
        let registry = Registry::new();
        record(&registry, &["context7", "resolve"], Outcome::Ok, 15);
        record(&registry, &["context7", "resolve"], Outcome::Ok, 700_000);
        let text = render(&registry, "mcp_");
        let labels = r#"server="context7",capability="resolve",outcome="ok""#;
        for expected in [
            "# TYPE mcp_mcp_calls_total counter\n".to_owned(),
            format!("mcp_mcp_calls_total{{{labels}}} 2\n"),
            format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"0.01\"}} 0\n"),
            format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"0.02\"}} 1\n"),
            format!("mcp_mcp_call_duration_seconds_bucket{{{labels},le=\"+Inf\"}} 2\n"),
            format!("mcp_mcp_call_duration_seconds_sum{{{labels}}} 700.015000000\n"),
            format!("mcp_mcp_call_duration_seconds_count{{{labels}}} 2\n"),
            "mcp_mcp_calls_in_flight{server=\"context7\",capability=\"resolve\"} 0\n".to_owned(),
        ] {
            assert!(text.contains(&expected), "{expected:?} is not in\n{text}");
        }
        assert!(!text.contains("outcome=\"panicked\",le"), "no histogram before it is needed");
    }

    #[test]
    fn hostile_labels_cannot_break_out_of_their_quotes() {
        let registry = Registry::new();
        record(&registry, &["a\"} 1\nfake_total 2", "b\\"], Outcome::Ok, 1);
        let text = render(&registry, "");
        assert!(text.contains(r#"server="a\"} 1\nfake_total 2",capability="b\\""#), "{text}");
        assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("mcp_")), "{text}");
    }

    #[test]
    fn workflows_without_a_site_count_their_steps() {
        let registry = Registry::new();
        registry.series(Kind::WorkflowStep, &["billing", "charge"]).own.start(|| {});
        registry.series(Kind::WorkflowStep, &["nightly", "load"]).own.start(|| {});
        registry.series(Kind::Workflow, &["nightly"]);
        let text = render(&registry, "");
        assert!(text.contains("active_workflows{workflow=\"billing\"} 1\n"), "{text}");
        assert!(text.contains("active_workflows{workflow=\"nightly\"} 0\n"), "{text}");
        assert_eq!(text.matches("# TYPE active_workflows gauge").count(), 1);
    }
}
