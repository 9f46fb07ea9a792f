//! The description of all routes, for people and for programs.

use crate::accept;
use crate::problem::Problem;
use crate::reply;
use axum::http::HeaderMap;
use axum::response::Response;

/// Kept by hand; `tests/openapi.rs` holds it against the routes.
const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /api/v1/openapi.json`
pub(super) async fn document(headers: HeaderMap) -> Result<Response, Problem> {
    if !accept::accepts(&headers, "application", "json") {
        return Err(reply::not_acceptable("application/json"));
    }
    Ok(reply::tagged(&headers, "application/json", DOCUMENT))
}
