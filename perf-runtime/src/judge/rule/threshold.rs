//! Where good ends and bad begins: the one place that both the ready-made rules and the health read their limits from. Of a
//! kind it is the [table of kinds](crate::measure::model::kind) and what follows from it.

use crate::measure::model::kind::{Kind, KindLimits};

/// A pair of limits. A value above `warning` is yellow, above `critical` red.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Limits {
    pub(crate) warning: f64,
    pub(crate) critical: f64,
}

impl Limits {
    pub(crate) const MEMORY: Self = Self::new(0.80, 0.85);
    pub(crate) const CPU: Self = Self::new(0.80, 0.90);
    pub(crate) const DISK: Self = Self::new(0.80, 0.90);
    /// A processor that always has work is used well, and no more.
    pub(crate) const LOAD: Self = Self::new(1.0, 2.0);
    pub(crate) const POOL: Self = Self::new(0.90, 0.95);

    pub(crate) const fn new(warning: f64, critical: f64) -> Self {
        Self { warning, critical }
    }

    /// These limits as far as a rule says nothing else. A limit that the rule is silent of moves where it must, so that
    /// both ascend, and keeps its distance from the other.
    pub(crate) fn changed_to(self, warning: Option<f64>, critical: Option<f64>) -> Self {
        match (warning, critical) {
            (None, None) => self,
            (Some(warning), Some(critical)) => Self { warning: warning.min(critical), critical },
            (Some(warning), None) if warning < self.critical => Self { warning, ..self },
            (Some(warning), None) => Self { warning, critical: warning * (self.critical / self.warning) },
            (None, Some(critical)) if critical > self.warning => Self { critical, ..self },
            (None, Some(critical)) => Self { warning: critical * (self.warning / self.critical), critical },
        }
    }

    /// The rest of a share: where 80 % of the calls succeed, 20 % do not.
    pub(crate) fn rest_of(share: f64) -> f64 {
        // Without the digits that subtraction makes up.
        ((1.0 - share) * 1e12).round() / 1e12
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
    /// Of the share of cancelled calls. Red only where it is the callers of the process who gave up: within it, dropping a
    /// call may be meant, and where it hurts, their requests show it.
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
        let cancelled = Limits::new(0.1, if kind == Kind::HttpRequest { 0.5 } else { 1.0 });
        Self { latency, errors, cancelled, age }
    }
}
