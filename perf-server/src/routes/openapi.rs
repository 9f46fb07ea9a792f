//! The description of all routes, for people and for programs.

use crate::respond::{self, Problem};
use axum::http::HeaderMap;
use axum::response::Response;

/// Kept by hand; `tests/openapi.rs` holds it against the routes.
const DOCUMENT: &str = include_str!("../openapi.json");

/// `GET /api/v1/openapi.json`
pub(super) async fn document(headers: HeaderMap) -> Result<Response, Problem> {
    if !respond::accepts(&headers, "application", "json") {
        return Err(respond::not_acceptable("application/json"));
    }
    Ok(respond::tagged(&headers, "application/json", DOCUMENT))
}
