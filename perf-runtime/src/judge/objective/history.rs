//! Objectives over a range of time: what became of each promise, step by step.

use super::budget_ledger::{Counts, PERIOD};
use super::tracker::Promise;
use crate::measure::clock;
use crate::measure::model::target::Objective as Target;
use crate::observe::query::tracks::{SeriesPoint, SeriesTrack};
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use crate::text;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// The promises over a range of time, step by step: [`Monitor::objective_history`](crate::Monitor::objective_history).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectiveHistory {
    /// When the first step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The length of a step in seconds.
    pub step: f64,
    /// The promises, sorted by the name of their series.
    pub objectives: Vec<ObjectiveTrack>,
    /// The number of series with a promise beyond those that were asked for.
    pub left_out: usize,
}

/// A promise over a range of time. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectiveTrack {
    /// The series that it is about: `operation{operation=checkout}`.
    pub series: String,
    /// Its labels, and its kind under `kind`.
    pub labels: Labels,
    /// The promise that is told of.
    pub promise: Promise,
    /// The share of good calls that is promised now; the calls of every step are held against it.
    pub target: f64,
    /// For a latency: within how many seconds.
    pub latency: Option<f64>,
    /// A point for each step.
    pub points: Vec<ObjectivePoint>,
    /// All steps together.
    pub whole: ObjectivePoint,
}

/// The calls of a promise in one step.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectivePoint {
    /// When the step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The seconds of the step in which the process was observed.
    pub covered: f64,
    /// The calls that count; `None` where nobody observed, or nothing is kept.
    pub calls: Option<u64>,
    /// The number of them that broke the promise.
    pub bad: Option<u64>,
    /// The burn rate: the share of bad calls over the share that the objective allows. `None` where there were no calls.
    pub burn_rate: Option<f64>,
    /// The share of a budget of 30 days that the covered time spent: its burn rate, by its length. 0 where there were no calls.
    pub budget_spent: Option<f64>,
}

impl ObjectiveTrack {
    /// Each promise of one target, kept or broken by the calls of these tracks, which are on one grid.
    pub(crate) fn all_of(id: &SeriesId, target: Target, tracks: &[&SeriesTrack]) -> Vec<Self> {
        let own = |promise, share, latency: Option<u64>| {
            let counted = |point: fn(&SeriesTrack) -> &[SeriesPoint]| {
                let each =
                    |place: usize| tracks.iter().filter_map(move |track| Some((*track, point(track).get(place)?)));
                let steps = tracks.first().map_or(0, |track| point(track).len());
                (0..steps).filter_map(|place| Step::of(each(place), latency)).collect::<Vec<_>>()
            };
            let points = counted(|track| &track.points);
            let [whole] = counted(|track| std::slice::from_ref(&track.whole))[..] else { return None };
            let kind = [("kind", id.kind.as_str())];
            Some(Self {
                series: id.to_string(),
                labels: kind.into_iter().chain(id.labels.pairs()).collect(),
                promise,
                target: share,
                latency: latency.map(|nanos| Duration::from_nanos(nanos).as_secs_f64()),
                points: points.into_iter().map(|step| step.against(share)).collect(),
                whole: whole.against(share),
            })
        };
        let latency = target.latency.and_then(|(nanos, share)| own(Promise::Latency, share, Some(nanos)));
        let success = target.success.and_then(|share| own(Promise::Success, share, None));
        latency.into_iter().chain(success).collect()
    }
}

/// The counts of one step, of several series together.
#[derive(Clone, Copy, Debug)]
struct Step {
    start: SystemTime,
    covered: f64,
    counts: Option<Counts>,
}

impl Step {
    fn of<'a>(parts: impl Iterator<Item = (&'a SeriesTrack, &'a SeriesPoint)>, latency: Option<u64>) -> Option<Self> {
        let each = parts.map(|(track, point)| {
            let outcomes = point.outcomes;
            let counts = outcomes.map(|outcomes| match latency {
                Some(nanos) => slower_than(track, point, nanos),
                None => Counts { calls: outcomes.ended(), bad: outcomes.failed() },
            });
            Self { start: point.start, covered: point.covered, counts }
        });
        each.reduce(|one, other| {
            let both = one.counts.zip(other.counts).map(|(mut sum, counts)| {
                sum.add(counts);
                sum
            });
            Self { counts: both.or(one.counts).or(other.counts), ..one }
        })
    }

    fn against(self, target: f64) -> ObjectivePoint {
        let Self { start, covered, counts } = self;
        let burn_rate = counts.filter(|counts| counts.calls > 0).map(|counts| counts.bad_share() / (1.0 - target));
        let spent = |rate: f64| rate * covered / PERIOD.as_secs_f64();
        ObjectivePoint {
            start,
            covered,
            calls: counts.map(|counts| counts.calls),
            bad: counts.map(|counts| counts.bad),
            burn_rate,
            budget_spent: counts.map(|_| burn_rate.map_or(0.0, spent)),
        }
    }
}

/// Exact where the latency is a bound of the track's buckets, as it is of what is exposed; calls in a bucket that it lies in are good.
fn slower_than(track: &SeriesTrack, point: &SeriesPoint, nanos: u64) -> Counts {
    let lowest = |place: usize| place.checked_sub(1).and_then(|before| track.bounds.get(before)).copied();
    let is_bad = |place: usize| {
        lowest(place).is_some_and(|bound| clock::nanos(Duration::try_from_secs_f64(bound).unwrap_or_default()) >= nanos)
    };
    let bad = point.buckets.iter().enumerate().filter(|(place, _)| is_bad(*place)).map(|(_, count)| count);
    Counts { calls: point.buckets.iter().sum(), bad: bad.sum() }
}
