//! The health and the objectives of a time before the process began.

use super::{LONG, Life};
use perf_runtime::health::HealthPoint;
use perf_runtime::objective::Objective;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Outcome};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);

fn begin(folder: &std::path::Path) -> Life {
    let objective = Objective::new(Kind::Operation).only("operation", "checkout").success(99.0);
    let life = Life::with(folder, |builder| builder.objective(objective));
    life.monitor.keep_health().keep();
    life
}

fn seconds_pass(life: &Life, clock: &ManualClock, count: u64, outcome: Outcome) {
    for _ in 0..count {
        life.monitor.operation("checkout").record(Duration::from_millis(20), outcome);
        life.second(clock, 0);
        // Gauges are read as they are when the thread comes to them.
        life.history.catch_up(LONG);
    }
}

#[test]
fn health_and_objectives_of_a_life_before_are_told_as_they_were() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = begin(folder.path());
    seconds_pass(&life, &clock, 600, Outcome::Ok);
    seconds_pass(&life, &clock, 600, Outcome::Error);
    let score = life.monitor.health().score();
    life.end();
    clock.advance(10 * MINUTE);
    let life = begin(folder.path());
    seconds_pass(&life, &clock, 600, Outcome::Ok);
    life.history.flush(LONG);

    let range = TimeRange::last(40 * MINUTE).with_step(MINUTE);
    let history = life.monitor.objective_history(&Selector::calls(), range);
    let [checkout] = &history.objectives[..] else { panic!("{history:#?}") };
    assert_eq!((checkout.whole.calls, checkout.whole.bad), (Some(1_800), Some(600)));
    assert!((checkout.whole.covered - 1_800.0).abs() < 10.0, "{:?}", checkout.whole);
    let unknown = checkout.points.iter().filter(|point| point.calls.is_none()).count();
    assert!((8..=10).contains(&unknown), "the time between: {unknown} minutes");

    let history = life.monitor.health_history(range);
    let near = |one: f64, other: f64| (one - other).abs() < 0.01;
    let unwell: Vec<&HealthPoint> =
        history.points.iter().filter(|point| point.status.is_some_and(|status| near(status.unhealthy, 1.0))).collect();
    assert!((8..=10).contains(&unwell.len()), "{history:#?}");
    assert!(unwell.iter().any(|point| near(point.score.unwrap(), score)), "{score}: {unwell:#?}");
    assert!(unwell.iter().any(|point| point.penalties[0].indicator == "operation.errors"), "{unwell:#?}");
    let unknown = history.points.iter().filter(|point| point.score.is_none()).count();
    let scores: Vec<_> = history.points.iter().map(|point| (point.score, point.covered)).collect();
    assert!((8..=12).contains(&unknown), "the time between: {unknown} minutes: {scores:?}");
    let last = history.points.iter().rev().find(|point| point.score.is_some()).unwrap();
    assert!(near(last.score.unwrap(), 100.0) && last.penalties.is_empty(), "{last:#?}");
    let whole = history.whole.unwrap();
    assert!((0.3..0.4).contains(&whole.serving.unwrap().unhealthy), "{whole:#?}");
    assert!(near(whole.penalties.iter().map(|one| one.points).sum::<f64>(), 100.0 - whole.score.unwrap()));
    // A time of which nothing is kept.
    let before = TimeRange::between(range.start() - 600 * MINUTE, range.start() - 300 * MINUTE).unwrap();
    let history = life.monitor.health_history(before);
    assert!(history.whole.is_none() && history.points.iter().all(|point| point.score.is_none()));
    life.end();
}
