//! Whether the process is there, is ready, and is well.

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

/// `GET /health/performance`: score, status, indicators, recommendations.
pub(super) async fn performance(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || shapes::performance_health(&context.monitor)).await
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
