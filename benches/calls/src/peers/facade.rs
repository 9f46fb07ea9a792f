//! The `metrics` facade with its Prometheus exporter.

use super::{BUCKETS, Failed, Instant, Variant, drive, work};
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
        if result.is_ok() { &self.ok } else { &self.error }.increment(1);
        self.seconds.record(started.elapsed().as_secs_f64());
        self.in_flight.decrement(1.0);
        result
    }
}

async fn cached(id: u64) -> Result<u64, Failed> {
    static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::of("cached"));
    HANDLES.measure(id)
}

#[tracing::instrument(skip_all)]
pub(super) async fn spanned(id: u64) -> Result<u64, Failed> {
    static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles::of("spanned"));
    HANDLES.measure(id)
}

pub(crate) fn metrics_contended() -> Variant {
    Variant::new("metrics, cached handles", Some("metrics_calls_total{function=\"cached\""), |calls| {
        drive(calls, cached)
    })
}
