//! Statistics of a window's counts: percentiles and the like.

use crate::measure::cells::histogram::Layout;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::{Expected, Outcome};
use crate::measure::model::target::Targets;
use crate::observe::history::counts::WindowCounts;

const NANOS_PER_SECOND: f64 = 1e9;
/// The percentiles of a summary, in thousandths: so that a rank is a matter of whole numbers.
const QUANTILES: [u64; 4] = [500, 900, 950, 990];
/// Apdex: up to four times the threshold a call is tolerated.
const TOLERATED: u64 = 4;

pub(crate) fn seconds(nanos: u64) -> f64 {
    nanos as f64 / NANOS_PER_SECOND
}

/// The durations of a window, all outcomes together.
pub(crate) struct Durations {
    /// The buckets that were hit, the shortest durations first.
    buckets: Vec<Bucket>,
    count: u64,
    nanos: u64,
}

/// A bucket that was hit: its bounds in nanoseconds, both inside, and how many calls fell into it.
#[derive(Clone, Copy)]
struct Bucket {
    lower: u64,
    upper: u64,
    count: u64,
}

impl Bucket {
    /// In nanoseconds.
    fn middle(self) -> f64 {
        (self.lower + self.upper) as f64 / 2.0
    }
}

impl Durations {
    pub(crate) fn new(layout: &Layout, counts: &WindowCounts) -> Self {
        let bucket = |(bucket, count)| {
            let (lower, upper) = layout.range(bucket);
            Bucket { lower, upper, count }
        };
        let mut buckets: Vec<Bucket> = counts.hits.iter().map(|hit| bucket((hit.place.bucket(), hit.count))).collect();
        // Those of one outcome are in order. Of several, a stable sort merges what is.
        if !buckets.is_sorted_by(|one, other| one.lower < other.lower) {
            buckets.sort_by_key(|bucket| bucket.lower);
            buckets.dedup_by(|later, earlier| {
                let same = later.lower == earlier.lower;
                earlier.count += if same { later.count } else { 0 };
                same
            });
        }
        let nanos = counts.sums.nanos.iter().fold(0, |sum: u64, nanos| sum.wrapping_add(*nanos));
        Self { count: buckets.iter().map(|bucket| bucket.count).sum(), buckets, nanos }
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// In seconds.
    pub(crate) fn sum(&self) -> f64 {
        seconds(self.nanos)
    }

    /// How many took longer. Exact where `limit`, in nanoseconds, is a bound of the layout.
    pub(crate) fn slower_than(&self, limit: u64) -> u64 {
        self.buckets.iter().filter(|bucket| bucket.lower > limit).map(|bucket| bucket.count).sum()
    }

    pub(crate) fn min(&self) -> Option<f64> {
        self.buckets.first().map(|bucket| seconds(bucket.lower))
    }

    /// The last bucket has no end, so that its mean may lie beyond it.
    pub(crate) fn max(&self) -> Option<f64> {
        let upper = self.buckets.last().map(|bucket| seconds(bucket.upper))?;
        Some(upper.max(self.mean()?))
    }

    pub(crate) fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| seconds(self.nanos) / self.count as f64)
    }

    /// The standard deviation (of the population), from the middles of the buckets.
    pub(crate) fn std(&self) -> Option<f64> {
        let count = self.count as f64;
        let weighted = || self.buckets.iter().map(|bucket| (bucket.middle(), bucket.count as f64));
        let mean = weighted().map(|(middle, weight)| middle * weight).sum::<f64>() / count;
        let squares = weighted().map(|(middle, weight)| (middle - mean) * (middle - mean) * weight);
        let variance = squares.sum::<f64>() / count;
        (self.count > 0).then(|| variance.sqrt() / NANOS_PER_SECOND)
    }

    /// The durations that the shares [`QUANTILES`] of the calls did not exceed: that of the nearest rank, which is
    /// interpolated inside its bucket and so at most the bucket's width from the truth.
    pub(crate) fn quantiles(&self) -> [Option<f64>; QUANTILES.len()] {
        let mut buckets = self.buckets.iter();
        let mut bucket = buckets.next();
        let mut below = 0;
        QUANTILES.map(|share| {
            let rank = rank(self.count, share);
            while let Some(passed) = bucket.filter(|bucket| below + bucket.count < rank) {
                below += passed.count;
                bucket = buckets.next();
            }
            let &Bucket { lower, upper, count } = bucket?;
            let part = ((rank - below) as f64 - 0.5) / count as f64;
            let (lower, upper) = (seconds(lower), seconds(upper));
            Some(lower + (upper - lower) * part)
        })
    }
}

/// Which of `count` calls, the shortest first, is the first that a share of them, in thousandths, does not exceed.
fn rank(count: u64, share: u64) -> u64 {
    let (thousands, rest) = (count / 1_000, count % 1_000);
    (thousands * share + (rest * share).div_ceil(1_000)).max(1)
}

/// The threshold of a series' [`apdex`], in nanoseconds. Those of kinds are bounds of their buckets, so that they are
/// exact; they lie near the limits at which health turns yellow.
pub(crate) fn apdex_threshold(kind: Kind, targets: &Targets) -> Option<u64> {
    let latency = targets.objective.and_then(|objective| objective.latency).map(|(nanos, _)| nanos);
    let millis = kind.family().satisfying_millis;
    latency.or(targets.slow).or(millis.map(|millis| millis * 1_000_000))
}

/// The Apdex score at a threshold in nanoseconds: (satisfied + tolerating / 2) / all. Defined in the "Application
/// Performance Index: Technical Specification", version 1.1, of the Apdex Alliance, <https://www.apdex.org>; what it says
/// of samples that end in an error holds for errors and panics here.
///
/// A call that was cancelled within the threshold is not counted; one that was cancelled later frustrates. Expected errors, and
/// calls that were cancelled by design, are not counted.
pub(crate) fn apdex(layout: &Layout, counts: &WindowCounts, threshold: u64) -> Option<f64> {
    let (satisfying, tolerable) = (layout.index(threshold), layout.index(threshold.saturating_mul(TOLERATED)));
    let (mut satisfied, mut tolerating, mut frustrated) = (0_u64, 0_u64, [0_u64; Outcome::ALL.len()]);
    for hit in &counts.hits {
        let ok = hit.place.outcome() == Outcome::Ok.index();
        let cancelled = hit.place.outcome() == Outcome::Cancelled.index();
        let in_time = hit.place.bucket() <= satisfying;
        if in_time && cancelled {
            continue;
        }
        if ok && in_time {
            satisfied += hit.count;
        } else if ok && hit.place.bucket() <= tolerable {
            tolerating += hit.count;
        } else {
            frustrated[hit.place.outcome()] += hit.count;
        }
    }
    let Expected { errors, cancelled } = counts.sums.expected;
    for (outcome, expected) in [(Outcome::Error, errors), (Outcome::Cancelled, cancelled)] {
        let frustrated = &mut frustrated[outcome.index()];
        *frustrated = frustrated.saturating_sub(expected);
    }
    let all = satisfied + tolerating + frustrated.iter().sum::<u64>();
    (all > 0).then(|| (satisfied as f64 + tolerating as f64 / 2.0) / all as f64)
}

/// The share of the calls' durations in which they did not wait between polls. `None` where no call ended.
pub(crate) fn busy_share(counts: &WindowCounts) -> Option<f64> {
    Divided::of(counts).busy_share()
}

/// How calls divided their time, of those of which that is known: for how long the consumer of a stream has an item, nobody looks.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Divided {
    nanos: u64,
    idle_nanos: u64,
    covered_nanos: u64,
    /// Whether any call ended.
    any: bool,
}

impl Divided {
    /// Of calls that are no streams.
    pub(crate) fn of(counts: &WindowCounts) -> Self {
        let nanos = counts.sums.nanos.iter().fold(0, |sum: u64, &nanos| sum.wrapping_add(nanos));
        let (idle_nanos, covered_nanos) = (counts.sums.idle_nanos, counts.sums.covered_nanos);
        Self { nanos, idle_nanos, covered_nanos, any: !counts.hits.is_empty() }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.idle_nanos = self.idle_nanos.wrapping_add(other.idle_nanos);
        self.covered_nanos = self.covered_nanos.wrapping_add(other.covered_nanos);
        self.any |= other.any;
    }

    /// The share of the durations in which they did not wait between polls. `None` where no call ended.
    pub(crate) fn busy_share(self) -> Option<f64> {
        let (nanos, idle) = (self.nanos as f64, self.idle_nanos as f64);
        let share = if nanos > 0.0 { (1.0 - idle / nanos).clamp(0.0, 1.0) } else { 1.0 };
        self.any.then_some(share)
    }

    /// The durations less the time that calls inside them covered, in seconds.
    pub(crate) fn self_seconds(self) -> f64 {
        seconds(self.nanos.saturating_sub(self.covered_nanos))
    }
}
