//! Functions and futures that one task runs side by side: told where each waits for what the other holds, and never where one may go on.

use super::judging;
use perf_runtime::__locks::is_asked;
use perf_runtime::monitor;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::tokio::{Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use perf_sync::{DeadlockView, Locks};
use std::future::{Future, pending};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch::Sender;
use tokio::task::yield_now;

/// The stage of a test, which it counts up.
type Stage = Sender<u8>;
/// From which stage on a lock is taken.
type Taking<'a> = (u8, &'a Mutex<()>);

async fn at(stage: &Stage, wanted: u8) {
    stage.subscribe().wait_for(|now| *now >= wanted).await.unwrap();
}

/// Takes locks one after the other and keeps them until a stage that does not come, though it might.
async fn take_all(stage: &Stage, all: Vec<Taking<'_>>) {
    let mut guards = Vec::new();
    for (from, lock) in all {
        at(stage, from).await;
        guards.push(lock.lock().await);
    }
    at(stage, u8::MAX).await;
}

#[monitor("joined_one")]
async fn one(stage: &Stage, all: Vec<Taking<'_>>) {
    take_all(stage, all).await;
}

#[monitor("joined_other")]
async fn other(stage: &Stage, all: Vec<Taking<'_>>) {
    take_all(stage, all).await;
}

/// Counts as a call of [`one`], with two waits at a time.
#[monitor("joined_one")]
async fn one_for_both(stage: &Stage, both: [Taking<'_>; 2]) {
    let [first, second] = both;
    tokio::join!(take_all(stage, vec![first]), take_all(stage, vec![second]));
}

#[monitor("joined_one")]
async fn one_gives<'a>(stage: &Stage, (from, lock): Taking<'a>) -> MutexGuard<'a, ()> {
    at(stage, from).await;
    lock.lock().await
}

#[monitor("joined_other")]
async fn other_gives<'a>(stage: &Stage, (from, lock): Taking<'a>) -> MutexGuard<'a, ()> {
    at(stage, from).await;
    lock.lock().await
}

/// Keeps for ever what is given.
async fn keep<'a>(gives: impl Future<Output = MutexGuard<'a, ()>>) {
    let _guard = gives.await;
    pending::<()>().await;
}

struct Test {
    clock: ManualClock,
    monitor: perf_runtime::Monitor,
    locks: Locks,
    stage: Arc<Stage>,
}

impl Test {
    fn begin() -> Self {
        let (clock, (monitor, locks)) = (ManualClock::hold(), judging(|builder| builder));
        Self { clock, monitor, locks, stage: Arc::new(Stage::new(0)) }
    }

    /// Goes through these stages, each after so many seconds, and says which deadlocks through such locks are told in the end.
    async fn told(&self, name: &str, stages: &[u64]) -> Vec<DeadlockView> {
        for seconds in stages {
            for _ in 0..10 {
                yield_now().await;
            }
            for _ in 0..*seconds {
                self.clock.advance(Duration::from_secs(1));
                self.monitor.tick();
                // Those that wait may be asked.
                for _ in 0..10 {
                    yield_now().await;
                }
            }
            self.stage.send_modify(|now| *now += 1);
        }
        let deadlocks = self.locks.view().view().deadlocks;
        deadlocks.into_iter().filter(|deadlock| deadlock.cycle.contains(name)).collect()
    }
}

fn four(name: &'static str) -> Arc<[Mutex<()>; 4]> {
    Arc::new([(); 4].map(|()| Mutex::named(name, ())))
}

async fn end(task: tokio::task::JoinHandle<()>) {
    task.abort();
    let _ = task.await;
}

/// Ends its task when it is dropped.
struct Aborts(tokio::task::JoinHandle<()>);

impl Drop for Aborts {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Runs it as a task while the test goes through its stages.
async fn told(
    name: &str,
    stages: &[u64],
    work: impl FnOnce(Arc<Stage>) -> tokio::task::JoinHandle<()>,
) -> Vec<DeadlockView> {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let test = Test::begin();
    let task = work(Arc::clone(&test.stage));
    let told = test.told(name, stages).await;
    end(task).await;
    told
}

#[tokio::test]
async fn two_functions_that_wait_for_each_other_are_told() {
    let [a, b] = ["joined-a", "joined-b"].map(|name| Mutex::named(name, ()));
    let told = told("joined-", &[1, 1, 6], |stage| {
        tokio::spawn(async move {
            tokio::join!(one(&stage, vec![(1, &a), (2, &b)]), other(&stage, vec![(1, &b), (2, &a)]));
        })
    });
    let told = told.await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(["joined-a → joined-b → joined-a", "joined-b → joined-a → joined-b"].contains(&&*told.cycle));
    for step in [
        "operation{operation=joined_one} holds joined-a and waits for joined-b",
        "operation{operation=joined_other} holds joined-b and waits for joined-a",
    ] {
        assert!(told.text.contains(step), "{}", told.text);
    }
}

#[tokio::test]
async fn a_call_that_holds_and_sleeps_beside_one_of_the_same_function_that_waits_is_no_deadlock() {
    let told = told("joined-sleeps", &[1, 1, 6], |stage| {
        tokio::spawn(async move {
            let [a, b, ..] = &*four("joined-sleeps");
            let waits = async { tokio::join!(one(&stage, vec![(2, b)]), other(&stage, vec![(1, b), (2, a)])) };
            tokio::join!(one(&stage, vec![(1, a)]), waits);
        })
    });
    assert_eq!(told.await, []);
}

#[tokio::test]
async fn a_call_that_holds_may_have_begun_to_wait_just_now() {
    let told = told("joined-young", &[1, 1, 5, 1], |stage| {
        tokio::spawn(async move {
            let [a, b, c, _] = &*four("joined-young");
            let _elsewhere = c.lock().await;
            let waits = async { tokio::join!(one(&stage, vec![(2, b)]), other(&stage, vec![(1, b), (2, a)])) };
            tokio::join!(one(&stage, vec![(1, a), (3, c)]), waits);
        })
    });
    assert_eq!(told.await, []);
}

#[tokio::test]
async fn a_call_with_two_waits_does_not_make_up_for_one_that_sleeps() {
    let told = told("joined-both", &[1, 1, 6], |stage| {
        let (locks, same) = (four("joined-both"), Arc::clone(&stage));
        let of_other = Arc::clone(&locks);
        let elsewhere = tokio::spawn(async move {
            let [.., c, d] = &*of_other;
            let _held = (c.lock().await, d.lock().await);
            one_for_both(&same, [(2, c), (2, d)]).await;
        });
        tokio::spawn(async move {
            let _elsewhere = Aborts(elsewhere);
            let [a, b, ..] = &*locks;
            let waits = async { tokio::join!(one(&stage, vec![(2, b)]), other(&stage, vec![(1, b), (2, a)])) };
            tokio::join!(one(&stage, vec![(1, a)]), waits);
        })
    });
    assert_eq!(told.await, []);
}

#[tokio::test]
async fn guards_that_outlive_their_calls_are_no_holds_of_later_ones() {
    let told = told("joined-gives", &[1, 1, 6], |stage| {
        tokio::spawn(async move {
            let [a, b, ..] = &*four("joined-gives");
            let later = async {
                at(&stage, 2).await;
                tokio::join!(keep(one_gives(&stage, (2, b))), keep(other_gives(&stage, (2, a))));
            };
            tokio::join!(keep(one_gives(&stage, (1, a))), keep(other_gives(&stage, (1, b))), later);
        })
    });
    assert_eq!(told.await, []);
}

#[tokio::test]
async fn two_calls_of_one_function_that_wait_for_each_other_are_told() {
    let told = told("joined-same", &[1, 1, 7], |stage| {
        tokio::spawn(async move {
            let [a, b, ..] = &*four("joined-same");
            tokio::join!(one(&stage, vec![(1, a), (2, b)]), one(&stage, vec![(1, b), (2, a)]));
        })
    });
    let told = told.await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.certain && told.text.starts_with("deadlock: "), "{told:?}");
    assert_eq!(told.text.matches("operation{operation=joined_one} holds joined-same").count(), 2, "{}", told.text);
}

#[tokio::test]
async fn two_calls_of_one_function_of_which_one_sleeps_are_no_deadlock() {
    let told = told("joined-one-sleeps", &[1, 1, 7], |stage| {
        tokio::spawn(async move {
            let [a, b, ..] = &*four("joined-one-sleeps");
            tokio::join!(one(&stage, vec![(1, a)]), one(&stage, vec![(2, b)]), one(&stage, vec![(1, b), (2, a)]));
        })
    });
    assert_eq!(told.await, []);
}

/// Holds a lock in one branch and waits for another in the other.
#[monitor("joined_branches")]
async fn branches(stage: &Stage, [held, waited]: [Taking<'_>; 2]) {
    tokio::join!(take_all(stage, vec![held]), take_all(stage, vec![waited]));
}

#[tokio::test]
async fn a_function_that_holds_in_one_branch_and_waits_in_the_other_makes_no_deadlock_of_its_task() {
    let told = told("joined-branches", &[1, 1, 7], |stage| {
        tokio::spawn(async move {
            let [a, b, ..] = &*four("joined-branches");
            tokio::join!(branches(&stage, [(1, a), (2, b)]), one(&stage, vec![(1, b), (2, a)]));
        })
    });
    assert_eq!(told.await, []);
}

/// The alerts of deadlocks through locks of a name, and those that are told, with another task beside the one that is given.
async fn with_another_task(
    name: &'static str,
    work: impl FnOnce(Arc<Stage>, Arc<[Mutex<()>; 4]>) -> tokio::task::JoinHandle<()>,
) -> Vec<DeadlockView> {
    told(name, &[1, 1, 8], |stage| {
        let locks = four(name);
        let task = work(Arc::clone(&stage), Arc::clone(&locks));
        tokio::spawn(async move {
            let _ends = Aborts(task);
            let [a, b, ..] = &*locks;
            one(&stage, vec![(1, b), (2, a)]).await;
        })
    })
    .await
}

#[tokio::test]
async fn a_task_that_holds_in_one_branch_and_waits_in_the_other_makes_a_cycle_that_is_not_certain() {
    let by_function = with_another_task("joined-other-function", |stage, locks| {
        tokio::spawn(async move {
            let [a, b, ..] = &*locks;
            branches(&stage, [(1, a), (2, b)]).await;
        })
    });
    let by_task = with_another_task("joined-other-task", |stage, locks| {
        tokio::spawn(async move {
            let [a, b, ..] = &*locks;
            tokio::join!(take_all(&stage, vec![(1, a)]), take_all(&stage, vec![(2, b)]));
        })
    });
    let by_two_functions = with_another_task("joined-other-two", |stage, locks| {
        tokio::spawn(async move {
            let [a, b, ..] = &*locks;
            tokio::join!(one(&stage, vec![(1, a)]), other(&stage, vec![(2, b)]));
        })
    });
    for told in [by_function.await, by_task.await, by_two_functions.await] {
        let [told] = &told[..] else { panic!("{told:?}") };
        assert!(!told.certain && told.text.starts_with("possible deadlock: "), "{told:?}");
    }
}

#[tokio::test]
async fn a_lock_that_a_call_takes_while_it_holds_it_is_a_deadlock_of_its_own() {
    let told = told("joined-itself", &[1, 1, 7], |stage| {
        tokio::spawn(async move {
            let [a, ..] = &*four("joined-itself");
            one(&stage, vec![(1, a), (1, a)]).await;
        })
    });
    let told = told.await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(told.certain);
    assert_eq!(told.cycle, "joined-itself → joined-itself");
}

#[tokio::test]
async fn a_wait_that_may_be_over_by_itself_is_no_certain_deadlock() {
    let told = with_another_task("joined-timeout", |stage, locks| {
        tokio::spawn(async move {
            let [a, b, ..] = &*locks;
            timed(&stage, [(1, a), (2, b)]).await;
        })
    });
    let told = told.await;
    let [told] = &told[..] else { panic!("{told:?}") };
    assert!(!told.certain, "{told:?}");
}

/// Gives up a wait after an hour.
#[monitor("joined_timed")]
async fn timed(stage: &Stage, [held, waited]: [Taking<'_>; 2]) {
    at(stage, held.0).await;
    let _held = held.1.lock().await;
    at(stage, waited.0).await;
    let _ = tokio::time::timeout(Duration::from_secs(3600), waited.1.lock()).await;
    pending::<()>().await;
}

#[tokio::test]
async fn a_deadlock_whose_task_is_polled_long_after_it_was_asked_is_told() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let test = Test::begin();
    let stage = Arc::clone(&test.stage);
    let task = tokio::spawn(async move {
        let [a, b, ..] = &*four("joined-late");
        tokio::join!(one(&stage, vec![(1, a), (2, b)]), one(&stage, vec![(1, b), (2, a)]));
    });
    assert_eq!(test.told("joined-late", &[1, 1, 1]).await, []);
    let tick = || {
        test.clock.advance(Duration::from_secs(1));
        test.monitor.tick();
    };
    (0..14).for_each(|_| tick());
    assert!(is_asked());
    // The task was woken.
    let told = test.told("joined-late", &[2]).await;
    assert!(matches!(&told[..], [told] if told.certain), "{told:?}");
    assert!(!is_asked(), "all have told it");
    end(task).await;
}

#[tokio::test]
async fn nobody_asks_where_those_that_wait_hold_nothing_that_others_wait_for() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let test = Test::begin();
    let stage = Arc::clone(&test.stage);
    let task = tokio::spawn(async move {
        let [a, b, ..] = &*four("joined-convoy");
        tokio::join!(one(&stage, vec![(1, a)]), other(&stage, vec![(1, b), (2, a)]));
    });
    assert_eq!(test.told("joined-convoy", &[1, 1, 8]).await, []);
    assert!(!is_asked());
    end(task).await;
}

#[monitor("joined_downgrades")]
async fn downgraded(guard: RwLockWriteGuard<'_, ()>) -> RwLockReadGuard<'_, ()> {
    yield_now().await;
    guard.downgrade()
}

/// Keeps a lock, which another call made one that reads, and waits for another lock.
#[monitor("joined_reads")]
async fn reads_and_waits(stage: &Stage, lock: &RwLock<()>, (from, other): Taking<'_>) {
    let _reads = downgraded(lock.write().await).await;
    at(stage, from).await;
    let _other = other.lock().await;
}

#[monitor("joined_writes")]
async fn waits_and_writes(stage: &Stage, (from, other): Taking<'_>, lock: &RwLock<()>) {
    let _other = other.lock().await;
    at(stage, from).await;
    let _writes = lock.write().await;
}

#[tokio::test]
async fn a_lock_stays_that_of_the_call_that_took_it_where_its_mode_changes() {
    let told = told("joined-downgraded", &[1, 7], |stage| {
        tokio::spawn(async move {
            let (lock, other) = (RwLock::named("joined-downgraded", ()), Mutex::named("joined-other", ()));
            tokio::join!(reads_and_waits(&stage, &lock, (1, &other)), waits_and_writes(&stage, (1, &other), &lock));
        })
    });
    let told = told.await;
    assert!(matches!(&told[..], [told] if told.certain), "{told:?}");
}
