//! Alerts of one incident, as a receiver is told of them.

use crate::sink::{Request, Sink};
use crate::{monitor, set, tick, webhooks};
use perf_notify::Notifier;
use perf_runtime::Monitor;
use perf_runtime::extend::{AlertGroup, AlertGroups};
use perf_runtime::test_util::ManualClock;
use std::sync::Arc;
use std::time::Duration;

/// All alerts are one incident whose cause is known.
struct One(Monitor);

impl AlertGroups for One {
    fn open(&self) -> Vec<AlertGroup> {
        let active = self.0.alerts().active();
        let group = AlertGroup::new(
            "79202f02d00be429",
            "Two tables grow",
            self.0.time_of_day(),
            active.iter().map(|one| one.fingerprint),
        );
        vec![group.cause("Likely cause: nobody deletes", true)]
    }
}

/// Lets seconds pass, each with the time for the notifier's thread to hear of it.
fn seconds(clock: &ManualClock, monitor: &Monitor, count: u32) {
    for _ in 0..count {
        tick(clock, monitor, 1);
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Lets seconds pass until so many messages came, and gives the last of them.
fn message(clock: &ManualClock, monitor: &Monitor, sink: &Sink, count: usize) -> Request {
    for _ in 0..500 {
        if let Some(request) = sink.requests().get(count - 1) {
            return request.clone();
        }
        seconds(clock, monitor, 1);
    }
    sink.wait_for(count).remove(count - 1)
}

/// One that fails each time.
struct Broken;

impl AlertGroups for Broken {
    fn open(&self) -> Vec<AlertGroup> {
        panic!("on purpose")
    }
}

#[test]
fn an_incident_is_one_message_with_its_cause_and_one_at_its_end() {
    let clock = ManualClock::hold();
    let (folder, sink, monitor) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let _provided = monitor.provide::<dyn AlertGroups>(Arc::new(One(monitor.clone()))).unwrap();
    let settings =
        webhooks(folder.path(), &[("a", &sink)], r#"[{"name": "all", "channels": ["a"], "group_wait": "2s"}]"#);
    let _notifier = Notifier::with_settings(&monitor, settings).unwrap();
    set(&monitor, "users", 5.0);
    set(&monitor, "carts", 5.0);
    let fired = message(&clock, &monitor, &sink, 1);
    let incident = &fired.body["notification_incident"];
    assert_eq!(
        (&incident["id"], &incident["cause"]),
        (&"79202f02d00be429".into(), &"Likely cause: nobody deletes".into())
    );
    assert_eq!(fired.body["groupLabels"]["incident"], "79202f02d00be429");
    assert_eq!(fired.body["alerts"].as_array().unwrap().len(), 2);
    set(&monitor, "users", 0.0);
    seconds(&clock, &monitor, 10);
    assert_eq!(sink.requests().len(), 1, "one alert of two has ended");
    set(&monitor, "carts", 0.0);
    let ended = message(&clock, &monitor, &sink, 2);
    assert_eq!((&ended.body["status"], &ended.body["groupKey"]), (&"resolved".into(), &fired.body["groupKey"]));
    assert_eq!(ended.tables("resolved").len(), 2);
}

#[test]
fn a_source_that_fails_keeps_nobody_from_being_told() {
    let clock = ManualClock::hold();
    let (folder, sink, monitor) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let _provided = monitor.provide::<dyn AlertGroups>(Arc::new(Broken)).unwrap();
    let route = r#"[{"name": "all", "channels": ["a"], "group_wait": "2s"}]"#;
    let _notifier = Notifier::with_settings(&monitor, webhooks(folder.path(), &[("a", &sink)], route)).unwrap();
    set(&monitor, "users", 5.0);
    let fired = message(&clock, &monitor, &sink, 1);
    assert_eq!((&fired.body["groupKey"], fired.body.get("notification_incident")), (&"all{}".into(), None));
}
