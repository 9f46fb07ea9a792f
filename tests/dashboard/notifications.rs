//! The page of notifications: of a service that tells its alerts to a receiver which fails at first.

use super::accessibility::holds_axe;
use super::browser::{Browser, Screen};
use super::models;
use super::service::{ADMIN, READER};
use serde_json::json;
use std::env;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Set in the process that is the service.
const ROLE: &str = "PERF_DASHBOARD_IS_SERVICE";
const LISTENS: &str = "the service listens at ";

/// In the process of a service, the service; elsewhere nothing. It ends with its standard input.
#[test]
fn the_service_of_this_process() {
    let Ok(role) = env::var(ROLE) else { return };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    runtime.block_on(async {
        let perf = perf_kit::start("shop").expect("settings that are right");
        perf.monitor().record_custom_metric("queue_depth", 25.0, "jobs");
        if role == models::ROLE {
            models::ask(&perf);
        }
        println!("{LISTENS}{}", perf.server_address().expect("a port"));
        let end = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
        end.await.expect("a thread").expect("an end");
        perf.shutdown().await;
    });
}

/// Answers take longer than the page waits until it asks again.
const SLOW_ANSWERS: &str = "const fetched = window.fetch; window.fetch = (...all) => new Promise((done) => setTimeout(() => done(fetched(...all)), 7000))";

/// A service in a process of its own.
pub(crate) struct Shop {
    process: Child,
    pub(crate) url: String,
    _folder: tempfile::TempDir,
}

impl Shop {
    pub(crate) fn start(settings: &str) -> Self {
        Self::start_as("shop", settings)
    }

    /// One with another part in it.
    pub(crate) fn start_as(role: &str, settings: &str) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(
            folder.path().join("perf.toml"),
            format!("[server]\nport = 0\n[notify]\npath = \"outbox\"\n{settings}"),
        )
        .expect("a file");
        let mut command = Command::new(env::current_exe().expect("a path"));
        command.args(["--exact", "notifications::the_service_of_this_process", "--nocapture"]);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("PERF_")) {
            command.env_remove(name);
        }
        command.env(ROLE, role).env("PERF_READ_TOKEN", READER).env("PERF_ADMIN_TOKEN", ADMIN);
        command.env("PERF_HISTORY_PATH", folder.path().join("history")).current_dir(folder.path());
        let command = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut process = command.spawn().expect("the service starts");
        let mut lines = BufReader::new(process.stdout.take().expect("an output")).lines().map_while(Result::ok);
        let address = lines.find_map(|line| line.split_once(LISTENS).map(|(_, address)| address.to_owned()));
        let url = format!("http://{}/", address.expect("an address"));
        // Its later output is read too: a console channel writes there.
        thread::spawn(move || lines.for_each(drop));
        Self { process, url, _folder: folder }
    }
}

impl Drop for Shop {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A receiver that refuses with 503 until it is well; gives its address, and a switch.
fn receiver() -> (String, Arc<AtomicBool>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let is_well = Arc::new(AtomicBool::new(false));
    let switch = Arc::clone(&is_well);
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let is_well = is_well.load(Ordering::Relaxed);
            // A client that hangs up is no matter here.
            drop(answer(stream, is_well));
        }
    });
    (url, switch)
}

fn answer(mut stream: TcpStream, is_well: bool) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_millis(500)))?;
    let (mut text, mut part) = (String::new(), [0; 4_096]);
    while let Ok(read @ 1..) = stream.read(&mut part) {
        text.push_str(&String::from_utf8_lossy(&part[..read]));
        if text.ends_with('}') {
            break;
        }
    }
    let (status, body) =
        if is_well { ("200 OK", "thanks") } else { ("503 Service Unavailable", "<b>out</b> of order") };
    write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
}

const TEAM: &str = "main tbody tr[data-channel=team]";

#[tokio::test]
async fn channels_are_seen_to_fail_and_to_come_back_and_are_tried_by_whoever_may() {
    let Some(browser) = Browser::start().await else { return };
    let (url, is_well) = receiver();
    let shop = Shop::start(&format!(
        "[notify.channels.team]\ntype = \"webhook\"\nurl = \"{url}\"\n[notify.channels.log]\ntype = \"console\"\n\
        [[notify.routes]]\nchannels = [\"team\", \"log\"]\ngroup_wait = \"0s\"\n\
        [rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\n"
    ));
    browser.open(&format!("{}#/notify", shop.url)).await;
    browser.log_in(ADMIN).await;
    browser.wait_for_text(TEAM, |team| team.contains("Failing for") && team.contains("503")).await;
    browser.wait_for_text("main tbody tr[data-channel=log]", |log| log.contains("Takes messages")).await;
    browser.wait_for_text(".attempts tbody", |all| all.contains("Failed, tried again") && all.contains("503")).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("notify-failing-{screen}")).await;
        let overflow = "return document.documentElement.scrollWidth - document.documentElement.clientWidth";
        assert_eq!(browser.script(overflow).await, json!(0), "nothing stands out at {screen}");
        holds_axe(&browser, format_args!("notifications on {screen}")).await;
    }
    browser.click(&format!("{TEAM} button")).await;
    browser.wait_for_text("dialog", |answer| answer.contains("did not take it") && answer.contains("503")).await;
    for screen in Screen::ALL {
        browser.look_through(screen).await;
        browser.screenshot(&format!("notify-test-{screen}")).await;
        holds_axe(&browser, format_args!("the answer to a test on {screen}")).await;
    }
    assert_eq!(browser.count("dialog button").await, 1, "there is nothing to cancel");
    browser.click("dialog button").await;
    is_well.store(true, Ordering::Relaxed);
    browser.wait_for_text(TEAM, |team| team.contains("Takes messages")).await;
    browser.wait_for_text(".attempts tbody tr", |first| first.contains("Delivered")).await;
    browser.click(&format!("{TEAM} button")).await;
    browser.wait_for_text("dialog", |answer| answer.contains("took it") && answer.contains("thanks")).await;
    browser.click("dialog button").await;
    browser.look_through(Screen::ALL[0]).await;
    browser.screenshot("notify-well").await;
    // Of a range, from the history.
    browser.open(&format!("{}#/notify?range=24h", shop.url)).await;
    browser.wait_for_text(".attempts caption", |title| title.contains("in this range")).await;
    browser.wait_for_text(".attempts tbody", |all| all.contains("Attempt 1") && all.contains("Delivered")).await;
    browser.screenshot("notify-range").await;
    browser.open(&format!("{}#/notify?from=2020-01-01T00:00:00Z&to=2020-01-02T00:00:00Z", shop.url)).await;
    browser.wait_for_text("main", |words| words.contains("Nothing was sent in this range")).await;
    browser.open(&format!("{}#/notify", shop.url)).await;
    browser.wait_for_text(".attempts tbody", |all| all.contains("Change") && !all.contains("Attempt 1")).await;
    // An answer that comes after it was asked for again is shown too.
    browser.script(SLOW_ANSWERS).await;
    browser.go("#/notify?range=24h").await;
    browser.wait_for_text(".attempts caption", |title| title.contains("in this range")).await;
    browser.reload().await;
    browser.click("#logout button").await;
    browser.open(&format!("{}#/notify", shop.url)).await;
    browser.log_in(READER).await;
    browser.wait_for_text(TEAM, |team| team.contains("Takes messages")).await;
    browser.wait_for_text("main .reader", |words| words.contains("admin")).await;
    assert_eq!(browser.count_seen("main button").await, 0, "a reader tries nothing");
    browser.has_no_errors().await;
    browser.close().await;
}

#[tokio::test]
async fn where_no_channel_is_set_the_page_says_that_nobody_is_told() {
    let Some(browser) = Browser::start().await else { return };
    let shop = Shop::start("");
    browser.open(&format!("{}#/notify", shop.url)).await;
    browser.log_in(ADMIN).await;
    browser.wait_for_text("main .none", |words| words.contains("Nobody is told of alerts")).await;
    assert_eq!(browser.count_seen("main table").await, 0);
    browser.screenshot("notify-none").await;
    browser.has_no_errors().await;
    browser.close().await;
}
