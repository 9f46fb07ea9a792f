//! From a bucket to the trace of a call that fell into it.

use crate::reference::{openmetrics, prometheus};
use crate::traces::{Traces, trace_id_of};
use perf_runtime::rule::{Rule, Statistic, Threshold};
use perf_runtime::series::Selector;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window, monitor_tool};
use std::time::{Duration, UNIX_EPOCH};
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt;

#[monitor_tool("exposition_traced", fields(trace = %trace))]
fn traced(trace: &str, millis: u64, clock: &ManualClock) -> Result<(), ()> {
    clock.advance(Duration::from_millis(millis));
    if trace.starts_with("bad") { Err(()) } else { Ok(()) }
}

/// As `traced`, in a series of its own: what falls into its buckets is in no other test's way.
#[monitor_tool("exposition_alerted", fields(trace = %trace))]
fn alerted(trace: &str, millis: u64, clock: &ManualClock) -> Result<(), ()> {
    clock.advance(Duration::from_millis(millis));
    if trace.starts_with("bad") { Err(()) } else { Ok(()) }
}

#[monitor_tool("exposition_failing", fields(trace = %trace))]
fn failing(trace: &str) -> Result<(), ()> {
    if trace.is_empty() { Ok(()) } else { Err(()) }
}

/// A test under a subscriber, with the clock in its hand: as long as it has that, no other test tells the process another
/// way to get ids.
fn listening<R>(trace_id_of: fn(&Span) -> Option<String>, test: impl FnOnce(&ManualClock, &Monitor) -> R) -> R {
    let clock = ManualClock::hold();
    // An exemplar that an earlier test left in a bucket is of an earlier second.
    clock.advance(Duration::from_secs(1));
    let monitor = Monitor::builder().trace_id_of(trace_id_of).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Traces), || test(&clock, &monitor))
}

/// The labels, value and moment of a bucket's exemplar.
fn exemplar(text: &str, outcome: &str, le: &str) -> Option<(String, f64, f64)> {
    let bucket =
        format!("tool_call_duration_seconds_bucket{{tool=\"exposition_traced\",outcome=\"{outcome}\",le=\"{le}\"}} ");
    let line = text.lines().find_map(|line| line.strip_prefix(&bucket))?;
    let (labels, numbers) = line.split_once(" # {")?.1.split_once("} ")?;
    let (value, at) = numbers.split_once(' ').unwrap();
    Some((labels.to_owned(), value.parse().unwrap(), at.parse().unwrap()))
}

#[test]
fn a_slow_bucket_leads_to_the_trace_of_a_slow_call() {
    let time = |monitor: &Monitor| monitor.time_of_day().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
    let (text, older, before, after) = listening(trace_id_of, |clock, monitor| {
        let before = time(monitor);
        traced("quick", 3, clock).unwrap();
        traced("slow\"1\"", 15_000, clock).unwrap();
        traced("bad", 70_000, clock).unwrap_err();
        (openmetrics(monitor), prometheus(monitor), before, time(monitor))
    });
    let of = |outcome, le| exemplar(&text, outcome, le).map(|(labels, value, _)| (labels, value));
    let some = |labels: &str, value| Some((labels.to_owned(), value));
    assert_eq!(of("ok", "0.01"), some("trace_id=\"quick\"", 0.003));
    assert_eq!(of("ok", "20.0"), some("trace_id=\"slow\\\"1\\\"\"", 15.0));
    assert_eq!(of("error", "+Inf"), some("trace_id=\"bad\"", 70.0));
    assert_eq!(of("ok", "+Inf"), None, "it is the error's bucket");
    let (.., at) = exemplar(&text, "ok", "20.0").unwrap();
    assert!(before <= at && at <= after, "{at}");
    assert!(!older.contains("trace_id"), "the older format has no exemplars");
}

#[test]
fn a_bucket_takes_one_exemplar_a_second() {
    listening(trace_id_of, |clock, monitor| {
        let shown = || exemplar(&openmetrics(monitor), "ok", "0.1").map(|(labels, ..)| labels);
        traced("first", 60, clock).unwrap();
        traced("second", 60, clock).unwrap();
        assert_eq!(shown().as_deref(), Some("trace_id=\"first\""));
        clock.advance(Duration::from_secs(1));
        traced("third", 60, clock).unwrap();
        assert_eq!(shown().as_deref(), Some("trace_id=\"third\""));
    });
}

#[test]
fn a_kind_of_failures_leads_to_the_trace_of_one_of_the_last_of_them() {
    listening(trace_id_of, |clock, monitor| {
        let shown = || {
            let selector = Selector::kind(Kind::Tool).label("tool", "exposition_failing");
            let errors = monitor.errors(&selector, Window::LastMinute);
            errors.series.first().and_then(|series| series.groups.first()?.trace_id.clone())
        };
        failing("first").unwrap_err();
        // Asked for once a second.
        failing("second").unwrap_err();
        assert_eq!(shown().as_deref(), Some("first"));
        clock.advance(Duration::from_secs(1));
        failing("third").unwrap_err();
        assert_eq!(shown().as_deref(), Some("third"));
    });
}

#[test]
fn without_an_id_a_call_is_counted_and_no_exemplar() {
    fn odd(span: &Span) -> Option<String> {
        let id = trace_id_of(span)?;
        assert_ne!(id, "panics");
        (id != "none").then_some(id)
    }
    let too_long = "x".repeat(121);
    let (without, with) = listening(odd, |clock, monitor| {
        for trace in ["panics", "none", "", &too_long] {
            traced(trace, 45_000, clock).unwrap();
        }
        let without = openmetrics(monitor);
        traced(&too_long[1..], 45_000, clock).unwrap();
        (without, openmetrics(monitor))
    });
    assert_eq!(exemplar(&without, "ok", "60.0"), None);
    let bucket = "outcome=\"ok\",le=\"60.0\"} ";
    let line = without.lines().find(|line| line.contains("exposition_traced") && line.contains(bucket)).unwrap();
    assert!(line.rsplit(' ').next().unwrap().parse::<u64>().unwrap() >= 4, "{line}");
    assert!(exemplar(&with, "ok", "60.0").is_some(), "120 characters are not too many");
}

#[test]
fn an_alert_leads_to_the_trace_of_a_call_that_shows_what_it_is_about() {
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(1));
    let rule = |id: &str, statistic| {
        let rule = Rule::builder(id).metric(Kind::Tool).only("tool", ["exposition_alerted"]).statistic(statistic);
        rule.critical(0.4).build().unwrap()
    };
    let rules = [rule("slow", Statistic::Max), rule("failing", Statistic::ErrorRate), rule("busy", Statistic::Calls)];
    let monitor = Monitor::builder().trace_id_of(trace_id_of).rules(rules.into_iter().collect()).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(Traces), || {
        alerted("long-ago", 90_000, &clock).unwrap();
        for wait in [Duration::from_secs(1), Duration::from_hours(1)] {
            clock.advance(wait);
            monitor.tick();
        }
        alerted("quick", 3, &clock).unwrap();
        alerted("slow", 15_000, &clock).unwrap();
        alerted("bad-1", 200, &clock).unwrap_err();
        alerted("bad-2", 1_400, &clock).unwrap_err();
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    });
    let active = monitor.alerts().active();
    let of = |rule: &str| {
        let alert = active.iter().find(|alert| alert.rule == rule).unwrap_or_else(|| panic!("{rule}: {active:#?}"));
        monitor.alerts().trace_of(alert)
    };
    assert_eq!(of("slow").as_deref(), Some("slow"), "and not the one of long ago");
    assert_eq!(of("failing").as_deref(), Some("bad-2"));
    assert_eq!(of("busy"), None, "no single call shows it");
    let mut slower = active.iter().find(|alert| alert.rule == "slow").unwrap().clone();
    slower.threshold = Some(Threshold::Value(20.0));
    assert_eq!(monitor.alerts().trace_of(&slower), None, "no call was as slow");
}

#[test]
fn an_exemplar_names_the_recorded_call_that_it_is_as_long_as_that_is_kept() {
    let (seconds, recorded, of_others, forgotten) = listening(trace_id_of, |clock, monitor| {
        let recording = Monitor::builder().recorder(true).recorded_minutes(2).build().unwrap();
        traced("kept", 150, clock).unwrap();
        let name_in = |monitor: &Monitor| {
            let (labels, ..) = exemplar(&openmetrics(monitor), "ok", "0.2")?;
            let name = labels.strip_prefix("trace_id=\"kept\",recorded_call=\"")?.strip_suffix('"')?;
            Some(name.to_owned())
        };
        let recorded = name_in(&recording).and_then(|name| recording.recorded_call(&name));
        // A monitor that has none of them to show names none.
        let of_others = name_in(monitor);
        clock.advance(Duration::from_secs(150));
        let forgotten = name_in(&recording);
        let seconds = recorded.as_ref().map(|tree| tree.call.seconds);
        (seconds, recorded.and_then(|tree| tree.call.trace_id), of_others, forgotten)
    });
    assert_eq!((seconds, recorded.as_deref(), of_others, forgotten), (Some(0.15), Some("kept"), None, None));
}
