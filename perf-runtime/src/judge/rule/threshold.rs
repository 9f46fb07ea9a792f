//! Where good ends and bad begins, for each kind: what the [table of kinds](crate::measure::model::kind) says, and what
//! follows from it.

use crate::measure::model::kind::{Kind, KindLimits};

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
        let KindLimits { latency, errors, .. } = kind.family().limits;
        let limits = |(warning, critical)| Limits::new(warning, critical);
        let (latency, errors) = (latency.map(limits), limits(errors));
        // One slow call is not a stuck one: a call waits too long when it waits several times as long as is critical.
        let age = latency.map(|limits| Limits::new(3.0 * limits.critical, 10.0 * limits.critical));
        Self { latency, errors, cancelled: Limits::new(0.1, 0.5), age }
    }
}
