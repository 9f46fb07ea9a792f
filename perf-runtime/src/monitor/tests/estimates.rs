//! Rules on figures that a part estimates.

use crate::alert::Severity;
use crate::extend::{Estimate, EstimateQuestion, Estimator};
use crate::rule::{Condition, Metric, Rule, RuleBuilder, RuleProfile, Statistic};
use crate::series::Labels;
use crate::test_util::{ManualClock, isolated};
use crate::{Kind, Monitor, Window};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// Answers with one value for one series, and notes what it is asked.
#[derive(Default)]
struct Told {
    value: Mutex<Option<f64>>,
    asked: Mutex<Vec<EstimateQuestion>>,
}

impl Estimator for Told {
    fn estimates(&self, question: &EstimateQuestion) -> Vec<Estimate> {
        self.asked.lock().unwrap().push(question.clone());
        let labels: Labels = [("operation", "search")].into_iter().collect();
        assert!(*self.value.lock().unwrap() != Some(99.0), "it panics");
        self.value.lock().unwrap().map(|value| Estimate::new(labels, value)).into_iter().collect()
    }
}

fn monitor(rules: impl IntoIterator<Item = Rule>) -> Monitor {
    Monitor::builder().rules(rules.into_iter().collect()).build().unwrap()
}

fn on_operations(statistic: Statistic) -> RuleBuilder {
    Rule::builder("one").metric(Kind::Operation).statistic(statistic).window(Window::LastHour).warning(0.5)
}

fn tick(clock: &ManualClock, monitor: &Monitor) {
    clock.advance(Duration::from_secs(1));
    monitor.tick();
}

#[test]
fn a_rule_on_an_estimate_fires_by_what_a_part_says_and_by_nothing_else() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = monitor(on_operations(Statistic::Trend).build());
    tick(&clock, &monitor);
    assert!(monitor.alerts().active().is_empty(), "nobody estimates");

    let told = Arc::new(Told::default());
    let _provided = monitor.provide::<dyn Estimator>(Arc::<Told>::clone(&told)).unwrap();
    tick(&clock, &monitor);
    assert!(monitor.alerts().active().is_empty(), "nothing is known");
    let question = told.asked.lock().unwrap()[0].clone();
    assert_eq!((question.metric, question.statistic), (Metric::Kind(Kind::Operation), Statistic::Trend));
    assert_eq!(question.window, Window::LastHour);

    *told.value.lock().unwrap() = Some(0.75);
    tick(&clock, &monitor);
    let active = monitor.alerts().active();
    assert_eq!(active.len(), 1, "{active:?}");
    assert_eq!(active[0].series, "operation{operation=search}");
    assert!(active[0].message.contains("+75.0 %"), "{}", active[0].message);

    // One that panics knows nothing, and the tick goes on.
    *told.value.lock().unwrap() = Some(99.0);
    tick(&clock, &monitor);
}

#[test]
fn settings_that_an_estimate_cannot_have_are_refused() {
    let (trend, anomaly) = (on_operations(Statistic::Trend), on_operations(Statistic::Anomaly));
    for (rule, field) in [
        (anomaly.clone().window(Window::LastMinute), "window"),
        (anomaly.metric("queue_depth"), "statistic"),
        (trend.clone().by(["operation"]), "by"),
        (trend.clone().min_samples(5), "min_samples"),
        (trend.clone().recovery_window(Window::LastMinute), "recovery_window"),
        (Rule::builder("one").metric(Kind::Operation).statistic(Statistic::Trend).absent(Severity::Warning), "absent"),
    ] {
        let error = rule.build().unwrap_err();
        assert_eq!(error.field, format!("rules.one.{field}"), "{error}");
    }
    assert!(trend.warning(-0.5).condition(Condition::Below).build().is_ok(), "a change can be downward");
}

#[test]
fn a_forecast_is_in_the_unit_of_what_is_forecast_and_prometheus_has_none() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let of = |id: &str, metric: Metric| Rule::builder(id).metric(metric).statistic(Statistic::Forecast).warning(0.25);
    let rules =
        [of("soon", Metric::from(Kind::Operation)), of("full", "disk_ratio".into()), of("deep", "depth".into())];
    let monitor = monitor(rules.into_iter().filter_map(|rule| rule.build().ok()));
    let told = Arc::new(Told { value: Mutex::new(Some(0.5)), asked: Mutex::default() });
    let _provided = monitor.provide::<dyn Estimator>(told).unwrap();
    tick(&clock, &monitor);
    let messages: Vec<String> = monitor.alerts().active().into_iter().map(|alert| alert.message).collect();
    for (message, value) in messages.iter().zip(["0.50 s", "50.0 %", "0.5 "]) {
        assert!(message.contains(value), "{value}: {messages:?}");
    }
    assert_eq!(messages.len(), 3);
    let left_out = monitor.prometheus_rules(RuleProfile::default()).left_out;
    assert_eq!(left_out.len(), 3, "{left_out:?}");
}
