//! Messages with the moment at which each was sent.

use crate::watch::cells::{self, Writer};
use crate::watch::series::{SERIES_BITS, SeriesNumber};
use std::fmt;
use std::mem;
use std::sync::atomic::Ordering;

/// The moment at which a message was sent, by the clock in nanoseconds, and the series in which it counts, in one word. Moments come round after 52 days, so ages are told up to 26
/// days; an older message is told as zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Stamp(u64);

impl Stamp {
    #[inline]
    pub(super) fn new(series: SeriesNumber, now: u64) -> Self {
        Self(now << SERIES_BITS | series.index() as u64)
    }

    #[inline]
    pub(super) fn series(self) -> SeriesNumber {
        SeriesNumber::of_index((self.0 & ((1 << SERIES_BITS) - 1)) as usize)
    }

    /// For how long the message was under way.
    #[inline]
    fn age(self, now: u64) -> u64 {
        let sent = self.0 >> SERIES_BITS << SERIES_BITS;
        let age = (now << SERIES_BITS).wrapping_sub(sent);
        // The clocks of two processors may differ by little.
        if age >> (u64::BITS - 1) == 1 { 0 } else { age >> SERIES_BITS }
    }

    #[inline]
    pub(super) fn received(self, now: u64) {
        Writer::of(self.series()).held(self.age(now), 0);
    }
}

/// Counts its message as lost when it is dropped: so whatever becomes of a channel, each message that was in it is received or lost.
struct Unreceived(Stamp);

impl Drop for Unreceived {
    fn drop(&mut self) {
        let Self(stamp) = self;
        lost(stamp.series());
    }
}

/// Counts a message as lost.
pub(super) fn lost(series: SeriesNumber) {
    cells::series(series).slow.forgotten.fetch_add(1, Ordering::Release);
}

/// A message that one receives. Its value is first: it is written and read in the pieces in which it would be by itself. Otherwise the processor waits for pieces of other sizes.
#[repr(C)]
pub(crate) struct Queued<T> {
    value: T,
    unreceived: Unreceived,
}

impl<T> Queued<T> {
    #[inline]
    pub(crate) fn new(series: SeriesNumber, now: u64, value: T) -> Self {
        Self { value, unreceived: Unreceived(Stamp::new(series, now)) }
    }

    /// The value that was received.
    #[inline]
    pub(crate) fn received(self, now: u64) -> T {
        let Self { value, unreceived } = self;
        let Unreceived(stamp) = unreceived;
        mem::forget(unreceived);
        stamp.received(now);
        value
    }

    /// The value that was not sent after all.
    pub(crate) fn back(self) -> T {
        let Self { value, unreceived } = self;
        mem::forget(unreceived);
        value
    }
}

impl<T: fmt::Debug> fmt::Debug for Queued<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// A message that each receiver has a clone of.
#[derive(Clone)]
pub(crate) struct Stamped<T> {
    value: T,
    stamp: Stamp,
}

impl<T> Stamped<T> {
    #[inline]
    pub(crate) fn new(series: SeriesNumber, now: u64, value: T) -> Self {
        Self { value, stamp: Stamp::new(series, now) }
    }

    #[inline]
    pub(crate) fn received(self, now: u64) -> T {
        self.stamp.received(now);
        self.value
    }

    pub(crate) fn back(self) -> T {
        self.value
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::watch::kind::Kind;
    use crate::watch::name::Number;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_stamp_keeps_its_series_and_tells_an_age_of_weeks(name in 0_usize..201, sent in any::<u64>(), age in 0_u64..1 << 51) {
            let series = SeriesNumber::of_channel(Number::of_index(name), Kind::Oneshot);
            let stamp = Stamp::new(series, sent);
            prop_assert_eq!(stamp.series(), series);
            prop_assert_eq!(stamp.age(sent.wrapping_add(age)), age);
            prop_assert_eq!(stamp.age(sent.wrapping_sub(1 + age / 2)), 0);
        }
    }
}
