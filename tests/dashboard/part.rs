//! A page that another part adds: in the navigation, with its own script and style, and the values of its topic.

use super::browser::Browser;
use perf_runtime::Monitor;
use perf_server::{Extension, Page, Place, Server};
use serde_json::json;
use std::sync::atomic::{AtomicU64, Ordering};

const SCRIPT: &str = r#"
import { h, text } from "./dom.js";

export default class {
  title = "Notes";
  topic = { of: "notes" };
  value = h("output", { class: "note" });
  element = h("div", { class: "page" }, h("h1", {}, this.title), this.value);

  update(store) {
    text(this.value, store.data ? `told ${store.data.told}` : "");
  }
}
"#;

#[tokio::test]
async fn a_page_of_a_part_is_in_the_navigation_and_shows_its_topic() {
    let Some(browser) = Browser::start().await else { return };
    let monitor = Monitor::builder().build().expect("a monitor");
    let told = AtomicU64::new(0);
    let part = Extension::new("notes")
        .page(Page::new("notes", "Notes", SCRIPT).style(".note { color: rgb(1, 2, 3) }").place(Place::Now))
        .topic("notes", move |_| json!({ "told": told.fetch_add(1, Ordering::Relaxed) }));
    let server = Server::builder(&monitor).extend(part).bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", server.local_addr());
    let running = tokio::spawn(server.run());
    browser.open(&url).await;
    browser.wait_for("#pages a[href^='#/notes']").await;
    // Kinds that other tests of this process measure stand before.
    let order =
        "return [...document.querySelectorAll('#pages a')].map((link) => link.firstChild.textContent).slice(-4)";
    assert_eq!(browser.script(order).await, json!(["Call map", "Alerts", "Notes", "Own metrics"]));
    browser.click("#pages a[href^='#/notes']").await;
    browser.wait_for_text("main .note", |text| text.starts_with("told ")).await;
    let before = browser.text("main .note").await;
    monitor.tick();
    browser.wait_for_text("main .note", |text| text != before).await;
    let colour = "return getComputedStyle(document.querySelector('.note')).color";
    assert_eq!(browser.script(colour).await, json!("rgb(1, 2, 3)"));
    // By its address too, and back.
    browser.reload().await;
    browser.wait_for_text("main .note", |text| text.starts_with("told ")).await;
    browser.go("#/alerts").await;
    browser.wait_for_text("main h1", |title| title == "Alerts").await;
    browser.has_no_errors().await;
    browser.close().await;
    running.abort();
}
