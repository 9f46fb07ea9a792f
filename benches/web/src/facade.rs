//! The service measured with `tracing` and the `metrics` facade, by a careful hand and by the usual one.

use crate::service::{Failed, Served, greeting, hello};
use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::sync::LazyLock;
use std::thread;
use std::time::{Duration, Instant};
use tracing::{Instrument, info_span, instrument};

const BUCKETS: [f64; 12] = [1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0];

pub(crate) fn careful_function() -> Served {
    recorded(hello(careful))
}

pub(crate) fn usual_function() -> Served {
    recorded(hello(usual))
}

pub(crate) fn usual_function_and_layer() -> Served {
    recorded(hello(usual).route_layer(from_fn(layer)))
}

/// Installs the recorder, and does the upkeep that the exporter asks of its user.
fn recorded(app: Router) -> Served {
    let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
    let handle = builder.install_recorder().expect("the only one");
    let upkeep = handle.clone();
    thread::spawn(move || {
        loop {
            thread::sleep(Duration::from_secs(1));
            upkeep.run_upkeep();
        }
    });
    Served::new(app, move || handle.render())
}

struct Handles {
    ok: Counter,
    error: Counter,
    seconds: Histogram,
    in_flight: Gauge,
}

static HANDLES: LazyLock<Handles> = LazyLock::new(|| Handles {
    ok: counter!("careful_calls_total", "function" => "greeting", "outcome" => "ok"),
    error: counter!("careful_calls_total", "function" => "greeting", "outcome" => "error"),
    seconds: histogram!("careful_call_duration_seconds", "function" => "greeting"),
    in_flight: gauge!("careful_calls_in_flight", "function" => "greeting"),
});

/// Everything looked up once.
#[instrument(skip_all)]
async fn careful(id: u64) -> Result<&'static str, Failed> {
    let handles = &*HANDLES;
    handles.in_flight.increment(1.0);
    let started = Instant::now();
    let result = greeting(id).await;
    if result.is_ok() { &handles.ok } else { &handles.error }.increment(1);
    handles.seconds.record(started.elapsed().as_secs_f64());
    handles.in_flight.decrement(1.0);
    result
}

/// The code that most people write.
#[instrument]
async fn usual(id: u64) -> Result<&'static str, Failed> {
    gauge!("usual_calls_in_flight", "function" => "greeting").increment(1.0);
    let started = Instant::now();
    let result = greeting(id).await;
    let outcome = if result.is_ok() { "ok" } else { "error" };
    counter!("usual_calls_total", "function" => "greeting", "outcome" => outcome).increment(1);
    histogram!("usual_call_duration_seconds", "function" => "greeting").record(started.elapsed().as_secs_f64());
    gauge!("usual_calls_in_flight", "function" => "greeting").decrement(1.0);
    result
}

/// And what they write for the whole of their requests.
async fn layer(request: Request, next: Next) -> Response {
    let path = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned()).unwrap_or_default();
    let method = request.method().to_string();
    let span = info_span!("request", %method, %path);
    gauge!("usual_requests_in_flight", "path" => path.clone(), "method" => method.clone()).increment(1.0);
    let started = Instant::now();
    let response = next.run(request).instrument(span).await;
    let (took, status) = (started.elapsed().as_secs_f64(), response.status().as_str().to_owned());
    counter!("usual_requests_total", "path" => path.clone(), "method" => method.clone(), "status" => status)
        .increment(1);
    histogram!("usual_request_duration_seconds", "path" => path.clone(), "method" => method.clone()).record(took);
    gauge!("usual_requests_in_flight", "path" => path, "method" => method).decrement(1.0);
    response
}
