//! A rule that is changed while it is judged, as by a reload of the file.

use super::*;
use Transition::{Fired, Pending, Resolved};

impl Bench {
    /// Judges by this rule from now on.
    fn replace(&mut self, rule: RuleBuilder) -> Vec<AlertEvent> {
        let (rules, tick) = ([rule.build().unwrap()].into_iter().collect(), self.tick());
        self.engine.replace_rules(&rules, tick)
    }
}

#[test]
fn an_alert_stays_the_same_by_a_new_threshold_and_runbook_and_its_acknowledgement_too() {
    let mut bench = Bench::new(on_depth().warning(100.0));
    bench.see(150.0);
    let before = bench.engine.active().remove(0);
    bench.engine.acknowledge(before.id, "ada", "on it", None, at(1)).unwrap();
    let runbook = "https://x.example/depth";
    assert_eq!(bench.replace(on_depth().warning(90.0).runbook(runbook)), [], "150 is above either");
    assert_eq!(bench.see(150.0), [], "and nobody is told again");
    let after = bench.engine.active().remove(0);
    assert_eq!((after.id, after.since, after.fired_at), (before.id, before.since, before.fired_at));
    assert_eq!(
        (after.runbook.as_deref(), after.acknowledged.map(|mark| mark.by)),
        (Some(runbook), Some("ada".to_owned()))
    );
}

#[test]
fn a_condition_that_held_for_a_while_goes_on_holding_by_a_new_threshold() {
    let rule = |limit| on_depth().warning(limit).hold_for(secs(5));
    let mut bench = Bench::new(rule(100.0));
    assert_eq!(bench.transitions(&[150.0, 150.0, 150.0]), [(0, Pending, Severity::Warning)]);
    assert_eq!(bench.replace(rule(90.0)), []);
    assert_eq!(bench.transitions(&[150.0, 150.0, 150.0]), [(5, Fired, Severity::Warning)], "five seconds in all");
}

#[test]
fn a_cooldown_goes_on_over_a_new_threshold() {
    let rule = |limit| on_depth().warning(limit).cooldown(secs(60));
    let mut bench = Bench::new(rule(100.0));
    assert_eq!(bench.transitions(&[150.0, 1.0]).len(), 2);
    bench.replace(rule(90.0));
    let told: Vec<_> = [150.0, 1.0].into_iter().flat_map(|depth| bench.see(depth)).collect();
    let told: Vec<_> = told.iter().map(|event| (event.transition, event.notify)).collect();
    assert_eq!(told, [(Fired, false), (Resolved, false)], "told of two seconds ago");
}
