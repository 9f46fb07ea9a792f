//! The clock: nanoseconds since some moment that stays the same while the process lives.
//!
//! It is the kernel's monotonic clock, as that of the standard library's `Instant` is, or the processor's time stamp counter
//! where the kernel itself keeps time by it (see `stamp`): the same time at a third of the cost.

use std::time::Duration;

mod stamp;

/// A moment of the monotonic clock, in nanoseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Moment(u64);

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
    pub(super) fn to_nanos(self) -> u64 {
        self.0
    }

    pub(super) fn from_nanos(nanos: u64) -> Self {
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

/// Reads the clock. Costs one read of the time stamp counter, or as much as `Instant::now()`.
#[inline]
pub(crate) fn now() -> Moment {
    quick().unwrap_or_else(by_kernel)
}

/// Reads the clock, where that is no function call.
#[inline]
pub(super) fn quick() -> Option<Moment> {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(moment) = manual::now() {
        return Some(moment);
    }
    stamp::now()
}

/// What the kernel's monotonic clock shows. Two differences of `Instant`s would cost a call a seventh more.
#[cfg(target_os = "linux")]
#[expect(clippy::cast_sign_loss, reason = "the clock begins at zero when the machine starts")]
pub(super) fn by_kernel() -> Moment {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `time` is valid and writable, and the clock is one that every Linux has; it cannot fail.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut time) };
    Moment(time.tv_sec as u64 * 1_000_000_000 + time.tv_nsec as u64)
}

#[cfg(not(target_os = "linux"))]
pub(super) fn by_kernel() -> Moment {
    use std::sync::OnceLock;
    use std::time::Instant;
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    Moment(nanos(ORIGIN.get_or_init(Instant::now).elapsed()))
}

/// Makes the clock as cheap as the kernel allows, and goes back where it no longer does. To be called now and then by a
/// thread that may wait: the first time takes 20 ms, each other some microseconds.
pub(crate) fn tune() {
    stamp::tune();
}

#[cfg(any(test, feature = "test-util"))]
pub(crate) mod manual {
    //! A clock that stands still until a test moves it.

    use super::{Moment, nanos};
    use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};
    use std::time::Duration;

    static MANUAL: AtomicBool = AtomicBool::new(false);
    static NANOS: AtomicU64 = AtomicU64::new(0);
    static OWNER: Mutex<()> = Mutex::new(());

    pub(super) fn now() -> Option<Moment> {
        MANUAL.load(Ordering::Relaxed).then(|| Moment(NANOS.load(Ordering::Relaxed)))
    }

    /// The process's clock in the hand of one test: it stands still until [`advance`](Self::advance) moves it, and goes
    /// back to real time when dropped.
    ///
    /// There is one clock in a process, so a second [`hold`](Self::hold) waits until the first holder lets go.
    #[derive(Debug)]
    pub struct ManualClock {
        _owner: MutexGuard<'static, ()>,
    }

    impl ManualClock {
        /// Takes the clock in hand, at the moment where real time stands.
        pub fn hold() -> Self {
            let owner = OWNER.lock().unwrap_or_else(PoisonError::into_inner);
            let now = super::now();
            NANOS.fetch_max(now.0, Ordering::Relaxed);
            MANUAL.store(true, Ordering::Relaxed);
            Self { _owner: owner }
        }

        /// Moves the clock forward.
        pub fn advance(&self, span: Duration) {
            NANOS.fetch_add(nanos(span), Ordering::Relaxed);
        }
    }

    impl Drop for ManualClock {
        fn drop(&mut self) {
            MANUAL.store(false, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_durations_are_as_long_as_can_be_told() {
        assert_eq!(nanos(Duration::new(3, 7)), 3_000_000_007);
        assert_eq!(nanos(Duration::from_nanos(u64::MAX)), u64::MAX);
        assert_eq!(nanos(Duration::MAX), u64::MAX);
    }

    #[test]
    fn differences_saturate() {
        let (early, late) = (Moment(5), Moment(9));
        assert_eq!(late.nanos_since(early), 4);
        assert_eq!(early.nanos_since(late), 0);
        assert_eq!(early.before(Duration::from_secs(1)), Moment(0));
    }

    #[test]
    fn the_manual_clock_moves_only_by_hand() {
        let clock = manual::ManualClock::hold();
        let before = now();
        assert_eq!(now(), before);
        clock.advance(Duration::from_millis(250));
        assert_eq!(now().since(before), Duration::from_millis(250));
    }
}
