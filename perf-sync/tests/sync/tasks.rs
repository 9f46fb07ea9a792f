//! Locks of tokio's.

use super::{keeps_the_laws, seen, spend_the_budget};
use perf_sync::tokio::{
    Mutex, MutexGuard, Notify, OwnedMutexGuard, OwnedRwLockWriteGuard, RwLock, RwLockWriteGuard, Semaphore,
};
use std::future::Future;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn ready_at_the_first_poll_is_at_once_and_a_drop_while_it_waits_is_cancelled() {
    let lock = Mutex::named("tokio-outcomes", 1);
    drop(lock.lock());
    let Poll::Ready(guard) = poll(pin!(lock.lock())) else { panic!("it is free") };
    {
        let mut given_up = pin!(lock.lock());
        assert!(poll(given_up.as_mut()).is_pending());
        assert_eq!(seen("tokio-outcomes", "lock").waiting, 1);
    }
    assert!(lock.try_lock().is_err());
    let mut waiting = pin!(lock.lock());
    assert!(poll(waiting.as_mut()).is_pending());
    assert!(poll(waiting.as_mut()).is_pending());
    drop(guard);
    assert!(poll(waiting.as_mut()).is_ready());
    let view = seen("tokio-outcomes", "lock");
    assert_eq!((view.attempts, view.at_once, view.waited, view.refused, view.cancelled), (4, 1, 1, 1, 1));
    assert_eq!((view.waiting, view.holding), (0, Some(0)));
    keeps_the_laws(&view, 0, 0);
}

#[test]
fn the_lock_is_free_before_the_hold_is_counted_and_its_holder_named_no_longer() {
    let lock = Mutex::named("tokio-order", 1);
    let guard = lock.try_lock().unwrap();
    assert_eq!(seen("tokio-order", "lock").holders.len(), 1);
    let part = MutexGuard::map(guard, |value| value);
    assert_eq!(seen("tokio-order", "lock").holders.len(), 1, "a mapped guard holds it still");
    drop(part);
    assert!(lock.try_lock().is_ok());
    assert!(seen("tokio-order", "lock").holders.is_empty());
}

#[test]
fn guards_that_own_the_lock_keep_it_and_let_go_of_it() {
    let lock = Arc::new(Mutex::named("tokio-owned", (1, 2)));
    let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    assert!(Arc::ptr_eq(OwnedMutexGuard::mutex(&guard), &lock));
    assert!(Arc::clone(&lock).try_lock_owned().is_err());
    let mut second = OwnedMutexGuard::map(guard, |value| &mut value.1);
    *second = 5;
    let second = perf_sync::tokio::OwnedMappedMutexGuard::try_map(second, |_| None::<&mut u8>).unwrap_err();
    drop(second);
    let Poll::Ready(guard) = poll(pin!(Arc::clone(&lock).lock_owned())) else { panic!("it is free") };
    assert_eq!(*guard, (1, 5));
    drop(lock);
    drop(guard);
    let view = seen("tokio-owned", "lock");
    assert_eq!((view.at_once, view.refused, view.holding), (2, 1, Some(0)));
    keeps_the_laws(&view, 0, 0);
}

#[test]
fn an_owned_guard_of_what_is_borrowed_needs_no_static_value() {
    let text = String::from("short");
    let lock = Arc::new(Mutex::named("tokio-borrowed", text.as_str()));
    let guard = Arc::clone(&lock).try_lock_owned().unwrap();
    assert_eq!(*guard, "short");
}

#[test]
fn a_writer_that_becomes_a_reader_is_a_hold_made_of_another() {
    let lock = Arc::new(RwLock::named("tokio-downgrade", (1, 2)));
    let writer = lock.try_write().unwrap();
    assert!(lock.try_read().is_err());
    let reader = writer.downgrade();
    assert!(lock.try_read().is_ok() && lock.try_write().is_err());
    let (read, write) = (seen("tokio-downgrade", "read"), seen("tokio-downgrade", "write"));
    assert_eq!((read.holding, write.holding), (Some(1), Some(0)));
    drop(reader);
    let owned = Arc::clone(&lock).try_write_owned().unwrap();
    let mut first = OwnedRwLockWriteGuard::map(owned, |value| &mut value.0);
    *first = 7;
    drop(first);
    let owned = Arc::clone(&lock).try_write_owned().unwrap();
    let reader = OwnedRwLockWriteGuard::downgrade_map(owned, |value| &value.0);
    assert_eq!(*reader, 7);
    let second = Arc::clone(&lock).try_read_owned().unwrap();
    assert_eq!(*second, (7, 2));
    drop((reader, second));
    let mapped = RwLockWriteGuard::map(lock.try_write().unwrap(), |value| &mut value.1);
    drop(mapped);
    keeps_the_laws(&seen("tokio-downgrade", "read"), 2, 0);
    keeps_the_laws(&seen("tokio-downgrade", "write"), 0, 0);
    assert_eq!(seen("tokio-downgrade", "read").holding, Some(0));
}

#[test]
fn permits_are_counted_as_they_are_taken_split_merged_forgotten_and_given_back() {
    let permits = Semaphore::named("tokio-permits", 10);
    let mut three = permits.try_acquire_many(3).unwrap();
    assert!(permits.try_acquire_many(8).is_err());
    let in_use = || seen("tokio-permits", "acquire").permits;
    assert_eq!(in_use(), Some(3));
    let one = three.split(1).unwrap();
    assert!(three.split(3).is_none());
    assert_eq!((in_use(), three.num_permits(), one.num_permits()), (Some(3), 2, 1));
    assert_eq!(seen("tokio-permits", "acquire").holding, Some(2));
    drop(one);
    assert_eq!((in_use(), permits.available_permits()), (Some(2), 8));
    let other = permits.try_acquire().unwrap();
    three.merge(other);
    assert_eq!((in_use(), three.num_permits()), (Some(3), 3));
    three.forget();
    assert_eq!((in_use(), permits.available_permits()), (Some(0), 7));
    let view = seen("tokio-permits", "acquire");
    assert_eq!((view.holding, view.forgotten), (Some(0), 1));
    keeps_the_laws(&view, 1, 1);
    mem::forget(permits.try_acquire_many(4).unwrap());
    drop(permits);
    assert_eq!((in_use(), seen("tokio-permits", "acquire").holding), (Some(0), Some(0)));
}

#[test]
fn a_closed_semaphore_refuses_whoever_waits() {
    let permits = Semaphore::named("tokio-closed", 0);
    let mut waiting = pin!(permits.acquire());
    assert!(poll(waiting.as_mut()).is_pending());
    permits.close();
    assert!(matches!(poll(waiting.as_mut()), Poll::Ready(Err(_))));
    assert!(matches!(poll(pin!(permits.acquire())), Poll::Ready(Err(_))));
    let view = seen("tokio-closed", "acquire");
    assert_eq!((view.attempts, view.refused, view.waiting), (2, 2, 0));
    keeps_the_laws(&view, 0, 0);
}

#[test]
fn a_notification_is_waited_for_and_holds_nothing() {
    let notify = Arc::new(Notify::named("tokio-notify"));
    let mut waiting = pin!(notify.notified());
    assert!(poll(waiting.as_mut()).is_pending());
    notify.notify_one();
    assert!(poll(waiting.as_mut()).is_ready());
    let mut owned = pin!(Arc::clone(&notify).notified_owned());
    assert!(!owned.as_mut().enable());
    notify.notify_waiters();
    assert!(poll(owned.as_mut()).is_ready());
    let view = seen("tokio-notify", "notified");
    assert_eq!((view.attempts, view.at_once, view.waited, view.holding), (2, 1, 1, None));
}

#[test]
fn a_loop_over_a_free_lock_yields_as_the_original_does() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let others = runtime.block_on(async {
        let (lock, turns) = (Arc::new(Mutex::named("tokio-coop", ())), Arc::new(std::sync::atomic::AtomicU64::new(0)));
        let theirs = Arc::clone(&turns);
        let other = tokio::spawn(async move {
            loop {
                theirs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                tokio::task::yield_now().await;
            }
        });
        let work = tokio::spawn(async move {
            for _ in 0..2_000 {
                drop(lock.lock().await);
            }
        });
        work.await.unwrap();
        other.abort();
        turns.load(std::sync::atomic::Ordering::Relaxed)
    });
    assert!(others >= 10, "the other task ran {others} times");
    let view = seen("tokio-coop", "lock");
    assert_eq!((view.at_once, view.waited, view.wait.count), (2_000, 0, 0), "to yield is no wait");
}

/// Takes a lock that one can have, free and held, in a task that has no budget left.
async fn takes_it_without_a_budget<F: Future>(lock: &str, mode: &str, take: impl Fn() -> F) {
    let counted = || {
        let view = seen(lock, mode);
        (view.attempts, view.at_once, view.waited, view.waiting, view.cancelled)
    };
    spend_the_budget().await;
    let mut taking = Box::pin(take());
    assert!(poll(taking.as_mut()).is_pending());
    let held = taking.await;
    assert_eq!(counted(), (1, 1, 0, 0, 0), "{lock} was free");
    spend_the_budget().await;
    let mut taking = Box::pin(take());
    assert!(poll(taking.as_mut()).is_pending());
    assert_eq!(counted(), (2, 1, 0, 1, 0), "{lock} is held");
    drop(held);
    drop(taking.await);
    assert_eq!(counted(), (2, 1, 1, 0, 0));
    spend_the_budget().await;
    let mut given_up = Box::pin(take());
    assert!(poll(given_up.as_mut()).is_pending());
    drop(given_up);
    assert_eq!(counted(), (2, 1, 1, 0, 0), "it never waited");
    drop(take().await);
    assert_eq!(counted(), (3, 2, 1, 0, 0), "{lock} is free again");
    keeps_the_laws(&seen(lock, mode), 0, 0);
}

#[tokio::test]
async fn without_a_budget_an_attempt_waits_where_the_lock_is_held_and_nowhere_else() {
    let mutex = Mutex::named("budget-mutex", 0);
    takes_it_without_a_budget("budget-mutex", "lock", || mutex.lock()).await;
    let lock = RwLock::named("budget-rwlock", 0);
    takes_it_without_a_budget("budget-rwlock", "write", || lock.write()).await;
    let semaphore = Semaphore::named("budget-semaphore", 1);
    takes_it_without_a_budget("budget-semaphore", "acquire", || semaphore.acquire()).await;
}

#[test]
fn a_future_may_be_shared_where_its_guard_may_not() {
    fn is_sync<F: Future + Sync>(_: F) {}
    is_sync(tokio::sync::Mutex::new(std::cell::Cell::new(0)).lock());
    is_sync(Mutex::new(std::cell::Cell::new(0)).lock());
}

#[test]
fn a_thread_that_may_block_takes_it_at_once_and_one_that_may_not_is_told_by_a_panic() {
    let lock = Arc::new(Mutex::named("tokio-blocking", 0));
    *lock.blocking_lock() += 1;
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let theirs = Arc::clone(&lock);
    runtime.block_on(async move {
        let on_its_thread = Arc::clone(&theirs);
        tokio::task::spawn_blocking(move || *on_its_thread.blocking_lock() += 1).await.unwrap();
        let panics = tokio::spawn(async move { drop(theirs.blocking_lock()) });
        assert!(panics.await.unwrap_err().is_panic());
    });
    let view = seen("tokio-blocking", "lock");
    assert_eq!((view.attempts, view.at_once), (2, 2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_storm_of_tasks_adds_up() {
    const TASKS: u64 = 16;
    const EACH: u64 = 200;
    let (lock, shared) = (Arc::new(Mutex::named("tokio-storm", 0_u64)), Arc::new(RwLock::named("tokio-storm", 0_u64)));
    let permits = Arc::new(Semaphore::named("tokio-storm", 3));
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (lock, shared, permits) = (Arc::clone(&lock), Arc::clone(&shared), Arc::clone(&permits));
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let _permit = Arc::clone(&permits).acquire_owned().await.unwrap();
                    *lock.lock().await += 1;
                    if (task + turn) % 5 == 0 {
                        *shared.write().await += 1;
                    } else {
                        let _read = shared.read().await;
                        tokio::task::yield_now().await;
                    }
                    let _ = tokio::time::timeout(Duration::ZERO, lock.lock()).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(*lock.lock().await, TASKS * EACH);
    for mode in ["lock", "read", "write", "acquire"] {
        let view = seen("tokio-storm", mode);
        keeps_the_laws(&view, 0, 0);
        assert_eq!((view.waiting, view.holding, view.holders.len(), view.waiters.len()), (0, Some(0), 0, 0));
    }
    assert_eq!(seen("tokio-storm", "acquire").attempts, TASKS * EACH);
    assert_eq!(seen("tokio-storm", "acquire").permits, Some(0));
}
