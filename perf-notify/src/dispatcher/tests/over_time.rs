//! Restarts, clocks that are set, and times in which nobody hears or nothing can be written.

use super::*;

#[test]
fn a_restart_tells_nothing_twice_and_ends_what_no_rule_knows() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.run(1.0, 10.0, &|_, _| taken());
    bench.hear(11.0, "fired", &alert(3, "critical"));
    let groups: Vec<Group> = bench.dispatcher.groups.values().cloned().collect();
    let written = serde_json::to_string(&groups).unwrap();
    let beginning = Beginning {
        routes: routes(ONE),
        plans: vec![plan("a")],
        instance: 1,
        seq: 3,
        groups: serde_json::from_str(&written).unwrap(),
        ..Beginning::default()
    };
    let mut after =
        Bench { dispatcher: Dispatcher::new(beginning, at(0.0)), seq: 0, set_by: ClockSet::Not, sent: Vec::new() };
    // The first fires anew in the process after, the third was restored, and of the second nothing is known.
    after.hear(1.0, "fired", &alert(1, "critical"));
    for second in 1..1_000 {
        let known = || BTreeSet::from([alert(1, "critical").fingerprint, alert(3, "critical").fingerprint]);
        after.dispatcher.compare(&[alert(1, "critical"), alert(3, "critical")], known, at(f64::from(second)));
        after.tick(f64::from(second), &|_, _| taken());
    }
    let told = after.told("a");
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!((&told[0].1, &told[0].2), (&vec![3, 1, 2], &vec![]), "the third was not told yet");
    assert_eq!((&told[1].1, &told[1].2), (&vec![1, 3], &vec![2]));
}

#[test]
fn an_alert_whose_end_nobody_heard_ends_all_the_same_and_is_told_with_its_value_of_now() {
    let mut bench = Bench::with(r#"[{"channels": ["a"], "repeat": "10m"}]"#, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.run(1.0, 599.0, &|_, _| taken());
    let known = |alerts: &[Alert]| alerts.iter().map(|alert| alert.fingerprint).collect::<BTreeSet<_>>();
    let worse = {
        let mut worse = alert(1, "critical");
        worse.value = Some(9.0);
        worse
    };
    bench.dispatcher.compare(&[worse.clone(), alert(2, "critical")], || known(std::slice::from_ref(&worse)), at(598.0));
    bench.run(600.0, 700.0, &|_, _| taken());
    let reminder = bench.sent.iter().rfind(|(_, _, message)| message.reason == Reason::Repeated).unwrap();
    assert!(reminder.2.alerts.iter().any(|one| one.alert.value == Some(9.0)), "{reminder:?}");
    bench.dispatcher.look_again(at(701.0));
    bench.dispatcher.compare(std::slice::from_ref(&worse), || known(std::slice::from_ref(&worse)), at(701.0));
    bench.run(701.0, 800.0, &|_, _| taken());
    assert_eq!(bench.told("a").last().unwrap().2, [2]);
}

const YEARS: Duration = Duration::from_secs(26 * 365 * 86_400);

#[test]
fn a_clock_that_is_set_forward_gives_up_no_message_and_forgets_no_end() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.run(1.0, 20.0, &|_, _| taken());
    // The end of the second is not told yet, and the third waits for its receiver, when the network and the time come.
    bench.hear(21.0, "fired", &alert(3, "critical"));
    bench.run(21.0, 70.0, &|_, _| refused(Again::Later));
    bench.hear(71.0, "resolved", &resolved(alert(2, "critical"), at(71.0)));
    bench.set_by = ClockSet::Forward(YEARS);
    let oldest = bench.dispatcher.states()["a"].oldest.unwrap().elapsed(bench.set_by.now(71.0));
    assert!(oldest < Duration::from_secs(60), "{oldest:?}");
    bench.run(72.0, 500.0, &|_, _| taken());
    assert!(bench.dispatcher.counts().keys().all(|(_, outcome)| *outcome != AttemptOutcome::Expired));
    let last: Vec<_> = bench.told("a").into_iter().filter(|(at, ..)| *at > 71.0).collect();
    assert!(last.iter().any(|(_, firing, _)| firing.contains(&3)), "{last:?}");
    assert!(last.iter().any(|(_, _, ended)| ended.contains(&2)), "{last:?}");
    assert!(last.len() <= 2, "and no reminder: {last:?}");
}

#[test]
fn a_clock_that_is_set_back_holds_up_no_step_and_no_reminder() {
    let text = r#"[{"channels": ["a"], "repeat": "30m", "escalate": [{"after": "10m", "channels": ["b"]}]}]"#;
    let mut bench = Bench::with(text, &["a", "b"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.run(1.0, 20.0, &|_, _| taken());
    bench.set_by = ClockSet::Back(Duration::from_secs(7_200));
    bench.run(21.0, 2_000.0, &|_, _| taken());
    assert_eq!(bench.told("b")[0], (606.0, vec![1], vec![]));
    assert_eq!(bench.told("a"), [(6.0, vec![1], vec![]), (1_806.0, vec![1], vec![])]);
}

#[test]
fn nothing_piles_up_where_the_outbox_cannot_be_written() {
    let mut bench = Bench::with(ONE, &["a"]);
    for round in 0_u32..400 {
        let at_round = f64::from(round) * 200.0;
        let (transition, told) = if round % 2 == 0 {
            ("fired", alert(1, "critical"))
        } else {
            ("resolved", resolved(alert(1, "critical"), at(at_round)))
        };
        bench.hear(at_round, transition, &told);
        bench.run_by(10.0, at_round, at_round + 100.0, &|_, _| taken());
    }
    assert!(bench.sent.len() > 380, "{}", bench.sent.len());
    let changes = bench.dispatcher.changes();
    assert!(changes.entries.is_empty() && changes.attempts.len() <= 10_000, "{} entries", changes.entries.len());
}
