//! Channels of flume's: each message is received, queued or lost, however it waited, and they are otherwise what the originals are.

use super::{channel, channel_keeps_the_laws, judging, shown};
use futures_core::Stream;
use futures_sink::Sink;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::ChannelView;
use perf_sync::flume::r#async::SendFut;
use perf_sync::flume::{
    self, RecvError, RecvTimeoutError, SelectError, Selector, SendError, SendTimeoutError, TryRecvError, TrySendError,
};
use proptest::prelude::*;
use std::future::{Future, poll_fn};
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::{Duration, Instant};

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Sent, received, queued and lost.
fn sums(name: &str) -> (u64, u64, u64, u64) {
    let ChannelView { sent, received, queued, lost, .. } = channel(name, "mpmc");
    (sent, received, queued.unwrap(), lost.unwrap())
}

#[test]
fn a_message_is_counted_once_and_by_one_of_several_receivers() {
    let (sender, receiver) = flume::bounded("flume-once", 2);
    let other = receiver.clone();
    assert_eq!((sender.send(1), sender.try_send(2), sender.try_send(3)), (Ok(()), Ok(()), Err(TrySendError::Full(3))));
    assert_eq!(sums("flume-once"), (2, 0, 2, 0));
    assert_eq!((receiver.try_recv(), other.recv(), other.try_recv()), (Ok(1), Ok(2), Err(TryRecvError::Empty)));
    let view = channel("flume-once", "mpmc");
    assert_eq!((sums("flume-once"), view.full, view.capacity, view.channels), ((2, 2, 0, 0), 1, Some(2), Some(1)));
    drop(receiver);
    assert_eq!(channel("flume-once", "mpmc").channels, Some(1), "a receiver is there");
    drop(other);
    assert_eq!(channel("flume-once", "mpmc").channels, Some(0));
    assert_eq!(sender.send(4), Err(SendError(4)));
    assert_eq!(sender.try_send(5), Err(TrySendError::Disconnected(5)));
    assert_eq!(sender.send_timeout(6, Duration::from_secs(9)), Err(SendTimeoutError::Disconnected(6)));
    assert_eq!((channel("flume-once", "mpmc").closed, sums("flume-once")), (3, (2, 2, 0, 0)));
}

#[test]
fn messages_that_nobody_receives_are_lost_when_the_channel_ends() {
    let (sender, receiver) = flume::bounded("flume-lost", 4);
    (0..3).for_each(|message| sender.send(message).unwrap());
    drop(sender);
    assert_eq!((receiver.recv(), sums("flume-lost")), (Ok(0), (3, 1, 2, 0)));
    drop(receiver);
    assert_eq!(sums("flume-lost"), (3, 1, 0, 2));
    let (sender, receiver) = flume::unbounded("flume-lost");
    sender.send(1).unwrap();
    drop(receiver);
    let view = channel("flume-lost", "unbounded_mpmc");
    assert_eq!((view.sent, view.queued, view.lost), (1, Some(1), Some(0)), "it is there as long as a sender is");
    drop(sender);
    let view = channel("flume-lost", "unbounded_mpmc");
    assert_eq!((view.sent, view.queued, view.lost), (1, Some(0), Some(1)));
}

#[test]
fn a_send_that_is_given_up_is_cancelled_unless_the_channel_took_its_message() {
    let (sender, receiver) = flume::bounded("flume-cancel", 1);
    sender.send(1).unwrap();
    let mut waiting = Box::pin(sender.send_async(2));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(channel("flume-cancel", "mpmc").waiting, 1);
    drop(waiting);
    let view = channel("flume-cancel", "mpmc");
    assert_eq!((view.cancelled, view.waiting, sums("flume-cancel")), (1, 0, (1, 0, 1, 0)));
    let mut waiting = Box::pin(sender.send_async(3));
    assert!(poll(waiting.as_mut()).is_pending());
    // The channel moves the message to the queue, and its sender does not hear of that before it gives up.
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(waiting);
    let view = channel("flume-cancel", "mpmc");
    assert_eq!((view.cancelled, view.wait.count, sums("flume-cancel")), (1, 1, (2, 1, 1, 0)));
    assert_eq!((receiver.try_recv(), sums("flume-cancel")), (Ok(3), (2, 2, 0, 0)));
    drop(sender.send_async(4));
    assert_eq!(channel("flume-cancel", "mpmc").attempts, 3, "one that was never polled is no attempt");
}

#[test]
fn a_message_that_is_received_before_its_sender_hears_of_it_counts_once() {
    let (sender, receiver) = flume::bounded("flume-early", 1);
    sender.send(1).unwrap();
    let mut waiting = Box::pin(sender.send_async(2));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Ok(2)));
    let view = channel("flume-early", "mpmc");
    assert_eq!((sums("flume-early"), view.attempts, view.waiting, view.wait.count), ((2, 2, 0, 0), 2, 0, 1));
    assert_eq!(poll(waiting.as_mut()), Poll::Ready(Ok(())));
    let view = channel("flume-early", "mpmc");
    assert_eq!((sums("flume-early"), view.attempts, view.waiting, view.wait.count), ((2, 2, 0, 0), 2, 0, 1));
    let mut leaked = Box::pin(sender.send_async(3));
    sender.send(4).unwrap();
    assert!(poll(leaked.as_mut()).is_pending());
    mem::forget(leaked);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(4), Ok(3)));
    let view = channel("flume-early", "mpmc");
    assert_eq!((sums("flume-early"), view.attempts, view.waiting), ((4, 4, 0, 0), 4, 0), "also where it is leaked");
    drop(waiting);
    drop((sender, receiver));
    let view = channel("flume-early", "mpmc");
    assert_eq!((sums("flume-early"), view.attempts, view.cancelled), ((4, 4, 0, 0), 4, 0));
}

#[test]
fn a_side_that_closes_ends_waits_and_gives_values_back() {
    let (sender, receiver) = flume::bounded("flume-closed", 1);
    sender.send("first").unwrap();
    let mut waiting = pin!(sender.send_async("second"));
    assert!(poll(waiting.as_mut()).is_pending());
    drop(receiver);
    assert_eq!(poll(waiting.as_mut()), Poll::Ready(Err(SendError("second"))));
    let view = channel("flume-closed", "mpmc");
    assert_eq!((view.closed, view.waiting, view.cancelled, sums("flume-closed")), (1, 0, 0, (1, 0, 1, 0)));
    let (sender, receiver) = flume::bounded::<u8>("flume-closed-2", 1);
    let mut receiving = pin!(receiver.recv_async());
    assert!(poll(receiving.as_mut()).is_pending());
    let weak = sender.downgrade();
    weak.upgrade().unwrap().send(7).unwrap();
    drop(sender);
    assert_eq!((poll(receiving), receiver.recv()), (Poll::Ready(Ok(7)), Err(RecvError::Disconnected)));
    assert!(weak.upgrade().is_none());
}

#[test]
fn threads_wait_for_room_and_for_messages() {
    let (sender, receiver) = flume::bounded("flume-threads", 1);
    assert_eq!(receiver.recv_timeout(Duration::from_millis(1)), Err(RecvTimeoutError::Timeout));
    sender.send(1).unwrap();
    assert_eq!(sender.send_timeout(2, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(sender.send_deadline(2, Instant::now()), Err(SendTimeoutError::Timeout(2)));
    let view = channel("flume-threads", "mpmc");
    assert_eq!((view.timed_out, view.waiting, view.sent), (2, 0, 1));
    thread::scope(|scope| {
        let blocked = scope.spawn(|| sender.send(3));
        while channel("flume-threads", "mpmc").waiting == 0 {
            thread::yield_now();
        }
        assert_eq!((receiver.recv(), receiver.recv()), (Ok(1), Ok(3)));
        assert_eq!(blocked.join().unwrap(), Ok(()));
    });
    let view = channel("flume-threads", "mpmc");
    assert_eq!((view.wait.count, sums("flume-threads")), (1, (2, 2, 0, 0)));
}

#[test]
fn a_rendezvous_has_no_room_and_loses_nothing() {
    let (sender, receiver) = flume::bounded("flume-none", 0);
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    let mut waiting = pin!(sender.send_async(2));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!((receiver.try_recv(), poll(waiting.as_mut())), (Ok(2), Poll::Ready(Ok(()))));
    assert_eq!((sums("flume-none"), channel("flume-none", "mpmc").full), ((1, 1, 0, 0), 1));
}

#[test]
fn backpressure_and_the_time_in_the_queue_are_told_apart() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (_monitor, locks) = judging(|builder| builder);
    let (sender, receiver) = flume::bounded("flume-times", 1);
    sender.send(1).unwrap();
    let mut waiting = Box::pin(sender.send_async(2));
    assert!(poll(waiting.as_mut()).is_pending());
    clock.advance(Duration::from_secs(3));
    assert_eq!(receiver.try_recv(), Ok(1));
    assert!(poll(waiting.as_mut()).is_ready());
    clock.advance(Duration::from_secs(5));
    assert_eq!(receiver.try_recv(), Ok(2));
    let views = locks.view().channels().channels;
    let view = views.into_iter().find(|view| &*view.channel == "flume-times").unwrap();
    let queue = view.queue.unwrap();
    assert_eq!((view.wait.count, view.wait.sum_seconds), (1, 3.0));
    assert_eq!((queue.count, queue.sum_seconds), (2, 8.0), "the first for 3 s, the second for 5 s");
}

#[test]
fn iterators_streams_and_sinks_count_what_they_move() {
    let (sender, receiver) = flume::bounded("flume-moves", 8);
    let mut context = Context::from_waker(Waker::noop());
    let mut sink = Box::pin(sender.sink());
    for message in 0..4 {
        assert!(sink.as_mut().poll_ready(&mut context).is_ready());
        sink.as_mut().start_send(message).unwrap();
    }
    assert_eq!(sink.as_mut().poll_close(&mut context), Poll::Ready(Ok(())));
    (4..8).for_each(|message| sender.send(message).unwrap());
    assert_eq!(sums("flume-moves"), (8, 0, 8, 0));
    let mut stream = Box::pin(receiver.stream());
    assert_eq!(stream.as_mut().poll_next(&mut context), Poll::Ready(Some(0)));
    assert_eq!(receiver.try_iter().take(2).collect::<Vec<_>>(), [1, 2]);
    assert_eq!(receiver.iter().next(), Some(3));
    let mut drained = receiver.drain();
    assert_eq!((drained.len(), drained.next()), (4, Some(4)));
    drop(drained);
    assert_eq!(sums("flume-moves"), (8, 5, 0, 3), "what a drain leaves is lost");
    sender.send(9).unwrap();
    drop((sink, stream));
    drop(sender);
    assert_eq!(receiver.into_iter().collect::<Vec<_>>(), [9]);
    assert_eq!(sums("flume-moves"), (9, 6, 0, 3));
}

#[test]
fn the_methods_are_those_of_the_original() {
    let (sender, receiver) = flume::bounded("flume-methods", 2);
    let (other_sender, other_receiver) = (sender.clone(), receiver.clone());
    sender.send(1).unwrap();
    assert_eq!((sender.len(), sender.is_empty(), sender.is_full(), sender.capacity()), (1, false, false, Some(2)));
    assert_eq!(
        (receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.capacity()),
        (1, false, false, Some(2))
    );
    assert_eq!((sender.sender_count(), sender.receiver_count()), (2, 2));
    assert_eq!((receiver.sender_count(), receiver.receiver_count()), (2, 2));
    assert!(sender.same_channel(&other_sender) && receiver.same_channel(&other_receiver));
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender Receiver");
    assert_eq!(poll(pin!(other_sender.into_send_async(2))), Poll::Ready(Ok(())));
    assert_eq!(poll(pin!(other_receiver.into_recv_async())), Poll::Ready(Ok(1)));
    assert!(!sender.is_disconnected() && !receiver.is_disconnected());
    assert_eq!(receiver.recv_deadline(Instant::now()), Ok(2));
    drop(sender);
    assert!(receiver.is_disconnected());
}

/// A storm of threads and tasks, looked at meanwhile: the laws hold in every look, and the sums in the end.
#[test]
fn a_storm_of_senders_and_receivers_adds_up_and_the_laws_hold_at_any_moment() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2_000;
    let (sender, receiver) = flume::bounded("flume-storm", 8);
    let (given_up, got_in_all) = (AtomicU64::new(0), AtomicU64::new(0));
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (sender, given_up) = (sender.clone(), &given_up);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                for turn in 0..EACH {
                    match (thread + turn) % 4 {
                        0 => sender.send(turn).unwrap(),
                        1 if sender.try_send(turn).is_err() => _ = given_up.fetch_add(1, Ordering::Relaxed),
                        1 => {}
                        2 => runtime.block_on(sender.send_async(turn)).unwrap(),
                        _ => {
                            let mut sending = sender.send_async(turn);
                            runtime.block_on(poll_fn(|context| {
                                let _ = Pin::new(&mut sending).poll(context);
                                Poll::Ready(())
                            }));
                        }
                    }
                }
            });
        }
        drop(sender);
        for thread in 0..3 {
            let (receiver, got_in_all) = (receiver.clone(), &got_in_all);
            scope.spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
                loop {
                    let got = if thread == 0 { runtime.block_on(receiver.recv_async()) } else { receiver.recv() };
                    if got.is_err() {
                        return;
                    }
                    got_in_all.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        drop(receiver);
        let mut before: Option<ChannelView> = None;
        for _ in 0..50 {
            let channels = shown().view().channels().channels;
            let now = channels.into_iter().find(|view| &*view.channel == "flume-storm");
            if let Some(now) = &now {
                channel_keeps_the_laws(now);
                if let Some(before) = &before {
                    assert!(before.sent <= now.sent && before.received <= now.received && before.lost <= now.lost);
                }
            }
            before = now;
        }
    });
    let view = channel("flume-storm", "mpmc");
    let got_in_all = got_in_all.load(Ordering::Relaxed);
    assert_eq!(sums("flume-storm"), (got_in_all, got_in_all, 0, 0), "every message that went was received");
    assert_eq!(view.full, given_up.load(Ordering::Relaxed));
    assert_eq!(view.sent + view.full + view.cancelled, THREADS * EACH);
    assert_eq!((view.attempts, view.waiting, view.channels), (THREADS * EACH, 0, Some(0)));
}

#[derive(Clone, Debug)]
enum Step {
    TrySend,
    Send,
    Poll(usize),
    GiveUp(usize),
    Leak(usize),
    Receive,
    Drain(usize),
    Look,
    DropReceiver,
    New(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::TrySend),
        6 => Just(Step::Send),
        4 => any::<usize>().prop_map(Step::Poll),
        3 => any::<usize>().prop_map(Step::GiveUp),
        1 => any::<usize>().prop_map(Step::Leak),
        6 => Just(Step::Receive),
        1 => (0_usize..3).prop_map(Step::Drain),
        1 => Just(Step::Look),
        1 => Just(Step::DropReceiver),
        1 => (0_usize..4).prop_map(Step::New),
    ]
}

type Pair = (&'static flume::Sender<u64>, Option<flume::Receiver<u64>>);

fn pair(capacity: usize) -> Pair {
    let (sender, receiver) = flume::bounded("flume-laws", capacity);
    // It lives for as long as futures of it may.
    (Box::leak(Box::new(sender)), Some(receiver))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn attempts_and_messages_add_up_after_any_steps(capacity in 0_usize..4, steps in prop::collection::vec(step(), 0..80)) {
        let _ = pair(1).0.try_send(0);
        let before = channel("flume-laws", "mpmc");
        let (mut attempts, mut received, mut full) = (0, 0, 0);
        let (mut sender, mut receiver) = pair(capacity);
        let mut waiting: Vec<Pin<Box<SendFut<'static, u64>>>> = Vec::new();
        for step in steps {
            match step {
                Step::TrySend => {
                    attempts += 1;
                    full += u64::from(matches!(sender.try_send(1), Err(TrySendError::Full(_))));
                }
                Step::Send => {
                    attempts += 1;
                    let mut sending = Box::pin(sender.send_async(2));
                    if poll(sending.as_mut()).is_pending() {
                        waiting.push(sending);
                    }
                }
                Step::Poll(which) if !waiting.is_empty() => {
                    let which = which % waiting.len();
                    if poll(waiting[which].as_mut()).is_ready() {
                        drop(waiting.swap_remove(which));
                    }
                }
                Step::GiveUp(which) if !waiting.is_empty() => drop(waiting.swap_remove(which % waiting.len())),
                Step::Leak(which) if !waiting.is_empty() => mem::forget(waiting.swap_remove(which % waiting.len())),
                Step::Receive => received += u64::from(receiver.as_ref().is_some_and(|receiver| receiver.try_recv().is_ok())),
                Step::Drain(many) => received += receiver.as_ref().map_or(0, |receiver| receiver.drain().take(many).count() as u64),
                Step::Look => _ = sender.len(),
                Step::DropReceiver => receiver = None,
                Step::New(capacity) => (sender, receiver) = pair(capacity),
                Step::Poll(_) | Step::GiveUp(_) | Step::Leak(_) => {}
            }
            // It keeps the laws.
            let view = channel("flume-laws", "mpmc");
            prop_assert_eq!(view.received - before.received, received);
            prop_assert_eq!(view.full - before.full, full);
        }
        waiting.clear();
        let view = channel("flume-laws", "mpmc");
        let leaked = view.waiting - before.waiting;
        let ended = view.sent + view.full + view.closed + view.timed_out + view.cancelled;
        let ended_before = before.sent + before.full + before.closed + before.timed_out + before.cancelled;
        // A send that was leaked waits for as long as nobody has its message.
        prop_assert_eq!(ended - ended_before + leaked, attempts, "{:?}", view);
    }
}

/// No message of this type can be shown.
struct Opaque;

#[test]
fn iterators_are_shown_whatever_they_iterate_over() {
    let (sender, receiver) = flume::bounded("flume-opaque", 1);
    sender.send(Opaque).unwrap();
    let shown = [format!("{:?}", receiver.iter()), format!("{:?}", receiver.try_iter())];
    assert_eq!(shown, ["Iter { receiver: Receiver }", "TryIter { receiver: Receiver }"]);
    assert_eq!(format!("{:?}", receiver.into_iter()), "IntoIter { receiver: Receiver }");
}

#[test]
fn what_owns_its_sender_is_a_send_and_a_sink_as_the_originals_are() {
    fn is_as_the_original<F: futures_core::future::FusedFuture + Unpin + Send>(_: &F) {}
    let (sender, receiver) = flume::bounded("flume-owned", 1);
    let mut first: SendFut<'static, u8> = sender.clone().into_send_async(1);
    is_as_the_original(&first);
    assert_eq!(poll(pin!(&mut first)), Poll::Ready(Ok(())));
    let mut second = sender.clone().into_send_async(2);
    assert!(poll(pin!(&mut second)).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    assert_eq!(poll(pin!(&mut second)), Poll::Ready(Ok(())));
    drop((first, second));
    let mut sink = sender.clone().into_sink();
    assert!(sink.same_channel(&sink.clone()) && sink.sender().same_channel(&sender));
    let mut context = Context::from_waker(Waker::noop());
    assert_eq!(receiver.try_recv(), Ok(2));
    assert_eq!(Pin::new(&mut sink).poll_ready(&mut context), Poll::Ready(Ok(())));
    Pin::new(&mut sink).start_send(3).unwrap();
    assert_eq!(Pin::new(&mut sink).poll_flush(&mut context), Poll::Ready(Ok(())));
    drop((sender, sink));
    assert_eq!((receiver.recv(), receiver.recv()), (Ok(3), Err(RecvError::Disconnected)));
    assert_eq!(sums("flume-owned"), (3, 3, 0, 0));
}

#[test]
fn a_send_that_has_the_last_part_in_its_channel_is_given_up_once() {
    let alone = |name| {
        let (sender, receiver) = flume::bounded(name, 1);
        sender.send(1).unwrap();
        (sender, receiver)
    };
    let (sender, receiver) = alone("flume-last");
    let mut sends = sender.into_send_async(2);
    assert!(poll(pin!(&mut sends)).is_pending());
    drop(receiver);
    drop(sends);
    let (sender, receiver) = alone("flume-last");
    let mut sink = sender.into_sink();
    Pin::new(&mut sink).start_send(2).unwrap();
    assert!(Pin::new(&mut sink).poll_flush(&mut Context::from_waker(Waker::noop())).is_pending());
    drop(receiver);
    drop(sink);
    let view = channel("flume-last", "mpmc");
    assert_eq!((view.attempts, view.sent, view.cancelled, view.waiting), (4, 2, 2, 0), "{view:?}");
}

#[test]
fn a_selection_counts_what_it_chose_and_nothing_else() {
    let ((sender, receiver), (full, other)) =
        (flume::bounded("flume-select", 1), flume::bounded("flume-select-full", 1));
    let (_idle, never) = flume::bounded::<u8>("flume-select", 1);
    // A send that is chosen at once.
    let sent = Selector::new().send(&sender, 1, |sent| sent.is_ok()).recv(&never, |_| false).wait();
    assert_eq!((sent, sums("flume-select")), (true, (1, 0, 1, 0)));
    // A send that waits and is not chosen, beside a message that is there.
    full.send(7).unwrap();
    let first = Selector::new().send(&full, 8, |_| None).recv(&receiver, Result::ok).wait();
    assert_eq!((first, sums("flume-select"), sums("flume-select-full")), (Some(1), (1, 1, 0, 0), (1, 0, 1, 0)));
    // Nothing is chosen in time.
    let late = Selector::new().send(&full, 9, |_| ()).recv(&never, |_| ()).wait_timeout(Duration::from_millis(1));
    assert_eq!(late, Err(SelectError::Timeout));
    let view = channel("flume-select-full", "mpmc");
    assert_eq!((view.attempts, view.cancelled, view.waiting, view.timed_out), (1, 0, 0, 0), "{view:?}");
    drop(Selector::new().send(&full, 10, |_| ()));
    assert_eq!(sums("flume-select-full"), (1, 0, 1, 0));
    // A send that waits and is chosen.
    thread::scope(|scope| {
        let waits = scope.spawn(|| Selector::new().send(&full, 11, |sent| sent).recv(&never, |_| Ok(())).wait());
        assert_eq!((other.recv(), other.recv()), (Ok(7), Ok(11)));
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
    assert_eq!(sums("flume-select-full"), (2, 2, 0, 0));
    // The ends of channels.
    drop((other, sender));
    assert_eq!(Selector::new().send(&full, 12, |sent| sent).wait(), Err(SendError(12)));
    assert_eq!(Selector::new().recv(&receiver, |message| message).wait(), Err(RecvError::Disconnected));
    assert_eq!((channel("flume-select-full", "mpmc").closed, sums("flume-select-full")), (1, (2, 2, 0, 0)));
}
