//! The rules as files of Prometheus, with a unit test for each, so that the same rules can be judged where many processes
//! come together.

mod alerting_rule;
mod promql;
mod unit_test;

#[cfg(test)]
mod births;
#[cfg(test)]
mod parity;
#[cfg(test)]
mod tests;

use crate::judge::objective::tracker::{BURN_RATE, ObjectiveReport, PAIRS};
use crate::judge::rule::definition::{NoData, Rule};
use crate::judge::rule::metric::Metric;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::statistic::Statistic;
use crate::measure::model::kind::Kind;
use alerting_rule::AlertingRule;
pub use alerting_rule::RuleProfile;
use promql::{duration, quoted};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

/// Rules as files of Prometheus.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct PrometheusRules {
    /// The rule file, in YAML: for `rule_files` of Prometheus' configuration.
    pub rules: String,
    /// Unit tests of these rules, for `promtool test rules`: that each fires when it should, and else does not. They read
    /// the rule file as `perf.rules.yml`, beside them.
    pub tests: String,
    /// The ids of the rules that the file has not, each with the reason.
    pub left_out: Vec<(String, String)>,
    /// Of rules that the file has: the settings for which a rule file has no word, so that only the process minds them.
    pub only_here: Vec<(String, &'static str)>,
}

const HEAD: &str =
    "# Made by perf from the rules of a monitor. Critical and warning are levels of one rule, with the same alertname:
# have Alertmanager hide the warning, with
#   inhibit_rules:
#     - source_matchers: [severity = critical]
#       target_matchers: [severity = warning]
#       equal: [alertname, job, instance]
# A series that was born within the window of a rule counts from zero, so that its first burst of failures is seen. Where
# nothing was scraped for a quarter of an hour before the window, a process that runs for longer looks born as well.
";

/// Writes rules and objectives. `left_out_of` says of which series of a kind no rule judges the time here; `prefix` stands before every
/// metric's name.
pub(crate) fn write<'a>(
    rules: impl IntoIterator<Item = &'a Rule>,
    objectives: &[ObjectiveReport],
    left_out_of: impl Fn(Kind) -> LeftOut,
    prefix: &str,
    profile: RuleProfile,
) -> PrometheusRules {
    let mut written = String::new();
    let mut tests = Vec::new();
    let mut left_out = Vec::new();
    let mut only_here = Vec::new();
    for rule in rules.into_iter().filter(|rule| rule.is_enabled()) {
        if rule.signal.term.metric == Metric::Gauge(BURN_RATE.to_owned()) {
            for alerting in burn_rules(rule, objectives, prefix) {
                written.push_str(&alerting.0.yaml(profile));
                tests.push(alerting.1);
            }
            continue;
        }
        let of_level = |severity| alerting_rule(rule, severity, prefix, profile);
        let levels = [Severity::Warning, Severity::Critical].map(of_level);
        if let Some(reason) = levels.iter().find_map(|level| level.as_ref().err().filter(|reason| **reason != UNUSED)) {
            left_out.push((rule.id().to_owned(), (*reason).to_owned()));
            continue;
        }
        only_here.extend(settings_without_a_word(rule, &left_out_of).map(|setting| (rule.id().to_owned(), setting)));
        let levels: Vec<AlertingRule> = levels.into_iter().flatten().collect();
        written.extend(levels.iter().map(|level| level.yaml(profile)));
        tests.extend(levels.first().and_then(|level| unit_test::of_rule(rule, level, prefix)));
    }
    let mut text = HEAD.to_owned();
    for (id, reason) in &left_out {
        let _ = writeln!(text, "# Left out: {id}, for {reason}.");
    }
    for (id, setting) in &only_here {
        let _ = writeln!(text, "# Without a word here: {setting} of {id}.");
    }
    let rules = if written.is_empty() { "    rules: []\n".to_owned() } else { format!("    rules:\n{written}") };
    let _ = write!(text, "groups:\n  - name: perf\n{rules}");
    PrometheusRules { rules: text, tests: unit_test::file(&tests), left_out, only_here }
}

/// Series of a kind whose calls' time no rule judges here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct LeftOut {
    /// Whether there are such that wait by design.
    pub(crate) waits: bool,
    /// Whether there are such of streams.
    pub(crate) streams: bool,
}

/// Alertmanager tells again after its own `repeat_interval`, and a series that is gone is no alert there. No series says there
/// that it waits by design, that it is one of streams, or that its process has only just begun.
fn settings_without_a_word(rule: &Rule, left_out_of: impl Fn(Kind) -> LeftOut) -> impl Iterator<Item = &'static str> {
    let has_policy = rule.no_data != NoData::Ok;
    let term = &rule.signal.term;
    let left_out = match term.metric {
        Metric::Kind(kind) if term.statistic.is_of_time() => left_out_of(kind),
        _ => LeftOut::default(),
    };
    [
        (!rule.cooldown.is_zero(), "cooldown"),
        (has_policy, "no_data"),
        (left_out.streams && term.statistic != Statistic::OldestInFlight, "streams"),
        (left_out.waits, "waits"),
        (!rule.warm_up.is_zero(), "warm_up"),
    ]
    .into_iter()
    .filter_map(|(is_set, setting)| is_set.then_some(setting))
}

const UNUSED: &str = "it has no such level";

fn alerting_rule(
    rule: &Rule,
    severity: Severity,
    prefix: &str,
    profile: RuleProfile,
) -> Result<AlertingRule, &'static str> {
    Ok(AlertingRule {
        alert: rule.id().to_owned(),
        severity,
        expr: promql::condition(rule, severity, prefix, profile)?,
        hold_for: rule.hold_for,
        keep_firing_for: rule.keep_firing_for,
        labels: rule.labels.clone(),
        annotations: annotations(rule),
    })
}

fn annotations(rule: &Rule) -> BTreeMap<String, String> {
    let of = |name: &str, text: &str| (name.to_owned(), text.to_owned());
    let mut annotations = BTreeMap::from([of("summary", rule.name())]);
    if !rule.description().is_empty() {
        annotations.extend([of("description", rule.description())]);
    }
    annotations.extend(rule.runbook.iter().map(|address| of("runbook_url", address)));
    // A text that looks like a template would be taken for one.
    for text in annotations.values_mut() {
        *text = text.replace("{{", "{ {");
    }
    annotations
}

/// A rule on burn rates: for each promise, from the counts themselves.
fn burn_rules(rule: &Rule, objectives: &[ObjectiveReport], prefix: &str) -> Vec<(AlertingRule, unit_test::Case)> {
    let Some(pair) = PAIRS.into_iter().find(|pair| rule.id().ends_with(pair.name)) else { return Vec::new() };
    let severity = if pair.pages { Severity::Critical } else { Severity::Warning };
    let of = |objective: &ObjectiveReport| {
        let mut labels = rule.labels.clone();
        let own = [("kind", promql::kind_of(objective).as_str()), ("objective", objective.promise.as_str())];
        labels.extend(own.map(|(name, value)| (name.to_owned(), value.to_owned())));
        labels.insert("windows".to_owned(), pair.name.to_owned());
        let alerting = AlertingRule {
            alert: rule.id().to_owned(),
            severity,
            expr: promql::burn(objective, pair, prefix),
            hold_for: rule.hold_for,
            keep_firing_for: rule.keep_firing_for,
            labels,
            annotations: annotations(rule),
        };
        let case = unit_test::of_objective(objective, &alerting, prefix);
        (alerting, case)
    };
    objectives.iter().map(of).collect()
}

impl AlertingRule {
    fn yaml(&self, profile: RuleProfile) -> String {
        let mut text = format!("      - alert: {}\n        expr: {}\n", quoted(&self.alert), quoted(&self.expr));
        let mut span = |key: &str, span: Duration| {
            if !span.is_zero() {
                let _ = writeln!(text, "        {key}: {}", duration(span));
            }
        };
        span("for", self.hold_for);
        if profile == RuleProfile::Current {
            span("keep_firing_for", self.keep_firing_for);
        }
        let _ = writeln!(text, "        labels:\n          severity: {}", self.severity);
        for (name, value) in &self.labels {
            let _ = writeln!(text, "          {name}: {}", quoted(value));
        }
        let _ = writeln!(text, "        annotations:");
        for (name, value) in &self.annotations {
            let _ = writeln!(text, "          {name}: {}", quoted(value));
        }
        text
    }
}
