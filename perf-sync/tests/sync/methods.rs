//! Channels do what the originals do: each method once, by a script that both run.

use super::channel;
use perf_sync::tokio::{broadcast, mpsc, oneshot, watch};
use std::fmt::Debug;
use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

/// The events seen, in order.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn note(&mut self, value: impl Debug) {
        self.0.push(format!("{value:?}"));
    }
}

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// The script for a channel with room for two.
macro_rules! bounded {
    ($make:expr) => {{
        let (mut log, (sender, mut receiver)) = (Log::default(), $make);
        log.note((sender.capacity(), sender.max_capacity(), receiver.capacity(), receiver.max_capacity()));
        log.note((sender.strong_count(), sender.weak_count(), receiver.sender_strong_count()));
        log.note(sender.send(1).await);
        log.note((sender.try_send(2), sender.try_send(3), receiver.len(), receiver.is_empty()));
        log.note(sender.send_timeout(3, Duration::from_millis(1)).await);
        log.note((sender.try_reserve().map(drop), sender.try_reserve_many(2).map(drop)));
        log.note((sender.reserve_many(3).await.map(drop), sender.reserve_many(usize::MAX).await.map(drop)));
        log.note(sender.try_reserve_many(usize::MAX).map(drop));
        log.note(
            sender.clone().try_reserve_owned().map(drop).is_err_and(|full| full.to_string() == "no available capacity"),
        );
        {
            let mut waiting = pin!(sender.send(4));
            log.note(poll(waiting.as_mut()).is_pending());
            log.note((receiver.recv().await, receiver.len()));
            log.note(waiting.await);
        }
        log.note((receiver.try_recv(), receiver.try_recv(), receiver.try_recv()));
        let permit = sender.reserve().await.unwrap();
        log.note((sender.capacity(), receiver.capacity()));
        permit.send(5);
        drop(sender.try_reserve().unwrap());
        log.note((sender.capacity(), receiver.recv().await));
        let mut permits = sender.reserve_many(2).await.unwrap();
        log.note((permits.len(), permits.size_hint()));
        permits.next().unwrap().send(6);
        log.note((permits.len(), sender.capacity()));
        drop(permits);
        log.note((sender.try_reserve_many(0).unwrap().next().is_none(), sender.capacity()));
        let owned = sender.clone().reserve_owned().await.unwrap();
        log.note((owned.same_channel(&owned), owned.same_channel_as_sender(&sender), sender.strong_count()));
        log.note(owned.send(7).same_channel(&sender));
        receiver.recv().await;
        let owned = sender.clone().try_reserve_owned().unwrap();
        log.note((owned.release().same_channel(&sender), sender.strong_count(), sender.capacity()));
        sender.send(8).await.unwrap();
        let mut buffer = vec![0];
        log.note((receiver.recv_many(&mut buffer, 0).await, receiver.recv_many(&mut buffer, 10).await, &buffer));
        {
            let mut context = Context::from_waker(Waker::noop());
            log.note(receiver.poll_recv(&mut context));
            log.note(receiver.poll_recv_many(&mut context, &mut buffer, 4));
            sender.try_send(9).unwrap();
            log.note(receiver.poll_recv(&mut context));
            sender.try_send(10).unwrap();
            log.note((receiver.poll_recv_many(&mut context, &mut buffer, 4), &buffer));
        }
        let weak = sender.downgrade();
        log.note((weak.strong_count(), weak.weak_count(), sender.weak_count(), receiver.sender_weak_count()));
        log.note(weak.clone().upgrade().unwrap().same_channel(&sender));
        let theirs = sender.clone();
        let (sent, mut receiver) = tokio::task::spawn_blocking(move || {
            let sent = theirs.blocking_send(11);
            let mut buffer = vec![receiver.blocking_recv().unwrap()];
            theirs.blocking_send(12).unwrap();
            receiver.blocking_recv_many(&mut buffer, 4);
            ((sent, buffer), receiver)
        })
        .await
        .unwrap();
        log.note(sent);
        let panics = tokio::spawn({
            let sender = sender.clone();
            async move { sender.blocking_send(0).is_ok() }
        });
        log.note(panics.await.unwrap_err().is_panic());
        sender.try_send(13).unwrap();
        log.note((sender.is_closed(), receiver.is_closed()));
        receiver.close();
        log.note((sender.is_closed(), receiver.is_closed()));
        sender.closed().await;
        log.note((sender.send(14).await, sender.try_send(15), sender.send_timeout(16, Duration::MAX).await));
        log.note((
            sender.reserve().await.map(drop),
            sender.try_reserve().map(drop),
            sender.reserve_many(1).await.map(drop),
        ));
        log.note(sender.clone().reserve_owned().await.map(drop));
        log.note((receiver.recv().await, receiver.recv().await, receiver.try_recv()));
        drop(sender);
        log.note((weak.upgrade().is_none(), weak.strong_count()));
        log.0
    }};
}

#[tokio::test]
async fn a_bounded_channel_does_what_the_original_does() {
    let ours = bounded!(mpsc::channel("methods-bounded", 2));
    assert_eq!(ours, bounded!(tokio::sync::mpsc::channel(2)));
    let view = channel("methods-bounded", "mpsc");
    assert_eq!((view.sent, view.received, view.queued, view.lost), (12, 12, Some(0), Some(0)));
    assert_eq!((view.full, view.timed_out, view.closed, view.cancelled), (7, 1, 7, 0));
    assert_eq!((view.unused, view.reserved, view.waiting), (3, 0, 0));
    assert_eq!((view.wait.count, view.channels, view.capacity), (1, Some(0), Some(0)));
}

macro_rules! unbounded {
    ($make:expr) => {{
        let (mut log, (sender, mut receiver)) = (Log::default(), $make);
        log.note((sender.send(1), sender.send(2), receiver.len(), receiver.is_empty()));
        log.note((receiver.recv().await, receiver.try_recv(), receiver.try_recv()));
        let mut buffer = Vec::new();
        {
            let mut context = Context::from_waker(Waker::noop());
            log.note((receiver.poll_recv(&mut context), receiver.poll_recv_many(&mut context, &mut buffer, 2)));
        }
        for value in 3..8 {
            sender.send(value).unwrap();
        }
        log.note((receiver.recv_many(&mut buffer, 3).await, &buffer, receiver.len()));
        let (weak, other) = (sender.downgrade(), sender.clone());
        log.note((other.same_channel(&sender), weak.strong_count(), weak.weak_count(), sender.weak_count()));
        log.note((receiver.sender_strong_count(), receiver.sender_weak_count(), sender.strong_count()));
        log.note(weak.clone().upgrade().unwrap().send(8));
        drop((sender, other));
        log.note((weak.upgrade().is_none(), receiver.is_closed()));
        let (got, mut receiver) = tokio::task::spawn_blocking(move || {
            let mut buffer = vec![receiver.blocking_recv().unwrap()];
            receiver.blocking_recv_many(&mut buffer, 1);
            (buffer, receiver)
        })
        .await
        .unwrap();
        log.note((got, receiver.recv().await, receiver.recv().await, receiver.try_recv()));
        let (sender, mut receiver) = $make;
        sender.send(9).unwrap();
        receiver.close();
        sender.closed().await;
        log.note((sender.is_closed(), sender.send(10), receiver.recv().await, receiver.recv().await));
        log.0
    }};
}

#[tokio::test]
async fn an_unbounded_channel_does_what_the_original_does() {
    let ours = unbounded!(mpsc::unbounded_channel("methods-unbounded"));
    assert_eq!(ours, unbounded!(tokio::sync::mpsc::unbounded_channel()));
    let view = channel("methods-unbounded", "unbounded");
    assert_eq!((view.sent, view.received, view.closed, view.lost), (9, 9, 1, Some(0)));
    assert_eq!((view.capacity, view.channels, view.peak), (None, Some(0), None));
}

macro_rules! one {
    ($make:expr) => {{
        let mut log = Log::default();
        let (sender, mut receiver) = $make;
        log.note((sender.is_closed(), receiver.is_empty(), receiver.is_terminated(), receiver.try_recv()));
        log.note((
            sender.send(1),
            receiver.is_empty(),
            receiver.try_recv(),
            receiver.try_recv(),
            receiver.is_terminated(),
        ));
        let (sender, receiver) = $make;
        log.note((sender.send(2), receiver.await));
        let (sender, receiver) = $make;
        drop(sender);
        log.note(receiver.await);
        let (mut sender, receiver) = $make;
        log.note(sender.poll_closed(&mut Context::from_waker(Waker::noop())));
        drop(receiver);
        sender.closed().await;
        log.note((sender.is_closed(), sender.send(3)));
        let (sender, mut receiver) = $make;
        receiver.close();
        log.note((sender.send(4), receiver.await));
        let (sender, mut receiver) = $make;
        log.note(sender.send(5));
        receiver.close();
        log.note(receiver.try_recv());
        let (sender, receiver) = $make;
        sender.send(6).unwrap();
        log.note(tokio::task::spawn_blocking(move || receiver.blocking_recv()).await.unwrap());
        let (sender, receiver) = $make;
        log.note((format!("{sender:?}").is_empty(), format!("{receiver:?}").is_empty()));
        sender.send(7).unwrap();
        drop(receiver);
        log.0
    }};
}

#[tokio::test]
async fn a_channel_for_one_message_does_what_the_original_does() {
    let ours = one!(oneshot::channel::<u8>("methods-oneshot"));
    assert_eq!(ours, one!(tokio::sync::oneshot::channel::<u8>()));
    let view = channel("methods-oneshot", "oneshot");
    assert_eq!((view.attempts, view.sent, view.received, view.closed), (7, 5, 4, 2));
    assert_eq!((view.lost, view.queued, view.channels), (Some(1), Some(0), None));
}

macro_rules! every {
    ($make:expr, $new:expr) => {{
        let (mut log, (sender, mut receiver)) = (Log::default(), $make);
        log.note((sender.receiver_count(), sender.len(), sender.is_empty(), receiver.len(), receiver.is_empty()));
        let mut second = sender.subscribe();
        log.note((sender.send(1), sender.send(2), sender.len(), receiver.len()));
        log.note((receiver.recv().await, second.try_recv(), receiver.try_recv(), receiver.try_recv()));
        for value in 3..9 {
            sender.send(value).unwrap();
        }
        log.note((receiver.recv().await, receiver.recv().await, second.try_recv(), second.try_recv()));
        let mut third = second.resubscribe();
        log.note((third.try_recv(), third.same_channel(&second), sender.receiver_count()));
        let (weak, other) = (sender.downgrade(), sender.clone());
        log.note((other.same_channel(&sender), sender.strong_count(), sender.weak_count(), weak.clone().weak_count()));
        log.note((weak.upgrade().unwrap().send(9), weak.strong_count(), receiver.sender_strong_count()));
        log.note((receiver.sender_weak_count(), receiver.is_closed(), third.recv().await));
        let (got, mut third) = tokio::task::spawn_blocking(move || {
            other.send(10).unwrap();
            (third.blocking_recv(), third)
        })
        .await
        .unwrap();
        log.note(got);
        drop((receiver, second));
        drop(sender);
        log.note((weak.upgrade().is_none(), third.recv().await, third.try_recv(), third.is_closed()));
        let sender = $new;
        sender.closed().await;
        log.note((sender.send(11), format!("{sender:?} {third:?} {weak:?}")));
        log.0
    }};
}

#[tokio::test]
async fn a_broadcast_does_what_the_original_does() {
    let ours = every!(broadcast::channel("methods-broadcast", 4), broadcast::Sender::new("methods-broadcast", 4));
    assert_eq!(ours, every!(tokio::sync::broadcast::channel(4), tokio::sync::broadcast::Sender::new(4)));
    let view = channel("methods-broadcast", "broadcast");
    assert_eq!((view.sent, view.received, view.lagged, view.closed), (10, 7, Some(5), 1));
    assert_eq!((view.lost, view.queued, view.peak, view.capacity), (None, None, None, None));
}

macro_rules! last {
    ($make:expr, $new:expr) => {{
        let (mut log, (sender, mut receiver)) = (Log::default(), $make);
        log.note((*receiver.borrow(), *sender.borrow(), receiver.has_changed(), sender.receiver_count()));
        log.note((sender.send(2), receiver.has_changed(), receiver.changed().await, receiver.has_changed()));
        log.note(*receiver.borrow_and_update());
        log.note(sender.send_replace(3));
        log.note(*receiver.borrow_and_update());
        sender.send_modify(|value| *value += 1);
        log.note((
            sender.send_if_modified(|_| false),
            sender.send_if_modified(|value| *value == 4),
            receiver.has_changed(),
        ));
        receiver.mark_unchanged();
        log.note(receiver.has_changed());
        receiver.mark_changed();
        log.note((receiver.has_changed(), receiver.wait_for(|value| *value == 4).await.map(|value| *value)));
        {
            let mut waiting = pin!(receiver.wait_for(|value| *value == 6));
            log.note(poll(waiting.as_mut()).is_pending());
            sender.send(5).unwrap();
            log.note(poll(waiting.as_mut()).is_pending());
            sender.send(6).unwrap();
            log.note(waiting.await.map(|value| *value));
        }
        let (second, other) = (receiver.clone(), sender.clone());
        log.note((other.same_channel(&sender), second.same_channel(&receiver), sender.sender_count()));
        log.note((sender.subscribe().has_changed(), sender.receiver_count(), sender.is_closed(), receiver.is_closed()));
        log.note(format!("{:?}", *second.borrow()));
        drop((sender, other));
        log.note((
            receiver.changed().await,
            receiver.wait_for(|_| false).await.map(|value| *value),
            receiver.is_closed(),
        ));
        let (sender, receiver) = $make;
        drop(receiver);
        sender.closed().await;
        log.note((sender.send(7), sender.is_closed(), *$new.borrow()));
        log.0
    }};
}

#[tokio::test]
async fn a_watch_does_what_the_original_does() {
    let ours = last!(watch::channel("methods-watch", 1), watch::Sender::new("methods-watch", 8));
    assert_eq!(ours, last!(tokio::sync::watch::channel(1), tokio::sync::watch::Sender::new(8)));
    let view = channel("methods-watch", "watch");
    assert_eq!((view.sent, view.received, view.closed), (6, 5, 1));
    assert_eq!((view.lost, view.queued, view.lagged, view.queue.is_none()), (None, None, None, true));
    assert_eq!(*watch::Sender::<u8>::default().borrow(), 0);
}
