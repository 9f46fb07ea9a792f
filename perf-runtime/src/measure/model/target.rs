//! Targets that an annotated function sets itself: its own buckets, when a call is slow, its objective; and whether the
//! resources that it uses are measured.

use super::kind::Kind;

/// The settings of a site beyond its kind: made by the options `buckets`, `cancel`, `slow`, `objective`, `profile`, `units` and
/// `waits`.
#[derive(Clone, Copy, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option of the attribute of its own")]
pub struct Targets {
    /// The function's name, for messages.
    pub(crate) name: &'static str,
    /// Exposed bounds in place of the kind's, in seconds.
    pub(crate) buckets: Option<&'static [f64]>,
    /// A call that takes longer, in nanoseconds, is slow.
    pub(crate) slow: Option<u64>,
    pub(crate) objective: Option<Objective>,
    /// Whether it is measured what calls use.
    pub(crate) profile: bool,
    /// Whether calls say how much they did.
    pub(crate) units: bool,
    /// Whether it is part of the plan that calls are cancelled.
    pub(crate) cancel_expected: bool,
    /// Whether calls wait by design: then nobody judges how long they take.
    pub(crate) waits: bool,
    /// Whether calls are streams.
    pub(crate) streams: bool,
}

/// A service level objective. Shares are 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Objective {
    /// The latency, in nanoseconds, that a share of calls is to stay within.
    pub latency: Option<(u64, f64)>,
    /// The share of calls that is to succeed.
    pub success: Option<f64>,
}

impl Targets {
    /// No promise.
    pub const NONE: Self = Self::new("");

    /// The targets of the function `name`, none as yet.
    #[must_use]
    pub const fn new(name: &'static str) -> Self {
        Self {
            name,
            buckets: None,
            slow: None,
            objective: None,
            profile: false,
            units: false,
            cancel_expected: false,
            waits: false,
            streams: false,
        }
    }

    /// Exposes these bounds, in seconds, in place of the kind's.
    #[must_use]
    pub const fn buckets(mut self, bounds: &'static [f64]) -> Self {
        self.buckets = Some(bounds);
        self
    }

    /// Calls that take longer, in nanoseconds, are slow.
    #[must_use]
    pub const fn slow(mut self, nanos: u64) -> Self {
        self.slow = Some(nanos);
        self
    }

    /// Sets the objective.
    #[must_use]
    pub const fn objective(mut self, objective: Objective) -> Self {
        self.objective = Some(objective);
        self
    }

    /// Measures what calls use.
    #[must_use]
    pub const fn profile(mut self) -> Self {
        self.profile = true;
        self
    }

    /// Calls say how much they did.
    #[must_use]
    pub const fn units(mut self) -> Self {
        self.units = true;
        self
    }

    /// Calls are cancelled by design.
    #[must_use]
    pub const fn cancel_expected(mut self) -> Self {
        self.cancel_expected = true;
        self
    }

    /// Calls wait by design.
    #[must_use]
    pub const fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Calls are streams.
    #[must_use]
    pub const fn streams(mut self) -> Self {
        self.streams = true;
        self
    }

    /// Whether it is said how long a call may take.
    pub(crate) fn limits_latency(&self) -> bool {
        self.exact_bounds().next().is_some()
    }

    /// Bounds that must be exact, in nanoseconds, because something is judged at them.
    pub(crate) fn exact_bounds(&self) -> impl Iterator<Item = u64> {
        let latency = self.objective.and_then(|objective| objective.latency).map(|(nanos, _)| nanos);
        self.slow.into_iter().chain(latency)
    }

    /// All other bounds to expose, in seconds.
    pub(crate) fn bounds(&self, kind: Kind) -> &'static [f64] {
        self.buckets.unwrap_or(kind.family().bounds)
    }

    /// Whether the kind's own layout serves.
    pub(crate) fn is_plain(&self) -> bool {
        self.buckets.is_none() && self.exact_bounds().next().is_none()
    }
}
