//! Notices of another part, from the monitor to real receivers, over a restart, and the settings of them.

use crate::member::comes_true;
use crate::sink::Sink;
use crate::{monitor, set, tick, webhooks};
use perf_notify::message::Reason;
use perf_notify::{AttemptOutcome, Notifier, Settings};
use perf_runtime::Monitor;
use perf_runtime::extend::{Deliver, DeliverError, Notice};
use perf_runtime::test_util::ManualClock;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

const NIGHT: &str = r#"[{"channels": ["a", "b"], "within": ["never"]}]"#;

/// Two webhooks whose route is never open, of which `notices` take notices.
fn settings(folder: &Path, sinks: [&Sink; 2], notices: &[&str]) -> Settings {
    let mut settings = webhooks(folder, &[("a", sinks[0]), ("b", sinks[1])], NIGHT);
    let never = serde_json::from_value(serde_json::json!({"days": ["mon"], "from": "03:00", "to": "03:01"})).unwrap();
    settings.windows.insert("never".to_owned(), never);
    settings.notices = notices.iter().map(ToString::to_string).collect();
    settings
}

fn deliver(monitor: &Monitor) -> Arc<dyn Deliver> {
    monitor.ask::<dyn Deliver>().expect("notifications are on")
}

fn notice(key: &str) -> Notice {
    Notice::new(key, "The week in shop", "12 deploys").unwrap().with_link("https://ops.example/reports/48").unwrap()
}

#[test]
fn a_notice_is_tried_again_told_once_and_seen_among_the_attempts_whatever_the_routes_say() {
    let clock = ManualClock::hold();
    let a = Sink::new(|number| if number == 0 { (503, "") } else { (200, "") });
    let (folder, b, first) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let notifier = Notifier::with_settings(&first, settings(folder.path(), [&a, &b], &["a"])).unwrap();
    assert_eq!(deliver(&first).ready(), Ok(()));
    set(&first, "users", 5.0);
    tick(&clock, &first, 1);
    deliver(&first).deliver(&notice("report.2026-W48")).unwrap();
    deliver(&first).deliver(&notice("report.2026-W48")).unwrap();
    a.wait_for(1);
    let view = notifier.view();
    assert!(comes_true(|| view.attempts(None, 10).len() == 1));
    tick(&clock, &first, 2);
    let taken = a.wait_for(2).pop().unwrap();
    assert_eq!((&taken.body["type"], &taken.body["key"]), (&"notice".into(), &"report.2026-W48".into()));
    assert_eq!(taken.body["link"], "https://ops.example/reports/48");
    assert_eq!(a.requests()[0].header("idempotency-key"), taken.header("idempotency-key"));
    assert!(comes_true(|| view.attempts(None, 10).len() == 2));
    let attempts = view.attempts(None, 10);
    let seen = |place: usize| (&attempts[place].1.outcome, attempts[place].1.reason, attempts[place].1.alerts);
    assert_eq!(seen(0), (&AttemptOutcome::Delivered, Reason::Notice, 0));
    assert_eq!(
        (seen(1), attempts[1].1.group.as_str()),
        ((&AttemptOutcome::Failed, Reason::Notice, 0), "notice report.2026-W48")
    );
    let named: Vec<bool> = view.overview().channels.iter().map(|channel| channel.takes_notices).collect();
    assert_eq!(named, [true, false]);
    // The process after it has the same outbox.
    drop(notifier);
    let ended = first.ask::<dyn Deliver>();
    assert!(ended.is_none(), "it is withdrawn with the notifier");
    let second = monitor();
    let _notifier = Notifier::with_settings(&second, settings(folder.path(), [&a, &b], &["a"])).unwrap();
    tick(&clock, &second, 1);
    deliver(&second).deliver(&notice("report.2026-W48")).unwrap();
    deliver(&second).deliver(&notice("report.2026-W49")).unwrap();
    assert_eq!(a.wait_for(3)[2].body["key"], "report.2026-W49");
    tick(&clock, &second, 3);
    assert_eq!((a.requests().len(), b.requests().len()), (3, 0));
}

#[test]
fn where_the_disk_was_away_at_the_start_what_was_told_before_is_not_told_again_and_what_waited_is_sent() {
    let clock = ManualClock::hold();
    let a = Sink::new(|_| (200, ""));
    let b = Sink::new(|number| if number == 0 { (503, "") } else { (200, "") });
    let folder = tempfile::tempdir().unwrap();
    let (outbox, away) = (folder.path().join("state"), folder.path().join("away"));
    let first = monitor();
    let notifier = Notifier::with_settings(&first, settings(&outbox, [&a, &b], &["a", "b"])).unwrap();
    tick(&clock, &first, 1);
    deliver(&first).deliver(&notice("told")).unwrap();
    a.wait_for(1);
    b.wait_for(1);
    assert!(comes_true(|| notifier.view().attempts(None, 10).len() == 2));
    drop(notifier);

    std::fs::rename(&outbox, &away).unwrap();
    std::fs::write(&outbox, "no folder").unwrap();
    let second = monitor();
    let notifier = Notifier::with_settings(&second, settings(&outbox, [&a, &b], &["a", "b"])).unwrap();
    assert!(notifier.view().overview().off.is_some());
    tick(&clock, &second, 1);
    std::fs::remove_file(&outbox).unwrap();
    std::fs::rename(&away, &outbox).unwrap();
    assert!(comes_true(|| {
        tick(&clock, &second, 1);
        notifier.view().overview().off.is_none()
    }));
    deliver(&second).deliver(&notice("told")).unwrap();
    deliver(&second).deliver(&notice("new")).unwrap();
    assert!(comes_true(|| {
        tick(&clock, &second, 1);
        b.requests().len() == 3
    }));
    let keys = |sink: &Sink| sink.requests().iter().map(|one| one.body["key"].clone()).collect::<Vec<_>>();
    assert_eq!(keys(&a), ["told", "new"]);
    let mut of_b = keys(&b).split_off(1);
    of_b.sort_by_key(ToString::to_string);
    assert_eq!(of_b, ["new", "told"], "it waited in the file");
    drop(notifier);

    // Neither is in it any more.
    let third = monitor();
    let _notifier = Notifier::with_settings(&third, settings(&outbox, [&a, &b], &["a", "b"])).unwrap();
    tick(&clock, &third, 2);
    for key in ["told", "new", "last"] {
        deliver(&third).deliver(&notice(key)).unwrap();
    }
    assert_eq!(
        (a.wait_for(3)[2].body["key"].clone(), b.wait_for(4)[3].body["key"].clone()),
        ("last".into(), "last".into())
    );
}

#[test]
fn a_notice_in_memory_alone_is_not_settled_until_it_is_written_or_sent() {
    let clock = ManualClock::hold();
    let open = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let sink =
        Sink::new(move |_| if is_open.load(std::sync::atomic::Ordering::Relaxed) { (200, "") } else { (503, "") });
    let folder = tempfile::tempdir().unwrap();
    let outbox = folder.path().join("state");
    std::fs::write(&outbox, "no folder").unwrap();
    let monitor = monitor();
    let notifier = Notifier::with_settings(&monitor, settings(&outbox, [&sink, &sink], &["a"])).unwrap();
    let way = deliver(&monitor);
    tick(&clock, &monitor, 1);
    assert!(way.is_settled("nothing that was taken"));
    for key in ["written", "sent"] {
        way.deliver(&notice(key)).unwrap();
    }
    assert!(comes_true(|| notifier.view().overview().channels[0].waiting == 2));
    assert!(!way.is_settled("written") && !way.is_settled("sent"));
    std::fs::remove_file(&outbox).unwrap();
    assert!(comes_true(|| {
        tick(&clock, &monitor, 1);
        way.is_settled("written") && way.is_settled("sent")
    }));
    assert!(notifier.view().overview().off.is_none(), "it is in the file");
    drop(notifier);

    std::fs::remove_dir_all(&outbox).unwrap();
    std::fs::write(&outbox, "no folder").unwrap();
    let notifier = Notifier::with_settings(&monitor, settings(&outbox, [&sink, &sink], &["a"])).unwrap();
    let way = deliver(&monitor);
    open.store(true, std::sync::atomic::Ordering::Relaxed);
    way.deliver(&notice("gone")).unwrap();
    assert!(comes_true(|| {
        tick(&clock, &monitor, 1);
        way.is_settled("gone")
    }));
    assert!(notifier.view().overview().off.is_some() && sink.requests().last().unwrap().body["key"] == "gone");
}

#[test]
fn a_notice_before_the_first_tick_and_at_the_end_is_kept() {
    let clock = ManualClock::hold();
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")));
    let first = monitor();
    let notifier = Notifier::with_settings(&first, settings(folder.path(), [&sink, &sink], &["a"])).unwrap();
    let kept = deliver(&first);
    kept.deliver(&notice("early")).unwrap();
    drop(notifier);
    let second = monitor();
    let _notifier = Notifier::with_settings(&second, settings(folder.path(), [&sink, &sink], &["a"])).unwrap();
    tick(&clock, &second, 1);
    assert_eq!(sink.wait_for(1)[0].body["key"], "early");
    assert_eq!(kept.deliver(&notice("late")), Err(DeliverError::Ended), "a handle that outlived the notifier");
}

#[test]
fn a_process_that_ends_beside_another_one_leaves_its_notices_to_that_one() {
    let clock = ManualClock::hold();
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")));
    let begin = || {
        let monitor = monitor();
        let settings = settings(folder.path(), [&sink, &sink], &["a"]);
        let notifier = Notifier::with_settings(&monitor, settings).unwrap();
        (monitor, notifier)
    };
    let (old, staying) = begin();
    tick(&clock, &old, 1);
    deliver(&old).deliver(&notice("both")).unwrap();
    sink.wait_for(1);
    let (new, leaving) = begin();
    tick(&clock, &new, 1);
    for key in ["both", "new"] {
        deliver(&new).deliver(&notice(key)).unwrap();
    }
    drop(leaving);
    assert_eq!(sink.requests().len(), 1, "the other one may have told them");
    for _ in 0..70 {
        tick(&clock, &old, 1);
        std::thread::sleep(Duration::from_millis(5));
    }
    let keys: Vec<_> = sink.wait_for(2).into_iter().map(|request| request.body["key"].clone()).collect();
    assert_eq!(keys, ["both", "new"]);
    assert!(
        comes_true(|| staying.view().attempts(None, 10).len() == 3),
        "of the second one it is noted that it was told"
    );
    assert_eq!(sink.requests().len(), 2);
}

#[test]
fn nobody_is_sent_what_nobody_asked_for() {
    let (folder, sink, on) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let _notifier = Notifier::with_settings(&on, settings(folder.path(), [&sink, &sink], &[])).unwrap();
    assert_eq!(deliver(&on).ready(), Err(DeliverError::NoChannel));
    let refused = deliver(&on).deliver(&notice("a")).unwrap_err();
    assert_eq!(refused, DeliverError::NoChannel);
    assert!(refused.to_string().contains("[notify]"), "{refused}");
    let off = monitor();
    let settings = Settings::default();
    let _notifier = Notifier::with_settings(&off, settings).unwrap();
    assert!(off.ask::<dyn Deliver>().is_none(), "without channels it is not enabled");
}

#[test]
fn of_a_hundred_that_wait_no_more_are_taken_until_some_are_sent() {
    let clock = ManualClock::hold();
    let open = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_open = Arc::clone(&open);
    let sink =
        Sink::new(move |_| if is_open.load(std::sync::atomic::Ordering::Relaxed) { (200, "") } else { (503, "") });
    let (folder, monitor) = (tempfile::tempdir().unwrap(), monitor());
    let _notifier = Notifier::with_settings(&monitor, settings(folder.path(), [&sink, &sink], &["a"])).unwrap();
    tick(&clock, &monitor, 1);
    let deliver = deliver(&monitor);
    for number in 0..100 {
        // Until the outbox has one, it may be counted twice.
        assert!(comes_true(|| deliver.deliver(&notice(&number.to_string())).is_ok()), "{number}");
    }
    assert!(matches!(deliver.deliver(&notice("more")), Err(DeliverError::Full { most: 100 })));
    open.store(true, std::sync::atomic::Ordering::Relaxed);
    let mut seconds = 0;
    while deliver.deliver(&notice("more")).is_err() {
        tick(&clock, &monitor, 1);
        std::thread::sleep(Duration::from_millis(20));
        seconds += 1;
        assert!(seconds < 400, "none was sent");
    }
}

#[test]
fn settings_of_notices_are_checked_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let with = |fields: serde_json::Value, notices: serde_json::Value| {
        let all = serde_json::json!({"path": folder.path(), "channels": {"team": fields}, "notices": notices});
        let monitor = monitor();
        Notifier::with_settings(&monitor, serde_json::from_value(all).unwrap()).map(drop)
    };
    let console = || serde_json::json!({"type": "console"});
    let pager = serde_json::json!({"type": "pagerduty", "routing_key": "R"});
    let mirror = serde_json::json!({"type": "alertmanager", "url": "http://127.0.0.1:1"});
    let template = serde_json::json!({
        "type": "webhook", "url": "http://127.0.0.1:1/", "template": r#"{"a": {{ alerts[0].fingerprint }}}"#,
    });
    for (fields, notices, value, allowed) in [
        (console(), serde_json::json!(["taem"]), "taem", "team"),
        (console(), serde_json::json!(["team", "team"]), "team", "each channel once"),
        (pager, serde_json::json!(["team"]), "team", "pagerduty takes alerts alone"),
        (mirror, serde_json::json!(["team"]), "team", "alertmanager takes alerts alone"),
        (template, serde_json::json!(["team"]), "team", "its template fails with a notice"),
    ] {
        let error = with(fields, notices).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), ("notify.notices", value), "{error}");
        assert!(error.allowed.contains(allowed), "{error}");
    }
    assert!(with(console(), serde_json::json!(["team"])).is_ok());
}
