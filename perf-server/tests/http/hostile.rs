//! Hostile requests: they add no series, and their text gets nowhere that it could be taken for ours.

use crate::common::{Answer, Log, ask, get, open, post, request};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Method, Request, StatusCode};
use axum::routing::get as on_get;
use perf_runtime::rule::{Rule, Statistic, presets};
use perf_runtime::{Kind, Monitor, Outcome, Window};
use perf_server::HttpLayer;
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::runtime::Builder;
use tower::ServiceExt;

fn app(monitor: &Monitor) -> Router {
    Router::new().route("/users/{id}", on_get(|| async { "ada" })).merge(open(monitor)).layer(HttpLayer::new(monitor))
}

fn http_series(monitor: &Monitor) -> Vec<String> {
    let all = monitor.summary(Window::LastHour).series;
    all.iter()
        .filter(|one| one.kind.as_str() == "http_request")
        .map(perf_runtime::series::SeriesSummary::name)
        .collect()
}

#[tokio::test]
async fn a_scanner_adds_one_series() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    let mut dice: u64 = 0x9E37_79B9_7F4A_7C15;
    for _ in 0..100_000 {
        dice ^= dice << 13;
        dice ^= dice >> 7;
        dice ^= dice << 17;
        let answer = app.clone().oneshot(request("GET", &format!("/{dice:x}/{}", dice % 97), &[], "")).await.unwrap();
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        axum::body::to_bytes(answer.into_body(), 0).await.unwrap();
    }
    let series = http_series(&monitor);
    // And where they were in flight, before their status was known.
    let ends = ["status=404}", "status=}"];
    assert_eq!(series.len(), 2, "{series:?}");
    assert!(series.iter().all(|one| one.contains("route=unmatched") && ends.iter().any(|end| one.ends_with(end))));
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"http_requests_total{method="GET",route="unmatched",status="404",outcome="ok"} 100000"#));
}

/// Anything that a server would let through as a header's value.
fn any_value() -> impl Strategy<Value = Vec<u8>> {
    let nasty = prop::sample::select(vec![
        &b"\"} 1\n# TYPE evil counter"[..],
        b"<script>alert(1)</script>",
        b"a\tb\\\"c",
        b"\x1b[31mERROR\x1b[0m",
        b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        b"text/plain;q=9e999, */*;q=nan",
        b"application/json;q=",
        b"Bearer ",
        b"perf_session_0=\"; perf_session_0=1.",
        b"W/\"\"\", *",
        b"18446744073709551616",
        b"rojo=00f067aa0ba902b7, congo=\x7f",
    ]);
    prop_oneof![nasty.prop_map(<[u8]>::to_vec), prop::collection::vec(any::<u8>(), 0..200)]
}

fn any_path() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        "/metrics",
        "/metrics/summary",
        "/health/performance",
        "/api/v1/query",
        "/api/v1/series",
        "/users/",
        "/login",
        "/api/v1/alerts/",
        "/api/v1/ui",
        "/ws",
    ]);
    let rest = "[!-~]{0,40}|%00|%0a%0d|\\.\\./\\.\\./etc/passwd|%22%7D%201|\\?series=%3Cscript%3E&window=1m|\\?series=%ff&series=\\{";
    (known, rest).prop_map(|(known, rest)| format!("{known}{rest}"))
}

/// The script that the login page runs.
const OWN_SCRIPT: &str = r#"<script type="module" src="login.js"></script>"#;

/// Whether a line of the exposition is one sample: a name, labels in quotes, a number.
fn is_sample(line: &str) -> bool {
    let Some((name, rest)) = line.split_once('{') else { return line.split(' ').count() == 2 };
    let mut rest = rest;
    loop {
        let Some((label, value)) = rest.split_once("=\"") else { return false };
        let is_name = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        let mut escaped = false;
        let end = value.bytes().position(|byte| {
            let ends = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        });
        let Some(end) = end.filter(|_| is_name(name) && is_name(label)) else { return false };
        rest = &value[end + 1..];
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None => return rest.strip_prefix("} ").is_some_and(|number| number.parse::<f64>().is_ok()),
        }
    }
}

/// Each begins with the time: none was begun by somebody else.
fn are_lines_of_ours(logged: &str) -> Result<(), TestCaseError> {
    for line in logged.lines() {
        prop_assert!(line.starts_with("20"), "{line:?} in {logged:?}");
        prop_assert!(!line.contains(['\u{1b}', '\r', '\u{85}', '\u{2028}']), "{line:?}");
    }
    Ok(())
}

async fn attack(app: &Router, method: &str, path: &str, headers: &[(String, Vec<u8>)], body: &[u8]) -> Option<Answer> {
    let mut request = Request::builder().method(Method::from_bytes(method.as_bytes()).ok()?).uri(path);
    for (name, value) in headers {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        // No server lets a value through that no header can hold.
        if let Ok(value) = HeaderValue::from_bytes(value) {
            request = request.header(name, value);
        }
    }
    Some(ask(app, request.body(Body::from(body.to_vec())).ok()?).await)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_request_gets_into_what_is_shown(
        method in "GET|POST|DELETE|HEAD|OPTIONS|[A-Z]{1,12}",
        path in any_path(),
        headers in prop::collection::vec(("accept|cookie|authorization|traceparent|tracestate|user-agent|if-none-match|content-type|content-length|origin|host|accept-encoding|x-[a-z]{1,8}", any_value()), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..200),
    ) {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false)
            .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE).finish();
        let monitor = Monitor::builder().build().unwrap();
        let app = app(&monitor);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        tracing::subscriber::with_default(subscriber, || runtime.block_on(async {
            if let Some(answer) = attack(&app, &method, &path, &headers, &body).await {
                prop_assert!(answer.status != StatusCode::INTERNAL_SERVER_ERROR, "{}", answer.text);
                if answer.header("content-type").starts_with("text/html") {
                    let others = answer.text.replace(OWN_SCRIPT, "");
                    prop_assert!(!others.contains("<script"), "{}", answer.text);
                }
                if answer.header("content-type").contains("json") && !answer.text.is_empty() && answer.header("content-encoding").is_empty() {
                    prop_assert!(answer.text.parse::<serde_json::Value>().is_ok(), "{}", answer.text);
                }
            }
            let shown = get(&app, "/metrics").await.text;
            for line in shown.lines().filter(|line| !line.starts_with('#')) {
                let is_ours = ["http_request", "db_", "workflow", "active_", "agent_", "tool_", "mcp_", "external_", "operation", "perf_"];
                prop_assert!(is_ours.iter().any(|name| line.starts_with(name)), "{line}");
            }
            prop_assert!(http_series(&monitor).len() <= 4, "{:?}", http_series(&monitor));
            Ok(())
        }))?;
        are_lines_of_ours(&log.text())?;
    }
}

proptest! {
    // Of several texts each: most of the time is spent on making a service.
    #![proptest_config(ProptestConfig::with_cases(50))]

    #[test]
    fn a_label_that_a_stranger_names_stays_a_label(
        pages in prop::collection::btree_set("\\PC{1,40}|[\"\\\\{}=,<>&'#a]{1,40}", 8)
    ) {
        let monitor = Monitor::builder().build().unwrap();
        let app = app(&monitor);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let mut taken = BTreeSet::new();
            for page in pages {
                let beacon = serde_json::json!({ "page": page, "render_seconds": [0.1] }).to_string();
                let told = post(&app, "/api/v1/ui", &[], &beacon).await;
                prop_assert!(matches!(told.status.as_u16(), 204 | 422), "{}", told.text);
                if told.status == StatusCode::NO_CONTENT {
                    taken.insert(page);
                }
            }
            let shown = get(&app, "/metrics").await.text;
            for line in shown.lines().filter(|line| !line.starts_with('#')) {
                prop_assert!(is_sample(line), "{line}");
            }
            let counts = shown.lines().filter(|line| line.starts_with("ui_") && line.contains("_count")).count();
            prop_assert_eq!(counts, taken.len(), "{}", shown);
            let listed = get(&app, "/api/v1/series").await.json();
            let series = listed["custom"].as_array().and_then(|all| all.first()?["series"].as_array());
            let labels = series.into_iter().flatten().filter_map(|one| one["labels"]["page"].as_str().map(str::to_owned));
            prop_assert_eq!(labels.collect::<BTreeSet<_>>(), taken, "{}", listed);
            Ok(())
        })?;
    }

    #[test]
    fn a_name_that_a_program_took_from_a_stranger_stays_a_name(
        names in prop::collection::btree_set(
            "\\PC{1,40}|[\"\\\\{}=,<>&'#a\\x00-\\x1f\\x7f\u{85}\u{2028}]{1,40}|</script><script>alert\\(1\\)//", 1..5
        )
    ) {
        let log = Log::default();
        let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).with_ansi(false).finish();
        let mut rules = presets::standard();
        let rule = Rule::builder("failing").metric(Kind::Operation).statistic(Statistic::ErrorRate).min_samples(1);
        rules.insert(rule.critical(0.01).build().unwrap());
        let monitor = Monitor::builder().rules(rules).build().unwrap();
        let app = app(&monitor);
        let runtime = Builder::new_current_thread().enable_all().build().unwrap();
        tracing::subscriber::with_default(subscriber, || runtime.block_on(async {
            for name in &names {
                monitor.operation(name).record(Duration::from_millis(1), Outcome::Error);
                monitor.record_response_time(name, Duration::from_mins(1));
                monitor.record_mcp_call(name, name, Duration::from_millis(1), false);
                monitor.external_call(name, name).record(Duration::from_millis(1), Outcome::Ok);
                monitor.record_custom_metric(name, 1.0, name);
            }
            for _ in 0..2 {
                monitor.tick();
            }
            for accept in ["text/plain", "application/openmetrics-text"] {
                let shown = ask(&app, request("GET", "/metrics", &[("accept", accept)], "")).await.text;
                for line in shown.lines().filter(|line| !line.starts_with('#')) {
                    prop_assert!(is_sample(line), "{line}");
                }
            }
            let listed = get(&app, "/api/v1/series").await.json();
            let alerts = get(&app, "/api/v1/alerts").await.json();
            for name in &names {
                let is_its = |one: &&serde_json::Value| one["labels"]["operation"] == *name;
                let mut operations = listed["series"].as_array().unwrap().iter().filter(|one| one["kind"] == "operation");
                let operation = operations.find(is_its);
                prop_assert!(operation.is_some(), "{name:?} in {listed}");
                let id = operation.unwrap()["id"].as_str().unwrap().as_bytes();
                let id: String = form_urlencoded::byte_serialize(id).collect();
                let queried = get(&app, &format!("/api/v1/query?series={id}")).await;
                prop_assert_eq!(&queried.json()["series"][0]["labels"]["operation"], name);
                let mut failing = alerts["alerts"].as_array().unwrap().iter().filter(|one| one["rule"] == "failing");
                prop_assert!(failing.any(|one| is_its(&one)), "{name:?} in {alerts}");
            }
            for path in ["/metrics/summary", "/metrics/report", "/metrics/dashboard", "/health/performance", "/api/v1/alerts/history"] {
                let answer = get(&app, path).await;
                prop_assert!(answer.json().is_object(), "{path}");
                prop_assert_eq!(answer.header("content-type"), "application/json");
            }
            Ok(())
        }))?;
        are_lines_of_ours(&log.text())?;
    }
}
