//! Routes, groups and queues together, on times that the test gives.

mod incidents;
mod notices;
mod over_time;

use super::*;
use crate::channel::{Accepted, Again, Refused};
use crate::message::Reason;
use crate::outbox::{Limit, Plan};
use crate::testing::{alert, at, event, resolved};

/// A receiver in its place: what it was sent, and how it answers.
struct Bench {
    dispatcher: Dispatcher,
    seq: u64,
    /// By how much the clock of the wall was set.
    set_by: ClockSet,
    sent: Vec<(f64, String, Message)>,
}

#[derive(Clone, Copy, Default)]
enum ClockSet {
    #[default]
    Not,
    Forward(Duration),
    Back(Duration),
}

impl ClockSet {
    fn now(self, seconds: f64) -> Now {
        let now = at(seconds);
        let wall = match self {
            Self::Not => now.wall,
            Self::Forward(by) => now.wall + by,
            Self::Back(by) => now.wall - by,
        };
        Now { wall, ..now }
    }
}

type Answer<'a> = &'a dyn Fn(&str, f64) -> Result<Accepted, Refused>;

#[expect(clippy::unnecessary_wraps, reason = "an answer")]
fn taken() -> Result<Accepted, Refused> {
    Ok(Accepted { status: Some(200), body: String::new() })
}

fn refused(again: Again) -> Result<Accepted, Refused> {
    Err(Refused { reason: "down".to_owned(), status: Some(503), again })
}

fn routes(text: &str) -> Routes {
    let all: Vec<Route> = serde_json::from_str(text).unwrap();
    let named = |(number, route): (usize, Route)| Route { name: format!("route {}", number + 1), ..route };
    Routes { all: all.into_iter().enumerate().map(named).collect(), ..Routes::default() }
}

fn plan(name: &str) -> Plan {
    Plan { name: name.to_owned(), limit: Limit { burst: 100, per_minute: 600 }, ..Plan::default() }
}

impl Bench {
    fn new(routes: Routes, plans: Vec<Plan>) -> Self {
        let beginning = Beginning { routes, plans, instance: 1, ..Beginning::default() };
        Self { dispatcher: Dispatcher::new(beginning, at(0.0)), seq: 0, set_by: ClockSet::Not, sent: Vec::new() }
    }

    fn with(routes: &str, channels: &[&str]) -> Self {
        Self::new(self::routes(routes), channels.iter().map(|name| plan(name)).collect())
    }

    fn hear(&mut self, seconds: f64, transition: &str, alert: &Alert) {
        self.seq += 1;
        let now = self.set_by.now(seconds);
        self.dispatcher.hear(&event(self.seq, transition, alert, now), now);
    }

    /// One tick: every message that is due is sent, and answered at once.
    fn tick(&mut self, seconds: f64, answer: Answer<'_>) {
        let now = self.set_by.now(seconds);
        self.dispatcher.flush(now, &|_| None, &|_| ());
        loop {
            let due = self.dispatcher.take_due(now);
            if due.is_empty() {
                return;
            }
            for entry in due {
                let answer = answer(&entry.channel, seconds);
                self.sent.push((seconds, entry.channel.clone(), entry.message));
                let done = Done { channel: entry.channel, id: entry.id, answer, took: Duration::ZERO };
                self.dispatcher.finish(&done, now);
            }
        }
    }

    fn run(&mut self, from: f64, to: f64, answer: Answer<'_>) {
        self.run_by(1.0, from, to, answer);
    }

    fn run_by(&mut self, step: f64, from: f64, to: f64, answer: Answer<'_>) {
        let mut seconds = from;
        while seconds <= to {
            self.tick(seconds, answer);
            seconds += step;
        }
    }

    /// When what was sent to a channel: the numbers of the alerts that fire, and of those that ended.
    fn told(&self, channel: &str) -> Vec<(f64, Vec<u64>, Vec<u64>)> {
        let to = self.sent.iter().filter(|(_, name, _)| name == channel);
        let numbers = |message: &Message, ended: bool| {
            let these = message.alerts.iter().filter(|one| one.alert.resolved_at.is_some() == ended);
            these.map(|one| one.alert.id).collect()
        };
        to.map(|(at, _, message)| (*at, numbers(message, false), numbers(message, true))).collect()
    }
}

const ONE: &str = r#"[{"channels": ["a"]}]"#;

#[test]
fn alerts_of_a_burst_are_one_message_and_each_change_is_told_once() {
    let mut bench = Bench::with(ONE, &["a"]);
    for number in 1..=3 {
        bench.hear(number as f64, "fired", &alert(number, "critical"));
    }
    bench.run(1.0, 20.0, &|_, _| taken());
    bench.hear(21.0, "resolved", &resolved(alert(2, "critical"), at(21.0)));
    bench.hear(22.0, "fired", &alert(4, "critical"));
    bench.run(21.0, 3_000.0, &|_, _| taken());
    assert_eq!(bench.told("a"), [(6.0, vec![1, 2, 3], vec![]), (66.0, vec![4, 1, 3], vec![2])]);
    let ids: BTreeSet<&str> = bench.sent.iter().map(|(_, _, message)| message.id.as_str()).collect();
    assert_eq!(ids.len(), 2);
}

#[test]
fn an_alert_that_ends_before_it_is_told_is_told_as_both() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "warning"));
    bench.hear(3.0, "resolved", &resolved(alert(1, "warning"), at(3.0)));
    bench.run(1.0, 100.0, &|_, _| taken());
    assert_eq!(bench.told("a"), [(6.0, vec![], vec![1])]);
}

#[test]
fn the_same_is_not_told_again_but_what_gets_worse_is() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "warning"));
    bench.run(1.0, 70.0, &|_, _| taken());
    bench.hear(71.0, "fired", &alert(1, "warning"));
    bench.run(71.0, 200.0, &|_, _| taken());
    bench.hear(201.0, "changed", &alert(1, "critical"));
    bench.run(201.0, 300.0, &|_, _| taken());
    assert_eq!(bench.told("a"), [(6.0, vec![1], vec![]), (206.0, vec![1], vec![])]);
}

#[test]
fn what_still_fires_is_told_again_until_somebody_acknowledges() {
    let mut bench = Bench::with(r#"[{"channels": ["a"], "repeat": "30m"}]"#, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "warning"));
    bench.run(1.0, 2_000.0, &|_, _| taken());
    assert_eq!(bench.told("a"), [(6.0, vec![1], vec![]), (1806.0, vec![1], vec![])]);
    let mut known = alert(1, "warning");
    known.acknowledged =
        serde_json::from_value(serde_json::json!({"by": "ada", "comment": "", "until": null})).unwrap();
    bench.hear(2_000.0, "acknowledged", &known);
    bench.run(2_001.0, 9_000.0, &|_, _| taken());
    assert_eq!(bench.sent.len(), 2, "it is known: nobody is told again");
}

#[test]
fn a_route_takes_what_passes_and_the_next_ones_only_where_it_goes_on() {
    let text = r#"[
        {"channels": ["pager"], "only": {"severity": "critical"}, "continue": true},
        {"channels": ["db"], "only": {"kinds": ["db_operation"], "labels": {"table": "*-2"}}},
        {"channels": ["rest"]}
    ]"#;
    let mut bench = Bench::with(text, &["pager", "db", "rest"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.hear(1.0, "fired", &alert(3, "warning"));
    bench.run(1.0, 10.0, &|_, _| taken());
    let firing = |channel| bench.told(channel).into_iter().map(|(_, firing, _)| firing).collect::<Vec<_>>();
    assert_eq!((firing("pager"), firing("db"), firing("rest")), (vec![vec![1, 2]], vec![vec![2]], vec![vec![1, 3]]));
}

#[test]
fn groups_are_told_apart_by_their_labels() {
    let mut bench = Bench::with(r#"[{"channels": ["a"], "group_by": ["table"]}]"#, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.run(1.0, 10.0, &|_, _| taken());
    let groups: Vec<&str> = bench.sent.iter().map(|(_, _, message)| message.group.as_str()).collect();
    assert_eq!(groups, [r#"route 1{table="table-1"}"#, r#"route 1{table="table-2"}"#]);
}

#[test]
fn a_window_holds_back_what_still_fires_at_its_end_and_drops_the_rest() {
    let mut all = routes(r#"[{"channels": ["a"], "within": ["late"]}]"#);
    let late = r#"{"from": "12:10", "to": "23:00"}"#;
    all.windows.insert("late".to_owned(), serde_json::from_str(late).unwrap());
    let mut bench = Bench::new(all, vec![plan("a")]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(1.0, "fired", &alert(2, "critical"));
    bench.hear(100.0, "resolved", &resolved(alert(2, "critical"), at(100.0)));
    bench.run(1.0, 700.0, &|_, _| taken());
    assert_eq!(bench.told("a"), [(600.0, vec![1], vec![])], "the window opens at 12:10");
}

#[test]
fn steps_are_taken_until_somebody_acknowledges_and_hear_of_the_end() {
    let text = r#"[{"channels": ["a"], "escalate": [{"after": "10m", "channels": ["b"]}, {"after": "20m", "channels": ["c"]}]}]"#;
    let mut bench = Bench::with(text, &["a", "b", "c"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.run(1.0, 700.0, &|_, _| taken());
    assert_eq!(bench.told("b"), [(606.0, vec![1], vec![])]);
    let mut known = alert(1, "critical");
    known.acknowledged =
        serde_json::from_value(serde_json::json!({"by": "ada", "comment": "", "until": null})).unwrap();
    bench.hear(701.0, "acknowledged", &known);
    bench.run(701.0, 2_000.0, &|_, _| taken());
    assert!(bench.told("c").is_empty());
    bench.hear(2_001.0, "resolved", &resolved(known, at(2_001.0)));
    bench.run(2_001.0, 2_100.0, &|_, _| taken());
    assert_eq!(bench.told("b").last(), Some(&(2_006.0, vec![], vec![1])));
    assert_eq!(bench.told("a").last(), Some(&(2_006.0, vec![], vec![1])));
}

#[test]
fn a_thousand_alerts_reach_a_dead_a_busy_and_a_well_receiver() {
    const ALERTS: u64 = 1_000;
    const BACK: f64 = 1_800.0;
    let text = r#"[{"channels": ["dead", "busy", "well"], "group_by": ["table"]}]"#;
    let mut bench = Bench::with(text, &["dead", "busy", "well"]);
    for number in 1..=ALERTS {
        bench.hear(1.0, "fired", &alert(number, "critical"));
    }
    let answer = |channel: &str, seconds: f64| match channel {
        "dead" if seconds < BACK => refused(Again::Later),
        "busy" if seconds < BACK => refused(Again::After(Duration::from_secs(30))),
        _ => taken(),
    };
    bench.run(1.0, 120.0, &answer);
    bench.run_by(10.0, 130.0, 606.0, &answer);
    let attempts = bench.sent.iter().filter(|(_, channel, _)| channel == "dead").count();
    assert!((5..=20).contains(&attempts), "{attempts} attempts in ten minutes");
    bench.run_by(10.0, 610.0, BACK + 300.0, &answer);
    let told = |channel: &str, from: f64| -> BTreeSet<u64> {
        bench.told(channel).into_iter().filter(|(at, ..)| *at >= from).flat_map(|(_, firing, _)| firing).collect()
    };
    for (channel, from) in [("dead", BACK), ("busy", BACK), ("well", 0.0)] {
        assert_eq!(told(channel, from).len() as u64, ALERTS, "{channel}: all, and within 5 minutes");
    }
    let to_well: usize = bench.told("well").iter().map(|(_, firing, _)| firing.len()).sum();
    assert_eq!(to_well as u64, ALERTS, "each once");
    assert!(bench.told("well").iter().all(|(at, ..)| *at < 120.0), "it did not wait for the others");
    assert!(bench.dispatcher.states().values().all(|state| state.waiting == 0));
}

#[test]
fn a_receiver_that_asks_for_a_pause_gets_it() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    let answer = |_: &str, seconds: f64| {
        if seconds < 100.0 { refused(Again::After(Duration::from_secs(120))) } else { taken() }
    };
    bench.run(1.0, 200.0, &answer);
    assert_eq!(bench.told("a").iter().map(|(at, ..)| *at).collect::<Vec<_>>(), [6.0, 126.0]);
}

#[test]
fn what_fired_and_ended_while_nobody_could_be_told_is_one_message() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    let answer = |_: &str, seconds: f64| if seconds < 300.0 { refused(Again::Later) } else { taken() };
    bench.run(1.0, 99.0, &answer);
    bench.hear(100.0, "resolved", &resolved(alert(1, "critical"), at(100.0)));
    bench.run(100.0, 700.0, &answer);
    let last = bench.told("a").pop().unwrap();
    assert_eq!((last.1, last.2), (vec![], vec![1]));
    let delivered = bench.told("a").iter().filter(|(at, ..)| *at >= 300.0).count();
    assert_eq!(delivered, 1);
    let superseded = bench.dispatcher.counts().get(&("a".to_owned(), AttemptOutcome::Superseded));
    assert_eq!(superseded, Some(&1));
}

#[test]
fn a_storm_is_at_most_five_messages_and_no_alert_is_missing() {
    let text = r#"[{"channels": ["a"], "group_by": ["table"]}]"#;
    let mut bench = Bench::new(routes(text), vec![Plan { limit: Limit::default(), ..plan("a") }]);
    for number in 1..=1_000 {
        let seconds = number as f64 / 100.0;
        bench.hear(seconds, "fired", &alert(number, "warning"));
        if number % 100 == 0 {
            bench.tick(seconds, &|_, _| taken());
        }
    }
    bench.run(11.0, 60.0, &|_, _| taken());
    assert!(bench.sent.len() <= 5, "{}", bench.sent.len());
    let told: BTreeSet<u64> = bench.told("a").into_iter().flat_map(|(_, firing, _)| firing).collect();
    assert_eq!(told.len(), 1_000);
    assert!(bench.sent.iter().any(|(_, _, message)| message.reason == Reason::Digest));
}

#[test]
fn a_channel_that_refuses_for_good_or_for_long_hands_over_to_its_fallback() {
    let text = r#"[{"channels": ["a"]}]"#;
    let fallback = |limit| Plan { fallback: Some("b".to_owned()), limit, ..plan("a") };
    for (again, until) in [(Again::Never, 10.0), (Again::Later, 700.0)] {
        let mut bench = Bench::new(routes(text), vec![fallback(Limit::default()), plan("b")]);
        bench.hear(1.0, "fired", &alert(1, "critical"));
        bench.run(1.0, until, &|channel, _| if channel == "a" { refused(again) } else { taken() });
        let told = bench.told("b");
        assert_eq!((told.len(), told[0].1.clone()), (1, vec![1]), "{again:?}");
    }
}

#[test]
fn the_failure_of_a_channel_is_told_by_another() {
    let mut bench = Bench::with(ONE, &["a", "b"]);
    let mut failing = alert(1, "warning");
    failing.rule = "notify-failing".to_owned();
    failing.labels = BTreeMap::from([(CHANNEL.to_owned(), "a".to_owned())]);
    bench.hear(1.0, "fired", &failing);
    bench.run(1.0, 10.0, &|channel, _| if channel == "a" { refused(Again::Later) } else { taken() });
    assert_eq!(bench.told("b"), [(6.0, vec![1], vec![])]);
}

#[test]
fn a_message_that_is_too_old_is_given_up_and_counted() {
    let mut bench = Bench::with(ONE, &["a"]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.hear(2.0, "resolved", &resolved(alert(1, "critical"), at(2.0)));
    bench.tick(6.0, &|_, _| refused(Again::Later));
    bench.tick(7.0 + 3_600.0, &|_, _| taken());
    assert_eq!(bench.sent.len(), 1, "the news of an end is of no use an hour later");
    assert_eq!(bench.dispatcher.counts().get(&("a".to_owned(), AttemptOutcome::Expired)), Some(&1));
}

#[test]
fn a_receiver_that_keeps_the_state_is_sent_no_messages() {
    let mirror = Plan { mirrors: true, ..plan("a") };
    let mut bench = Bench::new(routes(ONE), vec![mirror]);
    bench.hear(1.0, "fired", &alert(1, "critical"));
    bench.run(1.0, 10.0, &|_, _| taken());
    assert!(bench.sent.is_empty());
    assert_eq!(bench.dispatcher.alerts_for("a").len(), 1);
}
