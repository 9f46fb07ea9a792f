//! The dashboard in a real browser: Chromium, driven through `WebDriver`.
//!
//! Screenshots are left in the folder `dashboard` of the target directory's `tmp`, for people to look at.

mod accessibility;
mod alerting;
mod browser;
mod compare;
mod errors;
mod expected;
mod incident;
mod keyboard;
mod keys;
mod layout;
mod models;
mod notifications;
mod part;
mod past;
mod pause;
mod range;
mod recorded;
mod report;
#[path = "../servers.rs"]
#[allow(dead_code, reason = "what other tests need of it")]
mod servers;
mod service;
mod session;
mod several;
mod tree;
mod unknown;
mod verdict;

use browser::Browser;
use perf_runtime::Outcome;
use serde_json::json;
use service::Service;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

const MILLI: Duration = Duration::from_millis(1);
const PAGES: [&str; 10] =
    ["overview", "requests", "database", "workflows", "agents", "operations", "running", "map", "alerts", "metrics"];

#[tokio::test]
async fn every_page_loads_without_an_error_and_numbers_move() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate.ends_with("/s") && rate != "0 /s").await;
    let calls = browser.text(".tile .quiet").await;
    service.some_calls();
    browser.wait_for_text(".tile .quiet", |now| now != calls).await;
    for page in PAGES {
        browser.go(&format!("#/{page}")).await;
        browser.wait_for("main h1").await;
        service.some_calls();
    }
    browser.go("#/series/http_request/GET/%2Fcarts%2F%7Bid%7D").await;
    browser.wait_for_text("main h1", |title| title == "GET /carts/{id}").await;
    browser.wait_for_text(".figures dd", |calls| calls != "–").await;
    assert_eq!(
        browser.count("table caption").await,
        8,
        "slowest, recorded, running, by status, and four of the tree of calls"
    );
    service::import(500);
    service.tick();
    browser.go("#/series/operation/import").await;
    // Other tests call it as well, 500 rows at a time.
    browser.wait_for_text("main", |page| page.contains("What a call uses") && page.contains("00 in all")).await;
    browser.go("#/series/tool/nobody").await;
    browser.wait_for_text("main .page > p.card", |text| text.starts_with("There is no such series")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn a_fault_turns_health_red_within_five_ticks() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    browser.open(&service.url).await;
    browser.wait_for(".health[data-status=healthy]").await;
    for _ in 0..5 {
        (0..40).for_each(|_| service.monitor.operation("checkout").record(MILLI, Outcome::Error));
        service.tick();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    browser.wait_for(".health[data-status=unhealthy]").await;
    browser.wait_for_text(".lost", |lost| lost.contains("operation.errors") && lost.contains("checkout")).await;
    browser.wait_for_title(|title| title.contains("unhealthy")).await;
    browser.click(".lost a").await;
    browser.wait_for_text("main h1", |title| title == "checkout").await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn an_alert_is_acknowledged_by_name_and_with_a_note() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::guarded().await;
    service.an_alert();
    // The login leads to where one wanted to go.
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(service::ADMIN).await;
    browser.wait_for(".alert[data-severity=critical]").await;
    browser.click(".alert .primary").await;
    // Somebody who may only look has logged in meanwhile, in another tab.
    let other = format!(
        "return fetch('login', {{ method: 'POST', body: new URLSearchParams({{ token: '{}' }}) }}).then(({{ ok }}) => ok)",
        service::READER
    );
    assert_eq!(browser.script(&other).await, json!(true));
    browser.fill("dialog [name=by]", "Ada").await;
    browser.click("dialog [type=submit]").await;
    browser.wait_for_text("dialog .problem", |problem| problem.contains("admin token")).await;
    browser.click("dialog .problem a").await;
    browser.log_in(service::ADMIN).await;
    browser.click(".alert .primary").await;
    browser.fill("dialog [name=comment]", "The disk is being changed").await;
    browser.click("dialog [type=submit]").await;
    browser.wait_for_text(".alert", |alert| alert.contains("Acknowledged by Ada: The disk is being changed")).await;
    let alerts = service.monitor.alerts().active();
    assert_eq!(alerts[0].acknowledged.as_ref().map(|mark| mark.by.as_str()), Some("Ada"));
    service.tick();
    browser.wait_for_text(".history tbody", |history| history.contains("acknowledged")).await;
    browser.close().await;
}

#[tokio::test]
async fn a_reload_keeps_the_view_and_tables_sort_by_keyboard() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    browser.open(&format!("{}#/operations?window=15m&sort=-p95&find=step", service.url)).await;
    let names = ".series tbody th";
    browser.wait_for_text(names, |name| name.starts_with("step ")).await;
    let view = async || {
        json!({
            "address": browser.script("return location.hash").await,
            "window": browser.text("[aria-label=Window] [aria-pressed=true]").await,
            "find": browser.script("return document.querySelector('[type=search]').value").await,
            "rows": browser.script("return [...document.querySelectorAll('.series tbody th')].map(cell => cell.textContent)").await,
            "sorted": browser.text("[aria-sort=descending]").await,
        })
    };
    let before = view().await;
    assert_eq!((&before["window"], &before["sorted"]), (&json!("15m"), &json!("p95")));
    assert_eq!(before["rows"].as_array().map(Vec::len), Some(8));
    assert_eq!(before["rows"][0], "step 7", "the slowest: {before}");
    browser.reload().await;
    browser.wait_for_text(names, |name| name.starts_with("step ")).await;
    assert_eq!(view().await, before);
    browser.press("thead th:first-child button", '\u{e007}').await;
    browser.wait_for_text(names, |name| name == "step 0").await;
    assert_eq!(browser.text("[aria-sort=ascending]").await, "Name");
    browser.press("body", '4').await;
    browser.wait_for_text("[aria-label=Window] [aria-pressed=true]", |window| window == "1h").await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn a_pause_stops_the_picture_and_a_restart_is_survived() {
    let Some(browser) = Browser::start().await else { return };
    let mut service = Service::start().await;
    service.a_day_in_short();
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    browser.click(".pause").await;
    let paused = browser.text(".tile .quiet").await;
    service.some_calls();
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(browser.text(".tile .quiet").await, paused);
    browser.click(".pause").await;
    browser.wait_for_text(".tile .quiet", |now| now != paused).await;
    service.stop().await;
    browser.wait_for_text(".banner", |banner| banner.contains("connection is lost") && banner.contains("ago")).await;
    browser.wait_for("html.stale").await;
    service.restart().await;
    service.monitor.operation("after_the_restart").record(MILLI, Outcome::Ok);
    service.tick();
    browser.wait_for("html:not(.stale)").await;
    browser.go("#/operations").await;
    browser.wait_for_text(".series tbody", |names| names.contains("after_the_restart")).await;
    assert!(!browser.text(".series tbody").await.contains("step 1"), "what the process before knew is gone");
    browser.close().await;
}

#[tokio::test]
async fn what_is_sampled_has_pages_with_its_history_and_what_is_not_has_none() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.some_calls();
    service.a_host();
    browser.open(&format!("{}?#/host?window=1m", service.url)).await;
    browser.wait_for_text(".tile:nth-child(3)", |disk| disk == "Fullest disk95.0 %/").await;
    browser.wait_for_text("#pages", |pages| pages.contains("Host") && pages.contains("Process")).await;
    for absent in ["GPU", "Executor", "Pools"] {
        assert!(!browser.text("#pages").await.contains(absent), "{absent}");
    }
    // The time before the page was opened is there.
    let described = "return document.querySelector('figure:not([hidden]) canvas').getAttribute('aria-label')";
    let chart = browser.script(described).await;
    assert!(
        chart.as_str().is_some_and(|chart| chart.contains("Processors in use: all ") && chart.contains("at most 7")),
        "{chart}"
    );
    let cpu = browser.text(".tile b").await;
    browser.wait_for_text(".tile b", |now| now != cpu).await;
    browser.click("details.every summary").await;
    browser.wait_for_text("details.every tbody", |all| all.contains("system_disk_utilization_ratio")).await;
    assert!(!browser.text("details.every tbody").await.contains("process_"), "that is on another page");
    browser.go("#/process").await;
    browser.wait_for_text(".tile:nth-child(2) b", |memory| memory == "3.00 MiB").await;
    // Where the health takes points for the disk, it leads to the host.
    browser.go("#/overview").await;
    browser.wait_for_text(".lost", |lost| lost.contains("disk is 95.0 %")).await;
    browser.click(".lost a[href^='#/host']").await;
    browser.wait_for_text("main h1", |title| title == "Host").await;
    browser.go("#/metrics").await;
    browser.wait_for_text("table.metrics tbody", |own| own.contains("queue_depth") && !own.contains("system_")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn the_dashboard_tells_of_itself_as_any_page_can() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.some_calls();
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    browser.click("#pages a[href^='#/alerts']").await;
    browser
        .script("perfUi.add('render_seconds', 0.5); perfUi.add('render_seconds', NaN); perfUi.page('/orders')")
        .await;
    browser.script("perfUi.add('interaction_seconds', 0.25); perfUi.page('/then')").await;
    let told = |name: &str, page: &str| {
        let line = format!("ui_{name}_count{{page=\"{page}\"}}");
        service.monitor.render_prometheus().contains(&line)
    };
    let wanted = [
        ("render_seconds", "perf dashboard"),
        ("websocket_seconds", "perf dashboard"),
        ("interaction_seconds", "/orders"),
    ];
    for (name, page) in wanted {
        for _ in 0..400 {
            if told(name, page) {
                break;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(told(name, page), "{name} of {page}:\n{}", service.monitor.render_prometheus());
    }
    browser.go("#/browsers").await;
    browser.wait_for_text(".grid", |charts| charts.contains("perf dashboard") && charts.contains("/orders")).await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn what_strangers_write_is_shown_as_text() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    let hostile = [
        "<img src=x onerror=window.hacked=1>",
        "\"><script>window.hacked=1</script>",
        "javascript:window.hacked=1",
        "{{constructor}} ${1} %00 \u{202e}abc ' & é",
        "__proto__",
    ];
    for name in hostile {
        (0..30).for_each(|_| service.monitor.operation(name).record(MILLI, Outcome::Error));
        service.monitor.record_custom_metric(name, 1.0, name);
        service.monitor.http_request("GET", name).answer(500);
    }
    service.tick();
    browser.open(&format!("{}#/operations?sort=name", service.url)).await;
    browser.wait_for(".series tbody tr:nth-child(5)").await;
    let shown =
        browser.script("return [...document.querySelectorAll('.series tbody a')].map(a => a.textContent)").await;
    for name in hostile {
        assert!(shown.as_array().is_some_and(|shown| shown.iter().any(|one| one == name)), "{name} in {shown}");
    }
    // Functions of this program are there as well, once another test has called them.
    let names = shown.as_array().expect("a list").iter().enumerate();
    let places = names.filter(|(_, one)| one.as_str().is_some_and(|name| hostile.contains(&name)));
    for (place, name) in places {
        browser.go("#/operations?sort=name").await;
        browser.wait_for(".series tbody tr:nth-child(5)").await;
        browser.click(&format!(".series tbody tr:nth-child({}) a", place + 1)).await;
        browser.wait_for_text("main h1", |title| name == title).await;
        browser.wait_for_text(".figures dd", |calls| calls == "30").await;
    }
    for page in ["overview", "alerts", "metrics", "requests"] {
        browser.go(&format!("#/{page}")).await;
        browser.wait_for("main h1").await;
    }
    assert_eq!(browser.script("return window.hacked ?? null").await, json!(null));
    assert_eq!(browser.count("main img, main script").await, 0);
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn numbers_are_not_rounded_to_what_they_are_not() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    browser.open(&service.url).await;
    let written = async |function: &str, values: &str| {
        let script = format!(
            "const main = document.querySelector('script[type=module]').src;
            const format = await import(main.replace('main.js', 'format.js'));
            return {values}.map(format.{function});"
        );
        browser.script(&script).await
    };
    // A load of 1.175 processors for each is more than all of them; 99.996 % is less than all.
    let shares = written("share", "[0, 0.00001, 0.0125, 0.95, 0.9997, 0.99996, 1, 1.175, null]").await;
    assert_eq!(shares, json!(["0 %", "< 0.01 %", "1.25 %", "95.0 %", "99.97 %", "99.99 %", "100 %", "118 %", "–"]));
    let numbers = written("number", "[0, 7, 1234, 2371.6, 12345, 0.004]").await;
    assert_eq!(numbers, json!(["0", "7", "1,234", "2,372", "12.3k", "0.0040"]));
    let ages = written("since", "[0.00616, 0.8, 4, 200]").await;
    assert_eq!(ages, json!(["6.16 ms", "800 ms", "4.0 s", "3m 20s"]));
    // How fast something grows is said in what it is counted in.
    let grown = "[[198656, 'bytes'], [0.005, 'seconds'], [2, ''], [null, 'bytes']].map((one) => format.growth(...one))";
    assert_eq!(written("number && ((text) => text)", grown).await, json!(["194 KiB/s", "0.50 %", "2 /s", "–"]));
    browser.close().await;
}

#[tokio::test]
async fn a_page_with_nothing_on_it_says_what_would_put_something_there() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.some_calls();
    browser.open(&format!("{}#/external", service.url)).await;
    browser.wait_for_text("main p.card:not([hidden])", |words| words.contains("monitor_external_call")).await;
    assert_eq!(browser.count("main input:not([hidden])").await, 0, "there is nothing to find");
    for page in ["requests", "metrics"] {
        browser.go(&format!("#/{page}?find=no+such+name")).await;
        browser.wait_for_text("main .more:not([hidden])", |words| words.contains("these words")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// The printed figures depend on the machine, so that nothing is asserted: see `benches/README.md`.
#[tokio::test]
#[ignore = "it prints how fast the dashboard is"]
async fn how_fast_it_is() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.stop_ticks();
    for _ in 0..5 {
        service.many_series();
        service.tick();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    browser.measure_pixels().await;
    for page in ["", "?#/agents?window=1m"] {
        for visit in ["first", "second", "third"] {
            browser.open(&format!("{}{page}", service.url)).await;
            tokio::time::sleep(Duration::from_secs(3)).await;
            println!("{visit} visit of /{page}: {}", browser.script(PAINTS).await);
        }
        let mut took = Vec::new();
        for _ in 0..20 {
            service.many_series();
            let began = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs_f64() * 1e3;
            service.tick();
            tokio::time::sleep(Duration::from_secs(1)).await;
            let drawn = browser.script("return window.drawnAt ?? null").await.as_f64();
            took.push(drawn.map_or(f64::INFINITY, |drawn| drawn - began));
        }
        took.sort_by(f64::total_cmp);
        println!("from a tick to pixels, of 20: median {:.0} ms, longest {:.0} ms", took[10], took[19]);
    }
    for _ in 0..3 {
        let service = Service::start().await;
        service.a_day_in_short();
        browser.open(&service.url).await;
        browser.wait_for(".health[data-status=healthy]").await;
        let began = Instant::now();
        let fault = async {
            loop {
                service.monitor.operation("checkout").record(MILLI, Outcome::Error);
                tokio::time::sleep(25 * MILLI).await;
            }
        };
        tokio::select! {
            () = fault => {}
            () = browser.wait_for(".health[data-status=unhealthy]") => {}
        }
        println!("from a fault to red: {:.1} s", began.elapsed().as_secs_f64());
    }
    browser.close().await;
}

/// When something was first seen, when the numbers were, and the bytes that came over the wire.
const PAINTS: &str = "const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')];
    const sum = (name) => all.reduce((sum, one) => sum + one[name], 0);
    return `first contentful paint ${Math.round(performance.getEntriesByName('first-contentful-paint')[0]?.startTime)} ms, ` +
      `numbers ${Math.round(performance.getEntriesByName('drawn')[0]?.startTime)} ms, ` +
      `${sum('transferSize')} bytes in ${all.filter((one) => one.transferSize > 0).length} answers (${sum('decodedBodySize')} unpacked), ` +
      `the feed's first message ${globalThis.firstMessage} characters`";
