//! All metrics, as text for scrapers and in short for people.

use crate::context::Context;
use crate::respond::{self, Format, Params, Problem};
use crate::shapes;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use perf_runtime::Monitor;
use serde::Serialize;
use std::time::SystemTime;

/// `GET /metrics`: Prometheus text, or OpenMetrics.
pub(super) async fn exposition(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Problem> {
    let format = Format::wanted(&headers)
        .ok_or_else(|| respond::not_acceptable("text/plain; version=0.0.4, application/openmetrics-text"))?;
    let (content_type, render): (_, fn(&Monitor) -> String) = match format {
        Format::Prometheus => (Monitor::PROMETHEUS_CONTENT_TYPE, Monitor::render_prometheus),
        Format::OpenMetrics => (Monitor::OPENMETRICS_CONTENT_TYPE, Monitor::render_openmetrics),
    };
    let text = respond::off_the_runtime(move || render(&context.monitor)).await?;
    Ok(([(header::CONTENT_TYPE, content_type), (header::VARY, "Accept")], text).into_response())
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
