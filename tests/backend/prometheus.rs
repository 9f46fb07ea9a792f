//! What Prometheus itself makes of `/metrics`.

use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

use crate::fixed_load::{get, quiet_scrape};
use crate::or_skip;
use crate::postgres::free_port;
use crate::program::{PATIENCE, Program};

const LOAD: [&str; 6] = ["--port", "0", "--load", "2", "--requests", "100"];

#[tokio::test]
async fn promtool_finds_nothing_to_say() {
    let Some(()) = or_skip(installed("promtool")) else { return };
    let mut program = Program::start(&LOAD);
    let url = program.url();
    program.wait_for(|line| line.starts_with("load finished"));
    let text = get(&format!("{url}/metrics")).await;

    let mut promtool = Command::new("promtool");
    promtool.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut promtool = promtool.spawn().expect("promtool starts");
    // Written and closed before waiting: promtool reads to the end.
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}", String::from_utf8_lossy(&said));
}

#[tokio::test]
async fn prometheus_scrapes_it_and_answers_with_its_numbers() {
    let Some(()) = or_skip(installed("prometheus")) else { return };
    let mut program = Program::start(&LOAD);
    let url = program.url();
    program.wait_for(|line| line.starts_with("load finished"));
    let inserted = [("operation", "insert"), ("table", "points"), ("outcome", "ok")];
    let counted = quiet_scrape(&url).await.sum("mcp_db_operations_total", &inserted);

    let folder = TempDir::new().expect("a folder");
    let prometheus = Prometheus::start(folder.path(), url.trim_start_matches("http://"));
    let query = r#"mcp_db_operations_total{operation="insert",table="points",outcome="ok"}"#;
    assert_eq!(prometheus.ask(query).await, counted.to_string());
}

fn installed(program: &str) -> Result<(), String> {
    let run = Command::new(program).arg("--version").output();
    run.map(drop).map_err(|error| format!("{program}: {error}"))
}

/// A Prometheus server that scrapes one target every second, stopped in any case.
struct Prometheus {
    child: Child,
    port: u16,
}

impl Prometheus {
    fn start(folder: &Path, target: &str) -> Self {
        let config = folder.join("prometheus.yml");
        let jobs = format!("[{{job_name: backend, static_configs: [{{targets: ['{target}']}}]}}]");
        let text = format!("global: {{scrape_interval: 1s, scrape_timeout: 1s}}\nscrape_configs: {jobs}\n");
        std::fs::write(&config, text).expect("a file");
        let port = free_port();
        let child = Command::new("prometheus")
            .arg(format!("--config.file={}", config.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("prometheus starts");
        Self { child, port }
    }

    /// The value of the only series that the query finds, once there is one.
    async fn ask(&self, query: &str) -> String {
        let address = format!("http://127.0.0.1:{}/api/v1/query", self.port);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        let deadline = Instant::now() + PATIENCE;
        loop {
            let url = reqwest::Url::parse_with_params(&address, [("query", query)]).expect("a URL");
            // Until it listens it refuses.
            if let Ok(response) = client.get(url).send().await {
                let answer: Value = response.text().await.expect("text").parse().unwrap_or_default();
                if let Some(value) = answer["data"]["result"][0]["value"][1].as_str() {
                    return value.to_owned();
                }
            }
            assert!(Instant::now() < deadline, "Prometheus has no answer to {query}");
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
