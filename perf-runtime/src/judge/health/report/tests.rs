use super::*;
use crate::judge::alerts::alert::Silence;
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::observation::{GaugeSample, Observation, Tick};
use crate::judge::rule::preset::presets;
use crate::judge::rule::severity::Severity;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock;
use crate::measure::clock::manual::ManualClock;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::known as names;
use crate::observe::series::registry::Registry;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

mod laws;

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
    judged(&registry.recent(clock::now()), &Gauges::new(), &[])
}

fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

/// Health by the limits of the standard rules.
fn judged(kinds: &[KindSummary], gauges: &Gauges, firing: &[FiringAlert]) -> HealthReport {
    let limits = LimitsInForce::of(presets::standard().iter());
    HealthReport::judge(kinds, Evidence { gauges, added: &[], firing, limits: &limits })
}

#[test]
fn nothing_called_is_healthy() {
    let report = judged(&[], &Gauges::new(), &[]);
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
    let ticket = series.own.wait(clock::now(), Parent::NONE).unwrap();
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
    Gauges::from([(gauge.to_owned(), vec![GaugeSample::new(labels, value)])])
}

#[test]
fn a_resource_is_judged_once_something_measures_it() {
    let report = |value| judged(&[], &used(names::SYSTEM_MEMORY_UTILIZATION_RATIO, value), &[]);
    assert!(judged(&[], &Gauges::new(), &[]).indicators().is_empty());
    assert_eq!(report(0.5).status(), HealthStatus::Healthy);
    assert_eq!(report(0.75).status(), HealthStatus::Healthy, "the rule warns from 80 % on, and so does the health");
    assert_eq!(report(0.82).status(), HealthStatus::Degraded);
    let short = report(0.95);
    assert_eq!((short.status(), short.indicators()[0].status()), (HealthStatus::Degraded, IndicatorStatus::Red));
    let load = |value| judged(&[], &used(names::SYSTEM_LOAD_RATIO, value), &[]).indicators()[0].status();
    assert_eq!([1.0, 1.5, 2.5].map(load), [IndicatorStatus::Green, IndicatorStatus::Yellow, IndicatorStatus::Red]);
    let advice = report(0.95).recommendations()[0].clone();
    assert!(advice.contains("Little memory left: 95.0 %") && advice.contains("without a bound"), "{advice}");
}

/// Gauges, each with one label and a value.
fn gauges(all: &[(&str, (&str, &str), f64)]) -> Gauges {
    let mut gauges = Gauges::new();
    for (name, (label, text), value) in all {
        let labels = vec![((*label).to_owned(), (*text).to_owned())].into();
        gauges.entry((*name).to_owned()).or_default().push(GaugeSample::new(labels, *value));
    }
    gauges
}

#[test]
fn a_resource_alone_makes_the_process_degraded_unless_it_is_about_to_fail_it() {
    let disk = |place: &'static str, used| (names::SYSTEM_DISK_UTILIZATION_RATIO, ("mountpoint", place), used);
    let written = |place: &'static str, files| (names::PROCESS_FILES_OPEN_FOR_WRITING, ("mountpoint", place), files);
    let pool = (names::DB_POOL_UTILIZATION_RATIO, ("pool", "main"), 1.0);
    let stalled = |pool: &'static str, for_| (names::DB_CLIENT_CONNECTION_STALLED_SECONDS, ("pool", pool), for_);
    let memory = |used| (names::SYSTEM_MEMORY_UTILIZATION_RATIO, ("host", "a"), used);
    let killed_at = |used| (names::CONTAINER_MEMORY_KILL_RATIO, ("host", "a"), used);
    for (seen, expected) in [
        (vec![memory(0.97)], HealthStatus::Degraded),
        (vec![memory(0.94), killed_at(0.94)], HealthStatus::Degraded),
        (vec![memory(1.0), killed_at(0.5)], HealthStatus::Degraded),
        (vec![memory(0.97), killed_at(0.97)], HealthStatus::Unhealthy),
        (vec![disk("/", 1.0)], HealthStatus::Degraded),
        (vec![disk("/", 1.0), written("/", 0.0)], HealthStatus::Degraded),
        (vec![disk("/", 1.0), written("/data", 3.0), disk("/data", 0.5)], HealthStatus::Degraded),
        (vec![disk("/", 1.0), written("/", 1.0)], HealthStatus::Unhealthy),
        (vec![pool], HealthStatus::Degraded),
        (vec![pool, stalled("main", 3.0)], HealthStatus::Degraded),
        (vec![pool, stalled("other", 30.0)], HealthStatus::Degraded),
        (vec![pool, stalled("main", 10.0)], HealthStatus::Unhealthy),
    ] {
        let report = judged(&[], &gauges(&seen), &[]);
        let verdicts = (report.serving(), report.resources(), report.status());
        assert_eq!(verdicts, (HealthStatus::Healthy, expected, expected), "{seen:?}: {report}");
        assert_eq!(report.score() <= 80.0, expected == HealthStatus::Unhealthy, "{seen:?}: {report}");
    }
}

#[test]
fn processors_that_others_use_are_told_with_both_shares_and_cost_once() {
    let cpu = (names::SYSTEM_CPU_UTILIZATION_RATIO, ("host", "a"), 0.96);
    let own = (names::PROCESS_CPU_UTILIZATION_RATIO, ("host", "a"), 0.06);
    let load = (names::SYSTEM_LOAD_RATIO, ("host", "a"), 3.0);
    let report = judged(&[], &gauges(&[cpu, own, load]), &[]);
    let line = report.to_string();
    assert!(line.starts_with("degraded, 88 of 100: CPU"), "{line}");
    assert!(line.contains("CPU 96 %: this process 6 %, others 90 % (limit 90 %) now"), "{line}");
    assert!(report.recommendations()[0].contains("what else runs on this host"), "{:?}", report.recommendations());
    let by_name = |name: &str| report.indicators().iter().find(|one| one.name() == name).unwrap();
    let (cpu, load) = (by_name("cpu"), by_name("load"));
    assert_eq!((cpu.own(), load.status()), (Some(0.06), IndicatorStatus::Red));
    assert_eq!((load.penalty(), load.counted_in()), (0.0, Some("cpu")));
    let alone = judged(&[], &gauges(&[(names::SYSTEM_CPU_UTILIZATION_RATIO, ("host", "a"), 0.96)]), &[]);
    assert!(is_same(alone.score(), report.score()), "the load is the same fact");
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
        let samples = (0..count).map(|number| GaugeSample::new(labels(number), value)).collect();
        let (windows, gauges) = (BTreeMap::new(), Gauges::from([("depth".to_owned(), samples)]));
        let tick = Tick { elapsed: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };
        engine.evaluate(&Observation::new(&windows, &gauges), tick);
        judged(&[], &Gauges::new(), &engine.firing())
    };
    assert_eq!(alerts(Severity::Warning, 1).status(), HealthStatus::Degraded);
    assert_eq!(alerts(Severity::Critical, 1).status(), HealthStatus::Unhealthy);
    let scores: Vec<f64> = (0..20).map(|count| alerts(Severity::Critical, count).score()).collect();
    assert!(scores.is_sorted_by(|one, other| one >= other), "{scores:?}");
    assert!((scores[19] - 70.0).abs() < 1e-9, "{scores:?}");
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
            let score = |value| judged(&[], &used(gauge, value), &[]).score();
            prop_assert!(score(one.max(other)) <= score(one.min(other)));
        }
    }
}

/// A rule on the 95th percentile of database operations, fired by slow ones, and an engine that has it.
fn engine_of_slow_queries() -> (Registry, AlertEngine) {
    let registry = Registry::new();
    let series = registry.series(Kind::DbOperation, &["select", "users"]);
    (0..100).for_each(|_| series.own.record(Outcome::Ok, clock::nanos(Duration::from_secs(3))));
    let rule = presets::standard().get("db-latency").unwrap().to_builder();
    let rule = rule.hold_for(Duration::ZERO).warm_up(Duration::ZERO).build().unwrap();
    let mut engine = AlertEngine::new(&[rule].into_iter().collect(), 100);
    let windows = registry.tick(clock::now(), &engine.windows());
    engine.evaluate(&Observation::new(&windows, &Gauges::new()), TICK);
    (registry, engine)
}

const TICK: Tick = Tick { elapsed: Duration::ZERO, wall: SystemTime::UNIX_EPOCH };

#[test]
fn an_alert_about_a_latency_costs_nothing_beside_that_latency() {
    let (registry, engine) = engine_of_slow_queries();
    assert_eq!(engine.firing().len(), 1);
    let kinds = registry.recent(clock::now());
    let with_alert = judged(&kinds, &Gauges::new(), &engine.firing());
    assert!(is_same(with_alert.score(), judged(&kinds, &Gauges::new(), &[]).score()));
    let alerts = with_alert.indicators().iter().find(|one| one.name() == "alerts").unwrap();
    assert_eq!((alerts.status(), alerts.value(), alerts.penalty()), (IndicatorStatus::Red, Some(1.0), 0.0));
    assert_eq!(alerts.counted_in(), Some("db_operation.latency"));
    // Once the latency is well, what is left is that somebody was told.
    let only_alert = judged(&[], &Gauges::new(), &engine.firing());
    assert!(is_same(only_alert.score(), 80.0), "{only_alert}");
    let covered = only_alert.indicators()[0].shares()[0].covered;
    assert!(is_same(covered, 300.0), "the rule looks back over five minutes: {covered}");
}

#[test]
fn alerts_that_somebody_knows_of_take_no_points() {
    let (_, mut engine) = engine_of_slow_queries();
    let report = |engine: &AlertEngine| judged(&[], &Gauges::new(), &engine.firing());
    assert_eq!(report(&engine).status(), HealthStatus::Unhealthy);
    let id = engine.firing()[0].alert.id;
    engine.acknowledge(id, "ada", "", None, SystemTime::UNIX_EPOCH).unwrap();
    assert_eq!((report(&engine).score(), report(&engine).status()), (100.0, HealthStatus::Healthy));
    let (registry, mut engine) = engine_of_slow_queries();
    let until = SystemTime::UNIX_EPOCH + Duration::from_secs(3_600);
    let silence = Silence {
        id: 0,
        rule: Some("db-latency".to_owned()),
        labels: BTreeMap::new(),
        by: "ada".to_owned(),
        comment: String::new(),
        until,
    };
    engine.silence(silence, SystemTime::UNIX_EPOCH).unwrap();
    let windows = registry.tick(clock::now(), &engine.windows());
    let later = Tick { elapsed: Duration::from_secs(1), wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1) };
    engine.evaluate(&Observation::new(&windows, &Gauges::new()), later);
    assert_eq!(engine.firing().len(), 1, "it fires on");
    assert!(is_same(report(&engine).score(), 100.0));
}

#[test]
fn calls_that_are_cancelled_make_nothing_red_unless_callers_gave_up() {
    let status = |kind| {
        let report = health_after(kind, &[(10, 10, Outcome::Ok), (90, 10, Outcome::Cancelled)]);
        (report.status(), report.score() <= 80.0)
    };
    for kind in Kind::ALL {
        let expected = match kind {
            Kind::HttpRequest => (HealthStatus::Unhealthy, true),
            _ => (HealthStatus::Degraded, false),
        };
        assert_eq!(status(kind), expected, "{kind}");
    }
}

#[test]
fn limits_are_those_of_the_rules_in_force() {
    let limits = |rules: &crate::judge::rule::set::RuleSet, name: &str, gauges: &Gauges| {
        let registry = Registry::new();
        registry.series(Kind::HttpRequest, &["GET", "/", "200"]).own.record(Outcome::Ok, 1);
        let limits = LimitsInForce::of(rules.iter());
        let evidence = Evidence { gauges, added: &[], firing: &[], limits: &limits };
        let report = HealthReport::judge(&registry.recent(clock::now()), evidence);
        let one = report.indicators().iter().find(|one| one.name() == name).unwrap();
        (one.warning(), one.critical())
    };
    let memory = used(names::SYSTEM_MEMORY_UTILIZATION_RATIO, 0.5);
    let mut rules = presets::standard();
    for (id, indicator) in
        [("memory", "memory"), ("http-latency", "http_request.latency"), ("http-stuck", "http_request.stuck")]
    {
        let rule = rules.get(id).unwrap();
        let [warning, critical] = [Severity::Warning, Severity::Critical]
            .map(|severity| rule.threshold(severity).unwrap().numbers().next().unwrap());
        assert_eq!(limits(&rules, indicator, &memory), (warning, critical), "{id}");
    }
    rules.change("memory", |rule| rule.warning(0.5).critical(0.6)).unwrap();
    rules.change("http-errors", |rule| rule.critical(0.2)).unwrap();
    assert_eq!(limits(&rules, "memory", &memory), (0.5, 0.6));
    assert_eq!(limits(&rules, "http_request.errors", &memory), (0.01, 0.2));
    rules.change("http-errors", |rule| rule.only("route", ["/checkout"]).critical(0.001)).unwrap();
    assert_eq!(limits(&rules, "http_request.errors", &memory), (0.01, 0.05), "one route says nothing of the others");
}

#[test]
fn the_span_that_was_judged_is_told() {
    let report = health_after(Kind::DbOperation, &[(100, 3_000, Outcome::Ok)]);
    let worst = &report.indicators()[0];
    let complaint = worst.complaint().unwrap();
    assert!(complaint.contains(&worst.span()) && worst.span().starts_with("over the last"), "{complaint}");
    assert!(
        worst.covered() > 0.0 && worst.shares().iter().all(|share| is_same(share.covered, worst.covered())),
        "{worst:?}"
    );
    let json = serde_json::to_value(worst).unwrap();
    assert_eq!((json["covered"].as_f64(), &json["verdict"]), (Some(worst.covered()), &"serving".into()));
    assert!(report.to_string().starts_with("unhealthy, 7"), "{report}");
    assert_eq!(judged(&[], &Gauges::new(), &[]).to_string(), "healthy, 100 of 100: nothing to complain about");
}

#[test]
fn a_label_that_came_with_a_request_begins_no_line() {
    let registry = Registry::new();
    let series = registry.series(Kind::McpCall, &["evil\nhealthy, 100 of 100", "resolve"]);
    (0..10).for_each(|_| series.own.record(Outcome::Error, 1_000));
    let report = judge(&registry);
    assert!(!report.to_string().contains('\n') && report.recommendations().iter().all(|one| !one.contains('\n')));
}
