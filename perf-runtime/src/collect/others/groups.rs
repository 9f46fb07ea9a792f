//! Lines that belong together, such as those of one histogram, and what OpenMetrics does not take of them.
//!
//! A page on which one line of a family breaks the rules of its type is refused as a whole
//! (<https://prometheus.io/docs/specs/om/open_metrics_spec/>), so such lines are left out of that page, and told of.

use super::merged::{Family, Sample};
use crate::collect::model::FamilyType;
use std::cmp::Ordering;

impl<'a> Family<'a> {
    /// Puts the lines of each histogram, summary or state set next to each other, in the order that OpenMetrics asks for.
    /// Families of other types stay as they are.
    pub(super) fn tidy(&mut self) {
        if !self.has_groups() {
            return;
        }
        let groups = self.groups();
        let mut order: Vec<(usize, Sample<'a>)> = groups.into_iter().zip(std::mem::take(&mut self.samples)).collect();
        order.sort_by(|(group, one), (other_group, other)| {
            let ((rank, bound), (other_rank, other_bound)) = (one.rank(), other.rank());
            group.cmp(other_group).then(rank.cmp(&other_rank)).then(bound.total_cmp(&other_bound))
        });
        self.samples = order.into_iter().map(|(_, sample)| sample).collect();
    }

    /// For each sample, whether OpenMetrics refuses it in a family of this type. The family is [tidy](Self::tidy).
    pub(super) fn refused(&self) -> Vec<bool> {
        match self.kind {
            FamilyType::Gauge | FamilyType::Unknown => vec![false; self.samples.len()],
            FamilyType::Counter => self.samples.iter().map(|sample| !is_at_least_zero(sample.number())).collect(),
            FamilyType::Info => {
                // To OpenMetrics all lines are one group, and a group has times or has none.
                let timed = self.samples.first().is_some_and(|first| first.timestamp.is_some());
                let fits = |sample: &Sample<'_>| is(sample.number(), 1.0) && sample.timestamp.is_some() == timed;
                self.samples.iter().map(|sample| !fits(sample)).collect()
            }
            FamilyType::StateSet | FamilyType::Summary | FamilyType::Histogram | FamilyType::GaugeHistogram => {
                let same = |one: &Sample<'_>, other: &Sample<'_>| one.is_of_group(other, self);
                self.samples.chunk_by(same).flat_map(|group| self.refused_of_group(group)).collect()
            }
        }
    }

    fn refused_of_group(&self, group: &[Sample<'_>]) -> Vec<bool> {
        let mut times = group.iter().map(|sample| sample.timestamp);
        let first = times.next();
        if times.any(|time| Some(time) != first) {
            return vec![true; group.len()];
        }
        let fits: Vec<bool> = match self.kind {
            FamilyType::StateSet => {
                let is_state = |sample: &Sample<'_>| sample.labels.iter().any(|(name, _)| *name == self.name);
                let is_bit = |sample: &Sample<'_>| is(sample.number(), 0.0) || is(sample.number(), 1.0);
                group.iter().map(|sample| is_state(sample) && is_bit(sample)).collect()
            }
            FamilyType::Summary => group
                .iter()
                .map(|sample| match sample.suffix {
                    "" => (0.0..=1.0).contains(&sample.bound()) && !is_below_zero(sample.number()),
                    "_count" => is_whole(sample.number()),
                    _ => is_at_least_zero(sample.number()),
                })
                .collect(),
            _ => {
                let (has_buckets, has_sum) = (self.has_sound_buckets(group), self.has_sound_sum(group));
                group.iter().map(|sample| has_buckets && (has_sum || sample.suffix == "_bucket")).collect()
            }
        };
        fits.into_iter().map(|fits| !fits).collect()
    }

    /// Whether the bounds of a histogram ascend to infinity, its counts with them, and its count is that of the last bucket.
    fn has_sound_buckets(&self, group: &[Sample<'_>]) -> bool {
        let buckets: Vec<(f64, f64)> = buckets(group).map(|sample| (sample.bound(), sample.number())).collect();
        let ascend = buckets.windows(2).all(|pair| match pair {
            [(bound, count), (next, more)] => bound < next && count <= more,
            _ => true,
        });
        let Some((last, all)) = buckets.last().copied() else { return false };
        let count = group.iter().find(|sample| Some(&sample.suffix) == self.kind.suffixes().last());
        let agrees = count.is_none_or(|count| is(count.number(), all));
        ascend && is(last, f64::INFINITY) && agrees && buckets.iter().all(|(_, count)| is_whole(*count))
    }

    /// Whether a histogram has no sum and no count, or both, with a sum that may stand beside its bounds.
    fn has_sound_sum(&self, group: &[Sample<'_>]) -> bool {
        let [_, sum, count] = self.kind.suffixes() else { return true };
        let of = |suffix: &str| group.iter().find(|sample| sample.suffix == suffix).map(Sample::number);
        let has_negative = buckets(group).any(|sample| is_below_zero(sample.bound()));
        match (of(sum), of(count)) {
            (None, None) => true,
            (Some(sum), Some(_)) => match self.kind {
                FamilyType::Histogram => is_at_least_zero(sum) && !has_negative,
                _ => !sum.is_nan() && (has_negative || is_at_least_zero(sum)),
            },
            _ => false,
        }
    }

    fn has_groups(&self) -> bool {
        use FamilyType::{GaugeHistogram, Histogram, StateSet, Summary};
        matches!(self.kind, Histogram | GaugeHistogram | Summary | StateSet)
    }
}

impl Sample<'_> {
    /// The place of a line in its group: the buckets or quantiles by their bounds, the sum, the count.
    fn rank(&self) -> (u8, f64) {
        match self.suffix {
            "_sum" | "_gsum" => (1, 0.0),
            "_count" | "_gcount" => (2, 0.0),
            _ => (0, self.bound()),
        }
    }

    /// The upper bound of a bucket, or the share of a quantile; 0 where it is neither.
    fn bound(&self) -> f64 {
        let name = if self.suffix == "_bucket" { "le" } else { "quantile" };
        let value = self.labels.iter().find(|(known, _)| *known == name);
        value.map_or(0.0, |(_, value)| value.parse().unwrap_or(f64::NAN))
    }

    fn number(&self) -> f64 {
        self.value.parse().unwrap_or(f64::NAN)
    }
}

fn buckets<'a, 'b>(group: &'a [Sample<'b>]) -> impl Iterator<Item = &'a Sample<'b>> {
    group.iter().filter(|sample| sample.suffix == "_bucket")
}

fn is(value: f64, wanted: f64) -> bool {
    value.partial_cmp(&wanted) == Some(Ordering::Equal)
}

/// Whether it is a number, and none below zero.
fn is_at_least_zero(value: f64) -> bool {
    value >= 0.0
}

fn is_below_zero(value: f64) -> bool {
    value < 0.0
}

fn is_whole(value: f64) -> bool {
    is_at_least_zero(value) && value.is_finite() && is(value.fract(), 0.0)
}
