//! Real servers that read what we write, for the tests that have them.

use serde_json::Value;
use std::io::Write;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Longer than anything takes, on a machine that is busy with other tests.
pub(crate) const PATIENCE: Duration = Duration::from_mins(8);

/// A server or program from outside that a test needs, or nothing where it is not installed: then the test is skipped and
/// says so. With `PERF_REQUIRE_SERVERS` set it fails instead.
pub(crate) fn or_skip<T>(needed: Result<T, String>) -> Option<T> {
    if let Err(reason) = &needed {
        assert!(std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "{reason}");
        println!("skipped: {reason}");
    }
    needed.ok()
}

pub(crate) fn installed(program: &str) -> Result<(), String> {
    let run = Command::new(program).arg("--version").output();
    run.map(drop).map_err(|error| format!("{program}: {error}"))
}

pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    listener.local_addr().expect("a bound port").port()
}

/// Has `promtool` check a text. It is to find nothing to say.
pub(crate) fn promtool_accepts(text: &str) {
    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool starts");
    // Written and closed before waiting: promtool reads to the end.
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

/// A Prometheus server that scrapes one target every second and keeps exemplars, stopped in any case.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    pub(crate) fn start(folder: &Path, target: &str) -> Self {
        let config = folder.join("prometheus.yml");
        let jobs = format!("[{{job_name: backend, static_configs: [{{targets: ['{target}']}}]}}]");
        let every = "{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}";
        // Rules that the test put there, if it did.
        let rules = folder.join("*.rules.yml");
        let text = format!("global: {every}\nscrape_configs: {jobs}\nrule_files: ['{}']\n", rules.display());
        std::fs::write(&config, text).expect("a file");
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--enable-feature=exemplar-storage")
            // Longer than any past that a test puts there.
            .arg("--storage.tsdb.retention.time=90d")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        Self { child, port }
    }

    /// The value of the only series that the query finds, once there is one.
    pub(crate) async fn ask(&self, query: &str) -> String {
        let value = |answer: &Value| answer["data"]["result"][0]["value"][1].as_str().map(str::to_owned);
        self.get("query", &[("query", query)], value).await
    }

    /// The value that `find` finds in an answer of the HTTP API: asks until there is one.
    pub(crate) async fn get<T>(&self, path: &str, params: &[(&str, &str)], find: impl Fn(&Value) -> Option<T>) -> T {
        let address = format!("http://127.0.0.1:{}/api/v1/{path}", self.port);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = reqwest::Url::parse_with_params(&address, params).expect("a URL");
            // Until it listens it refuses.
            if let Ok(response) = client.get(url).send().await {
                let answer: Value = response.text().await.expect("text").parse().unwrap_or_default();
                if let Some(found) = find(&answer) {
                    return found;
                }
            }
            assert!(Instant::now() < deadline, "Prometheus has no answer to {params:?}");
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
