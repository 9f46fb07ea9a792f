//! A browser of one's own, for one test.

use super::servers::{PATIENCE, free_port, installed, or_skip};
use fantoccini::wd::{Capabilities, PrintConfiguration, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use serde_json::{Value, json};
use std::fmt;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Chromium, and the program that drives it; both end with this.
pub(crate) struct Browser {
    driver: Child,
    port: u16,
    session: String,
    pub(crate) client: Client,
}

/// The doings of the `WebSocket`s of all tabs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Sockets {
    pub(crate) opened: usize,
    /// Messages that came.
    pub(crate) heard: usize,
}

/// The screen that it is looked at through.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Screen {
    is_phone: bool,
    is_dark: bool,
}

impl Screen {
    pub(crate) const ALL: [Self; 4] = [
        Self { is_phone: false, is_dark: false },
        Self { is_phone: false, is_dark: true },
        Self { is_phone: true, is_dark: false },
        Self { is_phone: true, is_dark: true },
    ];

    /// Each width, in light.
    pub(crate) const WIDTHS: [Self; 2] = [Self::ALL[0], Self::ALL[2]];

    pub(crate) fn in_the_dark(self) -> Self {
        Self { is_dark: true, ..self }
    }

    pub(crate) fn width(self) -> u64 {
        if self.is_phone { 390 } else { 1440 }
    }
}

impl fmt::Display for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.width(), if self.is_dark { "dark" } else { "light" })
    }
}

/// A command that only Chromium's driver knows.
#[derive(Debug)]
struct Own(&'static str, Value);

impl WebDriverCompatibleCommand for Own {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/{}", session.unwrap_or_default(), self.0))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.1.to_string()))
    }
}

impl Browser {
    /// Starts one, or says why there is none.
    pub(crate) async fn start() -> Option<Self> {
        Self::start_with(json!({ "browser": "ALL" })).await
    }

    /// One that notes what `WebSocket`s do.
    pub(crate) async fn start_watching_sockets() -> Option<Self> {
        Self::start_with(json!({ "browser": "ALL", "performance": "ALL" })).await
    }

    async fn start_with(logs: Value) -> Option<Self> {
        or_skip(installed("chromedriver").and_then(|()| installed("chromium")))?;
        let port = free_port();
        let mut driver = Command::new("chromedriver");
        driver.arg(format!("--port={port}")).stdout(Stdio::null()).stderr(Stdio::null());
        let driver = driver.spawn().expect("chromedriver starts");
        let client = Self::connect(port, &logs).await;
        let session = client.session_id().await.expect("a connection").expect("a session");
        Some(Self { driver, port, session, client })
    }

    async fn connect(port: u16, logs: &Value) -> Client {
        let arguments =
            ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-proxy-server"];
        let capabilities = json!({
            "goog:loggingPrefs": logs,
            "goog:chromeOptions": { "args": arguments },
        });
        let capabilities: Capabilities = serde_json::from_value(capabilities).expect("an object");
        let (deadline, driver) = (Instant::now() + PATIENCE, format!("http://127.0.0.1:{port}"));
        loop {
            let mut builder = ClientBuilder::new(HttpConnector::new());
            let connected = builder.capabilities(capabilities.clone()).connect(&driver);
            match connected.await {
                Ok(client) => return client,
                // Until the driver listens it refuses.
                Err(error) => assert!(Instant::now() < deadline, "no browser: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    pub(crate) async fn close(mut self) {
        self.client.clone().close().await.expect("the browser ends");
        self.end();
    }

    /// A driver that is killed leaves its browser running, and so would each test that fails: the browser ends first.
    fn end(&mut self) {
        drop(self.end_session());
        // It may have ended already.
        drop(self.driver.kill());
        drop(self.driver.wait());
    }

    fn end_session(&self) -> io::Result<()> {
        let mut driver = TcpStream::connect(("127.0.0.1", self.port))?;
        driver.set_read_timeout(Some(Duration::from_secs(10)))?;
        write!(driver, "DELETE /session/{} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n", self.session)?;
        driver.read(&mut [0]).map(drop)
    }

    pub(crate) async fn open(&self, url: &str) {
        self.client.goto("about:blank").await.expect("an empty page");
        self.client.goto(url).await.expect("a page");
    }

    pub(crate) async fn reload(&self) {
        self.client.refresh().await.expect("a reload");
    }

    /// Another page of the dashboard.
    pub(crate) async fn go(&self, hash: &str) {
        self.script(&format!("location.hash = {}", json!(hash))).await;
    }

    pub(crate) async fn script(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap_or_else(|error| panic!("{script}: {error}"))
    }

    pub(crate) async fn count(&self, selector: &str) -> u64 {
        let count = self.script(&format!("return document.querySelectorAll({}).length", json!(selector))).await;
        count.as_u64().expect("a number")
    }

    /// How many of these can be seen.
    pub(crate) async fn count_seen(&self, selector: &str) -> u64 {
        let all = format!("[...document.querySelectorAll({})]", json!(selector));
        let count = self.script(&format!("return {all}.filter((one) => one.checkVisibility()).length")).await;
        count.as_u64().expect("a number")
    }

    /// Waits until this is there and can be seen.
    pub(crate) async fn wait_for(&self, selector: &str) {
        let script = format!("return document.querySelector({})?.checkVisibility() ?? false", json!(selector));
        self.wait_until(&script, selector, |is_there| *is_there == json!(true)).await;
    }

    /// The text of the first that fits.
    pub(crate) async fn text(&self, selector: &str) -> String {
        let text = self.script(&text_of(selector)).await;
        text.as_str().unwrap_or_else(|| panic!("no {selector}")).to_owned()
    }

    pub(crate) async fn wait_for_text(&self, selector: &str, wanted: impl Fn(&str) -> bool) {
        let found = |text: &Value| text.as_str().is_some_and(&wanted);
        self.wait_until(&text_of(selector), selector, found).await;
    }

    pub(crate) async fn wait_for_title(&self, wanted: impl Fn(&str) -> bool) {
        self.wait_until("return document.title", "title", |title| title.as_str().is_some_and(&wanted)).await;
    }

    pub(crate) async fn wait_until(&self, script: &str, what: &str, wanted: impl Fn(&Value) -> bool) {
        let deadline = Instant::now() + PATIENCE / 8;
        loop {
            let found = self.script(script).await;
            if wanted(&found) {
                return;
            }
            if Instant::now() > deadline {
                self.screenshot("failed").await;
                panic!("{what} is {found}; the console: {:?}", self.errors().await);
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    pub(crate) async fn click(&self, selector: &str) {
        self.wait_for(selector).await;
        let element = self.client.find(Locator::Css(selector)).await.expect("it is there");
        element.click().await.unwrap_or_else(|error| panic!("{selector}: {error}"));
    }

    pub(crate) async fn fill(&self, selector: &str, text: &str) {
        self.wait_for(selector).await;
        let element = self.client.find(Locator::Css(selector)).await.expect("it is there");
        element.clear().await.expect("a field");
        element.send_keys(text).await.expect("a field");
    }

    pub(crate) async fn tab(&self) -> WindowHandle {
        self.client.window().await.expect("a tab")
    }

    /// Opens one beside the others, and goes there.
    pub(crate) async fn new_tab(&self) -> WindowHandle {
        let tab = self.client.new_window(true).await.expect("a tab").handle;
        self.switch_to(&tab).await;
        tab
    }

    pub(crate) async fn switch_to(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.expect("it is there");
    }

    /// The back button.
    pub(crate) async fn go_back(&self) {
        self.client.back().await.expect("a page before");
    }

    /// The names of this page's cookies, those that no script can read among them.
    pub(crate) async fn cookies(&self) -> Vec<String> {
        let cookies = self.client.get_all_cookies().await.expect("cookies");
        cookies.iter().map(|cookie| cookie.name().to_owned()).collect()
    }

    /// Their doings since the last time it was asked.
    pub(crate) async fn sockets(&self) -> Sockets {
        let log = self.own("se/log", json!({ "type": "performance" })).await;
        let lines: Vec<&str> =
            log.as_array().into_iter().flatten().filter_map(|line| line["message"].as_str()).collect();
        let count = |event: &str| lines.iter().filter(|line| line.contains(event)).count();
        Sockets { opened: count("Network.webSocketCreated"), heard: count("Network.webSocketFrameReceived") }
    }

    /// The addresses that pages asked for since the last time it was asked.
    pub(crate) async fn requests(&self) -> Vec<String> {
        let log = self.own("se/log", json!({ "type": "performance" })).await;
        let lines = log.as_array().into_iter().flatten().filter_map(|line| line["message"].as_str());
        let events = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let events = events.map(|event| event["message"].clone());
        let asked = events.filter(|event| event["method"] == "Network.requestWillBeSent");
        let all = asked.filter_map(|event| event["params"]["request"]["url"].as_str().map(str::to_owned));
        all.filter(|url| url != "about:blank").collect()
    }

    /// Fills in the login page, and waits for the dashboard.
    pub(crate) async fn log_in(&self, token: &str) {
        self.fill("#token", token).await;
        self.click("button[type=submit]").await;
        self.wait_for("#pages a").await;
    }

    /// Presses a key while this has the focus.
    pub(crate) async fn press(&self, selector: &str, key: char) {
        self.script(&format!("document.activeElement.blur(); document.querySelector({}).focus()", json!(selector)))
            .await;
        let element = self.client.active_element().await.expect("something has the focus");
        element.send_keys(&key.to_string()).await.expect("it takes keys");
    }

    async fn own(&self, endpoint: &'static str, parameters: Value) -> Value {
        self.client.issue_cmd(Own(endpoint, parameters)).await.unwrap_or_else(|error| panic!("{endpoint}: {error}"))
    }

    pub(crate) async fn devtools(&self, command: &str, parameters: Value) {
        self.own("goog/cdp/execute", json!({ "cmd": command, "params": parameters })).await;
    }

    /// Has pages that are opened from now on change each message of the feed before they read it: `message`, where there is one.
    pub(crate) async fn rewrite_messages(&self, change: &str) {
        let source = format!(
            "{{
                const parse = JSON.parse;
                JSON.parse = (text) => {{
                    const message = parse(text);
                    if (message?.type) {{ {change} }}
                    return message;
                }};
            }}"
        );
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    }

    /// The text of an element as people see it: without what is hidden.
    pub(crate) async fn seen(&self, selector: &str) -> String {
        let text = self.script(&format!("return document.querySelector({})?.innerText ?? ''", json!(selector))).await;
        text.as_str().unwrap_or_default().to_owned()
    }

    /// Waits until this can be seen in an element.
    pub(crate) async fn wait_to_see(&self, selector: &str, wanted: &str) {
        let script = format!("return document.querySelector({})?.innerText ?? null", json!(selector));
        self.wait_until(&script, selector, |text| text.as_str().is_some_and(|text| text.contains(wanted))).await;
    }

    /// Has pages note when what the last update brought can be seen: two frames after it came, for the first draws it.
    pub(crate) async fn measure_pixels(&self) {
        const NOTE: &str = "{
            const parse = JSON.parse;
            JSON.parse = (text) => {
                const message = parse(text);
                if (message?.seq !== undefined) window.firstMessage ??= text.length;
                if (message?.type === 'metrics_update') {
                    requestAnimationFrame(() => requestAnimationFrame(() => { window.drawnAt = Date.now(); }));
                }
                return message;
            };
        }";
        self.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": NOTE })).await;
    }

    /// The console's errors and warnings since the last time it was asked.
    async fn errors(&self) -> Vec<Value> {
        let log = self.own("se/log", json!({ "type": "browser" })).await;
        let lines = log.as_array().cloned().unwrap_or_default();
        lines.into_iter().filter(|line| line["level"] != "INFO" && line["level"] != "DEBUG").collect()
    }

    pub(crate) async fn has_no_errors(&self) {
        let errors = self.errors().await;
        assert!(errors.is_empty(), "{errors:#?}");
    }

    pub(crate) async fn look_through(&self, screen: Screen) {
        let (width, height) = if screen.is_phone { (390, 844) } else { (1440, 900) };
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": screen.is_phone });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.colour(screen).await;
        tokio::time::sleep(Duration::from_millis(400)).await;
    }

    /// Shows what is open in the colours of this screen; nothing fades from the one to the other.
    pub(crate) async fn colour(&self, screen: Screen) {
        let scheme = if screen.is_dark { "dark" } else { "light" };
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        self.devtools("Emulation.setEmulatedMedia", media).await;
    }

    /// The same width, as it lies on a sheet of A4 with margins.
    pub(crate) async fn look_on_paper(&self, screen: Screen) {
        let metrics = json!({ "width": 718, "height": 1_046, "deviceScaleFactor": 1, "mobile": false });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        let scheme = if screen.is_dark { "dark" } else { "light" };
        let features = json!([{ "name": "prefers-color-scheme", "value": scheme }]);
        self.devtools("Emulation.setEmulatedMedia", json!({ "media": "print", "features": features })).await;
    }

    /// Leaves the page as it is printed.
    pub(crate) async fn print(&self, name: &str) {
        let printed = self.client.print(PrintConfiguration::default()).await.expect("a document");
        std::fs::write(pictures().join(format!("{name}.pdf")), printed).expect("a file");
    }

    /// Leaves a picture of all of the page, as far as eight screens go.
    pub(crate) async fn whole_page(&self, name: &str, screen: Screen) {
        let height = self.script("return Math.min(document.documentElement.scrollHeight, 7000)").await;
        let (width, is_phone) = (screen.width(), screen.is_phone);
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": is_phone });
        self.devtools("Emulation.setDeviceMetricsOverride", metrics).await;
        self.screenshot(name).await;
    }

    /// Leaves a picture of what can be seen, where `PERF_PICTURES` is set: nobody looks at those of CI, and each takes a while.
    pub(crate) async fn screenshot(&self, name: &str) {
        if std::env::var_os("PERF_PICTURES").is_none() {
            return;
        }
        let picture = self.client.screenshot().await.expect("a screenshot");
        std::fs::write(pictures().join(format!("{name}.png")), picture).expect("a file");
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.end();
    }
}

/// The folder of pictures.
fn pictures() -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("dashboard");
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

fn text_of(selector: &str) -> String {
    format!("return document.querySelector({})?.textContent ?? null", json!(selector))
}
