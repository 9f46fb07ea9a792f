//! The errors of the example: one line, the thing named, the right exit code.

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, TcpListener};

use tempfile::TempDir;

use crate::program::{Ended, run};
use crate::servers::free_port;
use crate::{rows, write};

#[test]
fn a_file_that_is_missing_is_named() {
    let ended = run(&["--port", "0", "/nowhere/missing.csv"]);
    failed_with(&ended, &["/nowhere/missing.csv cannot be read", "check the path"]);
}

#[tokio::test]
async fn a_malformed_file_is_named_with_line_and_field_and_leaves_nothing_behind() {
    let folder = TempDir::new().expect("a folder");
    let database = format!("sqlite://{}", folder.path().join("some.db").display());
    let good = write(folder.path(), "good.csv", "timestamp,value\n2024-01-01 00:00:00,1\n");
    let bad = write(folder.path(), "bad.csv", "timestamp,value\n2024-01-01 00:00:00,1\n2024-01-01 00:30:00,many\n");
    let ended = run(&["--port", "0", "--database-url", &database, &good, &bad]);
    failed_with(&ended, &["bad.csv, line 3, field `value`", "`many` is not a finite number"]);
    assert_eq!(rows(&database).await, BTreeMap::from([("good".to_owned(), 1)]));
}

#[test]
fn a_port_in_use_is_named() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("a bound port").port().to_string();
    let ended = run(&["--port", &port]);
    failed_with(&ended, &[&format!("port {port} on 127.0.0.1 is already in use"), "--port (0 picks a free one)"]);
}

#[test]
fn an_unreachable_database_is_named_without_its_password() {
    let url = format!("postgres://perf:secret@127.0.0.1:{}/perf", free_port());
    let ended = run(&["--port", "0", "--database-url", &url]);
    failed_with(&ended, &["cannot reach the database postgres://perf@127.0.0.1", "--database-url"]);
    assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
    failed_with(&run(&["--port", "0", "--database-url", "sqlite:///nowhere/x.db"]), &["sqlite:///nowhere/x.db"]);
}

#[test]
fn a_report_that_cannot_be_written_is_named_before_anything_starts() {
    let ended = run(&["--port", "0", "--report", "/nowhere/report.json"]);
    failed_with(&ended, &["/nowhere/report.json", "--report"]);
    assert_eq!(ended.stdout, "");
}

#[test]
fn an_address_of_a_model_that_may_hold_a_secret_is_refused_and_not_repeated() {
    for (address, said) in [
        ("http://ada:secret@localhost/v1", "a key is in LLM_API_KEY"),
        ("http://localhost/v1?api-key=secret", "a key is in LLM_API_KEY"),
        ("http://localhost/v1#secret", "a key is in LLM_API_KEY"),
        ("localhost/secret", "--llm-url"),
        ("ftp://localhost/secret", "http:// or https://"),
    ] {
        let ended = run(&["--port", "0", "--llm-url", address]);
        failed_with(&ended, &["--llm-url cannot be used", said]);
        assert!(!ended.stderr.contains("secret"), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn wrong_use_is_refused_with_the_flag_and_what_it_takes() {
    for (arguments, named) in [
        (&["--prot", "0"][..], "--prot"),
        (&["--duration", "90"], "it has no unit: write 90s"),
        (&["--duration", "soon"], "write one such as 20s"),
        (&["--port", "99999"], "--port"),
        (&["--fault", "slow"], "slow-db"),
        (&["--fault-after", "5s"], "--fault"),
        (&["--database-url", "mysql://localhost/x"], "postgres://"),
    ] {
        let ended = run(arguments);
        assert_eq!(ended.code, Some(2), "{ended:?}");
        assert!(ended.stderr.contains(named), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
    }
}

/// A failure is one line that says these things, and exit code 1.
fn failed_with(ended: &Ended, said: &[&str]) {
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.starts_with("error: "), "{}", ended.stderr);
    for part in said {
        assert!(ended.stderr.contains(part), "{part:?} is missing in {}", ended.stderr);
    }
}
