//! The dashboard by keyboard alone: nothing here clicks, and nothing sets the focus but the page itself.

use super::browser::{Browser, Screen};
use super::keys::{DOWN, ENTER, ESCAPE, LEFT, SPACE, Way};
use super::service::{self, Service};
use std::time::Duration;

#[tokio::test]
async fn everything_is_done_by_keyboard_and_the_focus_is_never_lost() {
    let Some(browser) = Browser::start().await else { return };
    for screen in [Screen::ALL[0], Screen::ALL[3]] {
        let service = Service::guarded().await;
        service.a_day_in_short();
        service.an_alert();
        browser.look_through(screen).await;
        enter(&browser, &service).await;
        choose_the_window(&browser).await;
        read_a_table(&browser, &service).await;
        read_a_series(&browser).await;
        pause_and_change_the_light(&browser, &service).await;
        acknowledge(&browser, &service).await;
        leave(&browser).await;
    }
    browser.has_no_errors().await;
    browser.close().await;
}

/// As WCAG 2.1.4 asks.
#[tokio::test]
async fn single_keys_work_until_they_are_turned_off() {
    let Some(browser) = Browser::start().await else { return };
    let service = Service::start().await;
    service.a_day_in_short();
    browser.open(&format!("{}#/operations", service.url)).await;
    browser.wait_for("[type=search]").await;
    let shown = "[aria-label=Window] [aria-pressed=true]";
    browser.press("body", '4').await;
    browser.wait_for_text(shown, |window| window == "1h").await;
    browser.press("body", '/').await;
    browser.is_at("[type=search]").await;
    browser.type_in("4321p/").await;
    assert_eq!(browser.script("return document.querySelector('[type=search]').value").await, "4321p/");
    browser.wait_for_text(shown, |window| window == "1h").await;
    browser.fill("[type=search]", "").await;
    browser.click("#keys button").await;
    for _ in 0..2 {
        browser.wait_for_text("#keys", |words| words.starts_with("Keys are off")).await;
        browser.press("body", '2').await;
        browser.press("body", 'p').await;
        let address = browser.script("return location.hash").await;
        assert!(address.as_str().is_some_and(|address| address.contains("window=1h")), "{address}");
        assert_eq!(browser.text(".pause").await, "Pause");
        // The browser keeps what was chosen.
        browser.reload().await;
        browser.wait_for("[type=search]").await;
    }
    browser.click("#keys button").await;
    browser.press("body", '2').await;
    browser.wait_for_text(shown, |window| window == "5m").await;
    browser.has_no_errors().await;
    browser.close().await;
}

/// A row far down in the table of operations.
const ROW: &str = ".series tbody a[href*='row%2010']";

/// A table with a row that is below the fold.
async fn before_many_rows() -> Option<(Browser, Service)> {
    let browser = Browser::start().await?;
    let service = Service::start().await;
    service.a_day_in_short();
    service.many_rows();
    browser.open(&format!("{}#/operations?sort=-name", service.url)).await;
    browser.wait_for(ROW).await;
    Some((browser, service))
}

#[tokio::test]
async fn a_person_who_goes_back_is_at_the_row_again() {
    let Some((browser, _service)) = before_many_rows().await else { return };
    browser.tab_to(Way::On, ROW).await;
    let place = browser.script("return scrollY").await;
    assert_ne!(place, 0, "it is below the fold");
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "row 10").await;
    browser.wait_to_be_at("main").await;
    assert_eq!(browser.script("return scrollY").await, 0);
    browser.go_back().await;
    browser.wait_to_be_at(ROW).await;
    assert_eq!(browser.script("return scrollY").await, place);
    // By the navigation one begins at the top.
    browser.tab_to(Way::Back, "#pages a[href^='#/requests']").await;
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "Requests").await;
    browser.tab_to(Way::Back, "#pages a[href^='#/operations']").await;
    browser.key(ENTER).await;
    browser.wait_for(ROW).await;
    browser.is_at("main").await;
    browser.has_no_errors().await;
    browser.close().await;
}

/// The picture of the page between the two comes when one is back already, and is not shown.
#[tokio::test]
async fn a_picture_that_comes_too_late_takes_no_focus() {
    let Some((browser, _service)) = before_many_rows().await else { return };
    // Pictures are unpacked slowly from here on.
    let slowly = "const text = Response.prototype.text;
        Response.prototype.text = async function () {
            globalThis.late = (globalThis.late ?? 0) + 1;
            await new Promise((done) => setTimeout(done, 700));
            return text.call(this);
        };
        globalThis.hides = 0;
        new MutationObserver((all) => { hides += all.filter(({ target }) => target.matches('.waiting')).length; })
            .observe(document.querySelector('main'), { subtree: true, attributes: true, attributeFilter: ['class'] });";
    browser.script(slowly).await;
    browser.tab_to(Way::On, ROW).await;
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "row 10").await;
    browser.script("hides = 0").await;
    browser.go_back().await;
    browser.wait_to_be_at(ROW).await;
    browser.wait_until("return late >= 2", "both pictures", |both| *both == serde_json::json!(true)).await;
    tokio::time::sleep(Duration::from_millis(1_600)).await;
    browser.is_at(ROW).await;
    assert_eq!(browser.script("return hides").await, 0, "the page was hidden while it was there");
    browser.has_no_errors().await;
    browser.close().await;
}

/// In by the token, past the navigation, and by it to a page.
async fn enter(browser: &Browser, service: &Service) {
    browser.open(&service.url).await;
    browser.wait_to_be_at("#token").await;
    browser.type_in(service::ADMIN).await;
    browser.key(ENTER).await;
    browser.wait_for("#pages a").await;
    browser.tab_to(Way::On, ".skip").await;
    browser.key(ENTER).await;
    browser.is_at("main").await;
    browser.tab_to(Way::Back, "#pages a[href^='#/operations']").await;
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    browser.wait_to_be_at("main").await;
}

async fn choose_the_window(browser: &Browser) {
    let pressed = "[aria-label=Window] [aria-pressed=true]";
    for (key, name, place) in [(ENTER, "15m", 3), (SPACE, "5m", 2)] {
        let button = format!("[aria-label=Window] button:nth-child({place})");
        browser.tab_to(Way::Back, &button).await;
        browser.key(key).await;
        browser.wait_for_text(pressed, |window| window == name).await;
        browser.is_at(&button).await;
    }
}

/// Sorts it, and stays on a heading and on a row while new numbers come.
async fn read_a_table(browser: &Browser, service: &Service) {
    let names = ".series tbody tr th";
    browser.tab_to(Way::On, "[data-key=p95] button").await;
    browser.key(ENTER).await;
    browser.wait_for_text(names, |name| name == "backup").await;
    assert_eq!(browser.script("return document.querySelector('[data-key=p95]').ariaSort").await, "descending");
    numbers_move(browser, service).await;
    browser.is_at("[data-key=p95] button").await;
    browser.key(SPACE).await;
    browser.wait_for_text("[aria-sort=ascending]", |title| title == "p95").await;
    browser.wait_for_text(names, |name| name != "backup").await;
    let step = ".series tbody a[href*='step%206']";
    browser.tab_to(Way::On, step).await;
    browser.mark_focus().await;
    // Its place by p95 is another one now.
    service.slow_step(6);
    service.slow_step(3);
    numbers_move(browser, service).await;
    browser.is_at(step).await;
    browser.focus_is_where_it_was_marked().await;
}

/// New numbers come and are drawn, and what has the focus keeps it.
async fn numbers_move(browser: &Browser, service: &Service) {
    let count = "main .figure .legend b";
    let before = browser.text(count).await;
    browser.mark_focus().await;
    service.some_calls();
    browser.wait_for_text(count, |now| now != before).await;
    browser.focus_is_where_it_was_marked().await;
}

/// Opens it, reads a chart moment by moment, and goes back to the row.
async fn read_a_series(browser: &Browser) {
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "step 6").await;
    browser.wait_to_be_at("main").await;
    browser.wait_for(".figures").await;
    browser.tab_to(Way::On, "main figure canvas").await;
    browser.key(LEFT).await;
    browser.wait_for_text("main figure .readout:not([hidden])", |words| words.contains(" ok ")).await;
    browser.tab_to(Way::Back, ".crumbs a").await;
    browser.key(ENTER).await;
    browser.wait_for_text("main h1", |title| title == "Operations").await;
    browser.wait_to_be_at("main").await;
}

async fn pause_and_change_the_light(browser: &Browser, service: &Service) {
    browser.tab_to(Way::Back, "button.pause").await;
    browser.key(SPACE).await;
    browser.wait_for_text(".banner", |banner| banner.starts_with("Paused at")).await;
    browser.is_at("button.pause").await;
    let shown = browser.text("main .figure .legend b").await;
    service.some_calls();
    assert_eq!(browser.text("main .figure .legend b").await, shown);
    browser.key(ENTER).await;
    browser.wait_for_text("button.pause", |name| name == "Pause").await;
    browser.wait_for_text("main .figure .legend b", |now| now != shown).await;
    browser.is_at("button.pause").await;
    browser.tab_to(Way::On, "button.theme").await;
    for (key, theme) in [(ENTER, "light"), (SPACE, "dark"), (ENTER, "auto")] {
        browser.key(key).await;
        browser.wait_for_text("button.theme", |name| name.to_lowercase().contains(theme)).await;
        let chosen = browser.script("return document.documentElement.dataset.theme ?? 'auto'").await;
        assert_eq!(chosen, theme);
        browser.is_at("button.theme").await;
    }
}

/// Thinks better of it once; then says who knows of it, and for how long.
async fn acknowledge(browser: &Browser, service: &Service) {
    browser.tab_to(Way::On, "#pages a[href^='#/alerts']").await;
    browser.key(ENTER).await;
    browser.wait_for(".alert[data-severity=critical]").await;
    browser.tab_to(Way::On, ".alert button.primary").await;
    let since = ".alert .facts div:nth-child(3)";
    let before = browser.text(since).await;
    browser.mark_focus().await;
    service.some_calls();
    browser.wait_for_text(since, |now| now != before).await;
    browser.focus_is_where_it_was_marked().await;
    browser.key(SPACE).await;
    browser.wait_to_be_at("dialog [name=by]").await;
    browser.key(ESCAPE).await;
    browser.wait_to_be_at(".alert button.primary").await;
    browser.key(ENTER).await;
    browser.wait_to_be_at("dialog [name=by]").await;
    browser.type_in("Ada").await;
    browser.tab_to(Way::On, "dialog [name=comment]").await;
    browser.type_in("On it").await;
    browser.tab_to(Way::On, "dialog [name=for]").await;
    browser.key(DOWN).await;
    browser.tab_to(Way::On, "dialog [type=submit]").await;
    browser.key(ENTER).await;
    let known = |alert: &str| alert.contains("Acknowledged by Ada: On it, until ");
    browser.wait_for_text(".alert.known", known).await;
    // The button that one came from has gone: one is at the other of the same alert.
    browser.wait_to_be_at(".alert.known .buttons button:not([hidden])").await;
}

async fn leave(browser: &Browser) {
    browser.tab_to(Way::Back, "#logout button").await;
    browser.key(ENTER).await;
    browser.wait_to_be_at("#token").await;
}
