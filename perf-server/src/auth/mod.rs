//! Access: rights, and how they are shown.
//!
//! Without tokens this machine may read, and nobody may change anything. With a token, who reads needs the read token or the
//! admin token, and who changes something the admin token: as `Authorization: Bearer ..`, or by the session that the login
//! page begins.

use crate::context::Context;
use crate::respond::{Problem, ProblemKind};
use axum::extract::{ConnectInfo, MatchedPath, Request, State};
use axum::http::{HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
pub(crate) use flood::Flood;
use serde::Serialize;
pub(crate) use session::{SessionEnd, Sessions, cookie_name};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Instant;

mod flood;
mod forwarded;
mod hosts;
pub(crate) mod login;
pub(crate) mod origin;
mod session;
pub(crate) mod token;

pub use token::Access;

/// The reader who was let in: an extension of the request.
#[derive(Clone, Debug)]
pub(crate) struct Reader {
    pub(crate) access: Access,
    /// Where it is the session of the login page that lets somebody in: only then is there something to log out of. Neither is
    /// there where no token is needed, nor where a header says who asks, nor where a middleware of the application's does.
    pub(crate) session: Option<SessionEnd>,
}

/// Lets those through who may read.
pub(crate) async fn readers(State(context): State<Context>, mut request: Request, next: Next) -> Response {
    match admit(&context, &request, Access::Read) {
        Ok(reader) => {
            request.extensions_mut().insert(reader);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Lets pages through that tell how they feel: those of whoever may read; and where that was said, those of anybody to whom
/// the application serves them. Never those of another site.
pub(crate) async fn pages(State(context): State<Context>, request: Request, next: Next) -> Response {
    let admitted = if context.settings.ui_without_token {
        context.settings.origins.check(request.headers(), request.uri()).map_err(Refusal::Forbidden)
    } else {
        admit(&context, &request, Access::Read).map(drop)
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
        Ok(_) => next.run(request).await,
        Err(refusal) => refusal.into_response(),
    };
    change.tell(response.status(), &context.refusals);
    response
}

/// The credentials that a request shows.
enum Shown<'a> {
    /// A middleware of the application's says who it is.
    Application(Access),
    /// The token of the header `Authorization`; empty where it is of another scheme.
    Header(&'a [u8]),
    /// The name of a session.
    Cookie(&'a [u8]),
    Nothing,
}

impl<'a> Shown<'a> {
    /// The first of them goes before the others.
    fn of(context: &Context, request: &'a Request) -> Self {
        let headers = request.headers();
        if let Some(access) = request.extensions().get::<Access>() {
            return Self::Application(*access);
        }
        if let Some(authorization) = headers.get(header::AUTHORIZATION) {
            let parts = authorization.as_bytes().split_at_checked(7);
            let token = parts.filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
            return Self::Header(token.map_or(&[], |(_, token)| token.trim_ascii()));
        }
        let name = cookie_name(&context.monitor, headers, request.uri());
        session::in_cookie(headers, &name).map_or(Self::Nothing, Self::Cookie)
    }

    /// The rights that it gives.
    fn reader(&self, context: &Context) -> Option<Reader> {
        let without_session = |access| Reader { access, session: None };
        match self {
            Self::Application(access) => Some(without_session(*access)),
            Self::Header(token) => context.settings.tokens.access(token).map(without_session),
            Self::Cookie(cookie) => {
                let (access, end) = context.sessions.find(cookie, Instant::now())?;
                Some(Reader { access, session: Some(end) })
            }
            Self::Nothing => None,
        }
    }
}

/// The caller: the rights, and what they come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Caller {
    /// `none`, `read` or `admin`.
    access: &'static str,
    /// `header`, `cookie` or `application`; `nothing` where nothing was shown.
    given: &'static str,
}

pub(crate) fn caller(context: &Context, request: &Request) -> Caller {
    let shown = Shown::of(context, request);
    let access = match shown.reader(context) {
        Some(reader) => reader.access.as_str(),
        None if !context.settings.tokens.is_any() && hosts::only_this_machine(context, request).is_ok() => "read",
        None => "none",
    };
    let given = match shown {
        Shown::Application(_) => "application",
        Shown::Header(_) => "header",
        Shown::Cookie(_) => "cookie",
        Shown::Nothing => "nothing",
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

fn admit(context: &Context, request: &Request, needed: Access) -> Result<Reader, Refusal> {
    if !request.method().is_safe() {
        let own = context.settings.origins.check(request.headers(), request.uri());
        own.map_err(Refusal::Forbidden)?;
    }
    let tokens = &context.settings.tokens;
    let forbidden = |kind, detail: &str| Err(Refusal::Forbidden(Problem::new(kind, detail)));
    let shown = Shown::of(context, request);
    match (needed, shown.reader(context)) {
        (needed, Some(reader)) if reader.access >= needed => Ok(reader),
        (Access::Read, None) if !tokens.is_any() => {
            let reader = |()| Reader { access: Access::Read, session: None };
            hosts::only_this_machine(context, request).map(reader).map_err(Refusal::Forbidden)
        }
        (Access::Admin, _) if tokens.admin.is_none() => {
            let detail = "nothing can be changed here: no admin token is set (in the program, or in PERF_ADMIN_TOKEN)";
            forbidden(ProblemKind::ReadOnly, detail)
        }
        (Access::Admin, Some(_)) => forbidden(ProblemKind::AdminTokenNeeded, "this needs the admin token"),
        _ if is_page(request) => Err(Refusal::LogIn),
        _ => Err(Refusal::Unauthorized { is_wrong: !matches!(shown, Shown::Nothing | Shown::Header([])) }),
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

/// Somebody's wish to change something, to be told of in the audit log.
pub(crate) struct Change {
    method: Method,
    route: String,
    path: String,
    /// The address at the other end of the socket: behind a proxy, the proxy's.
    peer: Option<SocketAddr>,
    /// The address of the client as headers tell it, which anybody can: so it never stands in place of the peer.
    forwarded_for: Option<String>,
}

impl Change {
    pub(crate) fn of(request: &Request) -> Self {
        let extensions = request.extensions();
        Self {
            method: request.method().clone(),
            route: extensions.get::<MatchedPath>().map_or_else(String::new, |route| route.as_str().to_owned()),
            path: request.uri().path().to_owned(),
            peer: extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| *peer),
            forwarded_for: forwarded::clients(request.headers()),
        }
    }

    /// An event of the target `perf_server::audit`. Its fields are written as `Debug` does, so that no line can be forged.
    pub(crate) fn tell(self, status: StatusCode, refusals: &Arc<Flood>) {
        let Self { method, route, path, peer, forwarded_for } = self;
        let (peer, status) = (peer.map(tracing::field::display), status.as_u16());
        macro_rules! tell {
            ($level:ident, $($rest:tt)+) => {
                tracing::$level!(target: "perf_server::audit", ?method, route, path, status, peer, forwarded_for, $($rest)+)
            };
        }
        if status < 400 {
            tell!(info, "changed");
        } else {
            // Anybody can have one refused: beyond some a second they are summed up.
            match refusals.may_tell(Instant::now()) {
                Some(0) => tell!(warn, "refused"),
                Some(untold) => tell!(warn, untold, "refused, and others before that were not told"),
                None => refusals.tell_later(),
            }
        }
    }
}
