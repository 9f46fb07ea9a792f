//! What Prometheus itself makes of `/metrics`.

use tempfile::TempDir;

use crate::fixed_load::{get, quiet_scrape};
use crate::program::Program;
use crate::servers::{Prometheus, installed, or_skip, promtool_accepts};

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
