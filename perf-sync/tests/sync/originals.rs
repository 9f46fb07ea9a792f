//! Locks of tokio's do what the originals do: each method, who comes next of those that wait, and the budget of a task, by scripts that both run.

use perf_sync::tokio as ours;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use tokio::sync as theirs;

/// The events seen, in order.
#[derive(Default)]
struct Log(Vec<String>);

impl Log {
    fn note(&mut self, value: impl Debug) {
        self.0.push(format!("{value:?}"));
    }
}

/// Futures that wait, each with a number.
type Waiting<F> = Vec<(u32, Pin<Box<F>>)>;

/// Polls all, the last one first, until one is ready: that one leaves them.
fn next<F: Future>(waiting: &mut Waiting<F>) -> Option<(u32, F::Output)> {
    for place in (0..waiting.len()).rev() {
        if let Poll::Ready(output) = waiting[place].1.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return Some((waiting.remove(place).0, output));
        }
    }
    None
}

/// The numbers in the order in which they have their turn, where each lets go at once.
fn turns<F: Future>(mut waiting: Waiting<F>) -> Vec<u32> {
    let mut order = Vec::new();
    while let Some((number, output)) = next(&mut waiting) {
        drop(output);
        order.push(number);
    }
    order
}

macro_rules! mutex {
    ($of:ident) => {{
        let (mut log, lock) = (Log::default(), Arc::new($of::Mutex::new((1, 2))));
        let guard = lock.lock().await;
        log.note((&*guard, lock.try_lock().is_err(), Arc::clone(&lock).try_lock_owned().is_err()));
        log.note((&lock, $of::MutexGuard::mutex(&guard).try_lock().is_err()));
        let mut waiting: Waiting<_> = (0..4).map(|number| (number, Box::pin(lock.lock()))).collect();
        log.note(next(&mut waiting).is_none());
        drop(waiting.remove(1));
        drop(guard);
        // It goes to who waited first, and to nobody who comes by.
        log.note((lock.try_lock().is_err(), turns(waiting), lock.try_lock().map(|guard| *guard)));
        let mut first = $of::MutexGuard::map(lock.lock().await, |both| &mut both.0);
        *first += 6;
        log.note((format!("{first:?} {first}"), lock.try_lock().is_err()));
        drop(first);
        let none = $of::MutexGuard::try_map(lock.lock().await, |_| None::<&mut i32>);
        log.note(none.map(drop).map_err(|guard| *guard));
        let owned = Arc::clone(&lock).lock_owned().await;
        log.note((Arc::ptr_eq($of::OwnedMutexGuard::mutex(&owned), &lock), Arc::strong_count(&lock)));
        let second = $of::OwnedMutexGuard::map(owned, |both| &mut both.1);
        log.note((*second, Arc::strong_count(&lock)));
        drop(second);
        let theirs = Arc::clone(&lock);
        let blocking = tokio::task::spawn_blocking(move || {
            theirs.blocking_lock().1 = 9;
            *theirs.blocking_lock_owned()
        });
        log.note(blocking.await.unwrap());
        let panics = Arc::clone(&lock);
        let panics = tokio::spawn(async move {
            let _guard = panics.lock().await;
            panic!("it is not poisoned")
        });
        log.note((panics.await.map(|()| ()).unwrap_err().is_panic(), *lock.lock().await));
        log.note(Arc::try_unwrap(lock).map(|mut lock| (*lock.get_mut(), lock.into_inner())));
        log.0
    }};
}

#[tokio::test]
async fn a_mutex_does_what_the_original_does() {
    assert_eq!(mutex!(ours), mutex!(theirs));
}

macro_rules! rwlock {
    ($of:ident) => {{
        let (mut log, lock) = (Log::default(), Arc::new($of::RwLock::with_max_readers((1, 2), 3)));
        let readers = [lock.read().await, lock.read().await];
        log.note((*readers[0], lock.try_read().is_ok(), lock.try_write().is_err(), &lock));
        let mut writers: Waiting<_> = (0..2).map(|number| (number, Box::pin(lock.write()))).collect();
        log.note((next(&mut writers).is_none(), lock.try_read().is_err()));
        let mut late: Waiting<_> = (2..4).map(|number| (number, Box::pin(lock.read()))).collect();
        log.note(next(&mut late).is_none());
        drop(readers);
        log.note((next(&mut late).is_none(), turns(writers), turns(late)));
        let mut guard = lock.write().await;
        guard.0 = 5;
        let guard = guard.downgrade();
        log.note((*guard, lock.try_read().is_ok(), lock.try_write().is_err()));
        let first = $of::RwLockReadGuard::map(guard, |both| &both.0);
        log.note((*first, lock.try_write().is_err()));
        drop(first);
        let mut second = $of::RwLockWriteGuard::map(lock.write().await, |both| &mut both.1);
        *second += 1;
        log.note((*second, lock.try_read().is_err()));
        drop(second);
        let (one, other) = (Arc::clone(&lock).read_owned().await, Arc::clone(&lock).try_read_owned());
        log.note((*one, other.is_ok(), Arc::clone(&lock).try_write_owned().is_err()));
        drop((one, other));
        let theirs = Arc::clone(&lock);
        let blocking = tokio::task::spawn_blocking(move || {
            theirs.blocking_write().1 = 7;
            *theirs.blocking_read()
        });
        log.note((blocking.await.unwrap(), *lock.write_owned().await));
        log.0
    }};
}

#[tokio::test]
async fn a_lock_for_readers_and_writers_does_what_the_original_does() {
    assert_eq!(rwlock!(ours), rwlock!(theirs));
}

macro_rules! semaphore {
    ($of:ident) => {{
        let (mut log, permits) = (Log::default(), Arc::new($of::Semaphore::new(3)));
        let mut two = permits.acquire_many(2).await.unwrap();
        log.note((permits.available_permits(), permits.try_acquire_many(2).map(drop), two.num_permits()));
        // One that wants many is not overtaken by those that want few.
        let wanted = [3_u32, 1, 2];
        let mut waiting: Waiting<_> =
            (0..).zip(wanted).map(|(number, wanted)| (number, Box::pin(permits.acquire_many(wanted)))).collect();
        // In the order of their numbers.
        waiting.reverse();
        log.note((next(&mut waiting).is_none(), permits.try_acquire().map(drop), permits.available_permits()));
        let one = two.split(1).unwrap();
        log.note((one.num_permits(), two.num_permits(), two.split(9).is_none()));
        two.merge(one);
        drop(two);
        log.note((turns(waiting), permits.available_permits()));
        permits.acquire().await.unwrap().forget();
        permits.add_permits(2);
        log.note((permits.available_permits(), permits.forget_permits(9), permits.available_permits()));
        permits.add_permits(1);
        let owned = Arc::clone(&permits).acquire_owned().await.unwrap();
        log.note((Arc::ptr_eq(owned.semaphore(), &permits), Arc::clone(&permits).try_acquire_owned().map(drop)));
        let mut closes: Waiting<_> = vec![(7, Box::pin(permits.acquire()))];
        log.note((next(&mut closes).is_none(), permits.is_closed()));
        permits.close();
        log.note((next(&mut closes).map(|(number, closed)| (number, closed.is_err())), permits.is_closed()));
        drop(owned);
        log.note((permits.try_acquire().map(drop), permits.available_permits()));
        log.note((permits.acquire().await.map(drop), Arc::clone(&permits).acquire_many_owned(1).await.map(drop)));
        log.0
    }};
}

#[tokio::test]
async fn a_semaphore_does_what_the_original_does() {
    assert_eq!(semaphore!(ours), semaphore!(theirs));
}

macro_rules! notify {
    ($of:ident) => {{
        let (mut log, bell) = (Log::default(), Arc::new($of::Notify::new()));
        bell.notify_one();
        bell.notify_one();
        let mut kept: Waiting<_> = (0..2).map(|number| (number, Box::pin(bell.notified()))).collect();
        log.note((next(&mut kept), next(&mut kept)));
        let mut waiting: Waiting<_> = (0..5).map(|number| (number, Box::pin(bell.notified()))).collect();
        for (_, one) in &mut waiting {
            _ = one.as_mut().enable();
        }
        bell.notify_one();
        log.note((next(&mut waiting), next(&mut waiting)));
        bell.notify_last();
        log.note((next(&mut waiting), next(&mut waiting)));
        bell.notify_waiters();
        let mut late: Waiting<_> = vec![(9, Box::pin(bell.notified()))];
        log.note((next(&mut late), turns(waiting)));
        let mut owned: Waiting<_> = vec![(8, Box::pin(Arc::clone(&bell).notified_owned()))];
        log.note(next(&mut owned));
        drop(late);
        bell.notify_one();
        log.note(next(&mut owned));
        log.0
    }};
}

#[tokio::test]
async fn a_notification_does_what_the_original_does() {
    assert_eq!(notify!(ours), notify!(theirs));
}

/// The number of a thousand that a task gets done in each of its turns, until all are.
async fn in_each_turn<W: Future>(mut work: impl FnMut() -> W) -> Vec<u32> {
    let (mut turns, mut done) = (vec![0], 0);
    let mut current = Box::pin(work());
    std::future::poll_fn(move |context| {
        while done < 1_000 {
            if current.as_mut().poll(context).is_pending() {
                turns.push(0);
                return Poll::Pending;
            }
            if let Some(turn) = turns.last_mut() {
                *turn += 1;
            }
            done += 1;
            current = Box::pin(work());
        }
        Poll::Ready(std::mem::take(&mut turns))
    })
    .await
}

macro_rules! budgets {
    ($of:ident) => {{
        let lock = Arc::new($of::Mutex::new(()));
        let of_lock = tokio::spawn(in_each_turn(move || {
            let lock = Arc::clone(&lock);
            async move { drop(lock.lock().await) }
        }));
        let lock = Arc::new($of::RwLock::new(()));
        let of_reads = tokio::spawn(in_each_turn(move || {
            let lock = Arc::clone(&lock);
            async move { drop(lock.read().await) }
        }));
        let permits = Arc::new($of::Semaphore::new(1));
        let of_permits = tokio::spawn(in_each_turn(move || {
            let permits = Arc::clone(&permits);
            async move { drop(permits.acquire_owned().await) }
        }));
        [of_lock.await.unwrap(), of_reads.await.unwrap(), of_permits.await.unwrap()]
    }};
}

#[tokio::test]
async fn a_task_that_takes_free_locks_has_the_budget_that_the_originals_give_it() {
    let (ours, theirs) = (budgets!(ours), budgets!(theirs));
    assert!(theirs.iter().all(|turns| turns.len() > 1), "the originals have a budget: {theirs:?}");
    assert_eq!(ours, theirs);
}

#[test]
fn all_of_them_are_made_in_constants() {
    static LOCK: ours::Mutex<u8> = ours::Mutex::const_new(1);
    static BOTH: ours::RwLock<u8> = ours::RwLock::const_with_max_readers(2, 4);
    static PERMITS: ours::Semaphore = ours::Semaphore::const_new(3);
    static BELL: ours::Notify = ours::Notify::const_new();
    static PARKED: perf_sync::std::Mutex<u8> = perf_sync::std::Mutex::new(4);
    static HELD: perf_sync::std::RwLock<u8> = perf_sync::std::RwLock::new(5);
    static WOKEN: perf_sync::std::Condvar = perf_sync::std::Condvar::new();
    assert_eq!(
        (LOCK.try_lock().map(|guard| *guard).ok(), BOTH.try_read().map(|guard| *guard).ok()),
        (Some(1), Some(2))
    );
    assert_eq!((PERMITS.available_permits(), *PARKED.lock().unwrap(), *HELD.read().unwrap()), (3, 4, 5));
    BELL.notify_one();
    WOKEN.notify_all();
}
