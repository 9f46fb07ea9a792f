//! All metrics, as text for scrapers and in short for people.

use crate::context::Context;
use crate::respond::{self, Format, Params, Pieces, Problem};
use crate::shapes;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use perf_runtime::Monitor;
use serde::Serialize;
use std::io::Write;
use std::sync::Mutex;
use std::time::SystemTime;

/// `GET /metrics`: Prometheus text, or OpenMetrics.
pub(super) async fn exposition(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Problem> {
    let format = Format::wanted(&headers)
        .ok_or_else(|| respond::not_acceptable("text/plain; version=0.0.4, application/openmetrics-text"))?;
    let (content_type, render): (_, Render) = match format {
        Format::Prometheus => (Monitor::PROMETHEUS_CONTENT_TYPE, Monitor::render_prometheus_to),
        Format::OpenMetrics => (Monitor::OPENMETRICS_CONTENT_TYPE, Monitor::render_openmetrics_to),
    };
    let text = respond::off_the_runtime(move || rendered(&context.monitor, render)).await?;
    Ok(([(header::CONTENT_TYPE, content_type), (header::VARY, "Accept")], text.into_body()).into_response())
}

type Render = fn(&Monitor, &mut String);

/// The place that a text is rendered in: to find room for megabytes anew takes longer than to write them.
static PLACE: Mutex<String> = Mutex::new(String::new());
/// The most bytes that it keeps.
const MOST_KEPT: usize = 4 << 20;

/// Renders in the kept place, or in another one while that is in use.
fn rendered(monitor: &Monitor, render: Render) -> Pieces {
    let (mut kept, mut other) = (PLACE.try_lock().ok(), String::new());
    let text = kept.as_deref_mut().unwrap_or(&mut other);
    text.clear();
    render(monitor, text);
    let mut pieces = Pieces::default();
    // Memory takes all.
    let _ = pieces.write_all(text.as_bytes());
    if text.capacity() > MOST_KEPT {
        *text = String::new();
    }
    pieces
}

/// `GET /metrics/summary`: every series over the last hour.
pub(super) async fn summary(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || shapes::metrics_summary(&context.monitor)).await
}

/// `GET /metrics/report`: key figures, and the alerts of now.
pub(super) async fn report(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || shapes::metrics_report(&context.monitor)).await
}

/// `GET /metrics/dashboard`: the process at a glance.
pub(super) async fn dashboard(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || shapes::dashboard(&context.monitor)).await
}

#[derive(Serialize)]
struct Reset {
    status: &'static str,
    /// When, as RFC 3339.
    timestamp: String,
}

/// `POST /metrics/reset`: totals and windows begin anew. Exported counters go on.
pub(super) async fn reset(State(context): State<Context>, params: Params) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::off_the_runtime(move || context.monitor.reset()).await?;
    let timestamp = perf_runtime::text::rfc3339(SystemTime::now());
    Ok(Json(Reset { status: "reset", timestamp }).into_response())
}
