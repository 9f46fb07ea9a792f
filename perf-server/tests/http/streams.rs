//! Answers that are sent for a while: how many there are, and how they are judged.

use crate::common::{get, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use axum::routing::get as on_get;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use http_body::{Frame, SizeHint};
use perf_runtime::metric::names;
use perf_runtime::rule::presets;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Kind, Monitor, Window};
use perf_server::HttpLayer;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;
use tower::ServiceExt;

const PART: &[u8] = b"token ";

/// A body that says how long it is, and comes in parts.
struct Sized(u64);

impl http_body::Body for Sized {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let is_left = self.0 > 0;
        self.0 = self.0.saturating_sub(1);
        Poll::Ready(is_left.then(|| Ok(Frame::data(Bytes::from_static(PART)))))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0 * PART.len() as u64)
    }
}

fn parts(count: usize) -> impl stream::Stream<Item = Result<Bytes, Infallible>> {
    stream::iter((0..count).map(|_| Ok(Bytes::from_static(PART))))
}

fn typed(kind: &'static str, body: Body) -> Response {
    ([("content-type", kind)], body).into_response()
}

fn app(layer: HttpLayer) -> Router {
    let endless = |kind| typed(kind, Body::from_stream(parts(1).chain(stream::pending())));
    Router::new()
        .route("/events", on_get(async move || endless("text/event-stream")))
        .route("/tokens", on_get(async move || endless("text/plain; charset=utf-8")))
        .route("/text", on_get(async || "text"))
        .route("/one", on_get(async || Body::from_stream(parts(1))))
        .route("/download", on_get(async || Body::from_stream(parts(4))))
        .route("/sized", on_get(async || Body::new(Sized(4))))
        .route(
            "/breaks",
            on_get(async || {
                Body::from_stream(parts(2).map(|part| part.map_err(|_| "never")).chain(stream::iter([Err("broken")])))
            }),
        )
        .layer(layer)
}

/// The streams that are open on a route; `None` where it never had one.
fn open(monitor: &Monitor, route: &str) -> Option<f64> {
    let metrics = monitor.metrics().read();
    let metric = metrics.iter().find(|metric| metric.name == names::HTTP_OPEN_STREAMS)?;
    let text = monitor.render_prometheus();
    let line = format!("http_open_streams{{method=\"GET\",route=\"{route}\"}} ");
    assert!(!metric.series.is_empty());
    text.lines().find_map(|own| own.strip_prefix(&line)).map(|value| value.parse().unwrap())
}

async fn body(app: &Router, path: &str) -> Pin<Box<impl stream::Stream<Item = Result<Bytes, axum::Error>> + use<>>> {
    let answer = app.clone().oneshot(request("GET", path, &[], "")).await.unwrap();
    Box::pin(answer.into_body().into_data_stream())
}

#[tokio::test]
async fn streams_are_counted_while_they_are_open() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(HttpLayer::new(&monitor));
    let first = body(&app, "/events").await;
    assert_eq!(open(&monitor, "/events"), Some(1.0), "its type says that it lasts");
    let mut second = body(&app, "/events").await;
    second.next().await.unwrap().unwrap();
    assert_eq!(open(&monitor, "/events"), Some(2.0));
    drop(first);
    assert_eq!(open(&monitor, "/events"), Some(1.0));
    drop(second);
    assert_eq!(open(&monitor, "/events"), Some(0.0));
    let summary = monitor.summary(Window::LastHour);
    let events = summary.find(Kind::HttpRequest, &["GET", "/events", "200"]).unwrap();
    assert_eq!((events.total.ok, events.total.finished()), (2, 2), "one call each, from head to head");

    let mut tokens = body(&app, "/tokens").await;
    tokens.next().await.unwrap().unwrap();
    assert!(tokens.next().now_or_never().is_none());
    assert_eq!(open(&monitor, "/tokens"), Some(1.0));
    drop(tokens);
    assert_eq!(open(&monitor, "/tokens"), Some(0.0));

    for path in ["/download", "/sized", "/breaks"] {
        let mut parts = body(&app, path).await;
        for _ in 0..2 {
            parts.next().await.unwrap().unwrap();
        }
        assert_eq!(open(&monitor, path), Some(1.0), "{path}");
        while let Some(Ok(_)) = parts.next().await {}
        assert_eq!(open(&monitor, path), Some(0.0), "{path}, before the body is dropped");
    }
}

#[tokio::test]
async fn answers_that_are_there_at_once_are_no_streams() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(HttpLayer::new(&monitor));
    for path in ["/text", "/one", "/none"] {
        get(&app, path).await;
    }
    assert!(!monitor.render_prometheus().contains("http_open_streams"));
}

#[tokio::test]
async fn streams_have_as_many_routes_as_requests_have() {
    let monitor = Monitor::builder().max_label_values(20).build().unwrap();
    let layer = HttpLayer::new(&monitor).name_routes(|_, path| Some(path.to_owned().into()));
    let lasting =
        async || typed("text/event-stream", Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()));
    let app: Router = Router::new().fallback(lasting).layer(layer);
    let mut open = Vec::new();
    for path in 0..100 {
        open.push(body(&app, &format!("/{path}")).await);
    }
    let gauges = |text: String| -> Vec<f64> {
        let lines = text.lines().filter(|line| line.starts_with("http_open_streams{"));
        lines.map(|line| line.rsplit_once(' ').unwrap().1.parse().unwrap()).collect()
    };
    let values = gauges(monitor.render_prometheus());
    assert_eq!((values.len(), values.iter().sum::<f64>()), (21, 100.0), "{values:?}");
    drop(open);
    assert!(gauges(monitor.render_prometheus()).iter().all(|value| *value == 0.0));
}

#[tokio::test]
async fn a_stream_of_tokens_is_as_slow_as_its_head() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(presets::standard()).build().unwrap();
    let (send, tokens) = futures::channel::mpsc::unbounded::<Result<Bytes, Infallible>>();
    let tokens = Arc::new(Mutex::new(Some(tokens)));
    let take = move || tokens.lock().unwrap().take().unwrap();
    let answer = || async move { typed("text/plain; charset=utf-8", Body::from_stream(take())) };
    let app: Router = Router::new().route("/chat", on_get(answer)).layer(HttpLayer::new(&monitor));
    let mut answer = body(&app, "/chat").await;
    for _ in 0..40 {
        assert!(answer.next().now_or_never().is_none(), "the next token is thought about");
        for _ in 0..3 {
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        assert!(monitor.health().score() >= 100.0, "{:?}", monitor.health().indicators());
        assert!(monitor.alerts().active().is_empty(), "{:?}", monitor.alerts().active());
        send.unbounded_send(Ok(Bytes::from_static(PART))).unwrap();
        answer.next().await.unwrap().unwrap();
    }
    drop(send);
    assert!(answer.next().await.is_none());
    let summary = monitor.summary(Window::LastHour);
    let chat = summary.find(Kind::HttpRequest, &["GET", "/chat", "200"]).unwrap();
    assert_eq!((chat.total.ok, chat.max, chat.slow_polls), (1, Some(0.0), 0));
}

#[tokio::test]
async fn the_time_that_a_client_takes_for_a_body_of_known_length_is_neither_work_nor_latency() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(presets::standard()).build().unwrap();
    let app = app(HttpLayer::new(&monitor));
    let mut answer = body(&app, "/sized").await;
    clock.advance(Duration::from_millis(5));
    while let Some(part) = answer.next().await {
        part.unwrap();
        for _ in 0..30 {
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        assert!(monitor.alerts().active().is_empty(), "{:?}", monitor.alerts().active());
    }
    let summary = monitor.summary(Window::LastHour);
    let sized = summary.find(Kind::HttpRequest, &["GET", "/sized", "200"]).unwrap();
    assert_eq!((sized.total.ok, sized.total.finished(), sized.slow_polls), (1, 1, 0));
    assert!(sized.max.is_some_and(|max| max < 0.1), "{sized:?}");
}

#[tokio::test]
async fn nobody_knows_how_long_a_stream_of_events_will_be() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(HttpLayer::new(&monitor).with_sizes());
    drop(body(&app, "/events").await);
    get(&app, "/download").await;
    let text = monitor.render_prometheus();
    let sizes = |route: &str| format!("http_response_size_bytes_count{{method=\"GET\",route=\"{route}\"}} ");
    assert!(text.contains(&format!("{}1\n", sizes("/download"))), "{text}");
    assert!(text.contains(&format!("{}0\n", sizes("/events"))), "{text}");
}

#[perf_runtime::monitor("streams_rows")]
fn rows(count: usize, end: &'static str) -> impl stream::Stream<Item = Result<Bytes, String>> {
    let items = parts(count).map(|part| part.map_err(|never| match never {}));
    match end {
        "ends" => items.boxed(),
        "breaks" => items.chain(stream::iter([Err("broken".to_owned())])).boxed(),
        _ => items.chain(stream::pending()).boxed(),
    }
}

/// The stream that a handler answers with is one thing, and the answer that is sent another: they tell the same.
#[tokio::test]
async fn an_answer_and_the_stream_that_it_is_made_of_agree() {
    let _alone = isolated();
    let monitor = perf_runtime::monitor();
    let app = Router::new()
        .route(
            "/text",
            on_get(async |end: String| Body::from_stream(rows(3, if end == "b" { "breaks" } else { "ends" }))),
        )
        .route("/open", on_get(async || typed("application/x-ndjson", Body::from_stream(rows(1, "stays")))))
        .layer(HttpLayer::new(&monitor));
    let told = || {
        let summary = monitor.summary(Window::LastHour);
        let rows = summary.find(Kind::Operation, &["streams_rows"]).unwrap().clone();
        (rows.total, rows.in_flight, rows.stream.unwrap().items)
    };
    let of_answers = |route: &str| {
        let summary = monitor.summary(Window::LastHour);
        summary.find(Kind::HttpRequest, &["GET", route, "200"]).unwrap().total
    };
    let send = async |route: &str, text: &'static str| {
        let request = Request::builder().uri(route).body(Body::from(text)).unwrap();
        Box::pin(app.clone().oneshot(request).await.unwrap().into_body().into_data_stream())
    };
    assert_eq!(send("/text", "").await.collect::<Vec<_>>().await.len(), 3);
    assert!(send("/text", "b").await.any(async |part| part.is_err()).await);
    let mut left = send("/text", "").await;
    assert!(left.next().await.is_some());
    drop(left);
    let (rows, in_flight, items) = told();
    assert_eq!((rows.ok, rows.error, rows.cancelled, in_flight, items), (1, 1, 1, 0, 8));
    let answers = of_answers("/text");
    assert_eq!((answers.ok, answers.error, answers.cancelled), (1, 1, 1));

    // One that is open, whose request ended with its head.
    let mut open_one = send("/open", "").await;
    assert!(open_one.next().await.is_some());
    assert!(open_one.next().now_or_never().is_none());
    assert_eq!((open(&monitor, "/open"), told().1), (Some(1.0), 1));
    let running = monitor.calls_in_flight_of(Kind::Operation, &["streams_rows"], 9);
    assert_eq!(running.iter().map(|call| call.items).collect::<Vec<_>>(), [Some(1)]);
    drop(open_one);
    assert_eq!((open(&monitor, "/open"), told().0.cancelled, told().1), (Some(0.0), 2, 0));
}
