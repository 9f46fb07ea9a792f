//! A history in the place of its service, which does not run.

use perf_cli::Environment;
use perf_history::{History, Settings};
use perf_runtime::test_util::ManualClock;
use perf_runtime::text::rfc3339;
use perf_runtime::{Monitor, Outcome};
use perf_server::Server;
use serde_json::Value;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use tempfile::TempDir;

const LONG: Duration = Duration::from_secs(10);

/// The questions of a range of time that a service and its history answer alike, with the paths that they are asked at.
const ALIKE: [(&[&str], &str); 4] = [
    (&["query", "--kind", "operation"], "/api/v1/query?kind=operation&limit=100"),
    (
        &["query", "operation{operation=resize}", "--step", "5s"],
        "/api/v1/query?series=operation%7Boperation%3Dresize%7D&step=5s&limit=100",
    ),
    (&["query", "queue_depth"], "/api/v1/query?series=queue_depth&limit=100"),
    (&["errors"], "/api/v1/errors?sort=-failed&limit=50"),
];

struct Stopped {
    folder: TempDir,
    from: String,
    to: String,
    /// The answers of the service, each question in the order above.
    answers: Vec<Value>,
}

/// The output of a run, and its exit code.
#[derive(Debug)]
struct Ran {
    code: u8,
    out: String,
    err: String,
}

fn run(args: &[&str], variables: &[(&str, &str)]) -> Ran {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment { variables, ..Environment::default() };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let code = perf_cli::run(["perf-cli"].iter().chain(args).map(Into::into), &environment, &mut out, &mut err);
    let [out, err] = [out, err].map(|bytes| String::from_utf8(bytes).unwrap());
    Ran { code, out, err }
}

/// A service that has a history in a folder.
fn begun(folder: &Path) -> (Monitor, History) {
    let monitor = History::set_up(Monitor::builder().recorder(true)).build().unwrap();
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    let history = History::with_settings(&monitor, settings).unwrap();
    (monitor, history)
}

/// Lives on, second by second.
fn live(clock: &ManualClock, monitor: &Monitor, history: &History, seconds: u64) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
        // A writer that comes late would read a gauge once for several ticks.
        history.catch_up(LONG);
    }
    history.flush(LONG);
}

/// A service that answered, and was stopped.
fn stopped(clock: &ManualClock) -> Stopped {
    let folder = tempfile::tempdir().unwrap();
    let (monitor, history) = begun(folder.path());
    // Slices of five seconds, whole ones: they are kept when they are over.
    let second = |at: SystemTime| at.duration_since(UNIX_EPOCH).unwrap().as_secs();
    live(clock, &monitor, &history, 5 - second(monitor.time_of_day()) % 5);
    let start = UNIX_EPOCH + Duration::from_secs(second(monitor.time_of_day()));
    for outcome in [Outcome::Ok, Outcome::Ok, Outcome::Error] {
        monitor.operation("resize").record(Duration::from_millis(4), outcome);
    }
    drop(monitor.operation("stocktake").start());
    monitor.record_custom_metric("queue_depth", 25.0, "jobs");
    let end = start + Duration::from_secs(10);
    live(clock, &monitor, &history, 11);
    let [from, to] = [start - Duration::from_secs(60), end].map(rfc3339);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let routes = Server::builder(&monitor).within().unwrap();
    let ask = |(_, path): &(&[&str], &str)| {
        let question = format!("{path}&from={from}&to={to}").parse().unwrap();
        runtime.block_on(async {
            let answer = routes.get(question).await;
            assert_eq!(answer.status(), 200, "{path}");
            let body = axum::body::to_bytes(answer.into_body(), 1 << 20).await.unwrap();
            serde_json::from_slice(&body).unwrap()
        })
    };
    let answers = ALIKE.iter().map(ask).collect();
    monitor.shutdown(LONG);
    drop(history);
    Stopped { folder, from, to, answers }
}

/// The same without the time that was covered to the nanosecond, which a file keeps less exactly, and without the number of readings of a gauge: a writer
/// that comes late reads once for several ticks.
fn without_nanoseconds(mut answer: Value) -> Value {
    match &mut answer {
        Value::Object(fields) => {
            if let Some(covered) = fields.get_mut("covered") {
                *covered = Value::from(covered.as_f64().map(|seconds| (seconds * 1e3).round()));
            }
            if fields.contains_key("value") {
                fields.remove("count");
            }
            fields.values_mut().for_each(|value| *value = without_nanoseconds(value.take()));
        }
        Value::Array(values) => values.iter_mut().for_each(|value| *value = without_nanoseconds(value.take())),
        _ => {}
    }
    answer
}

fn asked(folder: &Path, args: &[&str]) -> Ran {
    // Neither an address nor a token, nor what is nearly a service's, matters to a file.
    run(&[&["--history", folder.to_str().unwrap()], args].concat(), &[("PERF_URL", "http://127.0.0.1:1")])
}

#[test]
fn a_stopped_service_is_asked_by_its_folder() {
    let clock = ManualClock::hold();
    let stopped = stopped(&clock);
    let folder = stopped.folder.path();
    let range = ["--from", &stopped.from, "--to", &stopped.to];
    for ((args, _), answer) in ALIKE.iter().zip(&stopped.answers) {
        let ran = asked(folder, &[args, &range[..], &["--json"]].concat());
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
        let own: Value = serde_json::from_str(&ran.out).unwrap();
        assert_eq!(without_nanoseconds(own), without_nanoseconds(answer.clone()), "{args:?}");
        assert!(answer.to_string().contains(if args.contains(&"queue_depth") { "25" } else { "resize" }), "{answer}");
    }

    // Without a range the last hour that it knows.
    let query = asked(folder, &["query", "--kind", "operation"]);
    assert!(query.code == 0 && query.out.contains("operation{operation=resize}"), "{query:?}");
    let recent = asked(folder, &["calls", "--recent", "--json"]);
    let recent: Value = serde_json::from_str(&recent.out).unwrap();
    // Functions of other tests are there too: they count for every monitor of the process.
    let mut calls = recent["calls"].as_array().unwrap().iter();
    let stocktake = calls.find(|call| call["series"] == "operation{operation=stocktake}");
    let one = asked(folder, &["calls", stocktake.expect("the call")["id"].as_str().unwrap()]);
    assert!(one.code == 0 && one.out.contains("stocktake"), "{one:?}");
    assert!(asked(folder, &["export", "csv"]).out.starts_with("time,series,"));
    let report = asked(folder, &[&["report"][..], &range].concat());
    assert!(report.code == 0 && report.out.contains("resize"), "{report:?}");
    assert!(!report.out.contains("100 of 100"), "the health of then is not known: {report:?}");
    let json: Value = serde_json::from_str(&asked(folder, &["export", "json"]).out).unwrap();
    assert!(json["tracks"].is_object() && json.get("health").is_none() && json.get("alerts").is_none(), "{json}");
    let kept = asked(folder, &["report"]);
    assert!(kept.code == 0 && kept.out.contains("No report is kept."), "{kept:?}");
    let info = asked(folder, &["history", "info"]);
    assert!(info.code == 0 && info.out.contains("BOOT"), "{info:?}");
    assert!(!info.out.contains("goes on"), "its process has ended: {info:?}");
    let document: Value = serde_json::from_str(&asked(folder, &["history", "info", "--json"]).out).unwrap();
    let tiers = &document["tiers"];
    assert!(tiers.as_array().is_some_and(|tiers| tiers.iter().all(|tier| tier["keep"].is_null())), "{tiers}");
}

#[test]
fn what_a_history_does_not_tell_is_said_in_one_line() {
    let folder = tempfile::tempdir().unwrap();
    let empty = asked(folder.path(), &["errors"]);
    assert!(empty.code == 3 && empty.err.contains("there is no history in it"), "{empty:?}");

    let _clock = ManualClock::hold();
    let (monitor, history) = begun(folder.path());
    monitor.tick();
    history.flush(LONG);
    let busy = asked(folder.path(), &["errors"]);
    assert!(busy.code == 3 && busy.err.contains("its service runs and has it"), "{busy:?}");
    drop(history);

    for of_now in [&["status"][..], &["calls"], &["alerts"], &["why", "a"], &["forecast"], &["budget"], &["doctor"]] {
        let ran = asked(folder.path(), of_now);
        assert_eq!((ran.code, ran.err.lines().count(), ran.out.as_str()), (2, 1, ""), "{of_now:?}: {ran:?}");
        assert!(ran.err.contains("does not tell what is now") && ran.err.contains("--url"), "{ran:?}");
    }
    let unnamed = asked(folder.path(), &["query"]);
    assert!(unnamed.code == 2 && unnamed.err.contains("SERIES is missing"), "{unnamed:?}");
    for change in [
        &["report", "day", "--make"][..],
        &["history", "prune", "--before", "-1d", "--yes"],
        &["alerts", "unsilence", "1"],
    ] {
        let ran = asked(folder.path(), change);
        assert!(ran.code == 2 && ran.err.contains("a history is only read"), "{change:?}: {ran:?}");
    }
    std::fs::copy(folder.path().join("history.redb"), folder.path().join("history-2.redb")).unwrap();
    let several = asked(folder.path(), &["errors"]);
    assert!(
        several.code == 2 && several.err.contains("name one") && several.err.contains("history-2.redb"),
        "{several:?}"
    );
    let named = folder.path().join("history-2.redb");
    assert_eq!(asked(&named, &["errors"]).code, 0);
    assert_eq!(run(&["errors", "--history", "a", "--url", "http://127.0.0.1:1"], &[]).code, 2);
}

/// The process went on for hours after the last call.
#[test]
fn where_the_last_hour_has_no_call_the_last_that_has_one_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let clock = ManualClock::hold();
    let (monitor, history) = begun(folder.path());
    live(&clock, &monitor, &history, 10);
    for _ in 0..3 {
        monitor.operation("resize").record(Duration::from_millis(4), Outcome::Ok);
    }
    live(&clock, &monitor, &history, 10);
    let called = monitor.time_of_day();
    for _ in 0..300 {
        clock.advance(Duration::from_secs(60));
        monitor.tick();
        history.catch_up(LONG);
    }
    history.flush(LONG);
    monitor.shutdown(LONG);
    drop(history);
    let query = ["query", "operation{operation=resize}"];
    let ran = asked(folder.path(), &[&query[..], &["--plain"]].concat());
    let calls =
        |ran: &Ran| ran.out.lines().filter_map(|line| line.split('\t').nth(2)?.parse::<u64>().ok()).sum::<u64>();
    assert_eq!((ran.code, calls(&ran)), (0, 3), "{ran:?}");
    assert!(ran.err.contains("In the last hour of the history there is nothing of them"), "{ran:?}");
    let json: Value = serde_json::from_str(&asked(folder.path(), &[&query[..], &["--json"]].concat()).out).unwrap();
    let counts = json["series"][0]["points"].as_array().unwrap().iter().filter_map(|point| point["count"].as_u64());
    assert_eq!(counts.sum::<u64>(), 3, "{json}");
    // A range that is asked for is answered as it is.
    let from = rfc3339(called + Duration::from_secs(3_600));
    let of_kind = ["query", "--kind", "operation"];
    assert!(asked(folder.path(), &of_kind).out.contains("operation{operation=resize}"));
    let ran = asked(folder.path(), &[&of_kind[..], &["--from", &from, "--plain"]].concat());
    assert_eq!((ran.code, calls(&ran), ran.err.contains("nothing of them")), (0, 0, false), "{ran:?}");
    let never = asked(folder.path(), &["query", "--kind", "agent"]);
    assert!(
        never.code == 0 && never.out.contains("Nothing fits") && !never.err.contains("nothing of them"),
        "{never:?}"
    );
}
