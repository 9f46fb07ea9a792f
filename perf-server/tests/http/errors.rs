//! Failures by kind: those that the layer tells of, and the route that lists all.

use crate::common::{READ, ask, get, guarded, monitor, open, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::StatusCode;
use axum::routing::get as on_get;
use futures::stream;
use perf_runtime::series::{ErrorGroup, Selector};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use perf_server::HttpLayer;
use serde_json::json;
use std::io;
use std::time::Duration;

const PROBLEM: [(&str, &str); 1] = [("content-type", "application/problem+json; charset=utf-8")];

fn app(monitor: &Monitor) -> Router {
    let document = |kind: &str| format!(r#"{{"type":"{kind}","title":"No","status":503,"detail":"order 17 of ada"}}"#);
    let (whole, blank) = (document("/problems/sold-out"), document("about:blank"));
    let pieces = || {
        [r#"{"type":"/prob"#, r#"lems/late"}"#].map(|piece| Ok::<_, io::Error>(Bytes::from_static(piece.as_bytes())))
    };
    let unavailable = StatusCode::SERVICE_UNAVAILABLE;
    Router::new()
        .route("/whole", on_get(move || async move { (unavailable, PROBLEM, whole) }))
        .route("/blank", on_get(move || async move { (unavailable, PROBLEM, blank) }))
        .route("/no-json", on_get(move || async move { (unavailable, PROBLEM, "[") }))
        .route(
            "/pieces",
            on_get(move || async move { (unavailable, PROBLEM, Body::from_stream(stream::iter(pieces()))) }),
        )
        .route("/client", on_get(|| async { (StatusCode::NOT_FOUND, PROBLEM, r#"{"type":"/problems/gone"}"#) }))
        .route("/plain", on_get(|| async { (StatusCode::BAD_GATEWAY, "no") }))
        .route(
            "/breaks",
            on_get(|| async { Body::from_stream(stream::iter([Err::<Bytes, _>(io::Error::other("broken"))])) }),
        )
        .layer(HttpLayer::new(monitor))
}

fn groups(monitor: &Monitor, route: &str) -> Vec<ErrorGroup> {
    let selector = Selector::kind(Kind::HttpRequest).label("route", route);
    monitor.errors(&selector, Window::LastMinute).series.into_iter().flat_map(|series| series.groups).collect()
}

#[tokio::test]
async fn requests_fail_by_the_type_of_their_problem_document_else_by_their_status() {
    // Other tests move the clock, and these look at the last minute.
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for (route, expected) in [
        ("/whole", vec!["/problems/sold-out"]),
        ("/blank", vec!["503"]),
        ("/no-json", vec!["503"]),
        ("/pieces", vec!["503"]),
        ("/client", vec![]),
        ("/plain", vec!["502"]),
        ("/breaks", vec!["body_failed"]),
    ] {
        let answer = app.clone();
        let response = tower::ServiceExt::oneshot(answer, request("GET", route, &[], "")).await.unwrap();
        let _ = axum::body::to_bytes(response.into_body(), usize::MAX).await;
        let found: Vec<_> = groups(&monitor, route).into_iter().map(|group| group.error_type.unwrap()).collect();
        assert_eq!(found, expected, "{route}");
        assert!(groups(&monitor, route).iter().all(|group| group.text.is_none()), "texts are off");
    }
}

#[tokio::test]
async fn details_of_problems_are_texts() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().error_texts(true).build().unwrap();
    let answer = get(&app(&monitor), "/whole").await;
    assert!(answer.text.contains("sold-out"), "the answer is as it was: {}", answer.text);
    assert_eq!(groups(&monitor, "/whole")[0].text.as_deref(), Some("order 17 of ada"));
}

#[tokio::test]
async fn the_route_lists_failures_for_readers() {
    let _clock = ManualClock::hold();
    let monitor = monitor();
    for name in ["a", "b"] {
        for _ in 0..3 {
            monitor.operation(name).try_run(|| Err::<(), _>("no such thing")).unwrap_err();
        }
    }
    monitor.operation("a").record(Duration::from_millis(1), Outcome::Panicked);
    let app = open(&monitor);
    let selected = "kind=operation&label=operation=a&window=5m";
    let listed = get(&app, &format!("/api/v1/errors?{selected}")).await.json();
    let series = &listed["series"][0];
    assert_eq!(listed["enabled"], true);
    assert_eq!((&series["id"], &series["failed"]), (&json!("operation{operation=a}"), &json!(4)));
    assert_eq!((&series["labels"], &series["others"]), (&json!({"operation": "a"}), &json!(0)));
    let group = &series["groups"][0];
    assert_eq!((&group["type_name"], &group["count"], &group["text"]), (&json!("&str"), &json!(3), &json!(null)));
    assert_eq!(series["groups"][1]["outcome"], "panicked");
    assert!(group["first_seen"].as_str().unwrap().ends_with('Z') && listed.get("next").is_none());

    let first = get(&app, "/api/v1/errors?limit=1&kind=operation").await.json();
    let rest =
        get(&app, &format!("/api/v1/errors?kind=operation&cursor={}", first["next"].as_str().unwrap())).await.json();
    let ids = |page: &serde_json::Value| {
        page["series"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&first), ["operation{operation=a}"]);
    assert_eq!(ids(&rest), ["operation{operation=b}", "operation{operation=search}"]);
    let named = get(&app, "/api/v1/errors?series=operation%7Boperation=b%7D").await.json();
    assert_eq!(ids(&named), ["operation{operation=b}"]);
    for (query, status) in [("kinds=operation", 422), ("series=%3C", 404), ("sort=text", 422), ("window=2m", 422)] {
        let answer = get(&app, &format!("/api/v1/errors?{query}")).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text);
    }
}

#[tokio::test]
async fn failures_are_for_those_who_may_read() {
    let app = guarded(&monitor());
    assert_eq!(get(&app, "/api/v1/errors").await.status, StatusCode::UNAUTHORIZED);
    let authorized = [("authorization", &*format!("Bearer {READ}"))];
    assert_eq!(ask(&app, request("GET", "/api/v1/errors", &authorized, "")).await.status, StatusCode::OK);
}
