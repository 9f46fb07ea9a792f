//! Dashboards and rules on a Prometheus that scraped the example: each of their queries finds something.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use perf_kit::report::{Report, dashboard_names};
use perf_runtime::rule::RuleProfile;
use serde_json::Value;
use tempfile::TempDir;

use crate::fixed_load::get;
use crate::program::Program;
use crate::servers::{Prometheus, installed, or_skip};

/// Longer than Prometheus needs for the scrapes that rates are made of, on a busy machine.
const PATIENCE: Duration = Duration::from_mins(2);
/// What Grafana puts in: the shortest time that holds four scrapes, and some more for a busy machine.
const CHOSEN: [(&str, &str); 3] = [("$__rate_interval", "15s"), ("$job", ".*"), ("$instance", ".*")];

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
        let end = text.rfind(", ").expect("label_values(selector, label)");
        let label = text[end + 2..].trim_end_matches(')');
        let selector = text[..end].trim_start_matches("label_values(");
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
    let deadline = Instant::now() + PATIENCE;
    while !queries.is_empty() && Instant::now() < deadline {
        let mut left = Vec::new();
        for (place, query) in queries {
            let found = prometheus.get("query", &[("query", &query)], has_data).await;
            left.extend((!found).then_some((place, query)));
        }
        queries = left;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    queries
}

#[tokio::test]
async fn every_panel_and_every_rule_finds_data() {
    let Some(()) = or_skip(installed("prometheus")) else { return };
    let parts = "compute,disks,network,latency,leaks,executor,monitoring";
    let mut program = Program::start_with(parts, &["--port", "0", "--load", "2"]);
    let url = program.url();
    let folder = TempDir::new().expect("a folder");
    let monitor = perf_runtime::Monitor::builder().namespace("mcp").build().expect("a monitor");
    let rules = monitor.prometheus_rules(RuleProfile::Current).rules;
    std::fs::write(folder.path().join("perf.rules.yml"), rules).expect("a file");
    let prometheus = Prometheus::start(folder.path(), url.trim_start_matches("http://"));
    program.wait_for(|line| line.starts_with("health "));
    // Some seconds of each sort of call.
    let few = |answer: &Value| answer["data"]["result"][0]["value"][1].as_str()?.parse::<f64>().ok().filter(|n| *n > 8.0);
    prometheus.get("query", &[("query", "count_over_time(up[1m])")], few).await;

    let report = Report::from_json(get(&format!("{url}/api/v1/export?format=json")).await.as_bytes());
    let names = dashboard_names(&report.expect("a report"));
    let mut all = Vec::new();
    for name in &names {
        let board: Value = get(&format!("{url}/api/v1/grafana/{name}")).await.parse().expect("a dashboard");
        all.extend(queries(name, &board));
    }
    println!("{} queries of {names:?}", all.len());
    assert!(names.iter().any(|name| name == "overview") && names.iter().any(|name| name == "host"), "{names:?}");
    let left = without_data(&prometheus, all).await;
    assert!(left.is_empty(), "no data: {left:#?}");

    let groups = |answer: &Value| answer["data"]["groups"].as_array().filter(|found| !found.is_empty()).cloned();
    let groups = prometheus.get("rules", &[], groups).await;
    let rules: Vec<&Value> = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules")).collect();
    let broken: Vec<_> = rules.iter().filter(|rule| rule["health"] == "err").collect();
    assert!(!rules.is_empty() && broken.is_empty(), "{broken:#?}");
    // A rule that holds for nothing finds nothing: what it looks at is there, for kinds of calls that the example makes.
    let metrics: BTreeSet<(String, String)> = rules.iter().flat_map(|rule| metrics(rule)).collect();
    let (metrics, absent): (Vec<_>, Vec<_>) = metrics.into_iter().partition(|(_, query)| !is_of_no_call(query));
    println!("{} metrics of {} rules; {absent:?} are of no call of the example", metrics.len(), rules.len());
    let left = without_data(&prometheus, metrics).await;
    assert!(left.is_empty(), "no data: {left:#?}");
}

/// The metrics that a rule looks at.
fn metrics(rule: &Value) -> Vec<(String, String)> {
    let (name, query) = (rule["name"].as_str().expect("a name"), rule["query"].as_str().expect("a query"));
    let is_of_name = |one: char| one.is_ascii_alphanumeric() || one == '_' || one == ':';
    let ends = query.match_indices('{').map(|(place, _)| &query[..place]);
    let names = ends.map(|before| &before[before.rfind(|one| !is_of_name(one)).map_or(0, |place| place + 1)..]);
    names.filter(|name| !name.is_empty()).map(|metric| (name.to_owned(), format!("count({metric})"))).collect()
}

fn is_of_no_call(_query: &str) -> bool {
    false
}
