//! The promises of functions and of the monitor's settings, with their counts, for the judgement to track.

use super::{Inner, Monitor};
use crate::judge::objective::budget_ledger::Counts;
use crate::judge::objective::history::{ObjectiveHistory, ObjectiveTrack};
use crate::judge::objective::tracker::{ObjectiveReport, Objectives, Promise, Promised};
use crate::measure::cells::reading::Reading;
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::OutcomeCounts;
use crate::measure::model::target::Objective as Target;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::tracks::SeriesTrack;
use crate::observe::series::entry::Series;
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

/// The series with a promise whose tracks are read at once.
const AT_ONCE: usize = 50;

impl Monitor {
    /// How each objective stands: how much of its budget is left, and how fast it is spent. Those of functions
    /// (`objective(..)`) and those of [`MonitorBuilder::objective`](crate::MonitorBuilder::objective), as they stood at the
    /// last tick.
    pub fn objectives(&self) -> Vec<ObjectiveReport> {
        self.inner.objectives().reports(self.inner.moment_of(clock::now()).elapsed)
    }

    /// The calls of each objective over any range of time, step by step, as [`tracks`](Self::tracks) has them, held against what is promised now: of
    /// the selected series with a promise. Those that only the past knows are among them where an objective is set for
    /// them ([`MonitorBuilder::objective`](crate::MonitorBuilder::objective)); what a function promised that this process does
    /// not have is not known.
    ///
    /// Costs as much as the tracks of these series.
    ///
    /// ```
    /// # use perf_runtime::objective::Objective;
    /// # use perf_runtime::series::Selector;
    /// # use perf_runtime::{Kind, Monitor, Window};
    /// # use std::time::Duration;
    /// let monitor = Monitor::builder().objective(Objective::new(Kind::Operation).success(99.0)).build()?;
    /// monitor.record_response_time("search", Duration::from_millis(30));
    /// let search = Selector::kind(Kind::Operation).label("operation", "search");
    /// let history = monitor.objective_history(&search, Window::LastHour);
    /// assert_eq!(history.objectives[0].target, 0.99);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn objective_history(&self, selector: &Selector, range: impl Into<TimeRange>) -> ObjectiveHistory {
        let range = range.into();
        let mut promised: Vec<(SeriesId, (Target, Vec<SeriesId>))> =
            self.promised(selector, &range).into_iter().collect();
        let left_out = promised.len().saturating_sub(selector.most());
        promised.truncate(selector.most());
        let (mut grid, mut objectives) = (None, Vec::new());
        // A few at a time: their points are many.
        for some in promised.chunks(AT_ONCE) {
            let ids = some.iter().flat_map(|(_, (_, ids))| ids);
            let Some(selector) = ids.map(Selector::series).reduce(Selector::or) else { continue };
            let tracks = self.tracks(&selector, range);
            grid = grid.or(Some((tracks.start, tracks.step)));
            for (id, (target, ids)) in some {
                let own: Vec<&SeriesTrack> = tracks.series.iter().filter(|track| ids.contains(&track.id)).collect();
                objectives.extend(ObjectiveTrack::all_of(id, *target, &own));
            }
        }
        let (start, step) = grid.unwrap_or_else(|| {
            let nothing = self.tracks(&Selector::metric(""), range);
            (nothing.start, nothing.step)
        });
        ObjectiveHistory { start, step, objectives, left_out }
    }

    /// The selected series with a promise that may be in a range, by their names without late labels.
    fn promised(&self, selector: &Selector, range: &TimeRange) -> BTreeMap<SeriesId, (Target, Vec<SeriesId>)> {
        let set = self.inner.objectives().set().to_vec();
        let of_functions: HashMap<SeriesId, Target> = self
            .inner
            .registry
            .all()
            .iter()
            .filter_map(|series| {
                let id = SeriesId { kind: series.identity.kind, labels: series.labels() };
                Some((id, series.targets().objective?))
            })
            .collect();
        // Of functions that this process does not have, nobody knows what they promised.
        let mut names: BTreeSet<SeriesId> = of_functions.keys().cloned().collect();
        let of_set = set.iter().map(|(objective, _)| objective.selector()).reduce(Selector::or);
        names.extend(of_set.map(|of_set| self.series_in(&of_set, *range)).unwrap_or_default());
        let mut promised = BTreeMap::<SeriesId, (Target, Vec<SeriesId>)>::new();
        for id in names.into_iter().filter(|id| selector.selects_series(id)) {
            let labels: Vec<(&str, &str)> = id.labels.pairs().collect();
            let for_it =
                set.iter().find(|(objective, _)| objective.covers(id.kind, &labels)).map(|(_, target)| *target);
            let Some(target) = for_it.or_else(|| of_functions.get(&id).copied()) else { continue };
            promised.entry(id.without_late_labels()).or_insert_with(|| (target, Vec::new())).1.push(id);
        }
        promised
    }
}

impl Inner {
    pub(super) fn objectives(&self) -> MutexGuard<'_, Objectives> {
        self.objectives.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn keep_objectives(&self, now: Moment) {
        let mut objectives = self.objectives();
        let mut promised: BTreeMap<(String, Promise), Promised> = BTreeMap::new();
        for series in self.registry.all().iter() {
            let set = objectives.set_for(&series.identity);
            let Some(target) = set.or(series.targets().objective) else { continue };
            for one in promises(series, target) {
                let counts = one.counts;
                promised
                    .entry((one.series.clone(), one.promise))
                    .and_modify(|sum| {
                        sum.counts.calls += counts.calls;
                        sum.counts.bad += counts.bad;
                    })
                    .or_insert(one);
            }
        }
        objectives.observe(promised.into_values().collect(), self.moment_of(now).elapsed);
    }
}

/// The promises of one series, and its counts. Late labels say how a call ended, so they are no part of what it is.
fn promises(series: &Series, target: Target) -> Vec<Promised> {
    let kind = series.identity.kind;
    let own = || series.identity.pairs().filter(|&(name, _)| !kind.is_late(name));
    let name = SeriesId { kind, labels: own().collect() }.to_string();
    let labels: Labels = [("kind", kind.as_str())].into_iter().chain(own()).collect();
    let reading = series.read();
    let promised = |promise, share, latency: Option<u64>, counts| Promised {
        series: name.clone(),
        labels: labels.clone(),
        promise,
        target: share,
        latency: latency.map(|nanos| Duration::from_nanos(nanos).as_secs_f64()),
        counts,
    };
    let latency = target
        .latency
        .map(|(nanos, share)| promised(Promise::Latency, share, Some(nanos), slower_than(series, &reading, nanos)));
    let success = target.success.map(|share| promised(Promise::Success, share, None, failed(&reading)));
    latency.into_iter().chain(success).collect()
}

/// Exact where the latency is a bound of the series' buckets.
fn slower_than(series: &Series, reading: &Reading, nanos: u64) -> Counts {
    let mut counts = Counts::default();
    for outcome in &reading.buckets {
        for (bucket, &count) in outcome.iter().enumerate().filter(|(_, count)| **count > 0) {
            counts.calls += count;
            counts.bad += if series.layout.range(bucket).0 > nanos { count } else { 0 };
        }
    }
    counts
}

fn failed(reading: &Reading) -> Counts {
    let outcomes = OutcomeCounts::from_array(reading.finished()).with_expected(reading.expected);
    Counts { calls: outcomes.ended(), bad: outcomes.failed() }
}
