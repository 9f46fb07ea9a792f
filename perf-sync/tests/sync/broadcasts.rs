//! Broadcasts: for each receiver, what was sent since it subscribed is what it got, what it was too late for, and what it has before it.

use super::channel;
use perf_sync::tokio::broadcast::error::TryRecvError;
use perf_sync::tokio::broadcast::{self, Receiver};
use std::thread;

/// Everything that a receiver gets: messages, and those that it was too late for.
fn drain(receiver: &mut Receiver<u64>) -> (u64, u64) {
    let (mut got, mut late) = (0, 0);
    loop {
        match receiver.try_recv() {
            Ok(_) => got += 1,
            Err(TryRecvError::Lagged(messages)) => late += messages,
            Err(TryRecvError::Empty | TryRecvError::Closed) => return (got, late),
        }
    }
}

#[test]
fn receivers_that_lag_and_receivers_that_go_leave_counts_that_stay_true() {
    let (sender, mut first) = broadcast::channel("broadcasts-lag", 4);
    let mut second = sender.subscribe();
    for value in 0..10 {
        sender.send(value).unwrap();
    }
    let third = sender.subscribe();
    sender.send(10).unwrap();
    assert_eq!(drain(&mut first), (4, 7));
    assert_eq!(second.try_recv(), Err(TryRecvError::Lagged(7)));
    assert_eq!(second.len(), 4);
    drop((second, third));
    let view = channel("broadcasts-lag", "broadcast");
    assert_eq!((view.sent, view.received, view.lagged, view.queued, view.lost), (11, 4, Some(14), None, None));
    drop(first);
    assert!(sender.send(11).is_err());
    let view = channel("broadcasts-lag", "broadcast");
    assert_eq!((view.sent, view.closed, view.received, view.lagged), (11, 1, 4, Some(14)));
}

#[test]
fn each_receiver_of_a_storm_adds_up() {
    const EACH: u64 = 3_000;
    let (sender, receiver) = broadcast::channel("broadcasts-storm", 64);
    let receivers: Vec<_> = (0..3).map(|_| receiver.resubscribe()).collect();
    drop(receiver);
    let sums: Vec<(u64, u64)> = thread::scope(|scope| {
        for _ in 0..2 {
            let sender = sender.clone();
            scope.spawn(move || (0..EACH).for_each(|value| _ = sender.send(value).unwrap()));
        }
        drop(sender);
        let drained = receivers.into_iter().map(|mut receiver| {
            scope.spawn(move || {
                let mut sum = (0, 0);
                while !receiver.is_closed() || !receiver.is_empty() {
                    let (got, late) = drain(&mut receiver);
                    sum = (sum.0 + got, sum.1 + late);
                    thread::yield_now();
                }
                sum
            })
        });
        let drained: Vec<_> = drained.collect();
        drained.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(sums.iter().all(|(got, late)| got + late == 2 * EACH), "{sums:?}");
    let view = channel("broadcasts-storm", "broadcast");
    let sum = |of: fn(&(u64, u64)) -> u64| sums.iter().map(of).sum::<u64>();
    assert_eq!((view.sent, view.received, view.lagged), (2 * EACH, sum(|sum| sum.0), Some(sum(|sum| sum.1))));
}
