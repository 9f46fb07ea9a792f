//! What Prometheus itself makes of `/metrics`.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use perf_runtime::RuleProfile;
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

/// The monitor in the process and a Prometheus with the exported rules see the same: the same alerts fire.
#[tokio::test]
async fn prometheus_fires_the_same_alerts() {
    if std::env::var_os("PERF_SLOW_TESTS").is_none() {
        println!("skipped: it takes about a minute, and PERF_SLOW_TESTS is not set");
        return;
    }
    let Some(()) = or_skip(installed("prometheus")) else { return };
    let fault = ["--fault", "failing-db", "--fault-after", "3s", "--fault-for", "5m"];
    let mut program = Program::start(&[&["--port", "0", "--load", "4"], &fault[..]].concat());
    let url = program.url();
    let folder = TempDir::new().expect("a folder");
    // The same rules as the program's, which has the presets.
    let monitor = perf_runtime::Monitor::builder().namespace("mcp").build().expect("a monitor");
    let rules = folder.path().join("perf.rules.yml");
    std::fs::write(&rules, monitor.prometheus_rules(RuleProfile::Current).rules).expect("a file");
    let prometheus = Prometheus::with_rules(folder.path(), url.trim_start_matches("http://"), &rules);

    program.wait_for(|line| line.starts_with("fault failing-db begins"));
    let line = program.wait_for(|line| line.starts_with("alert db-errors fired critical"));
    assert!(line.contains("error_rate of db_operation{"), "{line}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Only what fails: how slow it was before the first scrape, Prometheus cannot know.
        let fails = |rule: &String| rule.ends_with("-errors");
        let here: BTreeSet<String> = firing(program.printed()).into_iter().filter(fails).collect();
        let there: BTreeSet<String> = prometheus.firing().await.into_iter().filter(fails).collect();
        if here == there && here.contains("db-errors") {
            break;
        }
        assert!(Instant::now() < deadline, "here {here:?}, in Prometheus {there:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The rules that have alerts which fired and did not end, by what the program printed.
fn firing(lines: &[String]) -> Vec<String> {
    let mut alerts: BTreeMap<String, i32> = BTreeMap::new();
    for line in lines {
        let mut words = line.split(' ').skip_while(|word| *word != "alert").skip(1);
        let (Some(rule), Some(transition)) = (words.next(), words.next()) else { continue };
        *alerts.entry(rule.to_owned()).or_default() += match transition {
            "fired" => 1,
            "resolved" => -1,
            _ => 0,
        };
    }
    alerts.into_iter().filter(|(_, count)| *count > 0).map(|(rule, _)| rule).collect()
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
        Self::configured(folder, target, "")
    }

    /// One that judges by these rules as well.
    fn with_rules(folder: &Path, target: &str, rules: &Path) -> Self {
        Self::configured(folder, target, &format!("rule_files: ['{}']\n", rules.display()))
    }

    fn configured(folder: &Path, target: &str, more: &str) -> Self {
        let config = folder.join("prometheus.yml");
        let jobs = format!("[{{job_name: backend, static_configs: [{{targets: ['{target}']}}]}}]");
        let text = format!(
            "global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}\nscrape_configs: {jobs}\n{more}"
        );
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

    /// The rules that have alerts which fire.
    async fn firing(&self) -> BTreeSet<String> {
        let url = format!("http://127.0.0.1:{}/api/v1/alerts", self.port);
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        // Until it listens it refuses.
        let Ok(response) = client.get(url).send().await else { return BTreeSet::new() };
        let answer: Value = response.text().await.expect("text").parse().unwrap_or_default();
        let alerts = answer["data"]["alerts"].as_array().cloned().unwrap_or_default();
        let firing = alerts.iter().filter(|alert| alert["state"] == "firing");
        firing.filter_map(|alert| alert["labels"]["alertname"].as_str()).map(str::to_owned).collect()
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
