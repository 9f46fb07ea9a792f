//! The description of all routes, for people and for programs.

use crate::auth::cookie_name;
use crate::context::Context;
use crate::openapi::COOKIE;
use crate::respond::{self, Problem};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;

/// `GET /api/v1/openapi.json`
pub(super) async fn document(
    State(context): State<Context>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if !respond::accepts(&headers, "application", "json") {
        return Err(respond::not_acceptable("application/json"));
    }
    let document = context.document.text().replace(COOKIE, &cookie_name(&context.monitor, &headers, &uri));
    Ok(respond::tagged(&headers, "application/json", document))
}
