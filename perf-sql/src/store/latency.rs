//! Durations of one statement: counts at the bounds that are exposed, and finer buckets for percentiles.

/// The bounds that OpenTelemetry advises for `db.client.operation.duration`, in nanoseconds
/// (<https://opentelemetry.io/docs/specs/semconv/database/database-metrics/>).
pub(crate) const BOUNDS: [u64; 9] = [
    1_000_000,
    5_000_000,
    10_000_000,
    50_000_000,
    100_000_000,
    500_000_000,
    1_000_000_000,
    5_000_000_000,
    10_000_000_000,
];

/// Durations below 2 to this power, in nanoseconds, are in the first bucket: about a microsecond.
const LOWEST_POWER: u32 = 10;
/// Durations from 2 to this power on are in the last bucket: about 137 seconds.
const HIGHEST_POWER: u32 = 37;
/// Buckets of equal width between two powers of two: each is an eighth of its lower end wide.
const PARTS: usize = 8;
const PART_BITS: u32 = PARTS.trailing_zeros();
const BUCKETS: usize = (HIGHEST_POWER - LOWEST_POWER) as usize * PARTS + 2;

/// Counts of durations, and their sum.
#[derive(Clone, Debug)]
pub(crate) struct Latency {
    /// Counts at each bound, not cumulative; the last is of those above all.
    at_bounds: [u64; BOUNDS.len() + 1],
    buckets: [u64; BUCKETS],
    pub(crate) nanos: u64,
    min: u64,
    max: u64,
}

impl Default for Latency {
    fn default() -> Self {
        Self { at_bounds: [0; BOUNDS.len() + 1], buckets: [0; BUCKETS], nanos: 0, min: u64::MAX, max: 0 }
    }
}

impl Latency {
    pub(crate) fn record(&mut self, nanos: u64) {
        let bound = BOUNDS.partition_point(|bound| *bound < nanos);
        for (counts, place) in [(&mut self.at_bounds[..], bound), (&mut self.buckets[..], bucket(nanos))] {
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        self.nanos = self.nanos.saturating_add(nanos);
        (self.min, self.max) = (self.min.min(nanos), self.max.max(nanos));
    }

    pub(crate) fn add(&mut self, other: &Self) {
        let pairs = self.at_bounds.iter_mut().zip(&other.at_bounds);
        pairs.chain(self.buckets.iter_mut().zip(&other.buckets)).for_each(|(own, theirs)| *own += theirs);
        self.nanos = self.nanos.saturating_add(other.nanos);
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }

    pub(crate) fn count(&self) -> u64 {
        self.at_bounds.iter().sum()
    }

    /// The counts at or below each bound, and then of all.
    pub(crate) fn cumulative(&self) -> impl Iterator<Item = u64> {
        self.at_bounds.iter().scan(0_u64, |sum, count| {
            *sum += count;
            Some(*sum)
        })
    }

    pub(crate) fn max(&self) -> Option<u64> {
        Some(self.max).filter(|_| self.min <= self.max)
    }

    /// The duration that this share of all did not exceed, 0 to 1: the middle of its bucket, so at most a sixteenth off. `None` where there
    /// is none.
    pub(crate) fn quantile(&self, share: f64) -> Option<u64> {
        let count = self.count();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a share of a count")]
        let rank = ((count as f64 * share).ceil() as u64).clamp(1, count.max(1));
        let mut sum = 0;
        let found = self.buckets.iter().position(|bucket| {
            sum += bucket;
            sum >= rank
        });
        found.filter(|_| count > 0).map(|place| middle(place).clamp(self.min, self.max))
    }
}

/// The bucket of a duration.
fn bucket(nanos: u64) -> usize {
    let power = nanos.checked_ilog2().unwrap_or_default();
    if power < LOWEST_POWER {
        return 0;
    }
    if power >= HIGHEST_POWER {
        return BUCKETS - 1;
    }
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits")]
    let part = (nanos >> (power - PART_BITS)) as usize & (PARTS - 1);
    (power - LOWEST_POWER) as usize * PARTS + part + 1
}

/// The middle of a bucket.
fn middle(place: usize) -> u64 {
    let Some(place) = place.checked_sub(1) else { return 1 << (LOWEST_POWER - 1) };
    let power = u32::try_from(place / PARTS).unwrap_or_default() + LOWEST_POWER;
    if power >= HIGHEST_POWER {
        return u64::MAX;
    }
    let width = 1_u64 << (power - PART_BITS);
    (1 << power) + width * (place % PARTS) as u64 + width / 2
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn counts_are_exact_at_each_bound_and_percentiles_near(mut all in prop::collection::vec(0_u64..200_000_000_000, 1..200)) {
            let mut latency = Latency::default();
            for nanos in &all {
                latency.record(*nanos);
            }
            let brute = BOUNDS.iter().map(|bound| all.iter().filter(|nanos| *nanos <= bound).count() as u64);
            prop_assert!(latency.cumulative().eq(brute.chain([all.len() as u64])));
            prop_assert_eq!(latency.nanos, all.iter().sum::<u64>());
            all.sort_unstable();
            let exact = all[all.len().div_ceil(2) - 1];
            let told = latency.quantile(0.5).unwrap();
            if (1 << LOWEST_POWER..1 << HIGHEST_POWER).contains(&exact) {
                prop_assert!(told.abs_diff(exact) <= exact / 16 + 1, "{told} for {exact}");
            }
        }

        #[test]
        fn two_halves_are_the_whole(all in prop::collection::vec(0_u64..50_000_000_000, 0..50), at in 0_usize..50) {
            let (one, other) = all.split_at(at.min(all.len()));
            let of = |all: &[u64]| {
                let mut latency = Latency::default();
                for nanos in all {
                    latency.record(*nanos);
                }
                latency
            };
            let mut sum = of(one);
            sum.add(&of(other));
            prop_assert_eq!(format!("{sum:?}"), format!("{:?}", of(&all)));
        }
    }
}
