//! A rule's condition as an expression of Prometheus.

use super::alerting_rule::RuleProfile;
use crate::collect::model::EXPECTED;
use crate::judge::objective::tracker::{ObjectiveReport, Pair, Promise};
use crate::judge::rule::condition::{Condition, Threshold};
use crate::judge::rule::definition::{Level, Rule};
use crate::judge::rule::metric::Metric;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::{Matcher, Signal, Term};
use crate::judge::rule::statistic::Statistic;
use std::fmt::Write;
use std::time::Duration;

/// Why a rule has no expression.
type Reason = &'static str;

/// The outcomes of calls that failed, of those that ran to their end, and of those that were cancelled.
const FAILED: &str = "outcome=~\"error|panicked\"";
const ENDED: &str = "outcome=~\"ok|error|panicked\"";
const CANCELLED: &str = "outcome=\"cancelled\"";

/// A series that was not seen for so long before a window was born in it.
const UNSEEN_BEFORE: &str = "15m";

/// The condition of one level of a rule.
pub(super) fn condition(rule: &Rule, severity: Severity, prefix: &str, profile: RuleProfile) -> Result<String, Reason> {
    let signal = &rule.signal;
    let judged = Judged::of(signal, prefix)?;
    let threshold = match rule.levels.of(severity) {
        Level::From(threshold) => threshold,
        Level::Absence => return Ok(format!("absent({})", judged.value)),
        Level::Unused => return Err("it has no such level"),
    };
    let lately = rule.lately().map(|signal| Judged::of(&signal, prefix)).transpose()?;
    let holds = |threshold| match &lately {
        Some(lately) => {
            format!("({}) unless ({})", judged.bad(rule.condition, threshold), lately.good(rule.condition, threshold))
        }
        None => judged.bad(rule.condition, threshold),
    };
    let reached = holds(threshold);
    let recovery = rule.recovery.filter(|_| severity == rule.levels.lowest() && profile == RuleProfile::Current);
    Ok(match recovery {
        // An alert that fired at the last evaluation goes on as long as it has not recovered.
        Some(recovery) => {
            let more: String = rule.labels.keys().flat_map(|label| [", ", label]).collect();
            format!(
                "({reached}) or (({}) and ignoring (alertname, alertstate, severity{more}) \
                 ALERTS{{alertname={},alertstate=\"firing\",severity=\"{severity}\"}})",
                holds(recovery),
                quoted(rule.id()),
            )
        }
        None => reached,
    })
}

/// A signal as an expression, and the one that there are enough calls for it.
struct Judged {
    value: String,
    enough: Option<String>,
}

impl Judged {
    fn of(signal: &Signal, prefix: &str) -> Result<Self, Reason> {
        Ok(Self { value: value(signal, prefix)?, enough: enough(signal, prefix)? })
    }

    /// That it reaches a threshold.
    fn bad(&self, condition: Condition, threshold: Threshold) -> String {
        match (condition, threshold) {
            (Condition::AtLeast, Threshold::Value(limit)) => self.compare(">=", limit),
            (Condition::Below, Threshold::Value(limit)) => self.compare("<", limit),
            (Condition::AtMost, Threshold::Value(limit)) => self.compare("<=", limit),
            (_, Threshold::Value(limit)) => self.compare(">", limit),
            (_, Threshold::Range(low, high)) => {
                format!("({}) or ({})", self.compare("<", low), self.compare(">", high))
            }
        }
    }

    /// That it does not.
    fn good(&self, condition: Condition, threshold: Threshold) -> String {
        match (condition, threshold) {
            (Condition::AtLeast, Threshold::Value(limit)) => self.compare("<", limit),
            (Condition::Below, Threshold::Value(limit)) => self.compare(">=", limit),
            (Condition::AtMost, Threshold::Value(limit)) => self.compare(">", limit),
            (_, Threshold::Value(limit)) => self.compare("<=", limit),
            (_, Threshold::Range(low, high)) => {
                format!("({}) and ({})", self.compare(">=", low), self.compare("<=", high))
            }
        }
    }

    fn compare(&self, sign: &str, limit: f64) -> String {
        let and = self.enough.as_ref().map(|enough| format!(" and {enough}")).unwrap_or_default();
        format!("{} {sign} {}{and}", self.value, number(limit))
    }
}

/// The value that is judged.
fn value(signal: &Signal, prefix: &str) -> Result<String, Reason> {
    let at = |offset: Duration| {
        let of = |term: &Term| figure(term, signal.by.as_deref(), prefix, offset);
        let term = of(&signal.term)?;
        match &signal.over {
            Some(over) => Ok(format!("(({term}) / ({}))", of(over)?)),
            None => Ok(term),
        }
    };
    let Some(span) = signal.change else { return at(Duration::ZERO) };
    Ok(format!("(({}) - ({}))", at(Duration::ZERO)?, at(span)?))
}

fn offset_by(span: Duration) -> String {
    if span.is_zero() { String::new() } else { format!(" offset {}", duration(span)) }
}

/// The calls that were counted in a span, up to some time ago. A series that was born in it counts from zero: `increase`
/// alone begins at the first value that was scraped, and so a burst of failures that makes a series would never be seen.
fn calls_in(selected: &str, span: Duration, ago: Duration) -> String {
    let (at, before, span_text) = (offset_by(ago), offset_by(ago + span), minutes(span));
    format!(
        "(({selected}{at} unless count_over_time({selected}[{UNSEEN_BEFORE}]{before})) or \
         increase({selected}[{span_text}]{at}))"
    )
}

/// As [`calls_in`], without those that ended as it was meant.
fn calls_not_meant(name: &str, matchers: &[Matcher], outcomes: &str, span: Duration, ago: Duration) -> String {
    let meant = selector(name, matchers, &format!("{outcomes},{EXPECTED}=\"true\""));
    let (at, span_text) = (offset_by(ago), minutes(span));
    let all = calls_in(&selector(name, matchers, outcomes), span, ago);
    format!("({all} unless count_over_time({meant}[{span_text}]{at}))")
}

/// A window: `5m`.
fn minutes(span: Duration) -> String {
    format!("{}m", span.as_secs() / 60)
}

/// A part of a whole. Of an outcome that never occurred there may be no series: that is none of all the calls.
fn share(part: &str, whole: &str) -> String {
    format!("(({part} or 0 * {whole}) / {whole})")
}

/// That there were enough calls.
fn enough(signal: &Signal, prefix: &str) -> Result<Option<String>, Reason> {
    if signal.min_samples == 0 {
        return Ok(None);
    }
    let calls = Term { statistic: Statistic::Calls, ..signal.term.clone() };
    let calls = figure(&calls, signal.by.as_deref(), prefix, Duration::ZERO)?;
    Ok(Some(format!("{calls} >= {}", signal.min_samples)))
}

/// One figure of each series, or of groups of them.
fn figure(term: &Term, by: Option<&[String]>, prefix: &str, ago: Duration) -> Result<String, Reason> {
    let offset = offset_by(ago);
    if term.statistic.is_estimated() {
        return Err("it is estimated inside the process, and not exposed");
    }
    let Metric::Kind(kind) = &term.metric else {
        let selected = format!("{}{offset}", selector(&term.metric.to_string(), &term.matchers, ""));
        return Ok(by.map_or(selected.clone(), |by| format!("sum by ({}) ({selected})", by.join(", "))));
    };
    let family = kind.family();
    let window = term.window;
    let add_up = |inner: String| match by {
        Some(by) => format!("sum by ({}) ({inner})", by.join(", ")),
        None => format!("sum without (outcome, error_type, {EXPECTED}) ({inner})"),
    };
    let over_window = |function: &str, name: &str, outcomes: &str| {
        let selected = selector(&format!("{prefix}{name}"), &term.matchers, outcomes);
        add_up(format!("{function}({selected}[{window}]{offset})"))
    };
    let calls = |outcomes: &str| {
        let selected = selector(&format!("{prefix}{}", family.counter), &term.matchers, outcomes);
        add_up(calls_in(&selected, window.duration(), ago))
    };
    let not_meant = |outcomes: &str| {
        let name = format!("{prefix}{}", family.counter);
        add_up(calls_not_meant(&name, &term.matchers, outcomes, window.duration(), ago))
    };
    let failed = || share(&not_meant(FAILED), &calls(ENDED));
    let quantile = |q: f64| {
        let buckets = over_window("rate", &format!("{}_bucket", family.histogram), "");
        format!("histogram_quantile({q}, {buckets})")
    };
    Ok(match term.statistic {
        Statistic::Calls => calls(""),
        Statistic::Rate => over_window("rate", family.counter, ""),
        Statistic::ErrorRate => failed(),
        Statistic::SuccessRate => format!("(1 - {})", failed()),
        Statistic::CancelledRate => {
            let (cancelled, ended) = (not_meant(CANCELLED), calls(ENDED));
            share(&cancelled, &format!("(({ended} or 0 * {cancelled}) + ({cancelled} or 0 * {ended}))"))
        }
        Statistic::Mean => {
            let sum = over_window("rate", &format!("{}_sum", family.histogram), "");
            let count = over_window("rate", &format!("{}_count", family.histogram), "");
            format!("({sum} / {count})")
        }
        Statistic::P50 => quantile(0.5),
        Statistic::P90 => quantile(0.9),
        Statistic::P95 => quantile(0.95),
        Statistic::P99 => quantile(0.99),
        Statistic::InFlight => {
            add_up(format!("{}{offset}", selector(&format!("{prefix}{}", family.in_flight), &term.matchers, "")))
        }
        Statistic::SlowRate => return Err("what is slow differs from function to function"),
        Statistic::OldestInFlight => return Err("the age of calls in flight is not exposed"),
        Statistic::Min | Statistic::Max | Statistic::Std => return Err("a histogram's buckets do not tell it"),
        Statistic::Value | Statistic::Anomaly | Statistic::Trend | Statistic::Forecast => {
            return Err("a kind has no such figure");
        }
    })
}

/// That a promise burns its budget too fast in both windows, and that there is traffic.
pub(super) fn burn(objective: &ObjectiveReport, pair: Pair, prefix: &str) -> String {
    let family = kind_of(objective).family();
    let matchers: Vec<Matcher> = objective
        .labels
        .iter()
        .skip(1)
        .map(|(label, value)| Matcher { label: label.clone(), values: vec![value.clone()], except: false })
        .collect();
    let limit = number(pair.factor * (1.0 - objective.target));
    let by: Vec<&str> = matchers.iter().map(|matcher| matcher.label.as_str()).collect();
    let sum = |name: &str, more: &str, minutes: u32| {
        let selected = selector(&format!("{prefix}{name}"), &matchers, more);
        format!("sum by ({}) (rate({selected}[{minutes}m]))", by.join(", "))
    };
    let calls = |more: &str, minutes: u32| {
        let selected = selector(&format!("{prefix}{}", family.counter), &matchers, more);
        let counted = calls_in(&selected, Duration::from_secs(u64::from(minutes) * 60), Duration::ZERO);
        format!("sum by ({}) ({counted})", by.join(", "))
    };
    let bad = |minutes: u32| match objective.promise {
        Promise::Success => {
            let span = Duration::from_secs(u64::from(minutes) * 60);
            let name = format!("{prefix}{}", family.counter);
            let failed = calls_not_meant(&name, &matchers, FAILED, span, Duration::ZERO);
            share(&format!("sum by ({}) ({failed})", by.join(", ")), &calls(ENDED, minutes))
        }
        Promise::Latency => {
            let le = bound(objective.latency.unwrap_or_default());
            let part = sum(&format!("{}_bucket", family.histogram), &le, minutes);
            let whole = sum(&format!("{}_count", family.histogram), "", minutes);
            format!("(1 - {part} / {whole})")
        }
    };
    let all = calls("", pair.long);
    format!("{} > {limit} and {} > {limit} and {all} >= 100", bad(pair.short), bad(pair.long))
}

pub(super) fn kind_of(objective: &ObjectiveReport) -> crate::measure::model::kind::Kind {
    use crate::measure::model::kind::Kind;
    let name = objective.labels.first().map_or("", |(_, kind)| kind);
    Kind::ALL.into_iter().find(|kind| kind.as_str() == name).unwrap_or(Kind::Operation)
}

/// A bound as a matcher: later versions of Prometheus write `1.0` for `1`.
fn bound(seconds: f64) -> String {
    let text = seconds.to_string();
    if text.contains('.') { format!("le=\"{text}\"") } else { format!("le=~\"{text}|{text}[.]0\"") }
}

fn selector(name: &str, matchers: &[Matcher], more: &str) -> String {
    let mut text = String::new();
    for matcher in matchers {
        let comma = if text.is_empty() { "" } else { "," };
        let sign = match (matcher.except, matcher.values.len()) {
            (false, 1) => "=",
            (true, 1) => "!=",
            (false, _) => "=~",
            (true, _) => "!~",
        };
        let value = match matcher.values.as_slice() {
            [value] => quoted(value),
            values => quoted(&values.iter().map(|value| literal(value)).collect::<Vec<_>>().join("|")),
        };
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{comma}{}{sign}{value}", matcher.label);
    }
    let comma = if text.is_empty() || more.is_empty() { "" } else { "," };
    if text.is_empty() && more.is_empty() { name.to_owned() } else { format!("{name}{{{text}{comma}{more}}}") }
}

/// A text that means itself in a regular expression.
fn literal(text: &str) -> String {
    let escape = |char: char| [if "\\.+*?()|[]{}^$".contains(char) { "\\" } else { "" }.to_owned(), char.to_string()];
    text.chars().flat_map(escape).collect()
}

/// A text in quotes, as Prometheus and YAML both read it.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for char in text.chars() {
        match char {
            '\\' => quoted.push_str("\\\\"),
            '"' => quoted.push_str("\\\""),
            '\n' => quoted.push_str("\\n"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

pub(super) fn number(value: f64) -> String {
    // Fifteen digits are what a number of this size keeps: 14.4 times 0.001 is written 0.0144.
    let rounded: f64 = format!("{value:.14e}").parse().unwrap_or(value);
    rounded.to_string()
}

/// A span as Prometheus writes it: `90s`, in milliseconds where it must.
pub(super) fn duration(span: Duration) -> String {
    if span.subsec_nanos() == 0 { format!("{}s", span.as_secs()) } else { format!("{}ms", span.as_millis()) }
}
