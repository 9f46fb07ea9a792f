use super::*;
use crate::observe::metrics::reading::MetricValue;
use crate::observe::series::overflow::{MAX_SERIES, MAX_VALUES};

fn count(metrics: &MetricStore, name: &str, labels: &[(&str, &str)]) {
    let resolved = metrics.resolve(MetricKind::Counter, name, labels.iter().copied());
    resolved.overflow.inspect(Overflow::count);
    let Cell::Counter(counter) = resolved.cell else { panic!("not a counter") };
    counter.add(1);
}

fn metrics() -> MetricStore {
    MetricStore::new(HistogramBounds::default())
}

fn sum(metric: &MetricReading) -> u64 {
    let values = metric.series.iter().map(|series| match series.value {
        MetricValue::Counter(count) => count,
        _ => panic!("not a counter"),
    });
    values.sum()
}

#[test]
fn the_same_labels_in_another_order_are_the_same_series() {
    let metrics = metrics();
    count(&metrics, "cache.hits", &[("b", "2"), ("a", "1"), ("c", "")]);
    count(&metrics, "cache_hits", &[("a", "1"), ("b", "2")]);
    let all = metrics.metrics();
    assert_eq!((all.len(), all[0].name.as_str(), all[0].series.len(), sum(&all[0])), (1, "cache_hits", 1, 2));
    assert_eq!(*all[0].series[0].labels, [("a".into(), "1".into()), ("b".into(), "2".into())]);
}

#[test]
fn a_label_overflows_alone_and_each_time_is_counted() {
    let metrics = metrics();
    for value in 0..MAX_VALUES + 50 {
        count(&metrics, "hits", &[("user", &value.to_string()), ("region", "eu")]);
    }
    let all = metrics.metrics();
    assert_eq!((all[0].series.len(), sum(&all[0])), (MAX_VALUES + 1, 250));
    assert!(all[0].series.iter().all(|series| series.labels[0] == ("region".into(), "eu".into())));
    assert_eq!(metrics.overflowed(), [("hits".into(), "user".into(), 50)]);
}

#[test]
fn a_metric_is_bounded_as_a_whole_and_loses_nothing() {
    let metrics = metrics();
    for (a, b) in (0..150).flat_map(|a| (0..150).map(move |b| (a.to_string(), b.to_string()))) {
        count(&metrics, "hits", &[("a", &a), ("b", &b), (&format!("only-{b}"), &a)]);
    }
    let all = metrics.metrics();
    assert_eq!(sum(&all[0]), 150 * 150);
    assert!(all[0].series.len() <= MAX_SERIES + MAX_VALUES + 1, "{}", all[0].series.len());
}

#[test]
fn names_are_bounded_and_what_comes_beyond_is_one_metric() {
    let metrics = metrics();
    for name in 0..MAX_METRICS + 30 {
        count(&metrics, &format!("metric_{name}"), &[("a", "b")]);
    }
    let all = metrics.metrics();
    assert_eq!((all.len(), all.iter().map(sum).sum::<u64>()), (MAX_METRICS + 1, 2_030));
    let overflow = all.iter().find(|metric| metric.name == OVERFLOW).unwrap();
    assert_eq!((sum(overflow), overflow.series[0].labels.is_empty()), (30, true));
    assert_eq!(metrics.overflowed(), [(OVERFLOW.into(), "__name__".into(), 30)]);
}

#[test]
fn a_name_of_two_kinds_is_two_metrics_that_both_count() {
    let metrics = metrics();
    metrics.set_gauge("jobs", 4.0, "jobs");
    count(&metrics, "jobs", &[]);
    let all = metrics.metrics();
    let shown: Vec<_> = all.iter().map(|metric| (metric.kind, metric.made, metric.unit.as_deref())).collect();
    assert_eq!(shown, [(MetricKind::Counter, 1, None), (MetricKind::Gauge, 0, Some("jobs"))]);
    assert_eq!(all[1].series[0].value, MetricValue::Gauge(4.0));
}

#[test]
fn what_is_only_described_is_no_metric_and_its_unit_gives_the_bounds() {
    let metrics = metrics();
    metrics.describe(MetricKind::Histogram, "body", Some("bytes"), Some("How large bodies are."));
    assert!(metrics.metrics().is_empty());
    let resolved = metrics.resolve(MetricKind::Histogram, "body", std::iter::empty());
    let Cell::Histogram(cell) = resolved.cell else { panic!("not a histogram") };
    cell.count(300.0, 2);
    metrics.describe(MetricKind::Histogram, "body", None, Some("Another word."));
    let metric = &metrics.metrics()[0];
    assert_eq!((metric.unit.as_deref(), metric.help.as_deref()), (Some("bytes"), Some("Another word.")));
    let MetricValue::Histogram(reading) = &metric.series[0].value else { panic!("not a histogram") };
    assert_eq!((reading.count, reading.buckets[0].count, reading.buckets[1].count), (2, 0, 2));
    assert_eq!((reading.buckets[0].le, reading.sum), (256.0, 600.0));
}
