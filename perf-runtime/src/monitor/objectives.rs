//! The promises of functions and of the monitor's settings, with their counts, for the judgement to track.

use super::{Inner, Monitor};
use crate::judge::objective::budget_ledger::Counts;
use crate::judge::objective::tracker::{ObjectiveReport, Objectives, Promise, Promised};
use crate::measure::cells::reading::Reading;
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::OutcomeCounts;
use crate::measure::model::target::Objective as Target;
use crate::observe::series::entry::Series;
use crate::observe::series::labels::Labels;
use crate::observe::series::series_id::SeriesId;
use std::collections::BTreeMap;
use std::sync::{MutexGuard, PoisonError};
use std::time::Duration;

impl Monitor {
    /// How each objective stands: how much of its budget is left, and how fast it is spent. Those of functions
    /// (`objective(..)`) and those of [`MonitorBuilder::objective`](crate::MonitorBuilder::objective), as they stood at the
    /// last tick.
    pub fn objectives(&self) -> Vec<ObjectiveReport> {
        self.inner.objectives().reports(self.inner.moment_of(clock::now()).elapsed)
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
