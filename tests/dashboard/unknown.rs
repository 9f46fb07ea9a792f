//! The unknown: it is not said to be absent, and an address of nothing takes nothing else down.

use super::browser::{Browser, Screen};
use super::service::Service;
use perf_runtime::Outcome;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn of_a_page_that_has_not_come_nothing_is_said_and_a_lost_service_is_not_shown_as_it_was() {
    let Some(browser) = Browser::start().await else { return };
    let mut service = Service::start().await;
    service.a_day_in_short();
    service.an_alert();
    browser.open(&format!("{}#/overview?window=1m", service.url)).await;
    browser.wait_for_text("#pages a[href^='#/alerts'] .count", |count| !count.is_empty()).await;
    service.stop().await;
    browser.wait_for("html.stale").await;
    browser.wait_for_title(|title| title.starts_with("disconnected · Overview")).await;
    browser.wait_for_text(".pill", |verdict| verdict == "disconnected").await;
    let colours = "return ['.pill', '#pages a[href^=\"#/alerts\"] .count', '.quiet']
        .map((one) => getComputedStyle(document.querySelector(one)).color)";
    let colours = browser.script(colours).await;
    assert_eq!((&colours[0], &colours[1]), (&colours[2], &colours[2]), "grey, as it is no longer known");
    assert!(browser.seen("main").await.contains("HTTP requests"), "what was known stays");
    for (page, lie) in [("host", "sampled"), ("series/tool/nobody", "no such series")] {
        browser.go(&format!("#/{page}")).await;
        browser.wait_to_see("main", "The connection is lost").await;
        let seen = browser.seen("main").await;
        assert!(!seen.contains(lie), "{page}: {seen}");
    }
    // The known part of another page is shown as it was.
    browser.go("#/external").await;
    browser.wait_to_see("main", "None are measured").await;
    browser.go("#/host").await;
    service.restart().await;
    service.some_calls();
    browser.wait_to_see("main", "Nothing of this is sampled").await;
    // A chart says where its numbers begin, and where somebody reset them.
    browser.go("#/operations?window=1m").await;
    let described = "return document.querySelector('main figure canvas')?.getAttribute('aria-label') ?? ''";
    let says =
        |what: &'static str| move |words: &serde_json::Value| words.as_str().is_some_and(|all| all.contains(what));
    browser.wait_until(described, "the chart", says("Marked: started at ")).await;
    service.monitor.reset();
    service.some_calls();
    browser.wait_until(described, "the chart", says("Marked: reset at ")).await;
    browser.close().await;
}

#[tokio::test]
async fn an_address_of_nothing_says_so_and_takes_nothing_down() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    let long = "x".repeat(300);
    // By a link from outside, where the service refuses who asks; and from a page, where it ends the conversation.
    for (place, series) in ["drinks/tea", "drinks/coffee", &format!("tool/{long}")].into_iter().enumerate() {
        let hash = format!("#/series/{series}");
        if place == 1 {
            browser.go(&hash).await;
        } else {
            browser.open(&format!("{}{hash}", service.url)).await;
        }
        browser.wait_to_see("main", "There is no such series").await;
        browser.wait_for("#pages a[href^='#/operations']").await;
        browser.wait_for("html:not(.stale)").await;
        browser.wait_for_text(".pill", |verdict| verdict.contains("healthy")).await;
    }
    browser.go("#/operations").await;
    browser.wait_for(".series tbody tr").await;
    // A series that is there is found after one that is not.
    browser.go("#/series/operation/step%201").await;
    browser.wait_for_text(".figures dd", |calls| calls != "–").await;
    browser.go("#/nosuchpage").await;
    browser.wait_for_text("main h1", |title| title == "No such page").await;
    assert_eq!(browser.count("#pages [aria-current]").await, 0);
    // Nobody pressed a key to come here: there is no frame around all of it.
    browser.go("#/requests?window=7d").await;
    browser.wait_for("[aria-label=Window] [aria-pressed=true]").await;
    browser.wait_until("return location.hash", "address", |hash| *hash == json!("#/requests")).await;
    let frame = browser.script("return getComputedStyle(document.querySelector('main')).outlineStyle").await;
    assert_eq!(frame, json!("none"));
    browser.close().await;
}

#[tokio::test]
async fn what_was_cut_off_is_seen_and_what_is_left_out_is_counted() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    browser.look_through(Screen::ALL[0]).await;
    service.some_calls();
    for _ in 0..20 {
        service.monitor.operation("impatient").record(Duration::from_millis(3), Outcome::Cancelled);
    }
    let wait = |path: &str| {
        let mut request = service.monitor.http_request("GET", path);
        request.pause();
        request
    };
    let _others: Vec<_> = (0..60).map(|_| wait("/others")).collect();
    let _ours: Vec<_> = (0..3).map(|_| wait("/ours")).collect();
    service.tick();
    browser.open(&format!("{}#/operations?window=1m&find=impatient", service.url)).await;
    browser.wait_for_text(".series td[data-title=Cancelled][data-state]", |share| share == "100 %").await;
    let grey = "const canvas = document.querySelector('.series tbody canvas');
        const copy = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
        copy.drawImage(canvas, 0, 0);
        const { data } = copy.getImageData(0, 0, canvas.width, canvas.height);
        const isGrey = (at) => data[at + 3] > 200 && [148, 163, 184].every((wanted, place) => Math.abs(data[at + place] - wanted) < 24);
        return Array.from({ length: data.length / 4 }, (_, pixel) => 4 * pixel).some(isGrey);";
    browser.wait_until(grey, "the grey of what was cancelled", |found| *found == json!(true)).await;
    browser.go("#/series/operation/impatient?window=1m").await;
    browser.wait_for_text(".figures dd[data-state]", |share| share == "100 %").await;
    // Of the calls in flight the oldest are listed: how many there are is said, and a series has its own.
    for (page, count) in [
        ("running", "50 of 63"),
        ("overview", "5 of 63"),
        ("series/http_request/GET/%2Fours", "3 of 3"),
        ("series/http_request/GET/%2Fothers", "10 of 60"),
    ] {
        browser.go(&format!("#/{page}?window=1m")).await;
        browser
            .wait_for_text(".running caption", |caption| {
                caption.starts_with("In flight, oldest first") && caption.ends_with(&format!(" {count}"))
            })
            .await;
    }
    // A finger that taps a chart leaves it at once; the value stays until it taps elsewhere.
    browser.go("#/operations?window=1m").await;
    browser.wait_for("main .series tbody tr").await;
    let place = "const box = document.querySelector('main figure canvas').getBoundingClientRect();
        return [box.right - 20, box.top + 60]";
    let place = browser.script(place).await;
    let tap = async |x: &serde_json::Value, y: &serde_json::Value| {
        let touch = |kind: &str, points: serde_json::Value| json!({ "type": kind, "touchPoints": points });
        browser.devtools("Input.dispatchTouchEvent", touch("touchStart", json!([{ "x": x, "y": y }]))).await;
        browser.devtools("Input.dispatchTouchEvent", touch("touchEnd", json!([]))).await;
    };
    browser.devtools("Emulation.setTouchEmulationEnabled", json!({ "enabled": true })).await;
    tap(&place[0], &place[1]).await;
    browser.wait_for_text("main figure .readout:not([hidden])", |words| words.contains(" ok ")).await;
    service.some_calls();
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert!(browser.text("main figure .readout:not([hidden])").await.contains(" ok "));
    // Beside the title is nothing.
    tap(&json!(700), &json!(80)).await;
    browser
        .wait_until("return document.querySelectorAll('.readout:not([hidden])').length", "readout", |count| {
            *count == json!(0)
        })
        .await;
    browser.has_no_errors().await;
    browser.close().await;
}
