//! The JSON that a request brings: bounded in size and time, and refused with what is wrong.

use crate::context::Context;
use crate::problem::Problem;
use axum::body::{Bytes, to_bytes};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, StatusCode, header};
use serde::de::DeserializeOwned;
use serde_json::error::Category;

/// What the body of a request says.
#[derive(Debug)]
pub(crate) struct Payload<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Context> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, context: &Context) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body must be JSON: send the header Content-Type: application/json";
            return Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail));
        }
        let body = body_of(request, context).await?;
        let read = serde_json::from_slice(&body);
        read.map(Self).map_err(|error| match error.classify() {
            Category::Data => Problem::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string()),
            _ => Problem::new(StatusCode::BAD_REQUEST, format!("the body is no JSON: {error}")),
        })
    }
}

/// Reads a body, no more of it than is allowed and no longer.
pub(crate) async fn body_of(request: Request, context: &Context) -> Result<Bytes, Problem> {
    let limit = context.settings.body_limit;
    let too_large = || {
        let detail = format!("the body is larger than {limit} bytes");
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    };
    if announced(request.headers()).is_some_and(|length| length > limit) {
        return Err(too_large());
    }
    let read = to_bytes(request.into_body(), limit);
    match tokio::time::timeout(context.settings.body_timeout, read).await {
        Ok(read) => read.map_err(|_| too_large()),
        Err(_) => Err(Problem::new(StatusCode::REQUEST_TIMEOUT, "the body did not arrive in time")),
    }
}

/// The length that a body is said to have; more than can be, where it is no number.
fn announced(headers: &HeaderMap) -> Option<usize> {
    let length = headers.get(header::CONTENT_LENGTH)?;
    Some(length.to_str().ok().and_then(|length| length.parse().ok()).unwrap_or(usize::MAX))
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(given) = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()) else { return false };
    let essence = given.split(';').next().unwrap_or_default().trim();
    essence.eq_ignore_ascii_case("application/json")
}
