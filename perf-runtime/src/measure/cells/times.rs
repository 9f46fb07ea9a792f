//! Summed times of calls, without their buckets: of all calls of a series that ended.

/// Nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    /// From start to end, of each outcome.
    pub(crate) nanos: u64,
    /// In which at least one call ran that was made inside them.
    pub(crate) covered_nanos: u64,
    /// Between polls.
    pub(crate) idle_nanos: u64,
}

impl Times {
    pub(crate) fn plus(self, other: Self) -> Self {
        self.with(other, u64::wrapping_add)
    }

    /// These less earlier ones.
    pub(crate) fn since(self, earlier: Self) -> Self {
        self.with(earlier, u64::wrapping_sub)
    }

    fn with(self, other: Self, both: impl Fn(u64, u64) -> u64) -> Self {
        Self {
            nanos: both(self.nanos, other.nanos),
            covered_nanos: both(self.covered_nanos, other.covered_nanos),
            idle_nanos: both(self.idle_nanos, other.idle_nanos),
        }
    }
}
