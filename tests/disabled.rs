//! `enabled = false`, of a monitor alone: calls are counted, and no thread, port or file is there because of it. One test, for
//! there is one installed monitor in a process.
#![cfg(target_os = "linux")]

use perf_runtime::metric::SampledMetric;
use perf_runtime::{Monitor, Outcome, Window, monitor, monitor_tool};
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use std::{env, fs, thread};

#[monitor_tool("counted")]
fn counted() {}

/// The threads of this process, and its open files and sockets.
fn held() -> (BTreeSet<PathBuf>, BTreeSet<PathBuf>) {
    let entries = |folder: &str| fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let threads = entries("/proc/self/task").collect();
    // Where the list itself is read is open as well, and nothing else is.
    let open = entries("/proc/self/fd").filter_map(|path| fs::read_link(path).ok());
    (threads, open.filter(|path| !path.starts_with("/proc")).collect())
}

#[test]
fn a_monitor_that_is_not_enabled_counts_and_starts_nothing() {
    const ROOM: SampledMetric = SampledMetric::gauge("room_ratio", "ratio", "The room that is left.");
    let folder = tempfile::tempdir().unwrap();
    env::set_current_dir(folder.path()).unwrap();
    fs::write("perf.toml", "enabled = false\n").unwrap();
    let before = held();
    let installed = Monitor::builder().config_file("perf.toml").install().unwrap();
    assert!(!installed.is_enabled());
    perf_host::install(&installed).unwrap();
    let runs = Arc::new(AtomicU64::new(0));
    let counting = Arc::clone(&runs);
    installed.sample("room", Duration::ZERO, move |samples| {
        counting.fetch_add(1, Ordering::Relaxed);
        samples.put(&ROOM, &[], 0.5);
    });
    counted();
    monitor().operation("resize").record(Duration::from_millis(3), Outcome::Ok);
    metrics::counter!("carts_total").increment(1);
    // Longer than a tick takes to come.
    thread::sleep(Duration::from_millis(1_300));
    assert_eq!(held(), before, "threads, and open files and sockets");
    let files: Vec<_> = fs::read_dir(".").unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(files, ["perf.toml"]);
    assert_eq!((installed.ticks().ticks, runs.load(Ordering::Relaxed)), (0, 0));
    let text = monitor().render_prometheus();
    assert!(text.contains(r#"tool_calls_total{tool="counted",outcome="ok"} 1"#), "{text}");
    assert!(text.contains(r#"operations_total{operation="resize",outcome="ok"} 1"#), "{text}");
    assert!(!text.contains("carts_total"), "it is no recorder of the facade either");
    assert_eq!(installed.summary(Window::LastMinute).series.len(), 2);
    assert!(installed.shutdown(Duration::from_secs(1)).is_clean());
}
