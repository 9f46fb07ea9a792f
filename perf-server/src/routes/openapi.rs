//! The description of all routes, for people and for programs.

use crate::context::Context;
use crate::respond::{self, Problem};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;

/// `GET /api/v1/openapi.json`
pub(super) async fn document(State(context): State<Context>, headers: HeaderMap) -> Result<Response, Problem> {
    if !respond::accepts(&headers, "application", "json") {
        return Err(respond::not_acceptable("application/json"));
    }
    Ok(respond::tagged(&headers, "application/json", context.document.clone()))
}
