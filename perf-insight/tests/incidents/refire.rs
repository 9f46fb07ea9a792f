//! An alert that fires anew while its incident lasts.

use perf_insight::runtime::{Incident, Investigator};
use perf_runtime::alert::AlertState;
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Kind, Monitor, Outcome, Window};
use std::time::Duration;

struct Service {
    clock: ManualClock,
    monitor: Monitor,
    looks: Investigator,
}

impl Service {
    /// Seconds in which an operation is slow, or fails, or both.
    fn seconds(&mut self, count: usize, is_slow: bool, fails: bool) {
        for _ in 0..count {
            let took = Duration::from_millis(if is_slow { 2_000 } else { 20 });
            for _ in 0..5 {
                self.monitor.operation("one").record(took, if fails { Outcome::Error } else { Outcome::Ok });
            }
            self.clock.advance(Duration::from_secs(1));
            self.monitor.tick();
            self.looks.look();
        }
    }

    fn open(&self) -> Vec<Incident> {
        self.looks.incidents().into_iter().filter(Incident::is_open).collect()
    }

    /// The only incident, and the id and the state of its alert about durations.
    fn slow(&self) -> (String, u64, AlertState) {
        let [open] = self.open().try_into().expect("one incident");
        let own = open.alerts.iter().find(|own| own.rule == "slow").expect("its alert");
        (open.id.clone(), own.id, own.state)
    }
}

#[test]
fn an_alert_that_fires_anew_in_an_old_incident_is_seen_and_keeps_it_open() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let rule = |id: &str, statistic, limit| {
        let rule = Rule::builder(id).metric(Kind::Operation).statistic(statistic).window(Window::LastMinute);
        rule.warning(limit).build().expect("a rule")
    };
    let rules = [rule("slow", Statistic::Mean, 0.3), rule("failing", Statistic::ErrorRate, 0.3)];
    let monitor = Monitor::builder().rules(rules.into_iter().collect()).build().expect("a monitor");
    let looks = Investigator::new(&monitor, 10);
    let mut service = Service { clock, monitor, looks };
    service.seconds(120, false, false);
    // It fails on and on, so that what began is older than what memory shows in short steps.
    service.seconds(90, true, true);
    let (incident, first, state) = service.slow();
    assert_eq!(state, AlertState::Firing);
    service.seconds(300, false, true);
    assert_eq!(service.slow(), (incident.clone(), first, AlertState::Resolved));
    service.seconds(90, true, true);
    let (same, second, state) = service.slow();
    assert_eq!((same, state), (incident.clone(), AlertState::Firing), "it fires, and the incident says so");
    assert_ne!(first, second, "it is another alert of the same rule and series");
    // Now this one goes on, and the other ends.
    service.seconds(240, true, false);
    assert_eq!(
        service.slow(),
        (incident, second, AlertState::Firing),
        "an incident lasts while one of its alerts fires"
    );
    service.seconds(300, false, false);
    assert_eq!(service.open(), []);
}
