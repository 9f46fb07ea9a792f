//! Locks of `parking_lot`.

use super::{keeps_the_laws, seen};
use perf_sync::parking_lot::{
    Condvar, MappedMutexGuard, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard,
};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn attempts_are_at_once_after_a_wait_or_refused_in_time() {
    static LOCK: Mutex<u32> = Mutex::named("parked-attempts", 0);
    let guard = LOCK.lock();
    assert!(LOCK.is_locked() && LOCK.try_lock().is_none());
    assert!(LOCK.try_lock_for(Duration::from_millis(1)).is_none());
    assert!(LOCK.try_lock_until(Instant::now()).is_none());
    thread::scope(|scope| {
        let waiting = scope.spawn(|| *LOCK.lock() += 1);
        while seen("parked-attempts", "lock").waiting == 0 {
            thread::yield_now();
        }
        MutexGuard::unlock_fair(guard);
        waiting.join().unwrap();
    });
    assert!(LOCK.try_lock_for(Duration::from_secs(1)).is_some());
    let view = seen("parked-attempts", "lock");
    assert_eq!((view.at_once, view.waited, view.refused, view.holding), (2, 1, 3, Some(0)));
    keeps_the_laws(&view, 0, 0);
}

#[test]
fn a_guard_that_lets_go_for_a_while_is_a_hold_less_and_one_more_even_by_a_panic() {
    let lock = Mutex::named("parked-unlocked", 1);
    let mut guard = lock.lock();
    MutexGuard::unlocked(&mut guard, || {
        assert_eq!((lock.is_locked(), seen("parked-unlocked", "lock").holding), (false, Some(0)));
        *lock.lock() += 1;
    });
    assert_eq!((*guard, seen("parked-unlocked", "lock").holders.len()), (2, 1));
    let panicked = catch_unwind(AssertUnwindSafe(|| MutexGuard::unlocked_fair(&mut guard, || panic!("outside"))));
    assert!(panicked.is_err() && lock.is_locked());
    MutexGuard::bump(&mut guard);
    assert_eq!((seen("parked-unlocked", "lock").holding, seen("parked-unlocked", "lock").resumed), (Some(1), 3));
    let mapped = MutexGuard::map(guard, |value| value);
    let mapped = MappedMutexGuard::try_map(mapped, |_| None::<&mut u8>).unwrap_err();
    drop(mapped);
    let view = seen("parked-unlocked", "lock");
    assert_eq!((view.holding, view.holders.len(), lock.is_locked()), (Some(0), 0, false));
    keeps_the_laws(&view, 0, 0);
}

#[test]
fn readers_become_writers_and_writers_readers() {
    let lock = RwLock::named("parked-modes", (1, 2));
    let upgradable = lock.upgradable_read();
    let reader = lock.read();
    assert!(lock.try_upgradable_read().is_none() && lock.try_write().is_none());
    let upgradable = RwLockUpgradableReadGuard::try_upgrade(upgradable).unwrap_err();
    let upgradable = RwLockUpgradableReadGuard::try_upgrade_for(upgradable, Duration::from_millis(1)).unwrap_err();
    drop(reader);
    let writer = RwLockUpgradableReadGuard::upgrade(upgradable);
    assert!(lock.is_locked_exclusive());
    let upgradable = RwLockWriteGuard::downgrade_to_upgradable(writer);
    let reader = RwLockUpgradableReadGuard::downgrade(upgradable);
    assert!(lock.try_read_recursive().is_some());
    let part = RwLockReadGuard::map(reader, |value| &value.0);
    assert_eq!(*part, 1);
    drop(part);
    let reader = RwLockWriteGuard::downgrade(lock.write());
    drop(reader);
    keeps_the_laws(&seen("parked-modes", "read"), 2, 0);
    keeps_the_laws(&seen("parked-modes", "write"), 0, 0);
    keeps_the_laws(&seen("parked-modes", "upgradable_read"), 1, 0);
    for mode in ["read", "write", "upgradable_read"] {
        let view = seen("parked-modes", mode);
        assert_eq!((view.holding, view.holders.len()), (Some(0), 0), "{mode}");
    }
    assert_eq!(seen("parked-modes", "write").refused, 3);
}

#[test]
fn a_condition_variable_lets_go_of_the_mutex() {
    let (ready, changed) = (Mutex::named("parked-ready", false), Condvar::named("parked-changed"));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let mut guard = ready.lock();
            changed.wait_while(&mut guard, |ready| !*ready);
            assert!(*guard);
        });
        loop {
            *ready.lock() = true;
            changed.notify_all();
            if waiting.is_finished() {
                break;
            }
            thread::yield_now();
        }
    });
    let mut guard = ready.lock();
    assert!(changed.wait_for(&mut guard, Duration::from_millis(1)).timed_out());
    assert!(changed.wait_while_for(&mut guard, |_| true, Duration::from_millis(1)).timed_out());
    assert!(!changed.wait_while_for(&mut guard, |_| false, Duration::MAX).timed_out());
    drop(guard);
    keeps_the_laws(&seen("parked-ready", "lock"), 0, 0);
    keeps_the_laws(&seen("parked-changed", "wait"), 0, 0);
    assert_eq!(seen("parked-changed", "wait").refused, 2);
}
