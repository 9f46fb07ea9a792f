//! Additions of another part: a page in the navigation, with its own script and style and the values of its topic; cards on the first page.

use super::browser::Browser;
use perf_runtime::Monitor;
use perf_runtime::alert::Severity;
use perf_server::{Card, Extension, Page, Place, Server};
use serde_json::json;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

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

#[tokio::test]
async fn a_card_of_a_part_is_on_the_first_page_while_it_has_one() {
    let Some(browser) = Browser::start().await else { return };
    let monitor = Monitor::builder().build().expect("a monitor");
    let (is_so, since) = (Arc::new(AtomicBool::new(false)), SystemTime::now() - Duration::from_secs(90));
    let ours = Arc::clone(&is_so);
    let card = move || {
        Card::new("Requests are slow <b>")
            .severity(Severity::Critical)
            .line("Likely cause: select on points takes 1.5 s")
            .since(since)
            .page("notes", "All notes")
    };
    let part = Extension::new("notes")
        .page(Page::new("notes", "Notes", SCRIPT).place(Place::Now))
        .topic("notes", |_| json!({ "told": 0 }))
        .cards(move |_| ours.load(Ordering::Relaxed).then(&card).into_iter().collect());
    let server = Server::builder(&monitor).extend(part).bind("127.0.0.1:0").await.expect("a port");
    let url = format!("http://{}/", server.local_addr());
    let running = tokio::spawn(server.run());
    browser.open(&url).await;
    browser.wait_for("main .health").await;
    let hidden = "return document.querySelector('[aria-label=\"What happens now\"]').hidden";
    assert_eq!(browser.script(hidden).await, json!(true), "nothing where there is none");
    is_so.store(true, Ordering::Relaxed);
    monitor.tick();
    let article = "[aria-label='What happens now'] article";
    browser.wait_for_text(article, |text| text.contains("Likely cause: select on points takes 1.5 s")).await;
    let text = browser.text(article).await;
    assert!(text.contains("critical") && text.contains("Requests are slow <b>"), "a text is a text: {text}");
    assert!(text.contains("since ") && text.contains(", for 1m "), "{text}");
    browser.screenshot("card").await;
    browser.click(&format!("{article} a")).await;
    browser.wait_for_text("main h1", |title| title == "Notes").await;
    browser.go("#/overview").await;
    browser.wait_for(article).await;
    is_so.store(false, Ordering::Relaxed);
    monitor.tick();
    browser.wait_until(hidden, "no card", |hidden| *hidden == json!(true)).await;
    browser.has_no_errors().await;
    browser.close().await;
    running.abort();
}
