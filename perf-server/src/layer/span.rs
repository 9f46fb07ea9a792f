//! The span of a request, with the names that OpenTelemetry gives a server's span
//! (<https://opentelemetry.io/docs/specs/semconv/http/http-spans/>).

use super::method_label;
use super::sizes::length;
use http::{HeaderMap, Request, header};
use perf_runtime::Outcome;
use perf_runtime::extend::TraceContext;
use std::time::Duration;
use tracing::Span;
use tracing::field::{Empty, display};

/// Above these a request is moderate, and slow.
const MODERATE: Duration = Duration::from_millis(500);
const SLOW: Duration = Duration::from_secs(1);
/// The longest part of a user agent's name that is written on a span, in bytes.
const MAX_AGENT: usize = 256;

/// Opens it. Costs next to nothing where nobody listens.
pub(super) fn open<B>(request: &Request<B>, route: &str, trace: Option<&TraceContext>) -> Span {
    let method = request.method();
    tracing::info_span!(
        target: "perf_server::http",
        "http_request",
        "otel.name" = format_args!("{} {route}", method_label(method)),
        "otel.kind" = "server",
        "otel.status_code" = Empty,
        "http.request.method" = method_label(method),
        "http.route" = route,
        "url.path" = request.uri().path(),
        "user_agent.original" = agent(request.headers()),
        "http.request.body.size" = length(request.headers()),
        "http.response.status_code" = Empty,
        "http.response.body.size" = Empty,
        "error.type" = Empty,
        outcome = Empty,
        performance_category = Empty,
        trace_id = trace.map(|trace| display(trace.trace_id())),
        parent_span_id = trace.map(|trace| display(trace.parent_id())),
    )
}

fn agent(headers: &HeaderMap) -> Option<&str> {
    let agent = headers.get(header::USER_AGENT)?.to_str().ok()?;
    // Visible ASCII: any place is the border of a character.
    Some(agent.get(..MAX_AGENT).unwrap_or(agent))
}

/// Writes on the span of a request how it ended. How much was sent is unknown where it ended before its answer.
pub(super) fn close(span: &Span, status: Option<u16>, sent: Option<u64>, outcome: Outcome, took: Duration) {
    span.record("outcome", outcome.as_str());
    span.record("performance_category", category(took));
    span.record("http.response.body.size", sent);
    if let Some(status) = status {
        span.record("http.response.status_code", status);
    }
    match (outcome, status) {
        (Outcome::Ok, _) => return,
        (Outcome::Error, Some(status)) if status >= 500 => span.record("error.type", display(status)),
        (outcome, _) => span.record("error.type", outcome.as_str()),
    };
    span.record("otel.status_code", "ERROR");
}

/// `fast`, `moderate` from half a second on, `slow` from a second on.
fn category(took: Duration) -> &'static str {
    match took {
        took if took > SLOW => "slow",
        took if took > MODERATE => "moderate",
        _ => "fast",
    }
}
