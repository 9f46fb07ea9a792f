//! Without a service: help, files, and addresses that do not answer.

use crate::service::run;
use perf_history::{History, Settings};
use perf_runtime::{Monitor, Outcome};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

#[test]
fn help_begins_with_examples_that_are_understood() {
    let help = run(&["--help"], &[]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    let examples: Vec<&str> = help.out.lines().filter_map(|line| line.trim().strip_prefix("perf-cli ")).collect();
    assert!(examples.len() >= 5, "{help:?}");
    assert!(help.out.find("Examples:") < help.out.find("Usage:"), "examples first");
    for example in examples {
        let words = example.split("   ").next().unwrap().split_whitespace();
        // Its command is not to be run here: a base that nobody has is as far as it comes.
        let words = words.map(|word| if word == "main" { "no-such-branch" } else { word });
        // With an address that nobody answers at, what is understood fails with 3 and not with 2.
        let args: Vec<&str> =
            words.filter(|word| !word.contains("shop.example")).filter(|word| *word != "--url").collect();
        let ran = run(&args, &[("PERF_URL", "http://127.0.0.1:1")]);
        let is_understood = ran.code == 3
            || ran.err.contains("needs a terminal")
            || ran.err.contains("no-such-branch")
            || ran.err.contains("needs a git repository");
        assert!(is_understood, "{example}: {ran:?}");
    }
    assert_eq!(run(&["--version"], &[]).code, 0);
    assert!(run(&["completions", "bash"], &[]).out.contains("perf-cli"));
}

#[test]
fn every_command_has_help() {
    for command in [
        "status",
        "top",
        "query",
        "calls",
        "errors",
        "alerts",
        "incidents",
        "why",
        "compare",
        "diff",
        "run",
        "forecast",
        "export",
        "report",
        "rules",
        "notify",
        "history",
        "budget",
        "doctor",
        "completions",
    ] {
        let help = run(&[command, "--help"], &[]);
        assert!(help.code == 0 && help.out.contains("Usage: perf-cli"), "{command}: {help:?}");
        assert!(run(&["--help"], &[]).out.contains(&format!("\n  {command}")), "{command} is listed");
    }
    for wrong in [&["stauts"][..], &[], &["query", "--window", "2m"], &["status", "--json", "--plain"]] {
        let ran = run(wrong, &[]);
        assert!(ran.code == 2 && ran.out.is_empty() && !ran.err.is_empty(), "{wrong:?}: {ran:?}");
    }
}

#[test]
fn words_that_are_not_understood_are_told_in_one_line_with_the_way_out() {
    for (wrong, words, help) in [
        (&["stauts"][..], "unrecognized subcommand 'stauts'; a similar subcommand exists: 'status'", "perf-cli --help"),
        (&["query", "--bogus"], "unexpected argument '--bogus' found", "perf-cli query --help"),
        (
            &["query", "--window", "2m"],
            "invalid value '2m' for '--window <WINDOW>' [possible values: 1m, 5m",
            "perf-cli",
        ),
        (&["why"], "required arguments were not provided: <ALERT>", "perf-cli why --help"),
        (&["alerts", "ack"], "<ID>", "perf-cli alerts ack --help"),
        (&["status", "--json", "--plain"], "'--json' cannot be used with '--plain'", "perf-cli"),
        (&["query", "--limit", "0"], "invalid value '0' for '--limit <LIMIT>'", "perf-cli"),
        (&["query", "--\u{1b}[31m"], "unexpected argument", "perf-cli query --help"),
    ] {
        let ran = run(wrong, &[]);
        assert_eq!((ran.code, ran.out.as_str(), ran.err.lines().count()), (2, "", 1), "{wrong:?}: {ran:?}");
        assert!(ran.err.starts_with("perf-cli: ") && ran.err.contains(words), "{wrong:?}: {ran:?}");
        assert!(ran.err.contains(&format!("`{help}")) && !ran.err.contains('\u{1b}'), "{wrong:?}: {ran:?}");
    }
}

#[test]
fn an_address_that_does_not_answer_is_told_in_one_line() {
    let ran = run(&["status", "--url", "http://127.0.0.1:1"], &[]);
    assert_eq!((ran.code, ran.err.lines().count()), (3, 1), "{ran:?}");
    assert!(ran.err.contains("http://127.0.0.1:1 cannot be reached") && ran.err.contains("PERF_URL"), "{ran:?}");
    let ran = run(&["status", "--url", "http://bob:hunter2@127.0.0.1:1"], &[]);
    assert!(ran.code == 2 && !ran.err.contains("hunter2"), "{ran:?}");
    for url in ["127.0.0.1:8080", "ftp://host", ""] {
        let ran = run(&["status", "--url", url], &[]);
        assert_eq!(ran.code, 2, "{url}: {ran:?}");
    }
}

/// A server that answers once.
fn answering(answer: &'static str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4_096];
            let _ = stream.read(&mut head);
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    url
}

/// A call that runs, and what the service says of others.
macro_rules! one_call {
    ($more:literal) => {
        concat!(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
            r#"{"calls":[{"kind":"agent","labels":{"agent":"a"},"age":2.5}]"#,
            $more,
            "}"
        )
    };
}

#[test]
fn of_calls_that_run_it_is_said_whether_there_are_others_or_may_be() {
    let (oldest, unseen) = ("The oldest 1: --limit asks for more.", "Not all calls were looked at");
    for (answer, limit, words) in [
        (one_call!(r#","more":true"#), "1", oldest),
        (one_call!(r#","more":true"#), "50", unseen),
        (one_call!(r#","more":false"#), "1", ""),
        (one_call!(""), "1", "At most 1: --limit asks for more."),
        (one_call!(""), "50", ""),
    ] {
        let ran = run(&["calls", "--limit", limit], &[("PERF_URL", &answering(answer))]);
        assert!(
            ran.code == 0 && ran.err.contains(words) && ran.err.is_empty() == words.is_empty(),
            "{answer}: {ran:?}"
        );
    }
}

/// A series that has become slower, and the boots of two versions.
const COMPARED: &str = concat!(
    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n",
    r#"{"boots":[{"version":"1.4.1","started":"2026-11-20T00:00:00Z","ended":"2026-11-21T00:00:00Z"},"#,
    r#"{"version":"1.4.2","started":"2026-11-21T00:00:00Z","ended":"2026-11-22T00:00:00Z"}],"left_out":0,"service":"shop","before":"","after":"","figures":["#,
    r#"{"name":"duration","unit":"seconds","notes":["Called only before: operation{operation=gone}"],"rows":["#,
    r#"{"series":"operation{operation=<b>}","class":"regressed","before":0.01,"after":0.012,"between":[0.0015,0.0024],"relative":0.2}]},"#,
    r#"{"name":"calls","unit":"/s","notes":[],"rows":[]}]}"#
);

#[test]
fn two_versions_are_put_side_by_side_in_a_page() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("compare.html");
    let url = answering(COMPARED);
    let ran = run(&["compare", "1.4.1", "1.4.2", "-o", file.to_str().unwrap()], &[("PERF_URL", &url)]);
    assert_eq!((ran.code, ran.err.as_str()), (1, ""), "it is worse: {ran:?}");
    let page = fs::read_to_string(&file).unwrap();
    let range = "1.4.1 (2026-11-20T00:00:00Z to 2026-11-21T00:00:00Z)";
    for words in
        [range, "1 regressed, 0 improved", "+20.0 %", "+1.50 ms to +2.40 ms", "Called only before", "&lt;<wbr>b&gt;"]
    {
        let words = words.replace("<wbr>", "");
        assert!(page.replace("<wbr>", "").contains(&words), "{words}: {page}");
    }
    let unknown = run(&["compare", "1.4.1", "1.5.0"], &[("PERF_URL", &url)]);
    assert!(unknown.code == 2 && unknown.err.contains("no version that the history knows"), "{unknown:?}");
    let both = run(&["compare", "-2h/-1h", "-1h/now", "-o", "a", "--json"], &[("PERF_URL", &url)]);
    assert_eq!(both.code, 2, "{both:?}");
}

#[test]
fn what_is_no_service_of_ours_is_told_as_such() {
    for (answer, code, words) in [
        (
            "HTTP/1.1 404 Not Found\r\ncontent-length: 4\r\nconnection: close\r\n\r\nnope",
            2,
            "no service measured with perf",
        ),
        (
            "HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>",
            3,
            "is not answered as this version",
        ),
        (
            "HTTP/1.1 302 Found\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            2,
            "redirects",
        ),
        ("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", 3, "answers 500"),
        ("HTTP/1.1 200 OK\r\ncontent-length: 600\r\nconnection: close\r\n\r\n{\"sta", 3, "broke off"),
        ("HTTP/1.1 429 Busy\r\ncontent-length: 0\r\nconnection: close\r\n\r\n", 3, "429"),
        ("rubbish", 3, "cannot be reached"),
    ] {
        let ran = run(&["status", "--url", &answering(answer)], &[]);
        assert_eq!(ran.code, code, "{answer}: {ran:?}");
        assert!(ran.err.contains(words) && ran.out.is_empty(), "{answer}: {ran:?}");
    }
    let answer = "HTTP/1.1 200 OK\r\ncontent-length: 9\r\nconnection: close\r\n\r\n<\u{1b}[31m>\r\n";
    let ran = run(&["query", "--json", "--url", &answering(answer)], &[]);
    assert!(ran.code == 3 && ran.out.is_empty(), "what is no JSON is not passed on as some: {ran:?}");
}

#[test]
fn units_and_rows_are_those_of_the_answer() {
    let point = r#"{"time": "2026-11-29T00:00:00Z", "value": 0.83, "low": 0.8, "high": 0.9}"#;
    let body = format!(
        r#"{{"left_out": 0, "series": [{{"series": "disk_used_ratio{{mount=/}}", "name": "disk", "why_not": null,
        "found": {{"forecast": {{"points": [{point}]}}, "reaches": null}}}}]}}"#
    );
    let answer = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len());
    let ran = run(&["forecast", "disk_used_ratio", "--url", &answering(answer.leak())], &[]);
    assert!(ran.out.contains("0.83") && !ran.out.contains("ms"), "a metric has no unit of calls: {ran:?}");
}

#[test]
fn a_history_is_read_without_its_service() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let empty = run(&["history", "info", path], &[]);
    assert!(empty.code == 3 && empty.err.contains("there is no history in it"), "{empty:?}");

    let monitor = Monitor::builder().build().unwrap();
    let mut settings = Settings::default();
    settings.path = Some(folder.path().to_owned());
    let history = History::with_settings(&monitor, settings).unwrap();
    monitor.operation("resize").record(Duration::from_millis(4), Outcome::Ok);
    monitor.tick();
    history.flush(Duration::from_secs(10));
    let busy = run(&["history", "info", path], &[]);
    assert!(busy.code == 3 && busy.err.contains("its service runs and has it"), "{busy:?}");
    drop(history);

    let info = run(&["history", "info", path], &[]);
    assert!(info.code == 0 && info.out.contains("history.redb") && info.out.contains("BOOT"), "{info:?}");
    let json: serde_json::Value = serde_json::from_str(&run(&["history", "info", path, "--json"], &[]).out).unwrap();
    assert_eq!(json[0]["boots"][0]["number"], 1, "{json}");
    assert_eq!(run(&["history", "verify", path], &[]).code, 0);

    let file = folder.path().join("history.redb");
    let mut bytes = fs::read(&file).unwrap();
    let half = bytes.len() / 2;
    bytes.truncate(half);
    fs::write(&file, bytes).unwrap();
    let torn = run(&["history", "verify", path], &[]);
    assert!(torn.code == 1 || torn.code == 3, "{torn:?}");
    assert!(format!("{}{}", torn.out, torn.err).contains("history.redb"), "{torn:?}");
}

#[test]
fn a_file_of_settings_is_checked_without_a_service() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("perf.toml");
    let path = file.to_str().unwrap();
    fs::write(&file, "[rules.deep-queue]\nmetric = \"queue_depth\"\nwarning = 10\n").unwrap();
    let right = run(&["rules", "check", path], &[]);
    assert!(right.code == 0 && right.out.contains("is right"), "{right:?}");
    fs::write(&file, "[rules.deep-queue]\nmetric = \"queue_depth\"\nwarnin = 10\n").unwrap();
    let wrong = run(&["rules", "check", path], &[]);
    assert!(wrong.code == 1 && wrong.out.contains("warnin"), "{wrong:?}");
    let missing = run(&["rules", "check", "/nowhere/perf.toml"], &[]);
    assert!(missing.code == 3 && missing.err.contains("/nowhere/perf.toml"), "{missing:?}");
}
