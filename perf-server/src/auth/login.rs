//! The login page: takes a token, and keeps the name of a session where no script can read it and no other site can have it sent.

use super::Change;
use super::forwarded::is_over_tls;
use super::session::{LIFE, cookie_name, in_cookie};
use crate::context::Context;
use crate::dashboard::escaped;
use crate::respond::{self, Problem, ProblemKind};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use std::time::Instant;

const PAGE: &str = include_str!("login.html");
const STYLE: &str = include_str!("login.css");
const SCRIPT: &str = include_str!("login.js");
/// That of the dashboard, whose own may be asked for only with a token.
const ICON: &str = include_str!("../../assets/icon.svg");

/// `GET /login`
pub(crate) async fn page(State(context): State<Context>) -> Html<String> {
    page_with(&context, "")
}

/// The page, with a message. It names the service, so that people see where their token goes, but neither its version nor its
/// instance: those are for whoever may read.
fn page_with(context: &Context, message: &str) -> Html<String> {
    let about = context.monitor.service().map(|service| format!("{} · ", escaped(&service.name)));
    Html(PAGE.replace("{{message}}", message).replace("{{about}}", &about.unwrap_or_default()))
}

/// `GET /login.css`
pub(crate) async fn style(headers: HeaderMap) -> Response {
    respond::tagged(&headers, "text/css; charset=utf-8", STYLE)
}

/// `GET /login.js`
pub(crate) async fn script(headers: HeaderMap) -> Response {
    respond::tagged(&headers, "text/javascript; charset=utf-8", SCRIPT)
}

/// `GET /login.svg`
pub(crate) async fn icon(headers: HeaderMap) -> Response {
    respond::tagged(&headers, "image/svg+xml", ICON)
}

/// `POST /login`: the form of the page, with the field `token`.
pub(crate) async fn log_in(State(context): State<Context>, request: Request) -> Response {
    let change = Change::of(&request);
    let mut response = try_log_in(&context, request).await.unwrap_or_else(IntoResponse::into_response);
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    change.tell(response.status(), &context.refusals);
    response
}

async fn try_log_in(context: &Context, request: Request) -> Result<Response, Problem> {
    context.settings.origins.check(request.headers(), request.uri())?;
    if !is_form(request.headers()) {
        let detail = "the body must be a form: send the header Content-Type: application/x-www-form-urlencoded";
        return Err(Problem::new(ProblemKind::UnsupportedMediaType, detail));
    }
    let is_over_tls = is_over_tls(request.headers());
    let name = cookie_name(&context.monitor, request.headers(), request.uri());
    let body = respond::body_of(request).await?;
    let token = token_in(&body);
    let Some(access) = token.and_then(|token| context.settings.tokens.access(token.as_bytes())) else {
        let page = page_with(context, "<p role=\"alert\">This token is not known.</p>");
        return Ok((StatusCode::UNAUTHORIZED, page).into_response());
    };
    let session = context.sessions.begin(access, Instant::now()).ok_or_else(|| {
        Problem::new(ProblemKind::Internal, "no session could be begun: the system has no random bytes")
    })?;
    // A client that forges the headers of a proxy only makes its own cookie stricter.
    let secure = if is_over_tls { "; Secure" } else { "" };
    Ok(to_page("./", &format!("{}; Max-Age={}{secure}", cookie(&name, &session), LIFE.as_secs())))
}

/// `POST /logout`: ends the session.
pub(crate) async fn log_out(State(context): State<Context>, request: Request) -> Result<Response, Problem> {
    context.settings.origins.check(request.headers(), request.uri())?;
    let name = cookie_name(&context.monitor, request.headers(), request.uri());
    if let Some(session) = in_cookie(request.headers(), &name) {
        context.sessions.end(session);
    }
    Ok(to_page("login", &format!("{}; Max-Age=0", cookie(&name, ""))))
}

fn cookie(name: &str, session: &str) -> String {
    format!("{name}={session}; Path=/; HttpOnly; SameSite=Strict")
}

fn to_page(page: &str, cookie: &str) -> Response {
    let mut response = Redirect::to(page).into_response();
    response.headers_mut().extend(HeaderValue::try_from(cookie).map(|cookie| (header::SET_COOKIE, cookie)));
    response
}

fn is_form(headers: &HeaderMap) -> bool {
    let given = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    given.split(';').next().is_some_and(|kind| kind.trim().eq_ignore_ascii_case("application/x-www-form-urlencoded"))
}

/// The field `token` of a form. Tokens have spaces around them where they were copied with them.
fn token_in(body: &[u8]) -> Option<String> {
    let mut fields = form_urlencoded::parse(body);
    fields.find(|(name, _)| name == "token").map(|(_, token)| token.trim().to_owned())
}
