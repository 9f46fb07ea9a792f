//! Which series there are, how they did, and what runs now.

use crate::context::Context;
use crate::respond::{self, Params, Problem, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::Window;
use perf_runtime::metric::MetricReading;
use perf_runtime::series::{CallInFlight, CallsInFlight, Selector, SeriesEntry};
use serde::Serialize;

/// How many calls in flight are listed, unless asked for others, and at most.
const CALLS: usize = 100;
const MOST_CALLS: usize = 1_000;

const MOST_SERIES: usize = 10_000;
const SORTS: [&str; 11] =
    ["id", "count", "rate", "error_rate", "mean", "p50", "p95", "p99", "max", "in_flight", "net_bytes"];

#[derive(Serialize)]
struct AllSeries {
    window: Window,
    uptime_seconds: f64,
    series: Vec<SeriesEntry>,
    custom: Vec<MetricReading>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/series?window=1m`: every series and how it did, and the application's own metrics as they stand.
///
/// `kind` and `label` leave some out; the metrics come with the first page, and have no kind.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "kind", "label", "limit", "sort", "cursor"])?;
    let (window, kind, labels) = (params.window(Window::LastMinute)?, params.kind()?, params.labels()?);
    let listing = params.listing(&SORTS, None, MOST_SERIES)?;
    let view = move || {
        let monitor = &context.monitor;
        let uptime_seconds = monitor.uptime().as_secs_f64();
        let mut series = monitor.series(window);
        series.retain(|entry| {
            let summary = &entry.summary;
            kind.is_none_or(|kind| summary.kind == kind) && labels.fit(summary.labels.pairs())
        });
        let with_metrics = listing.is_first() && kind.is_none();
        let mut custom = if with_metrics { monitor.metrics().read() } else { Vec::new() };
        if !labels.is_empty() {
            for metric in &mut custom {
                metric.series.retain(|series| labels.fit(series.labels.pairs()));
            }
            custom.retain(|metric| !metric.series.is_empty());
        }
        let Slice { items, next, .. } = listing.slice(series, |entry| entry.id.to_string(), sort_key)?;
        Ok(AllSeries { window, uptime_seconds, series: items, custom, next })
    };
    respond::try_json(&headers, view).await
}

fn sort_key(entry: &SeriesEntry, sort: &str) -> SortKey {
    let summary = &entry.summary;
    SortKey::Number(match sort {
        "count" => Some(summary.count as f64),
        "rate" => Some(summary.rate),
        "error_rate" => summary.error_rate,
        "mean" => summary.mean,
        "p50" => summary.p50,
        "p95" => summary.p95,
        "p99" => summary.p99,
        "max" => summary.max,
        "in_flight" => Some(summary.in_flight as f64),
        // The least first, as all; what is not profiled comes last either way.
        "net_bytes" => summary.profile.and_then(|profile| profile.net_bytes).map(|bytes| bytes as f64),
        _ => return SortKey::Text(entry.id.to_string()),
    })
}

#[derive(Serialize)]
#[expect(clippy::struct_field_names, reason = "as the answer has it")]
struct Calls {
    calls: Vec<CallInFlight>,
    /// How many there are of those that are wanted.
    total: u64,
    /// Whether there are others than those that are listed.
    more: bool,
}

/// `GET /api/v1/calls?limit=100`: the calls that wait now, the oldest first; with `kind` and `label` only some of them.
/// Each names the one that it was made inside.
pub(super) async fn calls(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["limit", "kind", "label"])?;
    let (limit, kind, labels) = (params.limit(CALLS, MOST_CALLS)?, params.kind()?, params.labels()?);
    let view = move || {
        let of_kind = kind.map_or_else(Selector::calls, Selector::kind);
        let selector = labels.pairs().fold(of_kind, |selector, (name, value)| selector.label(name, value));
        let CallsInFlight { calls, total, .. } = context.monitor.in_flight(&selector, limit);
        let more = calls.len() as u64 != total;
        Calls { calls, total, more }
    };
    respond::json(&headers, view).await
}
