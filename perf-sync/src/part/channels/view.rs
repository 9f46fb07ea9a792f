//! Everything that is known of channels, for JSON.

use super::look::{Channels, Look};
use crate::channel::existing::Existing;
use crate::channel::instance::Stalls;
use crate::part::names::Names;
use crate::part::times::{CallerView, TimesView, WaiterView, seconds};
use perf_runtime::Monitor;
use perf_runtime::series::SeriesId;
use serde::Serialize;
use std::cmp::Reverse;
use std::sync::{Arc, Mutex};

/// Channels as they are now, and what happened to them since the process began.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ChannelsView {
    /// By name and kind.
    pub channels: Vec<ChannelView>,
    /// Channels that the program made by tokio itself, and had looked at.
    pub existing: Vec<ExistingView>,
}

/// All channels of a name and a kind. `attempts` are `sent`, `full`, `closed`, `timed_out`, `cancelled`, `unused`, `reserved` and `waiting` together; where each message
/// is received once at most, `sent` are `received`, `queued` and `lost` together.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct ChannelView {
    /// The name.
    pub channel: Arc<str>,
    /// The kind: `mpsc`, `unbounded`, `broadcast`, `oneshot` or `watch`.
    pub kind: &'static str,
    /// Attempts to send.
    pub attempts: u64,
    /// Messages that were sent; of `watch`, values that were put in.
    pub sent: u64,
    /// Not sent: there was no room, and the attempt does not wait.
    pub full: u64,
    /// Not sent: the channel was closed, or nobody receives from it.
    pub closed: u64,
    /// Not sent: there was no room in time.
    pub timed_out: u64,
    /// Given up while they waited for room.
    pub cancelled: u64,
    /// Permits that were given back without a message.
    pub unused: u64,
    /// Permits that are out now.
    pub reserved: u64,
    /// Those that wait for room now.
    pub waiting: u64,
    /// Messages that were received: of `broadcast`, by all receivers together; of `watch`, new values that a receiver took note of.
    pub received: u64,
    /// Messages that were sent and that nobody received: they were queued when the channel or its receiver was dropped. Null of `broadcast` and `watch`.
    pub lost: Option<u64>,
    /// Messages in channels now. Null of `broadcast` and `watch`.
    pub queued: Option<u64>,
    /// Messages that receivers were too late for, of all receivers together. Null where it is no `broadcast`.
    pub lagged: Option<u64>,
    /// Channels that are there and have a receiver. Null where they are not looked at one by one: `broadcast`, `oneshot` and `watch`.
    pub channels: Option<u64>,
    /// The messages that they have room for. Null where it is no `mpsc`.
    pub capacity: Option<u64>,
    /// The most messages that one of them had in the last one or two minutes, as far as a receive found them. Null where they are not looked at one by one.
    pub peak: Option<u64>,
    /// How long room was waited for, of those that got it after a wait.
    pub wait: TimesView,
    /// How long messages were in the channel until they were received; not there of `watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<TimesView>,
    /// For how long the oldest of those that wait for room has waited, in seconds, without the time in which the process was stopped and nobody
    /// observed it; null where nobody waits.
    pub longest_wait_seconds: Option<f64>,
    /// For how long one of the channels has had messages and a receiver, and nothing was received from it, in seconds, counted as the longest wait; null where none is so.
    pub stopped_seconds: Option<f64>,
    /// The call that received last from the channel that has stopped or, where none has, from the one with the longest wait: as it was asked for last, once a second at most. Null
    /// where it is not measured, and where nothing was received yet.
    pub receiver: Option<SeriesId>,
    /// Those who wait for room, the longest first; 20 at most.
    pub waiters: Vec<WaiterView>,
    /// The calls that waited for room, those first that waited longest in all; 20 at most. Of a series of channels 32 are told apart.
    pub callers: Vec<CallerView>,
}

/// All channels of a name that the program made by tokio itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExistingView {
    /// The name.
    pub channel: Arc<str>,
    /// The kind: `existing_mpsc` or `existing_broadcast`.
    pub kind: &'static str,
    /// Channels that are there.
    pub channels: u64,
    /// Messages in them, permits that are out among them.
    pub queued: u64,
    /// The messages that they have room for; null where that cannot be known.
    pub capacity: Option<u64>,
}

impl ChannelsView {
    pub(in crate::part) fn empty() -> Self {
        Self { channels: Vec::new(), existing: Vec::new() }
    }

    pub(in crate::part) fn take(monitor: &Monitor, observed_from: u64, stalls: &Mutex<Stalls>) -> Self {
        let look = Look::take(monitor, observed_from, true, stalls);
        let mut channels: Vec<_> = look.channels.iter().map(|all| ChannelView::new(&look.names, all)).collect();
        let worst = |one: &ChannelView| millis(one.longest_wait_seconds).max(millis(one.stopped_seconds));
        channels.sort_by_key(|one| (Reverse(worst(one)), Arc::clone(&one.channel), one.kind));
        Self { channels, existing: look.existing.iter().map(ExistingView::new).collect() }
    }
}

/// Seconds as a number that can be sorted by.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "an age in milliseconds")]
fn millis(seconds: Option<f64>) -> u64 {
    seconds.map_or(0, |seconds| (seconds * 1e3) as u64 + 1)
}

impl ChannelView {
    fn new(names: &Names, all: &Channels) -> Self {
        let Channels { number, kind, series, reading, group } = all;
        let (oldest, stopped) = (all.oldest(), group.stopped);
        let receiver = stopped.map(|(_, by)| by).or(oldest.map(|(_, by)| by)).flatten();
        let waits = group.waiters.iter().map(|(instance, _, waiter)| (*instance, *waiter)).collect();
        Self {
            channel: number.name().text(),
            kind: kind.as_str(),
            attempts: reading.attempts(),
            sent: reading.sent,
            full: reading.full,
            closed: reading.closed,
            timed_out: reading.timed_out,
            cancelled: reading.cancelled,
            unused: reading.unused,
            reserved: reading.reserved,
            waiting: reading.waiting,
            received: reading.received.count(),
            lost: kind.queues().then_some(reading.lost),
            queued: kind.queues().then_some(reading.queued),
            lagged: kind.lags().then_some(reading.lagged),
            channels: kind.is_looked_at().then_some(group.channels),
            capacity: kind.is_bounded().then_some(group.capacity),
            peak: kind.is_looked_at().then_some(group.peak),
            wait: TimesView::new(&reading.waited),
            queue: kind.is_timed().then(|| TimesView::new(&reading.received)),
            longest_wait_seconds: oldest.map(|(waiter, _)| seconds(names.observed_age(waiter.since))),
            stopped_seconds: stopped.map(|(since, _)| seconds(names.observed_age(since))),
            receiver: receiver.and_then(|by| names.series(by)),
            waiters: names.waiters(waits),
            callers: names.callers(series.slow.callers.read()),
        }
    }
}

impl ExistingView {
    fn new(existing: &Existing) -> Self {
        let Existing { name, kind, channels, queued, capacity } = *existing;
        Self { channel: name.text(), kind, channels, queued, capacity }
    }
}
