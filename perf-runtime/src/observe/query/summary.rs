//! The statistics of a series over a window.

use super::statistics::{Divided, Durations, apdex, apdex_threshold, seconds};
use super::whole_or_parts::of_whole_or_parts;
use crate::measure::cells::histogram::Layout;
#[cfg(feature = "metrics")]
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::OutcomeCounts;
use crate::measure::model::target::{Objective, Targets};
use crate::observe::history::counts::{Together, WindowCounts};
use crate::observe::history::profile::{ProfileSummary, ProfileWindow};
use crate::observe::history::sampled::{SampledCpu, SampledWindow};
use crate::observe::history::streams::{StreamSummary, StreamWindow};
use crate::observe::history::window::Window;
use crate::observe::series::entry::Series;
use crate::observe::series::labels::Labels;
use crate::observe::series::observation::{Look, Observation};
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Every series over one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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

    /// The calls of a kind that are in flight. Of a kind whose whole may not be measured, such as workflows, those of its
    /// parts count where the whole has no series.
    pub fn in_flight(&self, kind: Kind) -> u64 {
        let of = |kind: Kind| self.series.iter().filter(move |series| series.kind == kind);
        let Some(parts) = kind.family().parts else { return of(kind).map(|series| series.in_flight).sum() };
        of_whole_or_parts(of(kind).map(by_first_label), of(parts).map(by_first_label)).map(|(_, calls)| calls).sum()
    }

    /// The series of one kind with these label values, in the kind's order (see [`Kind::label_names`]).
    pub fn find(&self, kind: Kind, labels: &[&str]) -> Option<&SeriesSummary> {
        self.series.iter().find(|series| {
            series.kind == kind && series.labels.iter().map(|(_, value)| value.as_str()).eq(labels.iter().copied())
        })
    }
}

fn by_first_label(series: &SeriesSummary) -> (&str, u64) {
    (series.labels.first().map_or("", |(_, value)| value.as_str()), series.in_flight)
}

/// One series over a window. Durations are in seconds, of calls of every outcome: a call that was cancelled after five
/// seconds is evidence of five seconds.
///
/// Durations come from buckets that are at most 6.25 % wide: `min` and `max` are the bounds of the outermost ones,
/// percentiles (the nearest rank) are interpolated inside theirs. The mean is exact.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SeriesSummary {
    /// The kind of work that the series measures.
    pub kind: Kind,
    /// The names and values of its labels: one text for all summaries of the series.
    pub labels: Labels,
    /// Calls finished since the process started, or since the last reset.
    pub total: OutcomeCounts,
    /// Failed calls by the sort of their error, since the process started, expected or not; only those whose error is an
    /// [`ErrorType`](trait@crate::ErrorType). Sorts that a function's signature shows are there before the first of them.
    pub error_types: BTreeMap<String, u64>,
    /// Calls that have started and not ended.
    pub in_flight: u64,
    /// The age in seconds of the oldest call that waits now, without the time in which the process was stopped. A stream waits since its
    /// consumer asked for an item that was not there, and not while the consumer has one. `None` where none waits.
    pub oldest_in_flight: Option<f64>,
    /// The seconds that the figures below cover, up to now: the window and what belongs to its first slice of time (up to
    /// 1 s of `1m`, 6 s of `5m`, a minute of the others, while the monitor ticks in time), or less while the process is
    /// young. The figures are of all calls that ended in them, and of no others.
    pub covered: f64,
    /// Calls finished in the window.
    pub count: u64,
    /// The same by outcome.
    pub outcomes: OutcomeCounts,
    /// Calls finished a second.
    pub rate: f64,
    /// Panics and errors that are not expected among the calls that ran to their end, 0 to 1. `None` where none did.
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
    /// How content callers were, 0 to 1: the [Apdex](https://www.apdex.org) score, (satisfied + tolerating / 2) / all. A
    /// call satisfies that was `ok` within [`apdex_threshold`](Self::apdex_threshold); one within four times that is
    /// tolerated; slower ones and failed ones (errors and panics) frustrate. A caller that cancels within the threshold says
    /// nothing and is left out; later, it frustrated. Expected errors, and calls cancelled by design, are left out. Exact
    /// where the threshold, and four times that, are bucket bounds;
    /// elsewhere the calls of one bucket may be taken for faster than they were.
    pub apdex: Option<f64>,
    /// The threshold of `apdex`, in seconds: the latency of the function's `objective`, or its `slow`, or that of its kind:
    /// 0.5 s for requests and database operations, 1 s for operations, 2 s for tools and MCP calls, 2.5 s for other
    /// services, 5 s for agents. `None`, as `apdex`, for workflows and their steps: how long is too long, only their author
    /// knows; and for streams whose function says neither: they last for as long as their consumer likes.
    pub apdex_threshold: Option<f64>,
    /// The share of their durations that calls were polled, 0 to 1; the rest they waited. 1 where none ever waited. `None` where calls are
    /// streams: for how long a consumer has an item, nobody looks. Of several series together, without those of streams.
    pub busy_share: Option<f64>,
    /// Polls that kept their thread for long.
    pub slow_polls: u64,
    /// The seconds of these calls less those of calls inside them: where several of these ran at the same time, less the time in which
    /// at least one did. Of async calls it holds the time that they waited for what is not measured. It is not known of streams, whose
    /// consumer has an item meanwhile: 0 where calls are such, and of several series together, without those.
    #[serde(default)]
    pub self_seconds: f64,
    /// The seconds of these calls that they waited between their polls. What they waited for is told by the
    /// [edges](crate::series::Edge::waited_seconds) to their children; the rest of it is for what is not measured.
    #[serde(default)]
    pub waited_seconds: f64,
    /// Where the function said `slow = ..`: the calls that were. Exact.
    pub slow: Option<SlowCalls>,
    /// Where the function said `objective(..)`: whether it is met.
    pub objective: Option<ObjectiveState>,
    /// Where a function said `profile`: what its calls used.
    pub profile: Option<ProfileSummary>,
    /// Where calls are streams: their items, and how long was waited for them. In JSON only there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<StreamSummary>,
    /// Where a profiler runs and met a call of the series: the processor time of its calls without that of calls inside them.
    #[serde(default)]
    pub sampled_cpu: Option<SampledCpu>,
    /// Whether its calls wait by design (`waits`): then neither rules nor health judge how long they take, and there is no
    /// `apdex`. In JSON only where they do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub waits: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_false(flag: &bool) -> bool {
    !flag
}

/// The calls of a window that took longer than the function's `slow`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct SlowCalls {
    /// The limit, in seconds.
    pub limit: f64,
    /// How many took longer.
    pub count: u64,
}

impl SlowCalls {
    /// Exact where `limit`, in nanoseconds, is a bound of the layout.
    fn beyond(limit: u64, durations: &Durations) -> Self {
        Self { limit: seconds(limit), count: durations.slower_than(limit) }
    }
}

/// A function's `objective` held against a window. Shares are 0 to 1, and exact; `None` where there is no such part, or no
/// call to tell.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
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
        let slower = objective.latency.map(|(nanos, _)| SlowCalls::beyond(nanos, durations));
        let count = durations.count();
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
    /// Sums up one series over a window, up to now.
    #[cfg(feature = "metrics")]
    pub(crate) fn live(series: &Series, window: Window, now: Moment) -> Self {
        Self::of(series, &series.observe(window, &mut Look::live(now)))
    }

    /// Sums up one series.
    pub(crate) fn of(series: &Series, observation: &Observation) -> Self {
        Self::new(series.identity.kind, series.labels(), observation, series.targets())
    }

    /// Whether it is judged how long its calls take: not of those that wait by design, and of streams, which last for as long as their
    /// consumer likes, only where a function says `slow` or a latency. Of one series, not of several together.
    pub fn is_timed(&self) -> bool {
        let is_limited = self.slow.is_some() || self.objective.is_some_and(|objective| objective.latency.is_some());
        !self.waits && (self.stream.is_none_or(|stream| stream.is_mixed) || is_limited)
    }

    /// Sums up one series.
    pub(super) fn new(kind: Kind, labels: Labels, observation: &Observation, targets: &Targets) -> Self {
        let facts = Facts { is_timed: observation.is_timed(targets), divided: observation.divided() };
        Self::with(kind, labels, observation, targets, facts)
    }

    fn with(kind: Kind, labels: Labels, observation: &Observation, targets: &Targets, facts: Facts) -> Self {
        let Facts { is_timed, divided } = facts;
        let counts = &observation.counts;
        let outcomes = counts.outcomes();
        let durations = Durations::new(observation.layout, counts);
        let [p50, p90, p95, p99] = durations.quantiles();
        let threshold = apdex_threshold(kind, targets).filter(|_| is_timed);
        let covered = counts.covered.as_secs_f64();
        Self {
            kind,
            labels,
            total: observation.total,
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
            median: p50,
            std: durations.std(),
            p50,
            p90,
            p95,
            p99,
            apdex: threshold.and_then(|threshold| apdex(observation.layout, counts, threshold)),
            apdex_threshold: threshold.map(seconds),
            busy_share: divided.busy_share(),
            slow_polls: counts.sums.slow_polls,
            self_seconds: divided.self_seconds(),
            waited_seconds: seconds(counts.sums.idle_nanos),
            slow: targets.slow.map(|limit| SlowCalls::beyond(limit, &durations)),
            objective: targets.objective.map(|objective| ObjectiveState::new(&objective, &durations, outcomes)),
            profile: observation.profile.as_ref().map(ProfileWindow::summary),
            stream: observation.streams.as_ref().map(StreamWindow::summary),
            sampled_cpu: observation.sampled.as_ref().map(SampledWindow::summary),
            waits: observation.waits,
        }
    }

    /// Its kind and labels: what tells it from every other series.
    pub fn id(&self) -> SeriesId {
        SeriesId { kind: self.kind, labels: self.labels.clone() }
    }

    /// The text of its [`id`](Self::id): `db_operation{operation=select,table=users}`.
    pub fn name(&self) -> String {
        self.id().to_string()
    }
}

/// All series of one kind over a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct KindSummary {
    /// The kind as a whole; it has no labels.
    pub whole: SeriesSummary,
    /// The series that were called in the window, or are being called now.
    pub series: Vec<SeriesSummary>,
    /// The kind without the series that wait by design, and without streams whose function limits their latency by nothing: by it latency
    /// and age are judged, and the age of streams is in it. `None` where there are none of either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub timed: Option<Box<SeriesSummary>>,
}

impl KindSummary {
    /// Sums up series of one kind, of which there is at least one.
    pub(crate) fn new(series: &[Arc<Series>], window: Window, look: &mut Look) -> Self {
        let kind = series.first().map_or(Kind::Operation, |first| first.identity.kind);
        let [mut merged, mut timed] = [(); 2].map(|()| Merged::new(Layout::of(kind)));
        let mut parts = Vec::new();
        let some_are_left_out = series.iter().any(|one| !one.is_timed());
        for one in series {
            let observation = one.observe(window, look);
            merged.add(&observation);
            if some_are_left_out && one.is_timed() {
                timed.add(&observation);
            } else if some_are_left_out && !observation.waits {
                timed.add_age(&observation);
            }
            if observation.in_flight > 0 || !observation.counts.hits.is_empty() {
                parts.push(SeriesSummary::of(one, &observation));
            }
        }
        let of_all = |merged: Merged| merged.into_summary(kind, Labels::default());
        Self { whole: of_all(merged), series: parts, timed: some_are_left_out.then(|| Box::new(of_all(timed))) }
    }

    /// The calls whose latency and age are judged.
    pub fn timed(&self) -> &SeriesSummary {
        self.timed.as_deref().unwrap_or(&self.whole)
    }
}

/// Several series taken together.
#[derive(Debug)]
pub(crate) struct Merged {
    counts: Together,
    rest: Observation,
    /// Whether all of them wait by design.
    all_wait: Option<bool>,
    /// Whether it is judged of any how long calls take; `None` where there are none.
    any_timed: Option<bool>,
    divided: Divided,
}

/// Facts on calls that their figures alone do not tell.
#[derive(Clone, Copy, Debug)]
struct Facts {
    /// Whether it is judged how long they take.
    is_timed: bool,
    divided: Divided,
}

impl Merged {
    /// Nothing yet, in the buckets of a layout.
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self {
            counts: Together::new(layout),
            rest: Observation::none(layout),
            all_wait: None,
            any_timed: None,
            divided: Divided::default(),
        }
    }

    /// Adds a series.
    pub(crate) fn add(&mut self, observation: &Observation) {
        self.counts.add(&observation.counts, observation.layout);
        self.rest.add(observation);
        self.all_wait = Some(self.all_wait.unwrap_or(true) && observation.waits);
        self.any_timed = Some(self.any_timed.unwrap_or(false) || observation.is_timed(&Targets::NONE));
        self.divided.add(observation.divided());
    }

    /// Adds the age of the oldest call of a series, and nothing else of it.
    fn add_age(&mut self, observation: &Observation) {
        self.rest.oldest = self.rest.oldest.max(observation.oldest);
    }

    pub(crate) fn into_summary(self, kind: Kind, labels: Labels) -> SeriesSummary {
        let waits = self.all_wait.unwrap_or(false);
        let whole = Observation { counts: self.counts.into_counts(), waits, ..self.rest };
        let facts = Facts { is_timed: self.any_timed.unwrap_or(true), divided: self.divided };
        SeriesSummary::with(kind, labels, &whole, &Targets::NONE, facts)
    }
}

impl Observation {
    /// Nothing yet.
    pub(crate) fn none(layout: &'static Layout) -> Self {
        Self {
            total: OutcomeCounts::default(),
            error_types: BTreeMap::new(),
            in_flight: 0,
            oldest: None,
            layout,
            counts: WindowCounts::default(),
            profile: None,
            streams: None,
            sampled: None,
            waits: false,
        }
    }

    /// Whether it is judged how long calls take.
    fn is_timed(&self, targets: &Targets) -> bool {
        !self.waits && (self.streams.is_none_or(|streams| streams.is_mixed()) || targets.limits_latency())
    }

    /// How calls divided their time: nothing where they are streams.
    fn divided(&self) -> Divided {
        if self.streams.is_some() { Divided::default() } else { Divided::of(&self.counts) }
    }

    /// Adds what another series of the same kind did, all but the counts of the window.
    fn add(&mut self, other: &Self) {
        self.total += other.total;
        for (&name, count) in &other.error_types {
            *self.error_types.entry(name).or_default() += count;
        }
        self.in_flight += other.in_flight;
        self.oldest = self.oldest.max(other.oldest);
        if let Some(profile) = &other.profile {
            self.profile.get_or_insert(ProfileWindow::default()).add(profile);
        }
        if let Some(streams) = &other.streams {
            self.streams.get_or_insert(StreamWindow::default()).add(streams);
        }
        if let Some(sampled) = &other.sampled {
            self.sampled.get_or_insert(SampledWindow::default()).add(sampled);
        }
    }
}

#[cfg(test)]
mod tests;
