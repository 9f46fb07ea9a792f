//! Problem documents (RFC 9457): the answer where something is wrong.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use std::fmt;

macro_rules! kinds {
    ($($(#[doc = $doc:literal])* $kind:ident = $name:literal, $status:ident;)*) => {
        /// The kinds of problems that the routes of this crate answer. Each has a stable name, which stands in the `type` of the
        /// document behind `/problems/`, and a status.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum ProblemKind {
            $(
                #[doc = concat!("`", $name, "`:")]
                $(#[doc = $doc])*
                $kind,
            )*
        }

        impl ProblemKind {
            /// Every kind.
            pub const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The `type` of the document, such as `/problems/unknown-series`.
            pub const fn type_uri(self) -> &'static str {
                match self {
                    $(Self::$kind => concat!("/problems/", $name),)*
                }
            }

            /// The status of the answer.
            pub const fn status(self) -> StatusCode {
                match self {
                    $(Self::$kind => StatusCode::$status,)*
                }
            }
        }
    };
}

kinds! {
    /// a parameter or a field has a value that is not allowed. `field`, `value` and `allowed` say which and why.
    InvalidValue = "invalid-value", UNPROCESSABLE_ENTITY;
    /// the query of the address cannot be read.
    InvalidQuery = "invalid-query", BAD_REQUEST;
    /// the body is not JSON.
    InvalidJson = "invalid-json", BAD_REQUEST;
    /// the body is JSON of another shape than the one that is asked for.
    InvalidBody = "invalid-body", UNPROCESSABLE_ENTITY;
    /// the `Content-Type` of the body is not the one that is asked for.
    UnsupportedMediaType = "unsupported-media-type", UNSUPPORTED_MEDIA_TYPE;
    /// the body broke off before its end, or its framing is wrong.
    BrokenBody = "broken-body", BAD_REQUEST;
    /// the body is larger than the server allows.
    BodyTooLarge = "body-too-large", PAYLOAD_TOO_LARGE;
    /// the body did not arrive in time.
    BodyTimeout = "body-timeout", REQUEST_TIMEOUT;
    /// the header `Accept` leaves out every format that there is.
    NotAcceptable = "not-acceptable", NOT_ACCEPTABLE;
    /// no route has this path.
    UnknownPath = "unknown-path", NOT_FOUND;
    /// no asset of the dashboard has this name and version.
    UnknownAsset = "unknown-asset", NOT_FOUND;
    /// no series has this id.
    UnknownSeries = "unknown-series", NOT_FOUND;
    /// no alert that is remembered has this id, or the alert has ended.
    UnknownAlert = "unknown-alert", NOT_FOUND;
    /// no silence in force has this id.
    UnknownSilence = "unknown-silence", NOT_FOUND;
    /// nothing of the kind that the route is about has this id.
    UnknownEntry = "unknown-entry", NOT_FOUND;
    /// as many silences are in force as there may be. End one first.
    TooManySilences = "too-many-silences", CONFLICT;
    /// so much is asked for at once that this question would wait for too long. Try again in some seconds.
    TooManyRequests = "too-many-requests", TOO_MANY_REQUESTS;
    /// the entry at which the cursor stood is gone. Begin again without a cursor.
    ExpiredCursor = "expired-cursor", GONE;
    /// the path has no such method. The header `Allow` names those that it has.
    MethodNotAllowed = "method-not-allowed", METHOD_NOT_ALLOWED;
    /// a token is needed, and none was given.
    TokenNeeded = "token-needed", UNAUTHORIZED;
    /// the token that was given is not known.
    UnknownToken = "unknown-token", UNAUTHORIZED;
    /// the token is for reading, and the route needs the admin token.
    AdminTokenNeeded = "admin-token-needed", FORBIDDEN;
    /// the server has no admin token: nothing can be changed.
    ReadOnly = "read-only", FORBIDDEN;
    /// the request comes from a page of another site.
    CrossSite = "cross-site", FORBIDDEN;
    /// the header `Host` has a name that the server does not answer to.
    UnknownHost = "unknown-host", MISDIRECTED_REQUEST;
    /// the route is a WebSocket, and the request does not ask for one.
    UpgradeNeeded = "upgrade-needed", BAD_REQUEST;
    /// the live feed has as many clients as it takes. Try again in some seconds.
    TooManyClients = "too-many-clients", SERVICE_UNAVAILABLE;
    /// the settings of the server are not allowed, so that it shows nothing: its log says which.
    Misconfigured = "misconfigured", SERVICE_UNAVAILABLE;
    /// the part of the service that the route belongs to is off, or cannot do it now. `detail` says why.
    Unavailable = "unavailable", SERVICE_UNAVAILABLE;
    /// the answer could not be made.
    Internal = "internal", INTERNAL_SERVER_ERROR;
}

impl fmt::Display for ProblemKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.type_uri())
    }
}

/// How long whoever asked for too much is to wait.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("5");

/// A problem document: `application/problem+json`. Where too much is asked for at once, with the header `Retry-After`.
///
/// ```
/// use perf_server::respond::{Problem, ProblemKind};
///
/// let problem = Problem::invalid("window", "2m", "1m, 5m, 15m, 1h");
/// assert_eq!(problem.type_uri(), ProblemKind::InvalidValue.type_uri());
/// assert_eq!(problem.status(), 422);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Problem {
    #[serde(rename = "type")]
    kind: &'static str,
    title: &'static str,
    #[serde(serialize_with = "number")]
    status: StatusCode,
    /// The fault, and the remedy.
    detail: String,
    #[serde(flatten)]
    field: Option<Box<InvalidField>>,
}

/// The parameter or field that is wrong.
#[derive(Clone, Debug, PartialEq, Serialize)]
struct InvalidField {
    field: String,
    value: String,
    allowed: String,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature that serde asks for")]
fn number<S: serde::Serializer>(status: &StatusCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u16(status.as_u16())
}

impl Problem {
    /// A problem of a kind. `detail` says to a person what is wrong and what to do about it.
    pub fn new(kind: ProblemKind, detail: impl Into<String>) -> Self {
        Self::custom(kind.type_uri(), kind.status(), detail)
    }

    /// A problem of a part's own kind. `type_uri` is its stable name: begin it with `/problems/`, the part's name and another
    /// slash, such as `/problems/history/unknown-range`.
    pub fn custom(type_uri: &'static str, status: StatusCode, detail: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { kind: type_uri, title, status, detail: detail.into(), field: None }
    }

    /// A parameter or field with a value that is not allowed: [`ProblemKind::InvalidValue`].
    pub fn invalid(field: impl Into<String>, value: &str, allowed: impl Into<String>) -> Self {
        let (field, value, allowed) = (field.into(), value.to_owned(), allowed.into());
        let detail = format!("{field}: {value:?} is not allowed; allowed is {allowed}");
        let field = Some(Box::new(InvalidField { field, value, allowed }));
        Self { field, ..Self::new(ProblemKind::InvalidValue, detail) }
    }

    /// The same problem with another status.
    #[must_use]
    pub(crate) fn with_status(self, status: StatusCode) -> Self {
        Self { status, title: status.canonical_reason().unwrap_or("Problem"), ..self }
    }

    /// The `type` of the document: a stable name for programs.
    pub fn type_uri(&self) -> &'static str {
        self.kind
    }

    /// The status of the answer.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// The fault and the remedy, for people.
    pub fn detail(&self) -> &str {
        &self.detail
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
        let too_much = [ProblemKind::TooManyRequests, ProblemKind::TooManyClients];
        if too_much.iter().any(|kind| kind.type_uri() == self.kind) {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_a_name_of_its_own_that_fits_into_a_uri() {
        let mut names: Vec<&str> = ProblemKind::ALL.iter().map(|kind| kind.type_uri()).collect();
        for name in &names {
            let own = name.strip_prefix("/problems/").unwrap();
            assert!(own.bytes().all(|byte| byte == b'-' || byte.is_ascii_lowercase()), "{name}");
        }
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), ProblemKind::ALL.len());
    }
}
