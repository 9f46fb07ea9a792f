//! The counting of a request, from its head to the last byte of its answer.

use crate::common::{ask, get, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get as on_get;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use perf_runtime::series::OutcomeCounts;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::{HttpLayer, TraceContext};
use std::convert::Infallible;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tower::ServiceExt;
use tracing::field::{Field, Visit};
use tracing::{Subscriber, span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn app(monitor: &Monitor) -> Router {
    let parts = |count| stream::iter((0..count).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"part"))));
    Router::new()
        .route("/text", on_get(|| async { "text" }))
        .route("/empty", on_get(|| async { StatusCode::NO_CONTENT }))
        .route("/parts", on_get(move || async move { Body::from_stream(parts(10)) }))
        .route("/sized", on_get(move || async move { ([("content-length", "40")], Body::from_stream(parts(10))) }))
        .route("/endless", on_get(move || async move { Body::from_stream(parts(1).chain(stream::pending())) }))
        .route(
            "/breaks",
            on_get(|| async { Body::from_stream(stream::iter([Err::<Bytes, _>(io::Error::other("broken"))])) }),
        )
        .route("/events", on_get(events))
        .route("/fails", on_get(|| async { (StatusCode::BAD_GATEWAY, "no") }))
        .route(
            "/trace",
            on_get(|request: axum::extract::Request| async move {
                let own = request.extensions().get::<TraceContext>().cloned();
                format!(
                    "{} {}",
                    own.as_ref().map(ToString::to_string).unwrap_or_default(),
                    own == TraceContext::current()
                )
            }),
        )
        .layer(HttpLayer::new(monitor))
}

async fn events() -> Response {
    ([("content-type", "text/event-stream")], Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()))
        .into_response()
}

fn outcomes(monitor: &Monitor, route: &str, status: &str) -> OutcomeCounts {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["GET", route, status]).map(|one| one.total).unwrap_or_default()
}

#[tokio::test]
async fn an_answer_that_was_taken_to_its_end_is_ok() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for (path, status) in [("/text", "200"), ("/empty", "204"), ("/parts", "200"), ("/sized", "200")] {
        get(&app, path).await;
        let counts = outcomes(&monitor, path, status);
        assert_eq!((counts.ok, counts.finished()), (1, 1), "{path}");
    }
    get(&app, "/fails").await;
    assert_eq!(outcomes(&monitor, "/fails", "502").error, 1);
}

#[tokio::test]
async fn a_body_that_is_dropped_is_cancelled_under_its_status() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for path in ["/text", "/parts", "/endless"] {
        drop(app.clone().oneshot(request("GET", path, &[], "")).await.unwrap());
        let counts = outcomes(&monitor, path, "200");
        assert_eq!((counts.cancelled, counts.finished()), (1, 1), "{path}");
    }
    let answer = app.clone().oneshot(request("GET", "/endless", &[], "")).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    assert!(futures::poll!(body.next()).is_pending());
    let [call] = monitor.calls_in_flight(9).try_into().unwrap();
    assert_eq!((call.kind, call.labels[1].1.as_str()), (Kind::HttpRequest, "/endless"));
    drop(body);
    assert_eq!(outcomes(&monitor, "/endless", "200").cancelled, 2);
    assert!(monitor.calls_in_flight(9).is_empty());
}

#[tokio::test]
async fn a_length_that_was_taken_is_all_there_is() {
    let monitor = Monitor::builder().build().unwrap();
    let answer = app(&monitor).oneshot(request("GET", "/sized", &[], "")).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    for _ in 0..10 {
        body.next().await.unwrap().unwrap();
    }
    drop(body);
    assert_eq!(outcomes(&monitor, "/sized", "200").ok, 1, "a server asks for no more than it announced");
}

#[tokio::test]
async fn a_body_that_breaks_is_an_error_and_one_that_nobody_waits_for_is_none() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    let answer = app.clone().oneshot(request("GET", "/breaks", &[], "")).await.unwrap();
    assert!(answer.into_body().into_data_stream().next().await.unwrap().is_err());
    assert_eq!(outcomes(&monitor, "/breaks", "200").error, 1);
    drop(app.clone().oneshot(request("GET", "/events", &[], "")).await.unwrap());
    assert_eq!(outcomes(&monitor, "/events", "200").ok, 1, "a stream of events ends when the client leaves");
    ask(&app, request("HEAD", "/parts", &[], "")).await;
    let text = monitor.render_prometheus();
    assert!(
        text.contains(r#"http_requests_total{method="HEAD",route="/parts",status="200",outcome="ok"} 1"#),
        "{text}"
    );
}

#[tokio::test]
async fn the_routes_of_perf_are_no_traffic_of_an_application_that_they_are_mounted_in() {
    let monitor = Monitor::builder().build().unwrap();
    let own = Router::new().route("/users/{id}", on_get(|| async { "ada" }));
    let app: Router = perf_server::mount_at(own.clone(), &monitor, "/").unwrap();
    let nested: Router =
        Router::new().nest("/perf/", perf_server::router(&monitor)).merge(own.layer(HttpLayer::new(&monitor)));
    for (app, prefix) in [(&app, ""), (&nested, "/perf")] {
        for path in ["/", "/metrics", "/api/v1/series", "/health/live", "/login", "/metrics/reset"] {
            assert_ne!(get(app, &format!("{prefix}{path}")).await.status, StatusCode::NOT_FOUND, "{prefix}{path}");
        }
        get(app, "/users/7").await;
        assert_eq!(get(app, "/no/such/page").await.status, StatusCode::NOT_FOUND);
    }
    let series = monitor.summary(Window::LastHour).series;
    let all: u64 = series.iter().filter(|one| one.kind == Kind::HttpRequest).map(|one| one.total.finished()).sum();
    assert_eq!(
        (outcomes(&monitor, "/users/{id}", "200").ok, outcomes(&monitor, "unmatched", "404").ok, all),
        (2, 2, 4)
    );
}

#[tokio::test]
async fn a_state_that_an_application_has_goes_with_it() {
    let monitor = Monitor::builder().build().unwrap();
    let own = Router::new().route("/name", on_get(|name: axum::extract::State<&'static str>| async move { name.0 }));
    let app = perf_server::Server::builder(&monitor).mount(own).unwrap().with_state("ada");
    assert_eq!((get(&app, "/name").await.text.as_str(), get(&app, "/metrics").await.status), ("ada", StatusCode::OK));
    assert_eq!(outcomes(&monitor, "/name", "200").ok, 1);
}

#[tokio::test]
async fn a_body_that_unwinds_is_panicked_whoever_catches_it() {
    let monitor = Monitor::builder().build().unwrap();
    let parts = stream::iter([true, false]).map(|ends_well| {
        assert!(ends_well, "on purpose");
        Ok::<_, Infallible>(Bytes::from_static(b"part"))
    });
    let parts = Arc::new(Mutex::new(Some(parts)));
    let take = move || parts.lock().unwrap().take().unwrap();
    let app: Router = Router::new()
        .route("/unwinds", on_get(|| async move { Body::from_stream(take()) }))
        .layer(HttpLayer::new(&monitor));
    let answer = app.oneshot(request("GET", "/unwinds", &[], "")).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    body.next().await.unwrap().unwrap();
    assert!(std::panic::AssertUnwindSafe(body.next()).catch_unwind().await.is_err());
    assert_eq!(outcomes(&monitor, "/unwinds", "200").panicked, 1, "before the body is dropped");
    drop(body);
    assert_eq!(outcomes(&monitor, "/unwinds", "200").finished(), 1);
}

#[tokio::test]
async fn the_time_that_a_request_waits_is_not_busy() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let gone = Arc::new(tokio::sync::Mutex::new(Some(gone)));
    let app: Router = Router::new()
        .route("/waits", on_get(move || async move { gone.lock().await.take().unwrap().await.unwrap() }))
        .layer(HttpLayer::new(&monitor));
    let mut answer = Box::pin(get(&app, "/waits"));
    assert!(futures::poll!(&mut answer).is_pending());
    clock.advance(Duration::from_secs(3));
    assert!((monitor.calls_in_flight(1)[0].age - 3.0).abs() < 1e-9);
    go.send(()).unwrap();
    answer.await;
    let summary = monitor.summary(Window::LastHour);
    let series = summary.find(Kind::HttpRequest, &["GET", "/waits", "200"]).unwrap();
    assert_eq!((series.busy_share, series.mean), (Some(0.0), Some(3.0)));
}

#[tokio::test]
async fn a_trace_is_taken_in_where_it_is_well_formed() {
    let app = app(&Monitor::builder().build().unwrap());
    for (given, seen) in [(TRACE, TRACE), ("00-nonsense", ""), ("", "")] {
        let answer = ask(&app, request("GET", "/trace", &[("traceparent", given)], "")).await;
        assert_eq!(answer.text, format!("{seen} true"));
    }
    assert_eq!(TraceContext::current(), None);
}

/// Keeps the fields of spans.
#[derive(Clone, Default)]
struct Fields(Arc<Mutex<Vec<(String, String)>>>);

impl Fields {
    fn get(&self, name: &str) -> Option<String> {
        let all = self.0.lock().unwrap();
        all.iter().rev().find(|(own, _)| own == name).map(|(_, value)| value.clone())
    }
}

impl Visit for Fields {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0.lock().unwrap().push((field.name().to_owned(), format!("{value:?}")));
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Fields {
    fn on_new_span(&self, attributes: &span::Attributes<'_>, _: &span::Id, _: Context<'_, S>) {
        attributes.record(&mut self.clone());
    }

    fn on_record(&self, _: &span::Id, values: &span::Record<'_>, _: Context<'_, S>) {
        values.record(&mut self.clone());
    }
}

#[tokio::test]
async fn the_span_has_the_names_of_opentelemetry() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    for (millis, category) in [(0, "fast"), (700, "moderate"), (1_500, "slow")] {
        let fields = Fields::default();
        let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(fields.clone()));
        let headers = [("user-agent", "curl/8"), ("traceparent", TRACE), ("content-length", "3")];
        let answer = app(&monitor).oneshot(request("GET", "/parts?secret=1", &headers, "abc")).await.unwrap();
        clock.advance(Duration::from_millis(millis));
        axum::body::to_bytes(answer.into_body(), usize::MAX).await.unwrap();
        for (name, value) in [
            ("http.request.method", "\"GET\""),
            ("http.route", "\"/parts\""),
            ("url.path", "\"/parts\""),
            ("user_agent.original", "\"curl/8\""),
            ("http.request.body.size", "3"),
            ("http.response.status_code", "200"),
            ("http.response.body.size", "40"),
            ("otel.name", "GET /parts"),
            ("outcome", "\"ok\""),
            ("trace_id", "0af7651916cd43dd8448eb211c80319c"),
            ("parent_span_id", "b7ad6b7169203331"),
        ] {
            assert_eq!(fields.get(name).as_deref(), Some(value), "{name}");
        }
        assert_eq!(fields.get("performance_category"), Some(format!("{category:?}")));
        assert_eq!(fields.get("error.type"), None);
    }
}

#[tokio::test]
async fn the_span_says_what_went_wrong() {
    let monitor = Monitor::builder().build().unwrap();
    for (path, is_read, error) in
        [("/fails", true, "502"), ("/endless", false, "\"cancelled\""), ("/breaks", true, "\"error\"")]
    {
        let fields = Fields::default();
        let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(fields.clone()));
        let answer = app(&monitor).oneshot(request("GET", path, &[], "")).await.unwrap();
        if is_read {
            _ = axum::body::to_bytes(answer.into_body(), usize::MAX).await;
        } else {
            drop(answer);
        }
        assert_eq!(fields.get("error.type").as_deref(), Some(error), "{path}");
        assert_eq!(fields.get("otel.status_code").as_deref(), Some("\"ERROR\""), "{path}");
    }
}

#[tokio::test]
async fn a_layer_without_span_has_none() {
    let fields = Fields::default();
    let _on = tracing::subscriber::set_default(tracing_subscriber::registry().with(fields.clone()));
    let monitor = Monitor::builder().build().unwrap();
    let app: Router = Router::new().route("/", on_get(|| async {})).layer(HttpLayer::new(&monitor).without_span());
    get(&app, "/").await;
    assert_eq!(fields.get("http.route"), None);
    assert_eq!(outcomes(&monitor, "/", "200").ok, 1);
}

#[tokio::test]
async fn sizes_are_measured_where_that_is_wanted() {
    let monitor = Monitor::builder().build().unwrap();
    let app: Router =
        Router::new().route("/text", on_get(|| async { "x".repeat(300) })).layer(HttpLayer::new(&monitor).with_sizes());
    ask(&app, request("GET", "/text", &[("content-length", "3")], "abc")).await;
    get(&app, "/text").await;
    let text = monitor.render_prometheus();
    for line in [
        r#"http_request_size_bytes_sum{method="GET",route="/text"} 3"#,
        r#"http_request_size_bytes_count{method="GET",route="/text"} 2"#,
        r#"http_response_size_bytes_sum{method="GET",route="/text"} 600"#,
        r#"http_response_size_bytes_bucket{method="GET",route="/text",le="256"} 0"#,
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
}

#[tokio::test]
async fn a_request_that_is_traced_is_the_exemplar_of_its_bucket() {
    let trace_id = |_: &tracing::Span| TraceContext::current().map(|trace| trace.trace_id());
    let monitor = Monitor::builder().trace_id_of(trace_id).build().unwrap();
    let _on = tracing::subscriber::set_default(tracing_subscriber::registry());
    ask(&app(&monitor), request("GET", "/text", &[("traceparent", TRACE)], "")).await;
    let text = monitor.render_openmetrics();
    let bucket = r#"http_request_duration_seconds_bucket{method="GET",route="/text",status="200",outcome="ok""#;
    let exemplar = r#"# {trace_id="0af7651916cd43dd8448eb211c80319c"}"#;
    assert!(text.lines().any(|line| line.starts_with(bucket) && line.contains(exemplar)), "{text}");
}
