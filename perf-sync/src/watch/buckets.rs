//! Counts of times by upper bounds.

use std::sync::atomic::{AtomicU64, Ordering};

/// The upper bounds, in nanoseconds, each included: 1, 2.5 and 5 of each power of ten, from a lock that nobody else wants to one that
/// is held for a minute.
pub(crate) const BOUNDS: [u64; 26] = [
    250,
    500,
    1_000,
    2_500,
    5_000,
    10_000,
    25_000,
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    5_000_000_000,
    10_000_000_000,
    30_000_000_000,
    60_000_000_000,
];
/// One for each bound, and one for all above.
pub(crate) const BUCKETS: usize = BOUNDS.len() + 1;

/// The first bucket in which a number of so many bits can be.
const FIRST: [u8; 65] = first_by_bits();

#[expect(clippy::cast_possible_truncation, reason = "at most the number of bounds")]
const fn first_by_bits() -> [u8; 65] {
    let mut first = [0; 65];
    let mut bits = 1;
    while bits < first.len() {
        let least = 1_u64 << (bits - 1);
        let mut place = 0;
        while place < BOUNDS.len() && BOUNDS[place] < least {
            place += 1;
        }
        first[bits] = place as u8;
        bits += 1;
    }
    first
}

/// The bucket of a time: found by the number of its bits, and at most two comparisons more.
#[inline]
pub(crate) fn bucket(nanos: u64) -> usize {
    let bits = (u64::BITS - nanos.leading_zeros()) as usize;
    let mut place = usize::from(FIRST[bits]);
    while BOUNDS.get(place).is_some_and(|&bound| nanos > bound) {
        place += 1;
    }
    place
}

/// The bounds, in seconds.
pub(crate) fn bounds_in_seconds() -> impl Iterator<Item = f64> {
    BOUNDS.iter().map(|&nanos| nanos as f64 / 1e9)
}

/// Times that many threads count.
#[derive(Debug, Default)]
pub(crate) struct SharedTimes {
    counts: [AtomicU64; BUCKETS],
    nanos: AtomicU64,
}

impl SharedTimes {
    pub(crate) fn count(&self, nanos: u64) {
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
        if let Some(count) = self.counts.get(bucket(nanos)) {
            count.fetch_add(1, Ordering::Release);
        }
    }

    pub(crate) fn read(&self) -> Times {
        let counts = self.counts.each_ref().map(|count| count.load(Ordering::Acquire));
        Times { counts, nanos: self.nanos.load(Ordering::Relaxed) }
    }
}

/// Times as they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) counts: [u64; BUCKETS],
    pub(crate) nanos: u64,
}

impl Times {
    pub(crate) fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// The upper bound of the bucket in which this share of the times is reached; `None` where there are no times, and above all bounds.
    pub(crate) fn at_most(&self, share: f64) -> Option<u64> {
        let all = self.count();
        let mut sum = 0;
        let reached = self.counts.iter().position(|count| {
            sum += count;
            all > 0 && sum as f64 >= share * all as f64
        })?;
        BOUNDS.get(reached).copied()
    }

    /// The times since an earlier reading.
    pub(crate) fn since(&self, earlier: &Self) -> Self {
        let mut counts = self.counts;
        counts.iter_mut().zip(earlier.counts).for_each(|(count, before)| *count = count.saturating_sub(before));
        Self { counts, nanos: self.nanos.saturating_sub(earlier.nanos) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_time_is_in_the_first_bucket_whose_bound_it_does_not_exceed(shift in 0_u32..64, add in any::<u64>()) {
            let nanos = add >> shift;
            let expected = BOUNDS.iter().position(|&bound| nanos <= bound).unwrap_or(BOUNDS.len());
            prop_assert_eq!(bucket(nanos), expected);
        }
    }

    #[test]
    fn bounds_include_themselves() {
        for (place, &bound) in BOUNDS.iter().enumerate() {
            assert_eq!((bucket(bound), bucket(bound + 1)), (place, place + 1));
        }
        assert_eq!((bucket(0), bucket(u64::MAX)), (0, BUCKETS - 1));
    }

    #[test]
    fn a_share_of_no_times_is_nothing() {
        let times = SharedTimes::default();
        assert_eq!(times.read().at_most(0.5), None);
        for nanos in [100, 100, 700, u64::MAX / 2] {
            times.count(nanos);
        }
        let times = times.read();
        assert_eq!((times.at_most(0.5), times.at_most(0.75), times.at_most(1.0)), (Some(250), Some(1_000), None));
    }
}
