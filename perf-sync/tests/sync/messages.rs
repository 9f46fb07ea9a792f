//! Each message is received, queued or lost, whatever becomes of its channel.

use super::{channel, channel_keeps_the_laws, shown, spend_the_budget};
use perf_sync::ChannelView;
use perf_sync::tokio::{mpsc, oneshot};
use std::future::Future;
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use tokio::sync::mpsc::error::{TryRecvError, TrySendError};

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn sums(view: &ChannelView) -> (u64, u64, Option<u64>, Option<u64>) {
    (view.sent, view.received, view.queued, view.lost)
}

#[test]
fn messages_are_lost_with_their_receiver_and_not_with_their_senders() {
    let (sender, receiver) = mpsc::channel("messages-receiver", 4);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    assert_eq!(sums(&channel("messages-receiver", "mpsc")), (2, 0, Some(2), Some(0)));
    drop(receiver);
    assert_eq!(sums(&channel("messages-receiver", "mpsc")), (2, 0, Some(0), Some(2)));
    assert!(matches!(sender.try_send(3), Err(TrySendError::Closed(3))));
    let (sender, mut receiver) = mpsc::channel("messages-senders", 4);
    sender.try_send(1).unwrap();
    sender.try_send(2).unwrap();
    drop(sender);
    assert_eq!((receiver.try_recv(), sums(&channel("messages-senders", "mpsc"))), (Ok(1), (2, 1, Some(1), Some(0))));
    drop(receiver);
    assert_eq!(sums(&channel("messages-senders", "mpsc")), (2, 1, Some(0), Some(1)));
}

#[test]
fn a_closed_channel_is_drained_and_nothing_is_lost() {
    let (sender, mut receiver) = mpsc::channel("messages-closed", 4);
    let permit = sender.try_reserve().unwrap();
    sender.try_send(1).unwrap();
    receiver.close();
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(1), Err(TryRecvError::Empty)));
    permit.send(2);
    assert_eq!((receiver.try_recv(), receiver.try_recv()), (Ok(2), Err(TryRecvError::Disconnected)));
    assert_eq!(sums(&channel("messages-closed", "mpsc")), (2, 2, Some(0), Some(0)));
    assert_eq!(channel("messages-closed", "mpsc").reserved, 0);
}

#[test]
fn a_message_of_a_permit_that_comes_after_the_receiver_is_gone_is_lost() {
    let (sender, receiver) = mpsc::channel("messages-late", 4);
    let (used, unused) = (sender.try_reserve().unwrap(), sender.try_reserve().unwrap());
    drop(receiver);
    used.send("late");
    drop(unused);
    let view = channel("messages-late", "mpsc");
    // It is in the channel, which is there as long as a sender is.
    assert_eq!((sums(&view), view.unused, view.reserved), ((1, 0, Some(1), Some(0)), 1, 0));
    drop(sender);
    assert_eq!(sums(&channel("messages-late", "mpsc")), (1, 0, Some(0), Some(1)));
}

#[test]
fn a_message_for_one_that_nobody_took_is_lost() {
    let (sender, receiver) = oneshot::channel("messages-one");
    sender.send(1).unwrap();
    assert_eq!(sums(&channel("messages-one", "oneshot")), (1, 0, Some(1), Some(0)));
    drop(receiver);
    assert_eq!(sums(&channel("messages-one", "oneshot")), (1, 0, Some(0), Some(1)));
    let (sender, mut receiver) = oneshot::channel::<u8>("messages-one");
    drop(sender);
    assert!(receiver.try_recv().is_err());
    assert_eq!(channel("messages-one", "oneshot").attempts, 1, "a sender that sends nothing is no attempt");
}

/// A message whose drop panics.
struct Panics;

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("dropped");
    }
}

#[test]
fn a_drop_that_panics_loses_no_count() {
    let (sender, receiver) = mpsc::unbounded_channel("messages-panic");
    sender.send(Some(Panics)).ok().unwrap();
    sender.send(None).ok().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(move || drop(receiver))).is_err());
    assert_eq!(sums(&channel("messages-panic", "unbounded")), (2, 0, Some(0), Some(2)));
    assert_eq!(channel("messages-panic", "unbounded").channels, Some(0));
    let (sender, receiver) = oneshot::channel("messages-panic");
    sender.send(Panics).ok().unwrap();
    assert!(catch_unwind(AssertUnwindSafe(move || drop(receiver))).is_err());
    assert_eq!(sums(&channel("messages-panic", "oneshot")), (1, 0, Some(0), Some(1)));
}

#[test]
fn values_that_come_back_are_not_lost() {
    let value = Arc::new(());
    let (sender, receiver) = mpsc::unbounded_channel("messages-back");
    drop(receiver);
    let back = sender.send(Arc::clone(&value)).unwrap_err().0;
    let (sender, receiver) = oneshot::channel("messages-back");
    drop(receiver);
    let other = sender.send(back).unwrap_err();
    assert_eq!((Arc::ptr_eq(&value, &other), Arc::strong_count(&value)), (true, 2));
    for kind in ["unbounded", "oneshot"] {
        let view = channel("messages-back", kind);
        assert_eq!((view.attempts, view.closed, view.lost), (1, 1, Some(0)));
    }
}

#[test]
fn permits_and_futures_that_are_leaked_are_settled_when_their_channel_ends() {
    let (sender, receiver) = mpsc::channel::<u8>("messages-leaked", 4);
    mem::forget(sender.try_reserve_many(3).unwrap());
    sender.try_send(1).unwrap();
    let mut waiting = Box::pin(sender.send(2));
    assert!(poll(waiting.as_mut()).is_pending());
    // Its future is leaked, and with it nothing but the place where it waits.
    mem::forget(waiting);
    let view = channel("messages-leaked", "mpsc");
    assert_eq!((view.reserved, view.unused, view.waiting), (3, 0, 1));
    let attempts = view.attempts;
    drop((sender, receiver));
    let view = channel("messages-leaked", "mpsc");
    assert_eq!((view.reserved, view.unused, view.waiting, view.cancelled), (0, 3, 0, 1));
    assert_eq!(view.attempts, attempts);
}

#[test]
fn a_loop_over_a_channel_yields_as_the_original_does_and_that_is_no_wait_for_room() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let others = runtime.block_on(async {
        let turns = Arc::new(AtomicU64::new(0));
        let theirs = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                theirs.fetch_add(1, Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let work = tokio::spawn(async move {
            let (sender, mut receiver) = mpsc::channel("messages-coop", 4);
            for turn in 0..2_000 {
                sender.send(turn).await.unwrap();
                assert_eq!(receiver.recv().await, Some(turn));
            }
        });
        work.await.unwrap();
        other.abort();
        turns.load(Ordering::Relaxed)
    });
    assert!(others >= 10, "the other task ran {others} times");
    let view = channel("messages-coop", "mpsc");
    assert_eq!((view.sent, view.received, view.wait.count, view.cancelled), (2_000, 2_000, 0, 0));
}

#[tokio::test]
async fn without_a_budget_a_send_waits_where_the_channel_is_full_and_nowhere_else() {
    let (sender, mut receiver) = mpsc::channel("messages-budget", 1);
    let seen = || {
        let view = channel("messages-budget", "mpsc");
        (view.attempts, view.sent, view.wait.count, view.waiting, view.cancelled)
    };
    spend_the_budget().await;
    let mut sending = Box::pin(sender.send(1));
    assert!(poll(sending.as_mut()).is_pending());
    assert_eq!(sender.capacity(), 0, "it has its room, for which it waits no longer");
    sending.await.unwrap();
    assert_eq!(seen(), (1, 1, 0, 0, 0));
    spend_the_budget().await;
    let mut sending = Box::pin(sender.send(2));
    assert!(poll(sending.as_mut()).is_pending());
    assert_eq!(seen(), (2, 1, 0, 1, 0), "it is full: it waits, and is seen to wait");
    assert_eq!(receiver.try_recv(), Ok(1));
    sending.await.unwrap();
    assert_eq!(seen(), (2, 2, 1, 0, 0));
    spend_the_budget().await;
    let mut given_up = Box::pin(sender.reserve());
    assert!(poll(given_up.as_mut()).is_pending());
    drop(given_up);
    assert_eq!(seen(), (3, 2, 1, 0, 1));
    assert_eq!(receiver.try_recv(), Ok(2));
    spend_the_budget().await;
    let mut given_up = Box::pin(sender.reserve());
    assert!(poll(given_up.as_mut()).is_pending());
    drop(given_up);
    assert_eq!((sender.capacity(), seen()), (1, (3, 2, 1, 0, 1)), "the room that it had is there again");
}

#[tokio::test]
async fn a_select_gives_up_without_losing_a_message() {
    let (sender, mut receiver) = mpsc::channel("messages-select", 1);
    for turn in 0..100_u32 {
        let sending = sender.send(turn);
        tokio::pin!(sending);
        let mut is_there = false;
        while !is_there {
            tokio::select! {
                biased;
                outcome = &mut sending, if !is_there => {
                    outcome.unwrap();
                    is_there = true;
                }
                got = receiver.recv() => assert!(got.is_some()),
            }
        }
        if turn % 3 == 0 {
            tokio::select! {
                biased;
                outcome = sender.send(1_000) => outcome.unwrap(),
                () = std::future::ready(()) => {}
            }
        }
    }
    let view = channel("messages-select", "mpsc");
    assert_eq!((view.sent, view.queued, view.waiting), (100, Some(1), 0));
    assert_eq!((view.received, view.cancelled), (99, 34));
}

/// A storm of threads and tasks, looked at meanwhile: the laws hold in every look, and the sums in the end.
#[test]
fn a_storm_adds_up_and_the_laws_hold_at_any_moment() {
    const THREADS: u64 = 4;
    const EACH: u64 = 2_000;
    let (bounded, mut of_bounded) = mpsc::channel("messages-storm", 8);
    let (unbounded, mut of_unbounded) = mpsc::unbounded_channel("messages-storm");
    let refused = AtomicU64::new(0);
    thread::scope(|scope| {
        for thread in 0..THREADS {
            let (bounded, unbounded, refused) = (bounded.clone(), unbounded.clone(), &refused);
            scope.spawn(move || {
                for turn in 0..EACH {
                    match (thread + turn) % 4 {
                        0 => bounded.blocking_send(turn).unwrap(),
                        1 => {
                            if bounded.try_send(turn).is_err() {
                                refused.fetch_add(1, Ordering::Relaxed);
                                bounded.blocking_send(turn).unwrap();
                            }
                        }
                        2 => {
                            if let Ok(permit) = bounded.try_reserve() {
                                permit.send(turn);
                            } else {
                                refused.fetch_add(1, Ordering::Relaxed);
                                bounded.blocking_send(turn).unwrap();
                            }
                        }
                        _ => unbounded.send(turn).unwrap(),
                    }
                    let (sender, receiver) = oneshot::channel("messages-storm");
                    let other = turn % 2 == 0;
                    if other {
                        let _ = sender.send(turn);
                        drop(receiver);
                    } else {
                        sender.send(turn).unwrap();
                        assert_eq!(receiver.blocking_recv(), Ok(turn));
                    }
                }
            });
        }
        drop((bounded, unbounded));
        scope.spawn(|| while of_bounded.blocking_recv().is_some() {});
        scope.spawn(|| {
            let mut buffer = Vec::new();
            while of_unbounded.blocking_recv_many(&mut buffer, 16) > 0 {}
        });
        let mut before: Vec<ChannelView> = Vec::new();
        for _ in 0..50 {
            let channels = shown().view().channels().channels;
            let now: Vec<_> = channels.into_iter().filter(|view| &*view.channel == "messages-storm").collect();
            for view in &now {
                channel_keeps_the_laws(view);
                if let Some(before) = before.iter().find(|before| before.kind == view.kind) {
                    assert!(before.sent <= view.sent && before.received <= view.received && before.lost <= view.lost);
                }
            }
            before = now;
        }
    });
    let (bounded, unbounded) = (channel("messages-storm", "mpsc"), channel("messages-storm", "unbounded"));
    let all = THREADS * EACH;
    assert_eq!(sums(&bounded), (all / 4 * 3, all / 4 * 3, Some(0), Some(0)));
    assert_eq!(sums(&unbounded), (all / 4, all / 4, Some(0), Some(0)));
    assert_eq!((bounded.full, bounded.attempts), (refused.load(Ordering::Relaxed), bounded.sent + bounded.full));
    assert_eq!(sums(&channel("messages-storm", "oneshot")), (all, all / 2, Some(0), Some(all / 2)));
    assert_eq!((bounded.waiting, bounded.reserved, bounded.channels), (0, 0, Some(1)));
}

#[test]
fn a_wait_that_was_granted_room_and_given_up_is_cancelled_and_leaves_the_room() {
    let (sender, mut receiver) = mpsc::channel("messages-granted", 1);
    sender.try_send(1).unwrap();
    let mut waiting = Box::pin(sender.reserve());
    assert!(poll(waiting.as_mut()).is_pending());
    assert_eq!(receiver.try_recv(), Ok(1));
    drop(waiting);
    let view = channel("messages-granted", "mpsc");
    assert_eq!((view.cancelled, view.reserved, view.unused, view.waiting, view.wait.count), (1, 0, 0, 0, 0));
    assert!(sender.try_send(2).is_ok());
    let mut waiting = pin!(sender.reserve());
    assert!(poll(waiting.as_mut()).is_pending());
    receiver.try_recv().unwrap();
    let Poll::Ready(Ok(permit)) = poll(waiting.as_mut()) else { panic!("there is room") };
    let view = channel("messages-granted", "mpsc");
    assert_eq!((view.reserved, view.waiting, view.wait.count), (1, 0, 1));
    drop(permit);
    assert_eq!(channel("messages-granted", "mpsc").unused, 1);
}
