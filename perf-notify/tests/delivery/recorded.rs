//! Every attempt is in the monitor's log of deliveries.

use crate::sink::Sink;
use crate::{monitor, set, tick, webhooks};
use perf_notify::{Notifier, Settings};
use perf_runtime::Monitor;
use perf_runtime::alert::{Delivery, DeliveryOutcome};
use perf_runtime::test_util::ManualClock;
use std::time::{Duration, Instant};

const AT_ONCE: &str = r#"[{"channels": ["a"], "group_wait": "0s", "group_interval": "1s"}]"#;

/// Waits until so many are noted; fails after 10 s.
fn noted(monitor: &Monitor, count: usize) -> Vec<Delivery> {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        let found = monitor.alerts().deliveries_since(0).deliveries;
        if found.len() >= count {
            return found;
        }
        assert!(Instant::now() < deadline, "{count} were wanted: {found:#?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn each_attempt_is_noted_with_its_result_and_without_the_receivers_words() {
    let clock = ManualClock::hold();
    let sink = Sink::new(|number| if number == 0 { (503, "") } else { (200, "") });
    let (folder, monitor) = (tempfile::tempdir().unwrap(), monitor());
    let notifier = Notifier::with_settings(&monitor, webhooks(folder.path(), &[("a", &sink)], AT_ONCE)).unwrap();
    set(&monitor, "users", 5.0);
    tick(&clock, &monitor, 1);
    let first = noted(&monitor, 1);
    tick(&clock, &monitor, 2);
    let [failed, delivered] = &noted(&monitor, 2)[..] else { panic!("two attempts") };
    assert_eq!(first[0], *failed);
    let result = |one: &Delivery| (one.attempt, one.outcome, one.status);
    assert_eq!(result(failed), (1, DeliveryOutcome::Failed, Some(503)));
    assert_eq!(result(delivered), (2, DeliveryOutcome::Delivered, Some(200)));
    let alert = monitor.alerts().active().pop().unwrap();
    for one in [failed, delivered] {
        assert_eq!((one.channel.as_str(), one.alerts, &one.fingerprints[..]), ("a", 1, &[alert.fingerprint][..]));
        assert_eq!(one.message, sink.requests()[0].header("idempotency-key"));
        assert_eq!(one.service.as_deref().unwrap().name, "shop");
        assert!(one.seconds.is_some_and(|seconds| seconds < 10.0));
        let text = serde_json::to_string(one).unwrap();
        assert!(!text.contains("127.0.0.1") && !text.contains("ok"), "{text}");
    }
    assert!(notifier.view().test("a", Duration::from_secs(10)).unwrap().delivered);
    let tested = noted(&monitor, 3).pop().unwrap();
    assert_eq!((result(&tested), tested.alerts), ((1, DeliveryOutcome::Delivered, Some(200)), 0));
}

#[test]
fn a_receiver_that_keeps_the_state_is_noted_when_something_changed_or_it_fails() {
    let clock = ManualClock::hold();
    // Its third and fourth answers are no.
    let sink = Sink::new(|number| if matches!(number, 2 | 3) { (503, "") } else { (200, "") });
    let (folder, monitor) = (tempfile::tempdir().unwrap(), monitor());
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "path": folder.path(),
        "channels": {"am": {"type": "alertmanager", "url": format!("http://{}", sink.address)}},
    }))
    .unwrap();
    let _notifier = Notifier::with_settings(&monitor, settings).unwrap();
    set(&monitor, "users", 5.0);
    // Told the same twice, then not taken twice, then taken again.
    for (seconds, requests) in [(0, 1), (60, 2), (60, 3), (10, 4), (10, 5)] {
        clock.advance(Duration::from_secs(seconds));
        tick(&clock, &monitor, 1);
        sink.wait_for(requests);
        // Its answer is heard before the next tick.
        std::thread::sleep(Duration::from_millis(200));
    }
    let found: Vec<_> = noted(&monitor, 3).iter().map(|one| (one.attempt, one.outcome, one.alerts)).collect();
    let (yes, no) = (DeliveryOutcome::Delivered, DeliveryOutcome::Failed);
    assert_eq!(found, [(1, yes, 1), (1, no, 1), (3, yes, 1)]);
}
