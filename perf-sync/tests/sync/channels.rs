//! Channels as they are shown and judged.

use super::{channel, judging};
use perf_runtime::alert::Alert;
use perf_runtime::series::{Wait, WaitedOn};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, monitor};
use perf_sync::tokio::{mpsc, oneshot, watch_channel};
use perf_sync::{ChannelView, ExistingView, Locks};
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

pub(super) fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Lets seconds go by, each of which is observed.
pub(super) fn observe(clock: &ManualClock, monitor: &Monitor, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
}

pub(super) fn of(locks: &Locks, name: &str) -> ChannelView {
    let channels = locks.view().channels().channels;
    channels.into_iter().find(|view| &*view.channel == name).expect("the channel was used")
}

pub(super) fn alerts<'a>(alerts: &'a [Alert], rule: &str, name: &str) -> Vec<&'a Alert> {
    let is_it = |alert: &&Alert| alert.rule == rule && alert.labels.get("channel").is_some_and(|of| of == name);
    alerts.iter().filter(is_it).collect()
}

#[monitor("channels_producer")]
async fn produce(sender: &mpsc::Sender<u8>) {
    sender.send(1).await.unwrap();
}

#[monitor("channels_consumer")]
pub(super) async fn consume(receiver: &mut mpsc::Receiver<u8>) {
    receiver.recv().await.unwrap();
}

#[test]
fn a_full_channel_with_a_stopped_receiver_is_named_with_its_calls_and_raises_an_alert() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::channel("channels-full", 2);
    clock.advance(Duration::from_millis(1));
    for _ in 0..3 {
        assert!(poll(pin!(produce(&sender))).is_ready());
        clock.advance(Duration::from_millis(3));
        if receiver.len() == 2 {
            assert!(poll(pin!(consume(&mut receiver))).is_ready());
        }
    }
    assert!(poll(pin!(produce(&sender))).is_ready());
    let mut waiting = Box::pin(produce(&sender));
    assert!(poll(waiting.as_mut()).is_pending());
    observe(&clock, &monitor, 4);
    assert!(alerts(&monitor.alerts().active(), "channel-full", "channels-full").is_empty());
    observe(&clock, &monitor, 2);
    let view = of(&locks, "channels-full");
    assert_eq!((view.sent, view.received, view.queued, view.waiting), (4, 2, Some(2), 1));
    assert_eq!((view.capacity, view.peak, view.channels), (Some(2), Some(2), Some(1)));
    assert_eq!((view.longest_wait_seconds, view.stopped_seconds), (Some(6.0), Some(6.0)));
    let producer = "operation{operation=channels_producer}";
    assert_eq!(view.waiters[0].series.as_ref().unwrap().to_string(), producer);
    let consumer = "operation{operation=channels_consumer}";
    assert_eq!(view.receiver.as_ref().unwrap().to_string(), consumer);
    assert_eq!(alerts(&monitor.alerts().active(), "channel-full", "channels-full").len(), 1);
    assert!(alerts(&monitor.alerts().active(), "channel-stopped", "channels-full").is_empty());
    let health = monitor.health();
    let indicator = health.indicators().iter().find(|indicator| indicator.name() == "channels").expect("an indicator");
    assert!(format!("{indicator:?}").contains("Yellow"), "{indicator:?}");
    let text = monitor.render_prometheus();
    let channel = r#"channel="channels-full",kind="mpsc""#;
    for line in [
        format!(r#"channel_sends_total{{{channel},outcome="sent"}} 4"#),
        format!(r#"channel_sends_total{{{channel},outcome="full"}} 0"#),
        format!("channel_received_total{{{channel}}} 2"),
        format!("channel_lost_total{{{channel}}} 0"),
        format!("channel_queued{{{channel}}} 2"),
        format!("channel_queued_peak{{{channel}}} 2"),
        format!("channel_capacity{{{channel}}} 2"),
        format!("channel_instances{{{channel}}} 1"),
        format!("channel_permits_in_use{{{channel}}} 0"),
        format!("channel_send_waiters{{{channel}}} 1"),
        format!("channel_longest_send_wait_seconds{{{channel}}} 6"),
        format!(r#"channel_send_waited_for_seconds{{{channel},receiver="{consumer}"}} 6"#),
        format!("channel_stopped_seconds{{{channel}}} 6"),
        format!("channel_queue_seconds_count{{{channel}}} 2"),
        format!("channel_queue_seconds_sum{{{channel}}} 0.012"),
        format!("channel_send_wait_seconds_count{{{channel}}} 0"),
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
    }
    observe(&clock, &monitor, 25);
    assert_eq!(alerts(&monitor.alerts().active(), "channel-stopped", "channels-full").len(), 1);
    assert!(poll(pin!(consume(&mut receiver))).is_ready());
    assert!(poll(waiting.as_mut()).is_ready());
    while receiver.try_recv().is_ok() {}
    observe(&clock, &monitor, 1);
    let active = monitor.alerts().active();
    let both = ["channel-full", "channel-stopped"].map(|rule| alerts(&active, rule, "channels-full").len());
    assert_eq!(both, [0, 0], "{active:?}");
    let view = of(&locks, "channels-full");
    assert_eq!((view.wait.count, view.wait.sum_seconds, view.stopped_seconds), (1, 31.0, None));
    let callers: Vec<_> = view.callers.iter().map(|caller| (caller.waits, caller.waited_seconds)).collect();
    assert_eq!((callers, view.callers[0].series.as_ref().unwrap().to_string()), (vec![(1, 31.0)], producer.to_owned()));
    let waits: Vec<_> = monitor.waits().into_iter().filter(|wait| wait.name == "channels-full").collect();
    assert_eq!(waits, [Wait::new(producer.parse().unwrap(), WaitedOn::Channel, "channels-full", 1, 31.0)]);
    assert!(monitor.render_prometheus().contains(&format!("channel_send_wait_seconds_sum{{{channel}}} 31")));
}

#[test]
fn a_slow_receiver_is_not_stopped_and_neither_is_one_that_has_nothing_to_do() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::unbounded_channel("channels-slow");
    let (idle, mut idles) = mpsc::unbounded_channel("channels-idle");
    idle.send(1).unwrap();
    idles.try_recv().unwrap();
    (0..20).for_each(|value| sender.send(value).unwrap());
    for _ in 0..12 {
        observe(&clock, &monitor, 10);
        let stopped = of(&locks, "channels-slow").stopped_seconds.unwrap();
        assert!((9.0..=10.0).contains(&stopped), "since it was first seen, or since the last receive: {stopped}");
        assert_eq!(of(&locks, "channels-idle").stopped_seconds, None);
        receiver.try_recv().unwrap();
        assert!(alerts(&monitor.alerts().active(), "channel-stopped", "channels-slow").is_empty());
    }
    // Idle for two minutes, and then a message that is taken two seconds later.
    idle.send(2).unwrap();
    observe(&clock, &monitor, 2);
    assert!(of(&locks, "channels-idle").stopped_seconds.is_some_and(|seconds| seconds <= 2.0));
    idles.try_recv().unwrap();
    observe(&clock, &monitor, 1);
    assert_eq!(of(&locks, "channels-idle").stopped_seconds, None);
    drop(receiver);
    observe(&clock, &monitor, 40);
    assert_eq!(of(&locks, "channels-slow").stopped_seconds, None, "there is no receiver");
}

#[test]
fn one_of_many_that_has_stopped_is_found_among_those_that_go_on() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    clock.advance(Duration::from_secs(1));
    let mut pairs: Vec<_> = (0..5).map(|_| mpsc::channel("channels-many", 100)).collect();
    let work = |pairs: &mut Vec<(mpsc::Sender<u8>, mpsc::Receiver<u8>)>| {
        for (index, (sender, receiver)) in pairs.iter_mut().enumerate() {
            sender.try_send(1).unwrap();
            if index != 3 {
                receiver.try_recv().unwrap();
            }
        }
    };
    for _ in 0..32 {
        work(&mut pairs);
        observe(&clock, &monitor, 1);
    }
    let view = of(&locks, "channels-many");
    assert_eq!((view.channels, view.queued, view.capacity), (Some(5), Some(32), Some(500)));
    assert!(view.stopped_seconds.is_some_and(|seconds| seconds >= 30.0), "{view:?}");
    assert_eq!(alerts(&monitor.alerts().active(), "channel-stopped", "channels-many").len(), 1);
    let (_, stuck) = &mut pairs[3];
    while stuck.try_recv().is_ok() {}
    observe(&clock, &monitor, 1);
    assert_eq!(of(&locks, "channels-many").stopped_seconds, None);
    assert!(alerts(&monitor.alerts().active(), "channel-stopped", "channels-many").is_empty());
}

#[test]
fn time_in_which_the_process_was_stopped_is_not_waited_for_room() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, _receiver) = mpsc::channel("channels-asleep", 1);
    sender.try_send(1).unwrap();
    observe(&clock, &monitor, 2);
    let mut waiting = pin!(sender.send(2));
    assert!(poll(waiting.as_mut()).is_pending());
    observe(&clock, &monitor, 2);
    clock.advance(Duration::from_secs(600));
    monitor.tick();
    observe(&clock, &monitor, 4);
    let view = of(&locks, "channels-asleep");
    assert_eq!((view.longest_wait_seconds, view.stopped_seconds), (Some(4.0), Some(4.0)));
    assert!(alerts(&monitor.alerts().active(), "channel-full", "channels-asleep").is_empty());
    observe(&clock, &monitor, 2);
    assert_eq!(alerts(&monitor.alerts().active(), "channel-full", "channels-asleep").len(), 1);
    let nobody = r#"channel_send_waited_for_seconds{channel="channels-asleep",kind="mpsc",receiver="nobody yet"} 6"#;
    assert!(monitor.render_prometheus().contains(nobody));
}

#[test]
fn outcomes_of_a_channel_with_room_for_one() {
    let (sender, mut receiver) = mpsc::channel("channels-one", 1);
    drop(sender.send(0));
    sender.try_send(1).unwrap();
    assert!(sender.try_send(2).is_err());
    {
        let mut given_up = pin!(sender.send(3));
        assert!(poll(given_up.as_mut()).is_pending());
        assert_eq!(channel("channels-one", "mpsc").waiting, 1);
    }
    let mut waiting = pin!(sender.send(4));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(sender.try_send(5).is_err(), "the room is for the one that waits");
    assert!(poll(waiting.as_mut()).is_ready());
    let mut refused = pin!(sender.send(6));
    assert!(poll(refused.as_mut()).is_pending());
    let view = channel("channels-one", "mpsc");
    assert_eq!((view.attempts, view.sent, view.full, view.cancelled, view.waiting), (6, 2, 2, 1, 1));
    receiver.close();
    assert!(matches!(poll(refused.as_mut()), Poll::Ready(Err(_))));
    assert_eq!(receiver.try_recv(), Ok(4));
    let view = channel("channels-one", "mpsc");
    assert_eq!((view.closed, view.waiting, view.wait.count, view.callers[0].waits), (1, 0, 1, 3));
}

#[tokio::test]
async fn a_send_whose_time_is_over_is_refused_and_not_cancelled() {
    let (sender, _receiver) = mpsc::channel("channels-late", 1);
    sender.try_send(1).unwrap();
    assert!(sender.send_timeout(2, Duration::from_millis(1)).await.is_err());
    assert!(sender.send_timeout(3, Duration::ZERO).await.is_err());
    let gone = tokio::time::timeout(Duration::from_millis(1), sender.send_timeout(4, Duration::from_secs(60))).await;
    assert!(gone.is_err());
    let view = channel("channels-late", "mpsc");
    assert_eq!((view.timed_out, view.cancelled, view.waiting, view.attempts), (2, 1, 0, 4));
}

#[tokio::test]
async fn a_thread_that_waits_for_room_goes_on_when_there_is_some() {
    let (sender, mut receiver) = mpsc::channel("channels-blocking", 1);
    sender.try_send(1).unwrap();
    let theirs = sender.clone();
    let thread = std::thread::spawn(move || theirs.blocking_send(2));
    while channel("channels-blocking", "mpsc").waiting == 0 {
        tokio::task::yield_now().await;
    }
    assert!(channel("channels-blocking", "mpsc").waiters[0].by.starts_with("thread"));
    assert_eq!((receiver.recv().await, receiver.recv().await), (Some(1), Some(2)));
    assert!(thread.join().unwrap().is_ok());
    let view = channel("channels-blocking", "mpsc");
    assert_eq!((view.sent, view.wait.count, view.waiting), (2, 1, 0));
}

pub(super) fn existing(locks: &Locks, name: &str) -> Vec<ExistingView> {
    let mut all = locks.view().channels().existing;
    all.retain(|view| &*view.channel == name);
    all
}

#[test]
fn channels_that_tokio_made_are_looked_at_and_not_kept_open() {
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = tokio::sync::mpsc::channel(5);
    let (other, _others) = tokio::sync::mpsc::channel(3);
    let (prices, mut price) = tokio::sync::broadcast::channel(4);
    assert!(watch_channel("channels-existing", &sender) && watch_channel("channels-existing", &other));
    assert!(watch_channel("channels-existing", &prices));
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    other.try_send(3).unwrap();
    prices.send(4).unwrap();
    let seen = |kind| {
        let view = existing(&locks, "channels-existing").into_iter().find(|view| view.kind == kind);
        view.map(|view| (view.channels, view.queued, view.capacity))
    };
    assert_eq!(seen("existing_mpsc"), Some((2, 3, Some(8))));
    assert_eq!(seen("existing_broadcast"), Some((1, 1, None)));
    monitor.tick();
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"channel_queued{channel="channels-existing",kind="existing_mpsc"} 3"#), "{text}");
    assert_eq!((sender.strong_count(), price.try_recv()), (1, Ok(4)));
    drop((sender, prices));
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
    assert_eq!(receiver.try_recv(), Err(tokio::sync::mpsc::error::TryRecvError::Disconnected));
    assert_eq!((seen("existing_mpsc"), seen("existing_broadcast")), (Some((1, 1, Some(3))), None));
}

#[test]
fn a_part_that_is_off_lists_no_channels() {
    let (sender, _receiver) = oneshot::channel("channels-off");
    sender.send(1).unwrap();
    let monitor = Locks::set_up(Monitor::builder()).build().unwrap();
    let mut settings = perf_sync::Settings::default();
    settings.enabled = false;
    let view = Locks::with_settings(&monitor, &settings).view().channels();
    assert!(view.channels.is_empty() && view.existing.is_empty());
    assert_eq!(channel("channels-off", "oneshot").queued, Some(1));
}

#[test]
fn a_healthy_storm_of_messages_of_more_than_a_minute_raises_nothing() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::channel("channels-stormy", 4);
    for second in 1..=70_u64 {
        let mut storm: Vec<_> = (0..12_u8).map(|value| Box::pin(sender.send(value))).collect();
        storm.retain_mut(|sending| poll(sending.as_mut()).is_pending());
        clock.advance(Duration::from_millis(900));
        monitor.tick();
        let view = of(&locks, "channels-stormy");
        assert_eq!(
            (storm.len(), view.waiting, view.queued),
            (8, 8, Some(4)),
            "it is full, and senders wait, at the tick"
        );
        let active = monitor.alerts().active();
        let both = ["channel-full", "channel-stopped"].map(|rule| alerts(&active, rule, "channels-stormy").len());
        assert_eq!(both, [0, 0], "after {second} s");
        // Those of one second are received in it.
        let mut taken = 0;
        while taken < 12 {
            taken += std::iter::from_fn(|| receiver.try_recv().ok()).count();
            storm.retain_mut(|sending| poll(sending.as_mut()).is_pending());
        }
        clock.advance(Duration::from_millis(100));
        assert_eq!((taken, of(&locks, "channels-stormy").received), (12, 12 * second));
    }
}

#[test]
fn a_storm_of_threads_is_counted_to_the_last_message() {
    let (monitor, locks) = judging(|builder| builder);
    let (sender, mut receiver) = mpsc::channel("channels-busy", 4);
    std::thread::scope(|scope| {
        for _ in 0..3 {
            let sender = sender.clone();
            scope.spawn(move || (0..2_000).for_each(|value| sender.blocking_send(value).unwrap()));
        }
        drop(sender);
        scope.spawn(move || while receiver.blocking_recv().is_some() {});
        for _ in 0..20 {
            monitor.tick();
            assert!(of(&locks, "channels-busy").peak <= Some(4));
        }
    });
    assert_eq!(of(&locks, "channels-busy").received, 6_000);
}
