//! Counts, as they stood when they were read.

use super::histogram::Layout;
use crate::measure::model::outcome::{Expected, Outcome};
use std::array;

/// The counts of cells when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) started: u64,
    /// Nanoseconds that async calls spent waiting, between their polls: of calls that returned `Pending`, once they ended.
    pub(crate) idle_nanos: u64,
    /// Nanoseconds that calls inside these calls covered, of calls that ended.
    pub(crate) covered_nanos: u64,
    /// Polls that kept their thread for long.
    pub(crate) slow_polls: u64,
    /// Ends that were part of the plan.
    pub(crate) expected: Expected,
    /// The summed durations of each outcome, in nanoseconds.
    pub(crate) nanos: [u64; Outcome::ALL.len()],
    /// The buckets of each outcome; empty where the outcome never occurred.
    pub(crate) buckets: [Vec<u64>; Outcome::ALL.len()],
}

impl Reading {
    /// Takes everything out again and keeps the room, for the next series to be read into.
    pub(crate) fn clear(&mut self) {
        let mut buckets = std::mem::take(&mut self.buckets);
        buckets.iter_mut().for_each(Vec::clear);
        *self = Self { buckets, ..Self::default() };
    }

    /// Adds another reading in the same buckets.
    pub(crate) fn add(&mut self, other: &Self) {
        self.started = self.started.wrapping_add(other.started);
        self.idle_nanos = self.idle_nanos.wrapping_add(other.idle_nanos);
        self.covered_nanos = self.covered_nanos.wrapping_add(other.covered_nanos);
        self.slow_polls += other.slow_polls;
        self.add_expected(other.expected);
        for outcome in Outcome::ALL.map(Outcome::index) {
            self.nanos[outcome] = self.nanos[outcome].wrapping_add(other.nanos[outcome]);
            add_counts(&mut self.buckets[outcome], &other.buckets[outcome]);
        }
    }

    pub(crate) fn add_expected(&mut self, Expected { errors, cancelled }: Expected) {
        self.expected.errors += errors;
        self.expected.cancelled += cancelled;
    }

    /// Takes back what is counted as expected of calls that have not ended yet.
    pub(crate) fn settle_expected(&mut self) {
        if self.expected != Expected::default() {
            let [_, errors, _, cancelled] = self.finished();
            let Expected { errors: expected, cancelled: meant } = self.expected;
            self.expected = Expected { errors: expected.min(errors), cancelled: meant.min(cancelled) };
        }
    }

    /// The same in the buckets of another layout.
    pub(crate) fn moved(mut self, from: &Layout, to: &Layout) -> Self {
        self.buckets = self.buckets.map(|counts| moved(&counts, from, to));
        self
    }

    /// Calls finished, by outcome.
    pub(crate) fn finished(&self) -> [u64; Outcome::ALL.len()] {
        array::from_fn(|outcome| self.buckets[outcome].iter().sum())
    }

    /// Calls started and not yet finished.
    pub(crate) fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished().iter().sum())
    }
}

/// Adds counts, bucket by bucket.
pub(crate) fn add_counts(sums: &mut Vec<u64>, counts: &[u64]) {
    if sums.len() < counts.len() {
        sums.resize(counts.len(), 0);
    }
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// Counts of one layout in the buckets of another: each goes where its bucket's largest duration lies.
pub(crate) fn moved(counts: &[u64], from: &Layout, to: &Layout) -> Vec<u64> {
    let mut moved = vec![0; if counts.is_empty() { 0 } else { to.len() }];
    for (bucket, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        moved[to.index(from.range(bucket).1)] += count;
    }
    moved
}
