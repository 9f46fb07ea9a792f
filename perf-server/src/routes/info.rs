//! The process that is asked, and the rights of the one who asks.

use crate::auth::{self, Caller};
use crate::context::Context;
use crate::respond::{self, Params, Problem};
use axum::Json;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use perf_runtime::config::EffectiveSettings;
use perf_runtime::extend::Service;
use serde::Serialize;

/// The process.
#[derive(Serialize)]
struct Info {
    /// The version of this package.
    version: &'static str,
    /// The service that the process is an instance of; null where nobody said it.
    service: Option<Service>,
    /// Stands before the name of every metric of a call; empty where there is none.
    namespace: String,
    /// When the monitor was made, as RFC 3339.
    started: String,
    /// The time of day, as RFC 3339: by the clock that everything here is told by.
    now: String,
    uptime_seconds: f64,
    /// The settings in effect, without secrets.
    config: EffectiveSettings,
}

/// `GET /api/v1/info`: version, service, namespace, start, time of day, and the settings in effect.
pub(super) async fn info(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    let view = move || Info {
        version: env!("CARGO_PKG_VERSION"),
        service: context.monitor.service().cloned(),
        namespace: context.monitor.namespace().to_owned(),
        started: perf_runtime::text::rfc3339(context.started),
        now: perf_runtime::text::rfc3339(context.monitor.time_of_day()),
        uptime_seconds: context.monitor.uptime().as_secs_f64(),
        config: context.monitor.config(),
    };
    respond::json(&headers, view).await
}

/// `GET /api/v1/whoami`: the rights of whoever asks. Anybody may ask, and learns of nobody else.
pub(super) async fn whoami(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    if !respond::accepts(request.headers(), "application", "json") {
        return Err(respond::not_acceptable("application/json"));
    }
    let caller: Caller = auth::caller(&context, &request);
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(caller)).into_response())
}
