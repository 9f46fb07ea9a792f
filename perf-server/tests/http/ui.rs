//! Measurements that browsers send of pages: taken whole where they can be true, refused whole where not.

use crate::common::{ADMIN, Answer, READ, get, guarded, open, post, session, with_tokens};
use axum::Router;
use axum::http::StatusCode;
use perf_runtime::Monitor;
use perf_runtime::metric::MetricValue;
use proptest::prelude::*;
use serde_json::{Value, json};
use tokio::runtime::Builder;

const UI: &str = "/api/v1/ui";
const OWN: [(&str, &str); 2] = [("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")];

fn monitor() -> Monitor {
    Monitor::builder().build().unwrap()
}

async fn tell(app: &Router, beacon: &Value) -> Answer {
    post(app, UI, &OWN, &beacon.to_string()).await
}

/// The values of every `ui_` histogram: name, page, count and sum.
fn told(monitor: &Monitor) -> Vec<(String, String, u64, f64)> {
    let metrics = monitor.metrics().read();
    let ours = metrics.iter().filter(|metric| metric.name.starts_with("ui_"));
    ours.flat_map(|metric| {
        metric.series.iter().map(|series| match &series.value {
            MetricValue::Histogram(reading) => {
                (metric.name.clone(), series.labels[0].1.clone(), reading.count, reading.sum)
            }
            other => panic!("{other:?}"),
        })
    })
    .collect()
}

#[tokio::test]
async fn what_a_browser_saw_is_in_the_exposition_with_bounds_of_its_unit() {
    let monitor = monitor();
    let app = open(&monitor);
    let beacon = json!({ "page": "/carts/{id}", "frame_rate_hertz": [59.9, 30.0], "interaction_seconds": [0.2] });
    assert_eq!(tell(&app, &beacon).await.status, StatusCode::NO_CONTENT);
    let text = get(&app, "/metrics").await.text;
    for line in [
        r#"ui_frame_rate_hertz_bucket{page="/carts/{id}",le="30"} 1"#,
        r#"ui_frame_rate_hertz_bucket{page="/carts/{id}",le="60"} 2"#,
        r#"ui_interaction_seconds_bucket{page="/carts/{id}",le="0.25"} 1"#,
        "# TYPE ui_interaction_seconds histogram",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
}

#[tokio::test]
async fn a_low_frame_rate_fires_the_rule_of_the_dashboard_preset() {
    let mut rules = perf_runtime::rule::presets::dashboard();
    rules.change("frames", |rule| rule.hold_for(std::time::Duration::ZERO)).unwrap();
    let monitor = Monitor::builder().rules(rules).build().unwrap();
    let app = open(&monitor);
    tell(&app, &json!({ "page": "/", "frame_rate_hertz": [12, 16] })).await;
    monitor.tick();
    assert!(get(&app, "/metrics").await.text.contains(r#"ui_frames_per_second{page="/"} 14"#));
    assert_eq!(monitor.alerts().active()[0].rule, "frames");
}

#[tokio::test]
async fn what_cannot_be_true_is_refused_and_nothing_of_it_counts() {
    let monitor = monitor();
    let app = open(&monitor);
    let good = [0.1];
    for (field, beacon) in [
        ("page", json!({ "page": "", "render_seconds": good })),
        ("page", json!({ "page": "x".repeat(129), "render_seconds": good })),
        ("page", json!({ "page": "a\nb", "render_seconds": good })),
        ("frame_rate_hertz", json!({ "page": "/", "render_seconds": good, "frame_rate_hertz": [1_001] })),
        ("interaction_seconds", json!({ "page": "/", "render_seconds": good, "interaction_seconds": [-0.001] })),
        ("websocket_seconds", json!({ "page": "/", "render_seconds": good, "websocket_seconds": [1e300] })),
        ("render_seconds", json!({ "page": "/", "render_seconds": vec![0.1; 101] })),
        ("values", json!({ "page": "/", "render_seconds": [] })),
    ] {
        let answer = tell(&app, &beacon).await;
        assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{beacon}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["field"], field, "{}", answer.text);
    }
    for (status, body) in [
        (400, r#"{"page":"/","render_seconds":[1e999]}"#),
        (400, r#"{"page":"/","render_seconds":[NaN]}"#),
        (422, r#"{"page":"/","render_seconds":["1"]}"#),
        (422, r#"{"page":"/","render_seconds":[null]}"#),
        (422, r#"{"page":"/","heart_rate":[70]}"#),
        (422, r#"{"render_seconds":[0.1]}"#),
        (422, "[]"),
        (400, ""),
    ] {
        assert_eq!(post(&app, UI, &OWN, body).await.status.as_u16(), status, "{body}");
    }
    let large = format!(r#"{{"page":"/","render_seconds":[{}0]}}"#, "0,".repeat(40_000));
    assert_eq!(post(&app, UI, &OWN, &large).await.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert_eq!(told(&monitor), []);
}

#[tokio::test]
async fn only_json_from_our_own_pages_is_taken() {
    let monitor = monitor();
    let app = open(&monitor);
    let body = r#"{"page":"/","render_seconds":[0.1]}"#;
    for (origin, site) in
        [("http://evil.example", "cross-site"), ("null", "cross-site"), ("http://127.0.0.1:1", "same-site")]
    {
        let answer = post(&app, UI, &[("origin", origin), ("sec-fetch-site", site)], body).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{origin}");
    }
    // Content types that a page may send to anybody without asking.
    for kind in ["text/plain;charset=UTF-8", "application/x-www-form-urlencoded", "multipart/form-data"] {
        let request = crate::common::request("POST", UI, &[("content-type", kind), OWN[0], OWN[1]], body);
        assert_eq!(crate::common::ask(&app, request).await.status, StatusCode::UNSUPPORTED_MEDIA_TYPE, "{kind}");
    }
    assert_eq!(told(&monitor), []);
}

#[tokio::test]
async fn it_takes_a_reader_unless_the_server_says_otherwise() {
    let monitor = monitor();
    let body = r#"{"page":"/","render_seconds":[0.1]}"#;
    let status = async |app: &Router, headers: &[(&str, &str)]| post(app, UI, headers, body).await.status;
    let strict = guarded(&monitor);
    let (reader, admin) = (session(&strict, READ).await, format!("Bearer {ADMIN}"));
    assert_eq!(status(&strict, &OWN).await, StatusCode::UNAUTHORIZED);
    assert_eq!(status(&strict, &[&[("cookie", reader.as_str())], &OWN[..]].concat()).await, StatusCode::NO_CONTENT);
    assert_eq!(status(&strict, &[("authorization", &admin)]).await, StatusCode::NO_CONTENT);
    let lenient = with_tokens(&monitor).ui_without_token().router().unwrap();
    assert_eq!(status(&lenient, &OWN).await, StatusCode::NO_CONTENT);
    assert_eq!(status(&lenient, &[("origin", "http://evil.example")]).await, StatusCode::FORBIDDEN);
    assert_eq!(get(&lenient, "/metrics").await.status, StatusCode::UNAUTHORIZED, "nothing else is open");
    let script = get(&strict, "/ui.js").await;
    assert_eq!((script.status, script.header("cache-control")), (StatusCode::OK, "public, max-age=3600"));
    assert!(script.header("etag").starts_with("W/"));
}

#[tokio::test]
async fn pages_are_bounded_and_no_value_is_lost() {
    let monitor = monitor();
    let app = open(&monitor);
    for page in 0..1_000 {
        let beacon = json!({ "page": format!("/{page}"), "render_seconds": [0.5] });
        assert_eq!(tell(&app, &beacon).await.status, StatusCode::NO_CONTENT);
    }
    let told = told(&monitor);
    assert_eq!(told.iter().map(|(_, _, count, _)| count).sum::<u64>(), 1_000);
    assert_eq!(told.len(), 201);
    assert!(told.iter().any(|(_, page, count, _)| page == "__overflow__" && *count == 800));
}

/// Anything that a hostile browser might send as a value.
fn any_value() -> impl Strategy<Value = Value> {
    let number = prop_oneof![any::<f64>(), 0.0..4_000.0_f64, Just(-0.0), Just(f64::MIN_POSITIVE)];
    let numbers = prop::collection::vec(number.prop_map(|value| json!(value)), 0..120).prop_map(Value::from);
    prop_oneof![8 => numbers, 1 => Just(Value::Null), 1 => "\\PC{0,20}".prop_map(Value::from), 1 => Just(json!([[1]]))]
}

proptest! {
    #[test]
    fn whatever_comes_is_taken_whole_or_refused_with_a_reason(
        page in prop_oneof!["\\PC{0,140}", "[\\x00-\\x7f\"\\\\{}]{0,20}"],
        fields in prop::collection::btree_map(
            prop::sample::select(vec!["frame_rate_hertz", "render_seconds", "interaction_seconds", "websocket_seconds", "le"]),
            any_value(),
            0..5,
        ),
    ) {
        let monitor = monitor();
        let mut beacon = json!({ "page": page });
        for (field, value) in &fields {
            beacon[*field] = value.clone();
        }
        let runtime = Builder::new_current_thread().enable_time().build().unwrap();
        let answer = runtime.block_on(tell(&open(&monitor), &beacon));
        let told = told(&monitor);
        if answer.status == StatusCode::NO_CONTENT {
            let sent: usize = fields.values().map(|values| values.as_array().unwrap().len()).sum();
            prop_assert_eq!(told.iter().map(|one| one.2).sum::<u64>(), sent as u64);
            prop_assert!(told.iter().all(|one| one.3.is_finite() && one.1 == page.as_str()));
        } else {
            prop_assert!(matches!(answer.status.as_u16(), 400 | 422), "{}", answer.text);
            prop_assert!(answer.json()["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
            prop_assert_eq!(told, []);
        }
    }
}
