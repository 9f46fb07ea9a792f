//! Open incidents go on after a restart, and those that ended are not told again.

use perf_insight::runtime::{Incident, IncidentChange, Insight, InsightView};
use perf_runtime::Monitor;
use perf_runtime::extend::State;
use perf_runtime::rule::{Metric, Rule, RuleSet};
use perf_runtime::test_util::ManualClock;
use std::thread::sleep;
use std::time::Duration;

fn monitor() -> Monitor {
    let rule = Rule::builder("deep-queue").metric(Metric::Gauge("queue_depth".to_owned())).warning(10.0);
    let rules: RuleSet = [rule.build().expect("a rule")].into_iter().collect();
    Insight::set_up(Monitor::builder().rules(rules)).build().expect("a monitor")
}

fn set(monitor: &Monitor, depth: f64) {
    monitor.metrics().gauge("queue_depth").register().set(depth);
}

/// Lets a second pass, and gives the thread of insight the time to look.
fn second(clock: &ManualClock, monitor: &Monitor) {
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    sleep(Duration::from_millis(5));
}

fn seconds_until<T>(clock: &ManualClock, monitor: &Monitor, mut found: impl FnMut() -> Option<T>) -> T {
    for _ in 0..600 {
        second(clock, monitor);
        if let Some(found) = found() {
            return found;
        }
    }
    panic!("it did not come");
}

/// The state that a process leaves to the next one, as a file has it.
fn kept(monitor: &Monitor) -> State {
    let text = serde_json::to_string(&monitor.state()).expect("it can be written");
    serde_json::from_str(&text).expect("and read")
}

fn next(state: State) -> (Monitor, Insight) {
    let monitor = monitor();
    monitor.restore(state).expect("it is taken up");
    let insight = Insight::open(&monitor).expect("an insight");
    (monitor, insight)
}

fn open(view: &InsightView) -> Option<Incident> {
    view.incidents().into_iter().find(Incident::is_open)
}

#[test]
fn an_open_incident_goes_on_after_a_restart_and_ends_once() {
    let clock = ManualClock::hold();
    let before = monitor();
    let insight = Insight::open(&before).expect("an insight");
    set(&before, 25.0);
    let view = insight.view();
    let told = seconds_until(&clock, &before, || open(&view));
    (0..20).for_each(|_| second(&clock, &before));
    let state = kept(&before);
    drop((view, insight, before));

    clock.advance(Duration::from_secs(30));
    let (after, insight) = next(state);
    let view = insight.view();
    let goes_on = open(&view).expect("it is there before the first tick");
    assert_eq!((&goes_on.id, goes_on.began, goes_on.onset), (&told.id, told.began, told.onset));
    assert_eq!((&goes_on.causes, goes_on.alerts[0].id), (&told.causes, told.alerts[0].id));
    set(&after, 25.0);
    (0..40).for_each(|_| second(&clock, &after));
    assert_eq!(view.events_since(0), [], "nobody is told of it anew");
    assert_eq!(view.incidents().len(), 1, "and it is one");
    set(&after, 0.0);
    seconds_until(&clock, &after, || open(&view).is_none().then_some(()));
    let changes: Vec<_> = view.events_since(0).iter().map(|event| (event.change, event.incident.id.clone())).collect();
    assert_eq!(changes, [(IncidentChange::Ended, told.id)]);
    let state = kept(&after);
    drop((view, insight, after));

    let (last, insight) = next(state);
    set(&last, 0.0);
    (0..20).for_each(|_| second(&clock, &last));
    assert_eq!(
        (insight.view().incidents(), insight.view().events_since(0)),
        (vec![], vec![]),
        "it was told of its end"
    );
}

#[test]
fn an_incident_whose_rule_is_gone_ends_in_the_next_process() {
    let clock = ManualClock::hold();
    let before = monitor();
    let insight = Insight::open(&before).expect("an insight");
    set(&before, 25.0);
    let view = insight.view();
    let told = seconds_until(&clock, &before, || open(&view));
    let state = kept(&before);
    drop((view, insight, before));
    let after = Insight::set_up(Monitor::builder().rules(RuleSet::new())).build().expect("a monitor");
    after.restore(state).expect("it is taken up");
    let insight = Insight::open(&after).expect("an insight");
    let view = insight.view();
    assert_eq!(open(&view).map(|one| one.id), Some(told.id));
    seconds_until(&clock, &after, || open(&view).is_none().then_some(()));
    assert_eq!(view.events_since(0).len(), 1);
}
