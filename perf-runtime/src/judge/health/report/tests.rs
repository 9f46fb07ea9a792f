use super::*;
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::observation::{GaugeSample, Observation, Tick};
use crate::judge::rule::severity::Severity;
use crate::measure::clock;
use crate::measure::clock::manual::ManualClock;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::known as names;
use crate::observe::series::registry::Registry;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

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
    judge(&registry)
}

fn judge(registry: &Registry) -> HealthReport {
    HealthReport::judge(&registry.recent(clock::now()), &Gauges::new(), &[], &[])
}

#[test]
fn nothing_called_is_healthy() {
    let report = HealthReport::judge(&[], &Gauges::new(), &[], &[]);
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
    series.own.start_away();
    let ticket = series.own.wait(clock::now()).unwrap();
    clock.advance(Duration::from_secs(45));
    let report = judge(&registry);
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

fn used(gauge: &str, value: f64) -> Gauges {
    let labels = vec![("host".to_owned(), "a".to_owned())].into();
    Gauges::from([(gauge.to_owned(), vec![GaugeSample { labels, value }])])
}

#[test]
fn a_resource_is_judged_once_something_measures_it() {
    let report = |value| HealthReport::judge(&[], &used(names::SYSTEM_MEMORY_UTILIZATION_RATIO, value), &[], &[]);
    assert!(HealthReport::judge(&[], &Gauges::new(), &[], &[]).indicators().is_empty());
    assert_eq!(report(0.5).status(), HealthStatus::Healthy);
    assert_eq!(report(0.75).status(), HealthStatus::Degraded);
    assert_eq!(report(0.95).status(), HealthStatus::Unhealthy);
    let load = |value| HealthReport::judge(&[], &used(names::SYSTEM_LOAD_RATIO, value), &[], &[]).status();
    assert_eq!([1.0, 1.5, 2.5].map(load), [HealthStatus::Healthy, HealthStatus::Degraded, HealthStatus::Unhealthy]);
    let advice = report(0.95).recommendations()[0].clone();
    assert!(advice.contains("Little memory left: 95.0 %") && advice.contains("without a bound"), "{advice}");
}

#[test]
fn each_server_is_judged_by_itself() {
    let registry = Registry::new();
    for (server, outcome) in [("context7", Outcome::Ok), ("magic", Outcome::Error)] {
        let series = registry.series(Kind::McpCall, &[server, "resolve"]);
        (0..10).for_each(|_| series.own.record(outcome, 1_000));
    }
    let report = judge(&registry);
    let of = |server: &str| {
        let name = format!("mcp_call.server.{server}");
        report.indicators().iter().find(|one| one.name() == name).unwrap().status()
    };
    assert_eq!((of("context7"), of("magic")), (IndicatorStatus::Green, IndicatorStatus::Red));
}

#[test]
fn points_are_taken_by_the_series_that_are_to_blame() {
    let registry = Registry::new();
    for (table, errors) in [("users", 60), ("orders", 20), ("logs", 0)] {
        let series = registry.series(Kind::DbOperation, &["select", table]);
        (0..100).for_each(|call| series.own.record(Outcome::from_success(call >= errors), 1_000));
    }
    let report = judge(&registry);
    let worst = &report.indicators()[0];
    let shares: Vec<_> = worst.shares().iter().map(|share| (share.series.as_str(), share.points)).collect();
    let (users, orders) = (worst.penalty() * 0.75, worst.penalty() * 0.25);
    assert_eq!(shares.len(), 2, "{shares:?}");
    assert_eq!(
        (shares[0].0, shares[1].0),
        ("db_operation{operation=select,table=users}", "db_operation{operation=select,table=orders}")
    );
    assert!((shares[0].1 - users).abs() < 1e-9 && (shares[1].1 - orders).abs() < 1e-9, "{shares:?}");
}

#[test]
fn alerts_that_fire_take_points_and_name_their_series() {
    let alerts = |severity, count: usize| {
        let rule = Rule::builder("deep").metric("depth").warning(1.0).critical(2.0).build().unwrap();
        let mut engine = AlertEngine::new(&[rule].into_iter().collect(), 100);
        let value = if severity == Severity::Critical { 3.0 } else { 1.5 };
        let labels = |number: usize| vec![("queue".to_owned(), number.to_string())].into();
        let samples = (0..count).map(|number| GaugeSample { labels: labels(number), value }).collect();
        let (windows, gauges) = (BTreeMap::new(), Gauges::from([("depth".to_owned(), samples)]));
        let tick = Tick { elapsed: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };
        engine.evaluate(&Observation::new(&windows, &gauges), tick);
        HealthReport::judge(&[], &Gauges::new(), &[], &engine.active())
    };
    assert_eq!(alerts(Severity::Warning, 1).status(), HealthStatus::Degraded);
    assert_eq!(alerts(Severity::Critical, 1).status(), HealthStatus::Unhealthy);
    let scores: Vec<f64> = (0..20).map(|count| alerts(Severity::Critical, count).score()).collect();
    assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
    assert!((scores[19] - 90.0).abs() < 1e-9, "{scores:?}");
    let series = alerts(Severity::Warning, 2).indicators()[0]
        .shares()
        .iter()
        .map(|share| share.series.clone())
        .collect::<Vec<_>>();
    assert_eq!(series, ["depth{queue=0}", "depth{queue=1}"]);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn shares_sum_to_the_penalty_of_their_indicator(
        calls in prop::collection::vec((0_u64..60, 0_u64..40_000, 0_usize..4), 1..8),
    ) {
        let registry = Registry::new();
        for (series, (count, millis, outcome)) in calls.into_iter().enumerate() {
            let series = registry.series(Kind::Tool, &[&format!("tool-{series}")]);
            let nanos = clock::nanos(Duration::from_millis(millis));
            (0..count).for_each(|_| series.own.record(Outcome::ALL[outcome], nanos));
        }
        for indicator in judge(&registry).indicators().iter().filter(|one| one.status() >= IndicatorStatus::Yellow) {
            let sum: f64 = indicator.shares().iter().map(|share| share.points).sum();
            prop_assert!((sum - indicator.penalty()).abs() < 1e-9, "{indicator:?}");
        }
    }

    #[test]
    fn more_of_a_resource_in_use_never_raises_the_score(one in 0.0..12.0_f64, other in 0.0..12.0_f64) {
        for gauge in [names::SYSTEM_CPU_UTILIZATION_RATIO, names::SYSTEM_LOAD_RATIO] {
            let score = |value| HealthReport::judge(&[], &used(gauge, value), &[], &[]).score();
            prop_assert!(score(one.max(other)) <= score(one.min(other)));
        }
    }
}
