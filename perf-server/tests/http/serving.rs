//! The monitor tells the cost of answering questions about it.

use crate::common::{ADMIN, get, guarded, monitor, open, request};
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use futures::stream;
use std::convert::Infallible;
use std::time::Duration;
use tower::ServiceExt;

#[tokio::test]
async fn each_answer_is_a_part_of_what_the_monitor_costs() {
    let monitor = monitor();
    let app = open(&monitor);
    let mut before = monitor.overhead();
    assert!(before.serving_seconds <= 0.0);
    for path in ["/api/v1/series", "/metrics/summary", "/health/performance", "/", "/metrics"] {
        assert_eq!(get(&app, path).await.status, StatusCode::OK, "{path}");
        let after = monitor.overhead();
        assert!(after.serving_seconds > before.serving_seconds, "{path}");
        assert_eq!(after.renders > before.renders, path == "/metrics", "texts have a part of their own");
        before = after;
    }
}

#[tokio::test]
async fn to_wait_for_a_client_costs_nothing() {
    let monitor = monitor();
    let app = guarded(&monitor);
    let headers = [("authorization", format!("Bearer {ADMIN}")), ("content-type", "application/json".to_owned())];
    let headers = headers.each_ref().map(|(name, value)| (*name, value.as_str()));
    let never = Body::from_stream(stream::pending::<Result<Bytes, Infallible>>());
    let asked = request("POST", "/api/v1/alerts/1/acknowledge", &headers, "").map(|_| never);
    let mut answer = Box::pin(app.oneshot(asked));
    assert!(futures::poll!(&mut answer).is_pending());
    let before = monitor.overhead().serving_seconds;
    assert!(before > 0.0);
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!((monitor.overhead().serving_seconds - before).abs() < f64::EPSILON);
}
