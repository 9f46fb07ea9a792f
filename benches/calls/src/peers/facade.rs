//! The `metrics` facade with its Prometheus exporter.

use super::{BUCKETS, Failed, Instant, Variant, drive, work};
use crate::variant::wait_once;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use std::sync::LazyLock;
use std::thread;
use std::time::Duration;

/// Installs the recorder, and does the upkeep that the exporter asks of its user.
pub(crate) fn install() -> PrometheusHandle {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
    let handle = builder.install_recorder().expect("the only one");
    let upkeep = handle.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            upkeep.run_upkeep();
        }
    });
    handle
}

struct Handles {
    ok: Counter,
    error: Counter,
    seconds: Histogram,
    in_flight: Gauge,
}

impl Handles {
    fn of(function: &'static str) -> Self {
        Self {
            ok: counter!("metrics_calls_total", "function" => function, "outcome" => "ok"),
            error: counter!("metrics_calls_total", "function" => function, "outcome" => "error"),
            seconds: histogram!("metrics_call_duration_seconds", "function" => function),
            in_flight: gauge!("metrics_calls_in_flight", "function" => function),
        }
    }

    #[inline]
    fn measure(&self, id: u64) -> Result<u64, Failed> {
        self.in_flight.increment(1.0);
        let started = Instant::now();
        let result = work(id);
        self.end(started, &result);
        result
    }

    #[inline]
    fn end(&self, started: Instant, result: &Result<u64, Failed>) {
        if result.is_ok() { &self.ok } else { &self.error }.increment(1);
        self.seconds.record(started.elapsed().as_secs_f64());
        self.in_flight.decrement(1.0);
    }
}

async fn cached(id: u64) -> Result<u64, Failed> {
    static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::of("cached"));
    HANDLES.measure(id)
}

#[tracing::instrument(skip_all)]
async fn spanned(id: u64) -> Result<u64, Failed> {
    static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::of("spanned"));
    HANDLES.measure(id)
}

#[tracing::instrument(skip_all)]
async fn spanned_pending_once(id: u64) -> Result<u64, Failed> {
    static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::of("pending_once"));
    HANDLES.in_flight.increment(1.0);
    let started = Instant::now();
    wait_once().await;
    let result = work(id);
    HANDLES.end(started, &result);
    result
}

/// The code that most people write: the macros look each metric up at each call, and the span carries the argument.
#[tracing::instrument]
async fn usual(id: u64) -> Result<u64, Failed> {
    gauge!("metrics_calls_in_flight", "function" => "usual").increment(1.0);
    let started = Instant::now();
    let result = work(id);
    let outcome = if result.is_ok() { "ok" } else { "error" };
    counter!("metrics_calls_total", "function" => "usual", "outcome" => outcome).increment(1);
    histogram!("metrics_call_duration_seconds", "function" => "usual").record(started.elapsed().as_secs_f64());
    gauge!("metrics_calls_in_flight", "function" => "usual").decrement(1.0);
    result
}

pub(super) fn careful_variant() -> Variant {
    let counter = Some("metrics_calls_total{function=\"spanned\"");
    Variant::new("tracing `#[instrument(skip_all)]` + metrics, cached handles", counter, |calls| drive(calls, spanned))
}

pub(super) fn careful_variant_pending_once() -> Variant {
    Variant::new(
        "tracing `#[instrument(skip_all)]` + metrics, cached handles, pending once",
        Some("metrics_calls_total{function=\"pending_once\""),
        |calls| drive(calls, spanned_pending_once),
    )
}

pub(super) fn usual_variant() -> Variant {
    let counter = Some("metrics_calls_total{function=\"usual\"");
    Variant::new("tracing `#[instrument]` + metrics, its macros", counter, |calls| drive(calls, usual))
}

pub(super) fn cached_variant() -> Variant {
    Variant::new("metrics, cached handles", Some("metrics_calls_total{function=\"cached\""), |calls| {
        drive(calls, cached)
    })
}
