//! Where good ends and bad begins, for each kind.
//!
//! The defaults are those of the sources that the project grew from: responses and queries 0.5 s and 1 s, errors 1 % and
//! 5 %, agents 5 s and 10 s, MCP calls 5 s and a success rate of 80 %, operations 2 s. Where a source names one limit
//! only, the warning stands at half of it.

use crate::measure::model::kind::Kind;

/// A pair of limits. A value above `warning` is yellow, above `critical` red.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) warning: f64,
    pub(crate) critical: f64,
}

impl Limits {
    pub(crate) const fn new(warning: f64, critical: f64) -> Self {
        Self { warning, critical }
    }
}

/// The limits of one kind. Durations in seconds, shares 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Thresholds {
    /// Of the 95th percentile of durations. Workflows and their steps have none: how long is too long, only their author
    /// knows.
    pub(crate) latency: Option<Limits>,
    /// Of the share of errors and panics.
    pub(crate) errors: Limits,
    /// Of the share of cancelled calls.
    pub(crate) cancelled: Limits,
    /// Of the age of the oldest call that waits.
    pub(crate) age: Option<Limits>,
}

impl Thresholds {
    /// The defaults of a kind.
    pub(crate) fn of(kind: Kind) -> Self {
        let latency = match kind {
            Kind::HttpRequest | Kind::DbOperation => Some(Limits::new(0.5, 1.0)),
            Kind::Agent => Some(Limits::new(5.0, 10.0)),
            Kind::McpCall | Kind::ExternalCall | Kind::Tool => Some(Limits::new(2.5, 5.0)),
            Kind::Operation => Some(Limits::new(1.0, 2.0)),
            Kind::Workflow | Kind::WorkflowStep => None,
        };
        let errors = if kind == Kind::McpCall { Limits::new(0.1, 0.2) } else { Limits::new(0.01, 0.05) };
        // One slow call is not a stuck one: a call waits too long when it waits several times as long as is critical.
        let age = latency.map(|limits| Limits::new(3.0 * limits.critical, 10.0 * limits.critical));
        Self { latency, errors, cancelled: Limits::new(0.1, 0.5), age }
    }
}
