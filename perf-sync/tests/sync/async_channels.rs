//! Channels of async-channel's: each message is received, queued or lost, however it waited, and they are otherwise what the originals are.

use super::{channel, channel_keeps_the_laws, shown};
use futures_core::Stream;
use perf_sync::ChannelView;
use perf_sync::async_channel::{self, RecvError, Send, SendError, TryRecvError, TrySendError};
use proptest::prelude::*;
use std::future::Future;
use std::mem;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Sent, received, queued and lost.
fn sums(name: &str) -> (u64, u64, u64, u64) {
    let ChannelView { sent, received, queued, lost, .. } = channel(name, "mpmc");
    (sent, received, queued.unwrap(), lost.unwrap())
}

#[test]
fn sends_and_receives_of_all_kinds_are_counted_once() {
    let (sender, receiver) = async_channel::bounded("async-once", 2);
    let other = receiver.clone();
    assert_eq!((poll(pin!(sender.send(1))), sender.try_send(2)), (Poll::Ready(Ok(())), Ok(())));
    assert_eq!(sender.try_send(3), Err(TrySendError::Full(3)));
    assert_eq!(sums("async-once"), (2, 0, 2, 0));
    assert_eq!(
        (receiver.try_recv(), poll(pin!(other.recv())), other.try_recv()),
        (Ok(1), Poll::Ready(Ok(2)), Err(TryRecvError::Empty))
    );
    assert_eq!((sender.force_send(4), sender.force_send(5), sender.force_send(6)), (Ok(None), Ok(None), Ok(Some(4))));
    assert_eq!(sums("async-once"), (5, 2, 2, 1), "the one that was displaced is lost");
    let mut stream = Box::pin(other);
    assert_eq!(stream.as_mut().poll_next(&mut Context::from_waker(Waker::noop())), Poll::Ready(Some(5)));
    assert!(receiver.close());
    assert_eq!(
        (poll(pin!(sender.send(7))), sender.send_blocking(8)),
        (Poll::Ready(Err(SendError(7))), Err(SendError(8)))
    );
    assert_eq!(sender.force_send(9), Err(SendError(9)));
    assert_eq!(
        (receiver.recv_blocking(), receiver.recv_blocking()),
        (Ok(6), Err(RecvError)),
        "what is left is received"
    );
    let view = channel("async-once", "mpmc");
    assert_eq!((sums("async-once"), view.full, view.closed), ((5, 4, 0, 1), 1, 3));
    assert_eq!((view.capacity, view.channels), (Some(2), Some(1)));
    drop((receiver, stream));
    assert_eq!(channel("async-once", "mpmc").channels, Some(0));
}

#[test]
fn a_send_that_waits_is_cancelled_granted_or_told_that_the_channel_is_closed() {
    let (sender, receiver) = async_channel::bounded("async-waits", 1);
    sender.try_send(1).unwrap();
    let mut waiting = Box::pin(sender.send(2));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!((channel("async-waits", "mpmc").waiting, sums("async-waits")), (1, (1, 0, 1, 0)));
    drop(waiting);
    let view = channel("async-waits", "mpmc");
    assert_eq!((view.cancelled, view.waiting, sums("async-waits")), (1, 0, (1, 0, 1, 0)), "nothing of it is lost");
    let mut waiting = Box::pin(sender.send(3));
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!((receiver.try_recv(), poll(waiting.as_mut())), (Ok(1), Poll::Ready(Ok(()))));
    assert_eq!((channel("async-waits", "mpmc").wait.count, sums("async-waits")), (1, (2, 1, 1, 0)));
    drop(waiting);
    let mut waiting = Box::pin(sender.send(4));
    assert!(poll(waiting.as_mut()).is_pending());
    let weak = receiver.downgrade();
    assert!(weak.upgrade().is_some());
    drop(receiver);
    assert!(weak.upgrade().is_none());
    assert_eq!(poll(waiting.as_mut()), Poll::Ready(Err(SendError(4))));
    drop(waiting);
    drop((sender, weak));
    let view = channel("async-waits", "mpmc");
    assert_eq!((view.closed, view.cancelled, view.waiting, sums("async-waits")), (1, 1, 0, (2, 1, 0, 1)));
}

#[test]
fn the_methods_are_those_of_the_original() {
    let (sender, receiver) = async_channel::unbounded::<u8>("async-methods");
    let (other_sender, other_receiver) = (sender.clone(), receiver.clone());
    assert_eq!((sender.len(), sender.is_empty(), sender.is_full(), sender.capacity()), (0, true, false, None));
    assert_eq!((receiver.len(), receiver.is_empty(), receiver.is_full(), receiver.capacity()), (0, true, false, None));
    assert_eq!((sender.sender_count(), sender.receiver_count()), (2, 2));
    assert_eq!((receiver.sender_count(), receiver.receiver_count()), (2, 2));
    assert!(sender.same_channel(&other_sender) && receiver.same_channel(&other_receiver));
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender { .. } Receiver { .. }");
    let weak = sender.downgrade();
    assert!(weak.upgrade().is_some_and(|sender| sender.try_send(1).is_ok()));
    assert!(!sender.is_closed() && !receiver.is_closed() && sender.close());
    assert_eq!(poll(pin!(sender.closed())), Poll::Ready(()));
    assert!(weak.upgrade().is_none() && receiver.is_closed());
    let view = channel("async-methods", "unbounded_mpmc");
    assert_eq!((view.sent, view.queued), (1, Some(1)));
}

#[test]
fn a_storm_of_senders_and_receivers_adds_up_and_the_laws_hold_at_any_moment() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2_000;
    let (sender, receiver) = async_channel::bounded("async-storm", 8);
    let got_in_all = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let sender = sender.clone();
            scope.spawn(move || {
                for turn in 0..EACH {
                    match (thread + turn) % 4 {
                        0 => sender.send_blocking(turn).unwrap(),
                        1 => _ = sender.try_send(turn),
                        2 => _ = sender.force_send(turn).unwrap(),
                        _ => _ = poll(pin!(sender.send(turn))),
                    }
                }
            });
        }
        drop(sender);
        for _ in 0..3 {
            let (receiver, got_in_all) = (receiver.clone(), &got_in_all);
            scope.spawn(move || {
                while receiver.recv_blocking().is_ok() {
                    got_in_all.fetch_add(1, Ordering::Relaxed);
                }
            });
        }
        drop(receiver);
        for _ in 0..50 {
            let channels = shown().view().channels().channels;
            channels.iter().filter(|view| &*view.channel == "async-storm").for_each(channel_keeps_the_laws);
        }
    });
    let view = channel("async-storm", "mpmc");
    assert_eq!((view.received, view.queued), (got_in_all.load(Ordering::Relaxed), Some(0)));
    assert_eq!((view.attempts, view.waiting, view.channels), (THREADS * EACH, 0, Some(0)));
    assert_eq!(view.sent + view.full + view.cancelled, THREADS * EACH);
}

#[derive(Clone, Debug)]
enum Step {
    TrySend,
    Force,
    Send,
    Poll(usize),
    GiveUp(usize),
    Receive,
    Close,
    New(usize),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => Just(Step::TrySend),
        2 => Just(Step::Force),
        6 => Just(Step::Send),
        4 => any::<usize>().prop_map(Step::Poll),
        3 => any::<usize>().prop_map(Step::GiveUp),
        6 => Just(Step::Receive),
        1 => Just(Step::Close),
        1 => (1_usize..4).prop_map(Step::New),
    ]
}

type Pair = (&'static async_channel::Sender<u64>, async_channel::Receiver<u64>);

fn pair(capacity: usize) -> Pair {
    let (sender, receiver) = async_channel::bounded("async-laws", capacity);
    // It lives for as long as futures of it may.
    (Box::leak(Box::new(sender)), receiver)
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Expected {
    sent: u64,
    received: u64,
    full: u64,
    closed: u64,
    cancelled: u64,
    lost: u64,
}

impl Expected {
    fn of(view: &ChannelView) -> Self {
        let ChannelView { sent, received, full, closed, cancelled, .. } = *view;
        Self { sent, received, full, closed, cancelled, lost: view.lost.unwrap() }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn attempts_and_messages_add_up_after_any_steps(capacity in 1_usize..4, steps in prop::collection::vec(step(), 0..80)) {
        let _ = pair(1).0.try_send(0);
        let before = channel("async-laws", "mpmc");
        let mut expected = Expected::of(&before);
        let (mut sender, mut receiver) = pair(capacity);
        let mut waiting: Vec<Pin<Box<Send<'static, u64>>>> = Vec::new();
        for step in steps {
            match step {
                Step::TrySend => match sender.try_send(1) {
                    Ok(()) => expected.sent += 1,
                    Err(TrySendError::Full(_)) => expected.full += 1,
                    Err(TrySendError::Closed(_)) => expected.closed += 1,
                },
                Step::Force => match sender.force_send(2) {
                    Ok(displaced) => {
                        expected.sent += 1;
                        expected.lost += u64::from(displaced.is_some());
                    }
                    Err(_) => expected.closed += 1,
                },
                Step::Send => {
                    let mut sending = Box::pin(sender.send(3));
                    match poll(sending.as_mut()) {
                        Poll::Ready(Ok(())) => expected.sent += 1,
                        Poll::Ready(Err(_)) => expected.closed += 1,
                        Poll::Pending => waiting.push(sending),
                    }
                }
                Step::Poll(which) if !waiting.is_empty() => {
                    let which = which % waiting.len();
                    if let Poll::Ready(sent) = poll(waiting[which].as_mut()) {
                        if sent.is_ok() { expected.sent += 1 } else { expected.closed += 1 }
                        drop(waiting.swap_remove(which));
                    }
                }
                Step::GiveUp(which) if !waiting.is_empty() => {
                    drop(waiting.swap_remove(which % waiting.len()));
                    expected.cancelled += 1;
                }
                Step::Receive => expected.received += u64::from(receiver.try_recv().is_ok()),
                Step::Close => _ = receiver.close(),
                Step::New(capacity) => {
                    let (new_sender, new_receiver) = pair(capacity);
                    sender = new_sender;
                    // The channel is not dropped: what is in it stays queued.
                    mem::forget(mem::replace(&mut receiver, new_receiver));
                }
                Step::Poll(_) | Step::GiveUp(_) => {}
            }
            let view = channel("async-laws", "mpmc");
            prop_assert_eq!(Expected::of(&view), expected);
            prop_assert_eq!(view.waiting, waiting.len() as u64);
        }
    }
}
