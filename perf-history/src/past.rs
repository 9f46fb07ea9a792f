//! Answers about the past from the file.

use crate::names::Name;
use crate::rows::{CallRow, PointRow};
use crate::settings::Settings;
use crate::store::{Reading, Store, StoreError, TIERS, nanos_of};
use perf_runtime::Outcome;
use perf_runtime::alert::AlertEvent;
use perf_runtime::extend::{AlertLog, LATE, Past, PastBucket, PastMetric, PastPoint, PastSink, PastSlice};
use perf_runtime::series::{Selector, TimeRange};
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The store as it is now: none while it cannot be used.
pub(crate) type Current = Arc<RwLock<Option<Arc<Store>>>>;

/// Reads the file for whoever asks the monitor.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) store: Current,
    pub(crate) settings: Settings,
}

impl Archive {
    /// Asks the store; nothing where there is none, or it cannot be read.
    fn ask<T: Default>(&self, question: impl FnOnce(&Store) -> Result<T, StoreError>) -> T {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(store) = store else { return T::default() };
        question(&store).unwrap_or_else(|error| {
            tracing::warn!(target: "perf::history", %error, "the history cannot be read: the answer has a gap");
            T::default()
        })
    }

    /// Since when each tier is kept, in nanoseconds since 1970.
    fn since(&self, reading: &Reading<'_>, last: u64) -> Result<[u64; 3], StoreError> {
        let mut since = self.settings.keep().map(|keep| last.saturating_sub(keep));
        for (tier, since) in since.iter_mut().enumerate() {
            *since = (*since).max(reading.forgotten(tier)?);
        }
        Ok(since)
    }
}

/// The end of the last boot, in nanoseconds since 1970.
fn last(store: &Store) -> Result<u64, StoreError> {
    Ok(store.boots()?.iter().filter_map(|(_, boot)| boot.ended()).max().unwrap_or_default())
}

impl Past for Archive {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let [start, end] = [range.start(), range.end()].map(nanos_of);
        self.ask(|store| {
            let since = self.since(&store.reading()?, last(store)?)?;
            let start = start.max(since.into_iter().min().unwrap_or_default());
            let mut parts: Vec<(u64, u64)> = store.boots()?.into_iter().flat_map(|(_, boot)| boot.observed).collect();
            parts.sort_unstable();
            let clipped = parts.into_iter().map(|(from, to)| (from.max(start), to.min(end)));
            Ok(clipped.filter_map(|(from, to)| TimeRange::between(time(from), time(to)).ok()).collect())
        })
    }

    fn step_since(&self, start: SystemTime) -> Duration {
        let start = nanos_of(start);
        let tier = self.ask(|store| {
            let since = self.since(&store.reading()?, last(store)?)?;
            Ok(since.iter().position(|since| *since <= start).unwrap_or(TIERS.len() - 1))
        });
        Duration::from_nanos(TIERS.get(tier).map_or(TIERS[0].step, |tier| tier.step))
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        let late = nanos_of(UNIX_EPOCH + LATE);
        let ends: Range<u64> = nanos_of(range.start())..nanos_of(range.end()).saturating_add(late);
        let step = range.step().map_or(TIERS[0].step, |step| nanos_of(UNIX_EPOCH + step));
        self.ask(|store| {
            let reading = store.reading()?;
            let since = self.since(&reading, last(store)?)?;
            // The coarsest tier whose steps fit into those of the answer: it is complete, and the quickest to read.
            let fits = |tier: &usize| step.is_multiple_of(TIERS[*tier].step);
            let kept = |tier: &usize| since[*tier] <= ends.start;
            let tiers = 0..TIERS.len();
            let tier = tiers.clone().rev().find(fits).filter(kept).or_else(|| tiers.clone().find(kept)).unwrap_or(2);
            let names = store.names.read().unwrap_or_else(PoisonError::into_inner).selected_by(selector);
            names.iter().try_for_each(|(number, name)| read_series(&reading, *number, name, tier, &ends, sink))
        });
    }
}

fn read_series(
    reading: &Reading<'_>,
    number: u32,
    name: &Name,
    tier: usize,
    ends: &Range<u64>,
    sink: &mut dyn PastSink,
) -> Result<(), StoreError> {
    match name {
        Name::Calls(id) => {
            let mut buckets = Vec::new();
            reading.rows(number, tier, ends, |row: &CallRow, end| {
                buckets.clear();
                buckets.extend(row.hits.iter().map(|hit| PastBucket {
                    outcome: Outcome::ALL.get(usize::from(hit.bucket.0)).copied().unwrap_or(Outcome::Ok),
                    longest_nanos: hit.bucket.1,
                    count: hit.count,
                }));
                let CallRow { nanos, idle_nanos, slow_polls, .. } = *row;
                sink.slice(id, &PastSlice { buckets: &buckets, nanos, idle_nanos, slow_polls, end: time(end) });
            })
        }
        Name::Metric { name, kind, unit, labels } => {
            let metric = PastMetric { name, kind: *kind, unit: unit.as_deref(), labels };
            reading.rows(number, tier, ends, |row: &PointRow, end| {
                sink.point(&metric, &PastPoint { end: time(end), sum: row.sum, count: row.count });
            })
        }
    }
}

impl AlertLog for Archive {
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent> {
        self.ask(|store| store.events(range.start(), range.end()))
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}
