//! The JSON body of a request: bounded in size and time, and refused with the reason.

use super::lane::BODIES;
use super::problem::{Problem, ProblemKind};
use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, Request};
use axum::http::{HeaderMap, header};
use bytes::BytesMut;
use serde::de::DeserializeOwned;
use serde_json::error::Category;
use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

/// The limits of a request's body, as the server sets them: every request has them among its extensions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BodyLimits {
    /// The largest body that is read, in bytes.
    pub(crate) size: usize,
    /// How long it may take to arrive.
    pub(crate) time: Duration,
}

impl Default for BodyLimits {
    fn default() -> Self {
        Self { size: 64 * 1024, time: Duration::from_secs(10) }
    }
}

/// The JSON body of a request, as an extractor. Refused are a body that is not said to be JSON, one that is larger or takes longer
/// than the server allows, one that is not JSON, and JSON that is no `T`.
#[derive(Debug)]
pub struct Payload<T>(pub T);

/// A body that is longer is read off the runtime, one at a time: whoever sends many keeps no task from its turn.
pub(crate) const LONG: usize = 4 << 10;

impl<T: DeserializeOwned + Send + 'static, S: Sync> FromRequest<S> for Payload<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _: &S) -> Result<Self, Problem> {
        if !is_json(request.headers()) {
            let detail = "the body must be JSON: send the header Content-Type: application/json";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        if let Some(encoding) = request.headers().get(header::CONTENT_ENCODING)
            && !encoding.as_bytes().eq_ignore_ascii_case(b"identity")
        {
            let detail = "the body must not be compressed: send it without the header Content-Encoding";
            return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
        }
        let body = body_of(request).await?;
        let read = if body.len() > LONG {
            BODIES.run(move || serde_json::from_slice(&body)).await?
        } else {
            serde_json::from_slice(&body)
        };
        read.map(Self).map_err(|error| match error.classify() {
            Category::Data => Problem::new(ProblemKind::InvalidBody, error.to_string()),
            _ => Problem::new(ProblemKind::InvalidJson, format!("the body is no JSON: {error}")),
        })
    }
}

/// Reads a body within its [`BodyLimits`].
pub(crate) async fn body_of(request: Request) -> Result<Bytes, Problem> {
    let BodyLimits { size, time } = request.extensions().get().copied().unwrap_or_default();
    let too_large = || Problem::new(ProblemKind::BodyTooLarge, format!("the body is larger than {size} bytes"));
    if announced(request.headers()).is_some_and(|length| length > size) {
        return Err(too_large());
    }
    match tokio::time::timeout(time, collect(request.into_body(), size)).await {
        Ok(Ok(read)) => read.ok_or_else(too_large),
        Ok(Err(_)) => Err(Problem::new(ProblemKind::BrokenBody, "the body broke off, or its framing is wrong")),
        Err(_) => Err(Problem::new(ProblemKind::BodyTimeout, "the body did not arrive in time")),
    }
}

/// All of a body; `None` where it is larger than this.
async fn collect(mut body: Body, most: usize) -> Result<Option<Bytes>, axum::Error> {
    let mut all = BytesMut::new();
    while let Some(frame) = poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
        let Ok(part) = frame?.into_data() else { continue };
        if part.len() > most - all.len() {
            return Ok(None);
        }
        all.extend_from_slice(&part);
    }
    Ok(Some(all.freeze()))
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
