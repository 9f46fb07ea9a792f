//! Calls inside calls: where time goes, on the pages of series and the overview, and the map of who calls whom.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::service::Service;
use perf_runtime::series::{Wait, WaitedOn};
use perf_runtime::{Monitor, monitor};
use serde_json::json;
use std::thread;
use std::time::Duration;

#[monitor("points", err)]
fn read_points(place: u32) -> Result<(), String> {
    thread::sleep(Duration::from_millis(4));
    if place == 0 { Err("no points there".to_owned()) } else { Ok(()) }
}

/// Pages that read points three times, and a search that reads them once.
async fn service() -> Service {
    let service = Service::of(Monitor::builder().build().unwrap(), 0).await;
    for place in 0..4 {
        service.monitor.operation("show_page").run(|| (0..3).for_each(|more| drop(read_points(place * more))));
        service.monitor.operation("search").run(|| drop(read_points(place)));
    }
    service.tick();
    service
}

#[tokio::test]
async fn a_series_tells_where_its_time_goes_and_who_calls_it() {
    let Some(browser) = Browser::start().await else { return };
    let service = service().await;
    browser.open(&service.url).await;
    browser.wait_for_text("main", |page| page.contains("Where the time goes") && page.contains("points")).await;
    browser.go("#/series/operation/show_page").await;
    let has_parts = |page: &str| page.contains("Where its time goes") && page.contains("Calls inside it");
    browser.wait_for_text("main", |page| has_parts(page) && page.contains("points") && page.contains("12")).await;
    holds_axe(&browser, format_args!("a series with calls inside")).await;
    browser.screenshot("series-inside").await;
    browser.go("#/series/operation/points").await;
    browser.wait_for_text("main", |page| page.contains("Called from") && page.contains("show_page")).await;
    let place = format!("{}:{}", file!(), 12);
    browser.wait_for_text("main", |page| page.contains(&place)).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn the_map_shows_who_calls_whom() {
    let Some(browser) = Browser::start().await else { return };
    let service = service().await;
    browser.open(&format!("{}#/map", service.url)).await;
    browser.wait_for_text("main", |page| page.contains("16 calls") && page.contains("failed")).await;
    let names = "return [...document.querySelectorAll('.columns > li')].map((column) =>
        [...column.querySelectorAll('[data-name]')].map((box) => box.dataset.name))";
    let [page, search, read] = ["show_page", "search", "points"].map(|name| format!("operation{{operation={name}}}"));
    assert_eq!(browser.script(names).await, json!([[page, search], [read]]));
    let lines = "return [...document.querySelectorAll('.lines path')].map((line) => [line.dataset.parent, line.classList.contains('failing')])";
    assert_eq!(browser.script(lines).await, json!([[page, true], [search, true]]));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("the map on {screen}")).await;
        browser.screenshot(&format!("map-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the map is {inner} wide on {screen}");
    }
    browser.click(".columns a").await;
    browser.wait_for_text("main h1", |title| title == "show_page").await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn what_calls_waited_for_stands_beside_their_calls() {
    let Some(browser) = Browser::start().await else { return };
    let service = service().await;
    let long = format!("SELECT {} …0123456789abcdef", ["orders.id"; 18].join(", "));
    let statement = long.clone();
    let _waits = service.monitor.add_wait_source(move || {
        let wait = |series: &str, on, name: &str, waits, seconds| {
            Wait::new(format!("operation{{operation={series}}}").parse().unwrap(), on, name, waits, seconds)
        };
        vec![
            wait("show_page", WaitedOn::Lock, "stock", 5, 1.0),
            wait("points", WaitedOn::Statement, &statement, 98_000, 196.0),
            wait("points", WaitedOn::Channel, "changes", 2, 0.5),
            wait("quiet", WaitedOn::Lock, "stock", 1, 0.25),
        ]
    });
    drop(service.monitor.operation("quiet"));
    service.tick();
    browser.open(&format!("{}#/map", service.url)).await;
    browser
        .wait_for_text("main", |page| page.contains("6 waits since the start") && page.contains("98.0k waits"))
        .await;
    browser.wait_for_text("main", |page| page.contains("Waits since the process began") && page.contains(&long)).await;
    let dotted = "return [...document.querySelectorAll('.lines path.wait')].map((line) => [line.dataset.parent, line.dataset.child])";
    let line = |series: &str, thing: &str| json!([format!("operation{{operation={series}}}"), thing]);
    let of_statement = format!("statement {long}");
    let expected = json!([
        line("points", &of_statement),
        line("show_page", "lock stock"),
        line("points", "channel changes"),
        line("quiet", "lock stock")
    ]);
    assert_eq!(browser.script(dotted).await, expected);
    // Nobody knows who calls one that is here for its waits alone.
    let words =
        "return document.querySelector('[data-name=\"operation{operation=quiet}\"]').lastElementChild.textContent";
    assert_eq!(browser.script(words).await, json!(""));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("the map with waits on {screen}")).await;
        browser.screenshot(&format!("map-waits-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the map is {inner} wide on {screen}");
    }
    browser.go("#/series/operation/points").await;
    let has_waits =
        |page: &str| page.contains("Waited for, since the process began") && page.contains("channel changes");
    browser.wait_for_text("main", has_waits).await;
    browser.screenshot("series-waits").await;
    holds_axe(&browser, format_args!("a series with waits")).await;
    // They are shown while nothing was called in the window.
    browser.go("#/series/operation/quiet").await;
    browser.wait_for_text("main", |page| page.contains("Waited for, since") && page.contains("lock stock")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn where_no_call_is_inside_another_the_map_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().build().unwrap(), 0).await;
    service.some_calls();
    browser.open(&format!("{}#/map", service.url)).await;
    browser.wait_for_text("main", |page| page.contains("No call was made inside another")).await;
    browser.has_no_errors().await;
    browser.close().await;
}
