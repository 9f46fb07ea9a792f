//! Alerts while the async runtime stands still. One test, for it needs real time.

use perf_runtime::alert::Transition;
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::{Kind, Monitor, Outcome};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// The monitor judges on a thread of its own, so threads of the runtime that are blocked do not stop it.
#[test]
fn an_alert_fires_while_every_thread_of_the_runtime_is_blocked() {
    const WORKERS: usize = 2;
    let errors = Rule::builder("errors").metric(Kind::Operation).statistic(Statistic::ErrorRate);
    let rules = [errors.warning(0.5).build().unwrap()].into_iter().collect();
    let monitor = Monitor::builder().rules(rules).install().unwrap();
    let events = monitor.alerts().subscribe(16);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(WORKERS).build().unwrap();
    let (blocked, is_blocked) = channel();
    let (release, released) = channel::<()>();
    let released = Arc::new(Mutex::new(released));
    for _ in 0..WORKERS {
        let (blocked, released) = (blocked.clone(), released.clone());
        runtime.spawn(async move {
            blocked.send(()).unwrap();
            // Not an await: the thread is held until the test lets go.
            let _ = released.lock().unwrap().recv();
        });
    }
    (0..WORKERS).for_each(|_| is_blocked.recv().unwrap());

    let operation = monitor.operation("judging_blocked");
    operation.record(Duration::from_secs(1), Outcome::Error);
    let event = events.recv_timeout(Duration::from_mins(1)).expect("an alert while all threads are blocked");
    assert_eq!((event.transition, event.alert.rule.as_str()), (Transition::Fired, "errors"));
    drop(release);
}
