//! Unit tests of exported rules, for `promtool test rules`: made-up series that reach a threshold, or do not.

use super::alerting_rule::AlertingRule;
use super::promql::{kind_of, number, quoted};
use crate::judge::objective::tracker::{ObjectiveReport, Promise};
use crate::judge::rule::condition::{Condition, Threshold};
use crate::judge::rule::definition::{Level, Rule};
use crate::judge::rule::metric::Metric;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::{Matcher, Term};
use crate::judge::rule::statistic::{Statistic, Unit};
use crate::measure::model::kind::Kind;
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// The seconds between samples, and between evaluations.
const INTERVAL: u64 = 15;
/// Calls between two samples: more than any floor of traffic.
const CALLS: f64 = 6_000.0;

type Labels = BTreeMap<String, String>;

/// A series in Prometheus' notation: its name, how it begins, and what is added between two samples.
type Made = (String, f64, f64);

/// Series, and the alerts that they make, or do not.
pub(super) struct Case {
    name: String,
    firing: Vec<Made>,
    quiet: Option<Vec<Made>>,
    /// How long after all is well an alert has ended, where that is sooner than the window would have it.
    recovery: Option<Duration>,
    at: Duration,
    alert: String,
    severities: Vec<Severity>,
    labels: Labels,
    annotations: Labels,
}

/// The test of a rule, at the worst level that made-up series can reach; `None` where there is none.
pub(super) fn of_rule(rule: &Rule, alerting: &AlertingRule, prefix: &str) -> Option<Case> {
    let signal = &rule.signal;
    let own = labels_of(&signal.term);
    let series = |value: f64| {
        let mut series = made(&signal.term, &own, value, signal.change, prefix)?;
        if let Some(over) = &signal.over {
            series.extend(made(over, &own, 1.0, None, prefix)?);
        }
        Some(series)
    };
    let at_level = |severity| match rule.levels.of(severity) {
        Level::From(threshold) => series(bad_value(rule, threshold)?),
        Level::Absence => Some(vec![("unrelated".to_owned(), 1.0, 0.0)]),
        Level::Unused => None,
    };
    let both = [Severity::Critical, Severity::Warning];
    let (worst, firing) = both.into_iter().find_map(|severity| Some((severity, at_level(severity)?)))?;
    let is_reached = |severity: &Severity| *severity <= worst && rule.levels.of(*severity) != Level::Unused;
    let mut labels: Labels = match (&signal.by, rule.condition) {
        (_, Condition::Absent) => only(&signal.term.matchers),
        (Some(by), _) => own.clone().into_iter().filter(|(name, _)| by.contains(name)).collect(),
        (None, _) => own.clone(),
    };
    labels.extend(alerting.labels.clone());
    let window = signal.term.window.duration() + signal.change.unwrap_or_default();
    Some(Case {
        name: rule.id().to_owned(),
        firing,
        quiet: good_value(rule).and_then(series),
        recovery: rule.recovery_window.map(|window| window.duration() + rule.keep_firing_for),
        at: rule.hold_for + window + Duration::from_secs(4 * INTERVAL),
        alert: alerting.alert.clone(),
        severities: both.into_iter().filter(is_reached).collect(),
        labels,
        annotations: alerting.annotations.clone(),
    })
}

/// The test of an objective: everything is bad, or nothing.
pub(super) fn of_objective(objective: &ObjectiveReport, alerting: &AlertingRule, prefix: &str) -> Case {
    let family = kind_of(objective).family();
    let own: Labels = objective.labels.iter().skip(1).cloned().collect();
    let series = |bad: bool| {
        let fails = bad && objective.promise == Promise::Success;
        let (ok, error) = if fails { (0.0, CALLS) } else { (CALLS, 0.0) };
        let mut all = counters(family.counter, &own, prefix, [ok, error]);
        if objective.promise == Promise::Latency {
            let within = if bad { 0.0 } else { CALLS };
            let bounded = with(&own, &[("outcome", "ok"), ("le", &number(objective.latency.unwrap_or_default()))]);
            all.push((named(&format!("{prefix}{}_bucket", family.histogram), &bounded), 0.0, within));
            let whole = with(&own, &[("outcome", "ok")]);
            all.push((named(&format!("{prefix}{}_count", family.histogram), &whole), 0.0, CALLS));
        }
        all
    };
    let mut labels = own.clone();
    labels.extend(alerting.labels.clone());
    Case {
        name: format!("{} {} {}", alerting.alert, objective.series, objective.promise.as_str()),
        firing: series(true),
        quiet: Some(series(false)),
        recovery: None,
        at: Duration::from_secs(600),
        alert: alerting.alert.clone(),
        severities: vec![alerting.severity],
        labels,
        annotations: alerting.annotations.clone(),
    }
}

/// Values around the numbers of a threshold.
fn candidates(rule: &Rule, threshold: Threshold) -> [f64; 4] {
    let (low, high) = match threshold {
        Threshold::Value(limit) => (limit, limit),
        Threshold::Range(low, high) => (low, high),
    };
    let step = |limit: f64| (limit.abs() * 0.5).max(0.5);
    if rule.unit() == Unit::Ratio {
        return [0.0, f64::midpoint(high, 1.0), low / 2.0, f64::midpoint(low, high)];
    }
    [0.0, high + step(high), low - step(low), f64::midpoint(low, high)]
}

/// A value that reaches the threshold.
fn bad_value(rule: &Rule, threshold: Threshold) -> Option<f64> {
    let holds = |value: &f64| rule.condition.holds(*value, threshold);
    candidates(rule, threshold).into_iter().find(holds)
}

/// A value that reaches no level, not even where the alert fires already.
fn good_value(rule: &Rule) -> Option<f64> {
    let severities = [Severity::Warning, Severity::Critical];
    let is_good = |value: &f64| !severities.iter().any(|&severity| rule.holds(severity, *value, true));
    candidates(rule, rule.threshold(rule.levels.lowest())?).into_iter().find(is_good)
}

/// Series whose figure has this value.
fn made(term: &Term, own: &Labels, value: f64, change: Option<Duration>, prefix: &str) -> Option<Vec<Made>> {
    let per_sample = |value: f64, span: Duration| value / span.as_secs_f64() * INTERVAL as f64;
    let Metric::Kind(kind) = term.metric else {
        let name = named(&term.metric.to_string(), own);
        // A change is made by a slope.
        return Some(vec![change.map_or((name.clone(), value, 0.0), |span| (name, 0.0, per_sample(value, span)))]);
    };
    // The change of a figure of calls would need a curve of its own.
    if change.is_some() {
        return None;
    }
    let family = kind.family();
    let counted = |each: [f64; 2]| Some(counters(family.counter, own, prefix, each));
    let plus = |series: Option<Vec<_>>, more: Vec<_>| series.map(|series: Vec<_>| [series, more].concat());
    match term.statistic {
        Statistic::Calls => counted([per_sample(value.max(0.0), term.window.duration()), 0.0]).filter(|_| value >= 0.0),
        Statistic::Rate => counted([value * INTERVAL as f64, 0.0]).filter(|_| value >= 0.0),
        Statistic::ErrorRate => counted([CALLS * (1.0 - value), CALLS * value]),
        Statistic::SuccessRate => counted([CALLS * value, CALLS * (1.0 - value)]),
        Statistic::CancelledRate => {
            let name = format!("{prefix}{}", family.counter);
            let cancelled = named(&name, &with(own, &[("outcome", "cancelled")]));
            plus(counted([CALLS * (1.0 - value), 0.0]), vec![(cancelled, 0.0, CALLS * value)])
        }
        Statistic::Mean => {
            let labels = with(own, &[("outcome", "ok")]);
            let of = |suffix: &str, each: f64| {
                (named(&format!("{prefix}{}_{suffix}", family.histogram), &labels), 0.0, each)
            };
            plus(counted([CALLS, 0.0]).filter(|_| value >= 0.0), vec![of("sum", value * CALLS), of("count", CALLS)])
        }
        Statistic::P50 | Statistic::P90 | Statistic::P95 | Statistic::P99 => {
            plus(counted([CALLS, 0.0]), buckets(kind, own, value, prefix)?)
        }
        Statistic::InFlight => Some(vec![(named(&format!("{prefix}{}", family.in_flight), own), value, 0.0)]),
        _ => None,
    }
}

fn counters(counter: &str, own: &Labels, prefix: &str, each: [f64; 2]) -> Vec<Made> {
    let of = |(outcome, each): (&str, f64)| {
        (named(&format!("{prefix}{counter}"), &with(own, &[("outcome", outcome)])), 0.0, each)
    };
    ["ok", "error"].into_iter().zip(each).map(of).collect()
}

/// All calls in the bucket that lies wholly beyond the value, or wholly below it where there is none beyond.
fn buckets(kind: Kind, own: &Labels, value: f64, prefix: &str) -> Option<Vec<Made>> {
    let bounds = kind.family().bounds;
    let mut lower = [0.0].into_iter().chain(bounds.iter().copied());
    // The last bucket has no upper end, so its figure is the last bound: good for nothing beyond that.
    let place = lower.position(|lower| lower >= value).filter(|&place| place < bounds.len());
    let place = if value <= 0.0 { Some(0) } else { place }?;
    let le = |bound: f64| number(bound);
    let all = bounds.iter().enumerate().map(|(at, &bound)| (le(bound), if at >= place { CALLS } else { 0.0 }));
    let of = |(le, each): (String, f64)| {
        let labels = with(own, &[("outcome", "ok"), ("le", &le)]);
        (named(&format!("{prefix}{}_bucket", kind.family().histogram), &labels), 0.0, each)
    };
    Some(all.chain([("+Inf".to_owned(), CALLS)]).map(of).collect())
}

/// The labels of a made-up series that the matchers admit.
fn labels_of(term: &Term) -> Labels {
    let mut labels: Labels = match &term.metric {
        Metric::Kind(kind) => kind.label_names().iter().map(|name| ((*name).to_owned(), "x".to_owned())).collect(),
        Metric::Gauge(_) => Labels::new(),
    };
    for Matcher { label, values, except } in &term.matchers {
        let free = || (0..=values.len()).map(|number| format!("x{number}")).find(|value| !values.contains(value));
        let value = if *except { free() } else { values.first().cloned() };
        labels.extend(value.map(|value| (label.clone(), value)));
    }
    labels
}

fn only(matchers: &[Matcher]) -> Labels {
    let single = |matcher: &&Matcher| !matcher.except && matcher.values.len() == 1;
    matchers.iter().filter(single).map(|matcher| (matcher.label.clone(), matcher.values.concat())).collect()
}

fn with(labels: &Labels, more: &[(&str, &str)]) -> Labels {
    let mut all = labels.clone();
    all.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    all
}

fn named(metric: &str, labels: &Labels) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    format!("{metric}{{{}}}", pairs.join(","))
}

/// All tests in one file.
pub(super) fn file(cases: &[Case]) -> String {
    let mut text = format!("rule_files: [perf.rules.yml]\nevaluation_interval: {INTERVAL}s\n");
    text.push_str(if cases.is_empty() { "tests: []\n" } else { "tests:\n" });
    for case in cases {
        let samples = case.at.as_secs() / INTERVAL + 2;
        let lasting = |made: &[Made]| -> Vec<(String, String)> {
            made.iter().map(|(name, begin, each)| (name.clone(), values(*begin, *each, samples))).collect()
        };
        write_case(&mut text, case, "fires", &lasting(&case.firing), case.at, &case.severities);
        if let Some(quiet) = &case.quiet {
            write_case(&mut text, case, "stays quiet", &lasting(quiet), case.at, &[]);
        }
        if let (Some(quiet), Some(recovery)) = (&case.quiet, case.recovery) {
            let until = Duration::from_secs((samples + 1) * INTERVAL) + recovery;
            write_case(&mut text, case, "recovers", &recovering(&case.firing, quiet, samples, recovery), until, &[]);
        }
    }
    text
}

/// Samples in Prometheus' notation: `0+5x20`.
fn values(begin: f64, each: f64, samples: u64) -> String {
    let sign = if each < 0.0 { "-" } else { "+" };
    format!("{}{sign}{}x{samples}", number(begin), number(each.abs()))
}

/// Series that are bad for so many samples, and good from then on.
fn recovering(bad: &[Made], good: &[Made], samples: u64, recovery: Duration) -> Vec<(String, String)> {
    let more = recovery.as_secs() / INTERVAL + 2;
    let of = |((name, begin, each), (_, _, then)): (&Made, &Made)| {
        let reached = begin + each * samples as f64;
        (name.clone(), format!("{} {}", values(*begin, *each, samples), values(reached + then, *then, more)))
    };
    bad.iter().zip(good).map(of).collect()
}

/// Writing to a `String` cannot fail, so its results are not looked at.
fn write_case(
    text: &mut String,
    case: &Case,
    what: &str,
    series: &[(String, String)],
    at: Duration,
    severities: &[Severity],
) {
    let _ = writeln!(text, "  - name: {}", quoted(&format!("{} {what}", case.name)));
    let _ = writeln!(text, "    interval: {INTERVAL}s\n    input_series:");
    for (name, values) in series {
        let _ = writeln!(text, "      - series: {}", quoted(name));
        let _ = writeln!(text, "        values: {}", quoted(values));
    }
    let at = at.as_secs();
    let _ =
        writeln!(text, "    alert_rule_test:\n      - eval_time: {at}s\n        alertname: {}", quoted(&case.alert));
    if severities.is_empty() {
        text.push_str("        exp_alerts: []\n");
        return;
    }
    text.push_str("        exp_alerts:\n");
    for severity in severities {
        let labels = with(&case.labels, &[("severity", severity.as_str())]);
        for (key, pairs) in [("- exp_labels", &labels), ("  exp_annotations", &case.annotations)] {
            let _ = writeln!(text, "          {key}:");
            for (name, value) in pairs {
                let _ = writeln!(text, "              {name}: {}", quoted(value));
            }
        }
    }
}
