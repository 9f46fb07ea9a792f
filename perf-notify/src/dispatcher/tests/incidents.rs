//! Groups by incident: beginnings, a cause that is found later, folds and ends; and what is as before without a source.

use super::*;
use crate::message::MessageIncident;
use perf_runtime::extend::AlertGroup;

const BY_INCIDENT: &str = r#"[{"channels": ["a"], "group_by": ["incident"]}]"#;

/// When something was told, why, of which incident, which alerts that fire, and which that ended.
type Line = (f64, Reason, String, Vec<u64>, Vec<u64>);

fn incident(id: &str, alerts: &[u64]) -> AlertGroup {
    let alerts = alerts.iter().map(|number| alert(*number, "critical").fingerprint);
    AlertGroup::new(id, format!("Incident {id}"), at(0.0).wall, alerts)
}

fn explained(id: &str, alerts: &[u64]) -> AlertGroup {
    incident(id, alerts).cause("Likely cause: select on points takes 1.5 s", true)
}

impl Bench {
    /// Ticks, each with the incidents that are open then.
    fn run_with(&mut self, from: f64, to: f64, open: &dyn Fn(f64) -> Vec<AlertGroup>) {
        let mut seconds = from;
        while seconds <= to {
            self.dispatcher.regroup(&open(seconds), at(seconds));
            self.tick(seconds, &|_, _| taken());
            seconds += 1.0;
        }
    }

    fn ends(&mut self, seconds: f64, numbers: &[u64]) {
        for number in numbers {
            self.hear(seconds, "resolved", &resolved(alert(*number, "critical"), at(seconds)));
        }
    }

    fn fires(&mut self, seconds: f64, numbers: &[u64]) {
        for number in numbers {
            self.hear(seconds, "fired", &alert(*number, "critical"));
        }
    }

    fn story(&self) -> Vec<Line> {
        let mut story = Vec::new();
        for ((at, _, message), (_, firing, ended)) in self.sent.iter().zip(self.told("a")) {
            let incident = message.incident.as_ref().map_or_else(String::new, |incident| incident.id.clone());
            story.push((*at, message.reason, incident, firing, ended));
        }
        story
    }
}

fn bench() -> Bench {
    let mut bench = Bench::with(BY_INCIDENT, &["a"]);
    bench.dispatcher.has_incidents(true);
    bench
}

#[test]
fn an_incident_is_told_at_its_beginning_when_its_cause_is_found_and_once_at_its_end() {
    let mut bench = bench();
    bench.fires(1.0, &[1, 2]);
    // Known two seconds later; its cause half a minute later.
    let open = |seconds: f64| match seconds {
        s if s < 3.0 => vec![],
        s if s < 30.0 => vec![incident("i", &[1, 2, 3])],
        _ => vec![explained("i", &[1, 2, 3])],
    };
    bench.run_with(1.0, 20.0, &open);
    bench.fires(21.0, &[3]);
    bench.run_with(21.0, 99.0, &open);
    // The end of one alert waits for that of the others.
    bench.ends(100.0, &[2]);
    bench.run_with(100.0, 399.0, &open);
    bench.ends(400.0, &[1]);
    bench.run_with(400.0, 402.0, &open);
    bench.ends(403.0, &[3]);
    bench.run_with(403.0, 500.0, &|_| vec![]);
    let changed =
        |at, firing: &[u64], ended: &[u64]| (at, Reason::Changed, "i".to_owned(), firing.to_vec(), ended.to_vec());
    let story = bench.story();
    assert_eq!(story, [changed(6.0, &[1, 2], &[]), changed(66.0, &[3, 1, 2], &[]), changed(408.0, &[], &[1, 2, 3])]);
    assert!(bench.sent[1].2.incident.as_ref().is_some_and(|incident| incident.is_explained), "with its cause by then");
    let keys: BTreeSet<&str> = bench.sent.iter().map(|(_, _, message)| message.group.as_str()).collect();
    assert_eq!(keys, BTreeSet::from([r#"route 1{incident="i"}"#]), "one group, which receivers tell by its key");
}

#[test]
fn a_cause_that_is_found_later_is_one_message_and_not_two() {
    let mut bench = bench();
    bench.fires(1.0, &[1]);
    bench.run_with(1.0, 1_000.0, &|seconds| match seconds {
        // It is unsure now and then.
        s if (30.0..200.0).contains(&s) || s > 400.0 => vec![explained("i", &[1])],
        _ => vec![incident("i", &[1])],
    });
    let explained = (66.0, Reason::Explained, "i".to_owned(), vec![1], vec![]);
    assert_eq!(bench.story(), [(6.0, Reason::Changed, "i".to_owned(), vec![1], vec![]), explained]);
}

#[test]
fn a_cause_that_is_known_in_time_needs_no_second_message() {
    let mut bench = bench();
    bench.fires(1.0, &[1]);
    bench.run_with(1.0, 1_000.0, &|_| vec![explained("i", &[1])]);
    assert_eq!(bench.story(), [(6.0, Reason::Changed, "i".to_owned(), vec![1], vec![])]);
}

#[test]
fn two_incidents_are_two_messages_until_they_are_one_and_that_one_ends_once() {
    let mut bench = bench();
    bench.fires(1.0, &[1, 2]);
    bench.run_with(1.0, 99.0, &|_| vec![incident("old", &[1]), incident("new", &[2])]);
    bench.run_with(100.0, 199.0, &|_| vec![incident("old", &[1, 2])]);
    bench.ends(200.0, &[1, 2]);
    bench.run_with(200.0, 300.0, &|_| vec![]);
    let told = bench.told("a");
    // Receivers close by the key of a message: each that was told of ends with the same.
    assert_eq!(
        told,
        [(6.0, vec![2], vec![]), (6.0, vec![1], vec![]), (205.0, vec![], vec![2]), (205.0, vec![], vec![1])]
    );
    let keys: Vec<&str> = bench.sent.iter().map(|(_, _, message)| message.group.as_str()).collect();
    assert_eq!((keys[0], keys[1]), (keys[2], keys[3]));
    assert!(bench.dispatcher.groups.is_empty(), "nothing is left over");
}

#[test]
fn an_alert_that_no_incident_takes_is_told_all_the_same_some_seconds_later() {
    let mut bench = bench();
    bench.fires(1.0, &[1]);
    bench.run_with(1.0, 100.0, &|_| vec![incident("other", &[7])]);
    bench.ends(101.0, &[1]);
    bench.run_with(101.0, 200.0, &|_| vec![]);
    let plain =
        |at, firing: &[u64], ended: &[u64]| (at, Reason::Changed, String::new(), firing.to_vec(), ended.to_vec());
    assert_eq!(bench.story(), [plain(10.0, &[1], &[]), plain(106.0, &[], &[1])]);
}

#[test]
fn an_alert_that_was_told_before_its_incident_was_known_is_not_told_again() {
    let mut bench = bench();
    bench.fires(1.0, &[1]);
    bench.run_with(1.0, 200.0, &|seconds| if seconds < 20.0 { vec![] } else { vec![incident("late", &[1])] });
    bench.ends(201.0, &[1]);
    bench.run_with(201.0, 300.0, &|_| vec![]);
    assert_eq!(bench.told("a"), [(10.0, vec![1], vec![]), (206.0, vec![], vec![1])]);
    let keys: BTreeSet<&str> = bench.sent.iter().map(|(_, _, message)| message.group.as_str()).collect();
    assert_eq!(keys.len(), 1, "its end has the key of its beginning");
}

#[test]
fn without_a_source_or_with_other_groups_everything_is_as_it_was() {
    for (text, is_there) in [(BY_INCIDENT, false), (ONE, true)] {
        let mut bench = Bench::with(text, &["a"]);
        bench.dispatcher.has_incidents(is_there);
        bench.fires(1.0, &[1, 2]);
        let open = if is_there { vec![incident("i", &[1])] } else { vec![] };
        bench.run_with(1.0, 99.0, &|_| open.clone());
        bench.ends(100.0, &[1]);
        bench.run_with(100.0, 200.0, &|_| open.clone());
        assert_eq!(bench.told("a"), [(6.0, vec![1, 2], vec![]), (105.0, vec![2], vec![1])], "{text}");
        assert!(bench.sent.iter().all(|(_, _, message)| message.group == "route 1{}" && message.incident.is_none()));
    }
}

#[test]
fn a_step_that_was_told_of_an_alert_hears_of_its_end_wherever_that_goes() {
    let text = r#"[{"channels": ["a"], "group_by": ["incident"], "escalate": [{"after": "1m", "channels": ["b"]}]}]"#;
    let mut bench = Bench::with(text, &["a", "b"]);
    bench.dispatcher.has_incidents(true);
    bench.fires(1.0, &[1, 2]);
    bench.run_with(1.0, 99.0, &|_| vec![incident("new", &[2])]);
    assert_eq!(bench.told("b").len(), 2);
    bench.run_with(100.0, 199.0, &|_| vec![incident("old", &[1, 2])]);
    bench.ends(200.0, &[1, 2]);
    bench.run_with(200.0, 300.0, &|_| vec![]);
    let ends: Vec<Vec<u64>> = bench.told("b").into_iter().skip(2).map(|(_, _, ended)| ended).collect();
    assert_eq!(ends, [vec![2], vec![1]], "no step is taken twice");
}

#[test]
fn an_alert_that_fires_again_while_its_end_waits_is_told_to_have_ended_first() {
    let mut bench = bench();
    let open = |_: f64| vec![explained("i", &[1, 2])];
    bench.fires(1.0, &[1, 2]);
    bench.run_with(1.0, 99.0, &open);
    bench.ends(100.0, &[1]);
    bench.run_with(100.0, 999.0, &open);
    bench.fires(1_000.0, &[1]);
    bench.run_with(1_000.0, 1_001.0, &open);
    let active = [alert(1, "critical"), alert(2, "critical")];
    let known = || active.iter().map(|alert| alert.fingerprint).collect();
    bench.dispatcher.compare(&active, known, at(1_002.0));
    bench.run_with(1_002.0, 1_100.0, &open);
    let told = bench.told("a");
    assert_eq!(told[1], (1_000.0, vec![2], vec![1]), "{told:?}");
    assert_eq!((told.len(), &told[2].1), (3, &vec![1, 2]), "{told:?}");
    let goes_on = |place: usize| bench.sent[place].2.incident.as_ref().map(|incident| incident.goes_on);
    assert_eq!([goes_on(0), goes_on(1), goes_on(2)], [Some(true); 3]);
}

#[test]
fn an_incident_is_over_once_nothing_of_it_fires_on_any_route() {
    let text = r#"[{"channels": ["a"], "group_by": ["incident", "severity"]}]"#;
    let mut bench = Bench::with(text, &["a"]);
    bench.dispatcher.has_incidents(true);
    let open = |_: f64| vec![explained("i", &[1, 2])];
    bench.fires(1.0, &[1]);
    bench.hear(1.0, "fired", &alert(2, "warning"));
    bench.run_with(1.0, 99.0, &open);
    bench.hear(100.0, "resolved", &resolved(alert(2, "warning"), at(100.0)));
    bench.run_with(100.0, 200.0, &open);
    bench.ends(201.0, &[1]);
    bench.run_with(201.0, 300.0, &|_| vec![]);
    let goes_on = |message: &Message| message.incident.as_ref().map(|incident| incident.goes_on);
    let all: Vec<Option<bool>> = bench.sent.iter().map(|(_, _, message)| goes_on(message)).collect();
    assert_eq!(all, [Some(true), Some(true), Some(true), Some(false)]);
}

#[test]
fn a_restart_goes_on_with_the_group_of_an_incident() {
    let mut bench = bench();
    bench.fires(1.0, &[1, 2]);
    bench.run_with(1.0, 50.0, &|_| vec![explained("i", &[1, 2])]);
    let groups: Vec<Group> = bench.dispatcher.groups.values().cloned().collect();
    let written = serde_json::to_string(&groups).unwrap();
    let groups = serde_json::from_str(&written).unwrap();
    let beginning = Beginning { routes: routes(BY_INCIDENT), plans: vec![plan("a")], groups, ..Beginning::default() };
    let dispatcher = Dispatcher::new(beginning, at(100.0));
    let mut after = Bench { dispatcher, seq: 0, set_by: ClockSet::Not, sent: Vec::new() };
    after.dispatcher.has_incidents(true);
    after.run_with(100.0, 300.0, &|_| vec![explained("i", &[1, 2])]);
    assert!(after.sent.is_empty(), "it was told, with its cause");
    after.ends(301.0, &[1, 2]);
    after.run_with(301.0, 400.0, &|_| vec![]);
    let message = &after.sent[0].2;
    assert_eq!(after.told("a"), [(306.0, vec![], vec![1, 2])]);
    let known = MessageIncident { goes_on: false, ..MessageIncident::of(&explained("i", &[1, 2])) };
    assert_eq!(message.incident, Some(known));
}

#[test]
fn what_another_process_told_in_another_group_is_not_told_again() {
    let mut before = bench();
    before.fires(1.0, &[1, 2]);
    before.run_with(1.0, 50.0, &|_| vec![incident("theirs", &[1, 2])]);
    let groups: Vec<Group> = before.dispatcher.groups.values().cloned().collect();
    for ours in [vec![incident("ours", &[1, 2])], vec![]] {
        let mut after = bench();
        after.fires(1.0, &[1, 2]);
        after.dispatcher.regroup(&ours, at(2.0));
        let left = crate::outbox::Left { groups: groups.clone(), ..crate::outbox::Left::default() };
        after.dispatcher.adopt(left, at(3.0));
        after.run_with(3.0, 100.0, &|_| ours.clone());
        assert_eq!(after.told("a"), [], "{ours:?}");
        after.ends(101.0, &[1, 2]);
        after.run_with(101.0, 300.0, &|_| vec![]);
        assert_eq!(after.told("a"), [(106.0, vec![], vec![1, 2])], "{ours:?}");
    }
}

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

    /// Whatever alerts do and whichever incidents they are put into: each that fires for long is told, none is told to fire twice
    /// without an end in between but in a message about others, and at last every end is told.
    #[test]
    fn no_alert_is_lost_and_none_is_new_twice(
        steps in proptest::collection::vec((1_u64..=4, proptest::bool::ANY, 0_usize..4), 1..30)
    ) {
        let mut bench = bench();
        let mut fires = BTreeSet::new();
        let mut homes: BTreeMap<u64, usize> = BTreeMap::new();
        let mut seconds = 1.0;
        for (number, is_firing, home) in steps {
            if is_firing && fires.insert(number) {
                bench.fires(seconds, &[number]);
            } else if !is_firing && fires.remove(&number) {
                bench.ends(seconds, &[number]);
            }
            homes.insert(number, home);
            let open: Vec<AlertGroup> = (1..4).map(|home| {
                let own: Vec<u64> = homes.iter().filter(|(_, at)| **at == home).map(|(number, _)| *number).collect();
                incident(&format!("i{home}"), &own)
            }).collect();
            bench.run_with(seconds, seconds + 40.0, &|_| open.clone());
            seconds += 41.0;
        }
        let left: Vec<u64> = fires.iter().copied().collect();
        bench.run_with(seconds, seconds + 100.0, &|_| vec![]);
        bench.ends(seconds + 101.0, &left);
        bench.run_with(seconds + 101.0, seconds + 300.0, &|_| vec![]);
        let mut told: BTreeMap<u64, bool> = BTreeMap::new();
        for (_, _, message) in &bench.sent {
            for one in message.alerts.iter().filter(|one| one.is_new) {
                let is_firing = one.alert.resolved_at.is_none();
                let before = told.insert(one.alert.id, is_firing);
                proptest::prop_assert!(!(is_firing && before == Some(true)), "told to fire twice");
            }
        }
        proptest::prop_assert!(left.iter().all(|number| told.get(number) == Some(&false)), "every end is told");
        proptest::prop_assert!(told.values().all(|is_firing| !is_firing));
        proptest::prop_assert!(bench.dispatcher.groups.is_empty());
    }
}
