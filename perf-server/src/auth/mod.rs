//! Who may do what.
//!
//! Without tokens this machine may read, and nobody may change anything. With a token, who reads needs the read token or the
//! admin token, and who changes something the admin token: as `Authorization: Bearer ..`, or in the cookie that the login
//! page sets.

use crate::context::Context;
use crate::respond::{Problem, ProblemKind};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
pub(crate) use flood::Flood;
use serde::Serialize;
use std::net::SocketAddr;
use std::time::Instant;

mod flood;
mod hosts;
pub(crate) mod login;
pub(crate) mod origin;
pub(crate) mod token;

pub use token::Access;

/// The cookie that holds a token.
pub(crate) const COOKIE: &str = "perf_token";

/// Lets those through who may read.
pub(crate) async fn readers(State(context): State<Context>, request: Request, next: Next) -> Response {
    match admit(&context, &request, Access::Read) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets pages through that tell how they feel: those of whoever may read; and where that was said, those of anybody to whom
/// the application serves them. Never those of another site.
pub(crate) async fn pages(State(context): State<Context>, request: Request, next: Next) -> Response {
    let admitted = if context.settings.ui_without_token {
        context.settings.origins.check(request.headers(), request.uri()).map_err(Refusal::Forbidden)
    } else {
        admit(&context, &request, Access::Read)
    };
    match admitted {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets those through who may change things, and tells of each who tries.
pub(crate) async fn admins(State(context): State<Context>, request: Request, next: Next) -> Response {
    let change = Change::of(&request);
    let response = match admit(&context, &request, Access::Admin) {
        Ok(()) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    change.tell(response.status(), &context.refusals);
    response
}

/// Whether it is the cookie of the login page that lets somebody in: only then is there something to log out of. Neither is
/// there where no token is needed, nor where a header says who asks, nor where a middleware of the application's does.
pub(crate) fn has_session(context: &Context, headers: &HeaderMap, extensions: &Extensions) -> bool {
    let is_by_other_means = extensions.get::<Access>().is_some() || headers.contains_key(header::AUTHORIZATION);
    !is_by_other_means && in_cookie(headers).is_some_and(|token| context.settings.tokens.access(token).is_some())
}

/// What a request is allowed, by what it shows.
fn access_of(context: &Context, request: &Request) -> Option<Access> {
    let known = request.extensions().get::<Access>().copied();
    known.or_else(|| context.settings.tokens.access(given(request.headers())?))
}

/// Who asks: the rights, and what they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Caller {
    /// `none`, `read` or `admin`.
    access: &'static str,
    /// `header`, `cookie` or `application`; `nothing` where nothing was shown.
    given: &'static str,
}

pub(crate) fn caller(context: &Context, request: &Request) -> Caller {
    let headers = request.headers();
    let given = if request.extensions().get::<Access>().is_some() {
        "application"
    } else if headers.contains_key(header::AUTHORIZATION) {
        "header"
    } else if in_cookie(headers).is_some() {
        "cookie"
    } else {
        "nothing"
    };
    let access = match access_of(context, request) {
        Some(Access::Admin) => "admin",
        Some(Access::Read) => "read",
        None if !context.settings.tokens.is_any() && hosts::only_this_machine(context, request).is_ok() => "read",
        None => "none",
    };
    Caller { access, given }
}

/// Why somebody is not let through.
enum Refusal {
    /// Whatever the token: it is not allowed.
    Forbidden(Problem),
    /// A token is needed; whether a wrong one was shown.
    Unauthorized { is_wrong: bool },
    /// A person, who can be shown the login page.
    LogIn,
}

fn admit(context: &Context, request: &Request, needed: Access) -> Result<(), Refusal> {
    if !request.method().is_safe() {
        let own = context.settings.origins.check(request.headers(), request.uri());
        own.map_err(Refusal::Forbidden)?;
    }
    let tokens = &context.settings.tokens;
    let forbidden = |kind, detail: &str| Err(Refusal::Forbidden(Problem::new(kind, detail)));
    match (needed, access_of(context, request)) {
        (needed, Some(access)) if access >= needed => Ok(()),
        (Access::Read, None) if !tokens.is_any() => {
            hosts::only_this_machine(context, request).map_err(Refusal::Forbidden)
        }
        (Access::Admin, _) if tokens.admin.is_none() => {
            let detail = "nothing can be changed here: no admin token is set (in the program, or in PERF_ADMIN_TOKEN)";
            forbidden(ProblemKind::ReadOnly, detail)
        }
        (Access::Admin, Some(_)) => forbidden(ProblemKind::AdminTokenNeeded, "this needs the admin token"),
        _ if is_page(request) => Err(Refusal::LogIn),
        _ => Err(Refusal::Unauthorized { is_wrong: given(request.headers()).is_some() }),
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match self {
            Self::Forbidden(problem) => problem.into_response(),
            Self::Unauthorized { is_wrong } => unauthorized(is_wrong),
            Self::LogIn => Redirect::to("login").into_response(),
        }
    }
}

/// Whether it is somebody who looks at the dashboard: a person, who can be shown the login page.
fn is_page(request: &Request) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|accept| accept.to_str().ok());
    request.method() == Method::GET
        && request.uri().path() == "/"
        && accept.is_some_and(|accept| accept.contains("text/html"))
}

fn unauthorized(is_wrong: bool) -> Response {
    let (challenge, kind, detail) = if is_wrong {
        ("Bearer realm=\"perf\", error=\"invalid_token\"", ProblemKind::UnknownToken, "the token is not known")
    } else {
        (
            "Bearer realm=\"perf\"",
            ProblemKind::TokenNeeded,
            "a token is needed: send the header Authorization: Bearer .., or log in at login",
        )
    };
    let mut response = Problem::new(kind, detail).into_response();
    response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
    response
}

/// The token that a request shows: in the header `Authorization`, or else in the cookie.
fn given(headers: &HeaderMap) -> Option<&[u8]> {
    let Some(authorization) = headers.get(header::AUTHORIZATION) else { return in_cookie(headers) };
    let (scheme, token) = authorization.as_bytes().split_at_checked(7)?;
    scheme.eq_ignore_ascii_case(b"bearer ").then(|| token.trim_ascii())
}

fn in_cookie(headers: &HeaderMap) -> Option<&[u8]> {
    let cookies = headers.get_all(header::COOKIE).iter().flat_map(|line| line.as_bytes().split(|byte| *byte == b';'));
    let mut tokens =
        cookies.filter_map(|cookie| cookie.trim_ascii().strip_prefix(COOKIE.as_bytes())?.strip_prefix(b"="));
    tokens.next()
}

/// Somebody's wish to change something, to be told of in the audit log.
pub(crate) struct Change {
    method: Method,
    route: String,
    path: String,
    peer: Option<SocketAddr>,
}

impl Change {
    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        Self {
            method: request.method().clone(),
            route: extensions.get::<MatchedPath>().map_or_else(String::new, |route| route.as_str().to_owned()),
            path: request.uri().path().to_owned(),
            peer: extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer),
        }
    }

    /// An event of the target `perf_server::audit`. Its fields are written as `Debug` does, so that no line can be forged.
    pub(crate) fn tell(self, status: StatusCode, refusals: &Flood) {
        let Self { method, route, path, peer } = self;
        let (peer, status) = (peer.map(tracing::field::display), status.as_u16());
        if status < 400 {
            tracing::info!(target: "perf_server::audit", ?method, route, path, status, peer, "changed");
        } else {
            // Anybody can have one refused: beyond some a second they are summed up.
            match refusals.may_tell(Instant::now()) {
                Some(0) => tracing::warn!(target: "perf_server::audit", ?method, route, path, status, peer, "refused"),
                Some(untold) => tracing::warn!(
                    target: "perf_server::audit", ?method, route, path, status, peer, untold, "refused, and others before that were not told"
                ),
                None => {}
            }
        }
    }
}
