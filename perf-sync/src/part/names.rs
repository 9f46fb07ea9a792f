//! The names of calls at one moment, and how old things are then.

use super::times::{CallerView, WaiterView, seconds};
use crate::watch::callers::CallerReading;
use crate::watch::waits::Waiter;
use perf_runtime::__locks;
use perf_runtime::Monitor;
use perf_runtime::series::SeriesId;
use std::collections::HashMap;

/// So many holders, waiters, callers and locks or channels of one series are listed.
pub(super) const MOST_LISTED: usize = 20;

/// One moment: the clock, and the names of series by their numbers.
pub(super) struct Names {
    pub(super) now: u64,
    /// Since when the process was observed without a gap, by the clock: it may have been stopped before.
    pub(super) observed_from: u64,
    named: HashMap<u16, SeriesId>,
}

impl Names {
    /// Now, after what was looked at before, so that no age is below zero. The names are looked up where they are needed.
    pub(super) fn now(monitor: &Monitor, observed_from: u64, is_named: bool) -> Self {
        let named = if is_named { __locks::series_by_number(monitor) } else { HashMap::new() };
        Self { now: __locks::now(), observed_from, named }
    }

    /// The name of a series by its number.
    pub(super) fn series(&self, number: u16) -> Option<SeriesId> {
        self.named.get(&number).cloned()
    }

    /// The call of a series by its number, in words.
    pub(super) fn caller(&self, number: u16) -> String {
        self.series(number).map_or_else(|| "a call that is not measured".to_owned(), |id| id.to_string())
    }

    pub(super) fn age(&self, since: u64) -> u64 {
        self.now.saturating_sub(since)
    }

    /// For how long something has gone on, as far as it was observed.
    pub(super) fn observed_age(&self, since: u64) -> u64 {
        self.age(since.max(self.observed_from))
    }

    /// The calls that waited, those first that waited longest in all.
    pub(super) fn callers(&self, read: Vec<CallerReading>) -> Vec<CallerView> {
        let mut all: Vec<CallerView> = Vec::new();
        for CallerReading { series, waits, nanos } in read {
            let (series, waited_seconds) = (self.series(series), seconds(nanos));
            // Functions of the same labels have numbers of their own, and one name.
            match all.iter_mut().find(|known| known.series == series) {
                Some(known) => {
                    known.waits += waits;
                    known.waited_seconds += waited_seconds;
                }
                None => all.push(CallerView { series, waits, waited_seconds }),
            }
        }
        all.sort_by(|one, other| other.waited_seconds.total_cmp(&one.waited_seconds));
        all.truncate(MOST_LISTED);
        all
    }

    /// Those that wait, the longest first, each with the number of the lock or channel.
    pub(super) fn waiters(&self, mut waits: Vec<(u64, &Waiter)>) -> Vec<WaiterView> {
        waits.sort_by_key(|(_, waiter)| waiter.since);
        waits.truncate(MOST_LISTED);
        let view = |(instance, waiter): (u64, &Waiter)| WaiterView {
            instance,
            series: self.series(waiter.owner.series()),
            by: waiter.owner.task_or_thread().to_string(),
            waited_seconds: seconds(self.age(waiter.since)),
        };
        waits.into_iter().map(view).collect()
    }
}
