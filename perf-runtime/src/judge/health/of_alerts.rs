//! The indicators of the alerts that fire, and the points that they take beside those of what they are about.

use super::indicator::{Aspect, Indicator};
use super::part_resource::Resource;
use super::points::{self, Charge, Fact};
use super::resource;
use super::taken::ALERTS;
use super::verdict::Verdict;
use crate::judge::alerts::alert::{Alert, Muted};
use crate::judge::alerts::rule_state::FiringAlert;
use crate::judge::objective::tracker::{BURN_RATE, Promise};
use crate::judge::rule::metric::Metric;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::statistic::Statistic;
use crate::judge::rule::threshold::Limits;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::known as names;
use std::collections::BTreeMap;

/// The part that gives gauges of the host and the process.
const OF_RESOURCES: &str = "perf-host";

/// The indicators of the alerts that fire, nothing where none does, and their charges. Somebody knows of an alert that is
/// acknowledged or silenced: it takes no points, and colours nothing.
pub(super) fn judge(firing: &[FiringAlert], added: &[Resource], first_place: usize) -> (Vec<Indicator>, Vec<Charge>) {
    let (mut indicators, mut charges) = (Vec::new(), Vec::new());
    for (name, verdict) in ALERTS.into_iter().zip([Verdict::Serving, Verdict::Resources]) {
        let counted = firing.iter().filter(|one| counts(&one.alert));
        let about: Vec<(Fact, &FiringAlert)> = counted
            .map(|one| (subject(one, added), one))
            .filter(|((_, of), _)| *of == verdict)
            .map(|((fact, _), one)| (fact, one))
            .collect();
        if about.is_empty() {
            continue;
        }
        let place = first_place + indicators.len();
        indicators.push(indicator(name, verdict, &about));
        charges.extend(of_facts(about, verdict, place));
    }
    (indicators, charges)
}

fn counts(alert: &Alert) -> bool {
    alert.acknowledged.is_none() && alert.muted != Some(Muted::Silenced)
}

fn is_critical(one: &FiringAlert) -> bool {
    one.alert.severity == Severity::Critical
}

fn indicator(name: &str, verdict: Verdict, about: &[(Fact, &FiringAlert)]) -> Indicator {
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let count = about.len() as f64;
    // Any alert is a warning; those that are critical are beyond the second limit as well.
    let critical = if about.iter().any(|(_, one)| is_critical(one)) { 0.0 } else { count };
    let worst = about.iter().find(|(_, one)| is_critical(one)).or(about.first());
    Indicator::judge(name.to_owned(), Aspect::Alerts, Some(count), Limits::new(0.0, critical))
        .in_verdict(verdict)
        .with_series(worst.map(|(_, one)| one.alert.series.clone()))
}

/// A charge for each fact that there are alerts about.
fn of_facts(about: Vec<(Fact, &FiringAlert)>, verdict: Verdict, place: usize) -> Vec<Charge> {
    let mut by_fact: BTreeMap<Fact, Vec<&FiringAlert>> = BTreeMap::new();
    for (fact, one) in about {
        by_fact.entry(fact).or_default().push(one);
    }
    let charge = |(fact, alerts): (Fact, Vec<&FiringAlert>)| {
        let any_critical = alerts.iter().any(|one| is_critical(one));
        let (points, fails) = points::of_alerts(alerts.len(), any_critical, verdict);
        let weight = |one: &FiringAlert| if is_critical(one) { 3.0 } else { 1.0 };
        let covered = alerts.iter().map(|one| one.span.as_secs_f64()).fold(0.0, f64::max);
        let blame = alerts.iter().map(|one| (one.alert.series.clone(), weight(one))).collect();
        Charge { fact, indicator: place, points, fails, blame, covered }
    };
    by_fact.into_iter().map(charge).collect()
}

/// The aspect that an alert is about, and the verdict that it is part of. A metric of the application's own is taken at its rule's
/// word: it is part of how callers are served.
fn subject(one: &FiringAlert, added: &[Resource]) -> (Fact, Verdict) {
    let rule = || Fact::Rule(one.alert.rule.clone());
    match &one.metric {
        Metric::Kind(kind) => {
            let fact = aspect_of(one.statistic).map_or_else(rule, |aspect| Fact::Calls(*kind, aspect));
            (fact, Verdict::Serving)
        }
        Metric::Gauge(name) if name == BURN_RATE => (of_objective(&one.alert).unwrap_or_else(rule), Verdict::Serving),
        Metric::Gauge(name) => match resource::fact_of(name, added) {
            Some(fact) => (fact, Verdict::Resources),
            None if is_of_the_host(name) => (rule(), Verdict::Resources),
            None => (rule(), Verdict::Serving),
        },
    }
}

fn is_of_the_host(gauge: &str) -> bool {
    names::ALL.iter().any(|known| known.name == gauge && known.provider == OF_RESOURCES)
}

/// The aspect of calls that a statistic tells of.
fn aspect_of(statistic: Statistic) -> Option<Aspect> {
    match statistic {
        Statistic::ErrorRate | Statistic::SuccessRate => Some(Aspect::Errors),
        Statistic::CancelledRate => Some(Aspect::Cancelled),
        Statistic::OldestInFlight => Some(Aspect::Stuck),
        Statistic::Value | Statistic::Calls | Statistic::Rate | Statistic::InFlight | Statistic::Anomaly => None,
        _ => Some(Aspect::Latency),
    }
}

/// The promise that a burn rate is of.
fn of_objective(alert: &Alert) -> Option<Fact> {
    let kind = alert.labels.get("kind")?;
    let kind = Kind::ALL.into_iter().find(|known| known.as_str() == kind)?;
    let is_latency = alert.labels.get("objective").is_some_and(|promise| promise == Promise::Latency.as_str());
    Some(Fact::Calls(kind, if is_latency { Aspect::Latency } else { Aspect::Errors }))
}
