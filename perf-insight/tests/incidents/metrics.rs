//! Incidents of metrics alone: only what may move the metric is their likely cause.

use perf_insight::runtime::{CauseKind, Incident, Investigator, Sureness};
use perf_runtime::metric::names;
use perf_runtime::rule::{Rule, RuleSet};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Monitor, Outcome, monitor_db_operation};
use std::time::Duration;

/// The incident of a metric above 0.95, after six minutes. `begin` gives what happens in a second; the last minute is late.
fn incident_of<F: FnMut(bool)>(metric: &str, begin: impl FnOnce(&Monitor) -> F) -> Incident {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let full = Rule::builder("full").metric(metric).warning(0.95).build().expect("a rule");
    let monitor = Monitor::builder().rules([full].into_iter().collect::<RuleSet>()).build().expect("a monitor");
    let mut second = begin(&monitor);
    let mut looks = Investigator::new(&monitor, 10);
    for passed in 0..360 {
        second(passed >= 300);
        clock.advance(Duration::from_secs(1));
        monitor.tick();
        looks.look();
    }
    let [incident] = looks.incidents().try_into().expect("one incident");
    incident
}

/// That of a metric that rises while requests become three times as many.
fn incident_among_requests(metric: &str, label: &str) -> Incident {
    incident_of(metric, |monitor| {
        let gauge = monitor.metrics().gauge(metric).label(label, "/").register();
        let asked = monitor.operation("asked");
        move |is_late| {
            gauge.set(if is_late { 0.99 } else { 0.9 });
            for _ in 0..if is_late { 60 } else { 20 } {
                asked.record(Duration::from_millis(20), Outcome::Ok);
            }
        }
    })
}

#[test]
fn more_requests_are_not_the_likely_cause_of_a_full_disk() {
    let incident = incident_among_requests(names::SYSTEM_DISK_UTILIZATION_RATIO, "system_filesystem_mountpoint");
    let cause = incident.cause().expect("a cause");
    assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Disk), "{incident:#?}");
    let traffic = incident.causes.iter().find(|cause| cause.kind == CauseKind::Traffic).expect("it is told");
    assert_eq!(traffic.sureness, Sureness::Possible);
}

#[test]
fn nothing_is_the_likely_cause_of_a_metric_that_nobody_knows() {
    let incident = incident_among_requests("oven_heat", "oven");
    assert_eq!(incident.sureness, Sureness::Possible, "{incident:#?}");
    assert_eq!(incident.cause().map(|cause| cause.kind), Some(CauseKind::Traffic));
}

#[monitor_db_operation("select", "points")]
fn statement() {}

/// That of a pool that is used up by a few more statements, beside so many others.
fn incident_of_a_pool(others: usize) -> Incident {
    incident_of(names::DB_POOL_UTILIZATION_RATIO, |monitor| {
        let metrics = monitor.metrics();
        for other in 0..others {
            metrics.gauge(names::DB_POOL_UTILIZATION_RATIO).label("pool", format!("other{other}")).register().set(0.2);
        }
        let of = |name: &str| metrics.gauge(name).label("pool", "main");
        let in_use = of(names::DB_POOL_UTILIZATION_RATIO).register();
        let used = of(names::DB_CLIENT_CONNECTIONS).label("state", "used").register();
        let pending = of(names::DB_CLIENT_CONNECTION_PENDING_REQUESTS).register();
        move |is_late| {
            let (connections, statements) = if is_late { (10.0, 28) } else { (7.0, 20) };
            in_use.set(connections / 10.0);
            used.set(connections);
            pending.set(if is_late { 4.0 } else { 0.0 });
            for _ in 0..statements {
                statement();
            }
        }
    })
}

#[test]
fn of_several_pools_nobody_knows_whose_statements_are_whose() {
    for (others, expected) in [(0, Sureness::Likely), (1, Sureness::Possible)] {
        let incident = incident_of_a_pool(others);
        let cause = incident.causes.iter().find(|cause| cause.kind == CauseKind::Pool).expect("it is told");
        assert_eq!((cause.component.as_str(), cause.sureness), ("pool main", expected), "{incident:#?}");
        let is_held = cause.evidence.iter().any(|said| said.contains("each is held"));
        assert_eq!(is_held, others == 0, "{:?}", cause.evidence);
    }
}
