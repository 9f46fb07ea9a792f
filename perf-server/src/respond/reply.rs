//! Answers: negotiated, made off the async runtime, tagged.

use super::accept;
use super::lane::{ANSWERS, Lane, PAST};
use super::pieces::{self, Pieces};
use super::problem::{Problem, ProblemKind};
use crate::serving::Elsewhere;
use axum::body::Body;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::hash::{DefaultHasher, Hasher};
use std::time::Instant;

/// Answers with JSON, made and written on a thread where blocking is allowed; with a tag, or `304` where the client has it
/// already. The time that it takes is part of what the monitor costs ([`perf_runtime::extend::Overhead`]).
///
/// # Errors
/// A [`Problem`] where the header `Accept` leaves JSON out, or the value cannot be made or written.
pub async fn json<T: Serialize>(
    headers: &HeaderMap,
    view: impl FnOnce() -> T + Send + 'static,
) -> Result<Response, Problem> {
    try_json(headers, || Ok(view())).await
}

/// As [`json`], where the value may be refused.
///
/// # Errors
/// As [`json`], and the problem that `view` gives.
pub async fn try_json<T: Serialize>(
    headers: &HeaderMap,
    view: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    try_json_in(&ANSWERS, headers, view).await
}

/// As [`try_json`], of the past on a disk: see [`of_the_past`](super::of_the_past).
///
/// # Errors
/// As [`try_json`].
pub async fn past_json<T: Serialize>(
    headers: &HeaderMap,
    view: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    try_json_in(&PAST, headers, view).await
}

/// As [`try_json`], among the work of a lane.
pub(crate) async fn try_json_in<T: Serialize>(
    lane: &'static Lane,
    headers: &HeaderMap,
    view: impl FnOnce() -> Result<T, Problem> + Send + 'static,
) -> Result<Response, Problem> {
    if !accept::accepts(headers, "application", "json") {
        return Err(not_acceptable("application/json"));
    }
    let written = lane.run(|| {
        let started = Instant::now();
        let view = view()?;
        let mut written = Pieces::default();
        let failed = |error: serde_json::Error| Problem::new(ProblemKind::Internal, error.to_string());
        serde_json::to_writer(&mut written, &view).map_err(failed)?;
        Ok((written, Elsewhere(started.elapsed())))
    });
    let (written, took) = written.await??;
    let tag = written.tag();
    let mut response = with_tag(headers, &tag, of_type("application/json", written.into_body()));
    response.extensions_mut().insert(took);
    Ok(response)
}

/// An answer with a tag of its content; `304` and the tag alone where the client has it already (RFC 9110, section 13.1.2).
pub fn tagged(request: &HeaderMap, content_type: &'static str, body: impl Into<Body> + AsRef<[u8]>) -> Response {
    let tag = tag_of(body.as_ref());
    with_tag(request, &tag, of_type(content_type, body.into()))
}

fn of_type(content_type: &'static str, body: Body) -> Response {
    let mut response = Response::new(body);
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The same answer with a tag that is known before its body is written, such as `W/"5d41"`: `304` and the tag alone where the client has what has it
/// already. A tag that no header can have is left out.
pub fn with_tag(request: &HeaderMap, tag: &str, response: Response) -> Response {
    let mut response = if is_known(request, tag) { StatusCode::NOT_MODIFIED.into_response() } else { response };
    let headers = response.headers_mut();
    headers.extend(HeaderValue::try_from(tag).map(|tag| (header::ETAG, tag)));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    response
}

/// Whether the client says that it has what has this tag: its `If-None-Match`, compared weakly.
pub fn is_known(request: &HeaderMap, tag: &str) -> bool {
    request.get_all(header::IF_NONE_MATCH).iter().any(|known| matches(known, tag))
}

/// As [`tagged`], with another `Cache-Control` than `private, no-cache`.
pub fn kept(
    request: &HeaderMap,
    content_type: &'static str,
    body: impl Into<Body> + AsRef<[u8]>,
    how: &'static str,
) -> Response {
    let mut response = tagged(request, content_type, body);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(how));
    response
}

fn tag_of(body: &[u8]) -> String {
    let mut hasher = DefaultHasher::new();
    hasher.write(body);
    pieces::tag(&hasher, body.len() as u64)
}

fn matches(known: &HeaderValue, tag: &str) -> bool {
    let opaque = tag.trim_start_matches("W/");
    let known = known.to_str().unwrap_or_default();
    known.split(',').map(str::trim).any(|known| known == "*" || known.trim_start_matches("W/") == opaque)
}

/// The problem of a client whose header `Accept` leaves out every format that there is.
pub fn not_acceptable(offered: &str) -> Problem {
    let detail = format!("the header Accept leaves out what there is: {offered}");
    Problem::new(ProblemKind::NotAcceptable, detail)
}
