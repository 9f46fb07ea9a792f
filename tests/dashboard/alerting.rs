//! Alerts over time: marked on the charts that they concern, listed and summed up by rule, live, in ranges and after a restart.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::past::{self, MINUTE};
use super::service::Service;
use axum::Json;
use axum::routing::get;
use perf_history::{History, Settings};
use perf_runtime::alert::AlertEvent;
use perf_runtime::extend::AlertLog;
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::series::TimeRange;
use perf_runtime::{Kind, Monitor, Outcome, text};
use perf_server::Extension;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, SystemTime};
use tokio::time::sleep;

/// Requests that hang, and a disk that is full.
fn rules() -> RuleSet {
    let stuck = Rule::builder("stuck").name("Stuck requests").metric(Kind::HttpRequest);
    let full = Rule::builder("full").name("Full disk").metric("system_disk_utilization_ratio");
    let rules = [
        stuck.statistic(Statistic::OldestInFlight).critical(0.3).build().expect("a rule"),
        full.warning(0.9).build().expect("a rule"),
    ];
    rules.into_iter().collect()
}

/// The words of a chart, by its title, for whoever does not see it.
fn chart(title: &str) -> String {
    format!(
        "return [...document.querySelectorAll('main figure canvas')].find((one) => one.ariaLabel?.startsWith('{title}:'))?.ariaLabel ?? ''"
    )
}

async fn wait_for_chart(browser: &Browser, title: &str, wanted: impl Fn(&str) -> bool) -> String {
    let script = chart(title);
    browser.wait_until(&script, title, |words| words.as_str().is_some_and(&wanted)).await;
    browser.script(&script).await.as_str().expect("words").to_owned()
}

/// Everything that the first chart reads out of alerts, moment by moment.
async fn read_out(browser: &Browser) -> Vec<String> {
    let script = "const chart = document.querySelector('main figure:not([hidden]) canvas');
        const words = [];
        const press = (key) => chart.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
        press('Home');
        for (let place = 0; place < 130; place += 1) {
            words.push(chart.nextElementSibling.textContent);
            press('ArrowRight');
        }
        chart.dispatchEvent(new Event('pointerleave'));
        return [...new Set(words)].filter((words) => /\\((critical|warning)\\)/.test(words))";
    serde_json::from_value(browser.script(script).await).expect("texts")
}

/// Addresses of alerts that the page asked the service for.
const ASKED: &str =
    "return performance.getEntriesByType('resource').filter(({ name }) => name.includes('/alerts/history')).length";

#[tokio::test]
async fn alerts_that_fire_and_end_are_marked_on_the_charts_that_they_concern() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::judged_by(rules()).await;
    service.some_calls();
    let mut waiting = service.monitor.http_request("GET", "/carts/{id}");
    waiting.pause();
    sleep(Duration::from_millis(400)).await;
    service.a_host();
    browser.open(&format!("{}#/overview?window=1m", service.url)).await;
    let stuck = "Stuck requests: GET /carts/{id} (critical) fired at ";
    let full = "Full disk: system_disk_utilization_ratio / (warning) fired at ";
    // The overview has all.
    wait_for_chart(&browser, "Latency", |words| words.contains(stuck) && words.contains(full)).await;
    assert_eq!(browser.text(".legend .fired").await, "alert, critical");
    browser.go("#/host?window=1m").await;
    wait_for_chart(&browser, "How full", |words| words.contains(full)).await;
    let processors = wait_for_chart(&browser, "Processors in use", |words| !words.is_empty()).await;
    assert!(!processors.contains("Alerts"), "{processors}");
    browser.go("#/series/http_request/GET/%2Fcarts%2F%7Bid%7D?window=1m").await;
    let own = wait_for_chart(&browser, "Latency", |words| words.contains(stuck)).await;
    assert!(own.contains("not resolved here") && !own.contains("Full disk"), "{own}");
    browser.go("#/series/http_request/POST/%2Forders?window=1m").await;
    let other = wait_for_chart(&browser, "Latency", |words| !words.is_empty()).await;
    assert!(!other.contains("Alerts"), "{other}");
    browser.go("#/requests?window=1m").await;
    wait_for_chart(&browser, "Latency", |words| words.contains(stuck)).await;
    waiting.answer(200);
    service.tick();
    wait_for_chart(&browser, "Latency", |words| words.contains(", resolved at ")).await;
    let told = read_out(&browser).await;
    let ends = [" fired", " was resolved"].map(|end| {
        told.iter()
            .filter(|words| words.contains(&format!("Stuck requests: GET /carts/{{id}} (critical){end}")))
            .count()
    });
    assert_eq!(ends, [1, 1], "{told:?}");
    assert!(told.iter().any(|words| words.contains("(critical) was firing")), "{told:?}");
    // A picture that is held is as it was then.
    browser.click(".pause").await;
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    let held = browser.script(&chart("Latency")).await;
    let mut again = service.monitor.http_request("GET", "/carts/{id}");
    again.pause();
    sleep(Duration::from_millis(400)).await;
    service.tick();
    browser.wait_for_text("#pages a[href^='#/alerts'] .count", |count| count == "2").await;
    assert_eq!(browser.script(&chart("Latency")).await, held);
    browser.click(".pause").await;
    wait_for_chart(&browser, "Latency", |words| words.matches("(critical) fired at").count() == 2).await;
    browser.go("#/overview?window=1m").await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        wait_for_chart(&browser, "Latency", |words| words.contains(full)).await;
        browser.script("document.querySelector('main figure').scrollIntoView()").await;
        holds_axe(&browser, format_args!("alerts on charts on {screen}")).await;
        browser.screenshot(&format!("alerting-live-{screen}")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// Changes of alerts that a store kept.
struct Kept(Vec<AlertEvent>);

impl AlertLog for Kept {
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent> {
        let Self(events) = self;
        events.iter().filter(|event| (range.start()..range.end()).contains(&event.at)).cloned().collect()
    }
}

/// One alert, in minutes before now: when it fired, and when that ended.
struct Fire {
    rule: &'static str,
    series: &'static str,
    severity: &'static str,
    from: f64,
    until: Option<f64>,
}

fn told(fires: &[Fire], now: SystemTime) -> Vec<AlertEvent> {
    let at = |minutes: f64| text::rfc3339(now - MINUTE.mul_f64(minutes));
    let mut events = Vec::new();
    for (place, fire) in fires.iter().enumerate() {
        for (transition, moment) in [("fired", Some(fire.from)), ("resolved", fire.until)] {
            let Some(moment) = moment else { continue };
            let resolved = (transition == "resolved").then(|| at(moment));
            let alert = json!({
                "id": place + 1, "fingerprint": "00112233445566aa", "rule": fire.rule, "name": fire.rule, "series": fire.series,
                "state": if resolved.is_some() { "resolved" } else { "firing" }, "severity": fire.severity, "value": 2.0, "peak": 2.0,
                "threshold": 1.0, "unit": "seconds", "labels": {}, "message": format!("{} is beyond its limit", fire.series),
                "description": "", "runbook": null, "since": at(fire.from), "fired_at": at(fire.from), "resolved_at": resolved,
                "acknowledged": null, "muted": null,
            });
            let seq = events.len() + 1;
            let event = json!({ "seq": seq, "service": null, "at": at(moment), "transition": transition, "notify": true, "alert": alert });
            events.push(serde_json::from_value(event).expect("an event"));
        }
    }
    events
}

#[tokio::test]
async fn a_range_has_its_own_alerts_however_many_there_were_and_sums_by_rule() {
    const SEARCH: &str = "operation{operation=search}";
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::service().await;
    // A rule that flaps 200 times in two hours, one that fired over all of them, one whose end nobody saw, and one of long ago.
    let flap = |place: u32| {
        let from = 140.0 - 0.6 * f64::from(place);
        Fire { rule: "Flapping", series: SEARCH, severity: "warning", from, until: Some(from - 0.3) }
    };
    let mut fires: Vec<Fire> = (0..200).map(flap).collect();
    fires.push(Fire { rule: "Lasting", series: SEARCH, severity: "critical", from: 290.0, until: Some(10.0) });
    fires.push(Fire { rule: "Lost", series: SEARCH, severity: "critical", from: 320.0, until: None });
    fires.push(Fire { rule: "Old", series: SEARCH, severity: "critical", from: 7_000.0, until: Some(6_990.0) });
    // More changes than are told at once.
    let storm = |place: u32| {
        let from = 6_000.0 - 0.2 * f64::from(place);
        Fire { rule: "Storm", series: SEARCH, severity: "warning", from, until: Some(from - 0.1) }
    };
    fires.extend((0..600).map(storm));
    let kept = Kept(told(&fires, SystemTime::now()));
    let _log = service.monitor.provide::<dyn AlertLog>(Arc::new(kept)).expect("no other log");
    service.tick();
    browser.open(&format!("{}#/series/operation/search?range=6h", service.url)).await;
    let words = wait_for_chart(&browser, "Latency", |words| words.contains("Alerts: ")).await;
    assert!(
        words.contains("; and 199 before.") && !words.contains("Old"),
        "three are named, and the others counted: {words}"
    );
    let told = read_out(&browser).await;
    assert!(told.iter().any(|words| words.contains("Flapping: search (warning) fired 8 times")), "{told:?}");
    assert_eq!(
        told.iter().filter(|words| words.contains("Lost: search (critical)")).count(),
        1,
        "it has no end: {told:?}"
    );
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("alerting-range-{screen}")).await;
    }
    browser.look_through(Screen::ALL[0]).await;
    assert_eq!(browser.script(ASKED).await, json!(1), "charts and list share one answer");
    // In the midst of one that began before and ended after. It is a part of what is known, so nothing is asked.
    let part = |from: u32, to: u32| {
        let [from, to] = [from, to].map(|minutes| text::rfc3339(SystemTime::now() - MINUTE * minutes));
        format!("from={from}&to={to}")
    };
    browser.go(&format!("#/operations?{}", part(250, 240))).await;
    let inside =
        wait_for_chart(&browser, "Latency", |words| words.contains("Lasting: search (critical) fired at ")).await;
    assert!(inside.contains("not resolved here") && !inside.contains("Flapping"), "{inside}");
    assert_eq!(browser.script(ASKED).await, json!(1));
    // The same of the page that knows of nothing else.
    browser.reload().await;
    wait_for_chart(&browser, "Latency", |words| words.contains("Lasting: search (critical) fired at ")).await;
    // A service that answers others first is asked again, and one that does not answer is told of.
    let refuse = |status: u16, times: u32| {
        format!(
            "const fetched = window.fetch; let times = {times};
            window.fetch = (...all) => String(all[0]).includes('alerts/history') && times-- > 0
                ? Promise.resolve(new Response('{{\"detail\":\"out of order\"}}', {{ status: {status} }})) : fetched(...all)"
        )
    };
    browser.script(&refuse(429, 2)).await;
    browser.go(&format!("#/operations?{}", part(260, 255))).await;
    wait_for_chart(&browser, "Latency", |words| words.contains("Lasting: search (critical) fired at ")).await;
    browser.script(&refuse(500, 1)).await;
    browser.go(&format!("#/operations?{}", part(270, 265))).await;
    browser.wait_for_text(".about", |words| words.contains("not all alerts may be marked: out of order")).await;
    // Some seconds later it is asked again.
    browser.wait_for_text(".about", |words| words.contains("resolution") && !words.contains("out of order")).await;
    browser.go(&format!("#/alerts?{}", part(6_010, 5_870))).await;
    browser
        .wait_for_text(".history ~ .more:not([hidden])", |words| {
            words.starts_with("The last 200 of 500 are listed. What changed before ")
        })
        .await;
    browser.go("#/alerts?range=6h").await;
    browser.wait_for_text(".about", |words| words.contains("the history is of this range")).await;
    browser.wait_for_text(".history ~ .more:not([hidden])", |words| words == "The last 200 of 202 are listed.").await;
    assert_eq!(browser.count(".history tbody tr").await, 200);
    let rows = "return [...document.querySelectorAll('[aria-label=\"By rule\"] tbody tr')].map((row) => [...row.children].map((cell) => cell.textContent).slice(0, 3))";
    let sums = json!([["Lasting", "1", "4h 40m"], ["Flapping", "200", "1h 0m"], ["Lost", "1", "–"]]);
    browser.wait_until(rows, "sums", |found| *found == sums).await;
    browser
        .wait_for_text("[aria-label='By rule'] .more", |words| words.starts_with("Nobody saw the end of 1 alert,"))
        .await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.script("document.querySelector('[aria-label=\"By rule\"]').scrollIntoView()").await;
        holds_axe(&browser, format_args!("alerts of a range on {screen}")).await;
        browser.screenshot(&format!("alerting-history-{screen}")).await;
        let width = browser.script("return document.documentElement.scrollWidth").await;
        assert!(width.as_u64().is_some_and(|width| width <= screen.width()), "{width} wide on {screen}");
    }
    browser.go(&format!("#/alerts?{}", part(330, 310))).await;
    browser.wait_for_text(".history tbody", |all| all.contains("fired, its end is not known")).await;
    assert_eq!(browser.count(".history tbody tr").await, 1);
    browser.go(&format!("#/alerts?{}", part(3_000, 2_900))).await;
    browser.wait_to_see("main", "Nothing is remembered in this range").await;
    // A live list reaches a week back.
    browser.go("#/alerts").await;
    browser.wait_for_text("[aria-label='By rule'] tbody", |rules| rules.contains("Old")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

fn process(folder: &Path) -> (Monitor, History) {
    let monitor = History::set_up(Monitor::builder()).rules(rules()).build().expect("a monitor");
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    let history = History::with_settings(&monitor, settings).expect("a history");
    (monitor, history)
}

#[tokio::test]
async fn after_a_restart_alerts_of_the_process_before_are_marked_and_listed() {
    let Some(browser) = Browser::start().await else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (monitor, history) = process(folder.path());
    let mut service = Service::of(monitor, 0).await;
    let mut waiting = service.monitor.http_request("GET", "/carts/{id}");
    waiting.pause();
    sleep(Duration::from_millis(400)).await;
    service.tick();
    let [alert] = service.monitor.alerts().active().try_into().expect("one alert");
    service.monitor.alerts().acknowledge(alert.id, "Ada", "on it", None).expect("it is known now");
    sleep(Duration::from_secs(2)).await;
    waiting.answer(200);
    service.tick();
    let port = service.port;
    service.stop().await;
    drop((service, history));
    let (monitor, _history) = process(folder.path());
    let service = Service::of(monitor, port).await;
    service.monitor.http_request("GET", "/carts/{id}").answer(200);
    service.tick();
    let is_marked = |words: &str| {
        words.contains("Stuck requests: GET /carts/{id} (critical) fired at ") && words.contains(", resolved at ")
    };
    browser.open(&format!("{}#/overview?window=15m", service.url)).await;
    wait_for_chart(&browser, "Latency", is_marked).await;
    browser.go("#/series/http_request/GET/%2Fcarts%2F%7Bid%7D?range=15m").await;
    wait_for_chart(&browser, "Latency", is_marked).await;
    for address in ["#/alerts", "#/alerts?range=15m"] {
        browser.go(address).await;
        browser
            .wait_for_text(".history tbody", |all| {
                all.contains("resolved after ")
                    && all.contains("acknowledged")
                    && all.contains("Acknowledged by Ada: on it")
            })
            .await;
        browser.wait_for_text("[aria-label='By rule'] tbody", |rules| rules.contains("stuck")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn processes_that_are_stored_meanwhile_are_marked_in_ranges() {
    let Some(browser) = Browser::start().await else { return };
    let has_joined = Arc::new(AtomicBool::new(false));
    let joined = Arc::clone(&has_joined);
    let told = move || -> Value {
        let now = SystemTime::now();
        let at = |minutes: u32| text::rfc3339(now - MINUTE * minutes);
        let boot = json!({ "number": 1, "started": at(8), "ended": at(6), "version": "0.9.0", "instance": "b", "clean": true });
        json!({ "boots": if joined.load(Ordering::Relaxed) { vec![boot] } else { vec![] }, "tiers": [] })
    };
    let part = Extension::new("history").read("/api/v1/history", get(async move || Json(told())));
    let monitor = Monitor::builder().build().expect("a monitor");
    monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
    let service = Service::extended(monitor, part).await;
    service.tick();
    browser.open(&format!("{}#/operations?range=15m", service.url)).await;
    wait_for_chart(&browser, "Latency", |words| !words.is_empty() && !words.contains("0.9.0")).await;
    has_joined.store(true, Ordering::Relaxed);
    browser.script("const now = Date.now; Date.now = () => now() + 61000").await;
    browser.go("#/operations?range=1h").await;
    wait_for_chart(&browser, "Latency", |words| words.contains("Marked: started 0.9.0 at")).await;
    browser.has_no_errors().await;
    browser.close().await;
}
