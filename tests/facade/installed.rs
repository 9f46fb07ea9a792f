//! The recorder that an installed monitor installs. Each test has a process of its own (`alone`).

use super::log::Log;
use metrics::{counter, gauge};
use perf_runtime::Monitor;

#[test]
#[ignore = "`alone` runs it"]
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

#[test]
#[ignore = "`alone` runs it"]
fn the_log_says_who_the_recorder_is() {
    let log = Log::default();
    let _monitor = log.while_listening(|| Monitor::builder().install().unwrap());
    let said = log.messages();
    let expected = "perf is now the recorder of `metrics`; another one that is installed later fails.";
    assert_eq!(said.iter().filter(|said| said.starts_with(expected)).count(), 1, "{said:?}");
    assert!(metrics_exporter_prometheus::PrometheusBuilder::new().install_recorder().is_err());
}
