//! An executor: how its workers do, and which function blocks one.

use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::rule::presets;
use perf_runtime::{Monitor, monitor};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// What the monitor says now of the series whose labels have all these values.
fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        _ => None,
    }
}

#[monitor("validate")]
fn validate(go_on: &Receiver<()>) {
    // Until the test knows enough.
    let _ = go_on.recv();
}

#[monitor("handle")]
async fn handle(go_on: Receiver<()>) {
    tokio::task::yield_now().await;
    validate(&go_on);
}

/// As a user has it: the monitor ticks by itself, and nobody helps it.
#[test]
fn a_blocked_worker_is_named_with_the_function_that_blocks_it_while_it_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let mut rules = presets::standard();
    rules.extend(perf_host::rules());
    let monitor = Monitor::builder().rules(rules).install().unwrap();
    runtime.block_on(async { perf_host::install(&monitor).unwrap() });
    let (go_on, wait) = channel();
    let started = Instant::now();
    let blocked = runtime.spawn(handle(wait));

    let named = || get(&monitor, "executor_blocked_seconds", &["operation{operation=validate}"]);
    let give_up = started + Duration::from_mins(2);
    while named().is_none() {
        assert!(Instant::now() < give_up, "nobody is named");
        std::thread::sleep(Duration::from_millis(5));
    }
    println!("named after {:.2} s", started.elapsed().as_secs_f64());
    assert_eq!(get(&monitor, "executor_blocked_seconds", &["operation{operation=handle}"]), None, "it only called");
    let is_told = || {
        let active = monitor.alerts().active();
        active.iter().any(|alert| alert.rule == "blocked-worker" && alert.series.contains("validate"))
    };
    while !is_told() {
        assert!(Instant::now() < give_up, "no alert: {:?}", monitor.alerts().active());
        std::thread::sleep(Duration::from_millis(5));
    }
    drop(go_on);
    runtime.block_on(blocked).unwrap();
    while named().is_some() {
        assert!(Instant::now() < give_up, "it does not block any more");
        std::thread::sleep(Duration::from_millis(5));
    }
    assert_eq!(get(&monitor, "tokio_workers", &["main"]), Some(2.0));
    for name in ["tokio_busy_ratio", "tokio_schedule_delay_seconds", "tokio_alive_tasks"] {
        // A rate is there once it was looked at twice.
        while get(&monitor, name, &["main"]).is_none_or(|value| value < 0.0) {
            assert!(Instant::now() < give_up, "{name}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }
    runtime.shutdown_background();
    while get(&monitor, "tokio_workers", &["main"]).is_some() {
        assert!(Instant::now() < give_up, "a runtime that is shut down is gone");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// While every worker is blocked nothing is scheduled, and that is seen at once, not afterwards.
#[test]
fn a_task_that_waits_is_seen_while_it_does() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let monitor = Monitor::builder().build().unwrap();
    perf_host::watch_runtime(&monitor, "one", runtime.handle());
    let (go_on, wait) = channel::<()>();
    let (blocks, is_blocked) = channel();
    let task = runtime.spawn(async move {
        blocks.send(()).unwrap();
        let _ = wait.recv();
    });
    is_blocked.recv().unwrap();
    let delay = || {
        monitor.tick();
        get(&monitor, "tokio_schedule_delay_seconds", &["one"])
    };
    assert_eq!(delay(), None, "the first is on its way");
    let first = delay().unwrap();
    std::thread::sleep(Duration::from_millis(20));
    assert!(delay().unwrap() > first, "it waits on");
    drop(go_on);
    runtime.block_on(task).unwrap();
}
