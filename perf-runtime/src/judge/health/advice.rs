//! The words for problems, and the advice.

use super::indicator::{Aspect, Indicator, IndicatorStatus};
use crate::measure::model::kind::Kind;

impl Indicator {
    /// The problem in one sentence. `None` where there is none.
    pub fn complaint(&self) -> Option<String> {
        (self.status() >= IndicatorStatus::Yellow).then(|| complaint(self))
    }
}

/// The problem in one sentence with numbers.
fn complaint(indicator: &Indicator) -> String {
    let limit = if indicator.value().is_some_and(|value| value > indicator.critical()) {
        indicator.critical()
    } else {
        indicator.warning()
    };
    let name = indicator.name();
    let plural = indicator.kind().map_or(name, |kind| kind.family().plural);
    let value = indicator.value().unwrap_or(0.0);
    let percent = || format!("{:.1} % (limit {} %)", 100.0 * value, 100.0 * limit);
    let seconds = indicator.covered().ceil().max(1.0);
    let window = format!("over the last {seconds} s");
    let blamed = indicator.series().map(|series| format!(", most of all {series}")).unwrap_or_default();
    match indicator.aspect() {
        Aspect::Latency => format!("Slow {plural}: they take {value:.2} s (limit {limit} s) {window}{blamed}"),
        Aspect::Errors => format!("Failing {plural}: {} {window}{blamed}", percent()),
        Aspect::Cancelled => format!("Cancelled {plural}: {} {window}{blamed}", percent()),
        Aspect::Stuck => format!("Stuck {plural}: one waits for {value:.0} s (limit {limit} s){blamed}"),
        Aspect::Availability => format!("Failing {name}: {} of the calls {window}{blamed}", percent()),
        Aspect::Resource if name == "load" => format!("High load: {value:.1} tasks want each processor{blamed}"),
        Aspect::Resource => format!("Little {name} left: {} in use{blamed}", percent()),
        Aspect::Alerts => format!("{} series have alerts that fire{blamed}", indicator.shares().len()),
    }
}

/// The problem, and advice.
pub(crate) fn recommendation(indicator: &Indicator) -> Option<String> {
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
        Aspect::Resource => resource_hint(indicator.name()),
        Aspect::Alerts => "Read the active alerts: each says what holds, since when, and its runbook",
    }
}

fn resource_hint(name: &str) -> &'static str {
    match name {
        "memory" => "Look for caches and queues without a bound, or give the process more",
        "cpu" | "load" => "Look for the work that has grown, and do less of it at once or elsewhere",
        "disk" => "Remove or rotate what is no longer needed",
        "pool" => "Look for connections that are held for long, or make the pool larger",
        _ => "Look at what uses it",
    }
}
