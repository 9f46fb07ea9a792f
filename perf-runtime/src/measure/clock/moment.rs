//! Moments of the monotonic clock, and the kernel's own reading of it.

use std::time::Duration;

/// A moment of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(pub(super) u64);

impl Moment {
    /// The time from `earlier` to `self`; zero where `earlier` is later.
    pub(crate) fn since(self, earlier: Self) -> Duration {
        Duration::from_nanos(self.nanos_since(earlier))
    }

    /// As [`since`](Self::since), in nanoseconds.
    pub(crate) fn nanos_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The moment `span` after this one.
    pub(crate) fn after(self, span: Duration) -> Self {
        Self(self.0.saturating_add(nanos(span)))
    }

    /// In nanoseconds since the process first read the clock.
    pub(crate) fn to_nanos(self) -> u64 {
        self.0
    }

    pub(in crate::measure) fn from_nanos(nanos: u64) -> Self {
        Self(nanos)
    }

    /// The moment `span` before this one; the first moment where there is none so early.
    pub(crate) fn before(self, span: Duration) -> Self {
        Self(self.0.saturating_sub(nanos(span)))
    }
}

/// A duration in whole nanoseconds; more than 584 years count as 584 years. In words of 64 bits, not by way of
/// `as_nanos` and its 128.
#[inline]
pub(crate) fn nanos(span: Duration) -> u64 {
    span.as_secs().saturating_mul(1_000_000_000).saturating_add(u64::from(span.subsec_nanos()))
}

/// Reads the kernel's monotonic clock. Two differences of `Instant`s would cost a call a seventh more.
#[cfg(target_os = "linux")]
#[expect(clippy::cast_sign_loss, reason = "the clock begins at zero when the machine starts")]
pub(in crate::measure) fn by_kernel() -> Moment {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid and writable, and the clock is one that every Linux has; it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    Moment(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(not(target_os = "linux"))]
pub(in crate::measure) fn by_kernel() -> Moment {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    Moment(nanos(ORIGIN.get_or_init(Instant::now).elapsed()))
}
