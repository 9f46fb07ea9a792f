//! The answers of the routes, and their refusals.

use crate::common::{ADMIN, Answer, READ, ask, get, guarded, monitor, open, post, request, with_tokens};
use axum::http::StatusCode;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

fn bearer() -> String {
    format!("Bearer {ADMIN}")
}

#[tokio::test]
async fn a_series_that_is_listed_can_be_queried() {
    let app = open(&monitor());
    let listed = get(&app, "/api/v1/series").await.json();
    let id = "operation{operation=search}";
    let series = listed["series"].as_array().unwrap().iter().find(|one| one["id"] == id).unwrap().clone();
    assert_eq!(series["family"]["histogram"], "shop_operation_duration_seconds");
    assert_eq!((&series["count"], &series["outcomes"]["error"]), (&json!(4), &json!(1)));
    assert_eq!(listed["custom"][0]["name"], "queue_depth");
    let id: String = form_urlencoded::byte_serialize(b"operation{operation=search}").collect();
    for window in ["1m", "5m", "15m", "1h"] {
        let tracks = get(&app, &format!("/api/v1/query?series={id}&window={window}")).await.json();
        let track = &tracks["series"][0];
        let points = track["points"].as_array().unwrap();
        let sum = |field: &str| points.iter().filter_map(|point| point["outcomes"][field].as_u64()).sum::<u64>();
        assert_eq!((sum("ok"), sum("error")), (3, 1), "{window}: {tracks:#}");
        assert_eq!(points.iter().filter_map(|point| point["count"].as_u64()).sum::<u64>(), 4);
        let buckets = track["bounds"].as_array().unwrap().len() + 1;
        assert!(
            points
                .iter()
                .all(|point| matches!(point["buckets"].as_array().unwrap().len(), n if n == buckets || n == 0))
        );
    }
}

#[tokio::test]
async fn several_series_and_metrics_are_queried_over_any_range() {
    let app = open(&monitor());
    let ask = async |query: &str| get(&app, &format!("/api/v1/query?{query}")).await;
    let id: String = form_urlencoded::byte_serialize(b"operation{operation=search}").collect();
    let both = ask(&format!("series={id}&series=queue_depth&from=-10m&to=now&step=2m")).await.json();
    assert_eq!((&both["step"], &both["metrics"][0]["name"]), (&json!(120.0), &json!("queue_depth")), "{both:#}");
    let points = both["series"][0]["points"].as_array().unwrap();
    assert!((5..=6).contains(&points.len()), "{points:#?}");
    assert_eq!(points[0]["count"], Value::Null, "nobody was there ten minutes ago");
    assert!(points[0]["start"].as_str().is_some_and(|start| start.ends_with(":00.000Z")), "{}", points[0]);
    let of_kind = ask("kind=operation&label=operation=search&window=1m").await.json();
    assert_eq!(of_kind["series"][0]["id"], "operation{operation=search}");
    let joined = ask("series=operation%7B%7D&series=tool%7B%7D&window=1m&joined=true&limit=1").await.json();
    assert_eq!(joined["series"][0]["id"], "operation{}", "a kind without series is no error: {joined:#}");
    assert!(joined["series"][0]["whole"]["count"].as_u64() >= joined["series"][1]["whole"]["count"].as_u64());
    assert_eq!(ask("series=queue_depths").await.status, StatusCode::NOT_FOUND);
    assert_eq!(ask("series=%3Cscript%3E").await.status, StatusCode::NOT_FOUND);
    let hour = ask("kind=operation&from=1700000000&to=2023-11-15T00:00:00Z").await.json();
    assert_eq!(hour["series"][0]["points"][0]["covered"], json!(0.0), "long ago");
    for (query, field) in [
        ("series=queue_depth&from=yesterday", "from"),
        ("series=queue_depth&to=-1", "to"),
        ("series=queue_depth&from=-1h&to=-2h", "from"),
        ("series=queue_depth&from=-1h&window=5m", "window"),
        ("series=queue_depth&step=0", "step"),
        ("series=queue_depth&from=-365d&step=1s", "step"),
        ("kind=operations", "kind"),
        ("series=queue_depth&limit=0", "limit"),
        ("series=queue_depth&joined=yes", "joined"),
    ] {
        let answer = ask(query).await;
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{query}"
        );
    }
}

#[tokio::test]
async fn an_alert_is_listed_acknowledged_and_remembered() {
    let app = guarded(&monitor());
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    let list = async |path: &str| ask(&app, request("GET", path, &auth, "")).await.json();
    let alerts = list("/api/v1/alerts").await;
    let alert = &alerts["alerts"][0];
    assert_eq!((&alert["rule"], &alert["state"]), (&json!("deep-queue"), &json!("firing")), "{alerts:#}");
    assert_eq!((&alert["value"], &alert["threshold"]), (&json!(25.0), &json!(10.0)));
    assert!(alert["since"].as_str().is_some_and(|since| since.ends_with('Z')));
    let path = format!("/api/v1/alerts/{}/acknowledge", alert["id"]);
    let done = post(&app, &path, &auth, r#"{"by":"ada","comment":"looking","for":"30m"}"#).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let marked = list("/api/v1/alerts?state=firing").await;
    assert_eq!(marked["alerts"][0]["acknowledged"]["by"], "ada");
    let history = list("/api/v1/alerts/history?limit=1").await;
    assert_eq!(history["events"][0]["transition"], "acknowledged");
    assert_eq!(history["events"].as_array().unwrap().len(), 1);
    assert_eq!(list("/api/v1/alerts?state=pending").await["alerts"], json!([]));
}

#[tokio::test]
async fn a_reset_is_remembered_beside_the_alerts() {
    let monitor = monitor();
    let app = guarded(&monitor);
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    let resets = async || {
        let history = ask(&app, request("GET", "/api/v1/alerts/history", &auth, "")).await.json();
        history["resets"].as_array().unwrap().clone()
    };
    assert!(resets().await.is_empty());
    assert_eq!(post(&app, "/api/v1/metrics/reset", &auth, "").await.status, StatusCode::OK);
    // By the program itself.
    monitor.reset();
    let remembered = resets().await;
    assert_eq!(remembered.len(), 2);
    assert!(remembered.iter().all(|at| at.as_str().is_some_and(|at| at.ends_with('Z'))), "{remembered:?}");
    assert!(remembered[0].as_str() >= remembered[1].as_str(), "the newest first");
}

#[tokio::test]
async fn a_silence_is_made_and_ended() {
    let app = guarded(&monitor());
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    // Everything would be mute.
    for everything in [r#"{"by":"ada","for":"8h"}"#, r#"{"labels":{},"by":"ada","for":"8h"}"#] {
        let refused = post(&app, "/api/v1/alerts/silence", &auth, everything).await;
        assert_eq!((refused.status, &refused.json()["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("labels")));
    }
    let wish = r#"{"rule":"deep-queue","labels":{},"by":"ada","for":"1h"}"#;
    let made = post(&app, "/api/v1/alerts/silence", &auth, wish).await;
    assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    let path = format!("/api/v1/alerts/silences/{}", made.json()["id"]);
    for expected in [StatusCode::NO_CONTENT, StatusCode::NOT_FOUND] {
        assert_eq!(ask(&app, request("DELETE", &path, &auth, "")).await.status, expected);
    }
}

#[tokio::test]
async fn all_alerts_of_a_rule_or_a_label_are_acknowledged_by_one_request() {
    let app = guarded(&monitor());
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    let path = "/api/v1/alerts/acknowledge";
    assert_eq!(post(&app, path, &[], r#"{"rule":"deep-queue","by":"ada"}"#).await.status, StatusCode::UNAUTHORIZED);
    let reader = format!("Bearer {READ}");
    let reader = [("authorization", reader.as_str())];
    let refused = post(&app, path, &reader, r#"{"rule":"deep-queue","by":"ada"}"#).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text);
    for (body, field) in [
        (r#"{"by":"ada"}"#, "labels"),
        (r#"{"rule":"deep-queue","by":""}"#, "by"),
        (r#"{"rule":"no-such","by":"ada"}"#, "rule"),
        (r#"{"rule":"deep-queue","by":"ada","for":"soon"}"#, "for"),
        (r#"{"rule":"deep-queue","by":"ada","labels":{"queue":""}}"#, "labels.queue"),
    ] {
        let answer = post(&app, path, &auth, body).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{body}: {}", answer.text);
        assert_eq!(answer.json()["field"], field, "{body}");
    }
    let active = async || ask(&app, request("GET", "/api/v1/alerts?state=firing", &auth, "")).await.json();
    assert_eq!(active().await["alerts"][0]["acknowledged"], json!(null), "nothing was marked");
    let wish = r#"{"rule":"deep-queue","by":"ada","comment":"known","for":"1h"}"#;
    let done = post(&app, path, &auth, wish).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.text);
    let marked = done.json();
    assert_eq!(marked["alerts"].as_array().map(Vec::len), Some(1), "{marked:#}");
    assert_eq!(marked["alerts"], active().await["alerts"]);
    let again = post(&app, path, &auth, wish).await;
    assert_eq!((again.status, &again.json()["alerts"]), (StatusCode::OK, &json!([])));
}

#[tokio::test]
async fn what_is_not_allowed_is_named() {
    let app = guarded(&monitor());
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    for (path, field) in [
        ("/api/v1/query", "series"),
        ("/api/v1/query?series=x&window=2m", "window"),
        ("/api/v1/query?serie=x", "serie"),
        ("/api/v1/series?window=1m&window=5m", "window"),
        ("/api/v1/calls?limit=0", "limit"),
        ("/api/v1/calls?limit=-1", "limit"),
        ("/api/v1/alerts?state=on", "state"),
        ("/metrics/summary?verbose=1", "verbose"),
        ("/?window=AAA", "window"),
        ("/?of=drinks", "of"),
        ("/?kind=tool&labels=x", "labels"),
        ("/?compress=br", "compress"),
    ] {
        let answer = ask(&app, request("GET", path, &auth, "")).await;
        assert_eq!(
            (answer.status, &answer.json()["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{path}"
        );
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    let acknowledge = "/api/v1/alerts/1/acknowledge";
    let control = r#"{"by":"ada\nERROR all is lost"}"#;
    for (path, body, status) in [
        (acknowledge, r#"{"by":""}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (acknowledge, r#"{"by":"ada","for":"soon"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (acknowledge, r#"{"by":"ada","for":"0s"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (acknowledge, r#"{"name":"ada"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        (acknowledge, control, StatusCode::UNPROCESSABLE_ENTITY),
        (acknowledge, "{", StatusCode::BAD_REQUEST),
        ("/api/v1/alerts/99/acknowledge", r#"{"by":"ada"}"#, StatusCode::NOT_FOUND),
        ("/api/v1/alerts/one/acknowledge", r#"{"by":"ada"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/alerts/silence", r#"{"rule":"no-such","by":"ada","for":"1h"}"#, StatusCode::UNPROCESSABLE_ENTITY),
        ("/api/v1/alerts/dry-run", r#"{"rule":"no-such","values":[]}"#, StatusCode::UNPROCESSABLE_ENTITY),
    ] {
        let answer = post(&app, path, &auth, body).await;
        assert_eq!(answer.status, status, "{path} {body}: {}", answer.text);
        assert_eq!(answer.json()["status"], status.as_u16());
    }
    let form = [("content-type", "text/plain"), auth[0]];
    assert_eq!(ask(&app, request("POST", acknowledge, &form, "{}")).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    let large = format!(r#"{{"by":"ada","comment":"{}"}}"#, "x".repeat(70_000));
    assert_eq!(post(&app, acknowledge, &auth, &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn what_nobody_wants_is_not_sent() {
    let app = open(&monitor());
    let with = async |path: &str, accept: &str| ask(&app, request("GET", path, &[("accept", accept)], "")).await;
    for (path, accept) in
        [("/metrics", "application/json"), ("/api/v1/series", "text/html"), ("/metrics/report", "text/*")]
    {
        let answer = with(path, accept).await;
        assert_eq!(answer.status, StatusCode::NOT_ACCEPTABLE, "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    for (path, accept) in
        [("/metrics", "text/html,*/*;q=0.1"), ("/api/v1/series", "application/*"), ("/metrics/report", "*/*")]
    {
        assert_eq!(with(path, accept).await.status, StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn what_did_not_change_is_not_sent_again() {
    let app = open(&monitor());
    let first = get(&app, "/api/v1/openapi.json").await;
    let tag = first.header("etag").to_owned();
    let again =
        async |tag: &str| ask(&app, request("GET", "/api/v1/openapi.json", &[("if-none-match", tag)], "")).await;
    let same = again(&format!("\"other\", {tag}")).await;
    assert_eq!((same.status, same.text.as_str(), same.header("etag")), (StatusCode::NOT_MODIFIED, "", tag.as_str()));
    assert_eq!(again("W/\"other\"").await.status, StatusCode::OK);
    assert_eq!(first.header("cache-control"), "private, no-cache");
}

#[tokio::test]
async fn answers_come_compressed_to_those_who_accept_it() {
    let app = open(&monitor());
    for path in ["/metrics", "/api/v1/series", "/api/v1/openapi.json"] {
        let plain = get(&app, path).await;
        let packed = ask(&app, request("GET", path, &[("accept-encoding", "gzip")], "")).await;
        assert_eq!((plain.header("content-encoding"), packed.header("content-encoding")), ("", "gzip"), "{path}");
        assert!(packed.headers.get_all("vary").iter().any(|vary| vary.to_str().unwrap().contains("accept-encoding")));
    }
}

#[tokio::test]
async fn probes_need_no_token_and_readiness_is_what_was_asked_for() {
    let connected = Arc::new(AtomicBool::new(true));
    let is_connected = Arc::clone(&connected);
    let app =
        with_tokens(&monitor()).ready_when("database", move || is_connected.load(Ordering::Relaxed)).router().unwrap();
    assert_eq!(get(&app, "/health/live").await.json(), json!({ "status": "alive" }));
    let ready = get(&app, "/health/ready").await;
    assert_eq!(
        (ready.status, ready.json()),
        (StatusCode::OK, json!({ "status": "ready", "checks": { "database": "up" } }))
    );
    connected.store(false, Ordering::Relaxed);
    let not = get(&app, "/health/ready").await;
    assert_eq!((not.status, &not.json()["checks"]["database"]), (StatusCode::SERVICE_UNAVAILABLE, &json!("down")));
    assert_eq!(get(&app, "/health/live").await.status, StatusCode::OK, "what it depends on is no reason to kill it");
}

#[tokio::test]
async fn both_spellings_answer_the_same() {
    let app = open(&monitor());
    let without_times = |answer: Answer| {
        let mut json = answer.json();
        for path in ["/timestamp", "/uptime_seconds", "/system/uptime_seconds", "/system/uptime"] {
            json.pointer_mut(path).into_iter().for_each(|value| *value = Value::Null);
        }
        let mut parts: Vec<String> = json.as_object().unwrap().keys().cloned().collect();
        parts.sort();
        (answer.status, parts)
    };
    for path in ["/metrics/summary", "/metrics/report", "/metrics/dashboard"] {
        let (short, long) = (get(&app, path).await, get(&app, &format!("/api/v1{path}")).await);
        assert_eq!(without_times(short), without_times(long), "{path}");
    }
}

#[tokio::test]
async fn the_dashboard_is_in_the_shape_of_its_source() {
    let monitor = monitor();
    monitor.record_custom_metric("system_memory_utilization_ratio", 0.65, "ratio");
    monitor.http_request("GET", "/cart").answer(200);
    monitor.http_request("GET", "/cart").answer(503);
    let view = get(&open(&monitor), "/metrics/dashboard").await.json();
    let requests = &view["system"]["requests"];
    assert_eq!((&requests["total"], &requests["errors"]), (&json!(2), &json!(1)));
    assert!(requests["average_latency"].as_str().is_some_and(|text| text.ends_with("ms")), "{requests}");
    assert!(view["system"]["uptime"].as_str().is_some_and(|text| text.ends_with('s')));
    let resources = &view["system"]["resources"];
    assert_eq!(
        (&resources["memory"], &resources["memory_ratio"], &resources["cpu"]),
        (&json!("65%"), &json!(0.65), &Value::Null)
    );
    let active = &view["alerts"]["active"][0];
    assert_eq!(
        (&active["type"], &active["current_value"], &active["threshold"]),
        (&json!("DEEP_QUEUE"), &json!("25"), &json!("10"))
    );
    assert_eq!(active["affected_components"], json!(["queue_depth"]));
    let read = format!("Bearer {READ}");
    let guarded = ask(&guarded(&monitor), request("GET", "/metrics/dashboard", &[("authorization", &read)], "")).await;
    assert_eq!(guarded.status, StatusCode::OK);
}

#[tokio::test]
async fn a_rule_is_tried_before_it_is_judged_by() {
    let app = open(&monitor());
    let trial = async |body: Value| post(&app, "/api/v1/alerts/dry-run", &[], &body.to_string()).await;
    let values = json!([0.1, 0.9, 0.9, 0.1]);
    let fired =
        trial(json!({ "rule": "new", "settings": { "metric": "queue_depth", "warning": 0.5 }, "values": values }))
            .await;
    let expected = json!({ "firings": [{ "from": 1.0, "until": 3.0, "severity": "warning" }] });
    assert_eq!(fired.json(), expected);
    let series = "operation{operation=search}";
    let settings = json!({ "metric": "operation", "statistic": "mean", "warning": "1ms" });
    let on_series = trial(json!({ "rule": "new", "settings": settings, "series": series })).await;
    assert_eq!(on_series.status, StatusCode::OK, "{}", on_series.text);
    assert!(on_series.json()["since"].as_f64().is_some_and(|since| since > 1e9));
    for (body, field) in [
        (json!({ "rule": "deep-queue", "settings": { "warn": 1 }, "values": [] }), "rules.deep-queue"),
        (json!({ "rule": "deep-queue", "settings": { "warning": "many" }, "values": [] }), "rules.deep-queue.warning"),
        (json!({ "rule": "deep-queue", "series": series }), "rules.deep-queue.statistic"),
        (json!({ "rule": "new", "settings": settings, "series": "no such" }), "series"),
        (json!({ "rule": "deep-queue" }), "values"),
    ] {
        let refused = trial(body.clone()).await;
        assert_eq!(
            (refused.status, &refused.json()["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{body}"
        );
    }
}

#[tokio::test]
async fn an_application_that_has_the_same_paths_nests_the_routes() {
    let app = axum::Router::new()
        .route("/metrics", axum::routing::get(|| async { "my own" }))
        .nest("/perf/", guarded(&monitor()));
    assert_eq!(get(&app, "/metrics").await.text, "my own");
    let token = bearer();
    let auth = [("authorization", token.as_str())];
    let nested = ask(&app, request("GET", "/perf/metrics", &auth, "")).await;
    assert!(nested.text.contains("shop_operations_total"), "{}", nested.text);
    assert_eq!(post(&app, "/perf/metrics/reset", &auth, "").await.status, StatusCode::OK);
    assert!(get(&app, "/perf/login").await.text.contains("action=\"login\""));
}
