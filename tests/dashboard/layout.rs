//! Pages hold still: new numbers come once a second, and nobody wants to read what jumps.

use super::browser::{Browser, Screen};
use super::service::Service;
use perf_runtime::Outcome;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn nothing_jumps_while_numbers_move() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    service.a_host();
    service.an_alert();
    // First those that an alert would change, before one fires.
    for page in ["alerts", "overview", "requests", "operations", "host", "metrics", "series/operation/step%206"] {
        for screen in [Screen::ALL[0], Screen::ALL[2]] {
            browser.look_through(screen).await;
            browser.open(&format!("{}#/{page}?window=1m", service.url)).await;
            browser.wait_for("main h1").await;
            service.some_calls();
            // What a page shows first may take its place.
            tokio::time::sleep(Duration::from_millis(800)).await;
            browser.script(WATCH).await;
            // Short and long to write; but nothing that makes the health another, which is said at the top.
            for (nanos, calls) in [(5, 1), (123_456_789, 7), (1_000, 4_000)] {
                for name in ["step 6", "step 1"] {
                    let took = Duration::from_nanos(nanos);
                    (0..calls).for_each(|_| service.monitor.operation(name).record(took, Outcome::Ok));
                }
                service.some_calls();
                tokio::time::sleep(Duration::from_millis(250)).await;
            }
            assert_eq!(browser.script("return window.shifts").await, json!([]), "{page} on {screen}");
        }
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// Notes what moves by itself, and where from and to.
const WATCH: &str = "window.shifts = [];
    const box = ({ x, y, width, height }) => [x, y, width, height].map(Math.round).join(' ');
    new PerformanceObserver((list) => {
        for (const { value, sources } of list.getEntries()) {
            window.shifts.push([value, ...sources.map(({ node, previousRect, currentRect }) =>
                [(node?.outerHTML ?? node?.textContent ?? '').slice(0, 120), box(previousRect), box(currentRect)])]);
        }
    }).observe({ type: 'layout-shift' });";
