//! How pages look: pictures of them for people, and that they hold still, for new numbers come once a second.

use super::browser::{Browser, Screen};
use super::service::{self, Service};
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
        for screen in Screen::WIDTHS {
            browser.look_through(screen).await;
            // By name, for rows that are sorted by their numbers change places when those do.
            browser.open(&format!("{}#/{page}?window=1m&sort=name", service.url)).await;
            browser.wait_for("main h1").await;
            service.some_calls();
            browser.script(WATCH).await;
            has_settled(&browser).await;
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

/// The first things that a page shows may take their place, however long that takes on a busy machine. A page that never holds still is
/// found by what comes after.
async fn has_settled(browser: &Browser) {
    for _ in 0..20 {
        tokio::time::sleep(Duration::from_millis(500)).await;
        if browser.script("return window.shifts.splice(0)").await == json!([]) {
            return;
        }
    }
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

#[tokio::test]
async fn it_can_be_looked_at() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::guarded().await;
    service.a_day_in_short();
    service.a_host();
    service.an_alert();
    service::import(500);
    browser.open(&service.url).await;
    browser.log_in(service::ADMIN).await;
    let pages = [
        ("overview", "?window=1m"),
        ("host", "?window=1m"),
        ("process", "?window=1m"),
        ("browsers", ""),
        ("metrics", ""),
        ("requests", "?window=1m"),
        ("series/http_request/GET/%2Fcarts%2F%7Bid%7D", "?window=1m"),
        ("series/operation/import", "?window=1m"),
        ("running", ""),
        ("alerts", ""),
    ];
    for (page, query) in pages {
        browser.open(&format!("{}#/{page}{query}", service.url)).await;
        for screen in Screen::ALL {
            browser.look_through(screen).await;
            service.tick();
            browser.wait_for("main h1, main table").await;
            let name = page.split('/').take(2).collect::<Vec<_>>().join("-");
            browser.screenshot(&format!("{name}-{screen}")).await;
            let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
            assert!(inner.as_u64().is_some_and(|width| width <= outer), "{page} is {inner} wide on {screen}");
            if browser.script(SCROLL_TO_PROFILE).await == json!(true) {
                browser.screenshot(&format!("{name}-profile-{screen}")).await;
            }
            let link = browser.script(LINK_OF_PAGE).await;
            assert!(link == json!(true), "the link of {page} is out of sight on {screen}");
        }
    }
    browser.click(".alert .primary").await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("acknowledge-{screen}")).await;
    }
    browser.open(&service.url).await;
    browser.click("#logout button").await;
    browser.wait_for("#token").await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("login-{screen}")).await;
    }
    service.some_calls();
    browser.log_in(service::READER).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("logged-in-{screen}")).await;
        let is_in_one_line = browser.script(BUTTONS_IN_ONE_LINE).await;
        assert!(is_in_one_line == json!(true), "the buttons of the bar on {screen}");
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// Where all pages do not fit side by side, that of the page which is shown does.
const LINK_OF_PAGE: &str = "const box = document.querySelector('#pages [aria-current]').getBoundingClientRect();
    return box.left > -1 && box.right < innerWidth + 1";

const BUTTONS_IN_ONE_LINE: &str = "const all = [...document.querySelectorAll('#bar button')];
    const tops = all.map((one) => one.getBoundingClientRect().top);
    return all.length === 7 && Math.max(...tops) - Math.min(...tops) < 9";

const SCROLL_TO_PROFILE: &str = "const all = [...document.querySelectorAll('h2')];
    const heading = all.find((one) => one.textContent === 'What a call uses' && one.checkVisibility());
    heading?.parentElement.scrollIntoView({ block: 'center' });
    return Boolean(heading)";
