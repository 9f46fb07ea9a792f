//! The example service, run as its users run it: what it did, what its clients saw and what `/metrics` says must agree.
#![cfg(unix)]

mod analyst;
mod fixed_load;
mod incidents;
#[path = "../llm_crates/tests/crates/server.rs"]
#[expect(dead_code, reason = "it is shared with a workspace that uses all of it")]
mod llm_server;
mod metrics;
mod named;
mod planted;
mod postgres;
mod program;
mod prometheus;
mod refusals;
#[path = "../servers.rs"]
mod servers;

use std::collections::BTreeMap;
use std::path::Path;

use sqlx::{AnyConnection, Connection};
use tempfile::TempDir;

use fixed_load::fixed_load;
use postgres::Postgres;
use program::{Program, run};
use servers::or_skip;

#[tokio::test]
async fn what_is_counted_is_what_happened() {
    let folder = TempDir::new().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("fixed.db").display());
    let run = fixed_load(&database, folder.path()).await;
    run.agrees(&rows(&database).await);
}

#[tokio::test]
async fn what_is_counted_is_what_happened_on_postgres() {
    let Some(server) = or_skip(Postgres::start()) else { return };
    let folder = TempDir::new().expect("a folder");
    let run = fixed_load(&server.url(), folder.path()).await;
    run.agrees(&rows(&server.url()).await);
}

/// The number of points in each series.
async fn rows(database: &str) -> BTreeMap<String, u64> {
    sqlx::any::install_default_drivers();
    let mut connection = AnyConnection::connect(database).await.expect("the database");
    let sql = "SELECT name, COUNT(points.at) FROM series LEFT JOIN points ON series_id = id GROUP BY name";
    let rows: Vec<(String, i64)> = sqlx::query_as(sql).fetch_all(&mut connection).await.expect("rows");
    connection.close().await.expect("closed");
    rows.into_iter().map(|(name, count)| (name, count.try_into().expect("a count"))).collect()
}

#[test]
fn it_ends_by_itself() {
    let ended = run(&["--port", "0", "--duration", "2s"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("loaded nyc_taxi: 10320 rows"), "{}", ended.stdout);
    assert!(ended.stdout.contains("health score "), "{}", ended.stdout);
    assert!(!ended.stderr.contains("loading"), "no progress bar where nobody watches: {}", ended.stderr);
}

#[test]
fn files_named_on_the_command_line_are_loaded_instead() {
    let folder = TempDir::new().expect("a folder");
    let file =
        write(folder.path(), "two points.csv", "timestamp,value\n2024-01-01 00:00:00,1\n2024-01-01 01:00:00,2\n");
    let ended = run(&["--port", "0", "--duration", "1s", &file]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("loaded two points: 2 rows in 1 batches"), "{}", ended.stdout);
    assert!(!ended.stdout.contains("nyc_taxi"), "{}", ended.stdout);
}

/// It takes more than five minutes, for a route that answered slowly only while the fault lasted is judged by its last five:
/// so only with `PERF_SLOW_TESTS` set.
#[test]
fn the_health_comes_back() {
    if std::env::var_os("PERF_SLOW_TESTS").is_none() {
        println!("skipped: it takes more than five minutes, and PERF_SLOW_TESTS is not set");
        return;
    }
    std::thread::scope(|scope| {
        for fault in ["slow-db", "failing-db", "stuck-agent"] {
            scope.spawn(move || falls_and_comes_back(fault));
        }
    });
}

fn falls_and_comes_back(fault: &str) {
    // One client each: three services, not optimised, share the machine, and whoever is always out of breath never gets well.
    let load = ["--port", "0", "--load", "1"];
    let mut program =
        Program::start(&[&load[..], &["--fault", fault, "--fault-after", "5s", "--fault-for", "12s"]].concat());
    program.wait_for(|line| line == "health 100 healthy");
    program.wait_for(|line| line.starts_with("fault ") && line.contains(" begins"));
    program.wait_for(|line| line.starts_with("health ") && !line.contains(" healthy"));
    program.wait_for(|line| line.starts_with("fault ") && line.contains(" ends"));
    program.wait_for(|line| line == "health 100 healthy");
    assert_eq!(program.interrupt().code, Some(0), "{fault}");
}

/// A file in that folder, and its path.
fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).expect("a file");
    path.display().to_string()
}
