//! The time before beside what is shown: dotted lines, changes in tables and tiles, and a word where nothing is known of it.

use super::browser::{Browser, Screen};
use super::keys::{DOWN, ENTER, Way};
use super::past;
use super::service::{ADMIN, Service, slow_backup};
use perf_history::{History, Settings};
use perf_runtime::extend::Service as Identity;
use perf_runtime::{Monitor, Outcome};
use serde_json::json;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tokio::time::sleep;

/// The words of a chart for readers who do not see it.
async fn chart(browser: &Browser, place: usize, wanted: impl Fn(&str) -> bool) -> String {
    let script = format!(
        "return document.querySelectorAll('main figure:not([hidden]) canvas')[{place}]?.getAttribute('aria-label') ?? null"
    );
    browser.wait_until(&script, "chart", |words| words.as_str().is_some_and(&wanted)).await;
    browser.script(&script).await.as_str().expect("words").to_owned()
}

async fn select(browser: &Browser, what: &str) {
    let list = browser.client.find(fantoccini::Locator::Css("select.compare")).await.expect("a list");
    list.select_by_value(what).await.expect("such a time");
}

#[tokio::test]
async fn what_has_changed_since_the_time_before_is_drawn_and_told() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.a_host();
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&format!("{}#/operations?range=1h", service.url)).await;
    browser.wait_for_text(".series tbody", |rows| rows.contains("search")).await;
    assert_eq!(browser.count("main .delta:not([hidden])").await, 0, "nothing is compared unless somebody asks for it");
    select(&browser, "version").await;
    let about = "compared with the version before, ";
    browser.wait_for_text(".about", |words| words.contains(about) && !words.contains("nothing is known")).await;
    // It took 40 ms each until then, and 20 since.
    let latency = chart(&browser, 1, |words| words.contains("the version before: p50 at most 4")).await;
    assert!(latency.contains("p50 2") && latency.contains("at most 2"), "{latency}");
    let calls = chart(&browser, 0, |words| words.contains("the version before: all at most 3.00 /min")).await;
    assert!(calls.contains("Throughput"), "{calls}");
    let row = "[...document.querySelectorAll('.series tbody tr')].find((row) => row.textContent.startsWith('search'))";
    let deltas = format!("return [...{row}.querySelectorAll('.delta:not([hidden])')].map((one) => one.textContent)");
    // In the row too: the line of the time before, which is flat, is in many pieces.
    let pieces = format!(
        "const canvas = {row}.querySelectorAll('canvas')[1];
        const {{ data, width, height }} = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
        const isDrawn = (x, y) => data[4 * (y * width + x) + 3] > 100;
        const begins = (y) => Array.from({{ length: width }}, (_, x) => isDrawn(x, y) && !(x > 0 && isDrawn(x - 1, y)));
        return Math.max(...Array.from({{ length: height }}, (_, y) => begins(y).filter(Boolean).length))"
    );
    browser.wait_until(&pieces, "pieces", |pieces| pieces.as_u64().is_some_and(|pieces| pieces >= 8)).await;
    let told = browser.script(&deltas).await;
    let p95 = told[4].as_str().expect("words");
    assert!(p95.starts_with("−5") && p95.contains(" %, was 4"), "{told}");
    assert_eq!(told[1], "±0.0 points, was 0 %");
    browser.screenshot("compare-operations").await;
    let read_out = "const chart = document.querySelectorAll('main figure canvas')[1];
        chart.dispatchEvent(new KeyboardEvent('keydown', { key: 'ArrowLeft', bubbles: true, cancelable: true }));
        return chart.nextElementSibling.textContent";
    let read_out = browser.script(read_out).await;
    assert!(read_out.as_str().is_some_and(|words| words.contains("the version before: p50 4")), "{read_out}");
    // The address holds it, from page to page.
    let address = browser.script("return location.hash").await;
    assert!(address.as_str().is_some_and(|hash| hash.contains("compare=version")), "{address}");
    browser.reload().await;
    chart(&browser, 1, |words| words.contains("the version before: p50 at most 4")).await;
    browser.click(".series tbody a[href*='search']").await;
    browser.wait_for_text("main h1", |title| title == "search").await;
    browser.wait_for_text(".figures", |all| all.contains(" %, was 4")).await;
    browser.screenshot("compare-series").await;
    browser.go("#/metrics?range=1h&compare=1h").await;
    browser.wait_for_text("table.metrics tbody", |all| all.contains("±0 %, was 7")).await;
    browser.screenshot("compare-metrics").await;
    // Of a time of which nothing is known nothing is told: neither zero, nor a change.
    browser.go("#/operations?range=1h&compare=1w").await;
    browser.wait_for_text(".about", |words| words.ends_with(": nothing is known of it")).await;
    chart(&browser, 0, |words| words.contains("1 week before: not known")).await;
    let told = browser.script(&deltas).await;
    assert!(told.as_array().is_some_and(|all| all.iter().all(|one| one == "–, not known then")), "{told}");
    browser.go("#/running?compare=1h").await;
    browser.wait_until("return document.querySelector('.about').hidden", "about", |is| *is == json!(true)).await;
    browser.go("#/operations?compare=1y").await;
    browser
        .wait_until("return location.hash", "address", |hash| {
            hash.as_str().is_some_and(|hash| !hash.contains("compare"))
        })
        .await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn a_live_window_is_compared_by_keyboard_on_every_screen() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    for screen in Screen::ALL {
        service.some_calls();
        browser.look_through(screen).await;
        browser.open(&format!("{}#/operations?window=15m", service.url)).await;
        browser.wait_for_text(".series tbody", |rows| rows.contains("search")).await;
        browser.tab_to(Way::On, "select.compare").await;
        for _ in 0..2 {
            browser.key(DOWN).await;
        }
        browser.key(ENTER).await;
        chart(&browser, 1, |words| words.contains("1 hour before: p50 at most 2")).await;
        browser.wait_for_text(".about", |words| words.starts_with("compared with 1 hour before, ")).await;
        let width = browser.script("return document.documentElement.scrollWidth").await;
        assert!(width.as_u64().is_some_and(|width| width <= screen.width()), "{width} wide on {screen}");
        browser.screenshot(&format!("compare-{screen}")).await;
        browser.go("#/overview?window=15m&compare=1h").await;
        browser.wait_for_text(".tile .delta", |words| words.contains(" then") || words.contains("was ")).await;
        browser.screenshot(&format!("compare-overview-{screen}")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn metrics_that_only_the_past_knows_are_found() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    service.tick();
    browser.open(&format!("{}#/metrics", service.url)).await;
    browser.wait_for_text("main p.card:not([hidden])", |words| words.contains("counts nothing of its own")).await;
    browser.go("#/metrics?range=6h").await;
    browser.wait_for_text("table.metrics tbody", |all| all.contains("queue_depth")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

/// A process of a version, on a history.
fn process(folder: &Path, version: &str) -> (Monitor, History) {
    let builder = Monitor::builder().service(Identity::new("shop").version(version));
    let monitor = History::set_up(builder).build().expect("a monitor");
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    let history = History::with_settings(&monitor, settings).expect("a history");
    (monitor, history)
}

/// A service with the route by which `perf-kit` tells of a history.
async fn served(monitor: &Monitor, history: &History, port: u16) -> Service {
    let view = history.view();
    let overview = axum::routing::get(async move || axum::Json(view.overview()));
    let extension = perf_server::Extension::new("history").read("/api/v1/history", overview);
    Service::extended_and_guarded(monitor.clone(), extension, port).await
}

/// Waits until a step of the history has begun, and late calls of the one before are no longer taken.
async fn step_begins() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time");
    let since = u64::try_from(now.as_millis() % 5_000).unwrap_or(0);
    sleep(Duration::from_millis(5_700 - since)).await;
}

#[tokio::test]
async fn a_silence_goes_on_after_a_restart_and_the_version_before_is_marked() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (monitor, history) = process(folder.path(), "1.0.0");
    let mut service = served(&monitor, &history, 0).await;
    let silence = "const answer = await fetch('api/v1/alerts/silence', {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ rule: 'cpu', by: 'Ada', comment: 'The disk is being changed', for: '4h' }),
        });
        return answer.status";
    let silences = "return (await (await fetch('api/v1/alerts/silences')).json())";
    browser.open(&service.url).await;
    browser.log_in(ADMIN).await;
    assert_eq!(browser.script(silence).await, json!(201));
    let before = browser.script(silences).await;
    // A page that is open meanwhile asks in vain.
    browser.open("about:blank").await;
    step_begins().await;
    monitor.operation("checkout").record(Duration::from_millis(40), Outcome::Ok);
    for _ in 0..5 {
        service.tick();
        sleep(Duration::from_secs(1)).await;
    }
    // Both versions within one step of the history: what the one did is not told of the other.
    step_begins().await;
    service.tick();
    let port = service.port;
    service.stop().await;
    drop((service, history, monitor));
    let (monitor, history) = process(folder.path(), "1.1.0");
    let service = served(&monitor, &history, port).await;
    monitor.operation("checkout").record(Duration::from_millis(80), Outcome::Ok);
    service.tick();
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(ADMIN).await;
    browser
        .wait_for_text("[aria-label=Silences] tbody", |all| {
            all.contains("cpu") && all.contains("Ada The disk is being changed")
        })
        .await;
    assert_eq!(browser.script(silences).await, before, "the same, until the same moment");
    // Where the history is kept, so are the process before and its version, in what is live too.
    browser.go("#/operations?window=5m").await;
    chart(&browser, 0, |words| {
        words.contains("Marked: started 1.0.0 at") && words.contains("Marked: new version 1.1.0 at")
    })
    .await;
    browser.screenshot("restart-marks").await;
    browser.go("#/operations?window=1m&compare=version").await;
    chart(&browser, 1, |words| words.contains("the version before: p50 at most 40.9 ms, p95 at most 40.9 ms")).await;
    chart(&browser, 0, |words| words.contains("the version before: all at most 0.20 /s")).await;
    browser.wait_for_text(".series tbody", |rows| rows.contains("+100 %, was 40.9 ms")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn where_no_history_is_kept_a_mark_on_an_alert_says_when_it_ends() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::guarded().await;
    service.an_alert();
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(ADMIN).await;
    browser.click(".alert .buttons button:nth-child(2)").await;
    browser.wait_for_text("dialog", |words| words.contains("No history is kept: it ends with this process")).await;
    browser.screenshot("silence-without-history").await;
    browser.click("dialog [type=button]").await;
    let folder = tempfile::tempdir().expect("a folder");
    let (monitor, history) = process(folder.path(), "1.0.0");
    monitor.replace_rules(&[slow_backup()].into_iter().collect());
    let service = served(&monitor, &history, 0).await;
    service.an_alert();
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(ADMIN).await;
    browser.click(".alert .buttons button:nth-child(2)").await;
    browser.wait_for("dialog [name=by]").await;
    assert!(!browser.text("dialog").await.contains("with this process"));
    browser.has_no_errors().await;
    browser.close().await;
}
