//! Channels of crossbeam's: each message is received, queued or lost, however it waited, and they are otherwise what the originals are.

use super::channel;
use perf_sync::ChannelView;
use perf_sync::crossbeam_channel::{
    self, Receiver, RecvError, RecvTimeoutError, Select, SendError, SendTimeoutError, Sender, TryRecvError,
    TrySendError, after,
};
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use std::time::{Duration, Instant};

/// Sent, received, queued and lost.
fn sums(name: &str) -> (u64, u64, u64, u64) {
    let ChannelView { sent, received, queued, lost, .. } = channel(name, "mpmc");
    (sent, received, queued.unwrap(), lost.unwrap())
}

#[test]
fn a_message_is_counted_once_and_by_one_of_several_receivers() {
    let (sender, receiver) = crossbeam_channel::bounded("crossbeam-once", 2);
    let other = receiver.clone();
    assert_eq!((sender.send(1), sender.try_send(2), sender.try_send(3)), (Ok(()), Ok(()), Err(TrySendError::Full(3))));
    assert_eq!((sender.is_full(), receiver.len(), sender.capacity()), (true, 2, Some(2)));
    assert_eq!(sums("crossbeam-once"), (2, 0, 2, 0));
    assert_eq!((receiver.try_recv(), other.recv(), other.try_recv()), (Ok(1), Ok(2), Err(TryRecvError::Empty)));
    assert_eq!(other.recv_timeout(Duration::ZERO), Err(RecvTimeoutError::Timeout));
    let view = channel("crossbeam-once", "mpmc");
    assert_eq!((sums("crossbeam-once"), view.full, view.capacity), ((2, 2, 0, 0), 1, Some(2)));
    drop(receiver);
    assert_eq!(channel("crossbeam-once", "mpmc").channels, Some(1), "a receiver is there");
    drop(other);
    assert_eq!((sender.send(4), sender.try_send(5)), (Err(SendError(4)), Err(TrySendError::Disconnected(5))));
    assert_eq!(sender.send_deadline(6, Instant::now()), Err(SendTimeoutError::Disconnected(6)));
    let view = channel("crossbeam-once", "mpmc");
    assert_eq!((view.channels, view.closed, sums("crossbeam-once")), (Some(0), 3, (2, 2, 0, 0)));
}

#[test]
fn messages_that_nobody_receives_are_lost_with_the_last_receiver() {
    let (sender, receiver) = crossbeam_channel::unbounded("crossbeam-lost");
    (0..3).for_each(|message| sender.send(message).unwrap());
    assert_eq!(receiver.recv(), Ok(0));
    drop(receiver);
    let view = channel("crossbeam-lost", "unbounded_mpmc");
    assert_eq!((view.sent, view.received, view.queued, view.lost), (3, 1, Some(0), Some(2)));
}

#[test]
fn a_send_waits_for_room_and_a_time_that_is_over_is_no_send() {
    let (sender, receiver) = crossbeam_channel::bounded("crossbeam-wait", 1);
    sender.send(1).unwrap();
    assert_eq!(sender.send_timeout(2, Duration::from_millis(1)), Err(SendTimeoutError::Timeout(2)));
    assert_eq!(channel("crossbeam-wait", "mpmc").timed_out, 1);
    thread::scope(|scope| {
        let waits = scope.spawn(|| sender.send(3));
        while channel("crossbeam-wait", "mpmc").waiting == 0 {
            thread::yield_now();
        }
        assert_eq!(receiver.iter().take(2).collect::<Vec<_>>(), [1, 3]);
        assert_eq!(waits.join().unwrap(), Ok(()));
    });
    let view = channel("crossbeam-wait", "mpmc");
    assert_eq!((view.waiting, view.wait.count, sums("crossbeam-wait")), (0, 1, (2, 2, 0, 0)));
}

#[test]
fn without_capacity_a_message_goes_from_hand_to_hand() {
    let (sender, receiver) = crossbeam_channel::bounded("crossbeam-zero", 0);
    assert_eq!(sender.try_send(1), Err(TrySendError::Full(1)));
    thread::scope(|scope| {
        let taken = scope.spawn(|| receiver.recv());
        assert_eq!(sender.send(2), Ok(()));
        assert_eq!(taken.join().unwrap(), Ok(2));
    });
    assert_eq!((channel("crossbeam-zero", "mpmc").full, sums("crossbeam-zero")), (1, (1, 1, 0, 0)));
}

#[test]
fn what_a_selection_chose_is_counted() {
    let (sender, receiver) = crossbeam_channel::bounded("crossbeam-select", 1);
    let (_other, words) = crossbeam_channel::bounded::<&str>("crossbeam-select", 1);
    let mut select = Select::new_biased();
    let (sends, takes, other) = (select.send(&sender), select.recv(&receiver), select.recv(&words));
    let operation = select.select();
    assert_eq!(operation.index(), sends, "there is room and no message");
    operation.send(&sender, 7).unwrap();
    let operation = select.select_timeout(Duration::from_secs(60)).unwrap();
    assert_eq!((operation.index(), operation.recv(&receiver)), (takes, Ok(7)));
    assert_eq!(sums("crossbeam-select"), (1, 1, 0, 0));
    select.remove(sends);
    assert!(select.try_select().is_err() && select.try_ready().is_err());
    let time = after(Duration::ZERO);
    let is_over = select.recv_unwatched(&time);
    let operation = select.select();
    assert_eq!(operation.index(), is_over);
    assert!(operation.recv_unwatched(&time).is_ok() && other != is_over);
    drop(select);
    drop(receiver);
    let mut select = Select::new();
    select.send(&sender);
    assert_eq!(select.select().send(&sender, 8), Err(SendError(8)));
    assert_eq!((channel("crossbeam-select", "mpmc").closed, sums("crossbeam-select")), (1, (1, 1, 0, 0)));
}

#[test]
fn a_storm_loses_none() {
    let (sender, receiver) = crossbeam_channel::bounded::<u64>("crossbeam-storm", 3);
    let sum: u64 = thread::scope(|scope| {
        for of in 0..4 {
            let sender = sender.clone();
            scope.spawn(move || (0..2_000).for_each(|number| sender.send(4 * number + of).unwrap()));
        }
        drop(sender);
        let receivers =
            [0; 3].map(|_| receiver.clone()).map(|receiver| scope.spawn(move || receiver.into_iter().sum::<u64>()));
        drop(receiver);
        receivers.into_iter().map(|receiver| receiver.join().unwrap()).sum()
    });
    assert_eq!((sum, sums("crossbeam-storm")), ((0..8_000).sum(), (8_000, 8_000, 0, 0)));
}

#[test]
fn they_are_as_safe_as_the_originals_and_shown_whatever_they_carry() {
    struct Opaque;
    fn is_safe<T: Send + Sync + UnwindSafe + RefUnwindSafe>(_: &T) {}
    let (sender, receiver): (Sender<Opaque>, Receiver<Opaque>) = crossbeam_channel::unbounded("crossbeam-opaque");
    is_safe(&sender);
    is_safe(&receiver);
    assert_eq!(format!("{sender:?} {receiver:?}"), "Sender { .. } Receiver { .. }");
    assert_eq!(format!("{:?} {:?}", receiver.iter(), receiver.try_iter()), "Iter { .. } TryIter { .. }");
    assert!(sender.same_channel(&sender.clone()) && receiver.same_channel(&receiver.clone()));
    drop(sender);
    assert!(matches!(receiver.recv(), Err(RecvError)));
    assert_eq!(format!("{:?}", receiver.into_iter()), "IntoIter { .. }");
}
