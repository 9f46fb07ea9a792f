//! Views of channels where not everything is known, or not everything goes as it should.

use super::channel;
use super::channels::{alerts, consume, existing, observe, of, poll};
use super::judging;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::SendWaiterView;
use perf_sync::tokio::{broadcast, mpsc, oneshot, watch, watch_channel};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn messages_of_a_channel_without_a_receiver_are_not_those_of_another() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (late, gone) = mpsc::channel("told-abandoned", 4);
    let permit = late.try_reserve().unwrap();
    drop(gone);
    permit.send(1);
    let (sender, mut receiver) = mpsc::channel("told-abandoned", 4);
    sender.try_send(2).unwrap();
    receiver.try_recv().unwrap();
    observe(&clock, &monitor, 40);
    let view = of(&locks, "told-abandoned");
    assert_eq!((view.queued, view.channels, view.stopped_seconds), (Some(1), Some(1), None));
    assert!(alerts(&monitor.alerts().active(), "channel-stopped", "told-abandoned").is_empty());
    drop(late);
    sender.try_send(3).unwrap();
    observe(&clock, &monitor, 40);
    let view = of(&locks, "told-abandoned");
    assert!(view.stopped_seconds.is_some_and(|seconds| seconds >= 38.0), "{view:?}");
    assert_eq!(alerts(&monitor.alerts().active(), "channel-stopped", "told-abandoned").len(), 1);
}

#[test]
fn those_that_wait_in_a_channel_without_a_receiver_raise_nothing() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, receiver) = mpsc::channel("told-gone", 1);
    sender.try_send(1).unwrap();
    let mut waiting = pin!(sender.send(2));
    assert!(poll(waiting.as_mut()).is_pending());
    observe(&clock, &monitor, 10);
    assert_eq!(of(&locks, "told-gone").longest_wait_seconds, Some(10.0));
    assert_eq!(alerts(&monitor.alerts().active(), "channel-full", "told-gone").len(), 1);
    drop(receiver);
    observe(&clock, &monitor, 1);
    let view = of(&locks, "told-gone");
    assert_eq!((view.waiting, view.waiters.len(), view.longest_wait_seconds), (1, 1, None));
    assert!(!view.waiters[0].has_receiver);
    assert!(alerts(&monitor.alerts().active(), "channel-full", "told-gone").is_empty());
    assert!(poll(waiting.as_mut()).is_ready());
    let view = of(&locks, "told-gone");
    assert_eq!((view.waiting, view.closed, view.lost), (0, 1, Some(1)));
}

#[test]
fn those_that_wait_in_a_channel_that_its_receiver_closed_raise_nothing() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::channel("told-closed", 1);
    sender.try_send(1).unwrap();
    let mut waiting = pin!(sender.send(2));
    assert!(poll(waiting.as_mut()).is_pending());
    receiver.close();
    observe(&clock, &monitor, 10);
    let view = of(&locks, "told-closed");
    assert_eq!((view.waiting, view.channels, view.longest_wait_seconds), (1, Some(1), None));
    assert!(!view.waiters[0].has_receiver);
    assert!(alerts(&monitor.alerts().active(), "channel-full", "told-closed").is_empty());
    assert_eq!((poll(waiting.as_mut()).is_ready(), receiver.try_recv()), (true, Ok(1)));
}

#[test]
fn each_that_waits_is_told_the_receiver_of_its_own_channel() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (first, mut of_first) = mpsc::channel("told-rows", 1);
    first.try_send(1).unwrap();
    assert!(poll(pin!(consume(&mut of_first))).is_ready());
    observe(&clock, &monitor, 1);
    first.try_send(2).unwrap();
    observe(&clock, &monitor, 1);
    let (second, _of_second) = mpsc::channel("told-rows", 1);
    second.try_send(3).unwrap();
    let (mut one, mut other) = (pin!(second.send(4)), pin!(first.send(5)));
    assert!(poll(one.as_mut()).is_pending());
    observe(&clock, &monitor, 1);
    assert!(poll(other.as_mut()).is_pending());
    observe(&clock, &monitor, 1);
    let view = of(&locks, "told-rows");
    let row = |waiter: &SendWaiterView| {
        assert!(waiter.has_receiver);
        (waiter.waited_seconds, waiter.receiver.as_ref().map(ToString::to_string), waiter.has_received)
    };
    let consumer = Some("operation{operation=channels_consumer}".to_owned());
    let rows: Vec<_> = view.waiters.iter().map(row).collect();
    assert_eq!(rows, [(2.0, None, false), (1.0, consumer.clone(), true)]);
    assert_eq!((view.receiver, view.longest_wait_seconds), (None, Some(2.0)));
    let stopped = view.stopped_receiver.as_ref().map(ToString::to_string);
    assert_eq!((stopped, view.stopped_has_received), (consumer, Some(true)), "it stopped first");
    assert_eq!(of_first.try_recv(), Ok(2));
    assert!(poll(other.as_mut()).is_ready());
    assert_eq!(of_first.try_recv(), Ok(5));
    observe(&clock, &monitor, 1);
    let view = of(&locks, "told-rows");
    assert_eq!((view.stopped_receiver, view.stopped_has_received), (None, Some(false)));
}

#[test]
fn a_peak_is_absent_where_nothing_was_found_and_never_more_than_there_was() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let pairs = [mpsc::unbounded_channel("told-peak"), mpsc::unbounded_channel("told-peak")];
    let [(sender, mut receiver), (other, _others)] = pairs;
    for value in 0..500 {
        sender.send(value).unwrap();
        other.send(value).unwrap();
    }
    let peak = || of(&locks, "told-peak").peak;
    let shown = || {
        let text = monitor.render_prometheus();
        let line = text.lines().find(|line| line.starts_with(r#"channel_queued_peak{channel="told-peak""#));
        line.map(|line| line.rsplit(' ').next().unwrap().to_owned())
    };
    observe(&clock, &monitor, 1);
    assert_eq!((peak(), shown()), (None, None));
    receiver.try_recv().unwrap();
    observe(&clock, &monitor, 1);
    assert_eq!((peak(), shown().as_deref()), (Some(499), Some("499")));
    observe(&clock, &monitor, 240);
    assert_eq!(peak(), Some(499), "they are still there");
    while receiver.try_recv().is_ok() {}
    observe(&clock, &monitor, 240);
    assert_eq!((peak(), shown()), (None, None));
    // The only one of its name has what the counts say.
    let (_sender, _receiver) = mpsc::unbounded_channel::<u8>("told-empty");
    let view = of(&locks, "told-empty");
    assert_eq!((view.peak, view.channels, view.attempts), (Some(0), Some(1), 0), "it is there before it is sent to");
}

/// A waker that panics.
struct Panics;

impl Wake for Panics {
    fn wake(self: Arc<Self>) {
        panic!("woken");
    }
}

/// Sends while somebody waits whose waker panics.
fn send_while_waits(waiting: impl Future, send: impl FnOnce()) {
    let mut waiting = pin!(waiting);
    let waker = Waker::from(Arc::new(Panics));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    assert!(catch_unwind(AssertUnwindSafe(send)).is_err());
}

#[test]
fn a_send_that_panics_because_of_a_waker_is_counted() {
    let sums = |kind| {
        let view = channel("told-waker", kind);
        (view.sent, view.received, view.queued)
    };
    let (sender, mut receiver) = mpsc::unbounded_channel("told-waker");
    send_while_waits(receiver.recv(), || sender.send(1).unwrap());
    assert_eq!(sums("unbounded"), (1, 0, Some(1)));
    assert_eq!((receiver.try_recv(), sums("unbounded")), (Ok(1), (1, 1, Some(0))));
    let (sender, mut receiver) = oneshot::channel("told-waker");
    send_while_waits(&mut receiver, || sender.send(1).unwrap());
    assert_eq!(sums("oneshot"), (1, 0, Some(1)));
    let (sender, mut receiver) = broadcast::channel("told-waker", 4);
    send_while_waits(receiver.recv(), || _ = sender.send(1));
    assert_eq!((receiver.try_recv(), sums("broadcast")), (Ok(1), (1, 1, None)));
    let sender = watch::Sender::new("told-waker", 0);
    let sends: [fn(&watch::Sender<u8>); 4] = [
        |sender| sender.send(1).unwrap(),
        |sender| sender.send_modify(|value| *value = 2),
        |sender| assert!(sender.send_if_modified(|_| true)),
        |sender| assert_eq!(sender.send_replace(3), 2),
    ];
    for send in sends {
        let mut receiver = sender.subscribe();
        send_while_waits(receiver.changed(), || send(&sender));
    }
    assert_eq!(sums("watch"), (4, 0, None));
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send_modify(|_| panic!("changes nothing")))).is_err());
    assert!(catch_unwind(AssertUnwindSafe(|| sender.send_if_modified(|_| panic!("changes nothing")))).is_err());
    assert_eq!(sums("watch"), (4, 0, None));
}

#[test]
fn a_blocking_send_leaves_its_thread_the_token_to_be_unparked() {
    let (sender, mut receiver) = mpsc::channel("told-token", 1);
    sender.try_send(1).unwrap();
    let (tell, told) = std::sync::mpsc::channel();
    let thread = thread::spawn(move || {
        thread::current().unpark();
        sender.blocking_send(2).unwrap();
        thread::park();
        tell.send(()).unwrap();
    });
    while channel("told-token", "mpsc").waiting == 0 {
        thread::yield_now();
    }
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(told.recv_timeout(Duration::from_secs(60)).is_ok(), "its token is gone");
    thread.join().unwrap();
}

#[test]
fn more_permits_than_there_is_room_for_are_refused_and_the_channel_is_open() {
    let (sender, mut receiver) = mpsc::channel::<u8>("told-many", 2);
    assert!(poll(pin!(sender.reserve_many(3))).map(|permits| permits.is_err()).is_ready());
    let view = channel("told-many", "mpsc");
    assert_eq!((view.full, view.closed, view.attempts), (1, 0, 1));
    receiver.close();
    assert!(poll(pin!(sender.reserve_many(3))).map(|permits| permits.is_err()).is_ready());
    let view = channel("told-many", "mpsc");
    assert_eq!((view.full, view.closed, view.attempts), (1, 1, 2));
}

/// Waits until it is so.
fn soon(is_so: impl Fn() -> bool) {
    let end = Instant::now() + Duration::from_secs(60);
    while !is_so() {
        assert!(Instant::now() < end, "it never is so");
        thread::yield_now();
    }
}

#[test]
fn a_channel_that_tokio_made_is_looked_at_once() {
    let (_monitor, locks) = judging(|builder| builder);
    let (sender, _receiver) = tokio::sync::mpsc::channel(4);
    let (prices, _price) = tokio::sync::broadcast::channel::<u8>(4);
    sender.try_send(1).unwrap();
    for _ in 0..2 {
        assert!(watch_channel("told-twice", &sender.clone()) && watch_channel("told-twice", &prices));
    }
    let seen = |name| {
        let all = existing(&locks, name).into_iter();
        all.map(|view| (view.kind, view.channels, view.queued)).collect::<Vec<_>>()
    };
    assert_eq!(seen("told-twice"), [("existing_broadcast", 1, 0), ("existing_mpsc", 1, 1)]);
    assert!(watch_channel("told-renamed", &sender));
    assert_eq!(seen("told-twice"), [("existing_broadcast", 1, 0)]);
    assert_eq!(seen("told-renamed"), [("existing_mpsc", 1, 1)]);
    // Another test may look in this moment: then there is a sender more.
    soon(|| (sender.strong_count(), sender.weak_count()) == (1, 1));
}

#[test]
fn a_channel_that_is_gone_is_forgotten_though_nobody_looks() {
    let value = Arc::new(());
    let (sender, receiver) = tokio::sync::mpsc::channel(4);
    assert!(watch_channel("told-dead", &sender));
    let permit = sender.try_reserve().unwrap();
    drop(receiver);
    permit.send(Arc::clone(&value));
    drop(sender);
    let (other, _others) = tokio::sync::mpsc::channel::<u8>(4);
    // Another test may look in this moment: then there is a sender, and the channel is forgotten by the next one who asks.
    soon(|| watch_channel("told-dead", &other) && Arc::strong_count(&value) == 1);
}
