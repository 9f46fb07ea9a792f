//! The messages that a receiver sees, and what the notifier says of them.

use crate::sink::Sink;
use crate::{monitor, set, tick, webhooks};
use perf_notify::{AcknowledgeLink, AttemptOutcome, LinkError, Notifier};
use perf_runtime::alert::Severity;
use perf_runtime::test_util::ManualClock;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const AT_ONCE: &str = r#"[{"name": "all", "channels": ["a"], "group_wait": "0s", "group_interval": "1s"}]"#;

#[test]
fn an_alert_and_its_end_are_told_with_words_and_links() {
    let clock = ManualClock::hold();
    let (folder, sink, monitor) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let mut settings = webhooks(folder.path(), &[("a", &sink)], AT_ONCE);
    settings.public_url = Some("https://ops.example.com/perf/".to_owned());
    let notifier = Notifier::with_settings(&monitor, settings).unwrap();
    set(&monitor, "users", 5.0);
    tick(&clock, &monitor, 1);
    let fired = sink.wait_for(1).pop().unwrap();
    assert_eq!((fired.tables("firing"), &fired.body["status"]), (vec!["users".to_owned()], &"firing".into()));
    assert_eq!(fired.body["alerts"][0]["labels"]["alertname"], "rows");
    assert!(fired.header("user-agent").starts_with("perf-notify/"), "{fired:?}");
    set(&monitor, "users", 0.0);
    tick(&clock, &monitor, 3);
    let ended = sink.wait_for(2).pop().unwrap();
    assert_eq!((ended.tables("resolved"), &ended.body["status"]), (vec!["users".to_owned()], &"resolved".into()));
    assert_ne!(fired.header("idempotency-key"), ended.header("idempotency-key"));
    let text = ended.body.to_string();
    assert!(text.contains("recovered"), "{text}");
    let view = notifier.view();
    // The receiver knows before the outbox does.
    let deadline = Instant::now() + Duration::from_secs(10);
    while view.attempts(None, 10).len() < 2 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let attempts = view.attempts(None, 10);
    assert_eq!(attempts.iter().map(|(_, attempt)| attempt.outcome).collect::<Vec<_>>(), [AttemptOutcome::Delivered; 2]);
    assert_eq!((attempts[0].1.status, attempts[0].1.text.as_str()), (Some(200), "ok"));
    tick(&clock, &monitor, 1);
    while view.overview().channels[0].waiting > 0 && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
    let overview = view.overview();
    assert_eq!((overview.channels[0].waiting, &overview.channels[0].error), (0, &None));
    let page = monitor.render_prometheus();
    assert!(page.contains(r#"notify_attempts_total{channel="a",outcome="delivered"} 2"#), "{page}");
}

#[test]
fn a_signed_link_acknowledges_once_and_nothing_else_does() {
    let clock = ManualClock::hold();
    let (folder, sink, monitor) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let mut settings = webhooks(folder.path(), &[("a", &sink)], AT_ONCE);
    settings.public_url = Some("https://ops.example.com/perf".to_owned());
    let notifier = Notifier::with_settings(&monitor, settings).unwrap();
    set(&monitor, "users", 5.0);
    tick(&clock, &monitor, 1);
    let body = sink.wait_for(1).pop().unwrap().body.to_string();
    let address = body.split('"').find(|text| text.contains("/acknowledge?")).expect("a link").to_owned();
    let (base, query) = address.split_once('?').unwrap();
    assert_eq!(base, "https://ops.example.com/perf/acknowledge");
    let fields: BTreeMap<&str, &str> = query.split('&').filter_map(|pair| pair.split_once('=')).collect();
    let link = AcknowledgeLink {
        alert: fields["alert"].parse().unwrap(),
        since: fields["since"].parse().unwrap(),
        until: fields["until"].parse().unwrap(),
        signature: fields["signature"].to_owned(),
    };
    let view = notifier.view();
    assert_eq!(view.alert_of(&link).unwrap().rule, "rows");
    assert!(monitor.alerts().active()[0].acknowledged.is_none(), "to look changes nothing");
    let longer = AcknowledgeLink { until: link.until + 1, ..link.clone() };
    assert_eq!(view.acknowledge(&longer, "eve", ""), Err(LinkError::Forged));
    let short = AcknowledgeLink { signature: link.signature[2..].to_owned(), ..link.clone() };
    assert_eq!(view.acknowledge(&short, "eve", ""), Err(LinkError::Forged));
    assert!(matches!(view.acknowledge(&link, " ", ""), Err(LinkError::Refused(_))));
    assert_eq!(view.acknowledge(&link, "ada", "on it").unwrap().acknowledged.unwrap().by, "ada");
    assert_eq!(view.acknowledge(&link, "ada", "again"), Err(LinkError::Used));
    set(&monitor, "users", 0.0);
    tick(&clock, &monitor, 3);
    assert_eq!(view.alert_of(&link), Err(LinkError::Ended));
}

#[test]
fn messages_of_a_process_before_are_sent_and_nothing_is_told_twice() {
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let is_up = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let up = std::sync::Arc::clone(&is_up);
    let sink = Sink::new(move |_| if up.load(std::sync::atomic::Ordering::Relaxed) { (200, "") } else { (503, "") });
    {
        let monitor = monitor();
        let notifier = Notifier::with_settings(&monitor, webhooks(folder.path(), &[("a", &sink)], AT_ONCE)).unwrap();
        set(&monitor, "users", 5.0);
        tick(&clock, &monitor, 1);
        sink.wait_for(1);
        drop(notifier);
    }
    is_up.store(true, std::sync::atomic::Ordering::Relaxed);
    let monitor = monitor();
    let notifier = Notifier::with_settings(&monitor, webhooks(folder.path(), &[("a", &sink)], AT_ONCE)).unwrap();
    set(&monitor, "users", 5.0);
    let mut taken = Vec::new();
    for _ in 0..40 {
        tick(&clock, &monitor, 1);
        std::thread::sleep(Duration::from_millis(20));
        taken = sink.taken();
    }
    assert_eq!(taken.len(), 1, "{taken:#?}");
    assert_eq!(
        taken[0].header("idempotency-key"),
        sink.requests()[0].header("idempotency-key"),
        "it is the same message"
    );
    drop(notifier);
}

#[test]
fn the_outbox_is_its_owners_alone_and_a_second_process_has_one_of_its_own() {
    let _clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let sink = Sink::new(|_| (200, ""));
    let (first, second) = (monitor(), monitor());
    let settings = || webhooks(folder.path(), &[("a", &sink)], AT_ONCE);
    let one = Notifier::with_settings(&first, settings()).unwrap();
    let two = Notifier::with_settings(&second, settings()).unwrap();
    let paths = [&one, &two].map(|notifier| notifier.view().overview().path.unwrap());
    assert_eq!(paths.clone().map(|path| path.file_name().unwrap().to_owned()), ["outbox.redb", "outbox-2.redb"]);
    #[cfg(unix)]
    for path in paths {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[test]
fn messages_of_a_process_that_ended_beside_this_one_are_sent_by_it() {
    let clock = ManualClock::hold();
    let folder = tempfile::tempdir().unwrap();
    let down = Sink::new(|_| (503, ""));
    let up = Sink::new(|_| (200, ""));
    let (old, new) = (monitor(), monitor());
    let leaving = Notifier::with_settings(&old, webhooks(folder.path(), &[("a", &down)], AT_ONCE)).unwrap();
    let staying = Notifier::with_settings(&new, webhooks(folder.path(), &[("a", &up)], AT_ONCE)).unwrap();
    set(&old, "users", 5.0);
    tick(&clock, &old, 1);
    tick(&clock, &new, 1);
    down.wait_for(1);
    drop(leaving);
    for _ in 0..70 {
        tick(&clock, &new, 1);
        std::thread::sleep(Duration::from_millis(2));
    }
    let sent = up.wait_for(1);
    assert_eq!(sent[0].tables("firing"), ["users"]);
    assert_eq!(sent[0].header("idempotency-key"), down.requests()[0].header("idempotency-key"));
    assert!(!folder.path().join("outbox.redb").exists(), "its file is gone");
    drop(staying);
}

#[test]
fn where_the_outbox_cannot_be_written_messages_are_sent_all_the_same() {
    let clock = ManualClock::hold();
    let (sink, monitor) = (Sink::new(|_| (200, "")), monitor());
    let file = tempfile::NamedTempFile::new().unwrap();
    let notifier = Notifier::with_settings(&monitor, webhooks(file.path(), &[("a", &sink)], AT_ONCE)).unwrap();
    assert!(notifier.view().overview().off.is_some());
    set(&monitor, "users", 5.0);
    tick(&clock, &monitor, 1);
    assert_eq!(sink.wait_for(1)[0].tables("firing"), ["users"]);
}

#[test]
fn a_dry_run_says_where_an_alert_would_go_and_why_not_elsewhere() {
    let _clock = ManualClock::hold();
    let (folder, sink, monitor) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")), monitor());
    let routes = r#"[
        {"name": "pager", "channels": ["a"], "only": {"severity": "critical", "labels": {"table": "orders"}}},
        {"name": "rest", "channels": ["b"]}
    ]"#;
    let settings = webhooks(folder.path(), &[("a", &sink), ("b", &sink)], routes);
    let notifier = Notifier::with_settings(&monitor, settings).unwrap();
    let labels = BTreeMap::from([("table".to_owned(), "users".to_owned())]);
    let verdicts = notifier.view().route("rows", Severity::Critical, &labels).unwrap();
    assert_eq!(verdicts[0].why_not.as_deref(), Some("label table is users, not orders"));
    assert!(verdicts[1].takes && verdicts[1].channels == ["b"]);
    let labels = BTreeMap::from([("table".to_owned(), "orders".to_owned())]);
    let verdicts = notifier.view().route("rows", Severity::Critical, &labels).unwrap();
    assert_eq!((verdicts[0].takes, verdicts[1].why_not.as_deref()), (true, Some("pager took it")));
    assert!(notifier.view().route("no-such-rule", Severity::Critical, &labels).is_none());
}

#[test]
fn a_channel_is_tried_and_answers() {
    let clock = ManualClock::hold();
    let (folder, monitor) = (tempfile::tempdir().unwrap(), monitor());
    let sink = Sink::new(|number| if number == 0 { (200, "") } else { (403, "") });
    let notifier = Notifier::with_settings(&monitor, webhooks(folder.path(), &[("a", &sink)], AT_ONCE)).unwrap();
    tick(&clock, &monitor, 1);
    let view = notifier.view();
    let answer = view.test("a", Duration::from_secs(10)).unwrap();
    assert_eq!((answer.delivered, answer.status, answer.text.as_str()), (true, Some(200), "ok"));
    let answer = view.test("a", Duration::from_secs(10)).unwrap();
    assert_eq!((answer.delivered, answer.status), (false, Some(403)));
    assert!(view.test("z", Duration::from_secs(1)).unwrap_err().to_string().contains("there are a"));
}
