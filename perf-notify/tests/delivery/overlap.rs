//! Two processes of one service that overlap, as in a deploy.

use crate::member::comes_true;
use crate::sink::Sink;
use crate::{monitor, set, tick, webhooks};
use perf_notify::Notifier;
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use std::path::Path;
use std::time::Duration;

const AT_ONCE: &str = r#"[{"channels": ["a"], "group_wait": "0s", "group_interval": "1s"}]"#;

fn begin(folder: &Path, sink: &Sink) -> (Monitor, Notifier) {
    let monitor = monitor();
    let notifier = Notifier::with_settings(&monitor, webhooks(folder, &[("a", sink)], AT_ONCE)).unwrap();
    (monitor, notifier)
}

/// So many seconds, each heard before the next.
fn seconds(clock: &ManualClock, monitor: &Monitor, count: u32) {
    for _ in 0..count {
        tick(clock, monitor, 1);
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_deploy_in_which_both_overlap_tells_nothing_twice_and_forgets_no_end() {
    let clock = ManualClock::hold();
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")));
    let (old, leaving) = begin(folder.path(), &sink);
    for table in ["users", "orders"] {
        set(&old, table, 5.0);
    }
    seconds(&clock, &old, 1);
    assert_eq!(sink.wait_for(1)[0].tables("firing").len(), 2);
    // In the new process one of them fires still, and another one does.
    let (new, staying) = begin(folder.path(), &sink);
    for table in ["users", "carts"] {
        set(&new, table, 5.0);
    }
    seconds(&clock, &new, 5);
    assert_eq!(sink.requests().len(), 1, "the old one still runs");
    drop(leaving);
    seconds(&clock, &new, 3);
    let told = sink.wait_for(2);
    assert_eq!(told.len(), 2);
    let is_new = |request: &crate::sink::Request| request.tables("firing").contains(&"carts".to_owned());
    assert!(is_new(&told[1]), "{:?}", told[1]);
    seconds(&clock, &new, 1);
    let attempts = || staying.view().attempts(None, 10).len();
    assert!(comes_true(|| attempts() == 2), "what the old one sent is not forgotten: {}", attempts());
    // Of the third no rule of the new process knows: it ended with the old one.
    seconds(&clock, &new, 1);
    clock.advance(Duration::from_secs(610));
    seconds(&clock, &new, 3);
    let ended = sink.wait_for(3);
    assert_eq!((ended.len(), ended[2].tables("resolved")), (3, vec!["orders".to_owned()]));
}

#[test]
fn a_process_that_runs_beside_another_one_tells_after_half_a_minute() {
    let clock = ManualClock::hold();
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")));
    let (one, _stays) = begin(folder.path(), &sink);
    seconds(&clock, &one, 1);
    let (other, _too) = begin(folder.path(), &sink);
    set(&other, "users", 5.0);
    seconds(&clock, &other, 29);
    assert_eq!(sink.requests().len(), 0);
    seconds(&clock, &other, 3);
    assert_eq!(sink.wait_for(1)[0].tables("firing"), ["users"]);
}
