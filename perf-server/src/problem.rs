//! What is answered where something is wrong: problem documents (RFC 9457).

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

/// A problem document: `application/problem+json`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Problem {
    /// What sort of problem: `about:blank` says that the status tells it all.
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    pub(crate) status: StatusCode,
    /// What is wrong, and what to do about it.
    detail: String,
    /// The parameter or field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    /// What is allowed there.
    #[serde(skip_serializing_if = "Option::is_none")]
    allowed: Option<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    pub(crate) fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { kind: "about:blank", title, status, detail: detail.into(), field: None, allowed: None }
    }

    /// A parameter or field with a value that is not allowed.
    pub(crate) fn invalid(field: impl Into<String>, value: &str, allowed: impl Into<String>) -> Self {
        let (field, allowed) = (field.into(), allowed.into());
        let detail = format!("{field}: {value:?} is not allowed; allowed is {allowed}");
        Self { field: Some(field), allowed: Some(allowed), ..Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail) }
    }

    pub(crate) fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        // Texts and numbers can always be written.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        let mut response = (self.status, body).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}
