//! Waits that look like cycles and are none, and cycles that are told.

use super::{judging, seen};
use perf_runtime::monitor;
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

#[monitor("cycles_first")]
async fn first_of_two(locks: &[Mutex<()>; 2]) {
    let _first = locks[0].lock().await;
    yield_now().await;
    drop(locks[1].lock().await);
}

#[monitor("cycles_second")]
async fn second_of_two(locks: &[Mutex<()>; 2]) {
    let _second = locks[1].lock().await;
    yield_now().await;
    drop(locks[0].lock().await);
}

#[monitor("cycles_sleeper")]
async fn holds_both(locks: &[Mutex<()>; 2]) {
    let _first = locks[0].lock().await;
    let _second = locks[1].lock().await;
    pending::<()>().await;
}

#[monitor("cycles_taker")]
async fn takes(lock: &Mutex<()>) {
    drop(lock.lock().await);
}

#[tokio::test]
async fn two_functions_that_one_task_joins_are_told_where_each_waits_for_the_other() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let pair = |first, second| Arc::new([Mutex::named(first, ()), Mutex::named(second, ())]);
    let both = pair("cycles-join-a", "cycles-join-b");
    let stuck = tokio::spawn(async move {
        tokio::join!(first_of_two(&both), second_of_two(&both));
    });
    // One that holds both and does something else is no deadlock, though the task waits for both.
    let both = pair("cycles-sleep-a", "cycles-sleep-b");
    let sleeps = tokio::spawn(async move {
        tokio::join!(holds_both(&both), takes(&both[0]), takes(&both[1]));
    });
    some_turns().await;
    clock.advance(Duration::from_secs(6));
    monitor.tick();
    let view = locks.view().view();
    let told = view.deadlocks.iter().find(|deadlock| deadlock.cycle.contains("cycles-join")).expect("a deadlock");
    assert_eq!(told.cycle, "cycles-join-a → cycles-join-b → cycles-join-a");
    let first = "operation{operation=cycles_first} holds cycles-join-a and waits for cycles-join-b";
    let second = "operation{operation=cycles_second} holds cycles-join-b and waits for cycles-join-a";
    assert!(told.text.contains(first) && told.text.contains(second), "{}", told.text);
    assert!(view.deadlocks.iter().all(|deadlock| !deadlock.cycle.contains("cycles-sleep")), "{:?}", view.deadlocks);
    end([stuck, sleeps]).await;
}

#[cfg(feature = "parking_lot")]
#[test]
fn one_that_upgrades_waits_for_readers_and_not_for_itself() {
    use perf_sync::parking_lot::{RwLock, RwLockUpgradableReadGuard};

    static LOCK: RwLock<u8> = RwLock::named("cycles-upgrade", 1);
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
        let polled = waiting.as_mut().map(|future| future.as_mut().poll(&mut Context::from_waker(Waker::noop())));
        if let Some(Poll::Ready(guard)) = polled {
            *self.taken.lock().unwrap() = Some(guard);
        }
    }
}

#[test]
fn a_panic_in_a_map_clears_its_holder_and_not_the_next() {
    static LOCK: Mutex<u8> = Mutex::named("cycles-panic", 1);
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
