use super::{HttpLayer, router};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{Request, StatusCode};
use axum::routing::get;
use perf_runtime::Monitor;
use serde_json::Value;
use std::future::pending;
use std::time::Duration;
use tower::ServiceExt;

fn app(monitor: &Monitor) -> Router {
    Router::new()
        .route("/users/{id}", get(|| async { "ada" }))
        .route("/fails", get(|| async { StatusCode::BAD_GATEWAY }))
        .route("/missing", get(|| async { StatusCode::NOT_FOUND }))
        .route("/hangs", get(|| async { pending::<()>().await }))
        .route("/panics", get(panics))
        .merge(router(monitor))
        .layer(HttpLayer::new(monitor))
}

async fn panics() -> StatusCode {
    panic!("on purpose")
}

fn get_request(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

async fn body_of(app: &Router, path: &str) -> String {
    let response = app.clone().oneshot(get_request(path)).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK, "{path}");
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

fn requests(monitor: &Monitor, labels: &str) -> Option<u64> {
    let text = monitor.render_prometheus();
    let line = text.lines().find_map(|line| line.strip_prefix(&format!("http_requests_total{{{labels}}} ")))?;
    line.parse().ok()
}

#[tokio::test]
async fn requests_count_by_route_template_and_status() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for path in ["/users/1", "/users/2", "/fails", "/missing", "/no/such/path", "/another"] {
        let answer = app.clone().oneshot(get_request(path)).await.unwrap();
        to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    }
    let count = |labels: &str| requests(&monitor, labels);
    assert_eq!(count(r#"method="GET",route="/users/{id}",status="200",outcome="ok""#), Some(2));
    assert_eq!(count(r#"method="GET",route="/fails",status="502",outcome="error""#), Some(1));
    assert_eq!(count(r#"method="GET",route="/missing",status="404",outcome="ok""#), Some(1));
    assert_eq!(count(r#"method="GET",route="unmatched",status="404",outcome="ok""#), Some(2));
}

#[tokio::test]
async fn made_up_methods_are_one() {
    let monitor = Monitor::builder().build().unwrap();
    let request = Request::builder().method("BREW").uri("/users/1").body(Body::empty()).unwrap();
    app(&monitor).oneshot(request).await.unwrap();
    let labels = r#"method="_OTHER",route="/users/{id}",status="405",outcome="ok""#;
    assert_eq!(requests(&monitor, labels), Some(1));
}

#[tokio::test]
async fn a_request_that_is_dropped_is_cancelled_and_was_in_flight() {
    let monitor = Monitor::builder().build().unwrap();
    let in_flight =
        || monitor.render_prometheus().contains("http_requests_in_flight{method=\"GET\",route=\"/hangs\"} 1");
    let answer = app(&monitor).oneshot(get_request("/hangs"));
    let watch = async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        in_flight()
    };
    let seen = tokio::select! {
        _ = answer => unreachable!("the handler never answers"),
        seen = watch => seen,
    };
    assert!(seen && !in_flight());
    assert_eq!(requests(&monitor, r#"method="GET",route="/hangs",status="",outcome="cancelled""#), Some(1));
}

#[tokio::test]
async fn a_handler_that_panics_is_panicked() {
    let monitor = Monitor::builder().build().unwrap();
    let answer = tokio::spawn(app(&monitor).oneshot(get_request("/panics")));
    assert!(answer.await.unwrap_err().is_panic());
    assert_eq!(requests(&monitor, r#"method="GET",route="/panics",status="",outcome="panicked""#), Some(1));
}

#[tokio::test]
async fn metrics_come_in_the_format_that_is_asked_for() {
    let monitor = Monitor::builder().build().unwrap();
    for (accept, content_type, last_line) in [
        ("*/*", "text/plain; version=0.0.4; charset=utf-8", None),
        ("application/openmetrics-text", "application/openmetrics-text; version=1.0.0; charset=utf-8", Some("# EOF")),
    ] {
        let request = Request::get("/metrics").header("accept", accept).body(Body::empty()).unwrap();
        let response = app(&monitor).oneshot(request).await.unwrap();
        assert_eq!(response.headers()["content-type"], content_type);
        assert_eq!(response.headers()["vary"], "Accept");
        let text = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        assert!(text.contains("http_requests_in_flight"), "{text}");
        assert_eq!(text.lines().last().filter(|line| *line == "# EOF"), last_line);
    }
}

#[tokio::test]
async fn the_router_serves_metrics_summary_and_health() {
    let monitor = Monitor::builder().namespace("shop").build().unwrap();
    let app = app(&monitor);
    body_of(&app, "/users/7").await;
    assert!(body_of(&app, "/metrics").await.contains("# TYPE shop_http_requests_total counter"));
    let summary: Value = serde_json::from_str(&body_of(&app, "/metrics/summary").await).unwrap();
    let metric = &summary["metrics"]["http_request{method=GET,route=/users/{id},status=200}"];
    assert_eq!(metric["count"], 1, "{summary:#}");
    let health: Value = serde_json::from_str(&body_of(&app, "/health/performance").await).unwrap();
    assert_eq!((&health["status"], &health["score"]), (&Value::from("healthy"), &Value::from(100.0)));
    assert_eq!(health["health_indicators"]["resource_usage"], "unknown");
}
