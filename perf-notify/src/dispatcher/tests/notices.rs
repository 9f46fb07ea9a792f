//! Notices beside alerts: each told once, none lost in a digest, and none before an alert.

use super::*;
use perf_runtime::extend::Notice;

fn notice(key: &str) -> Notice {
    Notice::new(key, format!("About {key}"), "text").unwrap()
}

/// A bench whose channels `notices` take notices.
fn bench(plans: Vec<Plan>, notices: &[&str]) -> Bench {
    let mut bench = Bench::new(routes(ONE), plans);
    bench.dispatcher.notice_channels = notices.iter().map(ToString::to_string).collect();
    bench
}

impl Bench {
    fn tell(&mut self, seconds: f64, key: &str) {
        self.dispatcher.tell(&notice(key), self.set_by.now(seconds));
    }

    /// When each notice was sent to a channel, by its key.
    fn notices(&self, channel: &str) -> Vec<(f64, &str)> {
        let to = self.sent.iter().filter(|(_, name, _)| name == channel);
        to.filter_map(|(at, _, message)| Some((*at, message.notice.as_ref()?.key.as_str()))).collect()
    }
}

#[test]
fn a_notice_goes_at_once_to_the_channels_that_take_notices_and_once_for_its_key() {
    let mut bench = bench(vec![plan("a"), plan("b"), plan("c")], &["a", "c"]);
    for second in [1.0, 1.0, 100.0] {
        bench.tell(second, "w48");
        bench.run(second, second + 10.0, &|_, _| taken());
    }
    bench.tell(200.0, "w49");
    bench.run(200.0, 201.0, &|_, _| taken());
    let told = [(1.0, "w48"), (200.0, "w49")];
    assert_eq!((bench.notices("a"), bench.notices("b"), bench.notices("c")), (told.to_vec(), vec![], told.to_vec()));
    let first = &bench.sent[0].2;
    assert_eq!((first.reason, first.group.as_str(), first.alerts.len()), (Reason::Notice, "notice w48", 0));
}

#[test]
fn a_receiver_that_fails_is_told_again_and_by_the_same_id() {
    let mut bench = bench(vec![plan("a")], &["a"]);
    bench.tell(1.0, "w48");
    bench.run(1.0, 60.0, &|_, seconds| if seconds < 5.0 { refused(Again::Later) } else { taken() });
    let ids: BTreeSet<&str> = bench.sent.iter().map(|(_, _, message)| message.id.as_str()).collect();
    assert!(bench.sent.len() >= 2 && ids.len() == 1, "{:?}", bench.sent);
    assert_eq!(bench.dispatcher.counts().get(&("a".to_owned(), AttemptOutcome::Delivered)), Some(&1));
    assert_eq!(bench.dispatcher.waiting_notices(), 0);
}

#[test]
fn alerts_go_first_and_no_notice_is_joined_with_anything() {
    let text = r#"[{"channels": ["a"], "group_by": ["table"], "group_wait": "0s"}]"#;
    let mut bench = bench(vec![Plan { limit: Limit::default(), ..plan("a") }], &["a"]);
    bench.dispatcher.routes = routes(text);
    for number in 1..=5 {
        bench.tell(1.0, &format!("n{number}"));
        bench.hear(1.0, "fired", &alert(number, "critical"));
    }
    bench.run(1.0, 200.0, &|_, _| taken());
    let notices: Vec<&str> = bench.notices("a").into_iter().map(|(_, key)| key).collect();
    assert_eq!(notices, ["n1", "n2", "n3", "n4", "n5"]);
    let is_notice: Vec<bool> = bench.sent.iter().map(|(_, _, message)| message.notice.is_some()).collect();
    assert_eq!(is_notice, [false, false, false, true, true, true, true, true]);
    let told: BTreeSet<u64> = bench.told("a").into_iter().flat_map(|(_, firing, _)| firing).collect();
    assert_eq!(told.len(), 5);
    let minute = bench.sent.iter().filter(|(at, ..)| (2.0..62.0).contains(at)).count();
    assert!(minute <= 6, "the limit of the channel holds: {minute}");
}

#[test]
fn neither_alerts_nor_notices_that_are_refused_keep_back_the_others() {
    for bad_notice in [true, false] {
        let mut bench = bench(vec![plan("a")], &["a"]);
        bench.hear(1.0, "fired", &alert(1, "critical"));
        bench.tell(1.0, "w48");
        for seconds in 1..600 {
            let now = bench.set_by.now(f64::from(seconds));
            bench.dispatcher.flush(now, &|_| None, &|_| ());
            for entry in bench.dispatcher.take_due(now) {
                let is_notice = entry.message.notice.is_some();
                let answer = if is_notice == bad_notice { refused(Again::Later) } else { taken() };
                let Ok(accepted) = &answer else {
                    let done = Done { channel: "a".to_owned(), id: entry.id, answer, took: Duration::ZERO };
                    bench.dispatcher.finish(&done, now);
                    continue;
                };
                let answer = Ok(accepted.clone());
                bench.sent.push((f64::from(seconds), "a".to_owned(), entry.message));
                let done = Done { channel: "a".to_owned(), id: entry.id, answer, took: Duration::ZERO };
                bench.dispatcher.finish(&done, now);
            }
        }
        let [(at, _, sent)] = &bench.sent[..] else { panic!("{bad_notice}: {:?}", bench.sent) };
        assert!(*at < 30.0 && sent.notice.is_some() != bad_notice, "{bad_notice}: {at}");
    }
}

#[test]
fn notices_leave_what_a_channel_takes_for_an_alert() {
    for (burst, first) in [(3, 2), (1, 1)] {
        let mut bench = bench(vec![Plan { limit: Limit { burst, per_minute: 1 }, ..plan("a") }], &["a"]);
        (0..5).for_each(|number| bench.tell(1.0, &number.to_string()));
        bench.tick(1.0, &|_, _| taken());
        assert_eq!(bench.sent.len(), first, "of a burst of {burst}");
        bench.hear(2.0, "fired", &alert(1, "critical"));
        bench.run(2.0, 8.0, &|_, _| taken());
        assert_eq!(bench.told("a").iter().filter(|(_, firing, _)| !firing.is_empty()).count(), usize::from(burst > 1));
    }
}

#[test]
fn a_notice_waits_for_a_day_and_no_longer() {
    let mut bench = bench(vec![plan("a")], &["a"]);
    bench.tell(1.0, "w48");
    bench.tick(1.0, &|_, _| refused(Again::Later));
    bench.tick(20.0 * 3_600.0, &|_, _| refused(Again::Later));
    assert_eq!((bench.sent.len(), bench.dispatcher.waiting_notices()), (2, 1));
    bench.tick(24.0 * 3_600.0 + 2.0, &|_, _| taken());
    assert_eq!((bench.sent.len(), bench.dispatcher.waiting_notices()), (2, 0));
    assert_eq!(bench.dispatcher.counts().get(&("a".to_owned(), AttemptOutcome::Expired)), Some(&1));
}

#[test]
fn a_fallback_is_told_once_and_only_where_it_can_show_a_notice() {
    let to = |name: &str, fallback: &str| Plan { fallback: Some(fallback.to_owned()), ..plan(name) };
    let answer: Answer<'_> = &|channel, _| if channel == "b" { taken() } else { refused(Again::Never) };
    let run = |plans: Vec<Plan>, notices: &[&str]| {
        let mut bench = bench(plans, notices);
        bench.tell(1.0, "w48");
        bench.run(1.0, 20.0, answer);
        bench.notices("b").len()
    };
    assert_eq!(run(vec![to("a", "b"), plan("b"), to("c", "b")], &["a", "c"]), 1, "by one of the two");
    assert_eq!(run(vec![to("a", "b"), plan("b")], &["a", "b"]), 1, "its own");
    assert_eq!(run(vec![to("a", "b"), Plan { alerts_alone: true, ..plan("b") }], &["a"]), 0);
}

#[test]
fn what_was_told_is_known_after_a_restart_and_beside_another_process() {
    let mut before = bench(vec![plan("a")], &["a"]);
    before.tell(1.0, "w48");
    before.run(1.0, 2.0, &|_, _| taken());
    let told = before.dispatcher.changes().told.clone();
    // It ends with one notice that was not sent.
    before.tell(3.0, "w49");
    before.tell(3.0, "w50");
    let entries: Vec<_> = before.dispatcher.changes().entries.values().flatten().cloned().collect();
    assert_eq!(entries.len(), 2);
    let beginning = Beginning { plans: vec![plan("a")], told, ..Beginning::default() };
    let mut after = Bench { dispatcher: Dispatcher::new(beginning, at(10.0)), ..bench(vec![], &[]) };
    after.dispatcher.notice_channels = vec!["a".to_owned()];
    after.tell(11.0, "w48");
    after.tell(11.0, "w50");
    let left = crate::outbox::Left { entries, told: before.dispatcher.changes().told.clone(), ..Default::default() };
    after.dispatcher.adopt(left, at(12.0));
    after.tell(13.0, "w49");
    after.run(13.0, 20.0, &|_, _| taken());
    let keys: BTreeSet<&str> = after.notices("a").into_iter().map(|(_, key)| key).collect();
    assert_eq!((keys, after.sent.len()), (BTreeSet::from(["w49", "w50"]), 2));
    assert_eq!(after.dispatcher.counts().get(&("a".to_owned(), AttemptOutcome::Superseded)), Some(&1));
}

/// In the place of the own file may be that of another disk.
#[test]
fn another_file_gets_all_that_is_known() {
    let mut bench = bench(vec![plan("a")], &["a"]);
    bench.hear(0.5, "fired", &alert(1, "critical"));
    bench.tell(1.0, "told");
    bench.run(1.0, 2.0, &|_, _| taken());
    bench.tell(3.0, "waits");
    bench.run(3.0, 4.0, &|_, _| refused(Again::Later));
    // It is all in the file of before.
    bench.dispatcher.clear_changes();
    bench.dispatcher.take_in(crate::outbox::Left::default(), at(5.0));
    let changes = bench.dispatcher.changes();
    let waiting =
        changes.entries.values().flatten().filter_map(|entry| Some(entry.message.notice.as_ref()?.key.as_str()));
    assert_eq!(waiting.collect::<Vec<_>>(), ["waits"]);
    assert_eq!((changes.told.len(), changes.groups.len(), changes.seq), (2, 1, Some(1)));
}

#[test]
fn a_notice_that_was_left_goes_to_no_channel_that_shows_none_now() {
    let mut before = bench(vec![plan("a"), plan("b"), plan("c"), plan("gone")], &["a", "b", "c", "gone"]);
    before.tell(1.0, "w48");
    let entries: Vec<_> = before.dispatcher.changes().entries.values().flatten().cloned().collect();
    assert_eq!(entries.len(), 4);
    // Of these, one is named still, one is its fallback, and one is neither.
    let plans = || vec![Plan { fallback: Some("b".to_owned()), ..plan("a") }, plan("b"), plan("c")];
    let begin = |entries, plans| {
        let notice_channels = vec!["a".to_owned()];
        let beginning = Beginning { plans, entries, notice_channels, ..Beginning::default() };
        Bench { dispatcher: Dispatcher::new(beginning, at(10.0)), ..bench(vec![], &[]) }
    };
    let mut adopting = begin(Vec::new(), plans());
    adopting.dispatcher.adopt(crate::outbox::Left { entries: entries.clone(), ..Default::default() }, at(10.0));
    for mut after in [begin(entries.clone(), plans()), adopting] {
        after.run(11.0, 20.0, &|_, _| taken());
        let channels: Vec<&str> = after.sent.iter().map(|(_, channel, _)| channel.as_str()).collect();
        assert_eq!(channels, ["a", "b"]);
        let attempts = &after.dispatcher.changes().attempts;
        let dead = attempts.iter().filter(|attempt| attempt.outcome == AttemptOutcome::Dead);
        let why: BTreeSet<(&str, &str)> = dead.map(|one| (one.channel.as_str(), one.text.as_str())).collect();
        let (no_notices, no_channel) = ("the channel takes no notices", "the channel is no longer set");
        assert_eq!(why, BTreeSet::from([("c", no_notices), ("gone", no_channel)]));
    }
    let alerts_alone = vec![plans()[0].clone(), Plan { alerts_alone: true, ..plan("b") }];
    let mut after = begin(entries, alerts_alone);
    after.run(11.0, 20.0, &|_, _| taken());
    assert_eq!((after.notices("a").len(), after.notices("b").len()), (1, 0));
}

#[test]
fn a_notice_that_a_receiver_cannot_bear_delays_no_alert_and_alerts_nobody() {
    let mut bench = bench(vec![plan("a")], &["a"]);
    bench.tell(1.0, "w48");
    bench.run(1.0, 600.0, &|_, _| refused(Again::Later));
    assert!(bench.sent.len() > 5);
    let state = bench.dispatcher.states()["a"].clone();
    assert_eq!((state.waiting, state.oldest_of_alerts, state.is_trouble), (1, None, false));
    assert!(state.oldest.is_some() && state.failing.is_some(), "whoever looks sees it");
    let failed = bench.sent.len();
    bench.hear(601.0, "fired", &alert(1, "critical"));
    bench.run(601.0, 607.0, &|_, _| taken());
    let alerts: Vec<f64> =
        bench.sent[failed..].iter().filter(|one| one.2.notice.is_none()).map(|(at, ..)| *at).collect();
    assert_eq!(alerts, [606.0], "{:?}", &bench.sent[failed..]);
}

#[test]
fn a_channel_that_carries_notices_alone_is_in_trouble_where_one_fails() {
    let to = |name: &str, fallback: &str| Plan { fallback: Some(fallback.to_owned()), ..plan(name) };
    let step = r#"[{"channels": ["b"], "escalate": [{"after": "5m", "channels": ["a"]}]}]"#;
    for (routed, plans, is_trouble) in [
        (r#"[{"channels": ["b"]}]"#, vec![plan("a"), plan("b")], true),
        (r#"[{"channels": ["a", "b"]}]"#, vec![plan("a"), plan("b")], false),
        (step, vec![plan("a"), plan("b")], false),
        // The fallback of a fallback is told of alerts too.
        (r#"[{"channels": ["b"]}]"#, vec![plan("a"), to("b", "c"), to("c", "a")], false),
    ] {
        let notice_channels = vec!["a".to_owned()];
        let beginning = Beginning { routes: routes(routed), plans, notice_channels, ..Beginning::default() };
        let mut bench = Bench { dispatcher: Dispatcher::new(beginning, at(0.0)), ..Bench::with(routed, &[]) };
        bench.tell(1.0, "w48");
        bench.run(1.0, 60.0, &|_, _| refused(Again::Later));
        let state = |bench: &Bench| bench.dispatcher.states()["a"].is_trouble;
        assert_eq!(state(&bench), is_trouble, "{routed}");
        bench.run(61.0, 300.0, &|_, _| taken());
        assert!(!state(&bench), "{routed}");
    }
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is_left_alone_with_alerts_too() {
    let mut bench = bench(vec![plan("a")], &["a"]);
    bench.tell(1.0, "w48");
    let after = || refused(Again::After(Duration::from_secs(60)));
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.run(1.0, 100.0, &|_, seconds| if seconds < 2.0 { after() } else { taken() });
    let at: Vec<(f64, bool)> = bench.sent.iter().map(|(at, _, message)| (*at, message.notice.is_some())).collect();
    assert_eq!(at, [(1.0, true), (61.0, false), (61.0, true)]);
}

#[test]
fn alerts_go_before_notices_whatever_became_of_alerts_before() {
    for again in [Again::Never, Again::Later] {
        let mut bench = bench(vec![plan("a")], &["a"]);
        bench.dispatcher.routes = routes(r#"[{"channels": ["a"], "group_by": ["table"], "group_wait": "0s"}]"#);
        bench.hear(1.0, "fired", &alert(1, "critical"));
        bench.tick(1.0, &|_, _| refused(again));
        bench.tell(400.0, "w48");
        bench.hear(400.0, "fired", &alert(2, "critical"));
        bench.run(400.0, 410.0, &|_, _| taken());
        let at = |is_notice| bench.sent.iter().skip(1).position(|one| one.2.notice.is_some() == is_notice);
        assert_eq!(at(false), Some(0), "{again:?}: {:?}", bench.sent);
        assert!(at(true).is_some());
    }
}
