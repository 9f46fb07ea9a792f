//! The statistics of a series over a window.

use super::history::Slice;
use super::series::{Observation, Series};
use super::window::Window;
use crate::measure::cells::add_counts;
use crate::measure::clock::Moment;
use crate::measure::histogram::Layout;
use crate::measure::kind::Kind;
use crate::measure::outcome::OutcomeCounts;
use crate::measure::target::{Objective, Targets};
use serde::Serialize;
use std::array;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every series over one window.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// The window that was asked for.
    pub window: Window,
    /// Every series, sorted by kind and labels.
    pub series: Vec<SeriesSummary>,
}

impl Summary {
    /// Every series, sorted by kind and labels.
    pub fn series(&self) -> &[SeriesSummary] {
        &self.series
    }

    /// The series of one kind with these label values, in the kind's order (see [`Kind::label_names`]).
    pub fn find(&self, kind: Kind, labels: &[&str]) -> Option<&SeriesSummary> {
        self.series.iter().find(|series| {
            series.kind == kind && series.labels.iter().map(|(_, value)| value.as_str()).eq(labels.iter().copied())
        })
    }
}

/// One series over a window. Durations are in seconds, of calls of every outcome: a call that was cancelled after five
/// seconds is evidence of five seconds.
///
/// Durations come from buckets that are at most 6.25 % wide: `min` and `max` are the bounds of the outermost ones,
/// percentiles are interpolated inside theirs. The mean is exact.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SeriesSummary {
    /// What the series measures.
    pub kind: Kind,
    /// The names and values of its labels.
    pub labels: Vec<(String, String)>,
    /// Calls finished since the process started, or since the last reset.
    pub total: OutcomeCounts,
    /// Failed calls by the sort of their error, since the process started; only those whose error is an
    /// [`ErrorType`](trait@crate::ErrorType).
    pub error_types: BTreeMap<String, u64>,
    /// Calls that have started and not ended.
    pub in_flight: u64,
    /// The age in seconds of the oldest call that waits now. `None` where none waits.
    pub oldest_in_flight: Option<f64>,
    /// The seconds that the figures below cover: the window, or less while the process is young.
    pub covered: f64,
    /// Calls finished in the window.
    pub count: u64,
    /// The same by outcome.
    pub outcomes: OutcomeCounts,
    /// Calls finished a second.
    pub rate: f64,
    /// Errors and panics among the calls that ran to their end, 0 to 1. `None` where none did.
    pub error_rate: Option<f64>,
    /// The shortest duration. `None`, as everything below, where no call finished.
    pub min: Option<f64>,
    /// The longest duration.
    pub max: Option<f64>,
    /// The arithmetic mean.
    pub mean: Option<f64>,
    /// The median, as `p50`.
    pub median: Option<f64>,
    /// The standard deviation (of the population), from the middles of the buckets.
    pub std: Option<f64>,
    /// Half of the calls took no longer.
    pub p50: Option<f64>,
    /// 90 % of the calls took no longer.
    pub p90: Option<f64>,
    /// 95 % of the calls took no longer.
    pub p95: Option<f64>,
    /// 99 % of the calls took no longer.
    pub p99: Option<f64>,
    /// Where the function said `slow = ..`: the calls that were. Exact.
    pub slow: Option<SlowCalls>,
    /// Where the function said `objective(..)`: whether it is met.
    pub objective: Option<ObjectiveState>,
}

/// The calls of a window that took longer than the function's `slow`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SlowCalls {
    /// The limit, in seconds.
    pub limit: f64,
    /// How many took longer.
    pub count: u64,
}

/// A function's `objective` held against a window. Shares are 0 to 1, and exact; `None` where there is no such part, or no
/// call to tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ObjectiveState {
    /// The latency to stay within, in seconds.
    pub latency: Option<f64>,
    /// The share of calls that is to stay within it.
    pub latency_target: Option<f64>,
    /// The share of calls that did.
    pub latency_share: Option<f64>,
    /// The share of calls that is to succeed.
    pub success_target: Option<f64>,
    /// The share of calls that did, of those that ran to their end.
    pub success_share: Option<f64>,
    /// Whether both targets are met, as far as there are calls to tell.
    pub met: bool,
}

impl ObjectiveState {
    fn new(objective: &Objective, durations: &Durations, outcomes: OutcomeCounts) -> Self {
        let slower = objective.latency.map(|(nanos, _)| durations.slower_than(nanos));
        let count = durations.count;
        let latency_share = slower.filter(|_| count > 0).map(|slow| 1.0 - slow.count as f64 / count as f64);
        let latency_target = objective.latency.map(|(_, share)| share);
        let success_share = objective.success.and(outcomes.error_rate()).map(|failed| 1.0 - failed);
        let met =
            |share: Option<f64>, target: Option<f64>| share.zip(target).is_none_or(|(share, target)| share >= target);
        Self {
            latency: slower.map(|slow| slow.limit),
            latency_target,
            latency_share,
            success_target: objective.success,
            success_share,
            met: met(latency_share, latency_target) && met(success_share, objective.success),
        }
    }
}

impl SeriesSummary {
    /// Sums up one series.
    pub(super) fn of(series: &Series, observation: &Observation) -> Self {
        Self::new(series.identity.kind, series.identity.pairs(), observation, series.targets())
    }

    fn new<'a>(
        kind: Kind,
        labels: impl IntoIterator<Item = (&'static str, &'a str)>,
        observation: &Observation,
        targets: &Targets,
    ) -> Self {
        let slice = &observation.slice;
        let outcomes = OutcomeCounts::from_array(array::from_fn(|outcome| slice.buckets[outcome].iter().sum()));
        let durations = Durations::new(observation.layout, slice);
        let covered = slice.covered.as_secs_f64();
        Self {
            kind,
            labels: labels.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect(),
            total: OutcomeCounts::from_array(observation.total),
            error_types: observation.error_types.iter().map(|(&name, &count)| (name.to_owned(), count)).collect(),
            in_flight: observation.in_flight,
            oldest_in_flight: observation.oldest.map(|age| age.as_secs_f64()),
            covered,
            count: outcomes.finished(),
            outcomes,
            rate: if covered > 0.0 { outcomes.finished() as f64 / covered } else { 0.0 },
            error_rate: outcomes.error_rate(),
            min: durations.min(),
            max: durations.max(),
            mean: durations.mean(),
            median: durations.quantile(0.5),
            std: durations.std(),
            p50: durations.quantile(0.5),
            p90: durations.quantile(0.9),
            p95: durations.quantile(0.95),
            p99: durations.quantile(0.99),
            slow: targets.slow.map(|limit| durations.slower_than(limit)),
            objective: targets.objective.map(|objective| ObjectiveState::new(&objective, &durations, outcomes)),
        }
    }

    /// The series in one line: `db_operation{operation=select,table=users}`.
    pub fn name(&self) -> String {
        let labels: Vec<String> = self.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}{{{}}}", self.kind, labels.join(","))
    }
}

/// All series of one kind over a window.
#[derive(Debug)]
pub(crate) struct KindSummary {
    /// The kind as a whole; it has no labels.
    pub(crate) whole: SeriesSummary,
    pub(crate) series: Vec<SeriesSummary>,
}

impl KindSummary {
    /// Sums up series of one kind, of which there is at least one.
    pub(super) fn new(series: &[Arc<Series>], window: Window, now: Moment) -> Self {
        let kind = series.first().map_or(Kind::Operation, |first| first.identity.kind);
        let mut whole = Observation::none(kind);
        let mut parts = Vec::with_capacity(series.len());
        for one in series {
            let observation = one.observe(window, now);
            parts.push(SeriesSummary::of(one, &observation));
            whole.add(&observation);
        }
        Self { whole: SeriesSummary::new(kind, [], &whole, &Targets::NONE), series: parts }
    }
}

/// The durations of a slice, all outcomes together.
struct Durations {
    layout: &'static Layout,
    buckets: Vec<u64>,
    count: u64,
    nanos: u64,
}

const NANOS_PER_SECOND: f64 = 1e9;

impl Durations {
    fn new(layout: &'static Layout, slice: &Slice) -> Self {
        let mut buckets = Vec::new();
        for outcome in &slice.buckets {
            add_counts(&mut buckets, outcome);
        }
        let count = buckets.iter().sum();
        Self { layout, buckets, count, nanos: slice.nanos.iter().sum() }
    }

    /// The buckets that were hit: lower and upper bound in seconds, and count.
    fn hit(&self) -> impl DoubleEndedIterator<Item = (f64, f64, u64)> {
        self.buckets.iter().enumerate().filter(|&(_, &count)| count > 0).map(|(bucket, &count)| {
            let (lower, upper) = self.layout.range(bucket);
            (lower as f64 / NANOS_PER_SECOND, upper as f64 / NANOS_PER_SECOND, count)
        })
    }

    /// Exact where `limit`, in nanoseconds, is a bound of the layout.
    fn slower_than(&self, limit: u64) -> SlowCalls {
        let slower = self.buckets.iter().enumerate().filter(|&(bucket, _)| self.layout.range(bucket).0 > limit);
        SlowCalls { limit: limit as f64 / NANOS_PER_SECOND, count: slower.map(|(_, count)| count).sum() }
    }

    fn min(&self) -> Option<f64> {
        self.hit().next().map(|(lower, ..)| lower)
    }

    fn max(&self) -> Option<f64> {
        self.hit().next_back().map(|(_, upper, _)| upper)
    }

    fn mean(&self) -> Option<f64> {
        (self.count > 0).then(|| self.nanos as f64 / NANOS_PER_SECOND / self.count as f64)
    }

    fn std(&self) -> Option<f64> {
        let middles = || self.hit().map(|(lower, upper, count)| (f64::midpoint(lower, upper), count as f64));
        let count = self.count as f64;
        let mean = middles().map(|(middle, hits)| middle * hits).sum::<f64>() / count;
        let variance = middles().map(|(middle, hits)| (middle - mean).powi(2) * hits).sum::<f64>() / count;
        (self.count > 0).then(|| variance.sqrt())
    }

    /// The duration that the share `q` of the calls did not exceed: the nearest rank, interpolated inside its bucket.
    fn quantile(&self, q: f64) -> Option<f64> {
        let rank = (q * self.count as f64).max(1.0);
        let mut below = 0.0;
        for (lower, upper, count) in self.hit() {
            let count = count as f64;
            if below + count >= rank {
                return Some(lower + (upper - lower) * (rank - below) / count);
            }
            below += count;
        }
        self.max()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn summarise(nanos: &[u64]) -> SeriesSummary {
        let layout = Layout::of(Kind::Operation);
        let mut observation = Observation::none(Kind::Operation);
        let slice = &mut observation.slice;
        slice.covered = Duration::from_secs(10);
        slice.buckets[0] = vec![0; layout.len()];
        for &sample in nanos {
            slice.buckets[0][layout.index(sample)] += 1;
            slice.nanos[0] += sample;
        }
        SeriesSummary::new(Kind::Operation, [("operation", "x")], &observation, &Targets::NONE)
    }

    #[test]
    fn no_calls_no_statistics() {
        let summary = summarise(&[]);
        assert_eq!((summary.count, summary.mean, summary.p99, summary.error_rate), (0, None, None, None));
        assert!(summary.std.is_none() && summary.min.is_none() && summary.max.is_none());
    }

    proptest! {
        #[test]
        fn statistics_stay_within_the_width_of_a_bucket(
            mut samples in prop::collection::vec(1_000_u64..10_000_000_000, 1..300),
        ) {
            let summary = summarise(&samples);
            samples.sort_unstable();
            let near = |got: Option<f64>, truth: f64| (got.unwrap() - truth).abs() <= truth * 0.0625 + 1e-9;
            let seconds = |nanos: u64| nanos as f64 / 1e9;
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small and positive")]
            let ranked = |q: f64| {
                let rank = (q * samples.len() as f64).max(1.0).ceil() as usize;
                seconds(samples[rank - 1])
            };
            prop_assert!(near(summary.min, seconds(samples[0])));
            prop_assert!(near(summary.max, seconds(samples[samples.len() - 1])));
            for (got, q) in [(summary.p50, 0.5), (summary.p90, 0.9), (summary.p95, 0.95), (summary.p99, 0.99)] {
                prop_assert!(near(got, ranked(q)), "q {} got {:?} truth {}", q, got, ranked(q));
            }
            let mean = seconds(samples.iter().sum()) / samples.len() as f64;
            prop_assert!((summary.mean.unwrap() - mean).abs() < 1e-6);
            prop_assert!((summary.rate - samples.len() as f64 / 10.0).abs() < 1e-9);
        }
    }
}
