//! Counts of a window: its buckets, and the sums that buckets do not tell.

use crate::measure::cells::histogram::Layout;
use crate::measure::cells::reading::Reading;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::{Expected, Outcome, OutcomeCounts};
use std::time::Duration;

pub(crate) const OUTCOMES: usize = Outcome::ALL.len();
/// A layout has 720 buckets and as many cuts at most, so eleven bits hold a bucket's number.
const BUCKET_BITS: u32 = 14;
/// So many counts are looked at together for whether there is any; most buckets of a series are never hit.
const CHUNK: usize = 32;

/// A bucket of an outcome, in one number: sorted by outcome, then by duration.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place(u16);

impl Place {
    #[expect(clippy::cast_possible_truncation, reason = "four outcomes, and buckets as the constant says")]
    pub(crate) const fn new(outcome: usize, bucket: usize) -> Self {
        Self((outcome << BUCKET_BITS | bucket) as u16)
    }

    /// The same outcome in another bucket.
    pub(crate) const fn in_bucket(self, bucket: usize) -> Self {
        Self::new(self.outcome(), bucket)
    }

    pub(crate) const fn outcome(self) -> usize {
        (self.0 >> BUCKET_BITS) as usize
    }

    pub(crate) const fn bucket(self) -> usize {
        (self.0 & ((1 << BUCKET_BITS) - 1)) as usize
    }

    /// How far this place lies after `before`.
    pub(crate) const fn gap(self, before: Self) -> u16 {
        self.0.wrapping_sub(before.0)
    }

    /// The place `gap` after this one.
    pub(crate) const fn after(self, gap: u16) -> Self {
        Self(self.0.wrapping_add(gap))
    }
}

/// How often a place was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) place: Place,
    pub(crate) count: u64,
}

/// The places of a reading that were ever hit, in order.
pub(crate) fn hits_of(reading: &Reading) -> impl Iterator<Item = Hit> + '_ {
    reading.buckets.iter().enumerate().flat_map(|(outcome, buckets)| {
        let chunks = buckets.chunks(CHUNK).enumerate();
        let hit = chunks.filter(|(_, chunk)| chunk.iter().fold(0, |any, count| any | count) != 0);
        hit.flat_map(move |(place, chunk)| {
            let counts = chunk.iter().enumerate().filter(|&(_, &count)| count > 0);
            counts.map(move |(at, &count)| Hit { place: Place::new(outcome, place * CHUNK + at), count })
        })
    })
}

/// Sums kept beside the buckets. Durations of centuries wrap around, as in the cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sums {
    /// The durations of each outcome, in nanoseconds.
    pub(crate) nanos: [u64; OUTCOMES],
    /// Nanoseconds that async calls waited between their polls.
    pub(crate) idle_nanos: u64,
    pub(crate) slow_polls: u64,
    /// Nanoseconds that calls inside these covered.
    pub(crate) covered_nanos: u64,
    /// Ends that were part of the plan.
    pub(crate) expected: Expected,
}

impl Sums {
    /// How many numbers these are.
    pub(crate) const LEN: usize = OUTCOMES + 5;

    pub(crate) fn of(reading: &Reading) -> Self {
        let &Reading { nanos, idle_nanos, slow_polls, covered_nanos, expected, .. } = reading;
        Self { nanos, idle_nanos, slow_polls, covered_nanos, expected }
    }

    pub(crate) fn as_array(self) -> [u64; Self::LEN] {
        let [ok, error, panicked, cancelled] = self.nanos;
        let Expected { errors, cancelled: meant } = self.expected;
        [ok, error, panicked, cancelled, self.idle_nanos, self.slow_polls, self.covered_nanos, errors, meant]
    }

    pub(crate) fn from_array(numbers: [u64; Self::LEN]) -> Self {
        let [ok, error, panicked, cancelled, idle_nanos, slow_polls, covered_nanos, errors, meant] = numbers;
        let expected = Expected { errors, cancelled: meant };
        Self { nanos: [ok, error, panicked, cancelled], idle_nanos, slow_polls, covered_nanos, expected }
    }

    pub(crate) fn add(&mut self, other: Self) {
        *self = self.zip(other, u64::wrapping_add);
    }

    /// These sums less the `earlier` ones.
    pub(crate) fn since(self, earlier: Self) -> Self {
        self.zip(earlier, u64::wrapping_sub)
    }

    /// As [`since`](Self::since); `None` where a sum is less than it was.
    pub(crate) fn checked_since(self, earlier: Self) -> Option<Self> {
        let ahead = self.as_array().into_iter().zip(earlier.as_array()).all(|(ours, others)| ours >= others);
        ahead.then(|| self.since(earlier))
    }

    fn zip(self, other: Self, with: impl Fn(u64, u64) -> u64) -> Self {
        let (ours, others) = (self.as_array(), other.as_array());
        Self::from_array(std::array::from_fn(|at| with(ours[at], others[at])))
    }
}

/// Counts of a window.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct WindowCounts {
    /// The time in which it was counted, up to now: see [`History`](super::slices::History).
    pub(crate) covered: Duration,
    pub(crate) sums: Sums,
    /// The places that were hit, in order.
    pub(crate) hits: Vec<Hit>,
}

impl WindowCounts {
    /// Calls that ended, by outcome.
    pub(crate) fn finished(&self) -> [u64; OUTCOMES] {
        let mut finished = [0; OUTCOMES];
        for hit in &self.hits {
            finished[hit.place.outcome()] += hit.count;
        }
        finished
    }

    /// The same, with how many of them were expected.
    pub(crate) fn outcomes(&self) -> OutcomeCounts {
        OutcomeCounts::from_array(self.finished()).with_expected(self.sums.expected)
    }
}

/// Counts after `start` and up to `end`.
#[derive(Debug)]
pub(crate) struct CountedSlice {
    pub(crate) start: Moment,
    pub(crate) end: Moment,
    pub(crate) counts: WindowCounts,
}

/// The counts of several series together, in the buckets of one layout.
#[derive(Debug)]
pub(crate) struct Together {
    layout: &'static Layout,
    covered: Duration,
    sums: Sums,
    buckets: [Vec<u64>; OUTCOMES],
}

impl Together {
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self { layout, covered: Duration::ZERO, sums: Sums::default(), buckets: Default::default() }
    }

    /// Adds the counts of a series. Where its buckets are not the same, each goes where its largest duration lies.
    pub(crate) fn add(&mut self, counts: &WindowCounts, layout: &Layout) {
        self.covered = self.covered.max(counts.covered);
        self.add_hits(counts.sums, &counts.hits, layout);
    }

    /// Adds sums and hits of a series, in any order, with its buckets.
    pub(crate) fn add_hits(&mut self, sums: Sums, hits: &[Hit], layout: &Layout) {
        self.sums.add(sums);
        let same = std::ptr::eq(self.layout, layout);
        for hit in hits {
            let bucket = hit.place.bucket();
            let bucket = if same { bucket } else { self.layout.index(layout.range(bucket).1) };
            let buckets = &mut self.buckets[hit.place.outcome()];
            if buckets.is_empty() {
                buckets.resize(self.layout.len(), 0);
            }
            buckets[bucket] += hit.count;
        }
    }

    pub(crate) fn into_counts(self) -> WindowCounts {
        let reading = Reading { buckets: self.buckets, ..Reading::default() };
        WindowCounts { covered: self.covered, sums: self.sums, hits: hits_of(&reading).collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_its_outcome_and_its_bucket_and_sorts_by_them() {
        let (one, other) = (Place::new(2, 1_439), Place::new(3, 0));
        assert_eq!((one.outcome(), one.bucket()), (2, 1_439));
        assert!(one < other);
        assert_eq!(one.after(other.gap(one)), other);
    }

    #[test]
    fn the_places_that_were_hit_are_found_in_order() {
        let mut reading = Reading::default();
        reading.buckets[0] = vec![0; 100];
        reading.buckets[3] = vec![0; 40];
        for (outcome, bucket, count) in [(0, 0, 1), (0, 15, 2), (0, 16, 3), (0, 99, 4), (3, 17, 5)] {
            reading.buckets[outcome][bucket] = count;
        }
        let found: Vec<_> = hits_of(&reading).map(|hit| (hit.place.outcome(), hit.place.bucket(), hit.count)).collect();
        assert_eq!(found, [(0, 0, 1), (0, 15, 2), (0, 16, 3), (0, 99, 4), (3, 17, 5)]);
    }
}
