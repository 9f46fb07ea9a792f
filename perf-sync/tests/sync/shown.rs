//! Locks as they are shown: by one part or two, while holders change, and after a time in which the process was stopped.

use super::{judging, seen};
use perf_runtime::alert::Alert;
use perf_runtime::series::{Wait, WaitedOn};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, monitor};
use perf_sync::tokio::{Mutex, RwLock};
use perf_sync::{Locks, Settings};
use std::future::{Future, pending};
use std::pin::pin;
use std::task::{Context, Waker};
use std::time::Duration;

fn waits<'a>(alerts: &'a [Alert], lock: &str) -> Vec<&'a Alert> {
    let of = |alert: &&Alert| alert.rule == "lock-wait" && alert.labels.get("lock").is_some_and(|of| of == lock);
    alerts.iter().filter(of).collect()
}

fn pend(future: std::pin::Pin<&mut impl Future>) {
    assert!(future.poll(&mut Context::from_waker(Waker::noop())).is_pending());
}

/// Lets seconds go by, each of which is observed.
fn observe(clock: &ManualClock, monitor: &Monitor, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
}

#[monitor("shown_first")]
async fn first(lock: &Mutex<()>) {
    let _guard = lock.lock().await;
    pending::<()>().await;
}

#[monitor("shown_second")]
async fn second(lock: &Mutex<()>) {
    let _guard = lock.lock().await;
    pending::<()>().await;
}

#[test]
fn an_alert_stays_the_same_while_holders_change() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, _locks) = judging(|builder| builder);
    let lock = Mutex::named("shown-convoy", ());
    let mut holds = Box::pin(first(&lock));
    pend(holds.as_mut());
    let (mut next, mut last) = (pin!(second(&lock)), pin!(lock.lock()));
    pend(next.as_mut());
    pend(last.as_mut());
    observe(&clock, &monitor, 6);
    let alerts = monitor.alerts().active();
    let [before] = waits(&alerts, "shown-convoy")[..] else { panic!("{alerts:?}") };
    assert!(monitor.render_prometheus().contains(r#"holder="operation{operation=shown_first}""#));
    drop(holds);
    pend(next.as_mut());
    observe(&clock, &monitor, 1);
    let alerts = monitor.alerts().active();
    let [after] = waits(&alerts, "shown-convoy")[..] else { panic!("{alerts:?}") };
    assert_eq!((&before.labels, before.id), (&after.labels, after.id));
    assert!(monitor.render_prometheus().contains(r#"holder="operation{operation=shown_second}""#));
}

#[test]
fn holders_that_are_not_named_are_told_to_be_there() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, _locks) = judging(|builder| builder);
    let lock = RwLock::named("shown-unnamed", ());
    let mut readers: Vec<_> = (0..5).map(|_| lock.try_read().unwrap()).collect();
    readers.drain(..4);
    let mut waiting = pin!(lock.write());
    pend(waiting.as_mut());
    observe(&clock, &monitor, 2);
    let text = monitor.render_prometheus();
    assert!(
        text.contains(r#"lock_waited_for_seconds{holder="not named",lock="shown-unnamed",mode="write"}"#),
        "{text}"
    );
}

#[test]
fn time_in_which_the_process_was_stopped_is_not_waited() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let lock = Mutex::named("shown-stopped", ());
    let longest = || {
        let view = locks.view().view();
        view.locks.iter().find(|view| &*view.lock == "shown-stopped").and_then(|view| view.longest_wait_seconds)
    };
    let _guard = lock.try_lock().unwrap();
    observe(&clock, &monitor, 2);
    let mut waiting = pin!(lock.lock());
    pend(waiting.as_mut());
    observe(&clock, &monitor, 2);
    assert_eq!(longest(), Some(2.0));
    clock.advance(Duration::from_secs(600));
    monitor.tick();
    assert!(waits(&monitor.alerts().active(), "shown-stopped").is_empty());
    observe(&clock, &monitor, 4);
    assert_eq!(longest(), Some(4.0));
    assert!(waits(&monitor.alerts().active(), "shown-stopped").is_empty());
    observe(&clock, &monitor, 2);
    assert_eq!(waits(&monitor.alerts().active(), "shown-stopped").len(), 1);
}

#[test]
fn two_parts_on_one_monitor_add_each_time_once() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let lock = Mutex::named("shown-twice", ());
    let take = || {
        let guard = lock.try_lock();
        clock.advance(Duration::from_millis(3));
        drop(guard);
    };
    let (monitor, locks) = judging(|builder| builder);
    take();
    monitor.tick();
    let second = Locks::with_settings(&monitor, &Settings::default());
    take();
    monitor.tick();
    drop((locks, second));
    let _third = Locks::with_settings(&monitor, &Settings::default());
    monitor.tick();
    let text = monitor.render_prometheus();
    for line in [
        r#"lock_hold_seconds_count{lock="shown-twice",mode="lock"} 2"#,
        r#"lock_hold_seconds_sum{lock="shown-twice",mode="lock"} 0.006"#,
        r#"lock_wait_seconds_count{lock="shown-twice",mode="lock"} 2"#,
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is not in:\n{text}");
    }
}

#[test]
fn a_part_that_is_off_lists_nothing() {
    let lock = Mutex::named("shown-off", ());
    let _guard = lock.try_lock().unwrap();
    let monitor = Locks::set_up(Monitor::builder()).build().unwrap();
    let mut settings = Settings::default();
    settings.enabled = false;
    let view = Locks::with_settings(&monitor, &settings).view().view();
    assert!(view.locks.is_empty() && view.deadlocks.is_empty());
    assert_eq!(seen("shown-off", "lock").holding, Some(1));
}

#[test]
fn ten_thousand_that_wait_for_one_notification_are_all_told() {
    let notify = perf_sync::tokio::Notify::named("shown-crowd");
    let mut waiting: Vec<_> = (0..10_000).map(|_| Box::pin(notify.notified())).collect();
    for future in &mut waiting {
        pend(future.as_mut());
    }
    assert_eq!(seen("shown-crowd", "notified").waiting, 10_000);
    notify.notify_waiters();
    for future in waiting.iter_mut().rev() {
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
    }
    let view = seen("shown-crowd", "notified");
    assert_eq!((view.waiting, view.waited, view.waiters.len()), (0, 10_000, 0));
}

#[monitor("shown_caller")]
async fn caller(lock: &Mutex<()>) {
    drop(lock.lock().await);
}

/// Another function of the same name.
#[monitor("shown_caller")]
async fn caller_too(lock: &Mutex<()>) {
    drop(lock.lock().await);
}

#[monitor("shown_caller")]
async fn told(notify: &perf_sync::tokio::Notify) {
    notify.notified().await;
}

#[test]
fn the_calls_that_waited_are_named_with_their_waits() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, locks) = judging(|builder| builder);
    let lock = Mutex::named("shown-callers", ());
    let held = lock.try_lock().unwrap();
    let (mut waits, mut given_up) = (pin!(caller(&lock)), Box::pin(caller_too(&lock)));
    let mut unmeasured = pin!(lock.lock());
    pend(waits.as_mut());
    pend(given_up.as_mut());
    pend(unmeasured.as_mut());
    clock.advance(Duration::from_secs(2));
    drop(given_up);
    drop(held);
    assert!(waits.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    clock.advance(Duration::from_secs(1));
    assert!(unmeasured.poll(&mut Context::from_waker(Waker::noop())).is_ready());
    monitor.tick();
    let view = locks.view().view().locks.into_iter().find(|view| &*view.lock == "shown-callers").unwrap();
    let callers: Vec<_> = view
        .callers
        .iter()
        .map(|caller| (caller.series.as_ref().map(ToString::to_string), caller.waits, caller.waited_seconds))
        .collect();
    assert_eq!(callers, [(Some("operation{operation=shown_caller}".to_owned()), 2, 4.0), (None, 1, 3.0),]);
    assert_eq!(callers.iter().map(|caller| caller.1).sum::<u64>(), view.waited + view.cancelled);
    // An event may be long in coming without anything being wrong.
    let event = perf_sync::tokio::Notify::named("shown-callers");
    pend(Box::pin(told(&event)).as_mut());
    let waits: Vec<_> = monitor.waits().into_iter().filter(|wait| wait.name == "shown-callers").collect();
    let series = "operation{operation=shown_caller}".parse().unwrap();
    assert_eq!(waits, [Wait::new(series, WaitedOn::Lock, "shown-callers", 2, 4.0)], "beside other waits of calls");
    drop(locks);
    assert!(monitor.waits().is_empty(), "nobody counts them");
}
