//! The two verdicts of the health, told apart at a glance; and the points of rows that come into sight.

use super::browser::{Browser, Screen};
use super::past;
use super::service::Service;
use super::several::wait_for_icon;
use perf_runtime::Outcome;
use perf_runtime::metric::SampledMetric;
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_busy_host_is_told_apart_from_calls_that_fail_and_whose_share_it_is() {
    const ALL: SampledMetric = SampledMetric::gauge("system_cpu_utilization_ratio", "ratio", "Processors in use.");
    const OWN: SampledMetric = SampledMetric::gauge("process_cpu_utilization_ratio", "ratio", "By this process.");
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.monitor.sample("host", Duration::ZERO, |samples| {
        samples.put(&ALL, &[], 0.96);
        samples.put(&OWN, &[], 0.06);
    });
    service.some_calls();
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&service.url).await;
    wait_for_icon(&browser, "icon-degraded.svg").await;
    browser.wait_for_title(|title| title.contains(" resources degraded · Overview")).await;
    let pill = "return [...document.querySelectorAll('.pill [data-status]')].map((one) => [one.textContent.trim(), one.dataset.status])";
    let both = json!([["Serving healthy", "healthy"], ["Resources degraded", "degraded"]]);
    assert_eq!(browser.script(pill).await, both);
    let resources = "section[aria-label=Resources]";
    browser
        .wait_for_text(resources, |all| {
            all.contains("cpu is 96.0 %") && all.contains(": this process 6.00 %, others 90.0 %")
        })
        .await;
    let serving = "section[aria-label=Serving]";
    assert_eq!(browser.text(serving).await, "Serving: healthy");
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("verdict-{screen}")).await;
    }
    // On a phone there is room for one: that which is not well.
    assert_eq!(browser.seen(".pill").await.split_whitespace().skip(1).collect::<Vec<_>>(), ["Resources", "degraded"]);
    browser.look_through(Screen::ALL[0]).await;
    for _ in 0..5 {
        (0..40).for_each(|_| service.monitor.operation("checkout").record(Duration::from_millis(1), Outcome::Error));
        service.tick();
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    browser.wait_for_title(|title| title.contains(" serving unhealthy, resources degraded · ")).await;
    wait_for_icon(&browser, "icon-failing.svg").await;
    browser.wait_for_text(serving, |all| all.contains("unhealthy") && all.contains("operation.errors")).await;
    assert!(!browser.text(resources).await.contains("operation.errors"));
    browser.screenshot("verdict-both").await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn rows_have_their_lines_as_soon_as_they_come_into_sight() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    for _ in 0..2 {
        service.many_rows();
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&format!("{}#/operations?window=1m&sort=name", service.url)).await;
    browser.wait_for_text(".series tbody", |rows| rows.contains("row 59")).await;
    let is_drawn = |row: &str| {
        format!(
            "const row = [...document.querySelectorAll('.series tbody tr')].find((row) => row.textContent.startsWith('{row}'));
            const canvas = row?.querySelector('canvas');
            if (!canvas?.width) return false;
            const copy = new OffscreenCanvas(canvas.width, canvas.height).getContext('2d', {{ willReadFrequently: true }});
            copy.drawImage(canvas, 0, 0);
            const {{ data }} = copy.getImageData(0, 0, canvas.width, canvas.height);
            return data.some((value) => value > 0)"
        )
    };
    browser.wait_until(&is_drawn("row 0"), "row 0", |is| *is == json!(true)).await;
    browser.script("scrollTo(0, document.documentElement.scrollHeight)").await;
    browser.wait_until(&is_drawn("row 9"), "row 9", |is| *is == json!(true)).await;
    // From page to page of the same topic all stays, and what only one of them draws comes along.
    browser.go("#/alerts?window=1m").await;
    browser.wait_to_see("main", "Nothing is remembered").await;
    browser.go("#/overview?window=1m").await;
    browser.wait_to_see(".health", "indicators are judged").await;
    browser.has_no_errors().await;
    browser.close().await;
}

const COURSE: &str = "section[aria-label='Health over time']";

/// The health and the promises of a range are those of then, and the card of the health is of now.
#[tokio::test]
async fn the_health_and_the_promises_of_a_range_are_shown() {
    let Some(browser) = Browser::start().await else { return };
    let (service, _past) = past::judged_service().await;
    service.some_calls();
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    browser.go("#/overview?range=6h").await;
    let words = ["In this range: healthy for ", ", unhealthy for ", "operation.errors 20"];
    browser.wait_for_text(&format!("{COURSE} .more"), |text| words.iter().all(|one| text.contains(one))).await;
    let chart = format!("return document.querySelector(\"{COURSE} canvas\").ariaLabel");
    browser
        .wait_until(&chart, "the chart", |words| {
            words.as_str().is_some_and(|words| words.starts_with("Health score: "))
        })
        .await;
    let row = "return document.querySelector('[aria-label=Objectives] tbody tr').innerText";
    browser
        .wait_until(row, "the promise", |words| {
            words.as_str().is_some_and(|words| words.contains("99.0 % within 25.0 ms"))
        })
        .await;
    let row = browser.script(row).await;
    // The calls of the first version took 40 ms.
    assert!(row.as_str().is_some_and(|row| row.starts_with("search") && row.contains("\t450\t")), "{row}");
    browser.screenshot("range-health").await;
    browser.has_no_errors().await;
    browser.close().await;
}
