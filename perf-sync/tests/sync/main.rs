//! Locks and channels that are watched: their counts, what is seen of them while they are held, and that they are otherwise what the originals are.

use perf_runtime::{Monitor, MonitorBuilder};
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume", feature = "tokio"))]
use perf_sync::ChannelView;
use perf_sync::{LockView, Locks, Settings};
use std::sync::OnceLock;

#[cfg(feature = "async-channel")]
mod async_channels;
#[cfg(feature = "tokio")]
mod broadcasts;
#[cfg(feature = "tokio")]
mod channels;
#[cfg(feature = "crossbeam-channel")]
mod crossbeams;
#[cfg(feature = "tokio")]
mod cycles;
#[cfg(feature = "flume")]
mod early;
#[cfg(feature = "flume")]
mod flumes;
#[cfg(feature = "tokio")]
mod joined;
#[cfg(feature = "tokio")]
mod judged;
mod laws;
#[cfg(feature = "tokio")]
mod messages;
#[cfg(feature = "tokio")]
mod methods;
#[cfg(feature = "tokio")]
mod originals;
#[cfg(feature = "parking_lot")]
mod parked;
#[cfg(feature = "tokio")]
mod refused;
#[cfg(feature = "tokio")]
mod scripts;
mod shape;
#[cfg(feature = "tokio")]
mod shown;
mod standard;
#[cfg(feature = "tokio")]
mod tasks;
#[cfg(feature = "tokio")]
mod told;

/// Locks are the process's, and so is whether somebody asks what waits: tests of cycles run one after the other.
#[cfg(any(feature = "flume", feature = "tokio"))]
static ONE_BY_ONE: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());

/// A monitor that shows locks.
fn monitor() -> (Monitor, Locks) {
    let monitor = Locks::set_up(Monitor::builder()).build().unwrap();
    let locks = Locks::with_settings(&monitor, &Settings::default());
    (monitor, locks)
}

/// A monitor whose ticks the test gives.
#[cfg(any(feature = "flume", feature = "tokio"))]
fn judging(change: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> (Monitor, Locks) {
    let monitor = change(Locks::set_up(Monitor::builder())).build().unwrap();
    let locks = Locks::with_settings(&monitor, &Settings::default());
    (monitor, locks)
}

/// A part that shows locks and channels, for as long as the tests run.
fn shown() -> &'static Locks {
    static SHOWN: OnceLock<(Monitor, Locks)> = OnceLock::new();
    let (_, locks) = SHOWN.get_or_init(monitor);
    locks
}

/// Takes what is left of the budget of the task.
#[cfg(feature = "tokio")]
async fn spend_the_budget() {
    while tokio::task::coop::has_budget_remaining() {
        tokio::task::coop::consume_budget().await;
    }
}

/// Channels of a name, of a kind, as they are now, which keep the laws.
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume", feature = "tokio"))]
fn channel(name: &str, kind: &str) -> ChannelView {
    let view = shown().view().channels();
    let found = view.channels.into_iter().find(|view| &*view.channel == name && view.kind == kind);
    let view = found.unwrap_or_else(|| panic!("no channel {name} of kind {kind} was used"));
    channel_keeps_the_laws(&view);
    view
}

/// Checks the laws of channels.
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume", feature = "tokio"))]
fn channel_keeps_the_laws(view: &ChannelView) {
    let refused = view.full + view.closed + view.timed_out;
    let attempts = view.sent + refused + view.cancelled + view.unused + view.reserved + view.waiting;
    assert_eq!(view.attempts, attempts, "{view:?}");
    if let (Some(queued), Some(lost)) = (view.queued, view.lost) {
        assert_eq!(view.sent, view.received + queued + lost, "{view:?}");
    }
    if let Some(queue) = &view.queue {
        assert_eq!(queue.count, view.received, "{view:?}");
    }
}

/// Locks of a name, in a mode, as they are now.
fn seen(lock: &str, mode: &str) -> LockView {
    let view = shown().view().view();
    let found = view.locks.into_iter().find(|view| &*view.lock == lock && view.mode == mode);
    found.unwrap_or_else(|| panic!("no lock {lock} was taken to {mode}"))
}

/// Checks the two laws.
fn keeps_the_laws(view: &LockView, made: u64, merged: u64) {
    let acquired = view.at_once + view.waited + view.resumed;
    assert_eq!(view.attempts, acquired + view.refused + view.cancelled + view.waiting, "{view:?}");
    if let (Some(hold), Some(holding)) = (&view.hold, view.holding) {
        assert_eq!((view.made, view.merged), (made, merged), "{view:?}");
        assert_eq!(acquired + made, hold.count + holding + view.forgotten + merged, "{view:?}");
    }
    assert_eq!(view.wait.count, view.waited);
}
