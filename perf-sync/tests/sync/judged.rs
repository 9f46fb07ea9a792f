//! Locks as metrics, rules, health, and cycles.

use super::judging;
use perf_runtime::alert::Alert;
use perf_runtime::monitor;
use perf_runtime::test_util::{ManualClock, isolated};
use perf_sync::tokio::{Mutex, RwLock};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;
use tokio::task::{JoinHandle, yield_now};

static FIRST: Mutex<()> = Mutex::named("judged-a", ());
static SECOND: Mutex<()> = Mutex::named("judged-b", ());
static SLOW: Mutex<()> = Mutex::named("judged-slow", ());

#[monitor("judged_checkout")]
async fn checkout(go: Arc<Barrier>) {
    let _first = FIRST.lock().await;
    go.wait().await;
    let _second = SECOND.lock().await;
}

#[monitor("judged_refund")]
async fn refund(go: Arc<Barrier>) {
    let _second = SECOND.lock().await;
    go.wait().await;
    let _first = FIRST.lock().await;
}

#[monitor("judged_holder")]
async fn hold(lock: &'static Mutex<()>) {
    let _guard = lock.lock().await;
    pending::<()>().await;
}

#[monitor("judged_waiter")]
async fn wait(lock: &'static Mutex<()>) {
    drop(lock.lock().await);
}

async fn some_turns() {
    for _ in 0..10 {
        yield_now().await;
    }
}

#[tokio::test]
async fn a_cycle_of_two_locks_is_named_with_its_functions_and_raises_an_alert() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let go = Arc::new(Barrier::new(2));
    let both = [tokio::spawn(checkout(Arc::clone(&go))), tokio::spawn(refund(go))];
    some_turns().await;
    // Locks are the process's, and tests beside this one have theirs.
    let ours = || {
        let all = locks.view().view().deadlocks;
        all.into_iter().filter(|deadlock| deadlock.cycle.contains("judged-")).collect::<Vec<_>>()
    };
    clock.advance(Duration::from_secs(4));
    monitor.tick();
    assert!(ours().is_empty(), "nothing has waited for five seconds yet");
    clock.advance(Duration::from_secs(2));
    monitor.tick();
    assert!(ours().is_empty(), "those that wait were asked what they wait for, and told it just now");
    some_turns().await;
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    let (view, deadlocks) = (locks.view().view(), ours());
    let [deadlock] = &deadlocks[..] else { panic!("{deadlocks:?}") };
    assert!(["judged-a → judged-b → judged-a", "judged-b → judged-a → judged-b"].contains(&&*deadlock.cycle));
    for part in [
        "operation{operation=judged_checkout} holds judged-a and waits for judged-b",
        "operation{operation=judged_refund} holds judged-b and waits for judged-a",
    ] {
        assert!(deadlock.text.contains(part), "{}", deadlock.text);
    }
    let first = view.locks.iter().find(|lock| &*lock.lock == "judged-a").unwrap();
    assert_eq!(first.holders[0].waits_for.as_deref(), Some("judged-b"));
    let alerts = monitor.alerts().active();
    assert_eq!((waits(&alerts, "judged-a"), waits(&alerts, "judged-b")), (1, 1), "{alerts:?}");
    let cycle = alerts.iter().find(|alert| alert.rule == "lock-deadlock").expect("an alert");
    assert_eq!(cycle.labels.get("cycle"), Some(&deadlock.cycle));
    let (_, steps) = deadlock.text.split_once("; ").unwrap();
    assert!(cycle.message.ends_with(steps), "the alert names the calls: {}", cycle.message);
    let health = monitor.health();
    let of_locks = health.indicators().iter().find(|indicator| indicator.name() == "locks").expect("an indicator");
    let complaint = of_locks.complaint().unwrap();
    assert!(complaint.contains(steps), "{complaint}");
    assert!(monitor.render_prometheus().contains("lock_deadlock{cycle=\"judged-"));

    end(both.into()).await;
    monitor.tick();
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    assert!(ours().is_empty());
    let alerts = monitor.alerts().active();
    assert_eq!((waits(&alerts, "judged-a"), waits(&alerts, "judged-b")), (0, 0), "{alerts:?}");
    assert!(alerts.iter().all(|alert| alert.rule != "lock-deadlock"));
}

/// Alerts about a lock that is waited for. Locks are the process's, so those of other tests are seen too.
fn waits(alerts: &[Alert], lock: &str) -> usize {
    let is_it = |alert: &&Alert| alert.rule == "lock-wait" && alert.labels.get("lock").is_some_and(|of| of == lock);
    alerts.iter().filter(is_it).count()
}

#[tokio::test]
async fn a_convoy_names_its_holder_in_metrics_and_view_and_is_no_deadlock() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let mut tasks = vec![tokio::spawn(hold(&SLOW))];
    some_turns().await;
    tasks.extend((0..5).map(|_| tokio::spawn(wait(&SLOW))));
    some_turns().await;
    clock.advance(Duration::from_secs(6));
    monitor.tick();
    let holder = "operation{operation=judged_holder}";
    let view = locks.view().view();
    let slow = view.locks.iter().find(|lock| &*lock.lock == "judged-slow").unwrap();
    assert_eq!((slow.waiting, slow.waiters.len(), slow.holding), (5, 5, Some(1)));
    assert_eq!(slow.holders[0].series.as_ref().unwrap().to_string(), holder);
    assert_eq!((slow.holders[0].held_seconds, slow.longest_wait_seconds), (6.0, Some(6.0)));
    assert_eq!(slow.waiters[0].series.as_ref().unwrap().to_string(), "operation{operation=judged_waiter}");
    assert!(view.deadlocks.iter().all(|deadlock| !deadlock.text.contains("judged-slow")));
    let alerts = monitor.alerts().active();
    assert_eq!(waits(&alerts, "judged-slow"), 1);
    let said = format!("held by {holder}, waited for by operation{{operation=judged_waiter}} and 4 more");
    let of_slow = alerts.iter().find(|alert| alert.series.contains("judged-slow")).unwrap();
    assert!(of_slow.message.ends_with(&said), "{}", of_slow.message);
    let line = format!(r#"lock_waited_for_seconds{{holder="{holder}",lock="judged-slow",mode="lock"}} 6"#);
    let text = monitor.render_prometheus();
    assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
    let health = monitor.health();
    let indicator = health.indicators().iter().find(|indicator| indicator.name() == "locks").expect("an indicator");
    assert!(format!("{indicator:?}").contains("Yellow"), "{indicator:?}");
    let complaint = indicator.complaint().unwrap();
    assert!(complaint.ends_with(&said), "{complaint}");
    end(tasks).await;
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    assert_eq!(waits(&monitor.alerts().active(), "judged-slow"), 0);
}

#[tokio::test]
async fn of_locks_of_one_name_the_one_that_is_waited_for_the_longest_is_told_of() {
    static OF_ONE_NAME: [Mutex<()>; 3] = [const { Mutex::named("judged-account", ()) }; 3];
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let [convoy, first, second] = &OF_ONE_NAME;
    let mut tasks = vec![tokio::spawn(hold(convoy))];
    some_turns().await;
    tasks.push(tokio::spawn(wait(convoy)));
    some_turns().await;
    clock.advance(Duration::from_secs(10));
    let crosses = |one: &'static Mutex<()>, other: &'static Mutex<()>| async move {
        let _one = one.lock().await;
        yield_now().await;
        drop(other.lock().await);
    };
    tasks.extend([tokio::spawn(crosses(first, second)), tokio::spawn(crosses(second, first))]);
    some_turns().await;
    for seconds in [6, 1, 1] {
        clock.advance(Duration::from_secs(seconds));
        monitor.tick();
        some_turns().await;
    }
    let is_told =
        |deadlock: &perf_sync::DeadlockView| deadlock.cycle == "judged-account → judged-account → judged-account";
    assert!(locks.view().view().deadlocks.iter().any(is_told));
    let alerts = monitor.alerts().active();
    let told =
        alerts.iter().find(|alert| alert.rule == "lock-wait" && alert.series.contains("judged-account")).unwrap();
    let said = "held by operation{operation=judged_holder}, waited for by operation{operation=judged_waiter}";
    assert!(told.message.ends_with(said), "the lock of the 16 seconds is in no cycle: {}", told.message);
    end(tasks).await;
}

#[monitor("judged_writer")]
async fn write(lock: &'static RwLock<()>) {
    let _guard = lock.write().await;
    pending::<()>().await;
}

#[monitor("judged_reader")]
async fn read(lock: &'static RwLock<()>) {
    drop(lock.read().await);
}

#[tokio::test]
async fn the_one_that_waits_is_of_the_mode_that_is_told_of() {
    static MODES: RwLock<()> = RwLock::named("judged-modes", ());
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, _locks) = judging(|builder| builder);
    let mut tasks = vec![tokio::spawn(write(&MODES)), tokio::spawn(write(&MODES))];
    some_turns().await;
    clock.advance(Duration::from_secs(10));
    tasks.push(tokio::spawn(read(&MODES)));
    some_turns().await;
    clock.advance(Duration::from_secs(6));
    monitor.tick();
    let alerts = monitor.alerts().active();
    for (mode, first) in [("write", "judged_writer"), ("read", "judged_reader")] {
        let is_it = |alert: &&Alert| {
            alert.labels.get("lock").is_some_and(|lock| lock == "judged-modes")
                && alert.labels.get("mode").is_some_and(|of| of == mode)
        };
        let told = alerts.iter().find(is_it).expect("an alert");
        let said = format!(
            "held by operation{{operation=judged_writer}}, waited for by operation{{operation={first}}} and one more"
        );
        assert!(told.message.ends_with(&said), "{mode}: {}", told.message);
    }
    end(tasks).await;
}

async fn end(tasks: Vec<JoinHandle<()>>) {
    for task in tasks {
        task.abort();
        let _ = task.await;
    }
}

#[tokio::test]
async fn metrics_are_the_counts_and_both_histograms_have_their_number() {
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let lock = Mutex::named("judged-metrics", ());
    let (monitor, _locks) = judging(|builder| builder);
    for _ in 0..3 {
        let guard = lock.lock().await;
        clock.advance(Duration::from_millis(3));
        drop(guard);
    }
    let guard = lock.lock().await;
    assert!(lock.try_lock().is_err());
    monitor.tick();
    let text = monitor.render_prometheus();
    for line in [
        r#"lock_acquisitions_total{lock="judged-metrics",mode="lock",outcome="at_once"} 4"#,
        r#"lock_acquisitions_total{lock="judged-metrics",mode="lock",outcome="refused"} 1"#,
        r#"lock_held{lock="judged-metrics",mode="lock"} 1"#,
        r#"lock_waiters{lock="judged-metrics",mode="lock"} 0"#,
        r#"lock_hold_seconds_bucket{lock="judged-metrics",mode="lock",le="0.0025"} 0"#,
        r#"lock_hold_seconds_bucket{lock="judged-metrics",mode="lock",le="0.005"} 3"#,
        r#"lock_hold_seconds_count{lock="judged-metrics",mode="lock"} 3"#,
        r#"lock_wait_seconds_count{lock="judged-metrics",mode="lock"} 4"#,
        r#"lock_wait_seconds_sum{lock="judged-metrics",mode="lock"} 0"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
    }
    assert!(!text.contains("lock_longest_wait_seconds{lock=\"judged-metrics"));
    drop(guard);
}

/// A task of the storm: what it takes, it takes in one order.
async fn storms() {
    let _first = BUSY.lock().await;
    yield_now().await;
    let _second = OTHER.write().await;
    yield_now().await;
}

static BUSY: Mutex<()> = Mutex::named("judged-busy", ());
static OTHER: RwLock<()> = RwLock::named("judged-busy", ());

#[tokio::test]
async fn a_healthy_storm_of_more_than_a_minute_raises_nothing() {
    static LONG: Mutex<()> = Mutex::named("judged-long", ());
    let _one = crate::ONE_BY_ONE.lock().await;
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    // One lock is waited for so long that cycles are looked for all the time.
    let mut long = vec![tokio::spawn(hold(&LONG))];
    some_turns().await;
    long.push(tokio::spawn(wait(&LONG)));
    for second in 0..70 {
        let both = (BUSY.lock().await, OTHER.write().await);
        let storm: Vec<_> = (0..8).map(|_| tokio::spawn(storms())).collect();
        some_turns().await;
        clock.advance(Duration::from_millis(900));
        monitor.tick();
        let view = locks.view().view();
        let waiting: u64 = view.locks.iter().filter(|lock| &*lock.lock == "judged-busy").map(|lock| lock.waiting).sum();
        assert_eq!(waiting, 8, "each waits at the moment of the tick");
        let alerts = monitor.alerts().active();
        assert_eq!(waits(&alerts, "judged-busy"), 0, "after {second} s");
        assert_eq!(waits(&alerts, "judged-long"), usize::from(second >= 5), "the rules are awake after {second} s");
        let told = |deadlock: &perf_sync::DeadlockView| deadlock.cycle.contains("judged-busy");
        assert!(!view.deadlocks.iter().any(told));
        drop(both);
        for task in storm {
            task.await.unwrap();
        }
        clock.advance(Duration::from_millis(100));
    }
    end(long).await;
}

#[test]
fn the_rules_are_there_and_settings_are_read() {
    let rules = perf_sync::rules();
    assert!(
        ["lock-wait", "lock-deadlock", "channel-full", "channel-stopped"]
            .iter()
            .all(|id| rules.iter().any(|rule| rule.id() == *id))
    );
    let monitor = perf_runtime::Monitor::builder().section("sync").build().unwrap();
    assert!(perf_sync::Locks::open(&monitor).is_ok());
}
