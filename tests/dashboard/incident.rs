//! Alerts, as whoever is woken by one sees them: the same number everywhere, and at the series that they are about.

use super::browser::Browser;
use super::service::{READER, Service, slow_backup};
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::{Kind, Outcome};
use serde_json::json;
use std::time::{Duration, SystemTime};

/// A backup that is slow, a request that waits, and a restore that is about to be said to be slow.
fn rules() -> RuleSet {
    let stuck = Rule::builder("stuck").name("Stuck requests").metric(Kind::HttpRequest);
    let restore = Rule::builder("restore").name("Slow restore").metric(Kind::Operation).only("operation", ["restore"]);
    let rules = [
        slow_backup(),
        stuck.statistic(Statistic::OldestInFlight).critical(0.3).build().expect("a rule"),
        restore.statistic(Statistic::P95).warning(1.0).hold_for(Duration::from_hours(1)).build().expect("a rule"),
    ];
    rules.into_iter().collect()
}

#[tokio::test]
async fn an_alert_counts_until_somebody_knows_of_it_and_is_seen_at_its_series() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::judged_by(rules()).await;
    for _ in 0..40 {
        service.monitor.operation("restore").record(Duration::from_secs(3), Outcome::Ok);
    }
    let mut waiting = service.monitor.http_request("GET", "/carts/{id}");
    waiting.pause();
    tokio::time::sleep(Duration::from_millis(400)).await;
    service.an_alert();
    let count = "#pages a[href^='#/alerts'] .count";
    browser.open(&format!("{}#/overview?window=1m", service.url)).await;
    browser.wait_for_text(count, |count| count == "2").await;
    browser.wait_for_text(".strip caption", |caption| caption == "2 alerts firing").await;
    // One is known to somebody, and then the other one as well.
    let alerts = service.monitor.alerts();
    let of = |rule: &str| alerts.active().into_iter().find(|alert| alert.rule == rule).expect("it fires");
    alerts.acknowledge(of("slow-backup").id, "Ada", "on it", None).expect("it is known now");
    browser.wait_for_text(count, |count| count == "1").await;
    browser.wait_for_text(".strip caption", |caption| caption == "1 alert firing").await;
    browser.go("#/alerts?window=1m").await;
    browser.wait_for_text(".alert:nth-child(1)", |alert| alert.contains("Stuck requests")).await;
    browser.wait_for_text(".alert.known", |alert| alert.contains("Acknowledged by Ada: on it")).await;
    let until = SystemTime::now() + Duration::from_hours(1);
    alerts.silence(Some("stuck"), &[], "Bob", "planned", until).expect("it is silenced now");
    service.tick();
    browser.wait_for_text(count, str::is_empty).await;
    browser.wait_for_text(".alert.known:nth-child(2)", |alert| alert.contains("Silenced by Bob until ")).await;
    browser.go("#/overview?window=1m").await;
    browser
        .wait_until("return document.querySelector('[aria-label=Alerts]').hidden", "strip", |hidden| {
            *hidden == json!(true)
        })
        .await;
    // At the series: that it fires, at what, and that somebody knows.
    browser.go("#/series/operation/backup?window=1m").await;
    browser
        .wait_for_text(".strip tbody", |alert| alert.contains("criticalSlow backup") && alert.contains("Ada: on it"))
        .await;
    browser.wait_for_text(".limit", |limit| limit == "Slow backup, critical 2 s").await;
    browser.wait_for_text(".history tbody", |history| history.contains("critical, firing")).await;
    assert_eq!(browser.count("main .strip tbody tr").await, 1, "that of another series is not here");
    browser.go("#/series/http_request/GET/%2Fcarts%2F%7Bid%7D?window=1m").await;
    browser.wait_for_text(".strip tbody", |alert| alert.contains("Stuck requests")).await;
    // An alert that is over has said so in words of its own, on one line with how it began.
    waiting.answer(200);
    service.tick();
    browser.wait_for_text(".history tbody", |history| history.contains("resolved after ")).await;
    browser
        .wait_for_text(".history tbody", |history| history.contains(": recovered: ") && history.contains("; peak "))
        .await;
    browser.go("#/alerts?window=1m").await;
    browser.wait_for_text(".history tbody", |history| history.contains("resolved after ")).await;
    assert_eq!(browser.count(".history tbody tr").await, 2, "what never fired is not among them");
    browser.click(".history ~ .more input").await;
    browser.wait_for_text(".history tbody", |history| history.contains("Slow restore")).await;
    assert_eq!(browser.count(".history tbody tr").await, 3);
    browser.click(".history a[href^='#/series/operation/backup']").await;
    browser.wait_for_text("main h1", |title| title == "backup").await;
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn whoever_may_only_look_is_told_so_and_findings_say_over_which_time_they_are() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::guarded().await;
    service.some_calls();
    service.an_alert();
    browser
        .rewrite_messages(
            "if (message.type === 'initial_data') message.role = 'read';
            if (message.health) Object.assign(message.health, { serving: 'unhealthy', resources: 'healthy' });
            for (const one of [...(message.indicators ?? []), ...(message.indicators_changed ?? [])]) one.span_seconds = 300;",
        )
        .await;
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.log_in(READER).await;
    browser.wait_to_see(".alert", "Sign in as admin").await;
    assert_eq!(
        browser.script("return document.querySelector('.alert .line > a:last-child').getAttribute('href')").await,
        "login#/alerts"
    );
    assert!(!browser.seen(".alert").await.contains("Silence"), "no form that would fail");
    browser.go("#/overview").await;
    browser.wait_to_see(".health", "limit").await;
    let health = browser.seen(".health").await;
    assert!(health.contains("operation.latency is") && health.contains("(last 5 min)"), "{health}");
    assert!(health.contains("Serving: unhealthy") && health.contains("Resources: healthy"), "{health}");
    // A name without a space is no wider than the dialog.
    let id = "x".repeat(120);
    for _ in 0..40 {
        service.monitor.operation(&id).record(Duration::from_secs(9), Outcome::Ok);
    }
    service.tick();
    browser.rewrite_messages("message.role = 'admin';").await;
    browser.open(&format!("{}#/alerts", service.url)).await;
    browser.wait_for(&format!(".alert a[href$='{id}']")).await;
    let silence = "const link = [...document.querySelectorAll('.alert a')].find((one) => one.href.endsWith('xxx'));
        link.closest('.alert').querySelector('.buttons button:last-child').click();
        const dialog = document.querySelector('dialog');
        return [dialog.scrollWidth <= dialog.clientWidth, dialog.textContent.includes('operation{')]";
    assert_eq!(browser.script(silence).await, json!([true, false]));
    browser.has_no_errors().await;
    browser.close().await;
}
