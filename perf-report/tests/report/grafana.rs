//! Dashboards as Grafana takes them.

use super::*;
use perf_report::{dashboard, dashboard_names};
use serde_json::Value;
use std::collections::BTreeSet;
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// All queries of a dashboard.
fn queries(board: &Value) -> Vec<String> {
    let panels =
        board["panels"].as_array().unwrap().iter().flat_map(|panel| panel["targets"].as_array().into_iter().flatten());
    panels.map(|target| target["expr"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn each_query_names_metrics_that_are_exposed() {
    let (monitor, report) = lived(Alongside::default());
    let page = monitor.render_prometheus();
    let exposed: BTreeSet<&str> = page.lines().filter_map(|line| line.split(['{', ' ']).next()).collect();
    let names = dashboard_names(&report);
    assert_eq!(names, ["overview", "mcp_call", "operation", "http_request", "agents", "objectives", "metrics"]);
    for name in &names {
        let board = dashboard(&report, name).unwrap();
        let queries = queries(&board);
        assert!(!queries.is_empty(), "{name}");
        for query in queries.iter().filter(|query| !query.starts_with("vector(")) {
            let ends: Vec<usize> = query.match_indices("{job=~\"$job\",instance=~").map(|(place, _)| place).collect();
            assert!(!ends.is_empty(), "{query}");
            for end in ends {
                let start = query[..end]
                    .rfind(|one: char| !one.is_ascii_alphanumeric() && one != '_')
                    .map_or(0, |place| place + 1);
                assert!(exposed.contains(&query[start..end]), "{} of {query}", &query[start..end]);
            }
        }
        let text = board["templating"]["list"][1]["definition"].as_str().unwrap();
        assert!(exposed.contains(text.trim_start_matches("label_values(").split(',').next().unwrap()), "{text}");
    }
    assert_eq!(dashboard(&report, "tool"), None);
}

/// Grafana puts in what was chosen before Prometheus sees a query.
#[test]
fn prometheus_can_read_each_query() {
    let (_, report) = lived(Alongside::default());
    let boards = dashboard_names(&report).into_iter().map(|name| dashboard(&report, &name).unwrap());
    let queries: Vec<String> = boards.flat_map(|board| queries(&board)).collect();
    assert!(
        queries.iter().any(|query| query.contains(r#"operation="a\"b'c\\d""#)),
        "labels of strangers: {queries:#?}"
    );
    let rule = |(place, query): (usize, &String)| {
        let query = query.replace("$__rate_interval", "5m").replace("$job", ".*").replace("$instance", ".*");
        serde_json::json!({"record": format!("query_{place}"), "expr": query})
    };
    let rules: Vec<Value> = queries.iter().enumerate().map(rule).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    // JSON is YAML.
    let text = serde_json::json!({"groups": [{"name": "dashboards", "rules": rules}]}).to_string();
    std::fs::write(file.path(), text).unwrap();
    match Command::new("promtool").args(["check", "rules"]).arg(file.path()).output() {
        Ok(output) => {
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&[output.stdout, output.stderr].concat()));
        }
        Err(error) => {
            assert!(env::var_os("PERF_REQUIRE_SERVERS").is_none(), "promtool: {error}");
            println!("skipped: promtool: {error}");
        }
    }
}

#[test]
fn panels_lie_beside_each_other() {
    let (_, report) = lived(Alongside::default());
    for name in dashboard_names(&report) {
        let board = dashboard(&report, &name).unwrap();
        let (mut taken, mut ids) = (BTreeSet::new(), BTreeSet::new());
        for panel in board["panels"].as_array().unwrap() {
            let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
            assert!(x + w <= 24 && ids.insert(panel["id"].as_u64().unwrap()), "{panel}");
            assert!((x..x + w).all(|x| (y..y + h).all(|y| taken.insert((x, y)))), "{name}: {panel}");
        }
    }
}

/// By the schema that Grafana publishes, where `PERF_SCHEMATHESIS` names a folder with a validator.
#[test]
fn dashboards_pass_the_schema() {
    let (_, report) = lived(Alongside::default());
    let mut boards = serde_json::Map::new();
    for name in dashboard_names(&report) {
        let board = dashboard(&report, &name).unwrap();
        for field in ["schemaVersion", "templating", "annotations", "title", "uid", "panels"] {
            assert!(!board[field].is_null(), "{name}: {field}");
        }
        boards.insert(name, board);
    }
    let Some(packages) = env::var_os("PERF_SCHEMATHESIS") else {
        println!("skipped: PERF_SCHEMATHESIS names no folder with a validator");
        return;
    };
    let faults_of = |boards: &serde_json::Map<String, Value>| {
        let check = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/schemas/grafana/check.py");
        let mut python = Command::new("python3");
        let mut python = python
            .env("PYTHONPATH", &packages)
            .arg(check)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        python.stdin.take().unwrap().write_all(serde_json::to_string(boards).unwrap().as_bytes()).unwrap();
        let output = python.wait_with_output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let (is_right, faults) = faults_of(&boards);
    assert!(is_right, "{faults}");
    // The judge finds what is wrong.
    boards["overview"]["panels"][0]["title"] = Value::from(7);
    assert!(!faults_of(&boards).0);
}
