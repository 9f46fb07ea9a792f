use super::*;
use crate::measure::clock;
use crate::measure::clock::manual::ManualClock;
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use crate::observe::registry::Registry;
use proptest::prelude::*;
use std::time::Duration;

/// Health after some calls of one kind: (count, milliseconds, outcome).
fn health_after(kind: Kind, calls: &[(u64, u64, Outcome)]) -> HealthReport {
    let registry = Registry::new();
    let labels = vec!["x"; kind.label_names().len()];
    let series = registry.series(kind, &labels);
    for &(count, millis, outcome) in calls {
        for _ in 0..count {
            series.own.record(outcome, clock::nanos(Duration::from_millis(millis)));
        }
    }
    HealthReport::judge(&registry.recent(clock::now()))
}

#[test]
fn nothing_called_is_healthy() {
    let report = HealthReport::judge(&[]);
    assert_eq!((report.score(), report.status()), (100.0, HealthStatus::Healthy));
    assert!(report.recommendations().is_empty());
}

#[test]
fn quick_calls_without_errors_are_healthy() {
    let report = health_after(Kind::DbOperation, &[(1_000, 20, Outcome::Ok)]);
    assert_eq!((report.score(), report.status()), (100.0, HealthStatus::Healthy));
}

#[test]
fn slow_queries_are_named() {
    let report = health_after(Kind::DbOperation, &[(100, 3_000, Outcome::Ok)]);
    assert_eq!(report.status(), HealthStatus::Unhealthy);
    let worst = &report.indicators()[0];
    assert_eq!(worst.name(), "db_operation.latency");
    assert_eq!(worst.series(), Some("db_operation{operation=x,table=x}"));
    assert!(report.recommendations()[0].contains("a missing index"), "{:?}", report.recommendations());
}

#[test]
fn failures_are_told_from_cancellations() {
    let names = |outcome| {
        let report = health_after(Kind::Tool, &[(50, 10, Outcome::Ok), (50, 10, outcome)]);
        let bad = report.indicators().iter().filter(|indicator| indicator.status() > IndicatorStatus::Green);
        bad.map(|indicator| indicator.name().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names(Outcome::Error), ["tool.errors"]);
    assert_eq!(names(Outcome::Panicked), ["tool.errors"]);
    assert_eq!(names(Outcome::Cancelled), ["tool.cancelled"]);
}

#[test]
fn one_slow_call_or_two_errors_at_low_traffic_change_nothing() {
    let slow = health_after(Kind::HttpRequest, &[(6, 10, Outcome::Ok), (1, 30_000, Outcome::Ok)]);
    assert_eq!(slow.status(), HealthStatus::Healthy);
    let failed = health_after(Kind::HttpRequest, &[(6, 10, Outcome::Ok), (2, 10, Outcome::Error)]);
    assert_eq!(failed.status(), HealthStatus::Healthy);
}

#[test]
fn a_call_that_does_not_end_is_seen_while_it_waits() {
    let clock = ManualClock::hold();
    let registry = Registry::new();
    let series = registry.series(Kind::Agent, &["analyst"]);
    series.own.start(|| {});
    let ticket = series.own.wait(clock::now()).unwrap();
    clock.advance(Duration::from_secs(45));
    let report = HealthReport::judge(&registry.recent(clock::now()));
    let stuck = report.indicators().iter().find(|indicator| indicator.name() == "agent.stuck").unwrap();
    assert_eq!((stuck.status(), stuck.value()), (IndicatorStatus::Yellow, Some(45.0)));
    series.own.waited(ticket, 0);
    series.own.finish(Outcome::Ok, 0);
}

fn any_calls() -> impl Strategy<Value = Vec<(u64, u64, Outcome)>> {
    let outcome = prop::sample::select(Outcome::ALL.to_vec());
    prop::collection::vec((0_u64..60, 0_u64..40_000, outcome), 0..6)
}

fn any_kind() -> impl Strategy<Value = Kind> {
    prop::sample::select(Kind::ALL.to_vec())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_score_is_bounded_and_its_penalties_sum_to_what_is_missing(kind in any_kind(), calls in any_calls()) {
        let report = health_after(kind, &calls);
        prop_assert!((0.0..=100.0).contains(&report.score()));
        let taken: f64 = report.indicators().iter().map(Indicator::penalty).sum();
        prop_assert!((100.0 - report.score() - taken).abs() < 1e-9);
    }

    #[test]
    fn turning_successes_into_errors_never_raises_the_score(kind in any_kind(), ok in 5_u64..60, bad in 0_u64..60) {
        let score = |bad: u64| {
            let all = ok + 60;
            health_after(kind, &[(all - bad, 10, Outcome::Ok), (bad, 10, Outcome::Error)]).score()
        };
        prop_assert!(score(bad + 1) <= score(bad));
    }

    #[test]
    fn slower_calls_never_raise_the_score(kind in any_kind(), millis in 0_u64..60_000, more in 0_u64..60_000) {
        let score = |millis: u64| health_after(kind, &[(40, millis, Outcome::Ok)]).score();
        prop_assert!(score(millis + more) <= score(millis));
    }
}
