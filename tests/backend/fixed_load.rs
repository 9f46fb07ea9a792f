//! One run with a fixed number of requests, and whether all who counted agree.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::metrics::{Labels, Scrape};
use crate::program::Program;
use crate::servers::PATIENCE;

/// `perf_server`'s own routes: they are measured too, but not asked by the clients.
const OWN_ROUTES: [&str; 3] = ["/metrics", "/metrics/summary", "/health/performance"];

/// One run with a fixed number of requests: the scrape after the last, and the report at the end.
pub(crate) struct FixedLoad {
    scrape: Scrape,
    report: Value,
}

pub(crate) async fn fixed_load(database: &str, folder: &Path) -> FixedLoad {
    let report = folder.join("report.json").display().to_string();
    let mut program = Program::start(&[
        "--port",
        "0",
        "--load",
        "3",
        "--requests",
        "60",
        "--database-url",
        database,
        "--report",
        &report,
    ]);
    let url = program.url();
    let finished = program.wait_for(|line| line.starts_with("load finished"));
    assert_eq!(finished, "load finished: 180 requests by 3 clients");
    let scrape = quiet_scrape(&url).await;
    let summary: Value = get(&format!("{url}/metrics/summary")).await.parse().expect("JSON");
    assert!(summary.is_object(), "{summary}");
    let health: Value = get(&format!("{url}/health/performance")).await.parse().expect("JSON");
    assert!(health.is_object(), "{health}");

    let ended = program.interrupt();
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // A busy machine may make the monitor warn of slow calls.
    assert!(!ended.stderr.contains("panicked") && !ended.stderr.contains("error:"), "{}", ended.stderr);
    for part in ["summary: every series", "what the clients of the traffic saw", "health score "] {
        assert!(ended.stdout.contains(part), "{part:?} is missing in {}", ended.stdout);
    }
    let report = std::fs::read_to_string(report).expect("the report");
    FixedLoad { scrape, report: report.parse().expect("JSON") }
}

/// Scrapes until nothing is in flight but the scrape itself: the server notices a lost client only a little later.
pub(crate) async fn quiet_scrape(url: &str) -> Scrape {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let scrape = Scrape::parse(&get(&format!("{url}/metrics")).await);
        let is_own = |labels: &Labels| labels.get("route").is_some_and(|route| route == "/metrics");
        if scrape.in_flight().all(|(_, labels, value)| value == 0 || is_own(labels)) {
            return scrape;
        }
        assert!(Instant::now() < deadline, "still in flight: {scrape:#?}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

pub(crate) async fn get(url: &str) -> String {
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let response = client.get(url).send().await.expect("an answer");
    assert_eq!(response.status(), 200, "{url}");
    response.text().await.expect("text")
}

impl FixedLoad {
    pub(crate) fn agrees(&self, rows: &BTreeMap<String, u64>) {
        self.requests_are_those_the_clients_saw();
        self.operations_are_the_statements_run();
        self.workflows_agents_and_tools_are_counted();
        self.rows_are_those_inserted(rows);
        self.the_law_holds();
    }

    /// How often the clients saw this; an empty word fits all.
    fn seen(&self, method: &str, route: &str, seen: &str) -> u64 {
        let fits = |entry: &&Value, name: &str, word: &str| word.is_empty() || entry[name] == word;
        let entries = self.report["clients"].as_array().expect("a list").iter();
        let entries = entries
            .filter(|entry| fits(entry, "method", method) && fits(entry, "route", route) && fits(entry, "seen", seen));
        entries.map(|entry| entry["count"].as_u64().expect("a count")).sum()
    }

    fn requests_are_those_the_clients_saw(&self) {
        let requests = "mcp_http_requests_total";
        for entry in self.report["clients"].as_array().expect("a list") {
            let word = |name: &str| entry[name].as_str().expect("a word");
            let (method, route, seen) = (word("method"), word("route"), word("seen"));
            // A client that lost its patience saw no status; the server saw it go.
            let (status, outcome) = match seen {
                "timeout" => ("", "cancelled"),
                status if status.starts_with('5') => (status, "error"),
                status => (status, "ok"),
            };
            let labels = [("method", method), ("route", route), ("status", status), ("outcome", outcome)];
            assert_eq!(self.scrape.sum(requests, &labels), self.seen(method, route, seen), "{entry}");
        }
        let others = self.scrape.of(requests).filter(|(labels, _)| !OWN_ROUTES.contains(&labels["route"].as_str()));
        assert_eq!(others.map(|(_, count)| count).sum::<u64>(), 180, "nothing but what the clients sent");
        assert_eq!(self.seen("", "", ""), 180);
        for (route, seen) in [("/flaky", "500"), ("/slow", "timeout"), ("/slow", "200"), ("/ask", "200")] {
            assert!(self.seen("", route, seen) > 0, "the load has no {route} that ends with {seen}");
        }
    }

    fn operations_are_the_statements_run(&self) {
        let operations = "mcp_db_operations_total";
        let mut run = 0;
        for statement in self.report["statements"].as_array().expect("a list") {
            let word = |name: &str| statement[name].as_str().expect("a word");
            for outcome in ["ok", "error", "cancelled"] {
                let labels = [("operation", word("operation")), ("table", word("table")), ("outcome", outcome)];
                let count = statement[outcome].as_u64().expect("a count");
                assert_eq!(self.scrape.sum(operations, &labels), count, "{outcome} of {statement}");
                run += count;
            }
        }
        assert_eq!(self.scrape.sum(operations, &[]), run, "nothing else was counted");
        let failed = [("operation", "select"), ("table", "audit_log"), ("outcome", "error")];
        assert_eq!(self.scrape.sum(operations, &failed), self.seen("GET", "/flaky", "500"));
        let cancelled = [("operation", "select"), ("table", "points"), ("outcome", "cancelled")];
        assert_eq!(self.scrape.sum(operations, &cancelled), self.seen("GET", "/slow", "timeout"));
    }

    fn workflows_agents_and_tools_are_counted(&self) {
        let count = |name: &str, label: (&str, &str)| {
            assert_eq!(self.scrape.sum(name, &[label]), self.scrape.sum(name, &[label, ("outcome", "ok")]), "{name}");
            self.scrape.sum(name, &[label])
        };
        let files = 2;
        assert_eq!(count("mcp_workflows_total", ("workflow", "data_processing")), files);
        for step in ["validation", "transformation", "loading"] {
            assert_eq!(count("mcp_workflow_steps_total", ("step", step)), files, "{step}");
        }
        let asked = self.seen("POST", "/ask", "200");
        assert_eq!(count("mcp_agent_runs_total", ("agent", "analyst")), asked);
        assert_eq!(self.scrape.sum("mcp_tool_calls_total", &[("outcome", "ok")]), asked, "one tool an answer");
        assert_eq!(self.scrape.of("mcp_tool_calls_total").filter(|(labels, _)| labels["outcome"] == "ok").count(), 4);
    }

    fn rows_are_those_inserted(&self, rows: &BTreeMap<String, u64>) {
        let posted = self.seen("POST", "/series/{name}/points", "201");
        let expected =
            [("client_latency_ms", posted), ("ec2_request_latency_system_failure", 4_032), ("nyc_taxi", 10_320)];
        assert_eq!(*rows, expected.map(|(name, count)| (name.to_owned(), count)).into());
        assert_eq!(self.report["rows_loaded"], 14_352);
        let batches: u64 = 21 + 9;
        let inserted = [("operation", "insert"), ("table", "points"), ("outcome", "ok")];
        assert_eq!(self.scrape.sum("mcp_db_operations_total", &inserted), batches + posted);
    }

    /// Counter, histogram and gauge of every family tell the same story.
    fn the_law_holds(&self) {
        let mut families = self.scrape.names_with("_duration_seconds_count");
        // Statements are no calls: how they ended is not known.
        families.retain(|family| !family.starts_with("sql"));
        assert!(families.len() >= 6, "{families:?}");
        for family in families {
            let (counts, buckets) =
                (format!("{family}_duration_seconds_count"), format!("{family}_duration_seconds_bucket"));
            for (labels, count) in self.scrape.of(&counts) {
                let mut labels: Vec<(&str, &str)> =
                    labels.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
                let counter = format!("{family}s_total");
                assert_eq!(self.scrape.sum(&counter, &labels), count, "{counter} {labels:?}");
                labels.push(("le", "+Inf"));
                assert_eq!(self.scrape.sum(&buckets, &labels), count, "{buckets} {labels:?}");
            }
            let ended = self.scrape.sum(&format!("{family}s_total"), &[]);
            assert_eq!(ended, self.scrape.sum(&counts, &[]), "every {family} has its duration");
        }
    }
}
