//! Says what is wrong and what to do, in words.

use super::indicator::{Aspect, Indicator, IndicatorStatus};
use crate::measure::kind::Kind;

impl Indicator {
    /// What is wrong, in one sentence. `None` where nothing is.
    pub fn complaint(&self) -> Option<String> {
        (self.status() >= IndicatorStatus::Yellow).then(|| complaint(self))
    }
}

/// What is wrong, in one sentence with numbers.
fn complaint(indicator: &Indicator) -> String {
    let limit = if indicator.value().is_some_and(|value| value > indicator.critical()) {
        indicator.critical()
    } else {
        indicator.warning()
    };
    let plural = indicator.kind().family().plural;
    let value = indicator.value().unwrap_or(0.0);
    let window = indicator.covered().ceil().max(1.0);
    let blamed = indicator.series().map(|series| format!(", most of all {series}")).unwrap_or_default();
    match indicator.aspect() {
        Aspect::Latency => {
            format!("Slow {plural}: they take {value:.2} s (limit {limit} s) over the last {window} s{blamed}")
        }
        Aspect::Errors => {
            let (value, limit) = (100.0 * value, 100.0 * limit);
            format!("Failing {plural}: {value:.1} % (limit {limit} %) over the last {window} s{blamed}")
        }
        Aspect::Cancelled => {
            let (value, limit) = (100.0 * value, 100.0 * limit);
            format!("Cancelled {plural}: {value:.1} % (limit {limit} %) over the last {window} s{blamed}")
        }
        Aspect::Stuck => format!("Stuck {plural}: one waits for {value:.0} s (limit {limit} s){blamed}"),
    }
}

/// What to do about it.
pub(super) fn recommendation(indicator: &Indicator) -> Option<String> {
    let complaint = indicator.complaint()?;
    Some(format!("{complaint}. {}.", hint(indicator.kind(), indicator.aspect())))
}

fn hint(kind: Kind, aspect: Aspect) -> &'static str {
    match (kind, aspect) {
        (Kind::DbOperation, Aspect::Latency) => "Look for a lock, a missing index or an exhausted pool",
        (Kind::DbOperation, Aspect::Errors) => {
            "Read the errors of the database: is it reachable, is the schema as expected"
        }
        (Kind::HttpRequest, Aspect::Latency) => "Look at what these routes wait for: queries, external calls, agents",
        (Kind::HttpRequest, Aspect::Errors) => "Look at what these routes call: something below them fails",
        (_, Aspect::Cancelled) => "Callers give up: compare their timeouts with how long the calls take",
        (_, Aspect::Stuck) => "Look at what the call waits for, and give it a timeout",
        (Kind::McpCall | Kind::ExternalCall, _) => "Ask the other side's status, and consider a timeout and a fallback",
        (_, Aspect::Latency) => "Look at what these calls wait for or compute",
        (_, Aspect::Errors) => "Look at the errors that these calls return",
    }
}
