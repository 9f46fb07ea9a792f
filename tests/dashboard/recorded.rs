//! Calls that were recorded whole: on the page of their series, and each with what ran inside it.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::service::Service;
use perf_runtime::Monitor;
use serde_json::json;
use std::thread;
use std::time::Duration;

/// A page that reads points three times, of which the last are not there. Its calls are of this service alone.
fn show_page(monitor: &Monitor) {
    let [page, read, points] = ["show_page", "read_all", "read_points"].map(|name| monitor.operation(name));
    let read_points = |place| {
        let is_there = if place == 2 { Err("no points there") } else { Ok(()) };
        let _ = points.try_run(|| {
            thread::sleep(Duration::from_millis(4));
            is_there
        });
    };
    page.run(|| read.run(|| (0..3).for_each(read_points)));
}

#[tokio::test]
async fn a_recorded_call_opens_from_its_series_and_shows_what_ran_inside() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().recorder(true).build().unwrap(), 0).await;
    show_page(&service.monitor);
    service.tick();
    browser.open(&format!("{}#/series/operation/show_page", service.url)).await;
    browser.wait_for_text("main", |page| page.contains("Recorded calls")).await;
    holds_axe(&browser, format_args!("a series with recorded calls")).await;
    browser.click("a[href^='#/call/']").await;
    browser.wait_for_text("main", |page| page.contains("What ran inside") && page.contains("error &str")).await;
    assert_eq!(browser.text("main h1").await, "show_page");
    let rows = "return [...document.querySelectorAll('.waterfall tbody tr')].map((row) =>
        [row.dataset.depth, row.children[0].textContent, row.children[5].firstElementChild.textContent])";
    let expected = json!([
        ["0", "show_page", "ok"],
        ["1", "read_all", "ok"],
        ["2", "read_points", "ok"],
        ["2", "read_points", "ok"],
        ["2", "read_points", "error"],
    ]);
    assert_eq!(browser.script(rows).await, expected);
    // The bars stand one after the other, within those around them.
    let bars = "const [all, ...bars] = [...document.querySelectorAll('.fall .fill')].map((bar) => bar.getBoundingClientRect());
        return bars.every(({ left, right }) => left >= all.left - 1 && right <= all.right + 1) && bars[1].right <= bars[2].left + 1 && bars[2].right <= bars[3].left + 1";
    assert_eq!(browser.script(bars).await, json!(true));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("a recorded call on {screen}")).await;
        browser.screenshot(&format!("recorded-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the call is {inner} wide on {screen}");
    }
    browser.click("main th a").await;
    browser.wait_for_text("main h1", |title| title == "read_all").await;
    // One that is not kept, or no longer.
    browser.go("#/call/none").await;
    browser.wait_for_text("main", |page| page.contains("No call of this name is kept")).await;
    browser.close().await;
}
