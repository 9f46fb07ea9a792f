//! The routes of notifications: channels, attempts, where an alert would go, and the page of a signed link.

use perf_notify::{AcknowledgeLink, LinkError, NotifierView, TestError};
use perf_runtime::alert::{Alert, Severity};
use perf_server::axum::body::Bytes;
use perf_server::axum::extract::Path;
use perf_server::axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use perf_server::axum::response::{Html, IntoResponse, Response};
use perf_server::axum::routing::{get, post};
use perf_server::respond::{self, Params, Problem, escaped};
use perf_server::{Extension, Page, Place};
use serde::Serialize;
use std::time::Duration;
use tokio::sync::Semaphore;

mod described;

/// How long a channel that is tried may take to answer.
const TEST_TIME: Duration = Duration::from_secs(25);
/// Attempts that are listed unless asked for otherwise, and at most.
const ATTEMPTS: (usize, usize) = (100, 1_000);
/// The longest name and comment of whoever acknowledges.
const LONGEST_TEXT: usize = 1_000;
static TRYING: Semaphore = Semaphore::const_new(1);
const SCRIPT: &str = include_str!("telling/page.js");
const PAGE: &str = include_str!("telling/acknowledge.html");

/// The routes of a notifier.
pub(crate) fn extension(view: NotifierView) -> impl Fn() -> Extension + Send + Sync + 'static {
    move || {
        let (all, attempts, route, test) = (view.clone(), view.clone(), view.clone(), view.clone());
        let (ask, acknowledge, shown) = (view.clone(), view.clone(), view.clone());
        let overview = async move |params: Params, headers: HeaderMap| {
            params.only(&[])?;
            respond::json(&headers, move || all.overview()).await
        };
        let attempts = async move |params: Params, headers: HeaderMap| list_attempts(attempts, params, headers).await;
        let route = async move |params: Params, headers: HeaderMap| {
            let params = params.only(&["rule", "severity", "label"])?;
            respond::try_json(&headers, move || verdicts(&route, &params)).await
        };
        let test =
            async move |Path(channel): Path<String>, headers: HeaderMap| try_channel(test, channel, headers).await;
        let ask = async move |params: Params| asked(&ask, &params);
        let acknowledge = async move |params: Params, headers: HeaderMap, body: Bytes| {
            acknowledged(acknowledge, params, headers, body).await
        };
        let page = Page::new("notify", "Notifications", SCRIPT).place(Place::Now);
        Extension::new("notify")
            .read("/api/v1/notify", get(overview))
            .read("/api/v1/notify/attempts", get(attempts))
            .read("/api/v1/notify/route", get(route))
            .admin("/api/v1/notify/channels/{name}/test", post(test))
            .public("/acknowledge", get(ask).post(acknowledge))
            .topic("notify", move |_| serde_json::to_value(shown.overview()).unwrap_or_default())
            .page(page)
            .openapi(described::routes())
    }
}

#[derive(Serialize)]
struct Attempts {
    attempts: Vec<Numbered>,
    /// The `before` of the attempts that follow. `None` at the end.
    next: Option<u64>,
}

#[derive(Serialize)]
struct Numbered {
    number: u64,
    #[serde(flatten)]
    attempt: perf_notify::Attempt,
}

async fn list_attempts(view: NotifierView, params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["before", "limit"])?;
    let limit = params.limit(ATTEMPTS.0, ATTEMPTS.1)?;
    let before = params
        .get("before")
        .map(|text| text.parse::<u64>().map_err(|_| Problem::invalid("before", text, "the number of an attempt")));
    let before = before.transpose()?;
    respond::json(&headers, move || {
        let found = view.attempts(before, limit);
        let next = (found.len() == limit).then(|| found.last().map(|(number, _)| *number)).flatten();
        let attempts = found.into_iter().map(|(number, attempt)| Numbered { number, attempt }).collect();
        Attempts { attempts, next }
    })
    .await
}

fn verdicts(view: &NotifierView, params: &Params) -> Result<Vec<perf_notify::RouteVerdict>, Problem> {
    let rule = params.get("rule").ok_or_else(|| Problem::invalid("rule", "", "the id of a rule"))?;
    let severities = [Severity::Warning, Severity::Critical].map(|severity| (severity.as_str(), severity));
    let severity = params.choice("severity", severities)?.unwrap_or(Severity::Warning);
    let labels = params.labels()?;
    let labels = labels.pairs().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    view.route(rule, severity, &labels).ok_or_else(|| Problem::invalid("rule", rule, "the id of a rule that is judged"))
}

async fn try_channel(view: NotifierView, channel: String, headers: HeaderMap) -> Result<Response, Problem> {
    let busy = |detail: String| Problem::custom("/problems/busy-channel", StatusCode::CONFLICT, detail);
    // A receiver may take long: one is tried at a time, on a thread that no other answer waits for.
    let _only = TRYING.try_acquire().map_err(|_| busy("a channel is tried already: try again".to_owned()))?;
    let name = channel.clone();
    let answer = tokio::task::spawn_blocking(move || view.test(&name, TEST_TIME)).await;
    match answer {
        Ok(Ok(answer)) => respond::json(&headers, move || answer).await,
        Ok(Err(TestError::Unknown { channels })) => {
            let detail = format!("no channel {channel:?}; there are: {}", channels.join(", "));
            Err(Problem::custom("/problems/unknown-channel", StatusCode::NOT_FOUND, detail))
        }
        Ok(Err(error)) => Err(busy(error.to_string())),
        Err(_) => Err(busy("the try panicked".to_owned())),
    }
}

/// The link of a request; `None` where a part is missing or is none.
fn link_of(params: &Params) -> Option<AcknowledgeLink> {
    Some(AcknowledgeLink {
        alert: params.get("alert")?.parse().ok()?,
        since: params.get("since")?.parse().ok()?,
        until: params.get("until")?.parse().ok()?,
        signature: params.get("signature")?.to_owned(),
    })
}

/// The page that asks. It changes nothing: scanners of mail and previews of chats follow links.
fn asked(view: &NotifierView, params: &Params) -> Response {
    let found = link_of(params).ok_or(LinkError::Forged).and_then(|link| view.alert_of(&link));
    match found {
        Ok(alert) => answer(StatusCode::OK, "Acknowledge", &form(&alert)),
        Err(error) => refused(&error),
    }
}

async fn acknowledged(view: NotifierView, params: Params, headers: HeaderMap, body: Bytes) -> Response {
    let is_form = headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/x-www-form-urlencoded"));
    if !is_form {
        return answer(StatusCode::UNSUPPORTED_MEDIA_TYPE, "Not acknowledged", "<p>The body must be a form.</p>");
    }
    let Some(link) = link_of(&params) else { return refused(&LinkError::Forged) };
    let field = |wanted: &str| {
        let found = form_urlencoded::parse(&body).find(|(name, _)| name == wanted).map(|(_, value)| value.into_owned());
        found.unwrap_or_default().chars().take(LONGEST_TEXT).collect::<String>()
    };
    let (by, comment) = (field("by"), field("comment"));
    let done = respond::off_the_runtime(move || view.acknowledge(&link, &by, &comment)).await;
    match done {
        Ok(Ok(alert)) => answer(StatusCode::OK, "Acknowledged", &summary(&alert)),
        Ok(Err(error)) => refused(&error),
        Err(busy) => busy.into_response(),
    }
}

fn refused(error: &LinkError) -> Response {
    let status = match error {
        LinkError::Forged => StatusCode::FORBIDDEN,
        LinkError::Expired | LinkError::Ended => StatusCode::GONE,
        LinkError::Used => StatusCode::CONFLICT,
        LinkError::Refused(_) => StatusCode::UNPROCESSABLE_ENTITY,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    };
    answer(status, "Not acknowledged", &format!("<p role=\"alert\">Nothing was acknowledged: {}.</p>", escaped(error)))
}

fn summary(alert: &Alert) -> String {
    format!("<p>{}</p>", escaped(&alert.message))
}

fn form(alert: &Alert) -> String {
    let form = "<form method=\"post\">
<label for=\"by\">Your name</label>
<input id=\"by\" name=\"by\" autocomplete=\"name\" required maxlength=\"100\">
<label for=\"comment\">Note</label>
<input id=\"comment\" name=\"comment\" maxlength=\"500\">
<p>Nobody is told again while it lasts, and steps of an escalation end.</p>
<button type=\"submit\">Acknowledge</button>
</form>";
    summary(alert) + form
}

fn answer(status: StatusCode, title: &str, body: &str) -> Response {
    let text = PAGE.replace("{{title}}", title).replace("{{body}}", body);
    let mut response = (status, Html(text)).into_response();
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // The address holds the signature: no other site is to see it.
    response.headers_mut().insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    response
}
