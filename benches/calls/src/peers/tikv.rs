//! `prometheus`, of the `TiKV` project.

use super::{BUCKETS, Failed, Instant, Variant, drive, work};
use prometheus::{Histogram, HistogramOpts, IntCounter, IntGauge, Opts};
use prometheus::{register_histogram, register_int_counter, register_int_gauge};
use std::sync::LazyLock;

struct Handles {
    ok: IntCounter,
    error: IntCounter,
    seconds: Histogram,
    in_flight: IntGauge,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| {
    let counter = |outcome| {
        let options = Opts::new("tikv_calls_total", "Calls").const_label("outcome", outcome);
        register_int_counter!(options).expect("registered once")
    };
    let buckets = HistogramOpts::new("tikv_call_duration_seconds", "Durations").buckets(BUCKETS.to_vec());
    Handles {
        ok: counter("ok"),
        error: counter("error"),
        seconds: register_histogram!(buckets).expect("registered once"),
        in_flight: register_int_gauge!("tikv_calls_in_flight", "Calls in flight").expect("registered once"),
    }
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
    Variant::new("prometheus (tikv), cached handles", Some("tikv_calls_total{"), |calls| drive(calls, cached))
}
