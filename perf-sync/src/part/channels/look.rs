//! Channels at one moment: their counts, and those that are there.

use crate::channel::existing::{self, Existing};
use crate::channel::group::{self, Group, Sender};
use crate::channel::instance::Stalls;
use crate::part::names::Names;
use crate::watch::cells::{self, ChannelReading, Series};
use crate::watch::kind::Kind;
use crate::watch::series::{Counts, SeriesNumber};
use perf_runtime::__locks;
use perf_runtime::Monitor;
use std::sync::{Mutex, PoisonError};

/// The channels of a series.
pub(super) struct Channels {
    pub(super) number: SeriesNumber,
    pub(super) kind: Kind,
    pub(super) series: &'static Series,
    pub(super) reading: ChannelReading,
    /// Those that are there; of kinds that are not looked at one by one, none.
    pub(super) group: Group,
}

/// All channels at one moment.
pub(in crate::part) struct Look {
    pub(super) channels: Vec<Channels>,
    /// Those that the program made by tokio itself.
    pub(super) existing: Vec<Existing>,
    pub(super) names: Names,
}

impl Look {
    /// As it is now, with the names of all series or with those alone that are needed for what waits or has stopped.
    pub(super) fn take(monitor: &Monitor, observed_from: u64, with_names: bool, stalls: &Mutex<Stalls>) -> Self {
        // It may run what the program does when a receiver is woken: nothing is locked meanwhile.
        let existing = existing::look();
        let stalls = &mut *stalls.lock().unwrap_or_else(PoisonError::into_inner);
        let now = __locks::now();
        let mut groups = group::look(now, stalls);
        let mut channels: Vec<Channels> = Vec::new();
        for (number, series) in cells::all() {
            let Counts::Channel(kind) = number.counts() else { continue };
            let mut group = groups.remove(&number).unwrap_or_default();
            let reading = series.read_channel(kind);
            group.with_queued(reading.queued, now, stalls);
            channels.push(Channels { number, kind, series, reading, group });
        }
        stalls.end_look();
        let is_named = channels.iter().any(|all| !all.group.waiters.is_empty() || all.group.stopped.is_some());
        Self { channels, existing, names: Names::now(monitor, observed_from, with_names || is_named) }
    }
}

impl Channels {
    /// The one that has waited longest for room, in a channel that has a receiver: in another one there will be none.
    pub(super) fn oldest(&self) -> Option<&Sender> {
        self.group.waiters.iter().filter(|sender| sender.has_receiver).min_by_key(|sender| sender.waiter.since)
    }
}
