//! The Model Context Protocol over HTTP: who may ask, and that its figures are those of the routes.

use crate::common::{READ, get, guarded, monitor, open, request};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::get as get_route;
use perf_runtime::{Monitor, Outcome};
use perf_server::{Extension, Server};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

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
    let absent = json!(["incidents", "bottlenecks", "locks", "channels", "statements"]);
    assert_eq!(overview["not_enabled"], absent, "parts that this server has not");
    assert_eq!(overview["time"]["parts"][0]["series"], "operation{operation=slow}", "{overview}");

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
async fn calls_beyond_a_limit_are_said_to_be_there() {
    let monitor = monitor();
    let waiting = monitor.operation("waiting");
    let calls: Vec<_> = (0..3).map(|_| Box::pin(waiting.watch(std::future::pending::<()>()))).collect();
    for call in calls {
        let mut call = call;
        assert!(futures::poll!(call.as_mut()).is_pending());
        std::mem::forget(call);
    }
    let app = open(&monitor);
    for (query, more) in [
        ("limit=2", true),
        ("limit=3", false),
        ("kind=operation&limit=2", true),
        ("kind=operation&limit=3", false),
        ("kind=tool&limit=1", false),
    ] {
        let calls = get(&app, &format!("/api/v1/calls?{query}")).await.json();
        assert_eq!(calls["more"], more, "{query}: {calls}");
    }
    let running = called(&app, "in_flight", &json!({ "limit": 2 })).await;
    let shown = running["calls"]["calls"].as_array().map(Vec::len);
    assert_eq!((shown, &running["calls"]["more"]), (Some(2), &json!(true)));
    let explain = json!({ "series": "operation{operation=waiting}" });
    assert_eq!(
        (&running["next_tool"][0]["name"], &running["next_tool"][0]["arguments"]),
        (&json!("explain"), &explain)
    );
}

/// A part whose answer comes when it is let go.
fn slow(monitor: &Monitor, gate: &Arc<Semaphore>) -> Router {
    let gate = Arc::clone(gate);
    let answer = async move || {
        let _permit = gate.acquire().await;
        r#"{"locks":[]}"#
    };
    let part = Extension::new("sync").read("/api/v1/locks", get_route(answer));
    Server::builder(monitor).extend(part).router().expect("a router")
}

#[tokio::test]
async fn so_many_tools_are_answered_at_once_more_wait_and_the_rest_is_told_to_come_back() {
    let gate = Arc::new(Semaphore::new(0));
    let app = slow(&monitor(), &gate);
    let contention = tool("contention", &json!({}));
    let mut asked: Vec<_> = (0..36).map(|_| Box::pin(post(&app, &[JSON], &contention))).collect();
    for one in &mut asked {
        // Each is polled until it waits for a turn or for the part: nothing else is slow.
        for _ in 0..3 {
            assert!(futures::poll!(one.as_mut()).is_pending());
        }
    }
    let refused = post(&app, &[JSON], &contention).await;
    assert_eq!(refused.status, StatusCode::TOO_MANY_REQUESTS, "{}", refused.text);
    assert_eq!(refused.header("retry-after"), "5");
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" });
    assert_eq!(post(&app, &[JSON], &ping).await.status, StatusCode::OK, "what asks nothing needs no turn");
    drop(asked.split_off(30));
    gate.add_permits(Semaphore::MAX_PERMITS >> 1);
    for one in asked {
        assert_eq!(one.await.status, StatusCode::OK);
    }
    assert_eq!(post(&app, &[JSON], &contention).await.status, StatusCode::OK, "all places are free again");
}

#[tokio::test]
async fn a_long_message_is_read_and_one_beyond_the_bound_is_not() {
    let app = open(&monitor());
    let with =
        |bytes: usize| json!({ "jsonrpc": "2.0", "id": 1, "method": "ping", "params": { "a": "x".repeat(bytes) } });
    assert_eq!(post(&app, &[JSON], &with(30_000)).await.json()["result"], json!({}));
    assert_eq!(post(&app, &[JSON], &with(65_536)).await.status, StatusCode::PAYLOAD_TOO_LARGE);
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
async fn a_name_of_another_host_is_refused() {
    let app = open(&monitor());
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    assert_eq!(post(&app, &[JSON], &list).await.status, StatusCode::OK);
    let mut foreign = request("POST", "/mcp", &[JSON], &list.to_string());
    foreign.headers_mut().insert("host", "evil.example".parse().unwrap());
    assert_eq!(crate::common::ask(&app, foreign).await.status, StatusCode::MISDIRECTED_REQUEST);
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

/// Prints what answers take: `cargo test --release -p perf-server --test http -- --ignored answers_take --nocapture`.
#[tokio::test]
#[ignore = "it measures, and asserts nothing"]
async fn answers_take_so_long_at_a_thousand_series() {
    let monitor = Monitor::builder().recorder(true).build().unwrap();
    for number in 0..1_000 {
        let operation = monitor.operation(&format!("operation-{number}"));
        for call in 0..50 {
            let outcome = if call % 10 == 0 { Outcome::Error } else { Outcome::Ok };
            operation.record(Duration::from_micros(100 * (number + 1)), outcome);
        }
    }
    monitor.tick();
    let app = open(&monitor);
    let explain = json!({ "series": "operation{operation=operation-7}" });
    for (name, arguments) in [
        ("overview", json!({})),
        ("series", json!({})),
        ("explain", explain),
        ("errors", json!({})),
        ("in_flight", json!({})),
    ] {
        let mut took = Vec::new();
        for _ in 0..200 {
            let begun = Instant::now();
            let answer = post(&app, &[JSON], &tool(name, &arguments)).await;
            took.push(begun.elapsed());
            assert_eq!(answer.status, StatusCode::OK);
        }
        took.sort_unstable();
        println!("{name}: median {:?}, 95th percentile {:?}", took[100], took[190]);
    }
    for path in ["/health/performance", "/api/v1/shares?window=5m", "/api/v1/errors?window=5m&sort=-failed&limit=4"] {
        let begun = Instant::now();
        for _ in 0..100 {
            assert_eq!(get(&app, path).await.status, StatusCode::OK);
        }
        println!("{path}: mean {:?}", begun.elapsed() / 100);
    }
    for (what, part) in [("one text", "x"), ("lists in lists", "[],"), ("objects", r#"{"a":1},"#)] {
        let parts = part.repeat(65_000 / part.len());
        let parts =
            if what == "one text" { format!("{parts:?}") } else { format!("[{}]", parts.trim_end_matches(',')) };
        let message = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"a":{parts}}}}}"#);
        let begun = Instant::now();
        for _ in 0..100 {
            assert!(matches!(perf_mcp::read(message.as_bytes()), perf_mcp::Step::Reply(_)));
        }
        println!("{} bytes, {what}: {:?}", message.len(), begun.elapsed() / 100);
    }
}
