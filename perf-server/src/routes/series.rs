//! Which series there are, how one of them did, and what runs now.

use crate::context::Context;
use crate::respond::{self, Params, Problem, ProblemKind};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::{CallInFlight, CustomMetric, SeriesEntry, Window};
use serde::Serialize;

/// How many calls in flight are listed, unless asked for others, and at most.
const CALLS: usize = 100;
const MOST_CALLS: usize = 1_000;

#[derive(Serialize)]
struct AllSeries {
    window: Window,
    uptime_seconds: f64,
    series: Vec<SeriesEntry>,
    custom: Vec<CustomMetric>,
}

/// `GET /api/v1/series?window=1m`: every series and how it did, and the application's own metrics as they stand.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let window = params.only(&["window"])?.window(Window::LastMinute)?;
    let view = move || {
        let monitor = &context.monitor;
        let uptime_seconds = monitor.uptime().as_secs_f64();
        AllSeries { window, uptime_seconds, series: monitor.series(window), custom: monitor.custom_metrics() }
    };
    respond::json(&headers, view).await
}

/// `GET /api/v1/query?series=ID&window=1h`: one series, slice by slice.
pub(super) async fn query(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "window"])?;
    let window = params.window(Window::LastHour)?;
    let needed = || Problem::invalid("series", "", "the id of a series: GET /api/v1/series lists them");
    let id = params.get("series").ok_or_else(needed)?.to_owned();
    let view = move || {
        let missing = || {
            let detail = format!("there is no series {id:?}: GET /api/v1/series lists them");
            Problem::new(ProblemKind::UnknownSeries, detail)
        };
        context.monitor.timeline(&id, window).ok_or_else(missing)
    };
    respond::try_json(&headers, view).await
}

#[derive(Serialize)]
struct Calls {
    calls: Vec<CallInFlight>,
}

/// `GET /api/v1/calls?limit=100`: the calls that wait now, the oldest first.
pub(super) async fn calls(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let limit = params.only(&["limit"])?.limit(CALLS, MOST_CALLS)?;
    respond::json(&headers, move || Calls { calls: context.monitor.calls_in_flight(limit) }).await
}
