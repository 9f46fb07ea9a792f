//! The recorder that an installed monitor installs. One test, for there is one recorder in a process.

use metrics::{counter, gauge};
use perf_runtime::Monitor;

#[test]
fn installing_a_monitor_installs_its_recorder() {
    // Before: nobody listens, and the facade itself drops it.
    counter!("installed_total").increment(100);
    let monitor = Monitor::builder().namespace("mcp").install().unwrap();
    counter!("installed_total", "a" => "b").increment(2);
    gauge!("installed").set(3.0);
    std::thread::spawn(|| counter!("installed_total", "a" => "b").increment(1)).join().unwrap();
    let text = monitor.render_prometheus();
    assert!(text.contains("\ninstalled_total{a=\"b\"} 3\n") && text.contains("\ninstalled 3\n"), "{text}");
    assert!(metrics::set_global_recorder(metrics::NoopRecorder).is_err(), "it is ours");
}
