//! The Model Context Protocol: a coding agent's questions, answered by our own routes.

use crate::respond::{self, BODIES, LONG_BODY, Payload, Problem, ProblemKind};
use crate::serving::Elsewhere;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Router};
use perf_mcp::{Got, Step, VERSIONS};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tower_service::Service;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
/// The longest document that is read to answer from.
const LONGEST: usize = 16 << 20;
/// Headers that speak of the message, and not of the questions that it leads to.
const OF_THE_MESSAGE: [HeaderName; 9] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::IF_MODIFIED_SINCE,
    header::IF_NONE_MATCH,
    header::RANGE,
    header::TRANSFER_ENCODING,
];

/// Tools that are answered at once, and those that wait for it.
const AT_ONCE: usize = 4;
const WAITING: usize = 32;

/// Every route as it is to be asked from within: behind the check of its right.
#[derive(Clone)]
pub(crate) struct Api {
    routes: Router,
    /// Tools that are answered now: each may hold some documents.
    turns: Arc<Semaphore>,
    /// These, and those that wait.
    places: Arc<Semaphore>,
}

impl Api {
    pub(crate) fn new(routes: Router) -> Self {
        let [turns, places] = [AT_ONCE, AT_ONCE + WAITING].map(|most| Arc::new(Semaphore::new(most)));
        Self { routes, turns, places }
    }
}

/// `POST /mcp`: a message of the protocol.
pub(super) async fn message(
    Extension(api): Extension<Api>,
    head: Parts,
    Payload(message): Payload<Box<RawValue>>,
) -> Result<Response, Problem> {
    if let Some(version) = head.headers.get(VERSION)
        && !VERSIONS.iter().any(|known| version == known)
    {
        let detail = format!("MCP-Protocol-Version: allowed are {}", VERSIONS.join(", "));
        return Err(Problem::new(ProblemKind::InvalidQuery, detail));
    }
    let length = message.get().len();
    let read = move || perf_mcp::read(message.get().as_bytes());
    let step = if length > LONG_BODY { BODIES.run(read).await? } else { read() };
    Ok(match step {
        Step::Reply(answer) => json(answer),
        Step::Refuse(refusal) => return Err(Problem::new(ProblemKind::InvalidBody, refusal.to_string())),
        // Another request brings it: whoever wants no answer goes away.
        Step::Nothing | Step::Cancel(_) => StatusCode::ACCEPTED.into_response(),
        Step::Ask(asked) => {
            let busy = || {
                Problem::new(
                    ProblemKind::TooManyRequests,
                    "too many tools are being answered: try again in some seconds",
                )
            };
            let _place = api.places.try_acquire().map_err(|_| busy())?;
            let _turn = api.turns.acquire().await.map_err(|_| busy())?;
            let (mut got, mut took) = (Vec::new(), Duration::ZERO);
            for question in asked.questions() {
                let (answer, elsewhere) = ask(&api.routes, &head, question).await;
                got.push(answer);
                took += elsewhere;
            }
            let answer = respond::off_the_runtime(move || {
                let started = Instant::now();
                (asked.answer(got), started.elapsed())
            });
            let (answer, making) = answer.await?;
            let mut response = json(answer);
            response.extensions_mut().insert(Elsewhere(took + making));
            response
        }
    })
}

fn json(answer: String) -> Response {
    ([(header::CONTENT_TYPE, "application/json")], answer).into_response()
}

/// Asks one of our routes, as the client that asks us. Says as well what the answer took on other threads.
async fn ask(api: &Router, head: &Parts, question: &str) -> (Got, Duration) {
    let mut request = Request::new(Body::empty());
    let Some(uri) = at(&head.uri, question) else {
        return (Got::Refused("no question of ours".to_owned()), Duration::ZERO);
    };
    *request.uri_mut() = uri;
    *request.headers_mut() = of_the_client(&head.headers);
    *request.extensions_mut() = head.extensions.clone();
    let mut api = api.clone();
    let response = match api.call(request).await {
        Ok(response) => response,
        Err(never) => match never {},
    };
    let status = response.status();
    let took = response.extensions().get::<Elsewhere>().map_or(Duration::ZERO, |elsewhere| elsewhere.0);
    let got = match to_bytes(response.into_body(), LONGEST).await.map(|body| String::from_utf8(body.into())) {
        Ok(Ok(document)) if status.is_success() => Got::Document(document),
        // A route that is not there has no words.
        Ok(Ok(text)) if status == StatusCode::NOT_FOUND && text.is_empty() => Got::NotThere,
        Ok(Ok(text)) => Got::Refused(reason(&text).unwrap_or_else(|| format!("answered with {status}"))),
        Ok(Err(_)) | Err(_) => Got::Refused("the answer could not be read".to_owned()),
    };
    (got, took)
}

/// The question at the host that was asked: in HTTP/2 it stands in the address.
fn at(asked: &Uri, question: &str) -> Option<Uri> {
    let mut parts = asked.clone().into_parts();
    parts.path_and_query = Some(question.parse().ok()?);
    Uri::from_parts(parts).ok()
}

fn of_the_client(headers: &HeaderMap) -> HeaderMap {
    let mut headers = headers.clone();
    for name in OF_THE_MESSAGE {
        headers.remove(name);
    }
    headers
}

/// The words of a problem.
fn reason(text: &str) -> Option<String> {
    #[derive(Deserialize)]
    struct Words {
        detail: String,
    }
    serde_json::from_str::<Words>(text).ok().map(|words| words.detail)
}
