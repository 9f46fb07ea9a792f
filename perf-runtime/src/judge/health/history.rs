//! The health over a range of time, as it was judged then.

use super::indicator::{Indicator, IndicatorStatus};
use super::report::HealthReport;
use super::verdict::{HealthStatus, Verdict};
use crate::observe::metrics::known as names;
use crate::observe::query::tracks::{MetricSeriesPoint, MetricSeriesTrack, Tracks};
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

/// The labels of the metrics that the health is kept as.
const VERDICT: &str = "verdict";
const STATUS: &str = "status";
const INDICATOR: &str = "indicator";
/// The verdict that is the worse of the two.
const OVERALL: &str = "overall";

/// The health over a range of time, step by step: [`Monitor::health_history`](crate::Monitor::health_history).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthHistory {
    /// When the first step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The length of a step in seconds.
    pub step: f64,
    /// A point for each step; none where the health of the whole range is unknown.
    pub points: Vec<HealthPoint>,
    /// All steps together. `None` where the health of the whole range is unknown.
    pub whole: Option<HealthPoint>,
}

/// The health in one step, as it was judged then. What is `None` was not judged: nobody observed, nothing was known yet of any
/// indicator, or nobody had it kept.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthPoint {
    /// When the step begins.
    #[serde(with = "text::moment")]
    pub start: SystemTime,
    /// The seconds of the step in which the process was observed.
    pub covered: f64,
    /// The mean of the scores, 0 to 100.
    pub score: Option<f64>,
    /// The status, by how much of the time it held.
    pub status: Option<StatusShares>,
    /// The same of [`HealthReport::serving`].
    pub serving: Option<StatusShares>,
    /// The same of [`HealthReport::resources`].
    pub resources: Option<StatusShares>,
    /// The indicators that took points, the one that took the most first.
    pub penalties: Vec<IndicatorPenalty>,
}

/// The shares of the time for which a verdict had each status: 1 together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatusShares {
    /// For how much of it the verdict was healthy.
    pub healthy: f64,
    /// For how much of it the verdict was degraded.
    pub degraded: f64,
    /// For how much of it the verdict was unhealthy.
    pub unhealthy: f64,
}

/// The points that an indicator took.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IndicatorPenalty {
    /// The name of the indicator.
    pub indicator: String,
    /// The mean of what it took, over all the time: those of all indicators are what the score lacks to 100.
    pub points: f64,
}

/// The statuses, from the best to the worst.
const STATUSES: [HealthStatus; 3] = [HealthStatus::Healthy, HealthStatus::Degraded, HealthStatus::Unhealthy];

/// A reading of a metric that the health is kept as.
#[derive(Debug)]
pub(crate) struct Reading {
    pub(crate) metric: &'static str,
    pub(crate) labels: Vec<(&'static str, String)>,
    pub(crate) value: f64,
}

impl HealthReport {
    /// The report as readings of metrics. None where nothing is known of any indicator: then all is well only as
    /// far as anybody can tell.
    /// `known` are the names of indicators that took points so far.
    pub(crate) fn readings(&self, known: &mut BTreeSet<String>) -> Vec<Reading> {
        if self.indicators().iter().all(|one| one.status() == IndicatorStatus::Unknown) {
            return Vec::new();
        }
        let verdicts = [
            (OVERALL.to_owned(), self.status()),
            (Verdict::Serving.to_string(), self.serving()),
            (Verdict::Resources.to_string(), self.resources()),
        ];
        let shares = verdicts.into_iter().flat_map(|(verdict, holds)| {
            STATUSES.map(|status| Reading {
                metric: names::PERF_HEALTH_STATUS,
                labels: vec![(VERDICT, verdict.clone()), (STATUS, status.to_string())],
                value: f64::from(u8::from(status == holds)),
            })
        });
        let taking = self.indicators().iter().filter(|one| one.penalty() > 0.0);
        known.extend(taking.map(|one| one.name().to_owned()));
        let penalty =
            |name: &str| self.indicators().iter().find(|one| one.name() == name).map_or(0.0, Indicator::penalty);
        let penalties = known.iter().map(|name| Reading {
            metric: names::PERF_HEALTH_PENALTY,
            labels: vec![(INDICATOR, name.clone())],
            value: penalty(name),
        });
        let score = Reading { metric: names::PERF_HEALTH_SCORE, labels: Vec::new(), value: self.score() };
        [score].into_iter().chain(shares).chain(penalties).collect()
    }
}

impl HealthHistory {
    /// The history that tracks of the metrics tell which the health is kept as.
    pub(crate) fn of(tracks: &Tracks) -> Self {
        let Tracks { start, step, .. } = *tracks;
        let kept = Kept(&tracks.metrics);
        let scores = kept.named(names::PERF_HEALTH_SCORE).next();
        let points: Vec<HealthPoint> = scores.map_or_else(Vec::new, |scores| kept.points(scores));
        let whole = HealthPoint::whole(&points);
        Self { start, step, points, whole }
    }
}

impl HealthPoint {
    /// All steps together, each by its length: how often a step was judged depends on where it is kept.
    fn whole(points: &[Self]) -> Option<Self> {
        let judged = || points.iter().filter(|point| point.score.is_some());
        let all: f64 = judged().map(|point| point.covered).sum();
        let start = points.first()?.start;
        if all <= 0.0 {
            return None;
        }
        let mean = |of: &dyn Fn(&Self) -> Option<f64>| {
            judged().filter_map(|point| Some(of(point)? * point.covered)).sum::<f64>() / all
        };
        let shares = |of: fn(&Self) -> Option<StatusShares>| StatusShares {
            healthy: mean(&|point| Some(of(point)?.healthy)),
            degraded: mean(&|point| Some(of(point)?.degraded)),
            unhealthy: mean(&|point| Some(of(point)?.unhealthy)),
        };
        let mut penalties = BTreeMap::<&str, f64>::new();
        for point in judged() {
            for one in &point.penalties {
                *penalties.entry(&one.indicator).or_default() += one.points * point.covered / all;
            }
        }
        Some(Self {
            start,
            covered: points.iter().map(|point| point.covered).sum(),
            score: Some(mean(&|point| point.score)),
            status: Some(shares(|point| point.status)),
            serving: Some(shares(|point| point.serving)),
            resources: Some(shares(|point| point.resources)),
            penalties: sorted(penalties.into_iter().map(|(indicator, points)| (indicator.to_owned(), points))),
        })
    }
}

/// The metrics that the health is kept as, over a range.
#[derive(Clone, Copy)]
struct Kept<'a>(&'a [MetricSeriesTrack]);

impl<'a> Kept<'a> {
    fn named(self, name: &'static str) -> impl Iterator<Item = &'a MetricSeriesTrack> {
        self.0.iter().filter(move |track| track.name == name)
    }

    fn points(self, scores: &MetricSeriesTrack) -> Vec<HealthPoint> {
        let verdict = |verdict: &str| STATUSES.map(|status| self.status(verdict, status));
        let verdicts = [OVERALL.to_owned(), Verdict::Serving.to_string(), Verdict::Resources.to_string()];
        let verdicts = verdicts.map(|name| verdict(&name));
        let penalties: Vec<&MetricSeriesTrack> = self.named(names::PERF_HEALTH_PENALTY).collect();
        let point = |(place, score): (usize, &MetricSeriesPoint)| {
            let readings = score.count.filter(|count| *count > 0.0);
            // The mean over all readings of the score: the others have a value in some of them.
            let mean = |track: &MetricSeriesTrack| {
                let point = track.points.get(place)?;
                Some(point.value? * point.count? / readings?)
            };
            let shares = |tracks: &[Option<&MetricSeriesTrack>; 3]| {
                let [healthy, degraded, unhealthy] = tracks.map(|track| track.and_then(mean).unwrap_or(0.0));
                readings.map(|_| StatusShares { healthy, degraded, unhealthy })
            };
            let [status, serving, resources] = &verdicts;
            let taken = penalties.iter().filter_map(|track| {
                Some((track.labels.get(INDICATOR)?.to_owned(), mean(track).filter(|points| *points > 0.0)?))
            });
            HealthPoint {
                start: score.start,
                covered: score.covered,
                score: readings.and(score.value),
                status: shares(status),
                serving: shares(serving),
                resources: shares(resources),
                penalties: sorted(taken),
            }
        };
        scores.points.iter().enumerate().map(point).collect()
    }

    fn status(self, verdict: &str, status: HealthStatus) -> Option<&'a MetricSeriesTrack> {
        let status = status.to_string();
        let is = |track: &&MetricSeriesTrack| {
            track.labels.get(VERDICT) == Some(verdict) && track.labels.get(STATUS) == Some(&status)
        };
        self.named(names::PERF_HEALTH_STATUS).find(is)
    }
}

/// Penalties, the most points first.
fn sorted(penalties: impl Iterator<Item = (String, f64)>) -> Vec<IndicatorPenalty> {
    let mut sorted: Vec<IndicatorPenalty> =
        penalties.map(|(indicator, points)| IndicatorPenalty { indicator, points }).collect();
    sorted.sort_by(|one, other| other.points.total_cmp(&one.points));
    sorted
}
