//! The health and the objectives over a range of time.

use crate::health::HealthPoint;
use crate::measure::clock::manual::ManualClock;
use crate::objective::{Objective, Promise};
use crate::series::{Selector, TimeRange};
use crate::{Kind, Monitor, Outcome, Window};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// So many seconds, each with calls of `search` that end so.
fn seconds_pass(clock: &ManualClock, monitor: &Monitor, count: u64, ends: &[(u64, Outcome)]) {
    for _ in 0..count {
        for &(millis, outcome) in ends {
            monitor.operation("search").record(Duration::from_millis(millis), outcome);
        }
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn is_near(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-3
}

/// The law of a point: shares of a verdict make 1, and points of indicators what the score lacks.
fn is_whole(point: &HealthPoint) -> bool {
    let shares = [point.status, point.serving, point.resources].into_iter().flatten();
    let points: f64 = point.penalties.iter().map(|one| one.points).sum();
    shares.into_iter().all(|one| is_near(one.healthy + one.degraded + one.unhealthy, 1.0))
        && point.score.is_none_or(|score| is_near(100.0 - score, points))
}

#[test]
fn the_health_of_then_is_told_as_it_was_judged_then() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let _kept = monitor.keep_health();
    seconds_pass(&clock, &monitor, 600, &[(10, Outcome::Ok)]);
    seconds_pass(&clock, &monitor, 600, &[(10, Outcome::Error)]);
    let now = monitor.health();
    assert!(now.score() < 81.0 && !now.indicators().is_empty());
    seconds_pass(&clock, &monitor, 600, &[(10, Outcome::Ok)]);

    let history = monitor.health_history(TimeRange::last(30 * MINUTE).with_step(MINUTE));
    let known: Vec<&HealthPoint> = history.points.iter().filter(|point| point.score.is_some()).collect();
    assert!(known.len() >= 30 && known.iter().all(|point| is_whole(point)), "{history:#?}");
    let at = |minute: usize| known[minute];
    assert!(is_near(at(5).score.unwrap(), 100.0) && at(5).penalties.is_empty());
    let ill = at(15);
    assert!(is_near(ill.status.unwrap().unhealthy, 1.0) && ill.score.unwrap() < 81.0, "{ill:#?}");
    assert!(is_near(ill.serving.unwrap().unhealthy, 1.0) && is_near(ill.resources.unwrap().healthy, 1.0));
    assert!(ill.penalties.iter().any(|one| one.indicator == "operation.errors"), "{ill:#?}");
    assert!(is_near(at(25).score.unwrap(), 100.0), "{:#?}", at(25));

    let whole = history.whole.unwrap();
    assert!(is_whole(&whole), "{whole:#?}");
    // Ten minutes and the one in which the window still sees failures.
    let unwell = whole.status.unwrap().unhealthy + whole.status.unwrap().degraded;
    assert!((0.3..0.5).contains(&unwell), "{whole:#?}");
    super::is_read_back(&monitor.health_history(Window::LastHour));
}

#[test]
fn a_health_that_is_kept_cuts_no_tick_in_two() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let _kept = monitor.keep_health();
    for tick in 1..=60 {
        clock.advance(10 * SECOND);
        let before = monitor.inner.registry.ticks();
        monitor.tick();
        assert_eq!(monitor.inner.registry.ticks(), before + 1, "tick {tick}");
    }
}

#[test]
fn a_health_that_nobody_keeps_is_not_known() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    seconds_pass(&clock, &monitor, 60, &[(10, Outcome::Error)]);
    let history = monitor.health_history(Window::LastHour);
    assert!(history.points.is_empty() && history.whole.is_none());

    let kept = monitor.keep_health();
    seconds_pass(&clock, &monitor, 60, &[(10, Outcome::Error)]);
    drop(kept);
    seconds_pass(&clock, &monitor, 120, &[(10, Outcome::Error)]);
    let history = monitor.health_history(TimeRange::last(4 * MINUTE).with_step(MINUTE));
    let judged: Vec<bool> = history.points.iter().map(|point| point.score.is_some()).collect();
    assert!(judged.iter().any(|is| *is) && !judged[0] && !judged[judged.len() - 1], "{history:#?}");
    assert!(history.points.iter().all(|point| point.score.is_some() == point.status.is_some()));
}

#[test]
fn an_objective_of_then_has_the_calls_of_then() {
    let clock = ManualClock::hold();
    let objective = Objective::new(Kind::Operation)
        .only("operation", "search")
        .latency(Duration::from_millis(250), 90.0)
        .success(99.0);
    let monitor = Monitor::builder().objective(objective).build().unwrap();
    seconds_pass(&clock, &monitor, 600, &[(250, Outcome::Ok)]);
    seconds_pass(&clock, &monitor, 600, &[(250, Outcome::Ok), (260, Outcome::Error), (10, Outcome::Cancelled)]);
    let whole = TimeRange::last(20 * MINUTE).with_step(MINUTE);
    let history = monitor.objective_history(&Selector::calls(), whole);
    assert_eq!((history.objectives.len(), history.left_out), (2, 0));
    let of = |promise| history.objectives.iter().find(|one| one.promise == promise).unwrap();
    let (latency, success) = (of(Promise::Latency), of(Promise::Success));
    assert_eq!((latency.whole.calls, latency.whole.bad), (Some(2_400), Some(600)), "{:#?}", latency.whole);
    // The caller is who cancels: these calls are in neither number.
    assert_eq!((success.whole.calls, success.whole.bad), (Some(1_800), Some(600)));
    assert!(is_near(success.whole.burn_rate.unwrap(), 600.0 / 1_800.0 / 0.01), "{:#?}", success.whole);
    let spent = success.whole.burn_rate.unwrap() * 1_200.0 / (30.0 * 86_400.0);
    assert!((success.whole.budget_spent.unwrap() / spent - 1.0).abs() < 0.01);
    let sum = |of: fn(&crate::objective::ObjectivePoint) -> Option<u64>| -> u64 {
        success.points.iter().filter_map(of).sum()
    };
    assert_eq!((sum(|point| point.calls), sum(|point| point.bad)), (1_800, 600));
    // It is the same as what the budget's own ledger counted.
    let now = monitor.objectives();
    let report = now.iter().find(|one| one.promise == Promise::Success).unwrap();
    assert_eq!((Some(report.calls), Some(report.bad)), (success.whole.calls, success.whole.bad));
    assert_eq!((&report.series, &report.labels), (&success.series, &success.labels));
    super::is_read_back(&history);

    let well = TimeRange::between(whole.start(), whole.start() + 9 * MINUTE).unwrap().with_step(MINUTE);
    let history = monitor.objective_history(&Selector::calls(), well);
    assert!(history.objectives.iter().all(|one| one.whole.bad == Some(0)), "{history:#?}");
    assert_eq!(monitor.objective_history(&Selector::calls().limit(0), whole).left_out, 1);
    let other = Selector::kind(Kind::Operation).label("operation", "other");
    assert!(monitor.objective_history(&other, whole).objectives.is_empty());
}

#[test]
fn requests_of_a_route_keep_one_promise_whatever_their_status() {
    let clock = ManualClock::hold();
    let objective = Objective::new(Kind::HttpRequest).only("route", "/cart").success(99.0);
    let monitor = Monitor::builder().objective(objective).build().unwrap();
    for (route, status) in [("/cart", 200), ("/cart", 500), ("/cart", 200), ("/other", 500)] {
        monitor.http_request("GET", route).answer(status);
    }
    clock.advance(SECOND);
    monitor.tick();
    let history = monitor.objective_history(&Selector::calls(), Window::LastMinute);
    let [cart] = &history.objectives[..] else { panic!("{history:#?}") };
    assert_eq!(cart.series, "http_request{method=GET,route=/cart}");
    assert_eq!((cart.whole.calls, cart.whole.bad), (Some(3), Some(1)));
}
