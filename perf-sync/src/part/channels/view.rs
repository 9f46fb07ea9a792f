//! Everything that is known of channels, for JSON.

use super::look::{Channels, Look};
use crate::channel::existing::Existing;
use crate::channel::group::Sender;
use crate::channel::instance::Stalls;
use crate::part::names::Names;
use crate::part::times::{CallerView, TimesView, WaiterView, seconds, whole_millis};
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
    /// The kind: `mpsc`, `unbounded`, `broadcast`, `oneshot`, `watch`, `mpmc` or `unbounded_mpmc`.
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
    /// The messages that they have room for. Null where it is neither `mpsc` nor `mpmc`.
    pub capacity: Option<u64>,
    /// The most messages that one of them had in the last one or two minutes, as far as a receive found them. Null where none did, and where they are not looked at one by
    /// one.
    pub peak: Option<u64>,
    /// How long room was waited for, of those that got it after a wait.
    pub wait: TimesView,
    /// How long messages were in the channel until they were received; not there of `watch`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub queue: Option<TimesView>,
    /// For how long the oldest of those that wait for room in a channel which has a receiver has waited, in seconds, without the time in which the process was stopped and nobody
    /// observed it; null where nobody waits.
    pub longest_wait_seconds: Option<f64>,
    /// For how long one of the channels has had messages and a receiver, and nothing was received from it, in seconds, counted as the longest wait; null where none is so.
    pub stopped_seconds: Option<f64>,
    /// The call that received last from the channel that has stopped, as it was asked for last, once a second at most. Null where none has stopped, where it is not measured, and
    /// where nothing was received yet.
    pub stopped_receiver: Option<SeriesId>,
    /// Whether anything was received yet from the channel that has stopped; null where none has.
    pub stopped_has_received: Option<bool>,
    /// The call that received last from the channel with the longest wait, as that of one that has stopped.
    pub receiver: Option<SeriesId>,
    /// Those who wait for room, the longest first; 20 at most.
    pub waiters: Vec<SendWaiterView>,
    /// The calls that waited for room, those first that waited longest in all; 20 at most. Of a series of channels 32 are told apart.
    pub callers: Vec<CallerView>,
}

/// One that waits for room in a channel.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SendWaiterView {
    /// The number of the channel, among all that were made.
    pub instance: u64,
    /// The series whose call waits; null where none ran.
    pub series: Option<SeriesId>,
    /// The task or the thread.
    pub by: String,
    /// For how long.
    pub waited_seconds: f64,
    /// The call that received last from that channel, as it was asked for last, once a second at most. Null where it is not measured, and where nothing was received yet.
    pub receiver: Option<SeriesId>,
    /// Whether anything was received yet from that channel.
    pub has_received: bool,
    /// Whether the channel has its receiver and is open. Otherwise the attempt ends as closed as soon as it is polled: it is not counted as the longest wait.
    pub has_receiver: bool,
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
        let worst = |one: &ChannelView| whole_millis(one.longest_wait_seconds).max(whole_millis(one.stopped_seconds));
        channels.sort_by_key(|one| (Reverse(worst(one)), Arc::clone(&one.channel), one.kind));
        Self { channels, existing: look.existing.iter().map(ExistingView::new).collect() }
    }
}

/// Those that wait, the longest first.
fn waiters(names: &Names, all: &[Sender]) -> Vec<SendWaiterView> {
    let mut all = all.to_vec();
    // In the order in which they are named, which keeps that of those that began at the same time.
    all.sort_by_key(|sender| sender.waiter.since);
    let rows = names.waiters(all.iter().map(|sender| (sender.instance, &sender.waiter)).collect());
    let view = |(waiter, sender): (WaiterView, &Sender)| {
        let WaiterView { instance, series, by, waited_seconds } = waiter;
        SendWaiterView {
            instance,
            series,
            by,
            waited_seconds,
            receiver: sender.by.and_then(|by| names.series(by)),
            has_received: sender.by.is_some(),
            has_receiver: sender.has_receiver,
        }
    };
    rows.into_iter().zip(&all).map(view).collect()
}

impl ChannelView {
    fn new(names: &Names, all: &Channels) -> Self {
        let Channels { number, kind, series, reading, group } = all;
        let (oldest, stopped) = (all.oldest(), group.stopped);
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
            peak: kind.is_looked_at().then_some(group.peak).flatten(),
            wait: TimesView::new(&reading.waited),
            queue: kind.is_timed().then(|| TimesView::new(&reading.received)),
            longest_wait_seconds: oldest.map(|sender| seconds(names.observed_age(sender.waiter.since))),
            stopped_seconds: stopped.map(|(since, _)| seconds(names.observed_age(since))),
            stopped_receiver: stopped.and_then(|(_, by)| names.series(by?)),
            stopped_has_received: stopped.map(|(_, by)| by.is_some()),
            receiver: oldest.and_then(|sender| names.series(sender.by?)),
            waiters: waiters(names, &group.waiters),
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
