//! Several alerts at once: seen before one confirms, acknowledged and silenced; and the signs of them outside of the page.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::service::{ADMIN, READER, Service, slow_backup};
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::{Kind, Monitor, Outcome};
use perf_server::Extension;
use serde_json::json;
use std::time::Duration;

const JOBS: usize = 12;

/// A service whose jobs are slow, and whose backup is not yet.
async fn service() -> Service {
    let jobs = (0..JOBS).map(|job| format!("job {job}")).chain(["job late".to_owned()]);
    let slow = Rule::builder("slow-jobs").name("Slow job").metric(Kind::Operation).only("operation", jobs);
    let slow = slow.statistic(Statistic::P95).warning(1.0).build().expect("a rule");
    let rules: RuleSet = [slow, slow_backup()].into_iter().collect();
    let monitor = Monitor::builder().rules(rules).build().expect("a monitor");
    Service::extended_and_guarded(monitor, Extension::new("nothing"), 0).await
}

fn slow_jobs(service: &Service) {
    for job in 0..JOBS {
        service.monitor.operation(&format!("job {job}")).record(Duration::from_secs(4), Outcome::Ok);
    }
    service.tick();
}

async fn choose(browser: &Browser, selector: &str, option: &str) {
    let script = format!(
        "const select = document.querySelector({});
        select.value = [...select.options].find((one) => one.textContent.includes({})).value;
        select.dispatchEvent(new Event('change', {{ bubbles: true }}))",
        json!(selector),
        json!(option)
    );
    browser.script(&script).await;
}

/// Waits until the tab has this icon, and it can be drawn.
pub(crate) async fn wait_for_icon(browser: &Browser, name: &str) {
    let script = "return document.querySelector('link[rel=icon]').href";
    browser.wait_until(script, name, |href| href.as_str().is_some_and(|href| href.ends_with(name))).await;
    let size = "const icon = new Image(); icon.src = document.querySelector('link[rel=icon]').href;
        return icon.decode().then(() => icon.naturalWidth > 0)";
    assert_eq!(browser.script(size).await, json!(true), "{name} can be drawn");
}

#[tokio::test]
async fn several_alerts_are_seen_before_they_are_marked_and_silences_name_those_that_they_mute() {
    let Some(browser) = Browser::start().await else { return };
    let mut service = service().await;
    slow_jobs(&service);
    browser.look_through(Screen::ALL[0]).await;
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(ADMIN).await;
    browser.wait_for_title(|title| title.starts_with("(12) ")).await;
    let is_unhealthy = "return document.querySelector('.pill').dataset.status === 'unhealthy'";
    let is_unhealthy = browser.script(is_unhealthy).await == json!(true);
    wait_for_icon(&browser, if is_unhealthy { "icon-failing.svg" } else { "icon-degraded.svg" }).await;
    browser.wait_for_text(".alert .all", |words| words == "All of this rule (12)").await;
    browser.click(".alert .all").await;
    browser.wait_for_text("dialog [type=submit]", |words| words == "Acknowledge 12 alerts").await;
    browser.wait_for_text(".preview", |all| all.contains("Slow job: job ") && all.ends_with("and 4 more")).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("several-{screen}")).await;
        holds_axe(&browser, format_args!("several alerts on {screen}")).await;
    }
    browser.look_through(Screen::ALL[0]).await;
    // Of one that somebody has acknowledged meanwhile the mark stays.
    let first = service.monitor.alerts().active()[0].id;
    service.monitor.alerts().acknowledge(first, "Bob", "", None).expect("it fires");
    browser.wait_for_text(".preview", |all| all.contains("11 alerts; 1 acknowledged already")).await;
    browser.fill("dialog [name=by]", "Ada").await;
    browser.click("dialog [type=submit]").await;
    browser.wait_for_title(|title| !title.starts_with('(')).await;
    let by = |name: &str| {
        let alerts = service.monitor.alerts().active();
        alerts.iter().filter(|one| one.acknowledged.as_ref().is_some_and(|mark| mark.by == name)).count()
    };
    assert_eq!((by("Ada"), by("Bob")), (JOBS - 1, 1));
    browser.click(".several").await;
    browser.wait_for_text(".preview", |all| all.contains("Choose a rule, a label, or both")).await;
    choose(&browser, "dialog [name=mark]", "Silence").await;
    choose(&browser, "dialog [name=label]", "job 3").await;
    browser.wait_for_text(".preview", |all| all.starts_with("1 alert, and those that fire later")).await;
    assert_eq!(browser.text("dialog [name=for] option:checked").await, "1 hour");
    browser.click("dialog [type=submit]").await;
    service.tick();
    browser
        .wait_for_text(".silences tbody", |row| {
            row.contains("all rules operation=job 3") && row.contains("1 alertSlow job: job 3") && row.contains("Ada")
        })
        .await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.script("document.querySelector('.silences').scrollIntoView()").await;
        browser.screenshot(&format!("silences-{screen}")).await;
        holds_axe(&browser, format_args!("silences on {screen}")).await;
    }
    browser.has_no_errors().await;
    service.an_alert();
    browser.wait_for_title(|title| title.starts_with("(1) ")).await;
    service.stop().await;
    browser.wait_for_title(|title| title.starts_with("disconnected")).await;
    wait_for_icon(&browser, "icon-lost.svg").await;
    browser.close().await;
}

#[tokio::test]
async fn a_reader_sees_silences_and_marks_nothing() {
    let Some(browser) = Browser::start().await else { return };
    let service = service().await;
    slow_jobs(&service);
    let until = std::time::SystemTime::now() + Duration::from_hours(1);
    service.monitor.alerts().silence(Some("slow-backup"), &[], "Ada", "planned", until).expect("a silence");
    service.tick();
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(READER).await;
    browser
        .wait_for_text(".silences tbody", |row| row.contains("slow-backup") && row.contains("nothing that fires"))
        .await;
    for selector in [".several", ".alert .all", ".silences button"] {
        assert_eq!(browser.count_seen(selector).await, 0, "{selector}");
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// Notes notifications in place of the browser's, which nobody could look at.
const NOTE: &str = "
    window.shown = [];
    window.questions = 0;
    window.Notification = class {
        static permission = 'default';
        static async requestPermission() { window.questions += 1; return (this.permission = 'granted'); }
        constructor(title, { body }) { window.shown.push(`${title} | ${body}`); }
    };
    if (location.protocol === 'http:' && sessionStorage.insecure) Object.defineProperty(window, 'isSecureContext', { value: false });
";

#[tokio::test]
async fn the_browser_tells_once_of_what_begins_to_fire_where_somebody_turned_it_on() {
    let Some(browser) = Browser::start().await else { return };
    let service = service().await;
    slow_jobs(&service);
    browser.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(ADMIN).await;
    browser.wait_for(".alert").await;
    assert_eq!(browser.script("return window.questions").await, json!(0), "nobody is asked");
    choose(&browser, ".popups select", "Critical").await;
    browser.wait_for(".popups select[data-on]").await;
    assert_eq!(browser.script("return [window.questions, window.shown]").await, json!([1, []]), "what fires already");
    assert_eq!(browser.script("return localStorage.getItem('perf.notify')").await, json!("critical"));
    // Another warning is none of these; a critical one is, once, however often it is told.
    service.monitor.operation("job late").record(Duration::from_secs(4), Outcome::Ok);
    service.an_alert();
    let shown = "return window.shown";
    let is_told =
        |all: &serde_json::Value| all[0].as_str().is_some_and(|one| one.starts_with("Critical: Slow backup | "));
    browser.wait_until(shown, "the notification", is_told).await;
    service.tick();
    browser.go("#/overview").await;
    browser.wait_for(".health").await;
    assert_eq!(browser.script("return window.shown.length").await, json!(1));
    // It stays on, and what fired before the page was opened is not told again.
    browser.reload().await;
    browser.go("#/alerts").await;
    browser.wait_for(".popups select").await;
    assert_eq!(browser.text(".popups select option:checked").await, "Critical alerts");
    assert_eq!(browser.script("return window.shown.length").await, json!(0));
    browser.screenshot("popups").await;
    browser.script("sessionStorage.insecure = '1'").await;
    browser.reload().await;
    browser.wait_for_text(".popups", |words| words.contains("only over https, or on localhost")).await;
    assert_eq!(browser.count(".popups select:disabled").await, 1);
    browser.has_no_errors().await;
    browser.close().await;
}
