//! Locks of the standard library's.

use super::{keeps_the_laws, seen};
use perf_sync::std::{Condvar, Mutex, RwLock};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Barrier, TryLockError};
use std::thread;
use std::time::Duration;

#[test]
fn attempts_are_at_once_after_a_wait_or_refused() {
    static LOCK: Mutex<u32> = Mutex::named("std-attempts", 0);
    let guard = LOCK.lock().unwrap();
    assert!(matches!(LOCK.try_lock(), Err(TryLockError::WouldBlock)));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| *LOCK.lock().unwrap() += 1);
        while seen("std-attempts", "lock").waiting == 0 {
            thread::yield_now();
        }
        let view = seen("std-attempts", "lock");
        assert_eq!((view.waiting, view.holding, view.waiters.len(), view.holders.len()), (1, Some(1), 1, 1));
        assert_eq!(view.waiters[0].instance, view.holders[0].instance);
        assert!(view.longest_wait_seconds.is_some());
        drop(guard);
        waiting.join().unwrap();
    });
    let view = seen("std-attempts", "lock");
    assert_eq!((view.attempts, view.at_once, view.waited, view.refused), (3, 1, 1, 1));
    assert_eq!((view.waiting, view.holding, view.longest_wait_seconds), (0, Some(0), None));
    assert!(view.holders.is_empty() && view.waiters.is_empty());
    keeps_the_laws(&view, 0, 0);
    assert_eq!(*LOCK.lock().unwrap(), 1);
}

#[test]
fn a_panic_poisons_as_it_does_the_original() {
    let lock = Mutex::named("std-poison", 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.lock().unwrap();
        panic!("while it is held");
    }));
    assert!(panicked.is_err() && lock.is_poisoned());
    assert_eq!(*lock.lock().unwrap_err().into_inner(), 1);
    assert!(matches!(lock.try_lock(), Err(TryLockError::Poisoned(_))));
    let view = seen("std-poison", "lock");
    assert_eq!((view.at_once, view.poisoned, view.holding), (3, 2, Some(0)));
    keeps_the_laws(&view, 0, 0);
    lock.clear_poison();
    assert!(lock.lock().is_ok());
    let lock = RwLock::named("std-poison", 1);
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = lock.write().unwrap();
        panic!("while it is held");
    }));
    assert!(panicked.is_err() && lock.read().is_err() && lock.into_inner().is_err());
}

#[test]
fn readers_are_together_and_named_up_to_four() {
    let lock = RwLock::named("std-readers", ());
    let guards: Vec<_> = (0..6).map(|_| lock.read().unwrap()).collect();
    assert!(lock.try_write().is_err());
    let view = seen("std-readers", "read");
    assert_eq!((view.at_once, view.holding, view.holders.len()), (6, Some(6), 4));
    assert_eq!(seen("std-readers", "write").refused, 1);
    drop(guards);
    drop(lock.write().unwrap());
    let view = seen("std-readers", "read");
    assert_eq!((view.holding, view.holders.len()), (Some(0), 0));
    keeps_the_laws(&view, 0, 0);
    keeps_the_laws(&seen("std-readers", "write"), 0, 0);
}

#[test]
fn a_condition_variable_lets_go_of_the_mutex_and_takes_it_again() {
    let (ready, changed) = (Mutex::named("std-ready", false), Condvar::named("std-changed"));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let guard = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
            assert!(*guard);
        });
        while seen_waiting() == 0 {
            thread::yield_now();
        }
        let mut guard = ready.lock().unwrap();
        *guard = true;
        drop(guard);
        changed.notify_all();
        waiting.join().unwrap();
    });
    let (mutex, condvar) = (seen("std-ready", "lock"), seen("std-changed", "wait"));
    assert_eq!(mutex.resumed, condvar.waited, "each wait takes the mutex again");
    assert_eq!((condvar.holding, condvar.hold.is_none(), condvar.waiting), (None, true, 0));
    keeps_the_laws(&mutex, 0, 0);
    let guard = ready.lock().unwrap();
    let (guard, result) = changed.wait_timeout_while(guard, Duration::from_millis(1), |_| true).unwrap();
    assert!(result.timed_out());
    let (guard, result) = changed.wait_timeout_while(guard, Duration::from_secs(9), |_| false).unwrap();
    assert!(!result.timed_out());
    let (guard, result) = changed.wait_timeout(guard, Duration::ZERO).unwrap();
    assert!(result.timed_out());
    drop(guard);
    assert!(seen("std-changed", "wait").refused >= 2);
    keeps_the_laws(&seen("std-ready", "lock"), 0, 0);
    keeps_the_laws(&seen("std-changed", "wait"), 0, 0);
}

fn seen_waiting() -> u64 {
    static SHOWN: std::sync::OnceLock<(perf_runtime::Monitor, perf_sync::Locks)> = std::sync::OnceLock::new();
    let (_, locks) = SHOWN.get_or_init(super::monitor);
    let locks = locks.view().view().locks;
    locks.iter().filter(|view| &*view.lock == "std-changed" && view.mode == "wait").map(|view| view.waiting).sum()
}

#[test]
fn a_storm_adds_up() {
    static LOCK: Mutex<u64> = Mutex::named("std-storm", 0);
    static SHARED: RwLock<u64> = RwLock::named("std-storm", 0);
    const THREADS: u64 = 4;
    const EACH: u64 = 2_000;
    let start = Barrier::new(4);
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                start.wait();
                for turn in 0..EACH {
                    *LOCK.lock().unwrap() += 1;
                    if turn % 10 == 0 {
                        *SHARED.write().unwrap() += 1;
                    } else {
                        let _sum = *SHARED.read().unwrap();
                    }
                }
            });
        }
        for _ in 0..20 {
            if let Some(view) = seen_if_taken("std-storm", "lock") {
                keeps_the_laws(&view, 0, 0);
            }
        }
    });
    assert_eq!(*LOCK.lock().unwrap(), THREADS * EACH);
    let views = [seen("std-storm", "lock"), seen("std-storm", "read"), seen("std-storm", "write")];
    for view in &views {
        keeps_the_laws(view, 0, 0);
    }
    assert_eq!(
        views.each_ref().map(|view| view.attempts),
        [THREADS * EACH + 1, THREADS * EACH * 9 / 10, THREADS * EACH / 10]
    );
    assert!(views.iter().all(|view| view.holding == Some(0) && view.holders.is_empty()));
}

fn seen_if_taken(lock: &str, mode: &str) -> Option<perf_sync::LockView> {
    catch_unwind(|| seen(lock, mode)).ok()
}
