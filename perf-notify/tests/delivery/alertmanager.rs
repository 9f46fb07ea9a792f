//! A whole notifier and a real Alertmanager of two members that know each other.

use crate::member::{Member, comes_true, free_port};
use crate::sink::Sink;
use crate::{monitor, set, tick};
use perf_notify::{AttemptOutcome, Notifier, Settings};
use perf_runtime::test_util::ManualClock;
use std::collections::BTreeSet;
use std::time::SystemTime;

/// Two members that tell a sink, or nothing where the program is not installed.
fn pair(sink: &Sink) -> Option<[Member; 2]> {
    let ports = [free_port(), free_port()];
    let config = format!(
        "route: {{receiver: hook, group_by: [table], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}}\n\
        receivers: [{{name: hook, webhook_configs: [{{url: '{}'}}]}}]\n",
        sink.url()
    );
    let start = |own: u16, other: u16| {
        let cluster = [
            format!("--cluster.listen-address=127.0.0.1:{own}"),
            format!("--cluster.advertise-address=127.0.0.1:{own}"),
            format!("--cluster.peer=127.0.0.1:{other}"),
            "--cluster.peer-timeout=2s".to_owned(),
            "--cluster.settle-timeout=1s".to_owned(),
        ];
        Member::start(&config, &cluster)
    };
    match start(ports[0], ports[1]) {
        Ok(first) => Some([first, start(ports[1], ports[0]).unwrap()]),
        Err(reason) => {
            assert!(std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "{reason}");
            println!("skipped: {reason}");
            None
        }
    }
}

fn tables(member: &Member) -> BTreeSet<String> {
    member.alerts().iter().map(|alert| alert["labels"]["table"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn both_members_know_what_fires_one_goes_on_without_the_other_and_the_end_is_told() {
    let clock = ManualClock::hold();
    // The members live by the time of the machine.
    clock.set_time_of_day(SystemTime::now());
    let told = Sink::new(|_| (200, ""));
    let Some([mut first, second]) = pair(&told) else { return };
    let (folder, monitor) = (tempfile::tempdir().unwrap(), monitor());
    let settings: Settings = serde_json::from_value(serde_json::json!({
        "path": folder.path(),
        "channels": {"am": {"type": "alertmanager", "urls": [first.url(), second.url()]}},
    }))
    .unwrap();
    let notifier = Notifier::with_settings(&monitor, settings).unwrap();
    let view = notifier.view();
    let all = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>();

    set(&monitor, "users", 5.0);
    tick(&clock, &monitor, 1);
    assert!(comes_true(|| [&first, &second].map(tables) == [all(&["users"]), all(&["users"])]));
    assert!(comes_true(|| told.taken().iter().any(|request| request.tables("firing") == ["users"])));

    first.kill();
    set(&monitor, "orders", 5.0);
    tick(&clock, &monitor, 1);
    assert!(comes_true(|| tables(&second) == all(&["orders", "users"])), "{:?}", tables(&second));
    let last = |outcome| {
        let found = view.attempts(None, 1).pop().filter(|(_, attempt)| attempt.outcome == outcome);
        found.map(|(_, attempt)| attempt)
    };
    assert!(comes_true(|| last(AttemptOutcome::Delivered).is_some_and(|attempt| attempt.alerts == 2)));
    let attempt = last(AttemptOutcome::Delivered).unwrap();
    assert!(attempt.text.starts_with("not every member took it: 127.0.0.1:"), "{attempt:?}");
    assert!(comes_true(|| told.taken().iter().any(|request| request.tables("firing") == ["orders"])));

    set(&monitor, "users", 0.0);
    tick(&clock, &monitor, 2);
    assert!(comes_true(|| tables(&second) == all(&["orders"])), "{:?}", tables(&second));
    assert!(comes_true(|| told.taken().iter().any(|request| request.tables("resolved") == ["users"])));
    assert_eq!(view.overview().channels[0].error, None, "one member is enough");
}
