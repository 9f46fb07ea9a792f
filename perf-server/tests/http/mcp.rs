//! The Model Context Protocol over HTTP: who may ask, and that its figures are those of the routes.

use crate::common::{READ, get, guarded, monitor, open, request};
use axum::Router;
use axum::http::StatusCode;
use perf_runtime::Outcome;
use serde_json::{Value, json};
use std::time::Duration;

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(app: &Router, headers: &[(&str, &str)], message: &Value) -> crate::common::Answer {
    crate::common::ask(app, request("POST", "/mcp", headers, &message.to_string())).await
}

fn tool(name: &str, arguments: &Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": { "name": name, "arguments": arguments } })
}

async fn called(app: &Router, name: &str, arguments: &Value) -> Value {
    let answer = post(app, &[JSON], &tool(name, arguments)).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text);
    let result = answer.json()["result"].clone();
    assert_eq!(result["isError"], false, "{result}");
    serde_json::from_str(result["content"][0]["text"].as_str().expect("text")).expect("JSON")
}

#[tokio::test]
async fn an_agent_finds_what_is_slow_and_the_figures_are_those_of_the_routes() {
    let monitor = monitor();
    for (operation, milliseconds) in [("quick", 1), ("slow", 900)] {
        for _ in 0..30 {
            monitor.operation(operation).record(Duration::from_millis(milliseconds), Outcome::Ok);
        }
    }
    monitor.tick();
    let app = open(&monitor);
    let overview = called(&app, "overview", &json!({})).await;
    let health = get(&app, "/health/performance").await.json();
    assert_eq!(overview["health"]["score"], health["score"]);
    assert!(overview["process"]["uptime_seconds"].is_number(), "{overview}");
    assert_eq!(overview["not_enabled"], json!(["incidents", "bottlenecks"]), "parts that this server has not");

    let series = called(&app, "series", &json!({ "kind": "operation", "limit": 1 })).await;
    let slowest = &series["series"]["series"][0];
    let listed = get(&app, "/api/v1/series?kind=operation&sort=-p95&limit=1&window=5m").await.json();
    assert_eq!(slowest["id"], "operation{operation=slow}");
    for figure in ["p50", "p95", "p99", "mean", "max", "count", "error_rate", "outcomes"] {
        assert_eq!(slowest[figure], listed["series"][0][figure], "{figure}");
    }
    let next = series["series"]["next"].as_str().expect("a cursor");
    let after = called(&app, "series", &json!({ "kind": "operation", "limit": 100, "cursor": next })).await;
    assert_ne!(after["series"]["series"][0]["id"], slowest["id"]);

    let explained = called(&app, "explain", &json!({ "series": slowest["id"] })).await;
    let figures = explained["figures"]["series"].as_array().expect("a list");
    assert_eq!(
        (figures.len(), &figures[0]["id"], &figures[0]["p95"]),
        (1, &slowest["id"], &slowest["p95"]),
        "{explained}"
    );
    assert!(explained["slowest"]["calls"].is_array() && explained["time"]["parts"].is_array(), "{explained}");
    let unknown = post(&app, &[JSON], &tool("explain", &json!({ "series": "operation{operation=none}" }))).await;
    assert!(unknown.text.contains("operation=none"), "{}", unknown.text);
}

#[tokio::test]
async fn only_who_may_read_is_answered_and_a_page_of_another_site_never() {
    let app = guarded(&monitor());
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(post(&app, &[JSON], &list).await.status, StatusCode::UNAUTHORIZED);
    let token = format!("Bearer {READ}");
    let authorized = ("authorization", token.as_str());
    let overview = post(&app, &[JSON, authorized], &tool("overview", &json!({}))).await;
    assert_eq!(overview.status, StatusCode::OK);
    assert!(overview.json()["result"]["isError"] == false, "the routes know the client: {}", overview.text);
    let foreign = ("origin", "https://evil.example");
    assert_eq!(post(&app, &[JSON, authorized, foreign], &list).await.status, StatusCode::FORBIDDEN);
    let plain = ("content-type", "text/plain");
    assert_eq!(post(&app, &[plain, authorized], &list).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
}

#[tokio::test]
async fn messages_that_are_none_are_refused_and_notifications_have_no_answer() {
    let app = open(&monitor());
    let told = post(&app, &[JSON], &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" })).await;
    assert_eq!((told.status, told.text.as_str()), (StatusCode::ACCEPTED, ""));
    assert_eq!(post(&app, &[JSON], &json!([])).await.status, StatusCode::UNPROCESSABLE_ENTITY);
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let old = ("mcp-protocol-version", "2019-01-01");
    assert_eq!(post(&app, &[JSON, old], &list).await.status, StatusCode::BAD_REQUEST);
    let known = ("mcp-protocol-version", "2025-06-18");
    assert_eq!(post(&app, &[JSON, known], &list).await.status, StatusCode::OK);
    assert_eq!(get(&app, "/mcp").await.status, StatusCode::METHOD_NOT_ALLOWED, "no events are sent");
}
