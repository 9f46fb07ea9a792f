//! Waits that look like cycles and are none, and cycles that are told.

use super::{judging, seen};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::Locks;
use perf_sync::tokio::{Mutex, MutexGuard, Semaphore};
use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;
use tokio::task::{JoinHandle, yield_now};

async fn some_turns() {
    for _ in 0..10 {
        yield_now().await;
    }
}

/// The cycles through locks whose names begin so, after six seconds that were observed.
fn told(locks: &Locks, name: &str) -> usize {
    locks.view().view().deadlocks.iter().filter(|deadlock| deadlock.cycle.contains(name)).count()
}

async fn end(tasks: impl IntoIterator<Item = JoinHandle<()>>) {
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
}

#[tokio::test]
async fn permits_and_guards_that_go_to_another_task_are_not_the_first_tasks() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let permits = Arc::new(Semaphore::named("cycles-accept", 1));
    let accept = tokio::spawn(async move {
        loop {
            let permit = Arc::clone(&permits).acquire_owned().await.unwrap();
            tokio::spawn(async move {
                pending::<()>().await;
                drop(permit);
            });
        }
    });
    // The guard of the second lock goes away, and the one that sent it waits for the first, whose holder waits for the second.
    let (first, second) = (Arc::new(Mutex::named("cycles-sent-a", ())), Arc::new(Mutex::named("cycles-sent-b", ())));
    let (theirs, other) = (Arc::clone(&first), Arc::clone(&second));
    let sends = tokio::spawn(async move {
        let guard = other.lock_owned().await;
        let held = tokio::spawn(async move {
            pending::<()>().await;
            drop(guard);
        });
        yield_now().await;
        drop(theirs.lock().await);
        held.abort();
    });
    let waits = tokio::spawn(async move {
        let _first = first.lock().await;
        some_turns().await;
        drop(second.lock().await);
    });
    for _ in 0..4 {
        some_turns().await;
    }
    assert_eq!((seen("cycles-accept", "acquire").waiting, seen("cycles-sent-b", "lock").waiting), (1, 1));
    clock.advance(Duration::from_secs(6));
    monitor.tick();
    assert_eq!(
        (told(&locks, "cycles-accept"), told(&locks, "cycles-sent")),
        (0, 0),
        "{:?}",
        locks.view().view().deadlocks
    );
    end([accept, sends, waits]).await;
}

#[tokio::test]
async fn futures_of_one_task_that_wait_for_each_other_are_no_cycle() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let lock = Arc::new(Mutex::named("cycles-joined", ()));
    let each = |lock: Arc<Mutex<()>>| async move {
        let _guard = lock.lock().await;
        pending::<()>().await;
    };
    let joined = tokio::spawn({
        let (first, second) = (each(Arc::clone(&lock)), each(Arc::clone(&lock)));
        async move {
            tokio::join!(first, second);
        }
    });
    some_turns().await;
    // The same outside of a task: this test is polled by `block_on`.
    let (mut first, mut second) = (pin!(each(Arc::clone(&lock))), pin!(lock.lock()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(first.as_mut().poll(&mut context).is_pending() && second.as_mut().poll(&mut context).is_pending());
    clock.advance(Duration::from_secs(6));
    monitor.tick();
    assert_eq!((seen("cycles-joined", "lock").waiting, told(&locks, "cycles-joined")), (3, 0));
    end([joined]).await;
}

#[cfg(feature = "parking_lot")]
#[test]
fn one_that_upgrades_waits_for_readers_and_not_for_itself() {
    use perf_sync::parking_lot::{RwLock, RwLockUpgradableReadGuard};

    static LOCK: RwLock<u8> = RwLock::named("cycles-upgrade", 1);
    let _one = crate::ONE_BY_ONE.blocking_lock();
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    *LOCK.write() += 1;
    let reader = LOCK.read();
    std::thread::scope(|scope| {
        let upgrades = scope.spawn(|| *RwLockUpgradableReadGuard::upgrade(LOCK.upgradable_read()) += 1);
        while seen("cycles-upgrade", "write").waiting == 0 {
            std::thread::yield_now();
        }
        clock.advance(Duration::from_secs(6));
        monitor.tick();
        assert_eq!(told(&locks, "cycles-upgrade"), 0, "{:?}", locks.view().view().deadlocks);
        drop(reader);
        upgrades.join().unwrap();
    });
}

type Locking = Pin<Box<dyn Future<Output = MutexGuard<'static, u8>> + Send>>;

/// Takes a lock as soon as it is woken.
#[derive(Default)]
struct Takes {
    waiting: std::sync::Mutex<Option<Locking>>,
    taken: std::sync::Mutex<Option<MutexGuard<'static, u8>>>,
}

impl Wake for Takes {
    fn wake(self: Arc<Self>) {
        let mut waiting = self.waiting.lock().unwrap();
        // Ticks of other tests wake what has waited for long by their clock: it waits on then.
        let waker = Arc::clone(&self).into();
        let polled = waiting.as_mut().map(|future| future.as_mut().poll(&mut Context::from_waker(&waker)));
        if let Some(Poll::Ready(guard)) = polled {
            *waiting = None;
            *self.taken.lock().unwrap() = Some(guard);
        }
    }
}

#[test]
fn a_panic_in_a_map_clears_its_holder_and_not_the_next() {
    static LOCK: Mutex<u8> = Mutex::named("cycles-panic", 1);
    // A test beside this one, whose clock is far ahead, would have what waits here asked, by its waker, what it waits for.
    let _one = crate::ONE_BY_ONE.blocking_lock();
    let _alone = isolated();
    let maps: [fn(MutexGuard<'static, u8>); 2] = [
        |guard| drop(MutexGuard::map(guard, |_| -> &mut u8 { panic!("mapped") })),
        |guard| drop(MutexGuard::try_map(guard, |_| -> Option<&mut u8> { panic!("mapped") })),
    ];
    for map in maps {
        let guard = LOCK.try_lock().unwrap();
        let takes = Arc::new(Takes::default());
        let mut waiting: Locking = Box::pin(LOCK.lock());
        assert!(waiting.as_mut().poll(&mut Context::from_waker(&Arc::clone(&takes).into())).is_pending());
        *takes.waiting.lock().unwrap() = Some(waiting);
        assert!(catch_unwind(AssertUnwindSafe(|| map(guard))).is_err());
        let view = seen("cycles-panic", "lock");
        assert!(takes.taken.lock().unwrap().is_some());
        assert_eq!((view.holding, view.holders.len()), (Some(1), 1), "the next one is named");
        *takes.taken.lock().unwrap() = None;
        let view = seen("cycles-panic", "lock");
        assert_eq!((view.holding, view.holders.len()), (Some(0), 0));
    }
}
