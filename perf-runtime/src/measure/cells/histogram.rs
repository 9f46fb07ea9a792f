//! Log-linear buckets, cut at the exposed bounds.
//!
//! A duration falls into one of 720 *fine* buckets: below 32 ns each nanosecond has its own, above that each octave is
//! divided into 16, so that a bucket is at most 1/16 (6.25 %) wide and its middle at most 3.2 % from any value in it.
//! (The indexing is that of H2 histograms, `iopsystems/histogram`, with a grouping power of 4.) A fine bucket in which an
//! exposed bound (`le`) falls is cut in two there. So one increment serves both: cumulative counts that are exact at every
//! exposed bound, and percentiles.

use crate::measure::model::kind::Kind;
use crate::measure::model::target::Targets;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Each octave has 2^4 buckets.
const GROUPING_POWER: u32 = 4;
/// Longer durations, over 78 hours, count in the last bucket. (Where loom tries every interleaving, few must do.)
pub(crate) const MAX_NANOS: u64 = if cfg!(perf_loom) { 31 } else { (1 << 48) - 1 };
const FINE_BUCKETS: usize = fine_index(MAX_NANOS) + 1;
/// Each fine bucket may be cut once.
pub(crate) const MOST_BUCKETS: usize = 2 * FINE_BUCKETS;

#[expect(clippy::cast_possible_truncation, reason = "what is left after the shift is below 32")]
const fn fine_index(nanos: u64) -> usize {
    let shift = (nanos | 1 << GROUPING_POWER).ilog2() - GROUPING_POWER;
    ((shift as usize) << GROUPING_POWER) + (nanos >> shift) as usize
}

/// The largest value in a fine bucket.
const fn fine_upper(index: usize) -> u64 {
    let octave = (index >> GROUPING_POWER).saturating_sub(1);
    let lead = (index - (octave << GROUPING_POWER)) as u64;
    ((lead + 1) << octave) - 1
}

/// The buckets of a histogram: where a duration falls, and what each bucket spans.
#[derive(Debug)]
pub(crate) struct Layout {
    /// For each fine bucket: the first bucket it became, and the value above which the next one counts.
    fine: Box<[Fine; FINE_BUCKETS]>,
    /// The largest value of each bucket, in nanoseconds.
    upper: Box<[u64]>,
    bounds: Box<[Bound]>,
}

/// The exact bounds in nanoseconds, and the bits of the others.
type LayoutKey = (Vec<u64>, Vec<u64>);

#[derive(Clone, Copy, Debug)]
struct Fine {
    cut: u64,
    first: u16,
}

/// An exposed bound.
#[derive(Debug)]
pub(crate) struct Bound {
    pub(crate) nanos: u64,
    /// The value of the label `le`.
    pub(crate) le: String,
    /// How many buckets, from the first, lie at or below the bound.
    pub(crate) buckets: usize,
}

impl Layout {
    /// The layout of a kind's histograms, built on first use.
    pub(crate) fn of(kind: Kind) -> &'static Self {
        static LAYOUTS: [OnceLock<Layout>; Kind::ALL.len()] = [const { OnceLock::new() }; Kind::ALL.len()];
        LAYOUTS[kind as usize].get_or_init(|| Self::new(&[], kind.family().bounds))
    }

    /// The layout of a function with targets of its own. Layouts are made once for each set of bounds, and kept: there
    /// are as many as the program's text has.
    pub(crate) fn of_targets(kind: Kind, targets: &Targets) -> &'static Self {
        static LAYOUTS: Mutex<BTreeMap<LayoutKey, &'static Layout>> = Mutex::new(BTreeMap::new());
        if targets.is_plain() {
            return Self::of(kind);
        }
        let (exact, bounds): (Vec<u64>, _) = (targets.exact_bounds().collect(), targets.bounds(kind));
        let key = (exact, bounds.iter().map(|bound| bound.to_bits()).collect());
        let mut layouts = LAYOUTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(layout) = layouts.get(&key) {
            return layout;
        }
        let layout: &'static Self = Box::leak(Box::new(Self::new(&key.0, bounds)));
        layouts.insert(key, layout);
        layout
    }

    /// Cuts the fine buckets at the `exact` bounds, in nanoseconds, and then at `bounds`, in seconds. A bound that cannot be
    /// cut, because an earlier one cuts the same fine bucket or because it is not a positive number of at most 78 hours, is
    /// left out.
    fn new(exact: &[u64], bounds: &[f64]) -> Self {
        let mut fine = Box::new([Fine { cut: u64::MAX, first: 0 }; FINE_BUCKETS]);
        let mut kept = BTreeSet::new();
        let exact = exact.iter().copied().filter(|nanos| (1..=MAX_NANOS).contains(nanos));
        for nanos in exact.chain(bounds.iter().filter_map(|&bound| nanos_of(bound))) {
            let index = fine_index(nanos);
            let natural = fine_upper(index) == nanos;
            if natural || fine[index].cut == u64::MAX {
                if !natural {
                    fine[index].cut = nanos;
                }
                kept.insert(nanos);
            }
        }
        let mut upper = Vec::with_capacity(FINE_BUCKETS + kept.len());
        for (index, fine) in fine.iter_mut().enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "720 fine buckets and as many cuts at most")]
            let first = upper.len() as u16;
            fine.first = first;
            if fine.cut != u64::MAX {
                upper.push(fine.cut);
            }
            upper.push(fine_upper(index));
        }
        let bounds = kept.into_iter().map(|nanos| Bound {
            nanos,
            le: (nanos as f64 / 1e9).to_string(),
            buckets: upper.partition_point(|&top| top <= nanos),
        });
        let bounds = bounds.collect();
        Self { fine, upper: upper.into(), bounds }
    }

    /// The number of buckets.
    pub(crate) fn len(&self) -> usize {
        self.upper.len()
    }

    /// The exposed bounds, ascending.
    pub(crate) fn bounds(&self) -> &[Bound] {
        &self.bounds
    }

    /// Whether counts are exact at a bound, in nanoseconds.
    pub(crate) fn is_exact_at(&self, bound: &Bound) -> bool {
        self.upper.binary_search(&bound.nanos).is_ok()
    }

    /// The bucket of a duration: two table reads and a comparison, no search.
    #[inline]
    pub(crate) fn index(&self, nanos: u64) -> usize {
        let nanos = nanos.min(MAX_NANOS);
        let fine = self.fine[fine_index(nanos)];
        usize::from(fine.first) + usize::from(nanos > fine.cut)
    }

    /// The smallest and the largest duration of a bucket, in nanoseconds.
    pub(crate) fn range(&self, bucket: usize) -> (u64, u64) {
        let lower = bucket.checked_sub(1).map_or(0, |below| self.upper[below] + 1);
        (lower, self.upper[bucket])
    }
}

/// A bound of a layout in nanoseconds; `None` where it cannot be one.
fn nanos_of(bound: f64) -> Option<u64> {
    let nanos = (bound * 1e9).round();
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the range is checked")]
    (nanos >= 1.0 && nanos <= MAX_NANOS as f64).then_some(nanos as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn fine_buckets_touch_and_stay_within_their_width() {
        let mut next = 0;
        for index in 0..FINE_BUCKETS {
            let upper = fine_upper(index);
            assert_eq!(fine_index(next), index);
            assert_eq!(fine_index(upper), index);
            assert!((upper - next) * 16 <= next.max(16), "bucket {index} is too wide");
            next = upper + 1;
        }
        assert_eq!(next, MAX_NANOS + 1);
    }

    #[test]
    fn every_kind_keeps_all_of_its_bounds() {
        for kind in Kind::ALL {
            let layout = Layout::of(kind);
            assert_eq!(layout.bounds().len(), kind.family().bounds.len(), "{kind}");
        }
    }

    #[test]
    fn a_bound_includes_itself_and_nothing_above() {
        let layout = Layout::new(&[], &[0.005]);
        let bound = &layout.bounds()[0];
        assert_eq!(bound.le, "0.005");
        assert!(layout.index(5_000_000) < bound.buckets);
        assert!(layout.index(5_000_001) >= bound.buckets);
    }

    #[test]
    fn exact_bounds_come_first() {
        let layout = Layout::new(&[99_000_000], &[0.1, 0.5]);
        let shown: Vec<&str> = layout.bounds().iter().map(|bound| bound.le.as_str()).collect();
        assert_eq!(shown, ["0.099", "0.5"], "100 ms lies in the fine bucket that 99 ms cuts");
    }

    #[test]
    fn the_same_bounds_are_the_same_layout() {
        let of = |targets: &Targets| Layout::of_targets(Kind::Tool, targets);
        let (one, other) = (Targets::new("one").slow(7_000), Targets::new("other").slow(7_000));
        assert!(std::ptr::eq(of(&one), of(&other)));
        assert!(std::ptr::eq(of(&Targets::NONE), Layout::of(Kind::Tool)));
    }

    #[test]
    fn a_layout_of_nonsense_still_counts() {
        let layout = Layout::new(&[], &[f64::NAN, -1.0, 0.0, f64::INFINITY, 1e30]);
        assert!(layout.bounds().is_empty());
        assert_eq!(layout.index(u64::MAX), layout.len() - 1);
    }

    proptest! {
        #[test]
        fn cumulative_counts_are_exact_at_every_bound(
            mut bounds in prop::collection::btree_set(1_u64..20_000_000_000, 1..12),
            samples in prop::collection::vec(0_u64..30_000_000_000, 0..200),
        ) {
            bounds.insert(1_000_000);
            let seconds: Vec<f64> = bounds.iter().map(|&nanos| nanos as f64 / 1e9).collect();
            let layout = Layout::new(&[], &seconds);
            let mut counts = vec![0_u64; layout.len()];
            for &sample in &samples {
                let bucket = layout.index(sample);
                let (lower, upper) = layout.range(bucket);
                prop_assert!(lower <= sample && sample <= upper);
                counts[bucket] += 1;
            }
            for bound in layout.bounds() {
                let limit = bound.nanos;
                let brute = samples.iter().filter(|&&sample| sample <= limit).count();
                prop_assert_eq!(counts[..bound.buckets].iter().sum::<u64>(), brute as u64);
            }
        }
    }
}
