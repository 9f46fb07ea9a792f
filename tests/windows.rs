//! Windows, health and alerts on a clock that stands still until it is moved.

use perf_runtime::alert::{Severity, Transition};
use perf_runtime::health::{HealthStatus, IndicatorStatus};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window, monitor_agent, monitor_db_operation};
use std::future::pending;
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn seconds(clock: &ManualClock, monitor: &Monitor, count: u32, mut each: impl FnMut()) {
    for _ in 0..count {
        each();
        clock.advance(SECOND);
        monitor.tick();
    }
}

#[test]
fn each_window_holds_its_own_time() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let search = monitor.operation("search");
    seconds(&clock, &monitor, 7_200, || search.record(Duration::from_millis(20), Outcome::Ok));
    for window in Window::ALL {
        let summary = monitor.summary(window);
        let series = summary.find(Kind::Operation, &["search"]).unwrap();
        let length = window.duration().as_secs_f64();
        assert!(series.covered >= length && series.covered <= length * 1.07, "{window}: covers {} s", series.covered);
        assert!((series.rate - 1.0).abs() < 1e-9, "{window}: one a second, got {}", series.rate);
        assert_eq!(series.total.ok, 7_200);
    }
}

#[test]
fn a_duration_ends_when_the_body_is_ready() {
    #[monitor_db_operation("update", "windows_users")]
    fn update(clock: &ManualClock) {
        clock.advance(Duration::from_millis(700));
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    update(&clock);
    clock.advance(5 * SECOND);
    let summary = monitor.summary(Window::LastMinute);
    let series = summary.find(Kind::DbOperation, &["update", "windows_users"]).unwrap();
    assert!((series.mean.unwrap() - 0.7).abs() < 1e-9, "the mean is exact: {:?}", series.mean);
    let (min, max) = (series.min.unwrap(), series.max.unwrap());
    assert!(min <= 0.7 && max >= 0.7 && max - min <= 0.7 / 16.0, "{min} {max}");
    let text = monitor.render_prometheus();
    let line = r#"db_operation_duration_seconds_sum{operation="update",table="windows_users",outcome="ok"} 0.7"#;
    assert!(text.contains(line), "{text}");
}

#[test]
fn health_falls_with_a_fault_and_comes_back_after_it() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let record = |millis: u64, outcome| {
        monitor.record_mcp_call("context7", "resolve", Duration::from_millis(millis), outcome == Outcome::Ok);
    };
    seconds(&clock, &monitor, 60, || record(40, Outcome::Ok));
    assert_eq!((monitor.health().score(), monitor.health().status()), (100.0, HealthStatus::Healthy));
    assert!(monitor.alerts().active().is_empty());

    seconds(&clock, &monitor, 60, || record(9_000, Outcome::Error));
    let report = monitor.health();
    assert_eq!(report.status(), HealthStatus::Unhealthy);
    assert!(report.score() < 70.0, "{}", report.score());
    let names: Vec<_> = report.indicators().iter().filter(|one| one.status() == IndicatorStatus::Red).collect();
    let expected = ["mcp_call.errors", "mcp_call.latency", "mcp_call.server.context7", "alerts"];
    assert_eq!(names.iter().map(|one| one.name()).collect::<Vec<_>>(), expected);
    let series = "mcp_call{server=context7,capability=resolve}";
    assert!(names[..3].iter().all(|one| one.series() == Some(series)));
    let taken: f64 =
        report.indicators().iter().flat_map(perf_runtime::health::Indicator::shares).map(|share| share.points).sum();
    assert!((100.0 - report.score() - taken).abs() < 1e-9, "every point has its series");
    let active = monitor.alerts().active();
    assert_eq!(active.iter().map(|alert| alert.rule.as_str()).collect::<Vec<_>>(), ["mcp-latency", "mcp-success"]);
    assert!(active.iter().all(|alert| alert.severity == Severity::Critical), "{active:?}");
    assert_eq!(active[1].labels["server"], "context7");

    // The rules look back over five minutes.
    seconds(&clock, &monitor, 305, || record(40, Outcome::Ok));
    assert_eq!((monitor.health().score(), monitor.health().status()), (100.0, HealthStatus::Healthy));
    assert!(monitor.alerts().active().is_empty());
    let history = monitor.alerts().history();
    let transitions = |wanted| history.iter().filter(|event| event.transition == wanted).count();
    assert_eq!((transitions(Transition::Fired), transitions(Transition::Resolved)), (2, 2));
}

#[test]
fn a_stuck_call_is_seen_while_it_is_stuck() {
    #[monitor_agent("windows_stuck")]
    async fn stuck() {
        pending::<()>().await;
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    {
        let mut call = pin!(stuck());
        assert!(call.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        seconds(&clock, &monitor, 120, || {});
        let report = monitor.health();
        let indicator = report.indicators().iter().find(|one| one.name() == "agent.stuck").unwrap();
        assert_eq!((indicator.status(), indicator.value()), (IndicatorStatus::Red, Some(120.0)));
        assert!(report.recommendations()[0].contains("agent=windows_stuck"), "{:?}", report.recommendations());
    }
    let report = monitor.health();
    let indicator = report.indicators().iter().find(|one| one.name() == "agent.stuck").unwrap();
    assert_eq!(indicator.status(), IndicatorStatus::Unknown, "nothing waits, and too few calls to say more");
}

#[test]
fn a_reset_moves_the_views_and_not_the_counters() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let resize = monitor.operation("resize");
    seconds(&clock, &monitor, 10, || resize.record(SECOND, Outcome::Error));
    monitor.reset();
    let summary = monitor.summary(Window::LastHour);
    let series = summary.find(Kind::Operation, &["resize"]).unwrap();
    assert_eq!((series.count, series.total.finished()), (0, 0));
    assert!(monitor.render_prometheus().contains(r#"operations_total{operation="resize",outcome="error"} 10"#));
}

#[test]
fn what_was_counted_before_the_monitor_is_in_the_totals_and_in_no_window() {
    #[perf_runtime::monitor_tool("windows_before")]
    fn one() {}
    #[perf_runtime::monitor_tool("windows_before")]
    fn other() {}
    let clock = ManualClock::hold();
    for _ in 0..3 {
        one();
        other();
    }
    let monitor = Monitor::builder().build().unwrap();
    clock.advance(SECOND);
    monitor.tick();
    other();
    let summary = monitor.summary(Window::LastMinute);
    let series = summary.find(Kind::Tool, &["windows_before"]).unwrap();
    assert_eq!((series.total.ok, series.count), (7, 1));
}

#[test]
fn without_a_ticker_windows_go_on_when_they_are_asked_for() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let search = monitor.operation("search");
    let count = |window| {
        let summary = monitor.summary(window);
        let series = summary.find(Kind::Operation, &["search"]).unwrap();
        assert!((series.rate * series.covered - series.count as f64).abs() < 1e-6);
        (series.count, series.covered)
    };
    search.record(SECOND, Outcome::Ok);
    clock.advance(30 * SECOND);
    assert_eq!(count(Window::LastMinute), (1, 30.0));
    search.record(SECOND, Outcome::Ok);
    clock.advance(61 * SECOND);
    // Of the call after the first question nothing is known but that it came within the last 61 seconds.
    assert_eq!(count(Window::LastMinute), (1, 61.0));
    clock.advance(61 * SECOND);
    assert_eq!(count(Window::LastMinute), (0, 60.0));
    assert_eq!(count(Window::LastHour).0, 2);
    assert_eq!(monitor.ticks().ticks, 0);
}

#[test]
fn two_monitors_see_the_same_calls_each_in_its_own_time() {
    #[perf_runtime::monitor_tool("windows_shared")]
    fn shared() {}
    let clock = ManualClock::hold();
    let (early, late) = (Monitor::builder().build().unwrap(), Monitor::builder().build().unwrap());
    let count =
        |monitor: &Monitor, window| monitor.summary(window).find(Kind::Tool, &["windows_shared"]).unwrap().count;
    for second in 0..120 {
        shared();
        clock.advance(SECOND);
        early.tick();
        if second % 10 == 9 {
            late.tick();
        }
    }
    assert_eq!((count(&early, Window::LastMinute), count(&late, Window::LastMinute)), (60, 60));
    late.reset();
    shared();
    assert_eq!((count(&early, Window::Last5Minutes), count(&late, Window::Last5Minutes)), (121, 1));
}
