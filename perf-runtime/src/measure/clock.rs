//! The clock: nanoseconds since some moment that stays the same while the process lives.
//!
//! It is the kernel's monotonic clock, as that of the standard library's `Instant` is, or the processor's time stamp counter
//! where the kernel itself keeps time by it (see `stamp`): the same time at a third of the cost.

mod eras;
#[cfg(any(test, feature = "test-util"))]
pub(super) mod hand;
#[cfg(any(test, feature = "test-util"))]
pub(crate) mod manual;
mod moment;
mod stamp;
pub(crate) mod wall;

pub(super) use moment::by_kernel;
pub(crate) use moment::{Moment, nanos};

/// Reads the clock. Costs one read of the time stamp counter, or as much as `Instant::now()`.
#[inline]
pub(crate) fn now() -> Moment {
    quick().unwrap_or_else(by_kernel)
}

/// Reads the clock, where that is no function call.
#[inline]
pub(super) fn quick() -> Option<Moment> {
    #[cfg(any(test, feature = "test-util"))]
    if let Some(moment) = hand::now() {
        return Some(moment);
    }
    stamp::now()
}

/// Makes the clock as cheap as the kernel allows, and goes back where it no longer does. To be called now and then by a
/// thread that may wait: the first time takes 20 ms, each other some microseconds.
pub(crate) fn tune() {
    stamp::tune();
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

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
