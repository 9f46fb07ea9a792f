//! The figures of samplers: exposed, judged, absent when they cannot be read, and never the end of the ticker.

use perf_runtime::Monitor;
use perf_runtime::health::{HealthStatus, IndicatorStatus};
use perf_runtime::metric::{MetricValue, SampledMetric};
use perf_runtime::rule::Rule;
use perf_runtime::test_util::ManualClock;
use std::panic;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MEMORY: SampledMetric = SampledMetric::gauge("system_memory_utilization_ratio", "ratio", "Memory in use.");
const TIME: SampledMetric = SampledMetric::counter("worked_seconds_total", "seconds", "Time at work.");

fn monitor() -> (ManualClock, Monitor) {
    let rule = Rule::builder("memory").metric(MEMORY.name()).critical(0.85).build().unwrap();
    let monitor = Monitor::builder().namespace("shop").rules([rule].into_iter().collect()).build().unwrap();
    (ManualClock::hold(), monitor)
}

fn tick(clock: &ManualClock, monitor: &Monitor) {
    clock.advance(SECOND);
    monitor.tick();
}

#[test]
fn what_is_sampled_is_exposed_judged_and_absent_when_it_cannot_be_read() {
    let (clock, monitor) = monitor();
    let reads = Arc::new(Mutex::new(Some(0.95)));
    let given = Arc::clone(&reads);
    monitor.sample("memory", SECOND, move |samples| {
        let value = *given.lock().unwrap();
        samples.put(&MEMORY, &[], value);
        samples.put(&TIME, &[("mode", "user")], value.map(|value| 10.0 * value));
    });
    assert!(monitor.metrics().read().is_empty(), "nothing before the first tick, no zero either");
    tick(&clock, &monitor);
    // In the same tick: what was read is judged.
    assert_eq!(monitor.alerts().active()[0].value, Some(0.95));
    let health = monitor.health();
    assert_eq!((health.serving(), health.resources()), (HealthStatus::Healthy, HealthStatus::Degraded), "{health}");
    let memory = health.indicators().iter().find(|one| one.name() == "memory").unwrap();
    assert_eq!(
        (health.status(), memory.status()),
        (HealthStatus::Degraded, IndicatorStatus::Red),
        "alone it fails nobody"
    );
    let text = monitor.render_prometheus();
    for line in [
        "# TYPE system_memory_utilization_ratio gauge",
        "system_memory_utilization_ratio 0.95",
        "# TYPE worked_seconds_total counter",
        "worked_seconds_total{mode=\"user\"} 9.5",
    ] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
    let of_time = monitor.metrics().read().into_iter().find(|metric| metric.name == TIME.name()).unwrap();
    assert_eq!(of_time.series[0].value, MetricValue::Total(9.5));

    *reads.lock().unwrap() = None;
    tick(&clock, &monitor);
    assert!(monitor.metrics().read().is_empty() && !monitor.render_prometheus().contains("system_memory"));
    assert!(monitor.health().indicators().iter().all(|indicator| indicator.name() != "memory"));
}

#[test]
fn each_is_run_as_often_as_it_asks_for() {
    let (clock, monitor) = monitor();
    let runs: Vec<Arc<AtomicU64>> = [0, 1, 5]
        .map(|seconds| {
            let runs = Arc::new(AtomicU64::new(0));
            let counted = Arc::clone(&runs);
            monitor.sample("counts", seconds * SECOND, move |_| {
                counted.fetch_add(1, Ordering::Relaxed);
            });
            runs
        })
        .into();
    (0..20).for_each(|_| tick(&clock, &monitor));
    let runs: Vec<u64> = runs.iter().map(|runs| runs.load(Ordering::Relaxed)).collect();
    assert_eq!(runs, [20, 20, 4]);
}

#[test]
fn one_that_panics_is_counted_and_what_it_read_is_withdrawn() {
    let (clock, monitor) = monitor();
    let mut round = 0;
    monitor.sample("bad", SECOND, move |samples| {
        round += 1;
        samples.put(&MEMORY, &[], 0.5);
        assert!(round != 2, "this is meant to panic");
    });
    monitor.sample("good", SECOND, |samples| samples.put(&TIME, &[], 1.0));
    let names = || monitor.metrics().read().into_iter().map(|metric| metric.name).collect::<Vec<_>>();
    tick(&clock, &monitor);
    assert_eq!(names(), [MEMORY.name(), TIME.name()]);
    let hook = panic::take_hook();
    panic::set_hook(Box::new(|_| {}));
    tick(&clock, &monitor);
    panic::set_hook(hook);
    assert_eq!(names(), [TIME.name()], "the other goes on");
    tick(&clock, &monitor);
    assert_eq!(names(), [MEMORY.name(), TIME.name()]);
    let costs = monitor.overhead().samplers;
    let counts: Vec<_> = costs.iter().map(|cost| (cost.name.as_str(), cost.runs, cost.panicked)).collect();
    assert_eq!(counts, [("bad", 3, 1), ("good", 3, 0)]);
}

#[test]
fn one_may_ask_the_monitor_and_add_another() {
    let (clock, monitor) = monitor();
    monitor.sample("first", Duration::from_hours(1), |samples| {
        let calls = samples.monitor().overhead().calls;
        samples.monitor().sample("second", SECOND, move |samples| samples.put(&TIME, &[], calls as f64));
    });
    monitor.operation("resize").run(|| ());
    tick(&clock, &monitor);
    tick(&clock, &monitor);
    assert!(monitor.render_prometheus().contains("worked_seconds_total"));
}

#[test]
fn dropping_the_guard_ends_the_sampling_and_a_kept_one_goes_on() {
    let (clock, monitor) = monitor();
    let held = Arc::new(());
    let holds = Arc::clone(&held);
    let guard = monitor.sampler("short", Duration::ZERO, move |samples| {
        drop(Arc::clone(&holds));
        samples.put(&MEMORY, &[], 0.5);
    });
    monitor.sampler("long", Duration::ZERO, |samples| samples.put(&TIME, &[], 1.0)).keep();
    let names = || monitor.metrics().read().into_iter().map(|metric| metric.name).collect::<Vec<_>>();
    tick(&clock, &monitor);
    assert_eq!(names(), [MEMORY.name(), TIME.name()]);
    drop(guard);
    tick(&clock, &monitor);
    assert_eq!(names(), [TIME.name()], "its series are withdrawn");
    assert_eq!(Arc::strong_count(&held), 1, "and what it held is dropped");
    tick(&clock, &monitor);
    let runs: Vec<_> = monitor.overhead().samplers.into_iter().map(|cost| (cost.name, cost.runs)).collect();
    assert_eq!(runs, [("long".to_owned(), 3), ("short".to_owned(), 1)]);
}

#[test]
fn the_cost_of_the_monitor_is_known() {
    let (clock, monitor) = monitor();
    for _ in 0..300 {
        monitor.operation("resize").run(|| ());
        monitor.operation("crop").run(|| ());
    }
    tick(&clock, &monitor);
    let before = monitor.overhead();
    monitor.render_prometheus();
    monitor.add_serving_time(Duration::from_millis(5));
    let after = monitor.overhead();
    assert!(before.calls >= 600 && before.series >= 2, "{before:?}");
    assert!(before.longest_tick_seconds >= before.last_tick_seconds && before.observing_seconds > 0.0);
    // Two histories of 640 bytes and cells of a thread that called, at least.
    assert!(before.registry_bytes > 2 * 512 && before.windows_bytes >= 2 * 640, "{before:?}");
    assert_eq!((after.renders - before.renders, after.serving_seconds), (1, 0.005));
    assert!(after.rendering_seconds > before.rendering_seconds);
    assert_eq!(after.ticks.ticks, 0, "nobody ticks but the test");
}

#[test]
fn memory_is_kept_by_component() {
    let (_clock, monitor) = monitor();
    monitor.record_memory_usage("index", 4_096);
    monitor.record_memory_usage("index", 8_192);
    monitor.record_memory_usage("queue", 100);
    let text = monitor.render_prometheus();
    for line in ["memory_usage_bytes{component=\"index\"} 8192", "memory_usage_bytes{component=\"queue\"} 100"] {
        assert!(text.lines().any(|found| found == line), "{line} in\n{text}");
    }
}
