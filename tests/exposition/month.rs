//! A month of the past, put into a Prometheus: what it answers are our numbers.

use crate::servers::{Prometheus, installed, or_skip};
use perf_kit::report::{Alongside, Export, Format, Report, range_of};
use perf_runtime::extend::{Past, PastBucket, PastMetric, PastPoint, PastSink, PastSlice};
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{Labels, Selector, SeriesId, TimeRange};
use perf_runtime::{Kind, Monitor, Outcome};
use serde_json::Value;
use std::collections::BTreeMap;
use std::ops::Range;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const HOUR: Duration = Duration::from_hours(1);
const HOURS: u32 = 30 * 24;
/// Hours of the month in which a process was there: the second one began anew.
const LIVES: [Range<u32>; 2] = [0..400, 410..HOURS];
/// Names of operations that a careless writer would break a text with.
const NAMES: [&str; 4] = ["checkout", "a\"b\\c", "new\nline", "Größe {x=\"y\"} 1"];

/// A month that is written down here, hour by hour.
struct Month {
    start: SystemTime,
}

/// The calls of an operation that ended so in an hour, and the nanoseconds that each took.
fn calls(name: usize, hour: u32, outcome: Outcome) -> (u64, u64) {
    let number = u64::from(hour).wrapping_mul(2_654_435_761).wrapping_add(name as u64 * 977);
    match outcome {
        Outcome::Ok => (number % 1_000, 1_000_000 + number % 40_000_000),
        Outcome::Error => (number % 7, 300_000_000 + number % 1_000),
        _ => (0, 0),
    }
}

/// The depth of a queue as it was read.
fn depth(hour: u32) -> f64 {
    f64::from(hour % 37) / 3.0
}

impl Month {
    fn ends(&self) -> impl Iterator<Item = (u32, SystemTime)> {
        let start = self.start;
        LIVES.into_iter().flatten().map(move |hour| (hour, start + HOUR * (hour + 1)))
    }
}

impl Past for Month {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let lives = LIVES.map(|life| (self.start + HOUR * life.start, self.start + HOUR * life.end));
        let cut = lives.map(|(start, end)| TimeRange::between(start.max(range.start()), end.min(range.end())).ok());
        cut.into_iter().flatten().collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        HOUR
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        let none = Labels::default();
        let gauge = PastMetric { name: "queue_depth", kind: MetricKind::Gauge, unit: None, labels: &none };
        let counter = PastMetric { name: "mails_sent_total", kind: MetricKind::Counter, unit: None, labels: &none };
        for (hour, end) in self.ends().filter(|(_, end)| *end > range.start() && *end <= range.end()) {
            for (place, name) in NAMES.into_iter().enumerate() {
                let labels = [("operation", name)].into_iter().collect();
                let id = SeriesId { kind: Kind::Operation, labels };
                let (mut buckets, mut nanos) = (Vec::new(), [0; Outcome::ALL.len()]);
                for (outcome, nanos) in Outcome::ALL.into_iter().zip(&mut nanos) {
                    let (count, took) = calls(place, hour, outcome);
                    *nanos = count * took;
                    buckets.extend((count > 0).then_some(PastBucket { outcome, longest_nanos: took, count }));
                }
                let slice = PastSlice {
                    buckets: &buckets,
                    nanos,
                    expected_errors: 0,
                    expected_cancelled: 0,
                    idle_nanos: 0,
                    slow_polls: 0,
                    end,
                };
                if selector.selects_series(&id) {
                    sink.slice(&id, &slice);
                }
            }
            for (metric, sum) in [(&gauge, depth(hour)), (&counter, f64::from(hour))] {
                if selector.selects_metric(metric.name, &none) {
                    sink.point(metric, &PastPoint { end, sum, count: 1.0 });
                }
            }
        }
    }
}

/// Samples by series, each at a time in milliseconds since 1970.
type Samples = BTreeMap<String, BTreeMap<u128, f64>>;

fn key(labels: &Value) -> String {
    let labels: BTreeMap<String, Value> = serde_json::from_value(labels.clone()).expect("labels");
    serde_json::to_string(&labels).expect("a text")
}

fn is_ours(operation: Option<&str>) -> bool {
    operation.is_some_and(|operation| NAMES.contains(&operation))
}

/// Everything that a Prometheus holds of the month.
async fn held(prometheus: &Prometheus, end: SystemTime) -> Samples {
    let end = end.duration_since(UNIX_EPOCH).expect("a time").as_secs().to_string();
    let all = [("query", r#"{__name__=~".+"}[32d]"#), ("time", end.as_str())];
    let found = |answer: &Value| answer["data"]["result"].as_array().filter(|found| !found.is_empty()).cloned();
    let series = prometheus.get("query", &all, found).await;
    let sample = |sample: &Value| {
        let (at, value) = (sample[0].as_f64().expect("a time"), sample[1].as_str().expect("a number"));
        (Duration::from_secs_f64(at).as_millis(), value.parse::<f64>().expect("a number"))
    };
    let samples = |one: &Value| -> BTreeMap<u128, f64> {
        one["values"].as_array().expect("samples").iter().map(sample).collect()
    };
    series.iter().map(|one| (key(&one["metric"]), samples(one))).collect()
}

type Pairs<'a> = Vec<(&'a str, &'a str)>;

fn with<'a>(labels: &[(&'a str, &'a str)], name: &'a str, value: &'a str) -> Pairs<'a> {
    labels.iter().copied().chain([(name, value)]).collect()
}

/// A bound as the label of a bucket has it.
fn shown(bound: f64) -> String {
    if bound.is_infinite() {
        return "+Inf".to_owned();
    }
    let text = format!("{bound:?}");
    match text.split_once("e-") {
        Some((digits, exponent)) => format!("{digits}e-{exponent:0>2}"),
        None => text,
    }
}

/// The samples that it is to hold, by the read model: of each step what was counted until its end.
fn expected(report: &Report) -> Samples {
    let mut all = Samples::new();
    let millis = |at: SystemTime| at.duration_since(UNIX_EPOCH).expect("a time").as_millis();
    let mut put = |name: &str, labels: Pairs<'_>, at: SystemTime, value: f64| {
        let mut labels: BTreeMap<&str, &str> = labels.into_iter().collect();
        labels.insert("__name__", name);
        let series = all.entry(serde_json::to_string(&labels).expect("a text")).or_default();
        assert_eq!(series.insert(millis(at), value), None, "one value at a time");
    };
    let step = Duration::from_secs_f64(report.tracks.step);
    for track in &report.tracks.series {
        let labels: Vec<_> = track.labels.pairs().collect();
        let seen: Vec<_> = track.points.iter().filter(|point| point.count.is_some()).collect();
        for outcome in Outcome::ALL {
            let mut sum = 0;
            let outcomes = with(&labels, "outcome", outcome.as_str());
            put("operations_total", outcomes.clone(), seen[0].start, 0.0);
            for point in &seen {
                sum += point.outcomes.expect("it was observed").of(outcome);
                put("operations_total", outcomes.clone(), point.start + step, sum as f64);
            }
        }
        let (mut count, mut sum) = (0, 0.0);
        put("operation_duration_seconds_count", labels.clone(), seen[0].start, 0.0);
        put("operation_duration_seconds_sum", labels.clone(), seen[0].start, 0.0);
        for point in &seen {
            count += point.count.expect("it was observed");
            sum += point.sum.unwrap_or(0.0);
            put("operation_duration_seconds_count", labels.clone(), point.start + step, count as f64);
            put("operation_duration_seconds_sum", labels.clone(), point.start + step, sum);
        }
        for (place, bound) in track.bounds.iter().copied().chain([f64::INFINITY]).enumerate() {
            let (shown, mut below) = (shown(bound), 0);
            let buckets = with(&labels, "le", &shown);
            put("operation_duration_seconds_bucket", buckets.clone(), seen[0].start, 0.0);
            for point in &seen {
                below += point.buckets.iter().take(place + 1).sum::<u64>();
                put("operation_duration_seconds_bucket", buckets.clone(), point.start + step, below as f64);
            }
        }
    }
    for track in &report.tracks.metrics {
        let seen: Vec<_> = track.points.iter().filter_map(|point| Some((point.start, point.value?))).collect();
        let is_counter = track.kind == MetricKind::Counter;
        if is_counter {
            put(&track.name, Vec::new(), seen[0].0, 0.0);
        }
        let mut sum = 0.0;
        for (start, value) in seen {
            sum = if is_counter { sum + value } else { value };
            put(&track.name, Vec::new(), start + step, sum);
        }
    }
    all
}

#[tokio::test]
async fn a_prometheus_that_was_given_a_month_answers_with_our_numbers() {
    let Some(()) = or_skip(installed("promtool").and_then(|()| installed("prometheus"))) else { return };
    let monitor = Monitor::builder().build().expect("a monitor");
    let hours = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs() / 3_600;
    let end = UNIX_EPOCH + Duration::from_secs((hours - 2) * 3_600);
    let start = end - HOUR * HOURS;
    let _past = monitor.provide::<dyn Past>(Arc::new(Month { start })).expect("no other past");
    let export = Export::of(&monitor, range_of(start, end, Some(HOUR)).expect("a range"), Alongside::default());
    let folder = TempDir::new().expect("a folder");
    let (file, data) = (folder.path().join("month.openmetrics"), folder.path().join("data"));
    export.write(Format::OpenMetrics, &mut std::fs::File::create(&file).expect("a file")).expect("it is written");
    let mut promtool = Command::new("promtool");
    promtool.args(["tsdb", "create-blocks-from", "openmetrics", "--max-block-duration=1488h"]);
    let made = promtool.args([&file, &data]).output().expect("promtool ends");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let prometheus = Prometheus::start(folder.path(), "127.0.0.1:1");
    let mut held = held(&prometheus, end).await;
    let mut report = export.into_report();
    // It scrapes nobody itself, and other tests of this process have series too, without a call in the month.
    let is_other = |series: &str| {
        let labels: BTreeMap<String, String> = serde_json::from_str(series).expect("labels");
        labels.contains_key("job") || (labels.len() > 1 && !is_ours(labels.get("operation").map(String::as_str)))
    };
    held.retain(|series, _| !is_other(series));
    report.tracks.series.retain(|track| is_ours(track.labels.get("operation")));
    assert_eq!((report.start, report.tracks.series.len(), report.tracks.metrics.len()), (start, NAMES.len(), 2));
    let expected = expected(&report);
    let names = |samples: &Samples| samples.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&held), names(&expected));
    for (series, samples) in &expected {
        assert!(held[series] == *samples, "{series}: {:?}\nand not {samples:?}", held[series]);
    }
    // And what was written down, without the way through the read model.
    for (place, name) in NAMES.into_iter().enumerate() {
        let sum: u64 = LIVES.into_iter().flatten().map(|hour| calls(place, hour, Outcome::Error).0).sum();
        let labels = BTreeMap::from([("__name__", "operations_total"), ("operation", name), ("outcome", "error")]);
        let last = held[&serde_json::to_string(&labels).expect("a text")].values().next_back().copied();
        assert_eq!(last, Some(sum as f64), "{name}");
    }
    let samples: usize = held.values().map(BTreeMap::len).sum();
    println!("{} series, {samples} samples: all equal", held.len());
    // Between the lives nobody observed, and nothing is told.
    let between = start + HOUR * 405;
    let at = between.duration_since(UNIX_EPOCH).expect("a time").as_secs().to_string();
    let count = |answer: &Value| answer["data"]["result"].as_array().map(Vec::len);
    let asked = [("query", "count(operations_total)"), ("time", at.as_str())];
    assert_eq!(prometheus.get("query", &asked, count).await, 0);
}
