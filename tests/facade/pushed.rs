//! A monitor beside a recorder that is installed before or after it. Each test has a process of its own (`alone`).

use metrics::counter;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use perf_runtime::metric::MetricsFacade;
use perf_runtime::{Monitor, Outcome};
use std::thread;
use std::time::{Duration, Instant};

#[test]
#[ignore = "`alone` runs it"]
fn a_monitor_pushes_to_the_recorder_that_is_there() {
    let handle = PrometheusBuilder::new().install_recorder().unwrap();
    let monitor = Monitor::builder().namespace("mcp").install().unwrap();
    counter!("theirs_total").increment(1);
    let operation = monitor.operation("resize");
    (0..7).for_each(|_| operation.record(Duration::from_millis(5), Outcome::Ok));
    wait_for(&handle, "mcp_operations_total{operation=\"resize\",outcome=\"ok\"} 7\n");
    assert!(handle.render().contains("theirs_total 1\n"), "their metrics stay theirs");
    assert!(!monitor.render_prometheus().contains("theirs_total"));
}

/// 100 calls while nobody receives, and 10 while somebody does.
#[test]
#[ignore = "`alone` runs it"]
fn a_recorder_that_comes_late_gets_everything() {
    let monitor = Monitor::builder().metrics_facade(MetricsFacade::Push).install().unwrap();
    let operation = monitor.operation("resize");
    (0..100).for_each(|_| operation.record(Duration::from_millis(5), Outcome::Ok));
    let before = monitor.ticks().ticks;
    while monitor.ticks().ticks < before + 2 {
        thread::sleep(Duration::from_millis(20));
    }
    let handle = PrometheusBuilder::new().install_recorder().unwrap();
    (0..10).for_each(|_| operation.record(Duration::from_millis(5), Outcome::Ok));
    wait_for(&handle, "operations_total{operation=\"resize\",outcome=\"ok\"} 110\n");
    assert!(handle.render().contains("operation_duration_seconds_p50{operation=\"resize\"}"), "{}", handle.render());
}

fn wait_for(handle: &PrometheusHandle, line: &str) {
    let patience = Instant::now();
    while !handle.render().contains(line) {
        assert!(patience.elapsed() < Duration::from_secs(30), "no tick pushed:\n{}", handle.render());
        thread::sleep(Duration::from_millis(20));
    }
}
