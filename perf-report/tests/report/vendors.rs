//! Bodies for vendors by the models of their own client libraries, and by the limits that they publish.

use super::*;
use perf_runtime::alert::{AlertState, Transition};
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use serde_json::Value;
use std::collections::BTreeSet;
use std::env;
use std::io::Write;
use std::process::{Command, Stdio};

/// A service whose alert fires, is acknowledged, and ends; with texts and numbers that no vendor takes as they are.
fn told_of() -> Report {
    let clock = ManualClock::hold();
    let rule = Rule::builder("errors").name(HOSTILE[0]).metric(Kind::Operation).statistic(Statistic::ErrorRate);
    let rule = rule.warning(0.01).critical(0.2).description(HOSTILE[5]).runbook("https://ops.example.com/errors");
    let rule = rule.build().unwrap();
    let long = "x".repeat(3_000);
    let most = "x".repeat(128);
    let builder = Monitor::builder().service(Service::new("shop").version(&most).instance(&most));
    let monitor = builder.rules([rule].into_iter().collect::<RuleSet>()).build().unwrap();
    let odd = monitor.metrics().gauge("odd").register();
    for (place, value) in HOSTILE.iter().enumerate() {
        monitor.metrics().gauge("depth").label("queue", *value).register().set(place as f64);
    }
    monitor.record_custom_metric("__proto__", 1.0, &long);
    monitor.record_custom_metric("1 and \u{202e} more", 1.0, "");
    let names = HOSTILE.into_iter().chain([long.as_str(), ""]);
    let names: Vec<&str> = names.collect();
    for second in 0..1_500_u32 {
        clock.advance(Duration::from_secs(1));
        let fails = second < 300;
        for name in &names {
            let outcome = if fails && second % 3 == 0 { Outcome::Error } else { Outcome::Ok };
            monitor.operation(name).record(Duration::from_millis(3), outcome);
        }
        odd.set([f64::INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, -0.0, 1e300][second as usize / 250]);
        monitor.tick();
        if second == 200 {
            let fires = monitor.alerts().active();
            monitor.alerts().acknowledge(fires[0].id, HOSTILE[0], HOSTILE[1], None).unwrap();
        }
    }
    let now = monitor.time_of_day();
    Report::of(&monitor, range_of(now - Duration::from_secs(1_500), now, None).unwrap(), told())
}

/// Has a vendor's library read the bodies: the folder of the library is named by a variable.
fn library_reads(variable: &str, program: &str, argument: &str, text: &str) {
    let Some(folder) = env::var_os(variable) else {
        println!("skipped: {variable} names no folder");
        return;
    };
    let mut python = Command::new("python3");
    python.args(["-c", program, argument]).env("PYTHONPATH", folder).env("PYTHONDONTWRITEBYTECODE", "1");
    let mut python = python.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // One that ends early says why.
    drop(python.stdin.take().unwrap().write_all(text.as_bytes()));
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), text.lines().count().to_string());
}

/// All bodies of a text.
fn bodies(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn length(text: &Value) -> usize {
    text.as_str().unwrap().chars().count()
}

#[test]
fn datadog_reads_its_bodies() {
    let text = written(Format::Datadog, &told_of());
    library_reads("PERF_DATADOG", include_str!("datadog.py"), "series", &text);
    for (line, body) in text.lines().zip(bodies(&text)) {
        assert!(line.len() <= 512_000);
        for series in body["series"].as_array().unwrap() {
            let name = series["metric"].as_str().unwrap();
            assert!(name.starts_with(|first: char| first.is_ascii_alphabetic()) && name.len() <= 200, "{name}");
            assert!(name.chars().all(|one| one.is_ascii_alphanumeric() || matches!(one, '_' | '.')), "{name}");
            let tags = series["tags"].as_array().unwrap();
            assert!(tags.len() <= 100 && tags.iter().all(|tag| length(tag) <= 200), "{tags:?}");
            let host = &series["resources"][0];
            assert!(host["type"] == "host" && length(&host["name"]) <= 255, "{host}");
            let points = series["points"].as_array().unwrap();
            assert!((1..=1_000).contains(&points.len()) && points.iter().all(|point| point["value"].is_f64()));
        }
    }
}

/// A report that another made may hold anything that its types do.
#[test]
fn numbers_that_are_none_are_left_out() {
    let mut report = told_of();
    let odd = report.tracks.metrics.iter_mut().find(|track| track.name == "odd").expect("the metric");
    for (point, value) in odd.points.iter_mut().zip([f64::NAN, f64::INFINITY, f64::NEG_INFINITY].into_iter().cycle()) {
        point.value = Some(value);
    }
    for format in [Format::Datadog, Format::NewRelic] {
        let text = written(format, &report);
        assert!(!text.contains("\"odd\"") && !text.contains("null") && bodies(&text).len() == text.lines().count());
    }
}

/// An alert of one may end none of another, and whoever acknowledges what does not fire opens none.
#[test]
fn an_alert_of_datadog_is_that_of_one_instance() {
    let report = told_of();
    let key_of = |report: &Report| {
        let bodies = bodies(&written(Format::DatadogEvents, report));
        bodies[0]["data"]["attributes"]["aggregation_key"].as_str().unwrap().to_owned()
    };
    let of = |name: &str, instance: &str| {
        let mut other = report.clone();
        other.events.iter_mut().for_each(|event| event.service = None);
        other.service = Some(Service::new(name).instance(instance));
        key_of(&other)
    };
    let keys: BTreeSet<String> = [of("shop", "a"), of("shop", "b"), of("bills", "a"), of("shopa", "")].into();
    assert_eq!((keys.len(), of("shop", "a")), (4, of("shop", "a")));
    let mut pending = report.clone();
    for event in &mut pending.events {
        event.transition = Transition::Acknowledged;
        event.alert.state = AlertState::Pending;
    }
    assert_eq!(written(Format::DatadogEvents, &pending), "");
}

#[test]
fn datadog_reads_changes_of_alerts() {
    let report = told_of();
    let text = written(Format::DatadogEvents, &report);
    library_reads("PERF_DATADOG", include_str!("datadog.py"), "events", &text);
    let (mut keys, mut told) = (BTreeSet::new(), Vec::new());
    for body in bodies(&text) {
        let event = &body["data"]["attributes"];
        assert!((1..=500).contains(&length(&event["title"])) && (1..=4_000).contains(&length(&event["message"])));
        assert!((1..=100).contains(&length(&event["aggregation_key"])) && length(&event["host"]) <= 255);
        let tags = event["tags"].as_array().unwrap();
        assert!((1..=100).contains(&tags.len()) && tags.iter().all(|tag| length(tag) <= 200), "{tags:?}");
        assert!(tags.contains(&"service:shop".into()) && tags.contains(&"rule:errors".into()), "{tags:?}");
        assert_eq!(event["attributes"]["links"][0]["url"], "https://ops.example.com/errors");
        let custom = &event["attributes"]["custom"];
        keys.insert(event["aggregation_key"].to_string());
        let word = |value: &Value| value.as_str().unwrap().to_owned();
        told.push((word(&event["timestamp"]), word(&custom["transition"]), word(&event["attributes"]["status"])));
    }
    // As many as were told of in the process, in the order in which they came.
    let ours: Vec<_> = report.events.iter().rev().map(|event| event.transition.as_str().to_owned()).collect();
    let ours: Vec<_> = ours.into_iter().filter(|one| one != "pending" && one != "cleared").collect();
    assert_eq!(told.iter().map(|(_, transition, _)| transition.clone()).collect::<Vec<_>>(), ours);
    assert!(told.is_sorted_by(|one, other| one.0 <= other.0), "{told:?}");
    for (transition, status) in [("fired", "error"), ("acknowledged", "error"), ("resolved", "ok")] {
        let is_so = |(_, other, found): &(String, String, String)| other == transition && found == status;
        assert!(told.iter().any(is_so), "{transition} is {status}: {told:?}");
    }
    let alerts: BTreeSet<String> = report.events.iter().map(|event| event.alert.fingerprint.to_string()).collect();
    assert_eq!(keys.len(), alerts.len(), "one key for each alert");
}

#[test]
fn new_relic_reads_its_bodies() {
    let text = written(Format::NewRelic, &told_of());
    library_reads("PERF_NEWRELIC", include_str!("newrelic.py"), "", &text);
    for (line, body) in text.lines().zip(bodies(&text)) {
        assert!(line.len() <= 1_000_000);
        let common = body[0]["common"]["attributes"].as_object().unwrap();
        for metric in body[0]["metrics"].as_array().unwrap() {
            assert!((1..=255).contains(&length(&metric["name"])) && metric["value"].is_f64(), "{metric}");
            let own = metric["attributes"].as_object().unwrap();
            assert!(own.len() + common.len() <= 100);
            for (name, value) in own.iter().chain(common) {
                assert!((1..=255).contains(&name.chars().count()) && value.as_str().unwrap().len() <= 4_096, "{name}");
            }
        }
    }
}
