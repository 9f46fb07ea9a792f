//! A monitor beside a recorder that is installed already. One test, for there is one recorder in a process.

use metrics::counter;
use metrics_exporter_prometheus::PrometheusBuilder;
use perf_runtime::{Monitor, Outcome};
use std::thread;
use std::time::{Duration, Instant};

#[test]
fn a_monitor_pushes_to_the_recorder_that_is_there() {
    let handle = PrometheusBuilder::new().install_recorder().unwrap();
    let monitor = Monitor::builder().namespace("mcp").install().unwrap();
    counter!("theirs_total").increment(1);
    let operation = monitor.operation("resize");
    (0..7).for_each(|_| operation.record(Duration::from_millis(5), Outcome::Ok));
    let patience = Instant::now();
    let line = "mcp_operations_total{operation=\"resize\",outcome=\"ok\"} 7\n";
    while !handle.render().contains(line) {
        assert!(patience.elapsed() < Duration::from_secs(30), "no tick pushed:\n{}", handle.render());
        thread::sleep(Duration::from_millis(20));
    }
    assert!(handle.render().contains("theirs_total 1\n"), "their metrics stay theirs");
    assert!(!monitor.render_prometheus().contains("theirs_total"));
}
