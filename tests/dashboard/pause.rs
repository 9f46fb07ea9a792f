//! A picture that is held: people read moments off it, for what they write when all is over.

use super::browser::Browser;
use super::service::Service;
use perf_runtime::{Monitor, Outcome};
use serde_json::json;
use std::time::Duration;
use tokio::time::sleep;

/// The moment before the last one, which is complete, as the first chart of the page reads it out.
async fn read_off(browser: &Browser) -> String {
    let press = |key: &str| {
        format!(
            "chart.dispatchEvent(new KeyboardEvent('keydown', {{ key: '{key}', bubbles: true, cancelable: true }}));"
        )
    };
    let script = format!(
        "const chart = document.querySelector('main figure canvas');
        {} {} {}
        const words = document.querySelector('main figure .readout').textContent;
        chart.dispatchEvent(new Event('pointerleave'));
        return words;",
        press("End"),
        press("ArrowLeft"),
        press("ArrowLeft")
    );
    let words = browser.script(&script).await;
    words.as_str().expect("words").to_owned()
}

fn moment(words: &str) -> &str {
    words.split(' ').next().unwrap_or_default()
}

#[tokio::test]
async fn a_moment_that_is_held_is_the_same_whenever_it_is_read_and_wherever_one_went_meanwhile() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    service.a_host();
    browser.open(&format!("{}#/overview?window=1m", service.url)).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    browser.click(".pause").await;
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    let held = read_off(&browser).await;
    assert!(held.contains(" ok "), "{held}");
    service.some_calls();
    sleep(Duration::from_millis(2_500)).await;
    assert_eq!(read_off(&browser).await, held, "time has not gone on");
    // The same topic was held with it.
    browser.click("#pages a[href^='#/operations']").await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    browser.wait_for("main .series tbody tr").await;
    assert_eq!(browser.text(".pause").await, "Resume");
    assert_eq!(moment(&read_off(&browser).await), moment(&held));
    assert!(!browser.text(".banner").await.contains("when it was opened"));
    // Another page is shown as it was when it was opened, and says so.
    browser.click("#pages a[href^='#/host']").await;
    browser
        .wait_for_text(".banner", |banner| banner.starts_with("Paused at") && banner.contains("when it was opened"))
        .await;
    let opened = read_off(&browser).await;
    assert_ne!(moment(&opened), moment(&held));
    sleep(Duration::from_millis(1_500)).await;
    assert_eq!(read_off(&browser).await, opened, "that is held as well");
    // So is another window, and its button says what is shown.
    browser.click("[aria-label=Window] button:nth-child(2)").await;
    browser.wait_for_text("[aria-label=Window] [aria-pressed=true]", |window| window == "5m").await;
    browser.wait_for_text(".step", |step| step == "5 s resolution").await;
    browser.go("#/overview?window=1m").await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    assert_eq!(read_off(&browser).await, held, "the moment is still there");
    browser.wait_for_text("[aria-label=Window] [aria-pressed=true]", |window| window == "1m").await;
    // A table can be sorted and searched while it is held.
    browser.go("#/operations?window=1m&find=resize").await;
    browser.reload().await;
    browser.wait_for(".pause").await;
    browser.click(".pause").await;
    browser.wait_for("main .series tbody tr").await;
    // Of the same moment are pages that draw more of it.
    let held = read_off(&browser).await;
    sleep(Duration::from_millis(2_500)).await;
    browser.go("#/overview?window=1m").await;
    browser.wait_to_see(".health", "disk is 95.0 %").await;
    assert_eq!(moment(&read_off(&browser).await), moment(&held));
    assert!(!browser.text(".banner").await.contains("when it was opened"));
    browser.go("#/operations?window=1m").await;
    browser.wait_for("main .series tbody tr").await;
    browser.fill("[type=search]", "step 7").await;
    browser.wait_for_text("main .series tbody th", |name| name == "step 7").await;
    browser.click(".pause").await;
    browser.wait_for("main figure canvas").await;
    let now = read_off(&browser).await;
    browser
        .wait_until("return document.querySelector('.banner').hidden", "banner", |hidden| {
            *hidden == serde_json::json!(true)
        })
        .await;
    service.some_calls();
    sleep(Duration::from_millis(1_500)).await;
    assert_ne!(moment(&read_off(&browser).await), moment(&now), "it goes on");
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn lists_beside_a_picture_that_is_held_are_of_its_time() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().build().unwrap(), 0).await;
    service.monitor.operation("backup").record(Duration::from_millis(5), Outcome::Error);
    service.some_calls();
    service.tick();
    browser.open(&format!("{}#/overview?window=5m", service.url)).await;
    browser.wait_for_text(".failures", |list| list.contains("backup")).await;
    browser.click(".pause").await;
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    browser.script("performance.clearResourceTimings()").await;
    browser.click("#pages a[href^='#/operations']").await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    // Longer than a question rests.
    sleep(Duration::from_millis(5_500)).await;
    browser.go("#/overview?window=5m").await;
    browser.wait_for_text(".failures", |list| list.contains("backup")).await;
    // Made anew, the page asks about the window that ends with the picture, and not about now.
    let asked = "return performance.getEntriesByType('resource').map(({ name }) => new URL(name))
        .filter(({ pathname }) => /\\/api\\/v1\\/(errors|edges|shares|waits|calls)/.test(pathname))
        .map(({ searchParams: about }) => about.has('window') ? 'of now'
            : Date.parse(about.get('to')) - Date.parse(about.get('from')) === 300000 ? 'of then' : 'of another time')";
    browser
        .wait_until(asked, "questions", |asked| {
            asked.as_array().is_some_and(|all| !all.is_empty() && all.iter().all(|one| *one == json!("of then")))
        })
        .await;
    let ends = "const to = performance.getEntriesByType('resource').map(({ name }) => new URL(name))
        .findLast(({ pathname }) => pathname.endsWith('/api/v1/errors')).searchParams.get('to');
        const banner = document.querySelector('.banner').textContent;
        return banner.includes(new Date(to).toTimeString().slice(0, 8))";
    assert_eq!(browser.script(ends).await, json!(true));
    browser.has_no_errors().await;
    browser.close().await;
}
