//! `/metrics` as Prometheus itself reads it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use perf_runtime::rule::RuleProfile;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixed_load::{get, quiet_scrape};
use crate::program::Program;
use crate::servers::{PATIENCE, Prometheus, installed, or_skip, promtool_accepts};

const LOAD: [&str; 6] = ["--port", "0", "--load", "2", "--requests", "100"];

#[tokio::test]
async fn promtool_finds_nothing_to_say() {
    let Some(()) = or_skip(installed("promtool")) else { return };
    let mut program = Program::start(&LOAD);
    let url = program.url();
    program.wait_for(|line| line.starts_with("load finished"));
    promtool_accepts(&get(&format!("{url}/metrics")).await);
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
    let rules = monitor.prometheus_rules(RuleProfile::Current).rules;
    std::fs::write(folder.path().join("perf.rules.yml"), rules).expect("a file");
    let prometheus = Prometheus::start(folder.path(), url.trim_start_matches("http://"));

    program.wait_for(|line| line.starts_with("fault failing-db begins"));
    let line = program.wait_for(|line| line.starts_with("alert db-errors fired critical"));
    assert!(line.contains("error_rate of db_operation{"), "{line}");
    let deadline = Instant::now() + PATIENCE;
    loop {
        // Only what fails: how slow it was before the first scrape, Prometheus cannot know.
        let fails = |rule: &String| rule.ends_with("-errors");
        let here: BTreeSet<String> = firing(program.printed()).into_iter().filter(fails).collect();
        let there: BTreeSet<String> =
            prometheus.get("alerts", &[], names_of_firing).await.into_iter().filter(fails).collect();
        if here == there && here.contains("db-errors") {
            break;
        }
        assert!(Instant::now() < deadline, "here {here:?}, in Prometheus {there:?}");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

/// The rules that have alerts which fire, by what Prometheus answers.
fn names_of_firing(answer: &Value) -> Option<BTreeSet<String>> {
    let alerts = answer["data"]["alerts"].as_array()?.iter().filter(|alert| alert["state"] == "firing");
    Some(alerts.filter_map(|alert| alert["labels"]["alertname"].as_str()).map(str::to_owned).collect())
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
