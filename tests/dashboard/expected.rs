//! The course of a series beside what was expected of it.

use super::browser::{Browser, Screen};
use super::service::Service;
use axum::Json;
use axum::extract::RawQuery;
use axum::routing::get;
use perf_kit::insight::anomaly::Bounds;
use perf_runtime::{Monitor, Outcome};
use perf_server::Extension;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Of each of the last minutes: 20 ms, as it is expected, but for one that took 90 and one of which nothing is known.
fn expected(query: &str) -> Value {
    let minute = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs() / 60;
    let found = (1..=50).map(|ago| {
        let value = if ago == 10 { 0.09 } else { 0.02 };
        let value = (ago != 20).then_some(value);
        let time = i64::try_from(60 * (minute - ago)).expect("a time");
        Bounds { time, value, low: 0.012, high: 0.031, unusual: value.map(|value| value > 0.031) }
    });
    let found: Vec<Bounds> = found.collect();
    let is_latency = query.contains("figure=latency");
    let series = json!({
        "series": "operation{operation=search}", "name": "search",
        "found": is_latency.then_some(found), "why_not": (!is_latency).then_some("too little history"),
    });
    json!({ "step": 60.0, "figure": if is_latency { "latency" } else { "errors" }, "series": [series], "left_out": 0 })
}

/// The words of the chart of durations.
const WORDS: &str = "return [...document.querySelectorAll('main figure:not([hidden]) canvas')]
    .map((one) => one.getAttribute('aria-label') ?? '').find((label) => label.startsWith('Mean duration')) ?? ''";

#[tokio::test]
async fn a_series_is_seen_beside_what_was_expected_of_it() {
    let Some(browser) = Browser::start().await else { return };
    let monitor = Monitor::builder().build().expect("a monitor");
    monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
    let answer = get(async |RawQuery(query): RawQuery| Json(expected(&query.unwrap_or_default())));
    let part = Extension::new("insight").read("/api/v1/insight/expected", answer);
    let service = Service::extended(monitor, part).await;
    let title = "main figure h3";
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.open(&format!("{}#/series/operation/search?window=1h", service.url)).await;
        let is_told = |words: &Value| {
            words.as_str().is_some_and(|words| {
                words.contains("mean 20.0 ms, at most 90.0 ms") && words.contains("unusual in 1 of 49 steps")
            })
        };
        browser.wait_until(WORDS, "chart", is_told).await;
        assert!(!browser.text(title).await.is_empty());
        let shown = browser.script("return document.querySelectorAll('main figure:not([hidden])').length").await;
        assert_eq!(browser.script("return [...document.querySelectorAll('main figure:not([hidden]) h3')].some((one) => one.textContent.startsWith('Share of failures'))").await, json!(false), "too little is known of failures: {shown}");
        browser.screenshot(&format!("expected-{screen}")).await;
    }
    // Where a place of the page holds several steps the highest is seen, and one that goes over several places is one.
    for (window, value, times) in
        [("15m", "at most 90.0 ms", "unusual in 1 of 1"), ("5m", "at most 20.0 ms", "unusual in 0 of ")]
    {
        browser.go(&format!("#/series/operation/search?window={window}")).await;
        browser
            .wait_until(WORDS, "chart", |words| {
                words.as_str().is_some_and(|words| words.contains(value) && words.contains(times))
            })
            .await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}
