//! A rule from outside: one of a preset with other settings, or a new one.

use super::value::{Table, Value};
use crate::error::ConfigError;
use crate::judge::rule::build::{FORGET_AFTER, RuleBuilder};
use crate::judge::rule::condition::{Condition, Threshold};
use crate::judge::rule::definition::{NoData, Rule};
use crate::judge::rule::metric::Metric;
use crate::judge::rule::set::RuleSet;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::unit_of;
use crate::judge::rule::statistic::{Statistic, Unit};
use crate::observe::history::window::Window;
use crate::text::show_duration;
use std::time::Duration;

/// The keys of a rule. Those that others depend on come first: a threshold's unit is that of the statistic.
pub(super) const KEYS: [&str; 27] = [
    "metric",
    "statistic",
    "divided_by",
    "condition",
    "absent",
    "name",
    "only",
    "except",
    "window",
    "by",
    "change_over",
    "min_samples",
    "warning",
    "critical",
    "recovery",
    "recovery_window",
    "for",
    "warm_up",
    "keep_firing_for",
    "cooldown",
    "no_data",
    "no_data_for",
    "forget_after",
    "labels",
    "description",
    "runbook",
    "enabled",
];

/// For how long nothing must be known, where the policy does not say it.
const NO_DATA_FOR: Duration = Duration::from_secs(60);

/// Sets the keys on the rule with this id, or makes one of them.
pub(super) fn apply(rules: &mut RuleSet, id: &str, keys: &Table) -> Result<(), ConfigError> {
    let path = format!("rules.{id}");
    if let Some(unknown) = keys.keys().find(|key| !KEYS.contains(&key.as_str())) {
        return Err(ConfigError::unknown(&path, unknown, KEYS));
    }
    let mut builder = match rules.get(id) {
        Some(rule) => rule.to_builder(),
        // Without a metric it is no new rule: the name of one is misspelt.
        None if !keys.contains_key("metric") => {
            let mut error = ConfigError::unknown("rules", id, rules.ids());
            error.allowed.push_str("; a new rule needs `metric`");
            return Err(error);
        }
        None => Rule::builder(id),
    };
    let mut no_data_for = match builder.no_data {
        NoData::Keep(span) | NoData::Alert(span) => span,
        NoData::Ok => NO_DATA_FOR,
    };
    if let Some(value) = keys.get("no_data_for") {
        no_data_for = value.duration(&format!("{path}.no_data_for"))?;
    }
    for key in KEYS {
        if let Some(value) = keys.get(key) {
            builder = set(builder, key, value, &format!("{path}.{key}"), no_data_for)?;
        }
    }
    rules.insert(builder.build()?);
    Ok(())
}

fn set(
    mut builder: RuleBuilder,
    key: &str,
    value: &Value,
    field: &str,
    no_data_for: Duration,
) -> Result<RuleBuilder, ConfigError> {
    let statistic = builder.statistic.unwrap_or(Statistic::Value);
    let unit = unit_of(builder.metric.as_ref(), statistic, builder.over.is_some());
    match key {
        // Without a statistic a threshold has no unit, and would be refused for the wrong one.
        "warning" | "critical" | "recovery"
            if builder.statistic.is_none() && matches!(builder.metric, Some(Metric::Kind(_))) =>
        {
            return Err(builder.no_statistic());
        }
        "metric" => builder.metric = Some(Metric::named(value.text(field)?)),
        "statistic" => builder.statistic = Some(one_of(value, field, Statistic::ALL, Statistic::as_str)?),
        "divided_by" => builder.over = Some(Metric::named(value.text(field)?)),
        "condition" => builder.condition = one_of(value, field, Condition::ALL, Condition::as_str)?,
        "absent" => {
            return Ok(builder.absent(one_of(
                value,
                field,
                [Severity::Warning, Severity::Critical],
                Severity::as_str,
            )?));
        }
        "name" => builder.name = Some(value.text(field)?.to_owned()),
        "only" | "except" => {
            builder.matchers.retain(|matcher| matcher.except != (key == "except"));
            for (label, values) in value.table(field)? {
                builder = builder.matcher(label.clone(), values.texts(field)?, key == "except");
            }
        }
        "window" => return Ok(builder.window(one_of(value, field, Window::ALL, window_name)?)),
        "by" => builder.by = Some(value.texts(field)?),
        "change_over" => builder.change = Some(value.duration(field)?),
        "min_samples" => builder.min_samples = value.whole(field)? as u64,
        "warning" => builder.warning = Some(value.threshold(field, unit)?),
        "critical" => builder.critical = Some(value.threshold(field, unit)?),
        "recovery" => builder.recovery = Some(value.threshold(field, unit)?),
        "recovery_window" => builder.recovery_window = Some(one_of(value, field, Window::ALL, window_name)?),
        "for" => builder.hold_for = value.duration(field)?,
        "warm_up" => builder.warm_up = value.duration(field)?,
        "keep_firing_for" => builder.keep_firing_for = value.duration(field)?,
        "cooldown" => builder.cooldown = value.duration(field)?,
        "no_data" => {
            builder.no_data = match one_of(value, field, ["ok", "keep", "alert"], |name| name)? {
                "keep" => NoData::Keep(no_data_for),
                "alert" => NoData::Alert(no_data_for),
                _ => NoData::Ok,
            };
        }
        "no_data_for" => match &mut builder.no_data {
            NoData::Keep(span) | NoData::Alert(span) => *span = no_data_for,
            NoData::Ok => return Err(ConfigError::new(field, value.text(field)?, "nothing: `no_data` is \"ok\"")),
        },
        "forget_after" => builder.forget_after = value.duration(field)?,
        "labels" => {
            for (label, text) in value.table(field)? {
                builder.labels.insert(label.clone(), text.text(field)?.to_owned());
            }
        }
        "description" => value.text(field)?.clone_into(&mut builder.description),
        "runbook" => builder.runbook = Some(value.text(field)?.to_owned()),
        _ => builder.enabled = value.bool(field)?,
    }
    Ok(builder)
}

/// The keys that make this rule. Keys at their default are left out, but for those that say what is judged and when.
pub(super) fn keys_of(rule: &Rule) -> Table {
    let rule = rule.to_builder();
    let statistic = rule.statistic.unwrap_or(Statistic::Value);
    let unit = unit_of(rule.metric.as_ref(), statistic, rule.over.is_some());
    let is_absent = rule.condition == Condition::Absent;
    let threshold = |threshold: Option<Threshold>| threshold.map(|threshold| threshold_value(threshold, unit));
    let span = |span: Duration| (!span.is_zero()).then(|| span.into());
    let labels = |except: bool| {
        let matchers = rule.matchers.iter().filter(|matcher| matcher.except == except);
        let tables: Table = matchers.map(|one| (one.label.clone(), one.values.iter().cloned().collect())).collect();
        (!tables.is_empty()).then_some(Value::Table(tables))
    };
    let texts: Table = rule.labels.iter().map(|(label, text)| (label.clone(), text.as_str().into())).collect();
    let no_data = match rule.no_data {
        NoData::Ok => None,
        NoData::Keep(span) => Some(("keep", span)),
        NoData::Alert(span) => Some(("alert", span)),
    };
    let keys = [
        ("metric", rule.metric.as_ref().map(|metric| metric.to_string().as_str().into())),
        ("statistic", Some(statistic.as_str().into())),
        ("divided_by", rule.over.as_ref().map(|metric| metric.to_string().as_str().into())),
        ("condition", (!is_absent).then(|| rule.condition.as_str().into())),
        ("absent", is_absent.then(|| rule.absence.as_str().into())),
        ("name", rule.name.as_deref().map(Value::from)),
        ("only", labels(false)),
        ("except", labels(true)),
        ("window", statistic.has_window().then(|| window_name(rule.window).into())),
        ("by", rule.by.map(|labels| labels.into_iter().collect())),
        ("change_over", rule.change.map(Value::from)),
        ("min_samples", (rule.min_samples > 0).then(|| (rule.min_samples as f64).into())),
        ("warning", threshold(rule.warning)),
        ("critical", threshold(rule.critical)),
        ("recovery", threshold(rule.recovery)),
        ("recovery_window", rule.recovery_window.map(|window| window_name(window).into())),
        ("for", span(rule.hold_for)),
        ("warm_up", span(rule.warm_up)),
        ("keep_firing_for", span(rule.keep_firing_for)),
        ("cooldown", span(rule.cooldown)),
        ("no_data", no_data.map(|(policy, _)| policy.into())),
        ("no_data_for", no_data.map(|(_, span)| span.into())),
        ("forget_after", (rule.forget_after != FORGET_AFTER).then(|| rule.forget_after.into())),
        ("labels", (!texts.is_empty()).then_some(Value::Table(texts))),
        ("description", (!rule.description.is_empty()).then(|| rule.description.as_str().into())),
        ("runbook", rule.runbook.as_deref().map(Value::from)),
        ("enabled", Some(rule.enabled.into())),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?))).collect()
}

/// A threshold as it is written in its unit.
fn threshold_value(threshold: Threshold, unit: Unit) -> Value {
    let in_unit = |number: f64| match Duration::try_from_secs_f64(number.abs()) {
        Ok(span) if unit == Unit::Seconds => {
            let sign = if number < 0.0 { "-" } else { "" };
            Value::Text(format!("{sign}{}", show_duration(span)))
        }
        _ => number.into(),
    };
    match threshold {
        Threshold::Value(number) => in_unit(number),
        Threshold::Range(low, high) => Value::List(vec![in_unit(low), in_unit(high)]),
    }
}

const fn window_name(window: Window) -> &'static str {
    match window {
        Window::LastMinute => "1m",
        Window::Last5Minutes => "5m",
        Window::Last15Minutes => "15m",
        Window::LastHour => "1h",
    }
}

/// A name among those that are known.
pub(super) fn one_of<T: Copy, const N: usize>(
    value: &Value,
    field: &str,
    all: [T; N],
    name: impl Fn(T) -> &'static str,
) -> Result<T, ConfigError> {
    let text = value.text(field)?;
    let found = all.into_iter().find(|&one| name(one) == text);
    found.ok_or_else(|| ConfigError::unknown(field, text, all.map(name)))
}
