//! `measured`, whose label values are all known when the metric is made.

use super::{BUCKETS, Failed, Instant, Variant, drive, work};
use measured::metric::histogram::Thresholds;
use measured::metric::{MetricFamilyEncoding, name::MetricName};
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, FixedCardinalityLabel, Gauge, Histogram, LabelGroup};
use std::sync::LazyLock;

#[derive(FixedCardinalityLabel, Clone, Copy)]
#[label(rename_all = "snake_case")]
enum Outcome {
    Ok,
    Error,
}

#[derive(LabelGroup)]
#[label(set = BySet)]
struct By {
    outcome: Outcome,
}

struct Metrics {
    calls: CounterVec<BySet>,
    seconds: Histogram<12>,
    in_flight: Gauge,
}

static METRICS: LazyLock<Metrics> = LazyLock::new(|| Metrics {
    calls: CounterVec::with_label_set(BySet::default()),
    seconds: Histogram::with_metadata(Thresholds::with_buckets(BUCKETS)),
    in_flight: Gauge::new(),
});

async fn call(id: u64) -> Result<u64, Failed> {
    let metrics = &*METRICS;
    metrics.in_flight.inc();
    let started = Instant::now();
    let result = work(id);
    metrics.calls.inc(By { outcome: if result.is_ok() { Outcome::Ok } else { Outcome::Error } });
    metrics.seconds.observe(started.elapsed().as_secs_f64());
    metrics.in_flight.dec();
    result
}

pub(super) fn variant() -> Variant {
    Variant::new("measured", Some("measured_calls_total{"), |calls| drive(calls, call))
}

pub(super) fn scrape() -> String {
    let mut encoder = BufferedTextEncoder::new();
    let metrics = &*METRICS;
    metrics
        .calls
        .collect_family_into(MetricName::from_str("measured_calls_total"), &mut encoder)
        .expect("memory takes all");
    String::from_utf8_lossy(&encoder.finish()).into_owned()
}
