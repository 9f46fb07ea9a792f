//! Whether the process is there, is ready, and is well.

use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Problem};
use crate::settings::Readiness;
use crate::shapes;
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::collections::BTreeMap;

/// So many metrics is the health kept as, and some more for indicators that take points.
const SERIES: usize = 30;

/// `GET /health/performance`: score, status, indicators, recommendations.
pub(super) async fn performance(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || shapes::performance_health(&context.monitor)).await
}

/// `GET /api/v1/health/history?from=-2h&step=1m`: the health over a range of time, as it was judged then.
pub(super) async fn history(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "from", "to", "step"])?;
    let range = range::in_steps(&context.monitor, &params)?;
    range::check_steps(&range, &params, SERIES)?;
    let lane = range::lane(&context.monitor, &range);
    respond::try_json_in(lane, &headers, move || Ok(context.monitor.health_history(range))).await
}

/// `GET /health/live`: the process answers. It looks at nothing else, for whoever finds it wanting kills the process.
pub(super) async fn live() -> Response {
    never_kept(StatusCode::OK, &Report { status: "alive", checks: BTreeMap::new() })
}

/// `GET /health/ready`: whether the process should be sent work: where all that it was told to look at is well.
pub(super) async fn ready(State(context): State<Context>) -> Response {
    let up = |check: &Readiness| if (check.is_ready)() { "up" } else { "down" };
    let checks: BTreeMap<&str, &str> =
        context.settings.readiness.iter().map(|check| (check.name.as_str(), up(check))).collect();
    let is_ready = checks.values().all(|state| *state == "up");
    let (code, status) =
        if is_ready { (StatusCode::OK, "ready") } else { (StatusCode::SERVICE_UNAVAILABLE, "not ready") };
    never_kept(code, &Report { status, checks })
}

#[derive(Serialize)]
struct Report<'a> {
    status: &'static str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    checks: BTreeMap<&'a str, &'static str>,
}

fn never_kept(code: StatusCode, report: &Report<'_>) -> Response {
    (code, [(header::CACHE_CONTROL, "no-store")], Json(report)).into_response()
}
