//! `prometheus-client`, of the Prometheus project.

use super::{BUCKETS, Failed, Instant, Variant, drive, work};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::{counter::Counter, family::Family, gauge::Gauge, histogram::Histogram};
use prometheus_client::registry::Registry;
use std::sync::LazyLock;

struct Handles {
    registry: Registry,
    ok: Counter,
    error: Counter,
    seconds: Histogram,
    in_flight: Gauge,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| {
    let mut registry = Registry::default();
    let calls = Family::<[(&str, &str); 1], Counter>::default();
    let (seconds, in_flight) = (Histogram::new(BUCKETS), Gauge::default());
    registry.register("client_calls", "Calls", calls.clone());
    registry.register("client_call_duration_seconds", "Durations", seconds.clone());
    registry.register("client_calls_in_flight", "Calls in flight", in_flight.clone());
    let counter = |outcome| calls.get_or_create_owned(&[("outcome", outcome)]);
    Handles { ok: counter("ok"), error: counter("error"), seconds, in_flight, registry }
});

async fn cached(id: u64) -> Result<u64, Failed> {
    let handles = &*HANDLES;
    handles.in_flight.inc();
    let started = Instant::now();
    let result = work(id);
    if result.is_ok() { &handles.ok } else { &handles.error }.inc();
    handles.seconds.observe(started.elapsed().as_secs_f64());
    handles.in_flight.dec();
    result
}

pub(super) fn variant() -> Variant {
    Variant::new("prometheus-client, cached handles", Some("client_calls_total{"), |calls| drive(calls, cached))
}

pub(super) fn scrape() -> String {
    let mut text = String::new();
    encode(&mut text, &HANDLES.registry).expect("a string takes all");
    text
}
