//! The command against a real service: one that runs in this process, with tokens, a history, a rule that fires and a channel that
//! reaches nobody.

mod answers;
mod diff;
mod examples;
mod incidents;
mod mcp;
mod offline;
mod reports;
#[cfg(unix)]
mod run;
mod service;
#[cfg(unix)]
mod top;

use perf_runtime::monitor;
use serde_json::Value;
use service::{Ran, ask, ask_with, service};
use std::io::{self, Write};
use std::time::{Duration, Instant};

/// Every command that asks, with the exit code that it has here.
const ASKING: [(&[&str], u8); 24] = [
    (&["status"], 1),
    (&["query"], 0),
    (&["query", "--kind", "operation", "--sort", "p95", "--window", "1h"], 0),
    (&["query", "operation{operation=resize}"], 0),
    (&["query", "queue_depth", "--from", "-5m", "--step", "15s"], 0),
    (&["calls"], 0),
    (&["calls", "--recent"], 0),
    (&["errors"], 0),
    (&["errors", "--kind", "operation", "--from", "-10m"], 0),
    (&["alerts"], 0),
    (&["alerts", "--state", "resolved"], 0),
    (&["incidents"], 0),
    (&["incidents", "--open"], 0),
    (&["why", "deep-queue"], 0),
    (&["forecast"], 0),
    (&["forecast", "queue_depth", "--reaches", "100"], 0),
    (&["report"], 0),
    (&["rules", "list"], 0),
    (&["rules", "backtest", "operation-latency", "operation{operation=resize}"], 0),
    (&["notify", "list"], 0),
    (&["notify", "test", "nobody"], 1),
    (&["history", "info"], 0),
    (&["budget"], 0),
    (&["doctor"], 0),
];

#[test]
fn every_command_answers_in_each_form() {
    for (args, code) in ASKING {
        let people = ask(args);
        assert_eq!(people.code, code, "{args:?}: {people:?}");
        assert!(!people.out.trim().is_empty() && !people.err.contains("perf-cli:"), "{args:?}: {people:?}");
        assert!(!people.out.contains('\u{1b}'), "no colours where nobody looks: {people:?}");

        let json = ask(&[&["--json"], args].concat());
        assert_eq!(json.code, code, "{args:?}: {json:?}");
        let read: Result<Value, _> = serde_json::from_str(&json.out);
        assert!(read.is_ok_and(|value| value.is_object() || value.is_array()), "{args:?}: {json:?}");

        let plain = ask(&[&["--plain"], args].concat());
        assert_eq!((plain.code, plain.err.contains("perf-cli:")), (code, false), "{args:?}: {plain:?}");
    }
}

#[test]
fn plain_is_a_line_a_record_without_headings() {
    let plain = ask(&["--plain", "query", "--kind", "operation", "--sort", "id"]);
    let resize = plain.out.lines().find(|line| line.starts_with("operation{operation=resize}")).expect("a line");
    assert_eq!(resize.split('\t').count(), 11, "{resize}");
    assert_eq!(resize.split('\t').nth(1), Some("3"), "{resize}");
    let mean: f64 = resize.split('\t').nth(4).unwrap().parse().expect("seconds");
    assert!((0.003..0.006).contains(&mean), "{resize}");
    assert!(!plain.out.contains("SERIES"), "{plain:?}");
    let steps = ask(&["--plain", "query", "operation{operation=resize}", "--from", "-1m"]);
    let start = steps.out.lines().next().unwrap().split('\t').nth(1).unwrap().to_owned();
    assert_eq!(
        ask(&["query", "operation{operation=resize}", "--from", &start]).code,
        0,
        "a moment can be given back: {start}"
    );
    let status = ask(&["status", "--plain"]);
    assert_eq!(status.out.split('\t').next(), Some("unhealthy"), "{status:?}");
}

#[test]
fn the_health_says_why_and_its_code_too() {
    let status = ask(&["status"]);
    assert!(status.out.contains("shop") && status.out.contains("unhealthy"), "{status:?}");
    assert!(status.out.contains("deep-queue"), "{status:?}");
    let document: Value = serde_json::from_str(&ask(&["status", "--json"]).out).unwrap();
    assert_eq!(document["status"], "unhealthy", "the service's own document");
}

#[test]
fn what_runs_and_what_failed_is_listed() {
    let calls = ask(&["calls"]);
    assert!(calls.out.contains("operation{operation=upload}"), "{calls:?}");
    let none = ask(&["calls", "--kind", "agent"]);
    assert!(none.out.contains("No call runs now."), "{none:?}");
    let errors = ask(&["errors"]);
    assert!(errors.out.contains("operation{operation=resize}") && errors.out.contains("error"), "{errors:?}");
}

/// The day before the service began is due, and nobody was there to observe it.
#[test]
fn reports_that_are_due_and_of_whose_time_nothing_is_known_are_named() {
    let begun = Instant::now();
    let listed = loop {
        let listed = ask(&["report"]);
        if listed.err.contains("nothing is known") || begun.elapsed() > Duration::from_secs(30) {
            break listed;
        }
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(listed.code, 0, "{listed:?}");
    assert!(listed.err.contains("Due, but nothing is known of their time: daily-"), "{listed:?}");
    assert!(listed.out.contains("No report is kept.") && listed.err.contains("The next is daily-"), "{listed:?}");
}

#[test]
fn why_names_the_alert_and_its_cause_or_that_there_is_none() {
    let why = ask(&["why", "deep-queue"]);
    assert!(why.out.contains("firing deep-queue"), "{why:?}");
    let unknown = ask(&["why", "no-such-rule"]);
    assert_eq!(unknown.code, 2);
    assert!(unknown.err.contains("\"no-such-rule\" is not known"), "{unknown:?}");
}

#[test]
fn marks_on_alerts_are_set_and_ended() {
    let alerts: Value = serde_json::from_str(&ask(&["alerts", "--json", "--rule", "marked"]).out).unwrap();
    let id = alerts["alerts"][0]["id"].to_string();
    let acknowledged = ask(&["alerts", "ack", &id, "--by", "ada", "--for", "30m"]);
    assert_eq!(acknowledged.code, 0, "{acknowledged:?}");
    assert!(ask(&["alerts", "--rule", "marked"]).out.contains("acknowledged by ada"));

    let silenced = ask(&[
        "alerts",
        "silence",
        "--label",
        "tier=gold",
        "--by",
        "ada",
        "--for",
        "1h",
        "--comment",
        "planned",
        "--json",
    ]);
    let silence: Value = serde_json::from_str(&silenced.out).unwrap();
    assert!(ask(&["alerts"]).err.contains("tier=gold, by ada"), "{silenced:?}");
    let ended = ask(&["alerts", "unsilence", &silence["id"].to_string()]);
    assert_eq!(ended.code, 0, "{ended:?}");
    assert!(!ask(&["alerts"]).err.contains("tier=gold"));

    let wrong = ask(&["alerts", "ack", "999999", "--by", "ada"]);
    assert_eq!(wrong.code, 2, "{wrong:?}");
    let wrong = ask(&["alerts", "silence", "--label", "tier", "--by", "ada", "--for", "1h"]);
    assert!(wrong.code == 2 && wrong.err.contains("NAME=VALUE"), "{wrong:?}");
}

#[test]
fn a_call_that_is_kept_is_shown_with_the_calls_inside() {
    let recent: Value =
        serde_json::from_str(&ask(&["calls", "--recent", "--kind", "operation", "--json"]).out).unwrap();
    let call = &recent["calls"][0];
    let tree = ask(&["calls", call["id"].as_str().expect("a kept call")]);
    assert_eq!(tree.code, 0, "{tree:?}");
    assert!(tree.out.contains(call["series"].as_str().unwrap()), "{tree:?}");
    let wrong = ask(&["calls", "../info"]);
    assert!(wrong.code == 2 && wrong.err.contains("../info"), "an id is no path: {wrong:?}");
}

#[monitor("cli_fields", fields(order = %order, id))]
fn with_fields(order: &str, id: u32) {}

#[test]
fn values_of_fields_stand_beside_their_call_for_whoever_may_see_them() {
    let service = service();
    with_fields("evil\u{1b}[31m", 4711);
    let recent = ask(&["calls", "--recent", "--label", "operation=cli_fields", "--json"]);
    let recent: Value = serde_json::from_str(&recent.out).unwrap();
    let id = recent["calls"][0]["id"].as_str().expect("a kept call");
    let tree = ask(&["calls", id]);
    assert!(tree.out.contains("FIELDS") && tree.out.contains("order=evil\\u{1b}[31m id=4711"), "{tree:?}");
    let read = service.run(&["calls", id], &[("PERF_TOKEN", service::READ)], false);
    assert!(read.out.contains("order=? id=?") && !read.out.contains("4711"), "{read:?}");
    assert!((read.out + &read.err).contains("are withheld"));
}

#[test]
fn text_of_strangers_cannot_command_the_terminal() {
    let query = ask(&["query", "--kind", "operation"]);
    assert!(query.out.contains("evil\\u{1b}[31m"), "{query:?}");
    assert!(!query.out.contains('\u{1b}') && !query.out.contains('\u{7}'), "{query:?}");
    // The failure names what was asked, and cleans it as well.
    let failed = ask(&["query", "--kind", "\u{1b}[31m"]);
    assert!(failed.code == 2 && !failed.err.contains('\u{1b}'), "{failed:?}");
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let on = |variables: &[(&str, &str)], args: &[&str]| ask_with(args, variables, true);
    assert!(on(&[], &["status"]).out.contains('\u{1b}'));
    for (variables, args) in [
        (&[("NO_COLOR", "1")][..], &["status"][..]),
        (&[("TERM", "dumb")], &["status"]),
        (&[], &["status", "--no-color"]),
        (&[], &["status", "--json"]),
    ] {
        let ran = on(variables, args);
        assert!(!ran.out.contains('\u{1b}'), "{variables:?} {args:?}: {ran:?}");
    }
    let narrow = on(&[("COLUMNS", "60"), ("NO_COLOR", "1")], &["query"]);
    assert!(narrow.out.contains('…'), "{narrow:?}");
}

#[test]
fn a_token_is_asked_for_and_never_told() {
    let without = service().run(&["status"], &[("PERF_TOKEN", "")], false);
    assert_eq!(without.code, 2);
    assert!(without.err.contains("wants a token: give it by --token-file PATH or PERF_TOKEN"), "{without:?}");
    let wrong = service().run(&["status"], &[("PERF_TOKEN", "not-the-one-of-it")], false);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("does not know the token") && !wrong.err.contains("not-the-one"), "{wrong:?}");
    let reader = [("PERF_TOKEN", service::READ)];
    let ran = service().run(&["alerts", "ack", "1", "--by", "ada"], &reader, false);
    assert!(ran.code == 2 && ran.err.contains("does not allow this"), "{ran:?}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, format!("{}\n", service::READ)).unwrap();
    let file = file.to_str().unwrap();
    assert_eq!(service().run(&["query", "--token-file", file], &[("PERF_TOKEN", "")], false).code, 0);
    let missing = service().run(&["query", "--token-file", "/nowhere/at/all"], &[], false);
    assert!(missing.code == 2 && missing.err.contains("--token-file /nowhere/at/all"), "{missing:?}");
}

#[test]
fn mistakes_are_told_in_one_line_by_the_service_itself() {
    let ran = ask(&["query", "--kind", "databases"]);
    assert_eq!((ran.code, ran.err.lines().count()), (2, 1), "{ran:?}");
    assert!(ran.err.contains("kind: \"databases\" is not allowed; allowed is"), "{ran:?}");
    let ran = ask(&["query", "resize", "--from", "yesterday"]);
    assert!(ran.code == 2 && ran.err.contains("from: \"yesterday\""), "{ran:?}");
    let pruned = ask(&["history", "prune", "--before", "-30d"]);
    assert!(pruned.code == 2 && pruned.err.contains("--yes"), "{pruned:?}");
}

#[test]
fn a_series_that_is_not_named_is_asked_for() {
    let ran = ask(&["query", "--from", "-5m"]);
    assert!(ran.code == 2 && ran.err.contains("SERIES is missing"), "{ran:?}");
    assert_eq!(ask(&["query", "--kind", "operation", "--from", "-5m", "--step", "30s"]).code, 0);
    let ran = ask(&["alerts", "silence", "--label", "a=1", "--label", "a=2", "--by", "ada", "--for", "1h"]);
    assert!(ran.code == 2 && ran.err.contains("given twice"), "{ran:?}");
    let ran = ask(&["compare", "2020-01-01T00:00:00Z/2020-01-02T00:00:00Z", "-1m/now"]);
    assert!(ran.code == 2 && ran.err.contains("nothing can be compared"), "what nobody knows is not fine: {ran:?}");
}

#[test]
fn the_settings_of_a_service_with_all_parts_are_right() {
    let ran = ask(&["rules", "check", &service().settings()]);
    assert!(ran.code == 0 && ran.out.contains("is right"), "{ran:?}");
    let plain = ask(&["rules", "check", "--plain", &service().settings()]);
    assert!(plain.out.starts_with("right\t"), "{plain:?}");
}

#[test]
fn the_boot_that_goes_on_has_not_ended() {
    let info = ask(&["history", "info"]);
    assert!(info.out.contains("goes on"), "{info:?}");
}

#[test]
fn a_reader_that_is_gone_ends_it_quietly() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut err = Vec::new();
    let code = service().run_into(&["query"], &[], false, &mut Gone, &mut err);
    assert_eq!((code, err.as_slice()), (0, &b""[..]));
}

#[test]
fn what_is_known_is_exported_whole_or_not_at_all() {
    let json: Value = serde_json::from_str(&ask(&["export", "json", "--from", "-10m"]).out).unwrap();
    assert!(json.to_string().contains("operation{operation=resize}"), "{json}");
    assert!(ask(&["export", "csv"]).out.starts_with("time,series,"));
    assert!(ask(&["export", "openmetrics"]).out.ends_with("# EOF\n"));
    let grafana: Value = serde_json::from_str(&ask(&["export", "grafana"]).out).unwrap();
    assert!(grafana["panels"].is_array(), "{grafana}");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("report.html");
    let path = file.to_str().unwrap();
    let ran = ask(&["export", "html", "-o", path]);
    assert!(ran.code == 0 && ran.out.contains("report.html"), "{ran:?}");
    assert!(std::fs::read_to_string(&file).unwrap().ends_with("</html>\n"));
    let wrong = ask(&["export", "html", "--from", "yesterday", "-o", path]);
    assert!(wrong.code == 2 && wrong.err.contains("yesterday"), "{wrong:?}");
    let unknown = ask(&["export", "grafana", "--dashboard", "no/such"]);
    assert_eq!(unknown.code, 2, "{unknown:?}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "the file of before stays, and nothing beside it: {left:?}");
}

#[test]
fn reports_are_made_listed_shown_and_saved() {
    let empty = ask(&["report", "week"]);
    assert!(empty.code == 2 && empty.err.contains("--make"), "{empty:?}");
    let unknown = ask(&["report", "session", "--make"]);
    assert!(unknown.code == 2 && unknown.err.contains("no session before this one"), "{unknown:?}");
    let hostile = ask(&["report", "day", "../../etc/passwd"]);
    assert!(hostile.code == 2 && hostile.err.contains("daily-2026-11-28"), "{hostile:?}");
    let now = ask(&["report", "--from", "-5m"]);
    assert!(now.code == 0 && now.out.contains("shop") && now.out.contains("resize"), "{now:?}");
    let json: Value = serde_json::from_str(&ask(&["report", "--from", "-5m", "--json"]).out).unwrap();
    assert_eq!(json["schema"], "perf.report/1");

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("range.html");
    let ran = ask(&["report", "--from", "-5m", "--format", "html", "-o", file.to_str().unwrap()]);
    assert!(ran.code == 0 && std::fs::read_to_string(&file).unwrap().ends_with("</html>\n"), "{ran:?}");
    for wrong in [&["report", "day", "--from", "-5m"][..], &["report", "--make"], &["report", "--format", "html"]] {
        assert_eq!(ask(wrong).code, 2, "{wrong:?}");
    }
}

#[test]
fn top_is_for_terminals() {
    let ran: Ran = ask(&["top"]);
    assert!(ran.code == 2 && ran.err.contains("needs a terminal"), "{ran:?}");
}
