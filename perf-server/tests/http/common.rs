//! Helpers that the tests of the routes share: a monitor with something to tell, and requests.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use perf_runtime::rule::{Rule, RuleSet, presets};
use perf_runtime::{Monitor, Outcome};
use perf_server::{Server, ServerBuilder};
use serde_json::Value;
use std::io::Write;
use std::sync::{Arc, Mutex, Once};
use std::time::Duration;
use tower::ServiceExt;
use tracing::subscriber::{DefaultGuard, set_default, set_global_default};
use tracing_subscriber::fmt::MakeWriter;

pub(crate) const READ: &str = "a-token-for-readers";
pub(crate) const ADMIN: &str = "a-token-for-admins";
pub(crate) const HOST: &str = "127.0.0.1:8080";

/// A monitor with some calls, and an alert that fires.
pub(crate) fn monitor() -> Monitor {
    let mut rules: RuleSet = presets::standard();
    rules.insert(Rule::builder("deep-queue").metric("queue_depth").warning(10.0).build().unwrap());
    let monitor = Monitor::builder().namespace("shop").rules(rules).recorder(true).build().unwrap();
    for millis in [10, 20, 30] {
        monitor.record_response_time("search", Duration::from_millis(millis));
    }
    monitor.operation("search").record(Duration::from_millis(5), Outcome::Error);
    monitor.record_custom_metric("queue_depth", 25.0, "jobs");
    monitor.tick();
    monitor
}

pub(crate) fn open(monitor: &Monitor) -> Router {
    perf_server::router(monitor)
}

pub(crate) fn with_tokens(monitor: &Monitor) -> ServerBuilder {
    Server::builder(monitor).read_token(READ).admin_token(ADMIN)
}

pub(crate) fn guarded(monitor: &Monitor) -> Router {
    with_tokens(monitor).router().unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        self.text.parse().unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// A request with headers and a body.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Request<Body> {
    let mut request = Request::builder().method(method).uri(path).header("host", HOST);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    request.body(Body::from(body.to_owned())).unwrap()
}

pub(crate) async fn ask(app: &Router, request: Request<Body>) -> Answer {
    let (head, body) = app.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap();
    Answer { status: head.status, headers: head.headers, text: String::from_utf8_lossy(&bytes).into_owned() }
}

pub(crate) async fn get(app: &Router, path: &str) -> Answer {
    ask(app, request("GET", path, &[], "")).await
}

pub(crate) async fn post(app: &Router, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
    let headers = [&[("content-type", "application/json")], headers].concat();
    ask(app, request("POST", path, &headers, body)).await
}

/// Keeps what is logged.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    /// Keeps what this thread logs, until the guard is dropped.
    pub(crate) fn listen(&self) -> DefaultGuard {
        // `tracing` asks those who listen when a place in the code is met first, and a test that met it with nobody listening
        // on its thread would switch it off for all. So somebody listens everywhere.
        static EVERYWHERE: Once = Once::new();
        EVERYWHERE.call_once(|| set_global_default(tracing_subscriber::registry()).expect("nobody set another"));
        set_default(tracing_subscriber::fmt().with_writer(self.clone()).with_ansi(false).finish())
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// The cookie of somebody who has logged in with this token.
pub(crate) async fn session(app: &Router, token: &str) -> String {
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", "http://127.0.0.1:8080")];
    let answer = ask(app, request("POST", "/login", &form, &format!("token={token}"))).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{}", answer.text);
    answer.header("set-cookie").split(';').next().unwrap().to_owned()
}
