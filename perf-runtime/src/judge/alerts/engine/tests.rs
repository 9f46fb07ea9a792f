use super::*;
use crate::judge::alerts::alert::Muted;
use crate::judge::rule::build::RuleBuilder;
use crate::judge::rule::condition::{Condition, Threshold};
use crate::judge::rule::definition::{NoData, Rule};
use crate::judge::rule::observation::{GaugeSample, Gauges};
use std::collections::BTreeMap;
use std::time::Duration;

mod log;
mod replaced;
mod restart;

/// An engine with one rule on a gauge, whose value a test gives second by second.
struct Bench {
    engine: AlertEngine,
    second: u64,
}

fn on_depth() -> RuleBuilder {
    Rule::builder("depth").metric("queue_depth")
}

fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

impl Bench {
    fn new(rule: RuleBuilder) -> Self {
        Self::keeping(rule, DEFAULT_HISTORY)
    }

    fn keeping(rule: RuleBuilder, history: usize) -> Self {
        let rules = [rule.build().unwrap()].into_iter().collect();
        Self { engine: AlertEngine::new(&rules, history), second: 0 }
    }

    fn tick(&self) -> Tick {
        Tick { elapsed: secs(self.second), wall: at(self.second) }
    }

    /// One second in which each queue has this depth.
    fn see_all(&mut self, depths: &[(&str, f64)]) -> Vec<AlertEvent> {
        let sample = |(queue, value): &(&str, f64)| {
            GaugeSample::new(vec![("queue".to_owned(), (*queue).to_owned())].into(), *value)
        };
        let gauges = Gauges::from([("queue_depth".to_owned(), depths.iter().map(sample).collect())]);
        let windows = BTreeMap::new();
        let events = self.engine.evaluate(&Observation::new(&windows, &gauges), self.tick());
        self.second += 1;
        events
    }

    fn see(&mut self, depth: impl Into<Option<f64>>) -> Vec<AlertEvent> {
        let depth: Option<f64> = depth.into();
        self.see_all(depth.map(|depth| ("mail", depth)).as_slice())
    }

    /// The transitions of each second.
    fn transitions(&mut self, depths: &[f64]) -> Vec<(u64, Transition, Severity)> {
        let begin = self.second;
        let mut found = Vec::new();
        for (second, depth) in (begin..).zip(depths) {
            found.extend(self.see(*depth).iter().map(|event| (second, event.transition, event.alert.severity)));
        }
        found
    }
}

#[test]
fn an_alert_waits_fires_changes_and_resolves_once_each() {
    use Severity::{Critical, Warning};
    use Transition::{Changed, Fired, Pending, Resolved};
    let mut bench = Bench::new(on_depth().warning(10.0).critical(50.0).hold_for(secs(2)));
    let seen = bench.transitions(&[5.0, 20.0, 20.0, 20.0, 60.0, 60.0, 60.0, 20.0, 5.0]);
    let expected = [
        (1, Pending, Warning),
        (3, Fired, Warning),
        (6, Changed, Critical),
        (7, Changed, Warning),
        (8, Resolved, Warning),
    ];
    assert_eq!(seen, expected);
    let past = bench.engine.past();
    assert_eq!((past.len(), past[0].since, past[0].fired_at), (1, at(1), Some(at(3))));
    assert_eq!((past[0].resolved_at, past[0].state), (Some(at(8)), AlertState::Resolved));
    assert!(bench.engine.active().is_empty());
}

#[test]
fn critical_hides_the_warning_for_it_is_the_same_alert() {
    let mut bench = Bench::new(on_depth().warning(10.0).critical(50.0));
    bench.see(60.0);
    let active = bench.engine.active();
    assert_eq!(active.len(), 1);
    assert_eq!((active[0].severity, active[0].threshold), (Severity::Critical, Some(Threshold::Value(50.0))));
    assert_eq!((active[0].value, active[0].series.as_str()), (Some(60.0), "queue_depth{queue=mail}"));
    assert_eq!(active[0].message, "depth: queue_depth{queue=mail} is 60 (critical above 50)");
}

#[test]
fn what_is_pending_and_clears_never_fired() {
    use Transition::{Cleared, Pending};
    let mut bench = Bench::new(on_depth().warning(10.0).hold_for(secs(3)));
    bench.transitions(&[20.0, 20.0, 20.0, 5.0, 5.0]);
    let history: Vec<_> = bench.engine.history().iter().map(|event| (event.transition, event.notify)).collect();
    assert_eq!(history, [(Pending, false), (Cleared, false)]);
}

#[test]
fn each_series_has_its_own_alert() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    bench.see_all(&[("mail", 20.0), ("print", 30.0), ("fax", 1.0)]);
    let series: Vec<_> = bench.engine.active().iter().map(|alert| alert.labels["queue"].clone()).collect();
    assert_eq!(series, ["mail", "print"]);
    bench.see_all(&[("mail", 1.0), ("print", 30.0)]);
    assert_eq!(bench.engine.active().len(), 1);
}

#[test]
fn series_are_added_up_where_the_rule_says_so() {
    let no_labels: [&str; 0] = [];
    let mut bench = Bench::new(on_depth().by(no_labels).warning(10.0));
    bench.see_all(&[("mail", 6.0), ("print", 6.0)]);
    assert_eq!(bench.engine.active()[0].value, Some(12.0));
    assert!(bench.engine.active()[0].labels.is_empty());
}

#[test]
fn a_recovery_threshold_holds_what_fires_and_not_what_is_pending() {
    use Transition::{Cleared, Fired, Pending, Resolved};
    let mut bench = Bench::new(on_depth().warning(10.0).recovery(5.0).hold_for(secs(1)));
    let seen = bench.transitions(&[20.0, 7.0, 20.0, 20.0, 7.0, 7.0, 5.0, 7.0]);
    let seen: Vec<_> = seen.into_iter().map(|(second, transition, _)| (second, transition)).collect();
    assert_eq!(seen, [(0, Pending), (1, Cleared), (2, Pending), (3, Fired), (6, Resolved)]);
}

#[test]
fn values_outside_a_range_alert_on_both_sides() {
    let mut bench = Bench::new(on_depth().condition(Condition::Outside).warning((2.0, 8.0)));
    let seen = bench.transitions(&[2.0, 1.0, 5.0, 9.0, 8.0]);
    assert_eq!(seen.iter().map(|(second, ..)| *second).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

#[test]
fn a_change_is_judged_against_the_value_of_then() {
    let mut bench = Bench::new(on_depth().change_over(secs(3)).warning(10.0));
    let seen = bench.transitions(&[0.0, 0.0, 0.0, 0.0, 11.0, 11.0, 11.0, 11.0]);
    assert_eq!(seen.iter().map(|(second, ..)| *second).collect::<Vec<_>>(), [4, 7]);
}

#[test]
fn absence_is_an_alert_of_its_own() {
    let rule = on_depth().only("queue", ["mail"]).absent(Severity::Critical);
    let mut bench = Bench::new(rule);
    assert_eq!(bench.see(1.0), []);
    let event = &bench.see(None)[0];
    assert_eq!((event.transition, event.alert.labels["queue"].as_str()), (Transition::Fired, "mail"));
    assert_eq!((event.alert.severity, event.alert.value), (Severity::Critical, None));
    assert_eq!(bench.see(1.0)[0].transition, Transition::Resolved);
}

#[test]
fn no_data_resolves_or_is_kept_or_is_an_alert() {
    let firing = |policy, seconds: u64| {
        let mut bench = Bench::new(on_depth().warning(10.0).no_data(policy));
        bench.see(20.0);
        (0..seconds).for_each(|_| drop(bench.see(None)));
        bench.engine.active().len()
    };
    assert_eq!(firing(NoData::Ok, 1), 0);
    assert_eq!((firing(NoData::Keep(secs(5)), 4), firing(NoData::Keep(secs(5)), 5)), (1, 0));
    assert_eq!((firing(NoData::Alert(secs(5)), 1), firing(NoData::Alert(secs(5)), 6)), (0, 1));

    let mut bench = Bench::new(on_depth().warning(10.0).no_data(NoData::Alert(secs(5))));
    bench.see(1.0);
    (0..6).for_each(|_| drop(bench.see(None)));
    let message = &bench.engine.active()[0].message;
    assert!(message.contains("has no value any more"), "{message}");
    bench.see(1.0);
    assert!(bench.engine.active().is_empty());
}

#[test]
fn a_series_that_is_gone_for_good_is_missed_for_a_while() {
    let rule = on_depth().warning(10.0).no_data(NoData::Alert(secs(30))).forget_after(secs(600));
    let mut bench = Bench::new(rule);
    bench.see(1.0);
    let told: Vec<_> = (1..2_000).filter_map(|second| Some((second, bench.see(None).first()?.transition))).collect();
    assert_eq!(told, [(31, Transition::Fired), (600, Transition::Resolved)]);
    assert_eq!(bench.engine.rules()[0].firing, 0);
    bench.see(1.0);
    let again = (1..100).find(|_| bench.see(None).iter().any(|event| event.transition == Transition::Fired));
    assert_eq!(again, Some(31), "once it is back, it is missed again");
}

#[test]
fn a_rule_is_unknown_before_its_first_evaluation() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    assert_eq!(bench.engine.rules()[0].state, None);
    bench.see(1.0);
    assert_eq!(bench.engine.rules()[0].state, Some(AlertState::Inactive));
    bench.see(20.0);
    let status = &bench.engine.rules()[0];
    assert_eq!((status.state, status.firing), (Some(AlertState::Firing), 1));
}

#[test]
fn an_acknowledgement_names_a_person_and_ends_with_time_or_when_it_gets_worse() {
    let mut bench = Bench::new(on_depth().warning(10.0).critical(50.0));
    bench.see(20.0);
    let id = bench.engine.active()[0].id;
    let now = at(0);
    let ack = |bench: &mut Bench, id, by: &str, until| bench.engine.acknowledge(id, by, "on it", until, now);
    assert_eq!(ack(&mut bench, id, " ", None), Err(AcknowledgeError::NoName));
    assert_eq!(ack(&mut bench, id, "ada", Some(now)), Err(AcknowledgeError::InThePast));
    let unknown = AcknowledgeError::NotActive { id: 99, active: vec![id] };
    assert_eq!(ack(&mut bench, 99, "ada", None), Err(unknown));

    assert!(ack(&mut bench, id, "ada", Some(at(2))).is_ok());
    let by = |bench: &Bench| bench.engine.active()[0].acknowledged.as_ref().map(|mark| mark.by.clone());
    bench.see(20.0);
    assert_eq!(by(&bench).as_deref(), Some("ada"));
    bench.see(20.0);
    assert_eq!(by(&bench), None, "it ended when it said");
    assert!(ack(&mut bench, id, "ada", None).is_ok());
    bench.see(60.0);
    assert_eq!(by(&bench), None, "it got worse");
}

#[test]
fn who_is_silenced_is_told_when_the_silence_ends() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    let silence = |queue: &str, until| Silence {
        id: 0,
        rule: Some("depth".to_owned()),
        labels: BTreeMap::from([("queue".to_owned(), queue.to_owned())]),
        by: "ada".to_owned(),
        comment: String::new(),
        until: at(until),
    };
    bench.engine.silence(silence("mail", 3), at(0)).unwrap();
    bench.engine.silence(silence("fax", 9), at(0)).unwrap();
    let told: Vec<_> =
        (0..4).flat_map(|_| bench.see(20.0)).map(|event| (event.transition, event.notify, event.alert.muted)).collect();
    assert_eq!(told, [(Transition::Fired, false, Some(Muted::Silenced)), (Transition::Told, true, None)]);
    let nobody = Silence { rule: Some("dept".to_owned()), ..silence("mail", 9) };
    assert!(matches!(bench.engine.silence(nobody, at(0)), Err(AcknowledgeError::NoSuchRule { .. })));
    assert!(bench.engine.unsilence(2) && !bench.engine.unsilence(2));
}

#[test]
fn within_its_cooldown_an_alert_fires_and_is_not_told_of_again() {
    use Transition::{Fired, Resolved, Told};
    let mut bench = Bench::new(on_depth().warning(10.0).cooldown(secs(10)));
    let mut depths = vec![20.0, 1.0, 20.0, 1.0];
    depths.extend([20.0; 8]);
    let told: Vec<_> = (0..)
        .zip(depths)
        .flat_map(|(second, depth)| bench.see(depth).into_iter().map(move |event| (second, event)))
        .map(|(second, event)| (second, event.transition, event.notify))
        .collect();
    let expected = [
        (0, Fired, true),
        (1, Resolved, true),
        (2, Fired, false),
        (3, Resolved, false),
        (4, Fired, false),
        (10, Told, true),
    ];
    assert_eq!(told, expected);
}

#[test]
fn an_alert_that_comes_and_goes_is_told_of_ever_less_often() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    let told = |events: Vec<AlertEvent>| events.iter().filter(|event| event.notify).count();
    let hour = 3_600;
    let count: usize = (0..hour).map(|second| told(bench.see(if second % 2 == 0 { 20.0 } else { 1.0 }))).sum();
    assert!(count <= 10, "told {count} times of 1800 firings");
    assert_eq!(bench.engine.statistics(at(hour)).fired, 1_800);
    // Once it is steady for long enough, it is told how it stands, and not before.
    let steady: Vec<_> = (0..2 * hour).flat_map(|_| bench.see(20.0)).map(|event| event.transition).collect();
    assert_eq!(steady.last(), Some(&Transition::Told), "{steady:?}");
    assert_eq!(bench.engine.active()[0].muted, None);
}

#[test]
fn a_flapping_alert_that_gets_worse_is_told_of_at_once() {
    let mut bench = Bench::new(on_depth().warning(10.0).critical(50.0));
    (0..60).for_each(|second| drop(bench.see(if second % 2 == 0 { 20.0 } else { 1.0 })));
    assert_eq!(bench.engine.active().len(), 0);
    let event = bench.see(60.0).remove(0);
    assert_eq!((event.transition, event.notify, event.alert.severity), (Transition::Fired, true, Severity::Critical));
}

#[test]
fn other_rules_keep_the_alerts_of_those_that_judge_the_same_and_end_the_others() {
    let rule = |id: &str, limit| Rule::builder(id).metric("queue_depth").warning(limit);
    let set = |rules: [RuleBuilder; 3]| rules.map(|rule| rule.build().unwrap()).into_iter().collect();
    let mut bench = Bench::new(on_depth().warning(10.0));
    bench.engine = AlertEngine::new(&set([rule("words", 10.0), rule("limit", 10.0), rule("other", 10.0)]), 100);
    bench.see(20.0);
    let before = bench.engine.active();
    let tick = bench.tick();
    let words = rule("words", 10.0).description("A new one").label("team", "mail").cooldown(secs(60));
    let other = Rule::builder("other").metric("other_depth").warning(10.0);
    let events = bench.engine.replace_rules(&set([words, rule("limit", 15.0), other]), tick);
    let ended: Vec<_> = events.iter().map(|event| (event.alert.rule.as_str(), event.transition)).collect();
    assert_eq!(ended, [("other", Transition::Resolved)], "it looks at something else");
    let after = bench.engine.active();
    let known =
        |alerts: &[Alert]| alerts.iter().map(|alert| (alert.id, alert.since, alert.fired_at)).collect::<Vec<_>>();
    assert_eq!(known(&after), known(&before[..2]));
    assert_eq!((after[0].description.as_str(), after[0].labels.get("team")), ("A new one", Some(&"mail".to_owned())));
    assert_eq!(bench.see(20.0), [], "both hold by the new rules, too");
    let tick = bench.tick();
    bench.engine.replace_rules(&set([rule("words", 10.0), rule("limit", 25.0), rule("other", 90.0)]), tick);
    let told: Vec<_> = bench.see(20.0).into_iter().map(|event| (event.alert.rule, event.transition)).collect();
    assert_eq!(told, [("limit".to_owned(), Transition::Resolved)], "judged by the new limit");
}

#[test]
fn a_recovery_tells_what_it_recovered_to() {
    let mut bench = Bench::new(on_depth().name("Deep queue").warning(200.0));
    bench.see(250.0);
    bench.see(300.0);
    for _ in 0..118 {
        bench.see(210.0);
    }
    let [event] = bench.see(100.0).try_into().unwrap();
    assert_eq!(
        (event.transition, event.alert.value, event.alert.peak),
        (Transition::Resolved, Some(100.0), Some(300.0))
    );
    let expected = "Deep queue: recovered: queue_depth{queue=mail} is 100 (limit 200), after 2m; peak 300";
    assert_eq!(event.alert.message, expected);
    bench.see(250.0);
    let [event] = bench.see(None).try_into().unwrap();
    let expected = "Deep queue: ended: queue_depth{queue=mail} has no value any more, after 1s; peak 250";
    assert_eq!((event.alert.value, event.alert.message.as_str()), (None, expected));
}

#[test]
fn time_in_which_nobody_looked_is_no_evidence() {
    let mut bench = Bench::new(on_depth().warning(10.0).hold_for(secs(60)));
    bench.see(20.0);
    bench.second += 600;
    let transitions = |bench: &mut Bench| bench.see(20.0).iter().map(|event| event.transition).collect::<Vec<_>>();
    assert_eq!(transitions(&mut bench), [], "pending since ten minutes ago, and seen twice");
    let fired = (0..120).find(|_| transitions(&mut bench) == [Transition::Fired]);
    assert_eq!(fired, Some(59));
}

#[test]
fn a_slow_subscriber_loses_the_oldest_and_learns_how_many() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    let events = bench.engine.subscribe(3);
    let gone = bench.engine.subscribe(3);
    drop(gone);
    for _ in 0..5 {
        bench.see(20.0);
        bench.see(1.0);
    }
    let received: Vec<_> = std::iter::from_fn(|| events.try_recv()).collect();
    assert_eq!(received.len(), 3);
    assert_eq!(received[2].transition, Transition::Resolved);
    // Ten transitions, and one that says that it flaps.
    assert_eq!((events.take_missed(), events.take_missed()), (8, 0));
}

#[test]
fn a_subscriber_is_woken_on_its_thread_and_on_its_runtime() {
    let mut bench = Bench::new(on_depth().warning(10.0));
    let blocking = bench.engine.subscribe(3);
    let mut polled = bench.engine.subscribe(3);
    let waits = std::thread::spawn(move || blocking.recv_timeout(secs(60)).map(|event| event.transition));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).build().unwrap();
    let task = runtime.spawn(async move { polled.recv().await.transition });
    bench.see(20.0);
    assert_eq!(waits.join().unwrap(), Some(Transition::Fired));
    assert_eq!(runtime.block_on(task).unwrap(), Transition::Fired);
}

#[test]
fn a_rule_that_is_switched_off_is_not_judged() {
    let mut bench = Bench::new(on_depth().warning(10.0).enabled(false));
    assert_eq!(bench.see(20.0), []);
    assert_eq!(bench.engine.rules()[0].state, None);
}
