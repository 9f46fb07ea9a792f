//! Alerts over a restart: the state of one engine, written as JSON and restored in the next.

use super::*;

/// The same rules in the next process, `down` seconds later, with a state that was written and read back.
fn restarted(before: &Bench, rules: &RuleSet, down: u64) -> (Bench, Vec<AlertEvent>) {
    let saved = serde_json::to_string(&before.engine.saved(&before.tick())).unwrap();
    let mut after = Bench { engine: AlertEngine::new(rules, DEFAULT_HISTORY), second: before.second + down };
    let tick = after.tick();
    let events = after.engine.restore(serde_json::from_str(&saved).unwrap(), &tick);
    (after, events)
}

fn rules_of(rule: RuleBuilder) -> RuleSet {
    [rule.build().unwrap()].into_iter().collect()
}

#[test]
fn a_firing_alert_goes_on_after_a_restart_and_is_not_told_again() {
    let rule = || on_depth().warning(10.0).critical(50.0).hold_for(secs(3));
    let mut before = Bench::new(rule());
    for _ in 0..5 {
        before.see(20.0);
    }
    let [alert] = before.engine.active().try_into().unwrap();
    before.engine.acknowledge(alert.id, "ada", "on it", None, at(5)).unwrap();
    let (mut after, events) = restarted(&before, &rules_of(rule()), 30);
    assert!(events.is_empty(), "{events:?}");
    let [kept] = after.engine.active().try_into().unwrap();
    assert_eq!((kept.id, kept.since, kept.fired_at), (alert.id, alert.since, alert.fired_at));
    assert_eq!(kept.fingerprint, alert.fingerprint);
    assert_eq!(kept.acknowledged.as_ref().unwrap().by, "ada");
    assert!(after.see(20.0).is_empty(), "it still fires, and everybody knows");
    let events = after.see(5.0);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].transition, events[0].alert.id, events[0].notify), (Transition::Resolved, alert.id, true));
    assert_eq!(events[0].seq, 4, "after pending, fired and acknowledged");
    after.see(20.0);
    assert_eq!(after.engine.pending()[0].id, alert.id + 1, "ids count on");
}

#[test]
fn a_pending_alert_begins_anew_after_a_restart() {
    let rule = || on_depth().warning(10.0).hold_for(secs(3));
    let mut before = Bench::new(rule());
    before.see(20.0);
    before.see(20.0);
    let (mut after, _) = restarted(&before, &rules_of(rule()), 60);
    assert!(after.engine.pending().is_empty());
    let seen = after.transitions(&[20.0, 20.0, 20.0, 20.0]);
    let expected = [(62, Transition::Pending, Severity::Warning), (65, Transition::Fired, Severity::Warning)];
    assert_eq!(seen, expected);
}

#[test]
fn young_windows_end_no_alert() {
    let rule = || on_depth().warning(10.0).window(Window::LastMinute);
    let mut before = Bench::new(rule());
    before.see(20.0);
    let (mut after, _) = restarted(&before, &rules_of(rule()), 5);
    for _ in 0..60 {
        assert!(after.see(None).is_empty(), "nothing is known yet");
    }
    let events = after.see(None);
    assert_eq!(events.len(), 1, "the window is full, and there was nothing in it");
    assert_eq!(events[0].transition, Transition::Resolved);
    let (mut after, _) = restarted(&before, &rules_of(rule()), 5);
    assert_eq!(after.see(5.0)[0].transition, Transition::Resolved, "what is observed counts at once");
}

#[test]
fn an_alert_whose_rule_is_gone_ends_at_the_restart() {
    let mut before = Bench::new(on_depth().warning(10.0));
    before.see(20.0);
    let other = || Rule::builder("other").metric("queue_depth").warning(1.0);
    let (after, events) = restarted(&before, &rules_of(other()), 5);
    assert_eq!(events.len(), 1);
    assert_eq!((events[0].transition, events[0].notify, events[0].seq), (Transition::Resolved, true, 2));
    assert!(events[0].alert.message.contains("not judged any more"), "{}", events[0].alert.message);
    assert_eq!(after.engine.past().len(), 1);
    assert!(after.engine.active().is_empty());
}

#[test]
fn a_changed_threshold_is_judged_at_the_first_tick_after_a_restart() {
    let mut before = Bench::new(on_depth().name("Deep queue").warning(10.0));
    before.see(20.0);
    let (mut after, _) = restarted(&before, &rules_of(on_depth().name("Very deep queue").warning(100.0)), 5);
    assert_eq!(after.engine.active()[0].name, "Very deep queue");
    assert_eq!(after.see(20.0)[0].transition, Transition::Resolved);
}

#[test]
fn silences_and_cooldowns_go_on_after_a_restart() {
    let rule = || on_depth().warning(10.0).cooldown(secs(100));
    let mut before = Bench::new(rule());
    assert!(before.see(20.0)[0].notify);
    assert!(before.see(5.0)[0].notify);
    let silence = Silence {
        id: 0,
        rule: Some("depth".to_owned()),
        labels: BTreeMap::new(),
        by: "ada".to_owned(),
        comment: String::new(),
        until: at(1_000),
    };
    let silence = before.engine.silence(silence, at(2)).unwrap();
    let (mut after, _) = restarted(&before, &rules_of(rule()), 10);
    assert_eq!(after.engine.silences(at(12)), std::slice::from_ref(&silence));
    assert_eq!(after.see(20.0)[0].alert.muted, Some(Muted::Silenced));
    assert!(after.engine.unsilence(silence.id));
    assert!(after.see(20.0).is_empty(), "within the cooldown of before");
    after.second = 101;
    let told = after.see(20.0);
    assert_eq!((told.len(), told[0].transition, told[0].notify), (1, Transition::Told, true));
    let next = after.engine.silence(Silence { until: at(2_000), ..silence.clone() }, at(101)).unwrap();
    assert_eq!(next.id, silence.id + 1, "numbers of silences count on");
}
