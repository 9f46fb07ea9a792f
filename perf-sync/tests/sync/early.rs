//! Channels of flume's whose messages are taken before their senders hear of it: they are not told as stopped, and nothing of them is counted twice.

use super::judging;
use perf_runtime::Monitor;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::flume::{self, Receiver, Sender};
use perf_sync::{ChannelView, Locks};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn of(locks: &Locks, name: &str) -> ChannelView {
    let channels = locks.view().channels().channels;
    channels.into_iter().find(|view| &*view.channel == name).unwrap()
}

/// Lets more than the time of the rule go by, in which the channel is not told as stopped.
fn is_not_stopped(clock: &ManualClock, monitor: &Monitor, locks: &Locks, name: &str) {
    for _ in 0..40 {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
        let view = of(locks, name);
        assert_eq!((view.queued, view.stopped_seconds), (Some(0), None));
    }
    let active = monitor.alerts().active();
    let is_it = |label: &String| label == name;
    let mut labels = active.iter().filter(|alert| alert.rule == "channel-stopped").map(|alert| &alert.labels);
    assert!(!labels.any(|labels| labels.get("channel").is_some_and(is_it)), "{active:?}");
}

/// A channel that is the only one of its name, and one that is not: of that the counts alone do not say that it is empty.
fn each(
    names: [&'static str; 2],
    check: impl Fn(&ManualClock, &Monitor, &Locks, &'static str, &Sender<u8>, &Receiver<u8>),
) {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let [alone, beside] = names;
    clock.advance(Duration::from_secs(1));
    let (sender, receiver) = flume::bounded(alone, 1);
    check(&clock, &monitor, &locks, alone, &sender, &receiver);
    let ((sender, receiver), _other) = (flume::bounded(beside, 1), flume::bounded::<u8>(beside, 1));
    check(&clock, &monitor, &locks, beside, &sender, &receiver);
}

#[test]
fn an_empty_channel_whose_sender_hears_late_is_not_stopped() {
    each(["early-ready", "early-ready-2"], |clock, monitor, locks, name, sender, receiver| {
        sender.send(1).unwrap();
        let mut waiting = Box::pin(sender.send_async(2));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        clock.advance(Duration::from_millis(300));
        assert!(poll(waiting.as_mut()).is_ready());
        is_not_stopped(clock, monitor, locks, name);
    });
    each(["early-dropped", "early-dropped-2"], |clock, monitor, locks, name, sender, receiver| {
        sender.send(1).unwrap();
        let mut waiting = Box::pin(sender.send_async(2));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        clock.advance(Duration::from_millis(300));
        drop(waiting);
        is_not_stopped(clock, monitor, locks, name);
    });
}

#[test]
fn a_channel_that_was_drained_is_not_stopped() {
    each(["early-drained", "early-drained-2"], |clock, monitor, locks, name, sender, receiver| {
        sender.send(1).unwrap();
        clock.advance(Duration::from_millis(300));
        drop(receiver.drain());
        is_not_stopped(clock, monitor, locks, name);
    });
    // The sender hears of it while what was drained is held.
    each(["early-held", "early-held-2"], |clock, monitor, locks, name, sender, receiver| {
        sender.send(1).unwrap();
        let mut waiting = Box::pin(sender.send_async(2));
        assert!(poll(waiting.as_mut()).is_pending());
        assert_eq!(receiver.try_recv(), Ok(1));
        let drained = receiver.drain();
        clock.advance(Duration::from_millis(300));
        assert!(poll(waiting.as_mut()).is_ready());
        clock.advance(Duration::from_millis(300));
        assert_eq!(drained.len(), 1);
        drop(drained);
        is_not_stopped(clock, monitor, locks, name);
    });
}

#[test]
fn a_message_that_was_received_is_no_longer_waited_with() {
    each(["early-waits", "early-waits-2"], |clock, monitor, locks, name, sender, receiver| {
        sender.send(1).unwrap();
        let mut waiting = Box::pin(sender.send_async(2));
        assert!(poll(waiting.as_mut()).is_pending());
        clock.advance(Duration::from_secs(3));
        assert_eq!(of(locks, name).longest_wait_seconds, Some(3.0));
        assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
        // Its future is not polled.
        is_not_stopped(clock, monitor, locks, name);
        let view = of(locks, name);
        assert_eq!((view.attempts, view.waiting, view.longest_wait_seconds), (2, 0, None));
        assert_eq!((view.wait.count, view.wait.sum_seconds), (1, 3.0));
        drop(waiting);
        assert_eq!(of(locks, name).attempts, 2);
    });
}
