//! Intended results are counted as what they are, and are no sign of ill health: expected errors, calls that are cancelled by design,
//! and calls that wait by design.

use perf_runtime::rule::{Rule, RuleProfile, Statistic, presets};
use perf_runtime::series::SeriesSummary;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{ErrorType, Kind, Monitor, Outcome, Window, monitor, monitor_tool};
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, ErrorType)]
enum FindError {
    #[error_type(expected)]
    NotFound,
    #[error_type("broken")]
    Corrupt,
    #[error_type(nested)]
    Input(InputError),
    #[error_type(nested, expected)]
    Limit(LimitError),
}

#[derive(Debug, ErrorType)]
#[error_type(expected)]
enum InputError {
    TooLong,
    #[error_type("odd")]
    Strange,
}

#[derive(Debug, ErrorType)]
enum LimitError {
    Quota,
}

fn monitor_of_all_rules() -> Monitor {
    Monitor::builder().rules(presets::standard()).build().unwrap()
}

fn series(monitor: &Monitor, kind: Kind, label: &str) -> SeriesSummary {
    monitor.summary(Window::Last5Minutes).find(kind, &[label]).expect("the series").clone()
}

/// A minute's ticks in which nothing more happens.
fn minute(clock: &ManualClock, monitor: &Monitor) {
    for _ in 0..60 {
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn assert_well(monitor: &Monitor) {
    let health = monitor.health();
    assert!(health.score() >= 100.0, "{:?}", health.indicators());
    let (active, pending) = (monitor.alerts().active(), monitor.alerts().pending());
    assert!(active.is_empty() && pending.is_empty(), "{active:?} {pending:?}");
}

/// A future that was polled once and is then dropped.
fn drop_half_way(future: impl Future) {
    let mut future = pin!(future);
    assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

#[test]
fn an_expected_error_is_counted_with_its_type_and_is_no_failure() {
    #[monitor_tool("by_design_find", objective(success = 99.9))]
    fn find(how: Result<(), FindError>) -> Result<(), FindError> {
        how
    }
    let clock = ManualClock::hold();
    let monitor = monitor_of_all_rules();
    for call in 0..100 {
        let how = match call {
            0..=9 => Err(FindError::NotFound),
            10..=14 => Err(FindError::Input(InputError::TooLong)),
            15..=19 => Err(FindError::Input(InputError::Strange)),
            20..=24 => Err(FindError::Limit(LimitError::Quota)),
            _ => Ok(()),
        };
        drop(find(how));
    }
    clock.advance(SECOND);
    monitor.tick();
    let found = series(&monitor, Kind::Tool, "by_design_find");
    assert_eq!((found.outcomes.ok, found.outcomes.error, found.outcomes.expected_errors), (75, 25, 25));
    assert_eq!((found.total.expected_errors, found.error_rate, found.apdex), (25, Some(0.0), Some(1.0)));
    assert_eq!(found.error_types["not_found"], 10);
    assert!(found.objective.unwrap().met);
    let objectives = monitor.objectives();
    let objective = objectives.iter().find(|one| one.series == "tool{tool=by_design_find}").unwrap();
    assert_eq!((objective.calls, objective.bad), (100, 0));
    assert_well(&monitor);
    let text = monitor.render_prometheus();
    let shown = |labels: &str| {
        let sample = format!("tool_calls_total{{tool=\"by_design_find\",outcome=\"error\"{labels}}} ");
        text.lines().find_map(|line| line.strip_prefix(&sample)?.parse::<u64>().ok())
    };
    for (sort, count) in [("not_found", 10), ("too_long", 5), ("odd", 5), ("quota", 5)] {
        assert_eq!(shown(&format!(",error_type=\"{sort}\",expected=\"true\"")), Some(count), "{sort}");
        assert_eq!(shown(&format!(",error_type=\"{sort}\"")), None, "{sort}");
    }
    assert_eq!((shown(",error_type=\"broken\""), shown("")), (Some(0), Some(0)));

    // An error that is not expected is a failure as ever, and the expected ones do not hide it.
    (0..100).for_each(|_| drop(find(Err(FindError::Corrupt))));
    minute(&clock, &monitor);
    let found = series(&monitor, Kind::Tool, "by_design_find");
    assert_eq!((found.outcomes.error, found.outcomes.failed(), found.error_rate), (125, 100, Some(0.5)));
    assert!(monitor.alerts().active().iter().any(|alert| alert.rule == "tool-errors"));
    assert!(monitor.health().score() < 100.0);
}

#[test]
fn an_expected_error_beside_a_predicate_keeps_its_type_and_is_expected() {
    #[monitor("by_design_judged", error_if = |found: &Result<u8, FindError>| found.as_ref().is_ok_and(|rows| *rows == 0) || found.is_err())]
    fn judged(how: Result<u8, FindError>) -> Result<u8, FindError> {
        how
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    for how in [Ok(0), Ok(1), Err(FindError::NotFound), Err(FindError::Corrupt)] {
        drop(judged(how));
    }
    clock.advance(SECOND);
    let found = series(&monitor, Kind::Operation, "by_design_judged");
    assert_eq!((found.total.ok, found.total.error, found.total.failed()), (1, 3, 2));
    assert_eq!((found.error_types["not_found"], found.error_types["broken"]), (1, 1));
}

#[test]
fn windows_and_resets_know_what_was_expected() {
    #[monitor("by_design_windows")]
    async fn find(how: FindError) -> Result<(), FindError> {
        Err(how)
    }
    let run = |how: FindError| {
        let polled = pin!(find(how)).poll(&mut Context::from_waker(Waker::noop()));
        assert!(polled.is_ready());
    };
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    run(FindError::NotFound);
    run(FindError::Corrupt);
    (0..3).for_each(|_| minute(&clock, &monitor));
    run(FindError::NotFound);
    let last_minute = monitor.summary(Window::LastMinute);
    let last_minute = last_minute.find(Kind::Operation, &["by_design_windows"]).unwrap();
    assert_eq!((last_minute.outcomes.error, last_minute.outcomes.failed()), (1, 0));
    let found = series(&monitor, Kind::Operation, "by_design_windows");
    assert_eq!((found.outcomes.error, found.outcomes.failed(), found.total.failed()), (3, 1, 1));
    monitor.reset();
    run(FindError::NotFound);
    let found = series(&monitor, Kind::Operation, "by_design_windows");
    assert_eq!((found.total.error, found.total.expected_errors, found.outcomes.expected_errors), (1, 1, 1));
}

#[test]
fn calls_that_are_cancelled_by_design_are_counted_and_nothing_more() {
    #[monitor_tool("by_design_hedged", cancel = "expected")]
    async fn hedged() {
        pending::<()>().await;
    }
    #[monitor_tool("by_design_lost")]
    async fn lost() {
        pending::<()>().await;
    }
    let clock = ManualClock::hold();
    let cancelled = |rule: &str| {
        Rule::builder(rule)
            .metric(Kind::Tool)
            .statistic(Statistic::CancelledRate)
            .window(Window::LastMinute)
            .warning(0.5)
    };
    let mut rules = presets::standard();
    rules.insert(cancelled("cancelled").build().unwrap());
    let monitor = Monitor::builder().rules(rules).build().unwrap();
    (0..100).for_each(|_| drop_half_way(hedged()));
    clock.advance(SECOND);
    monitor.tick();
    let found = series(&monitor, Kind::Tool, "by_design_hedged");
    assert_eq!((found.total.cancelled, found.total.expected_cancelled), (100, 100));
    assert_eq!((found.outcomes.cancelled_rate(), found.apdex), (None, None));
    assert_well(&monitor);
    let text = monitor.render_prometheus();
    let shown = |tool: &str, labels: &str| {
        text.contains(&format!("tool_calls_total{{tool=\"{tool}\",outcome=\"cancelled\"{labels}\n"))
    };
    assert!(shown("by_design_hedged", ",expected=\"true\"} 100") && shown("by_design_hedged", "} 0"), "{text}");
    assert!(shown("by_design_lost", "} 0") && !shown("by_design_lost", ",expected=\"true\"} 0"));

    (0..10).for_each(|_| drop_half_way(lost()));
    clock.advance(SECOND);
    monitor.tick();
    let names: Vec<_> = monitor.alerts().active().into_iter().map(|alert| (alert.rule, alert.series)).collect();
    assert_eq!(names, [("cancelled".to_owned(), "tool{tool=by_design_lost}".to_owned())]);
}

#[test]
fn calls_that_wait_by_design_are_listed_and_measured_and_not_judged() {
    #[monitor("by_design_consume", waits)]
    async fn consume() {
        pending::<()>().await;
    }
    #[monitor("by_design_poll", waits)]
    fn poll(clock: &ManualClock) {
        clock.advance(30 * SECOND);
    }
    let clock = ManualClock::hold();
    let monitor = monitor_of_all_rules();
    let mut consumer = pin!(consume());
    assert!(consumer.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    (0..30).for_each(|_| poll(&clock));
    minute(&clock, &monitor);
    assert_well(&monitor);
    let consumer_seen = series(&monitor, Kind::Operation, "by_design_consume");
    assert!(consumer_seen.waits && consumer_seen.oldest_in_flight > Some(900.0));
    assert_eq!(monitor.calls_in_flight(9).len(), 1);
    let polled = monitor.summary(Window::LastHour);
    let polled = polled.find(Kind::Operation, &["by_design_poll"]).unwrap();
    assert!(polled.waits && polled.count == 30 && polled.p50 > Some(25.0) && polled.apdex.is_none());
    let text = monitor.render_prometheus();
    assert!(text.contains("operation_duration_seconds_count{operation=\"by_design_poll\",outcome=\"ok\"} 30\n"));

    // Errors of such calls count as ever.
    let broken = monitor.operation("by_design_broken").waits();
    (0..50).for_each(|_| broken.record(9 * SECOND, Outcome::Error));
    minute(&clock, &monitor);
    let firing: Vec<_> = monitor.alerts().active().into_iter().map(|alert| alert.rule).collect();
    assert_eq!(firing, ["operation-errors"]);
    // And a rule file says what it cannot know.
    let rules = monitor.prometheus_rules(RuleProfile::Current);
    assert!(rules.only_here.contains(&("operation-latency".to_owned(), "waits")), "{:?}", rules.only_here);
    assert!(!rules.only_here.contains(&("db-latency".to_owned(), "waits")));
}

#[test]
fn a_series_that_waits_does_not_excuse_its_neighbours() {
    let clock = ManualClock::hold();
    let monitor = monitor_of_all_rules();
    let (waits, slow) = (monitor.operation("by_design_waits").waits(), monitor.operation("by_design_slow"));
    for _ in 0..100 {
        waits.record(100 * SECOND, Outcome::Ok);
        slow.record(20 * SECOND, Outcome::Ok);
    }
    clock.advance(SECOND);
    let health = monitor.health();
    let latency = health.indicators().iter().find(|one| one.name() == "operation.latency").unwrap();
    assert!(latency.value().is_some_and(|value| (19.0..21.5).contains(&value)), "{latency:?}");
    assert_eq!(latency.series(), Some("operation{operation=by_design_slow}"));
}

#[test]
fn what_is_said_of_a_route_holds_for_its_requests_before_and_after() {
    let clock = ManualClock::hold();
    let monitor = monitor_of_all_rules();
    let cancel = |route: &str| drop(monitor.http_request("GET", route));
    monitor.route_cancel_expected("/suggest");
    (0..20).for_each(|_| cancel("/suggest"));
    let waiting = {
        let mut waiting = monitor.http_request("GET", "/poll");
        waiting.pause();
        waiting
    };
    monitor.route_waits("/poll");
    minute(&clock, &monitor);
    let summary = monitor.summary(Window::LastHour);
    let of = |route: &str| summary.find(Kind::HttpRequest, &["GET", route, ""]).unwrap().clone();
    assert_eq!((of("/suggest").total.cancelled, of("/suggest").total.expected_cancelled), (20, 20));
    assert!(of("/poll").waits && of("/poll").oldest_in_flight >= Some(60.0));
    assert_well(&monitor);
    waiting.answer(200);
    let answered = monitor.summary(Window::LastHour);
    assert!(answered.find(Kind::HttpRequest, &["GET", "/poll", "200"]).unwrap().waits, "whatever its status");
}
