//! Sizes of answers, for estimates.

use std::sync::atomic::{AtomicU64, Ordering};

/// Buckets of answers' sizes: eight for each power of two.
const STEPS: usize = 8;
const BUCKETS: usize = 40 * STEPS;
/// Answers before a percentile is told.
pub(super) const ENOUGH: u64 = 20;

/// The sizes of a site's answers, for estimates: keep one for each site and model.
///
/// Sizes are counted in buckets that are at most 12.5 % wide, and a percentile is the upper end of its bucket. Recording takes no lock and
/// allocates nothing.
#[derive(Debug)]
pub struct OutputSizes {
    buckets: [AtomicU64; BUCKETS],
}

impl Default for OutputSizes {
    fn default() -> Self {
        Self::new()
    }
}

impl OutputSizes {
    /// No sizes yet.
    pub const fn new() -> Self {
        Self { buckets: [const { AtomicU64::new(0) }; BUCKETS] }
    }

    /// Notes the tokens of one answer.
    pub fn record(&self, tokens: u64) {
        if let Some(bucket) = self.buckets.get(bucket(tokens)) {
            bucket.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Answers that were noted.
    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// The tokens that 99 of 100 answers do not exceed; `None` before 20 answers.
    pub fn p99(&self) -> Option<u64> {
        let count = self.count();
        if count < ENOUGH {
            return None;
        }
        let rank = count - count / 100;
        let mut seen = 0;
        self.buckets.iter().enumerate().find_map(|(at, bucket)| {
            seen += bucket.load(Ordering::Relaxed);
            (seen >= rank).then(|| upper(at))
        })
    }

    /// The tokens to reserve for an answer: the p99 so far, and the most where that is less or too few answers are known.
    pub fn estimate(&self, most: u64) -> u64 {
        self.p99().map_or(most, |p99| p99.min(most))
    }
}

fn bucket(tokens: u64) -> usize {
    let tokens = tokens.min(1 << 39);
    if tokens < STEPS as u64 {
        return usize::try_from(tokens).unwrap_or(0);
    }
    let power = tokens.ilog2() - STEPS.ilog2();
    let step = usize::try_from(tokens >> power).unwrap_or(0) - STEPS;
    (power as usize + 1) * STEPS + step
}

/// The largest number of a bucket.
fn upper(bucket: usize) -> u64 {
    if bucket < STEPS {
        return bucket as u64;
    }
    let power = bucket / STEPS - 1;
    ((STEPS + bucket % STEPS + 1) as u64) * (1 << power) - 1
}
