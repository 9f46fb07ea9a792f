//! Logging in and out: what a browser still sees, and hears, of a service that asks who one is.

use super::browser::{Browser, Sockets};
use super::service::{ADMIN, READER, Service, TICK};
use serde_json::json;
use tokio::time::sleep;

#[tokio::test]
async fn whoever_logs_out_is_asked_again_in_every_tab_and_by_the_back_button() {
    let Some(browser) = Browser::start_watching_sockets().await else { return };
    let service = Service::guarded().await;
    service.some_calls();
    let first = browser.tab().await;
    browser.open(&format!("{}#/operations", service.url)).await;
    browser.log_in(READER).await;
    let second = browser.new_tab().await;
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    assert_eq!(browser.sockets().await.opened, 2, "one a page");
    sleep(2 * TICK).await;
    assert!(browser.sockets().await.heard >= 4, "both hear of each tick");
    browser.click("#logout button").await;
    browser.wait_for("#token").await;
    assert_eq!(browser.cookies().await, [""; 0]);
    browser.screenshot("logged-out").await;
    // The other tab is led to the login by itself.
    browser.switch_to(&first).await;
    browser.wait_for("#token").await;
    browser.sockets().await;
    for tab in [&first, &second] {
        browser.switch_to(tab).await;
        browser.go_back().await;
        browser.wait_for("body").await;
        assert_eq!(browser.count("#pages a, .tile, .series").await, 0, "nothing of before is shown");
    }
    service.some_calls();
    sleep(2 * TICK).await;
    assert_eq!(browser.sockets().await, Sockets::default(), "nobody listens any more, nor begins to");
    browser.open(&service.url).await;
    browser.wait_for("#token").await;
    browser.log_in(ADMIN).await;
    browser.wait_for("#logout").await;
    browser.close().await;
}

#[tokio::test]
async fn every_page_and_title_says_which_service_it_is() {
    let Some(browser) = Browser::start().await else { return };
    let identity = perf_runtime::extend::Service::new("shop").version("1.4.2").instance("shop-7c9f");
    let monitor = perf_runtime::Monitor::builder().service(identity).build().expect("a monitor");
    let server = perf_server::Server::builder(&monitor).read_token(READER).bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", server.local_addr());
    let running = tokio::spawn(server.run());
    browser.open(&url).await;
    browser.wait_for_title(|title| title == "Log in · shop · perf").await;
    browser.log_in(READER).await;
    for (page, title) in [("overview", "Overview"), ("alerts", "Alerts"), ("host", "Host"), ("metrics", "Own metrics")]
    {
        browser.go(&format!("#/{page}")).await;
        browser.wait_for_text("#bar #service", |service| service == "shop 1.4.2 shop-7c9f").await;
        browser.wait_for("#service").await;
        browser.wait_for_title(|all| all == format!("{title} · shop 1.4.2 (shop-7c9f) · perf")).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
    running.abort();
}

#[tokio::test]
async fn the_login_leads_back_to_where_one_was_and_none_is_offered_where_all_may_look() {
    let Some(browser) = Browser::start().await else { return };
    let open = Service::start().await;
    browser.open(&open.url).await;
    browser.wait_for("#pages a").await;
    assert_eq!(browser.count("#logout").await, 0);
    let mut service = Service::guarded().await;
    service.some_calls();
    browser.open(&format!("{}#/operations?window=15m", service.url)).await;
    browser.log_in(READER).await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    // The service comes back, and knows the token no more.
    service.stop().await;
    browser.wait_for("html.stale").await;
    service.restart_with_other_tokens().await;
    browser.wait_for("#token").await;
    assert_eq!(browser.script("return location.hash").await, json!("#/operations?window=15m"));
    browser.close().await;
}
