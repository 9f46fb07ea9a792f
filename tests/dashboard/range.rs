//! Any stretch of the past: chosen, sent as a link, zoomed into, and told apart from what is so now.

use super::browser::{Browser, Screen};
use super::keys::{DOWN, ENTER, ESCAPE, Way};
use super::past::{self, CALLS};
use super::service::Service;
use fantoccini::Locator;
use fantoccini::actions::{InputSource, MOUSE_BUTTON_LEFT, MouseActions, PointerAction};
use perf_history::{History, Settings};
use perf_runtime::{Monitor, Outcome};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;
use tokio::time::sleep;

/// The text of the first chart for those who do not see it.
const FIRST_CHART: &str =
    "return document.querySelector('main figure:not([hidden]) canvas').getAttribute('aria-label')";
const ADDRESS: &str = "return location.hash";

async fn choose(browser: &Browser, range: &str) {
    let list = browser.client.find(Locator::Css("select.ranges")).await.expect("the list of ranges");
    list.select_by_value(range).await.expect("such a range");
}

async fn address(browser: &Browser) -> String {
    browser.script(ADDRESS).await.as_str().expect("an address").to_owned()
}

/// Waits for the picture of a range, and gives what is said of it.
async fn picture(browser: &Browser, wanted: impl Fn(&str) -> bool) -> String {
    browser.wait_for_text(".about", |words| words.contains("resolution") && wanted(words)).await;
    browser
        .wait_until("return document.documentElement.classList.contains('coming')", "coming", |is| *is == json!(false))
        .await;
    browser.text(".about").await
}

#[tokio::test]
async fn a_range_is_shown_with_its_gaps_and_what_is_of_now_says_so() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.some_calls();
    service.a_host();
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    let is_marked = "return getComputedStyle(document.querySelector('.health .status'), '::after').content";
    assert_eq!(browser.script(is_marked).await, json!("none"));
    assert_eq!(browser.script("return document.querySelector('.about').hidden").await, json!(true));
    choose(&browser, "6h").await;
    let words = picture(&browser, |_| true).await;
    // Half an hour; where minutes end meanwhile, the last is not observed to its end either.
    let has_gap = (30..=33).any(|minutes| words.contains(&format!("not observed for {minutes}m ")));
    assert!(words.contains("5 min resolution") && has_gap, "{words}");
    assert!(words.contains("stored at most since"), "half an hour of it is from before: {words}");
    assert!(address(&browser).await.contains("range=6h"));
    assert_eq!(browser.script(is_marked).await, json!("\" now\""));
    assert_eq!(browser.count("[aria-label=Window] [aria-pressed=true]").await, 0);
    browser.wait_for_text(".tile .quiet", |calls| calls.ends_with(" in this range")).await;
    let chart = browser.script(FIRST_CHART).await;
    let chart = chart.as_str().expect("words");
    assert!(chart.contains("Marked: new version 1.1.0"), "{chart}");
    let (_, gaps) = chart.split_once("Not observed in ").unwrap_or_else(|| panic!("{chart}"));
    let gaps: u64 = gaps.split(' ').next().and_then(|count| count.parse().ok()).expect("a number");
    assert!((11..=13).contains(&gaps), "half an hour at the start, and half an hour: {chart}");
    let hover = "const chart = document.querySelector('main figure canvas');
        const words = [];
        const press = (key) => chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        press('Home');
        for (let place = 0; place < 72; place += 1) {
            words.push(document.querySelector('main figure .readout').textContent);
            press('ArrowRight');
        }
        chart.dispatchEvent(new Event('pointerleave'));
        return words.filter((words) => words.includes('not observed')).length";
    assert_eq!(browser.script(hover).await, json!(gaps), "each gap says so, and no other step");
    browser.screenshot("range-overview").await;
    // A table, by the navigation: the range goes along.
    browser.click("#pages a[href^='#/operations']").await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    picture(&browser, |_| true).await;
    assert!(address(&browser).await.contains("range=6h"));
    browser.wait_for_text(".series tbody", |names| names.contains("search")).await;
    let head = "const head = document.querySelector('.series th[data-key=in_flight]');
        return [getComputedStyle(head, '::after').content, getComputedStyle(head.previousElementSibling, '::after').content]";
    assert_eq!(browser.script(head).await, json!(["\" now\"", "none"]));
    browser.screenshot("range-operations").await;
    browser.go("#/series/operation/search?range=6h").await;
    browser.wait_for_text("main h1", |title| title == "search").await;
    picture(&browser, |_| true).await;
    // Five hours but a minute, and one call since.
    browser.wait_for_text(".figures dd", |calls| calls == (CALLS * 299 + 1).to_string()).await;
    let read_out = "const chart = document.querySelector('figure canvas.tall');
        const press = (key) => {
            chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
            return chart.nextElementSibling.textContent;
        };
        return [press('Home'), press('End')]";
    let told: Vec<String> = serde_json::from_value(browser.script(read_out).await).expect("two moments");
    assert!(told[0].ends_with("not observed") && told[1].contains("ms: "), "{told:?}");
    browser.screenshot("range-series").await;
    // Of a route, whatever the status.
    browser.go("#/series/http_request/GET/%2Fcarts%2F%7Bid%7D?range=15m").await;
    browser.wait_for_text(".figures dd", |calls| calls == "60").await;
    browser.go("#/metrics?range=6h").await;
    browser.wait_for_text("table.metrics thead", |head| head.contains("Mean or growth")).await;
    // Sampled figures as well; its tiles are of now.
    browser.go("#/host?range=15m").await;
    picture(&browser, |_| true).await;
    browser.wait_for("main figure:not([hidden])").await;
    let tile = "return getComputedStyle(document.querySelector('.tile .title'), '::after').content";
    assert_eq!(browser.script(tile).await, json!("\" now\""));
    browser.screenshot("range-host").await;
    // A page that cannot be of a range says so.
    browser.go("#/running?range=6h").await;
    browser.wait_for_text(".about", |words| words.starts_with("This page is about now")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn a_link_is_a_snapshot_and_back_returns() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.tick();
    let [from, to] =
        [200, 100].map(|minutes| perf_runtime::text::rfc3339(std::time::SystemTime::now() - past::MINUTE * minutes));
    let link = format!("{}#/operations?from={from}&to={to}", service.url);
    browser.open(&link).await;
    let before = picture(&browser, |_| true).await;
    let seen = async || {
        let rows = "return [...document.querySelectorAll('.series tbody td.number')].map((cell) => cell.textContent)";
        json!([browser.text(".about").await, browser.script(FIRST_CHART).await, browser.script(rows).await])
    };
    let first = seen().await;
    assert_ne!(first[2][0], json!("–"), "{first}");
    service.tick();
    browser.new_tab().await;
    browser.open(&link).await;
    assert_eq!(picture(&browser, |_| true).await, before);
    assert_eq!(seen().await, first);
    // It has ended: it is asked for once.
    let asked = "return performance.getEntriesByType('resource').filter(({ name }) => name.includes('/query?')).length";
    sleep(Duration::from_secs(2)).await;
    assert_eq!(browser.script(asked).await, json!(1));
    choose(&browser, "24h").await;
    let day = picture(&browser, |words| *words != before).await;
    assert!(day.contains("stored at most since"), "{day}");
    browser.go_back().await;
    picture(&browser, |words| *words == before).await;
    assert_eq!(browser.script("return document.querySelector('select.ranges').value").await, json!("own"));
    choose(&browser, "").await;
    browser.wait_until("return document.querySelector('.about').hidden", "about", |is| *is == json!(true)).await;
    browser.wait_for("[aria-label=Window] [aria-pressed=true]").await;
    // No such range is none at all.
    browser.go("#/operations?range=6y").await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| !hash.contains("range"))).await;
    browser.go(&format!("#/operations?from={to}&to={from}")).await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| !hash.contains("from"))).await;
    browser.has_no_errors().await;
    browser.close().await;
}

/// Drags over the first chart, from one share of its width to another.
async fn drag(browser: &Browser, from: f64, to: f64) {
    let place = "const box = document.querySelector('main figure canvas').getBoundingClientRect();
        return [box.left + 64, box.width - 74, box.top + box.height / 2]";
    let place: Vec<f64> = serde_json::from_value(browser.script(place).await).expect("a box");
    let [left, width, y] = place[..] else { panic!("{place:?}") };
    let go = |share: f64, millis| PointerAction::MoveTo {
        duration: Some(Duration::from_millis(millis)),
        x: left + width * share,
        y,
    };
    let actions = MouseActions::new("mouse".to_owned())
        .then(go(from, 0))
        .then(PointerAction::Down { button: MOUSE_BUTTON_LEFT })
        .then(go(f64::midpoint(from, to), 50))
        .then(go(to, 50))
        .then(PointerAction::Up { button: MOUSE_BUTTON_LEFT });
    browser.client.perform_actions(actions).await.expect("a drag");
}

#[tokio::test]
async fn dragging_zooms_the_page_and_escape_returns_step_by_step() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.tick();
    browser.open(&format!("{}#/operations?range=6h", service.url)).await;
    let all = picture(&browser, |_| true).await;
    drag(&browser, 0.6, 0.9).await;
    let part = picture(&browser, |words| *words != all).await;
    let zoomed = address(&browser).await;
    assert!(zoomed.contains("from=") && !zoomed.contains("range="), "{zoomed}");
    assert!(part.contains("1 min resolution"), "finer than the whole: {part}");
    // A click is no drag.
    browser.click("main figure canvas").await;
    assert_eq!(address(&browser).await, zoomed);
    drag(&browser, 0.2, 0.5).await;
    browser.wait_until(ADDRESS, "address", |hash| *hash != json!(zoomed)).await;
    browser.key(ESCAPE).await;
    browser.wait_until(ADDRESS, "address", |hash| *hash == json!(zoomed)).await;
    browser.key(ESCAPE).await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| hash.contains("range=6h"))).await;
    picture(&browser, |words| words.contains("5 min resolution")).await;
    // The browser's Back is as good, and Escape knows of it.
    drag(&browser, 0.5, 0.8).await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| hash.contains("from="))).await;
    browser.go_back().await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| hash.contains("range=6h"))).await;
    browser.key(ESCAPE).await;
    browser.wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| !hash.contains("range"))).await;
    // From what is live one zooms as well.
    browser.wait_until("return document.querySelector('.about').hidden", "about", |is| *is == json!(true)).await;
    drag(&browser, 0.3, 0.7).await;
    picture(&browser, |_| true).await;
    // A paused range stands still, and goes on.
    browser.go("#/operations?range=15m").await;
    picture(&browser, |_| true).await;
    browser.click(".pause").await;
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    let held = browser.script(FIRST_CHART).await;
    service.some_calls();
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(browser.script(FIRST_CHART).await, held);
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn a_range_is_chosen_by_keyboard() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.tick();
    for screen in [Screen::ALL[0], Screen::ALL[3]] {
        browser.look_through(screen).await;
        browser.open(&format!("{}#/overview", service.url)).await;
        browser.wait_for_text(".tile b", |rate| rate != "–").await;
        browser.tab_to(Way::On, "select.ranges").await;
        browser.key(DOWN).await;
        browser.key(ENTER).await;
        let is_chosen = |hash: &Value| hash.as_str().is_some_and(|hash| hash.contains("range="));
        browser.wait_until(ADDRESS, "address", is_chosen).await;
        picture(&browser, |_| true).await;
        browser.screenshot(&format!("range-{screen}")).await;
        let width = browser.script("return document.documentElement.scrollWidth").await;
        assert!(width.as_u64().is_some_and(|width| width <= screen.width()), "{width} wide on {screen}");
        choose(&browser, "ask").await;
        browser.wait_for("dialog [name=from]").await;
        browser.script("document.querySelector('dialog [name=from]').value = '2026-01-02T03:04:05'").await;
        browser.screenshot(&format!("range-ask-{screen}")).await;
        browser.click("dialog [type=submit]").await;
        browser
            .wait_until(ADDRESS, "address", |hash| hash.as_str().is_some_and(|hash| hash.contains("from=2026-01-0")))
            .await;
        picture(&browser, |words| words.contains("stored at most since")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

fn with_history(folder: &Path) -> (Monitor, History) {
    let monitor = History::set_up(Monitor::builder()).build().expect("a monitor");
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    let history = History::with_settings(&monitor, settings).expect("a history");
    (monitor, history)
}

#[tokio::test]
async fn after_a_restart_the_range_is_there_with_no_hole_larger_than_the_restart() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (monitor, history) = with_history(folder.path());
    let mut service = Service::of(monitor, 0).await;
    for _ in 0..12 {
        service.monitor.operation("before").record(Duration::from_millis(5), Outcome::Ok);
        sleep(Duration::from_secs(1)).await;
    }
    browser.open(&format!("{}#/operations?range=15m", service.url)).await;
    picture(&browser, |_| true).await;
    let port = service.port;
    service.stop().await;
    drop(history);
    sleep(Duration::from_secs(2)).await;
    let (monitor, _history) = with_history(folder.path());
    let service = Service::of(monitor, port).await;
    service.monitor.operation("after").record(Duration::from_millis(5), Outcome::Ok);
    service.tick();
    browser.wait_for("html:not(.stale)").await;
    // The records of the process before are still there, and those of this one beside them.
    let names = "return [...document.querySelectorAll('.series tbody th')].map((name) => name.textContent)
        .filter((name) => ['before', 'after'].includes(name)).sort()";
    for _ in 0..30 {
        if browser.script(names).await == json!(["after", "before"]) {
            break;
        }
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(browser.script(names).await, json!(["after", "before"]));
    let words = picture(&browser, |_| true).await;
    let hole = words.split_once("not observed for ").map_or("0.0 s", |(_, hole)| hole);
    let hole: f64 = hole.trim_end_matches(" s").parse().unwrap_or_else(|_| panic!("{words}"));
    // Where it lies in the first or the last step, that one is not full anyway.
    assert!(hole < 15.0, "{words}");
    browser.screenshot("range-restart").await;
    drop(service);
    browser.close().await;
}
