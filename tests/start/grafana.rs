//! Dashboards for Grafana and rules for Prometheus, on a Prometheus that scraped a service with all parts: each of their queries finds something.

use super::servers::{Prometheus, installed, or_skip};
use super::*;
use perf_kit::extend::ToldUsage;
use perf_kit::llm::BudgetSetting;
use perf_kit::objective::Objective;
use perf_kit::report::{Alongside, Report, dashboard, dashboard_names, range_of};
use perf_kit::rule::RuleProfile;
use perf_kit::{
    Kind, monitor_agent, monitor_db_operation, monitor_llm_call, monitor_tool, monitor_workflow, monitor_workflow_step,
};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::process::Stdio;

/// Longer than Prometheus needs for the scrapes that rates are made of, on a busy machine.
const LONGEST: Duration = Duration::from_mins(2);
/// Metrics that rules look at and that are not there while all is well, or before it was watched for long enough.
const LATER: [&str; 3] = ["llm_budget_burn_ratio", "llm_budget_refusals_recent", "llm_tool_repeats"];
/// Words that Grafana puts in.
const CHOSEN: [(&str, &str); 3] = [("$__rate_interval", "15s"), ("$job", ".*"), ("$instance", ".*")];

#[test]
fn every_panel_and_every_rule_finds_data_on_a_prometheus() {
    let Some(()) = or_skip(installed("prometheus")) else { return };
    passes("dashboards", FREE_PORT, &[]);
}

#[monitor_workflow("nightly", crate = perf_kit)]
async fn nightly() -> Result<(), std::io::Error> {
    step().await
}

#[monitor_workflow_step("nightly", "copy", crate = perf_kit)]
async fn step() -> Result<(), std::io::Error> {
    query().await;
    tokio::time::sleep(Duration::from_millis(2)).await;
    Ok(())
}

#[monitor_db_operation("select", "items", crate = perf_kit)]
async fn query() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}

#[monitor_agent("writer", crate = perf_kit)]
async fn write() {
    search().await;
    ask().await;
}

#[monitor_tool("search", crate = perf_kit)]
async fn search() {
    query().await;
}

#[monitor_llm_call("openai", "gpt-5-mini", usage = |told| told, crate = perf_kit)]
async fn ask() -> ToldUsage {
    ToldUsage::new().count("input", 60).count("output", 20)
}

/// One call of each sort, one that fails among them, and metrics of the program's own.
async fn some_calls(monitor: &Monitor, turn: u64) {
    drop(nightly().await);
    write().await;
    monitor.operation("checkout").record(Duration::from_millis(20 + turn % 7), Outcome::Ok);
    monitor.operation("checkout").record(Duration::from_millis(700), Outcome::Error);
    monitor.external_call("billing", "charge").record(Duration::from_millis(9), Outcome::Ok);
    monitor.record_mcp_call("context7", "resolve", Duration::from_millis(30), !turn.is_multiple_of(5));
    monitor.http_request("GET", "/carts/{id}").answer(200);
    let metrics = monitor.metrics();
    metrics.gauge("queue_depth").label("queue", "a\"b\\c").register().set(turn as f64);
    metrics.counter("mails_sent_total").register().increment();
    metrics.histogram("mail_size_bytes").unit("bytes").register().record(turn as f64);
}

pub(super) fn dashboards() -> Tested {
    runtime().block_on(async {
        // Of what is called here: of what was never called there is nothing to say.
        let promised = Objective::new(Kind::Operation).only("operation", "checkout");
        let promised = promised.success(99.0).latency(Duration::from_millis(500), 95.0);
        let perf = perf_kit::builder("shop").monitor(|monitor| monitor.objective(promised)).start()?;
        let address = perf.server_address().expect("a port");
        let monitor = perf.monitor().clone();
        let meter = perf.llm().expect("it is metered");
        meter.add_budget(BudgetSetting::per("day").tokens(1_000_000_000)).expect("a budget");
        let calling = monitor.clone();
        let calls = tokio::spawn(async move {
            for turn in 0.. {
                some_calls(&calling, turn).await;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        });
        // The rules know the kinds that were called.
        tokio::time::sleep(Duration::from_secs(2)).await;
        let folder = tempfile::tempdir()?;
        let rules = monitor.prometheus_rules(RuleProfile::Current).rules;
        std::fs::write(folder.path().join("perf.rules.yml"), rules)?;
        let prometheus = Prometheus::start(folder.path(), &address.to_string());
        let scrapes = |answer: &Value| answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok();
        let enough = |answer: &Value| scrapes(answer).filter(|scrapes| *scrapes > 8.0);
        prometheus.get("query", &[("query", "count_over_time(up[1m])")], enough).await;

        let now = monitor.time_of_day();
        let range = range_of(now - Duration::from_mins(1), now, None)?;
        let report = Report::of(&monitor, range, Alongside::default());
        let names = dashboard_names(&report);
        let kinds = Kind::ALL.map(Kind::as_str);
        let others = ["overview", "host", "agents", "objectives", "metrics"];
        for name in kinds.into_iter().chain(others) {
            assert!(names.iter().any(|one| one == name), "{name} is not in {names:?}");
        }
        let board = |name: &String| (name.clone(), dashboard(&report, name).expect("it is one of its names"));
        let boards: serde_json::Map<String, Value> = names.iter().map(board).collect();
        let all: Vec<_> = boards.iter().flat_map(|(name, board)| queries(name, board)).collect();
        hold_to_the_schema(&Value::Object(boards));
        println!("{} queries of {names:?}", all.len());
        let left = without_data(&prometheus, all).await;
        assert!(left.is_empty(), "no data: {left:#?}");
        rules_find_data(&prometheus).await;
        calls.abort();
        perf.shutdown().await;
        Ok(())
    })
}

/// Holds dashboards to the schema that Grafana publishes, by a validator that comes with the packages of schemathesis.
fn hold_to_the_schema(boards: &Value) {
    let Some(packages) = env::var_os("PERF_SCHEMATHESIS") else {
        return println!("skipped: PERF_SCHEMATHESIS names no folder with a validator");
    };
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", packages).arg(concat!(env!("CARGO_MANIFEST_DIR"), "/schemas/grafana/check.py"));
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("python3 starts");
    let mut asked = python.stdin.take().expect("its input");
    asked.write_all(boards.to_string().as_bytes()).expect("it reads");
    drop(asked);
    let answer = python.wait_with_output().expect("it ends");
    assert!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stdout));
}

/// Each rule is judged without an error, and what it looks at is there: one that holds for nothing finds nothing.
async fn rules_find_data(prometheus: &Prometheus) {
    let judged = |answer: &Value| {
        let groups = answer["data"]["groups"].as_array()?;
        let rules: Vec<Value> =
            groups.iter().filter_map(|group| group["rules"].as_array()).flatten().cloned().collect();
        Some(rules).filter(|rules| !rules.is_empty() && rules.iter().all(|rule| rule["health"] != "unknown"))
    };
    let rules = prometheus.get("rules", &[], judged).await;
    let broken: Vec<_> = rules.iter().filter(|rule| rule["health"] != "ok").collect();
    assert!(broken.is_empty(), "{broken:#?}");
    let mut metrics: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for rule in &rules {
        for metric in metrics_in(rule["query"].as_str().expect("a query")) {
            metrics.entry(metric).or_default().insert(rule["name"].to_string());
        }
    }
    println!("{} rules of {} metrics", rules.len(), metrics.len());
    let there = metrics.into_iter().filter(|(metric, _)| !LATER.contains(&metric.as_str()));
    let counts = there.map(|(metric, rules)| (format!("{rules:?}"), format!("count({metric})")));
    let left = without_data(prometheus, counts.collect()).await;
    assert!(left.is_empty(), "no data: {left:#?}");
}

/// The metrics that a query names with a selector.
fn metrics_in(query: &str) -> BTreeSet<String> {
    let is_of_name = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == ':';
    let before = query.match_indices('{').map(|(place, _)| &query[..place]);
    let names = before.map(|before| &before[before.rfind(|one| !is_of_name(one)).map_or(0, |place| place + 1)..]);
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

fn chosen(query: &str) -> String {
    CHOSEN.iter().fold(query.to_owned(), |query, (name, value)| query.replace(name, value))
}

/// The queries of a dashboard, each with the place where it stands.
fn queries(name: &str, board: &Value) -> Vec<(String, String)> {
    let panels = board["panels"].as_array().expect("panels").iter();
    let panels = panels.flat_map(|panel| {
        let targets = panel["targets"].as_array().into_iter().flatten();
        targets.map(|target| (format!("{name}: {}", panel["title"]), chosen(target["expr"].as_str().expect("a query"))))
    });
    let variables = board["templating"]["list"].as_array().expect("variables").iter();
    let variables = variables.filter_map(|one| Some((one["name"].as_str()?, one["definition"].as_str()?)));
    let variables = variables.map(|(variable, text)| {
        let (selector, label) = text.rsplit_once(", ").expect("label_values(selector, label)");
        let (selector, label) = (selector.trim_start_matches("label_values("), label.trim_end_matches(')'));
        (format!("{name}: ${variable}"), chosen(&format!("count by ({label}) ({selector})")))
    });
    panels.chain(variables).collect()
}

/// Whether an answer has a number.
fn has_data(answer: &Value) -> Option<bool> {
    let found = answer["data"]["result"].as_array()?;
    Some(found.iter().any(|one| one["value"][1].as_str().is_some_and(|value| value != "NaN")))
}

/// Those that find nothing however long one waits.
async fn without_data(prometheus: &Prometheus, mut queries: Vec<(String, String)>) -> Vec<(String, String)> {
    let begun = Instant::now();
    loop {
        let mut left = Vec::new();
        for (place, query) in queries {
            let found = prometheus.get("query", &[("query", query.as_str())], has_data).await;
            left.extend((!found).then_some((place, query)));
        }
        if left.is_empty() || begun.elapsed() > LONGEST {
            return left;
        }
        queries = left;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
