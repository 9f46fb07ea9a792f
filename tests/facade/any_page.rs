//! Whatever an application counts and merges, both pages can be read by Prometheus' own tools, and all is there that was
//! counted. The log names the metrics and lines that give way.
//!
//! `PROPTEST_CASES` says how many cases are tried: 100 where it is not set.

use super::log::Log;
use crate::reference::{Labels, Page, read_openmetrics, read_prometheus};
use metrics::{Key, KeyName, Label, Level, Metadata, Recorder, Unit};
use perf_runtime::metric::MetricValue;
use perf_runtime::{ErrorType, Label as LabelValue, Monitor, Outcome, monitor_tool};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Few, so that names meet: those of families of calls among them, and every end that a format gives a meaning to.
const NAMES: [&str; 7] =
    ["job", "orders", "tool_calls", "tool_call_duration_seconds", "perf_x", "a.b:c", "9größe_seconds"];
const ENDS: [&str; 12] = [
    "",
    "_total",
    "_created",
    "_bucket",
    "_sum",
    "_count",
    "_info",
    "_gsum",
    "_gcount",
    "_seconds",
    "_created_total",
    "_total_total",
];
const LABELS: [&str; 6] = ["kind", "le", "quantile", "outcome", "__reserved", "a.b"];
const VALUES: [&str; 8] = ["x", "a\"b", "back\\slash", "new\nline", "{x=\"y\"} 1 # {", "Größe 世界", "", "1"];
const NUMBERS: [f64; 8] = [0.0, 1.0, 2.5, -3.0, 1e300, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

#[derive(ErrorType)]
enum Failure {
    Late,
}

#[derive(Clone, Copy, Debug, LabelValue)]
enum Way {
    Well,
    Late,
}

#[monitor_tool("any_page", labels(way = way))]
fn annotated(way: Way) -> Result<(), Failure> {
    if matches!(way, Way::Late) { Err(Failure::Late) } else { Ok(()) }
}

/// Something that an application does.
#[derive(Clone, Debug)]
enum Step {
    Counter(String, Given, u64),
    Gauge(String, Given, f64),
    Histogram(String, Given, f64),
    Describe(usize, String, Option<Unit>, String),
    Own(usize, String, Given, String, f64),
    Call(Way),
    Operation(String, usize),
    Request(&'static str, u16),
}

type Given = Vec<(&'static str, &'static str)>;

fn name() -> impl Strategy<Value = String> {
    (select(&NAMES), select(&ENDS)).prop_map(|(name, end)| format!("{name}{end}"))
}

fn given() -> impl Strategy<Value = Given> {
    vec((select(&LABELS), select(&VALUES)), 0..3)
}

fn step() -> impl Strategy<Value = Step> {
    let number = || select(&NUMBERS);
    prop_oneof![
        3 => (name(), given(), 0..9_u64).prop_map(|(name, labels, by)| Step::Counter(name, labels, by)),
        3 => (name(), given(), number()).prop_map(|(name, labels, value)| Step::Gauge(name, labels, value)),
        3 => (name(), given(), number()).prop_map(|(name, labels, value)| Step::Histogram(name, labels, value)),
        1 => (0..3_usize, name(), option::of(select(vec![Unit::Seconds, Unit::Bytes, Unit::Count])), "[a-z\"\\\\\n ]{0,6}")
            .prop_map(|(kind, name, unit, help)| Step::Describe(kind, name, unit, help)),
        2 => (0..3_usize, name(), given(), "seconds|bytes|_|o d d|", number())
            .prop_map(|(kind, name, labels, unit, value)| Step::Own(kind, name, labels, unit, value)),
        1 => select(vec![Way::Well, Way::Late]).prop_map(Step::Call),
        1 => (select(&VALUES).prop_map(str::to_owned), 0..4_usize).prop_map(|(name, outcome)| Step::Operation(name, outcome)),
        1 => (select(&VALUES), select(vec![200_u16, 404, 500])).prop_map(|(route, status)| Step::Request(route, status)),
    ]
}

fn act(step: &Step, monitor: &Monitor) {
    let recorder = monitor.metrics_recorder();
    let metadata = Metadata::new("any_page", Level::INFO, None);
    let key = |name: &str, labels: &Given| {
        Key::from_parts(
            name.to_owned(),
            labels.iter().map(|&(name, value)| Label::new(name, value)).collect::<Vec<_>>(),
        )
    };
    match step {
        Step::Counter(name, labels, by) => recorder.register_counter(&key(name, labels), &metadata).increment(*by),
        Step::Gauge(name, labels, value) => recorder.register_gauge(&key(name, labels), &metadata).set(*value),
        Step::Histogram(name, labels, value) => {
            recorder.register_histogram(&key(name, labels), &metadata).record(*value);
        }
        Step::Describe(kind, name, unit, help) => {
            let (name, help) = (KeyName::from(name.clone()), help.clone().into());
            match kind {
                0 => recorder.describe_counter(name, *unit, help),
                1 => recorder.describe_gauge(name, *unit, help),
                _ => recorder.describe_histogram(name, *unit, help),
            }
        }
        Step::Own(kind, name, labels, unit, value) => {
            let metrics = monitor.metrics();
            macro_rules! made {
                ($builder:expr) => {
                    labels.iter().fold($builder.unit(unit), |made, (name, value)| made.label(*name, *value)).register()
                };
            }
            match kind {
                0 => made!(metrics.counter(name)).add(*value),
                1 => made!(metrics.gauge(name)).set(*value),
                _ => made!(metrics.histogram(name)).record(*value),
            }
        }
        Step::Call(way) => drop(annotated(*way)),
        Step::Operation(name, outcome) => {
            monitor.operation(name).record(Duration::from_millis(3), Outcome::ALL[*outcome]);
        }
        Step::Request(route, status) => monitor.http_request("GET", route).answer(*status),
    }
}

/// Another library's page: as well written as it comes.
#[derive(Clone, Debug)]
struct Merged {
    is_openmetrics: bool,
    blocks: Vec<Block>,
}

#[derive(Clone, Debug)]
struct Block {
    name: String,
    kind: &'static str,
    help: Option<String>,
    unit: Option<&'static str>,
    lines: Vec<Line>,
}

#[derive(Clone, Debug)]
struct Line {
    end: &'static str,
    labels: Given,
    bound: Option<&'static str>,
    value: &'static str,
    time: Option<&'static str>,
    exemplar: Option<&'static str>,
}

fn line(ends: &'static [&'static str]) -> impl Strategy<Value = Line> {
    const BOUNDS: [&str; 8] = ["1", "1.0", "0.5", "-1", "+Inf", "Inf", "NaN", "much"];
    const WRITTEN: [&str; 8] = ["0", "1", "2", "-1", "0.5", "nan", "+Inf", "1e3"];
    const EXEMPLARS: [&str; 4] = ["{trace_id=\"4bf9\"} 0.5", "{}  1  1.5", "{a=\"x\"} NaN", "{a=\"b\"} 1 NaN"];
    let time = prop_oneof![6 => Just(None), 1 => Just(Some("1500")), 1 => Just(Some("2"))];
    let bound = option::of(select(&BOUNDS));
    let exemplar = prop_oneof![3 => Just(None), 1 => select(&EXEMPLARS).prop_map(Some)];
    (select(ends), given(), bound, select(&WRITTEN), time, exemplar).prop_map(
        |(end, mut labels, bound, value, time, exemplar)| {
            labels.sort_unstable();
            labels.dedup_by_key(|(name, _)| *name);
            Line { end, labels, bound, value, time, exemplar }
        },
    )
}

/// All lines of some histograms that are sound, in any order.
fn sound() -> impl Strategy<Value = Vec<Line>> {
    let of = |(label, [first, second]): (&'static str, [bool; 2])| {
        let labels = vec![("kind", label)];
        let line =
            move |end, bound, value| Line { end, labels: labels.clone(), bound, value, time: None, exemplar: None };
        let (low, all) = (if first { "1" } else { "0" }, if second { "3" } else { "2" });
        let buckets = [line("_bucket", Some("0.5"), low), line("_bucket", Some("Inf"), all)];
        buckets.into_iter().chain([line("_sum", None, "0.5"), line("_count", None, all)]).collect::<Vec<_>>()
    };
    let each = (select(vec!["x", "y", "z"]), any::<[bool; 2]>()).prop_map(of);
    vec(each, 1..3).prop_map(|all| all.concat()).prop_shuffle()
}

fn merged() -> impl Strategy<Value = Merged> {
    const ENDS: [&str; 8] = ["", "", "_total", "_bucket", "_sum", "_count", "_info", "_gsum"];
    let kind = select(vec![
        "counter",
        "gauge",
        "histogram",
        "summary",
        "untyped",
        "unknown",
        "info",
        "stateset",
        "gaugehistogram",
        "strange",
    ]);
    let lines = prop_oneof![3 => vec(line(&ENDS), 0..6), 1 => sound()];
    let (help, unit) = (option::of("[a-z \"\\\\n]{0,6}"), option::of(select(vec!["seconds", "x"])));
    let name = name().prop_map(|name| name.replace(['.', 'ö', 'ß', '9'], "_"));
    let block = (name, kind, help, unit, lines).prop_map(|(name, kind, help, unit, lines)| {
        let kind = if lines.iter().any(|line| line.bound == Some("Inf")) { "histogram" } else { kind };
        Block { name, kind, help, unit, lines }
    });
    (any::<bool>(), vec(block, 1..4)).prop_map(|(is_openmetrics, blocks)| Merged { is_openmetrics, blocks })
}

/// A sample: name, labels and number.
type Sample = (String, Labels, f64);

impl Line {
    fn all_labels(&self) -> Given {
        let name = if self.end == "_bucket" { "le" } else { "quantile" };
        let others = self.labels.iter().copied().filter(|(known, _)| *known != name || self.bound.is_none());
        others.chain(self.bound.map(|bound| (name, bound))).collect()
    }
}

impl Merged {
    fn text(&self) -> String {
        let mut text = String::new();
        for Block { name, kind, help, unit, lines } in &self.blocks {
            if let Some(help) = help {
                writeln!(text, "# HELP {name} {help}").unwrap();
            }
            writeln!(text, "# TYPE {name} {kind}").unwrap();
            if let Some(unit) = unit {
                writeln!(text, "# UNIT {name} {unit}").unwrap();
            }
            for line in lines {
                let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
                let labels =
                    line.all_labels().into_iter().map(|(name, value)| format!("{name}=\"{}\"", escaped(value)));
                let labels = labels.collect::<Vec<_>>().join(",");
                write!(text, "{name}{}{{{labels}}} {}", line.end, line.value).unwrap();
                if let Some(time) = line.time {
                    write!(text, " {time}").unwrap();
                }
                if let Some(exemplar) = line.exemplar.filter(|_| self.is_openmetrics) {
                    write!(text, " # {exemplar}").unwrap();
                }
                text.push('\n');
            }
        }
        if self.is_openmetrics { text + "# EOF\n" } else { text }
    }

    /// Every line that says something, as it is to be on the pages.
    fn samples(&self) -> Vec<Sample> {
        let lines = self.blocks.iter().flat_map(|block| block.lines.iter().map(move |line| (block, line)));
        let sample = |(block, line): (&Block, &Line)| {
            let labels = line.all_labels().into_iter().filter(|(_, value)| !value.is_empty());
            let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            (format!("{}{}", block.name, line.end), labels, line.value.parse().unwrap())
        };
        // By when something began is no number of a metric.
        lines.map(sample).filter(|(name, ..)| !self.is_openmetrics || !name.ends_with("_created")).collect()
    }
}

/// All samples of the application's own metrics, but for buckets.
fn own_samples(monitor: &Monitor) -> Vec<Sample> {
    let metrics = monitor.metrics().read();
    let all = metrics.iter().flat_map(|metric| metric.series.iter().map(move |series| (&metric.name, series)));
    all.flat_map(|(name, series)| {
        let labels: Labels = series.labels.iter().cloned().collect();
        let sample = |end: &str, value: f64| (format!("{name}{end}"), labels.clone(), value);
        match &series.value {
            MetricValue::Counter(count) => vec![sample("", *count as f64)],
            MetricValue::Total(value) | MetricValue::Gauge(value) => vec![sample("", *value)],
            MetricValue::Histogram(read) => vec![sample("_count", read.count as f64), sample("_sum", read.sum)],
        }
    })
    .collect()
}

/// The missing things that the log names: metrics by name, and lines by the place of their text.
struct Told {
    metrics: Vec<String>,
    lines: BTreeMap<usize, usize>,
}

impl Told {
    fn of(log: &Log) -> Self {
        let events = log.events();
        let number = |text: &String| text.parse::<usize>().unwrap();
        let lines =
            events.iter().filter_map(|fields| Some((number(fields.get("source")?), number(fields.get("lines")?))));
        Self {
            metrics: events.iter().filter_map(|fields| fields.get("metric").cloned()).collect(),
            lines: lines.collect(),
        }
    }

    /// Whether it is told why samples of this name are missing.
    fn explains(&self, sample: &str) -> bool {
        let is_of = |metric: &String| sample.strip_prefix(&**metric).is_some_and(|end| ENDS.contains(&end));
        self.metrics.iter().any(is_of)
    }
}

/// The samples that are not on a page, though the log does not say why.
fn missing<'a>(page: &Page, wanted: &'a [Sample], told: &Told) -> Vec<&'a Sample> {
    let shown = page.samples();
    // A bound is written as the formats ask.
    let canonical = |labels: &Labels| -> Labels {
        let written = |value: &String| if value == "Inf" { "+Inf".to_owned() } else { value.clone() };
        labels.iter().map(|(name, value)| (name.clone(), written(value))).collect()
    };
    let is_there = |(name, labels, value): &&Sample| {
        let written = canonical(labels);
        let found = [labels, &written].into_iter().find_map(|labels| shown.get(&(&**name, labels)));
        let found = found.map(|found| found.parse::<f64>().unwrap());
        found.is_some_and(|found| found == *value || (found.is_nan() && value.is_nan()))
    };
    wanted.iter().filter(|sample| !is_there(sample) && !told.explains(&sample.0)).collect()
}

fn check(steps: &[Step], merged: &[Merged]) -> Result<(), TestCaseError> {
    let log = Log::default();
    log.while_listening(|| {
        let builder = merged
            .iter()
            .map(Merged::text)
            .fold(Monitor::builder(), |builder, text| builder.merge_prometheus(move || text.clone()));
        let monitor = builder.histogram_bounds("orders*", [-1.0, 1.0]).build().unwrap();
        for step in steps {
            act(step, &monitor);
        }
        let (text, openmetrics) = (monitor.render_prometheus(), monitor.render_openmetrics());
        let pages = [read_prometheus(&text), read_openmetrics(&openmetrics)].into_iter().zip([&text, &openmetrics]);
        let told = Told::of(&log);
        for (page, text) in pages.filter_map(|(page, text)| Some((page?, text))) {
            let own = own_samples(&monitor);
            prop_assert_eq!(missing(&page, &own, &told), Vec::<&Sample>::new(), "{}", text);
            for (place, merged) in merged.iter().enumerate() {
                let wanted = merged.samples();
                let missing = missing(&page, &wanted, &told);
                let lines = told.lines.get(&place).copied().unwrap_or_default();
                prop_assert!(
                    missing.len() <= lines,
                    "{} lines told, {:?} of\n{}\n{}",
                    lines,
                    missing,
                    merged.text(),
                    text
                );
            }
        }
        Ok(())
    })
}

fn config() -> ProptestConfig {
    let cases = std::env::var("PROPTEST_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig { cases: cases.unwrap_or(100), failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn every_page_can_be_read_and_nothing_is_missing_in_silence(
        steps in vec(step(), 0..12),
        merged in vec(merged(), 0..3),
    ) {
        check(&steps, &merged)?;
    }
}

#[test]
fn an_overflow_of_one_name_is_one_line_for_calls_and_metrics() {
    let log = Log::default();
    log.while_listening(|| {
        let monitor = Monitor::builder().build().unwrap();
        for place in 0..203 {
            monitor.operation(&format!("operation {place}")).record(Duration::ZERO, Outcome::Ok);
            act(&Step::Counter("operations_total".to_owned(), Vec::new(), 1), &monitor);
            let metrics = monitor.metrics();
            metrics.counter("operations_total").label("operation", place.to_string()).register().increment();
        }
        let text = monitor.render_openmetrics();
        let begin = "perf_label_overflow_total{metric=\"operations_total\",label=\"operation\"} ";
        let lines: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix(begin)).collect();
        assert_eq!(lines, ["6"], "{text}");
        read_openmetrics(&text);
    });
}
