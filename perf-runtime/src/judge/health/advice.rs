//! The words for problems, and the advice.

use super::indicator::{Aspect, Indicator, IndicatorStatus};
use crate::measure::model::kind::Kind;
use crate::observe::series::identity::in_a_line;

impl Indicator {
    /// The problem in one sentence, with the span that was judged. `None` where there is none.
    pub fn complaint(&self) -> Option<String> {
        (self.status() >= IndicatorStatus::Yellow).then(|| complaint(self))
    }

    /// A thing to try first: one sentence without its full stop. `None` where there is no problem.
    pub fn advice(&self) -> Option<&str> {
        (self.status() >= IndicatorStatus::Yellow).then(|| hint(self))
    }

    /// The span that was judged, in words: `over the last minute`, `over the last 42 s`, `now`.
    pub fn span(&self) -> String {
        match self.covered().round() {
            seconds if seconds < 1.0 && self.covered() <= 0.0 => "now".to_owned(),
            seconds if seconds <= 1.0 => "over the last second".to_owned(),
            // A window is cut by the tick, and a little longer.
            seconds if (58.0..=66.0).contains(&seconds) => "over the last minute".to_owned(),
            seconds if (290.0..=330.0).contains(&seconds) => "over the last 5 minutes".to_owned(),
            seconds => format!("over the last {seconds} s"),
        }
    }
}

/// The problem in one sentence with numbers.
fn complaint(indicator: &Indicator) -> String {
    let limit = if indicator.value().is_some_and(|value| value > indicator.critical()) {
        indicator.critical()
    } else {
        indicator.warning()
    };
    let name = in_a_line(indicator.name());
    let plural = indicator.kind().map_or(&*name, |kind| kind.family().plural);
    let value = indicator.value().unwrap_or(0.0);
    let percent = || format!("{:.1} % (limit {} %)", 100.0 * value, rounded(100.0 * limit));
    let blamed = indicator.series().map(|series| format!(", most of all {}", in_a_line(series))).unwrap_or_default();
    let note = indicator.note().map(|note| format!("; {}", in_a_line(note))).unwrap_or_default();
    let rest = format!("{}{blamed}{note}", indicator.span());
    match indicator.aspect() {
        Aspect::Latency => format!("Slow {plural}: they take {value:.2} s (limit {limit} s) {rest}"),
        Aspect::Errors => format!("Failing {plural}: {} {rest}", percent()),
        Aspect::Cancelled => format!("Cancelled {plural}: {} {rest}", percent()),
        Aspect::Stuck => format!("Stuck {plural}: one waits for {value:.0} s (limit {limit} s) {rest}"),
        Aspect::Availability => format!("Failing {name}: {} of the calls {rest}", percent()),
        Aspect::Resource => format!("{} {rest}", shortage(indicator, value, limit)),
        Aspect::Alerts => {
            let alerts = if value > 1.0 { "alerts fire" } else { "alert fires" };
            format!("{value:.0} {alerts} {rest}")
        }
    }
}

/// How short a resource is, and how much of it is the process's own.
fn shortage(indicator: &Indicator, value: f64, limit: f64) -> String {
    let (used, limit_of_use) = (100.0 * value, rounded(100.0 * limit));
    let certain = if indicator.is_certain() { ", and the process is about to fail by it" } else { "" };
    match (indicator.name(), indicator.own()) {
        ("cpu", Some(own)) => {
            // Rounded first, so that both shares make the whole that is shown.
            let (all, own) = (used.round(), (100.0 * own).round());
            let others = (all - own).max(0.0);
            format!("CPU {all} %: this process {own} %, others {others} % (limit {limit_of_use} %)")
        }
        ("cpu", None) => format!("CPU {used:.0} % (limit {limit_of_use} %)"),
        ("load", _) => format!("High load: {value:.1} tasks want each processor (limit {limit})"),
        (name, _) if indicator.unit() == "seconds" => format!("Long {name}: {value:.2} s (limit {limit} s)"),
        (name, own) => {
            let own = own.map(|own| format!(", {:.1} % by this process", 100.0 * own)).unwrap_or_default();
            format!("Little {name} left: {used:.1} % in use{own} (limit {limit_of_use} %){certain}")
        }
    }
}

/// A limit without the digits that the arithmetic made up.
fn rounded(percent: f64) -> f64 {
    (percent * 1e6).round() / 1e6
}

/// The problem, and advice.
pub(super) fn recommendation(indicator: &Indicator) -> Option<String> {
    let complaint = indicator.complaint()?;
    Some(format!("{complaint}. {}.", hint(indicator)))
}

fn hint(indicator: &Indicator) -> &str {
    if let Some(own) = indicator.hint() {
        return own;
    }
    let of_kind = indicator.kind().unwrap_or(Kind::Operation).family().hints;
    match indicator.aspect() {
        Aspect::Latency => of_kind.latency,
        Aspect::Errors | Aspect::Availability => of_kind.errors,
        Aspect::Cancelled => "Callers give up: compare their timeouts with how long the calls take",
        Aspect::Stuck => "Look at what the call waits for, and give it a timeout",
        Aspect::Resource => resource_hint(indicator),
        Aspect::Alerts => "Read the active alerts: each says what holds, since when, and its runbook",
    }
}

fn resource_hint(indicator: &Indicator) -> &'static str {
    let is_of_others = |own: f64| indicator.value().is_some_and(|value| own < 0.5 * value);
    match indicator.name() {
        "memory" => "Look for caches and queues without a bound, or give the process more",
        "cpu" if indicator.own().is_some_and(is_of_others) => {
            "Look at what else runs on this host: the process itself uses less than half of it"
        }
        "cpu" | "load" => "Look for the work that has grown, and do less of it at once or elsewhere",
        "disk" => "Remove or rotate what is no longer needed",
        "pool" => "Look for connections that are held for long, or make the pool larger",
        _ => "Look at what uses it",
    }
}
