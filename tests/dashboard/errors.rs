//! A series that fails tells first what fails there, and the overview what fails most.

use super::accessibility::holds_axe;
use super::browser::Browser;
use super::service::Service;
use perf_runtime::{ErrorType, Monitor, Outcome, monitor, monitor_tool};
use serde_json::json;
use std::fmt;
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

#[monitor("pay", err)]
fn pay(card: u32) -> Result<(), String> {
    Err(format!("no card {card} of <b>anybody</b>"))
}

#[tokio::test]
async fn what_fails_comes_first_on_the_page_of_a_series_and_what_fails_most_on_the_overview() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().build().unwrap(), 0).await;
    service.some_calls();
    (0..30).for_each(|card| pay(card).unwrap_err().clear());
    service.monitor.operation("backup").record(Duration::from_millis(5), Outcome::Error);
    service.tick();
    browser.open(&service.url).await;
    let first = "no card 0 of <b>anybody</b>";
    browser.wait_for_text("main", |page| page.contains("Failing most") && page.contains(first)).await;
    assert_eq!(browser.text(".failures li a").await, "pay", "the series that fails most comes first");
    holds_axe(&browser, format_args!("the overview with failures")).await;
    browser.screenshot("overview-failing").await;
    browser.go("#/series/operation/pay").await;
    browser.wait_for_text(".failures", |told| told.contains(first) && told.contains("30")).await;
    let is_first = "const [one, other] = ['.failures', '.figures'].map((name) => document.querySelector(name));
        return Boolean(one.compareDocumentPosition(other) & Node.DOCUMENT_POSITION_FOLLOWING)";
    assert_eq!(browser.script(is_first).await, json!(true));
    holds_axe(&browser, format_args!("a failing series")).await;
    browser.screenshot("series-failing").await;
    // One that does not fail tells of no failures.
    browser.go("#/series/operation/step%201").await;
    browser.wait_for_text("main h1", |title| title == "step 1").await;
    assert_eq!(browser.count_seen(".failures").await, 0);
    browser.has_no_errors().await;
    browser.close().await;
}

#[derive(Debug, ErrorType)]
enum CardError {
    #[error_type(expected)]
    NotFound,
}

impl fmt::Display for CardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no such card")
    }
}

#[monitor_tool("find_card", err, cancel = "expected")]
async fn find_card(is_given_up: bool) -> Result<(), CardError> {
    if is_given_up {
        pending::<()>().await;
    }
    Err(CardError::NotFound)
}

#[tokio::test]
async fn what_ends_as_it_was_meant_to_is_told_apart_and_is_no_failure() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().build().unwrap(), 0).await;
    // More than other tests call functions meanwhile: the page is about the kind with the most calls.
    for call in 0..900 {
        let is_ready = pin!(find_card(call >= 300)).poll(&mut Context::from_waker(Waker::noop())).is_ready();
        assert_eq!(is_ready, call < 300);
    }
    service.tick();
    browser.open(&service.url).await;
    let tile = |title: &str| {
        format!("return [...document.querySelectorAll('.tile')].find((one) => one.textContent.startsWith('{title}'))")
    };
    let wait = async |title: &str, words: &str| {
        let script = format!("{}.textContent", tile(title));
        browser.wait_until(&script, title, |found| *found == json!(words)).await;
        let state = browser.script(&format!("{}.dataset.state ?? null", tile(title))).await;
        assert_eq!(state, json!(null), "{title}");
    };
    wait("Errors", "Errors0 %0 failed, and 300 expected errors").await;
    wait("Cancelled", "Cancelled0 %0 dropped, and 600 by plan").await;
    browser.has_no_errors().await;
    browser.close().await;
}
