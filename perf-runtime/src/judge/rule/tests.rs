use super::build::RuleBuilder;
use super::condition::{Condition, Threshold};
use super::definition::{NoData, Rule};
use super::metric::Metric;
use super::statistic::Statistic;
use crate::error::ConfigError;
use crate::judge::rule::severity::Severity;
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use proptest::prelude::*;
use std::time::Duration;

fn p95() -> RuleBuilder {
    Rule::builder("slow").metric(Kind::DbOperation).statistic(Statistic::P95)
}

fn gauge() -> RuleBuilder {
    Rule::builder("deep").metric("queue_depth")
}

fn refused(rule: RuleBuilder) -> ConfigError {
    rule.build().expect_err("refused")
}

#[test]
fn a_metric_is_found_by_each_of_its_names() {
    for name in ["db_operation", "db_operations_total", "db_operation_duration_seconds", "db_operations_in_flight"] {
        assert_eq!(Metric::from(name), Metric::Kind(Kind::DbOperation), "{name}");
    }
    assert_eq!(Metric::from("queue_depth"), Metric::Gauge("queue_depth".to_owned()));
}

#[test]
fn what_contradicts_itself_is_refused_with_field_value_and_what_is_allowed() {
    let day = Duration::from_secs(86_400);
    let minute = Window::LastMinute;
    let cases = [
        (gauge(), "warning", ""),
        (p95().warning(1.0).critical(0.5), "critical", "0.5"),
        (p95().warning(1.0).critical(1.0), "critical", "1"),
        (p95().condition(Condition::Below).warning(1.0).critical(2.0), "critical", "2"),
        (p95().warning(1.0).recovery(1.5), "recovery", "1.5"),
        (p95().condition(Condition::Below).warning(1.0).recovery(0.5), "recovery", "0.5"),
        (p95().warning(1.0).recovery_window(Window::Last5Minutes), "recovery_window", "5m"),
        (p95().warning(1.0).change_over(day / 48).recovery_window(minute), "recovery_window", "1m"),
        (gauge().warning(1.0).recovery_window(minute), "recovery_window", "1m"),
        (gauge().absent(Severity::Warning).recovery_window(minute), "recovery_window", "1m"),
        (p95().warning(f64::NAN), "warning", "NaN"),
        (p95().warning(-1.0), "warning", "-1"),
        (p95().warning((1.0, 2.0)), "warning", "1..2"),
        (gauge().condition(Condition::Outside).warning(1.0), "warning", "1"),
        (gauge().condition(Condition::Outside).warning((2.0, 1.0)), "warning", "2..1"),
        (gauge().absent(Severity::Warning).warning(1.0), "warning", "a threshold"),
        (p95().statistic(Statistic::ErrorRate).warning(5.0), "warning", "5"),
        (p95().statistic(Statistic::Value).warning(5.0), "statistic", "value"),
        (gauge().statistic(Statistic::P95).warning(5.0), "statistic", "p95"),
        (Rule::builder("x").metric(Kind::DbOperation).warning(1.0), "statistic", ""),
        (p95().by(["table"]).warning(1.0), "by", "table"),
        (p95().only("tabel", ["users"]).warning(1.0), "only", "tabel"),
        (p95().except("route", ["/"]).warning(1.0), "only", "route"),
        (p95().statistic(Statistic::Max).by(["tables"]).warning(1.0), "by", "tables"),
        (gauge().min_samples(3).warning(1.0), "min_samples", "3"),
        (p95().warning(1.0).hold_for(8 * day), "for", "8d"),
        (p95().warning(1.0).change_over(day), "change_over", "1d"),
        (p95().warning(1.0).no_data(NoData::Alert(Duration::ZERO)), "no_data_for", "0s"),
        (p95().warning(1.0).label("severity", "x"), "labels", "severity"),
        (p95().warning(1.0).label("a b", "x"), "labels", "a b"),
        (p95().warning(1.0).runbook("see the wiki"), "runbook", "see the wiki"),
        (p95().warning(1.0).only::<&str>("table", []), "only", "table"),
        (Rule::builder("x").metric("db_operatoin").warning(1.0), "metric", "db_operatoin"),
        (Rule::builder("x").metric("a b").warning(1.0), "metric", "a b"),
        (Rule::builder("x").warning(1.0), "metric", ""),
    ];
    for (rule, field, value) in cases {
        let id = rule.id.clone();
        let error = refused(rule);
        assert_eq!((error.field, error.value.as_str()), (format!("rules.{id}.{field}"), value));
        assert!(!error.allowed.is_empty());
    }
    let misspelt = refused(Rule::builder("x").metric("db_operatoin").warning(1.0));
    assert!(misspelt.allowed.contains("\"db_operation\""), "{misspelt}");
}

#[test]
fn ids_are_plain() {
    for id in ["", "1st", "Slow", "a b", "-a", "a_b", &"x".repeat(65)] {
        assert_eq!(refused(Rule::builder(id).metric("depth").warning(1.0)).field, "rules", "{id:?}");
    }
}

#[test]
fn a_rule_made_anew_from_its_settings_is_the_same_rule() {
    let rules = super::preset::presets::standard();
    for rule in rules.iter() {
        assert_eq!(rule.to_builder().build().as_ref(), Ok(rule));
    }
}

proptest! {
    #[test]
    fn beyond_critical_is_beyond_the_warning(
        condition in prop::sample::select(Condition::ALL[..4].to_vec()),
        one in -100.0..100.0_f64,
        other in -100.0..100.0_f64,
        value in -150.0..150.0_f64,
    ) {
        let (low, high) = (one.min(other), one.max(other));
        prop_assume!(low < high);
        let below = matches!(condition, Condition::Below | Condition::AtMost);
        let (warning, critical) = if below { (high, low) } else { (low, high) };
        let rule = gauge().condition(condition).warning(warning).critical(critical).build().unwrap();
        if rule.holds(Severity::Critical, value, false) {
            prop_assert!(rule.holds(Severity::Warning, value, false));
        }
    }

    #[test]
    fn what_fires_goes_on_at_least_as_long_as_what_does_not(
        warning in -100.0..100.0_f64,
        good in 0.0..50.0_f64,
        value in -200.0..200.0_f64,
    ) {
        let rule = gauge().warning(warning).recovery(Threshold::Value(warning - good)).build().unwrap();
        if rule.holds(Severity::Warning, value, false) {
            prop_assert!(rule.holds(Severity::Warning, value, true));
        }
    }

    #[test]
    fn no_text_makes_the_builder_panic(
        id in any::<String>(), metric in any::<String>(), label in any::<String>(), value in any::<f64>(),
    ) {
        let rule = Rule::builder(id).metric(metric.as_str()).label(label.clone(), "x").only(label, ["y"]);
        let _ = rule.warning(value).build();
    }
}
