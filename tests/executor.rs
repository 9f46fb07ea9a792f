//! An executor: how its workers do, and which function blocks one.

use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::rule::presets;
use perf_runtime::{Monitor, monitor};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// The current value of the series whose labels have all these values.
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

/// How many workers are said to be blocked, and by which functions, once the monitor has looked for two seconds.
fn blocked(monitor: &Monitor) -> (Option<f64>, Vec<String>) {
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(200));
        monitor.tick();
    }
    let metrics = monitor.metrics().read().into_iter().filter(|metric| metric.name == "executor_blocked_seconds");
    let series = metrics.flat_map(|metric| metric.series).filter(|one| matches!(one.value, MetricValue::Gauge(_)));
    let functions = series.flat_map(|one| one.labels.to_vec()).map(|(_, function)| function).collect();
    (get(monitor, "executor_blocked_threads", &[]), functions)
}

fn watched(runtime: &tokio::runtime::Runtime) -> Monitor {
    let monitor = Monitor::builder().rules(perf_host::rules()).build().unwrap();
    runtime.block_on(async {
        perf_host::Host::builder().parts([perf_host::Part::Executor]).install(&monitor).unwrap();
    });
    monitor
}

/// `block_in_place` hands the worker to another thread, and `block_on` has none: the poll is as long, and keeps no queue.
#[test]
fn a_thread_that_is_no_worker_blocks_none() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let monitor = watched(&runtime);
    let operation = |name: &str| monitor.operation(name);
    let (end, ended) = channel::<()>();
    let archive = operation("archive");
    let in_place = runtime.spawn(async move {
        archive.watch(async move { tokio::task::block_in_place(move || ended.recv()) }).await.unwrap_err();
    });
    let (end_too, ended_too) = channel::<()>();
    let (shrink, handle) = (operation("shrink"), runtime.handle().clone());
    let on_a_blocking_thread = runtime.spawn_blocking(move || {
        handle.block_on(shrink.watch(async move { ended_too.recv().unwrap_err() }));
    });
    let main = operation("main");
    let told = runtime.block_on(main.watch(async { blocked(&monitor) }));
    assert_eq!(told, (Some(0.0), vec![]));
    assert!(monitor.alerts().active().is_empty(), "{:?}", monitor.alerts().active());
    // Beside them, one that does.
    let (end_last, ended_last) = channel::<()>();
    let parse = operation("parse");
    let blocks = runtime.spawn(async move { parse.watch(async move { ended_last.recv().unwrap_err() }).await });
    assert_eq!(blocked(&monitor), (Some(1.0), vec!["operation{operation=parse}".to_owned()]));
    assert!(monitor.alerts().active().iter().any(|alert| alert.rule == "blocked-worker"));
    drop((end, end_too, end_last));
    runtime.block_on(async {
        in_place.await.unwrap();
        on_a_blocking_thread.await.unwrap();
        blocks.await.unwrap();
    });
    assert_eq!(blocked(&monitor), (Some(0.0), vec![]));
}

/// Workers that are busy with other work, beside one that handed its own on.
#[test]
fn a_worker_that_was_handed_on_works_and_is_not_blocked() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let monitor = watched(&runtime);
    let busy: Vec<_> = (0..4)
        .map(|_| {
            runtime.spawn(async {
                loop {
                    std::hint::black_box((0..10_000_u64).map(std::hint::black_box).sum::<u64>());
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let (end, ended) = channel::<()>();
    let archive = monitor.operation("archive");
    let in_place = runtime.spawn(async move {
        archive.watch(async move { tokio::task::block_in_place(move || ended.recv()) }).await.unwrap_err();
    });
    assert_eq!(blocked(&monitor), (Some(0.0), vec![]));
    drop(end);
    runtime.block_on(in_place).unwrap();
    busy.iter().for_each(tokio::task::JoinHandle::abort);
}

/// A thread of an executor that nobody watches cannot have handed anything on.
#[test]
fn beside_a_runtime_of_one_thread_other_executors_are_seen() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let monitor = watched(&runtime);
    let (end, ended) = channel::<()>();
    let parse = monitor.operation("parse");
    let other = std::thread::spawn(move || {
        let another = tokio::runtime::Builder::new_current_thread().build().unwrap();
        another.block_on(parse.watch(async move { ended.recv().unwrap_err() }));
    });
    assert_eq!(blocked(&monitor), (Some(1.0), vec!["operation{operation=parse}".to_owned()]));
    drop(end);
    other.join().unwrap();
}
