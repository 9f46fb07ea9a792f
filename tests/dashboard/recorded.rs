//! Calls that were recorded whole: on the page of their series, and each with what ran inside it.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::service::Service;
use perf_runtime::series::{FieldAccess, Selector};
use perf_runtime::{Monitor, Window, monitor_tool};
use serde_json::{Value, json};
use std::thread;
use std::time::Duration;

/// A page that reads points three times, of which the last are not there. Its calls are of this service alone.
fn show_page(monitor: &Monitor) {
    let [page, read, points] = ["show_page", "read_all", "read_points"].map(|name| monitor.operation(name));
    let read_points = |place| {
        let is_there = if place == 2 { Err("no points there") } else { Ok(()) };
        let _ = points.try_run(|| {
            thread::sleep(Duration::from_millis(4));
            is_there
        });
    };
    page.run(|| read.run(|| (0..3).for_each(read_points)));
}

/// An order of a stranger's. Of a kind whose numbers no other test looks at: it is a series of all of them.
#[monitor_tool("order", fields(order = %order, items = 3, note))]
fn show_order(order: &str, note: &str) {
    load_item("<b>not bold</b> \u{202e}desrever");
}

#[monitor_tool("item", fields(item))]
fn load_item(item: &str) {
    thread::sleep(Duration::from_millis(2));
}

#[tokio::test]
async fn a_recorded_call_opens_from_its_series_and_shows_what_ran_inside() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::of(Monitor::builder().recorder(true).build().unwrap(), 0).await;
    show_page(&service.monitor);
    service.tick();
    browser.open(&format!("{}#/series/operation/show_page", service.url)).await;
    browser.wait_for_text("main", |page| page.contains("Recorded calls")).await;
    holds_axe(&browser, format_args!("a series with recorded calls")).await;
    browser.click("a[href^='#/call/']").await;
    browser.wait_for_text("main", |page| page.contains("What ran inside") && page.contains("error &str")).await;
    assert_eq!(browser.text("main h1").await, "show_page");
    let rows = "return [...document.querySelectorAll('.waterfall tbody tr')].map((row) =>
        [row.dataset.depth, row.children[0].textContent, row.children[5].firstElementChild.textContent])";
    let expected = json!([
        ["0", "show_page", "ok"],
        ["1", "read_all", "ok"],
        ["2", "read_points", "ok"],
        ["2", "read_points", "ok"],
        ["2", "read_points", "error"],
    ]);
    assert_eq!(browser.script(rows).await, expected);
    // The bars stand one after the other, within those around them.
    let bars = "const [all, ...bars] = [...document.querySelectorAll('.fall .fill')].map((bar) => bar.getBoundingClientRect());
        return bars.every(({ left, right }) => left >= all.left - 1 && right <= all.right + 1) && bars[1].right <= bars[2].left + 1 && bars[2].right <= bars[3].left + 1";
    assert_eq!(browser.script(bars).await, json!(true));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("a recorded call on {screen}")).await;
        browser.screenshot(&format!("recorded-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the call is {inner} wide on {screen}");
    }
    browser.click("main th a").await;
    browser.wait_for_text("main h1", |title| title == "read_all").await;
    // One that is not kept, or no longer.
    browser.go("#/call/none").await;
    browser.wait_for_text("main", |page| page.contains("No call of this name is kept")).await;
    browser.close().await;
}

#[tokio::test]
async fn values_of_fields_stand_beside_their_calls_for_whoever_may_see_them() {
    let Some(browser) = Browser::start().await else { return };
    let read = Monitor::builder().recorder(true).recorded_fields(FieldAccess::Read).build().unwrap();
    let admin = Monitor::builder().recorder(true).build().unwrap();
    show_order("A-17 & co", &"long ".repeat(100));
    let of_order = Selector::calls().label("tool", "order");
    let id = read.recorded_calls(&of_order, Window::LastHour)[0].id.clone();
    let (open, closed) = (Service::of(read, 0).await, Service::of(admin, 0).await);
    browser.open(&format!("{}#/call/{id}", open.url)).await;
    browser.wait_for_text("main", |page| page.contains("A-17 & co")).await;
    let fields = "return [...document.querySelectorAll('.waterfall tbody tr')].map((row) =>
        [...row.querySelectorAll('.fields li')].map((field) => field.textContent.slice(0, 40)))";
    let expected = json!([
        ["order A-17 & co", "items 3", "note long long long long long long long "],
        ["item <b>not bold</b> \u{202e}desrever"],
    ]);
    assert_eq!(browser.script(fields).await, expected);
    assert!(browser.text(".waterfall").await.contains("… (cut)"));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("fields of a recorded call on {screen}")).await;
        browser.screenshot(&format!("recorded-fields-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the fields are {inner} wide on {screen}");
    }
    browser.open(&format!("{}#/call/{id}", closed.url)).await;
    browser.wait_for_text("main", |page| page.contains("Values of fields are withheld")).await;
    let page = browser.text("main").await;
    assert!(page.contains("order withheld") && !page.contains("A-17") && !page.contains("desrever"), "{page}");
    browser.close().await;
}

/// The label of a chart, for people who do not see it.
const LATENCY: &str =
    "return [...document.querySelectorAll('canvas')].find((one) => one.ariaLabel?.startsWith('Latency:'))";

#[tokio::test]
async fn recorded_calls_are_dots_on_the_chart_of_durations_that_open_them() {
    let Some(browser) = Browser::start().await else { return };
    let builder = Monitor::builder().recorder(true).trace_url("https://tempo.example/trace/{trace_id}");
    let service = Service::of(builder.build().unwrap(), 0).await;
    let dotted = service.monitor.operation("dotted");
    dotted.run(|| thread::sleep(Duration::from_millis(30)));
    let _ = dotted.try_run(|| {
        thread::sleep(Duration::from_millis(3));
        Err::<(), _>("no")
    });
    service.tick();
    browser.open(&format!("{}#/series/operation/dotted", service.url)).await;
    browser.wait_for_text("main", |page| page.contains("Recorded calls")).await;
    let label = format!("{LATENCY}?.ariaLabel ?? ''");
    let is_said =
        |said: &Value| said.as_str().is_some_and(|said| said.contains("2 recorded calls are marked, and listed below"));
    browser.wait_until(&label, "dots", is_said).await;
    assert!(browser.text("main").await.contains("recorded calls: ○ ok, ◆ other"));
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        holds_axe(&browser, format_args!("dots of recorded calls on {screen}")).await;
        browser.screenshot(&format!("recorded-dots-{screen}")).await;
        let (inner, outer) = (browser.script("return document.documentElement.scrollWidth").await, screen.width());
        assert!(inner.as_u64().is_some_and(|width| width <= outer), "the page is {inner} wide on {screen}");
    }
    // By the keys: step by step to the moment of a call, which is read out, and into it.
    let keys = format!(
        "const canvas = (() => {{ {LATENCY} }})(); canvas.focus();
        const press = (key) => canvas.dispatchEvent(new KeyboardEvent('keydown', {{ key, bubbles: true, cancelable: true }}));
        press('End');
        for (let step = 0; step < 100; step += 1) {{
            const said = canvas.closest('figure').querySelector('.readout').textContent;
            if (said.includes('recorded call: ')) {{ press('Enter'); return said; }}
            press('ArrowLeft');
        }}
        return 'nothing';"
    );
    let said = browser.script(&keys).await;
    assert!(said.as_str().is_some_and(|said| said.contains("(Enter opens it)")), "{said}");
    browser.wait_for_text("main", |page| page.contains("What ran inside")).await;
    // By a click, at whatever place of the chart one is.
    browser.go("#/series/operation/dotted").await;
    browser.wait_until(&label, "dots once more", is_said).await;
    let click = format!(
        "const canvas = (() => {{ {LATENCY} }})(); const box = canvas.getBoundingClientRect();
        for (let x = box.width; x > 0; x -= 6) for (let y = 0; y < box.height; y += 6) {{
            const at = {{ clientX: box.left + x, clientY: box.top + y, bubbles: true, pointerType: 'mouse' }};
            canvas.dispatchEvent(new PointerEvent('pointermove', at));
            if (canvas.dataset.follows !== 'true') continue;
            canvas.dispatchEvent(new PointerEvent('pointerdown', {{ ...at, button: 2 }}));
            canvas.dispatchEvent(new MouseEvent('click', at));
            return 'clicked';
        }}
        return 'nothing';"
    );
    assert_eq!(browser.script(&click).await, json!("clicked"));
    browser.wait_for_text("main", |page| page.contains("What ran inside")).await;
    browser.close().await;
}
