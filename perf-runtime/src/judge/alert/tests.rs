use super::*;
use crate::measure::clock;
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use crate::observe::registry::Registry;
use std::time::Duration;

/// A report in which `errors` of 100 database operations failed.
fn report(errors: u64) -> HealthReport {
    let registry = Registry::new();
    let series = registry.series(Kind::DbOperation, &["select", "users"]);
    for call in 0..100 {
        series.own.record(Outcome::from_success(call >= errors), 1_000);
    }
    HealthReport::judge(&registry.recent(clock::now()))
}

fn transitions(events: &[AlertEvent]) -> Vec<(Transition, Severity)> {
    events.iter().map(|event| (event.transition, event.alert.severity)).collect()
}

#[test]
fn an_alert_fires_changes_and_resolves_once_each() {
    let mut book = AlertBook::default();
    let start = SystemTime::UNIX_EPOCH;
    let at = |seconds| start + Duration::from_secs(seconds);
    assert_eq!(transitions(&book.evaluate(&report(0), at(0))), []);
    assert_eq!(transitions(&book.evaluate(&report(4), at(1))), [(Transition::Fired, Severity::Warning)]);
    assert_eq!(transitions(&book.evaluate(&report(4), at(2))), []);
    assert_eq!(transitions(&book.evaluate(&report(50), at(3))), [(Transition::Changed, Severity::Critical)]);
    let active = book.active();
    assert_eq!((active.len(), active[0].since, active[0].threshold), (1, at(1), 0.05));
    assert_eq!(transitions(&book.evaluate(&report(0), at(4))), [(Transition::Resolved, Severity::Critical)]);
    assert!(book.active().is_empty());
    assert_eq!(book.history().len(), 3);
}

#[test]
fn an_acknowledgement_names_a_person_and_ends_when_it_said() {
    let mut book = AlertBook::default();
    let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
    book.evaluate(&report(50), now);
    let id = book.active()[0].id;
    let until = now + Duration::from_secs(60);
    assert_eq!(book.acknowledge(id, " ", "", None, now), Err(AcknowledgeError::NoName));
    assert_eq!(book.acknowledge(id, "ada", "", Some(now), now), Err(AcknowledgeError::InThePast));
    let unknown = AcknowledgeError::NotActive { id: 99, active: vec![id] };
    assert_eq!(book.acknowledge(99, "ada", "", None, now), Err(unknown));
    assert!(book.acknowledge(id, "ada", "on it", Some(until), now).is_ok());
    assert_eq!(book.active()[0].acknowledged.as_ref().map(|mark| mark.by.as_str()), Some("ada"));
    book.evaluate(&report(50), until);
    assert_eq!(book.active()[0].acknowledged, None);
}

#[test]
fn the_history_is_bounded() {
    let mut book = AlertBook::default();
    let (good, bad) = (report(0), report(50));
    for _ in 0..MAX_HISTORY {
        book.evaluate(&bad, SystemTime::UNIX_EPOCH);
        book.evaluate(&good, SystemTime::UNIX_EPOCH);
    }
    assert_eq!(book.history().len(), MAX_HISTORY);
}
