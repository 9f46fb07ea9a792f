//! Says in words what an alert is about.

use super::alert::Alert;
use super::fingerprint::Fingerprint;
use super::state::AlertState;
use crate::judge::rule::condition::{Condition, Threshold};
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::observation::{Labels, Seen};
use crate::judge::rule::severity::Severity;
use crate::judge::rule::statistic::{Statistic, Unit};
use crate::observe::metrics::known as names;
use crate::observe::series::identity::{in_a_line, in_a_name};
use std::time::{Duration, SystemTime};

/// An alert that becomes active now.
pub(crate) fn opened(rule: &Rule, labels: &Labels, id: u64, since: SystemTime) -> Alert {
    let all = labels.iter().cloned().chain(rule.labels.clone());
    Alert {
        id,
        fingerprint: Fingerprint::of(&rule.id, labels),
        rule: rule.id.clone(),
        name: rule.name.clone(),
        state: AlertState::Pending,
        severity: rule.levels.lowest(),
        value: None,
        peak: None,
        threshold: None,
        unit: rule.unit(),
        labels: all.collect(),
        series: series(&rule.signal.term.metric, labels),
        message: String::new(),
        description: rule.description.clone(),
        runbook: rule.runbook.clone(),
        since,
        fired_at: None,
        resolved_at: None,
        acknowledged: None,
        muted: None,
        note: None,
    }
}

/// An alert of before a restart or of before its rule changed, with the words and the limit that the rule has now.
pub(crate) fn renewed(alert: &Alert, rule: &Rule, labels: &Labels) -> Alert {
    let now = opened(rule, labels, alert.id, alert.since);
    Alert {
        name: now.name,
        unit: now.unit,
        threshold: rule.threshold(alert.severity).or(alert.threshold),
        labels: now.labels,
        series: now.series,
        description: now.description,
        runbook: now.runbook,
        ..alert.clone()
    }
}

/// Brings an active alert up to date, but for its message.
pub(crate) fn update(alert: &mut Alert, rule: &Rule, severity: Severity, seen: Seen) {
    alert.severity = severity;
    alert.threshold = rule.threshold(severity);
    if let Seen::Value { value, .. } = seen {
        alert.value = Some(value);
        let worse = |peak| rule.condition.worse(peak, value, alert.threshold);
        alert.peak = Some(alert.peak.map_or(value, worse));
    }
}

/// Brings an alert that ends up to date: with the value of now, where there is one.
pub(crate) fn close(alert: &mut Alert, seen: Seen) {
    alert.value = match seen {
        Seen::Value { value, .. } => Some(value),
        Seen::Nothing | Seen::Absence => None,
    };
}

/// An alert as it is shown, with its message. It is made for whoever asks, not at each tick: to write it costs more than
/// all else that a tick does for an alert that fires.
pub(crate) fn shown(alert: &Alert, rule: &Rule) -> Alert {
    // It is one line, wherever it goes: into logs, mails, messengers.
    let series = in_a_line(&alert.series);
    let message = match alert.value {
        _ if alert.resolved_at.is_some() => recovery(rule, &series, alert),
        Some(value) => with_note(message(rule, &series, alert.severity, value), alert.note.as_deref()),
        None if rule.condition == Condition::Absent => format!("{}: {series} has no value", rule.name),
        None => format!("{}: {series} has no value any more", rule.name),
    };
    Alert { message, ..alert.clone() }
}

/// A message, and what who measured the value says of it: `..; held by operation{operation=reindex}`.
fn with_note(message: String, note: Option<&str>) -> String {
    match note {
        Some(note) => format!("{message}; {}", in_a_line(note)),
        None => message,
    }
}

/// `Deep queue: recovered: depth is 100 (limit 200), after 2m; peak 300`.
fn recovery(rule: &Rule, series: &str, alert: &Alert) -> String {
    let (name, unit) = (&rule.name, shown_in(rule));
    let lasted = alert.resolved_at.and_then(|end| end.duration_since(alert.since).ok()).unwrap_or_default();
    let after = crate::text::show_duration(Duration::from_secs(lasted.as_secs()));
    let peak = alert.peak.map(|peak| format!("; peak {}", unit.show(peak))).unwrap_or_default();
    let now = match alert.value {
        _ if rule.condition == Condition::Absent => format!("recovered: {series} has a value again"),
        Some(value) => {
            let change = if rule.signal.change.is_some() { "changed by" } else { "is" };
            let limit = alert.threshold.map(|limit| format!(" (limit {})", limit_in(unit, limit))).unwrap_or_default();
            format!("recovered: {} {change} {}{limit}", what(rule, series), unit.show(value))
        }
        // Of the pairs of windows by which a budget burns, only the fastest is judged: that it burns faster is no recovery.
        None if rule.signal.term.metric == Metric::Gauge(names::PERF_OBJECTIVE_BURN_RATE.to_owned()) => {
            format!("ended: {series} is not judged by these windows any more: it burns faster, or is called too little")
        }
        None => format!("ended: {series} has no value any more"),
    };
    format!("{name}: {now}, after {after}{peak}")
}

/// The figure that a rule looks at, in words.
fn what(rule: &Rule, series: &str) -> String {
    let (term, over) = (&rule.signal.term, &rule.signal.over);
    match (&term.metric, over) {
        (_, Some(over)) => format!("{series} divided by {}", over.metric),
        (Metric::Gauge(_), None) => series.to_owned(),
        (Metric::Kind(_), None) => format!("{} of {series}", term.statistic),
    }
}

fn limit_in(unit: Unit, limit: Threshold) -> String {
    match limit {
        Threshold::Value(limit) => unit.show(limit),
        Threshold::Range(low, high) => format!("{} to {}", unit.show(low), unit.show(high)),
    }
}

/// `Slow requests: p95 of http_request{route=/} is 1.20 s over the last 5m (critical above 1.00 s)`.
fn message(rule: &Rule, series: &str, severity: Severity, value: f64) -> String {
    let (signal, unit, what) = (&rule.signal, shown_in(rule), what(rule, series));
    let term = &signal.term;
    let change = match signal.change {
        Some(span) => format!(" changed within {} by", crate::text::show_duration(span)),
        None => " is".to_owned(),
    };
    let window = if term.statistic.has_window() { format!(" over the last {}", term.window) } else { String::new() };
    let limit = rule.threshold(severity).map(|limit| format!(" {}", limit_in(unit, limit))).unwrap_or_default();
    let relation = match rule.condition {
        Condition::AtLeast => "from",
        Condition::AtMost => "down from",
        other => other.as_str(),
    };
    let kept = if rule.keep_firing_for.is_zero() || rule.holds(severity, value, true) {
        String::new()
    } else {
        format!("; kept for {} after it was", crate::text::show_duration(rule.keep_firing_for))
    };
    format!("{}: {what}{change} {}{window} ({severity} {relation}{limit}){kept}", rule.name, unit.show(value))
}

/// The unit that a rule's values are shown in. A gauge may be of any; the end of its name says which, where it is named as
/// Prometheus advises (<https://prometheus.io/docs/practices/naming/>).
fn shown_in(rule: &Rule) -> Unit {
    let signal = &rule.signal;
    let is_in_its_unit =
        signal.over.is_none() && matches!(signal.term.statistic, Statistic::Value | Statistic::Forecast);
    match &signal.term.metric {
        Metric::Gauge(name) if is_in_its_unit && name.ends_with("_ratio") => Unit::Ratio,
        Metric::Gauge(name) if is_in_its_unit && name.ends_with("_seconds") => Unit::Seconds,
        _ => rule.unit(),
    }
}

/// `db_operation{operation=select,table=users}`; the metric alone where it has no labels.
pub(crate) fn series(metric: &Metric, labels: &Labels) -> String {
    if labels.is_empty() {
        return metric.to_string();
    }
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", in_a_name(value))).collect();
    format!("{metric}{{{}}}", pairs.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_that_burns_faster_is_not_said_to_have_recovered() {
        let rule = Rule::builder("objective-burn-6h-3d").metric(names::PERF_OBJECTIVE_BURN_RATE).warning(1.0);
        let rule = rule.build().unwrap();
        let mut alert = opened(&rule, &[], 1, SystemTime::UNIX_EPOCH);
        update(&mut alert, &rule, Severity::Warning, Seen::Value { value: 1.2, lately: None });
        close(&mut alert, Seen::Nothing);
        alert.resolved_at = Some(SystemTime::UNIX_EPOCH + Duration::from_secs(60));
        let message = shown(&alert, &rule).message;
        assert!(
            message.contains("it burns faster, or is called too little") && !message.contains("recovered"),
            "{message}"
        );
    }

    #[test]
    fn a_gauge_is_told_in_the_unit_that_its_name_ends_in() {
        for (metric, expected) in [
            ("system_disk_utilization_ratio", "full: system_disk_utilization_ratio is 95.1 % (critical above 90.0 %)"),
            ("queue_wait_seconds", "full: queue_wait_seconds is 0.95 s (critical above 0.90 s)"),
            ("system_load", "full: system_load is 0.951 (critical above 0.9)"),
        ] {
            let rule = Rule::builder("full").metric(metric).condition(Condition::Above).critical(0.9).build().unwrap();
            let mut alert = opened(&rule, &[], 1, SystemTime::UNIX_EPOCH);
            update(&mut alert, &rule, Severity::Critical, Seen::Value { value: 0.951, lately: None });
            assert_eq!(shown(&alert, &rule).message, expected);
        }
    }
}
