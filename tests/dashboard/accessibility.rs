//! Every page under the rules of axe, in light and dark, on a large screen and on a phone.

use super::browser::{Browser, Screen};
use super::service::{ADMIN, Service};
use serde_json::json;
use std::fmt;

const PAGES: [&str; 25] = [
    "overview",
    "requests?find=carts",
    "database",
    "workflows",
    "agents",
    "external",
    "operations?sort=name",
    "running",
    "map",
    "alerts?pending=1",
    "host",
    "process",
    "browsers",
    "monitoring",
    "metrics",
    "series/http_request/GET/%2Fcarts%2F%7Bid%7D",
    "series/operation/import",
    "series/operation/backup",
    "series/tool/nobody",
    "nosuchpage",
    "overview?range=6h",
    "operations?range=15m",
    "series/operation/backup?range=1h",
    "host?range=15m",
    "running?range=7d",
];

/// Its path is that of `axe.min.js`, of the package `axe-core`: the project does not carry it.
#[tokio::test]
async fn no_page_breaks_the_rules_of_axe() {
    let Some(path) = std::env::var_os("PERF_AXE") else {
        println!("skipped: PERF_AXE names no axe.min.js");
        return;
    };
    let axe = std::fs::read_to_string(path).expect("PERF_AXE can be read");
    let Some(browser) = Browser::start().await else { return };
    let service = Service::guarded().await;
    service.a_day_in_short();
    service.a_host();
    service.an_alert();
    super::service::import(500);
    browser.open(&service.url).await;
    browser.log_in(ADMIN).await;
    let rules = Rules { browser: &browser, axe: &axe };
    for width in Screen::WIDTHS {
        browser.look_through(width).await;
        for page in PAGES {
            browser.open(&format!("{}#/{page}", service.url)).await;
            service.some_calls();
            browser.wait_for("main h1").await;
            browser.wait_until("return document.title", "title", |title| *title != json!("perf")).await;
            rules.hold_in_light_and_dark(width, page).await;
        }
        browser.open(&format!("{}#/overview", service.url)).await;
        browser.click("main details summary").await;
        browser.click("button.pause").await;
        rules.hold_in_light_and_dark(width, "all that is judged, while paused").await;
        browser.open(&format!("{}#/alerts", service.url)).await;
        browser.click(".alert .primary").await;
        rules.hold_in_light_and_dark(width, "the dialog").await;
    }
    browser.click("dialog [type=button]").await;
    for width in Screen::WIDTHS {
        browser.look_through(width).await;
        browser.open(&format!("{}login", service.url)).await;
        browser.fill("#token", "a-token-of-nobody").await;
        rules.hold_in_light_and_dark(width, "the login").await;
        browser.click("[type=submit]").await;
        browser.wait_for("[role=alert]").await;
        rules.hold_in_light_and_dark(width, "the login of nobody").await;
    }
    browser.close().await;
}

#[tokio::test]
async fn a_lost_connection_is_told_within_the_rules_of_axe() {
    let Some(path) = std::env::var_os("PERF_AXE") else { return };
    let axe = std::fs::read_to_string(path).expect("PERF_AXE can be read");
    let Some(browser) = Browser::start().await else { return };
    let mut service = Service::start().await;
    service.some_calls();
    browser.open(&service.url).await;
    browser.wait_for_text(".tile b", |rate| rate != "–").await;
    service.stop().await;
    browser.wait_for("html.stale").await;
    let rules = Rules { browser: &browser, axe: &axe };
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        rules.hold(format_args!("a lost connection on {screen}")).await;
    }
    browser.close().await;
}

/// Asserts that what is shown breaks none of the rules of axe, where `PERF_AXE` names it.
pub(crate) async fn holds_axe(browser: &Browser, what: fmt::Arguments<'_>) {
    let Some(path) = std::env::var_os("PERF_AXE") else { return };
    let axe = std::fs::read_to_string(path).expect("PERF_AXE can be read");
    Rules { browser, axe: &axe }.hold(what).await;
}

struct Rules<'a> {
    browser: &'a Browser,
    axe: &'a str,
}

impl Rules<'_> {
    /// Asserts that what is shown breaks none of them.
    async fn hold(&self, what: fmt::Arguments<'_>) {
        self.find_none_broken(ALL, what).await;
    }

    /// The same on a screen of this width, in light, and then in dark: there the rules on colours, for nothing else differs.
    async fn hold_in_light_and_dark(&self, width: Screen, what: &str) {
        self.find_none_broken(ALL, format_args!("{what} on {width}")).await;
        let dark = width.in_the_dark();
        self.browser.colour(dark).await;
        self.find_none_broken(ON_COLOURS, format_args!("{what} on {dark}")).await;
        self.browser.colour(width).await;
    }

    async fn find_none_broken(&self, rules: &str, what: fmt::Arguments<'_>) {
        self.browser.script(&format!("if (!window.axe) {{ {} }}", self.axe)).await;
        let broken = self.browser.script(&format!("return axe.run({rules}).then({BROKEN})")).await;
        assert_eq!(broken, json!([]), "{what}");
    }
}

const ALL: &str = "{ resultTypes: ['violations'] }";

const ON_COLOURS: &str = "{ resultTypes: ['violations'], runOnly: ['color-contrast', 'link-in-text-block'] }";

/// The rules that are broken, how, and by what.
const BROKEN: &str = "({ violations }) => violations.map((one) =>
    [one.id, one.help, one.nodes.map((node) => [node.html, node.failureSummary])])";
