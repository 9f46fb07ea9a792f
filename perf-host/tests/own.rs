//! The metrics of the cost of monitoring, compared with the figures that the monitor itself keeps of it.

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::test_util::ManualClock;
use std::time::Duration;

fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        _ => None,
    }
}

#[test]
fn what_monitoring_costs_is_told_part_by_part() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Monitoring]).install(&monitor).unwrap();
    let tick = || {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    };
    let operations = ["resize", "crop", "rotate"].map(|name| monitor.operation(name));
    tick();
    for _ in 0..4 {
        for operation in &operations {
            (0..100).for_each(|_| operation.run(|| ()));
        }
        monitor.render_prometheus();
        monitor.add_serving_time(Duration::from_millis(5));
        tick();
    }
    let tell = |name: &str, labels: &[&str]| {
        get(&monitor, &format!("monitoring_{name}"), labels).unwrap_or_else(|| panic!("{name} {labels:?} is not told"))
    };
    let own = monitor.overhead();
    let parts = [
        ("sampling", own.sampling_seconds),
        ("observing", own.observing_seconds),
        ("judging", own.judging_seconds),
        ("rendering", own.rendering_seconds),
        ("serving", own.serving_seconds),
    ];
    for (part, by_now) in parts {
        let told = tell("time_seconds_total", &[part]);
        assert!(0.0 < told && told <= by_now, "{part}: {told} of {by_now}");
    }
    assert!((tell("time_seconds_total", &["serving"]) - 0.020).abs() < 1e-9);
    let counts = [
        ("calls_total", &[][..], own.calls as f64),
        ("calls_per_second", &[], 300.0),
        ("renders_total", &[], 4.0),
        ("ticks_total", &[], own.ticks.ticks as f64),
        ("ticks_lost_total", &["missed"], own.ticks.missed as f64),
        ("ticks_lost_total", &["panicked"], 0.0),
        ("series", &["calls"], own.series as f64),
        ("label_overflow_total", &[], own.overflowed as f64),
        ("sampler_panics_total", &["monitoring"], 0.0),
    ];
    for (name, labels, expected) in counts {
        assert!((tell(name, labels) - expected).abs() < 1e-9, "{name} {labels:?}: {}", tell(name, labels));
    }
    assert!(own.calls >= 1_200 && own.series >= 3);
    assert!(tell("series", &["custom"]) > 0.0);
    for component in ["registry", "windows"] {
        assert!(tell("memory_bytes", &[component]) > 0.0, "{component}");
    }
    assert!(tell("tick_duration_max_seconds", &[]) >= tell("tick_duration_seconds", &[]));
    assert!(tell("sampler_time_seconds_total", &["monitoring"]) > 0.0);
    // Of the core: 5 ms of serving in each second, and the rest.
    let share = tell("core_utilization_ratio", &[]);
    assert!((0.005..1.0).contains(&share), "{share}");
}
