//! The routes keep to their own description: `schemathesis` makes requests of the `OpenAPI` document, right ones and wrong
//! ones, and checks each answer against it.
//!
//! `PERF_SCHEMATHESIS` names the folder that its packages lie in, as `.ci/run` fetches them. Without it the tests are skipped.
//! `PERF_SCHEMATHESIS_EXAMPLES` sets how many requests of each sort are made up for an operation: `5` unless told, for a
//! look of some seconds; `1000` for one of half an hour.

use perf_runtime::rule::{Rule, RuleSet, presets};
use perf_runtime::{Monitor, Outcome};
use perf_server::{Server, ServerBuilder};
use std::ffi::OsString;
use std::time::Duration;
use tokio::process::Command;

const READ: &str = "a-token-for-readers";
const ADMIN: &str = "a-token-for-admins";

/// A service with something to tell, and an alert that fires.
fn service() -> ServerBuilder {
    let mut rules: RuleSet = presets::standard();
    rules.insert(Rule::builder("deep-queue").metric("queue_depth").warning(10.0).build().expect("a rule"));
    let monitor = Monitor::builder().namespace("shop").rules(rules).build().expect("a monitor");
    for millis in [10, 20, 30] {
        monitor.record_response_time("search", Duration::from_millis(millis));
    }
    monitor.operation("search").record(Duration::from_millis(5), Outcome::Error);
    monitor.record_custom_metric("queue_depth", 25.0, "jobs");
    monitor.tick();
    Server::builder(&monitor)
}

/// Has a service asked whatever its document allows, and what it does not, by somebody with this token.
async fn keeps_to_its_document(service: ServerBuilder, token: Option<&str>, more: &[&str]) {
    let Some(packages) = std::env::var_os("PERF_SCHEMATHESIS") else {
        println!("skipped: PERF_SCHEMATHESIS names no folder with the packages of schemathesis");
        return;
    };
    let examples = std::env::var_os("PERF_SCHEMATHESIS_EXAMPLES").unwrap_or_else(|| OsString::from("5"));
    let server = service.bind("127.0.0.1:0").await.expect("a port");
    let address = format!("http://{}", server.local_addr());
    let running = tokio::spawn(server.run());
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("openapi.json");
    let client = reqwest::Client::builder().no_proxy().build().expect("a client");
    let document =
        client.get(format!("{address}/api/v1/openapi.json")).bearer_auth(READ).send().await.expect("an answer");
    std::fs::write(&path, document.text().await.expect("a document")).expect("a file");
    let mut schemathesis = Command::new("python3");
    schemathesis.env("PYTHONPATH", packages).current_dir(folder.path()).args(["-m", "schemathesis.cli"]);
    schemathesis.args(["--config-file", concat!(env!("CARGO_MANIFEST_DIR"), "/contract.toml"), "run"]);
    schemathesis.arg(&path).args(["--url", &address]).arg("--max-examples").arg(examples);
    schemathesis.args(["--seed", "1", "--no-shrink", "--continue-on-failure", "--checks", "all", "--workers", "1"]);
    schemathesis.args(["--no-color", "--warnings", "off"]).args(more);
    if let Some(token) = token {
        schemathesis.args(["--header", &format!("Authorization: Bearer {token}")]);
    }
    let output = schemathesis.output().await.expect("python3 starts");
    running.abort();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
    println!("{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn where_no_token_is_needed() {
    keeps_to_its_document(service(), None, &["--phases", "examples,fuzzing", "--exclude-checks", "ignored_auth"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_whoever_has_no_token() {
    keeps_to_its_document(service().read_token(READ).admin_token(ADMIN), None, &["--phases", "examples,fuzzing"]).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn for_whoever_may_do_everything() {
    keeps_to_its_document(
        service().read_token(READ).admin_token(ADMIN),
        Some(ADMIN),
        &["--phases", "examples,coverage,fuzzing"],
    )
    .await;
}
