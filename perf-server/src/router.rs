//! The routes that tell of the process.

use crate::accept::Format;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use perf_runtime::Monitor;
use serde::Serialize;

/// A router that serves what `monitor` knows, to be merged into yours or served alone.
///
/// | route | answer |
/// |---|---|
/// | `GET /metrics` | Prometheus text, format 0.0.4; OpenMetrics 1.0.0 with exemplars for those who accept it, as Prometheus servers do |
/// | `GET /metrics/summary` | JSON: every series over the last hour ([`perf_runtime::MetricsSummary`]) |
/// | `GET /health/performance` | JSON: score, status, indicators, recommendations ([`perf_runtime::PerformanceHealth`]) |
///
/// ```no_run
/// # async fn serve() -> Result<(), Box<dyn std::error::Error>> {
/// let monitor = perf_runtime::Monitor::builder().namespace("mcp").install()?;
/// let app = axum::Router::new().merge(perf_server::router(monitor));
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
/// axum::serve(listener, app).await?;
/// # Ok(())
/// # }
/// ```
pub fn router(monitor: Monitor) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/metrics/summary", get(summary))
        .route("/health/performance", get(health))
        .with_state(monitor)
}

async fn metrics(State(monitor): State<Monitor>, headers: HeaderMap) -> Response {
    let (content_type, render): (_, fn(&Monitor) -> String) = match Format::wanted(&headers) {
        Format::Prometheus => (Monitor::PROMETHEUS_CONTENT_TYPE, Monitor::render_prometheus),
        Format::OpenMetrics => (Monitor::OPENMETRICS_CONTENT_TYPE, Monitor::render_openmetrics),
    };
    let text = off_the_runtime(move || render(&monitor)).await;
    text.map_or_else(IntoResponse::into_response, |text| {
        ([(header::CONTENT_TYPE, content_type), (header::VARY, "Accept")], text).into_response()
    })
}

async fn summary(State(monitor): State<Monitor>) -> Response {
    json(move || monitor.metrics_summary()).await
}

async fn health(State(monitor): State<Monitor>) -> Response {
    json(move || monitor.performance_health()).await
}

async fn json<T: Serialize + Send + 'static>(view: impl FnOnce() -> T + Send + 'static) -> Response {
    off_the_runtime(view).await.map_or_else(IntoResponse::into_response, |view| Json(view).into_response())
}

/// Views read every series: milliseconds, when there are thousands. That is not for the threads that poll futures.
async fn off_the_runtime<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> Result<T, StatusCode> {
    tokio::task::spawn_blocking(make).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)
}
