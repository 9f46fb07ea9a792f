//! The mean of a range, and how sure it is.

use super::Group;
use crate::series::is_known;

/// The blocks that a range needs, and the most that it is cut into.
pub(super) const MIN_BLOCKS: usize = 6;
const MAX_BLOCKS: usize = 24;
/// The memory of neighbouring blocks counts as at most this.
const MOST_MEMORY: f64 = 0.8;

impl<'a> Group<'a> {
    /// Cost and calls of the slices that have both.
    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> + 'a {
        let all = self.costs.iter().copied().zip(self.calls.iter().copied());
        all.filter(|(cost, calls)| is_known(*cost) && is_known(*calls) && *calls > 0.0)
    }

    /// The number of slices with calls.
    pub(super) fn slices(&self) -> usize {
        self.pairs().count()
    }
}

/// A mean over calls, with the variance of the mean.
#[derive(Clone, Copy, Debug)]
pub(super) struct Estimate {
    pub(super) mean: f64,
    pub(super) variance: f64,
    pub(super) calls: f64,
    /// The variance squared by its degrees of freedom, for the freedom of sums.
    doubt: f64,
}

impl Estimate {
    /// `None` where there are fewer than six slices with calls.
    pub(super) fn of(group: &Group<'_>) -> Option<Self> {
        let pairs: Vec<(f64, f64)> = group.pairs().collect();
        if pairs.len() < MIN_BLOCKS {
            return None;
        }
        let length = pairs.len().div_ceil(MAX_BLOCKS);
        // All blocks but the last are of one length; the last may be shorter, and counts by its calls as all do.
        let blocks: Vec<(f64, f64)> = pairs
            .chunks(length)
            .map(|chunk| chunk.iter().fold((0.0, 0.0), |(sum, calls), (cost, more)| (sum + cost * more, calls + more)))
            .collect();
        let calls: f64 = blocks.iter().map(|block| block.1).sum();
        let mean = blocks.iter().map(|block| block.0).sum::<f64>() / calls;
        // The ratio of two sums over blocks (W. Cochran, *Sampling techniques*, 1977, chapter 6).
        let off: Vec<f64> = blocks.iter().map(|(sum, more)| (sum - mean * more) / calls).collect();
        let count = off.len() as f64;
        let squares: f64 = off.iter().map(|off| off * off).sum();
        let together: f64 = off.windows(2).map(|pair| pair.iter().product::<f64>()).sum();
        // A mean that was fitted takes about 1 / n of the correlation.
        let memory = if squares > 0.0 { (together / squares + 1.0 / count).clamp(0.0, MOST_MEMORY) } else { 0.0 };
        let widening = (1.0 + memory) / (1.0 - memory);
        let variance = squares * count / (count - 1.0) * widening;
        let freedom = (count / widening - 1.0).max(1.0);
        Some(Self { mean, variance, calls, doubt: variance * variance / freedom })
    }

    /// The same with another unit.
    pub(super) fn scaled(self, by: f64) -> Self {
        Self { mean: self.mean * by, variance: self.variance * by * by, doubt: self.doubt * by.powi(4), ..self }
    }

    /// The sum of independent ones.
    pub(super) fn sum(all: impl Iterator<Item = Self>) -> Self {
        let none = Self { mean: 0.0, variance: 0.0, calls: 0.0, doubt: 0.0 };
        all.fold(none, |sum, one| Self {
            mean: sum.mean + one.mean,
            variance: sum.variance + one.variance,
            calls: sum.calls + one.calls,
            doubt: sum.doubt + one.doubt,
        })
    }

    /// The degrees of freedom of a sum (B. Welch, *The generalization of Student's problem when several different population
    /// variances are involved*, Biometrika 34, 1947).
    pub(super) fn freedom(all: &[Self]) -> f64 {
        let variance: f64 = all.iter().map(|one| one.variance).sum();
        let doubt: f64 = all.iter().map(|one| one.doubt).sum();
        if doubt > 0.0 { (variance * variance / doubt).max(1.0) } else { 1.0 }
    }

    /// The plain average of all calls of all labels; 0 of none.
    pub(super) fn plain(groups: &[Group<'_>]) -> f64 {
        let all = groups.iter().flat_map(Group::pairs);
        let (sum, calls) = all.fold((0.0, 0.0), |(sum, calls), (cost, more)| (sum + cost * more, calls + more));
        if calls > 0.0 { sum / calls } else { 0.0 }
    }
}
