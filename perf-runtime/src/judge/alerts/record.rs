//! The record of rules over a range of time: how often each fired, for how long, and how soon somebody took notice.

use super::alert::{Alert, AlertEvent, Transition};
use crate::observe::query::range::TimeRange;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How one rule's alerts went over a range of time: [`Alerts::record_of`](crate::alert::Alerts::record_of). Durations in seconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RuleRecord {
    /// The rule's id.
    pub rule: String,
    /// Alerts that began to fire in the range.
    pub fired: u64,
    /// The time in the range in which each alert fired, summed: two that fire at once count twice.
    pub firing_seconds: f64,
    /// The longest time of one alert in the range.
    pub longest_seconds: f64,
    /// Alerts that began to fire in the range and were acknowledged, by now.
    pub acknowledged: u64,
    /// The mean time from the firing of those to the first acknowledgement; `None` where there are none.
    pub mean_seconds_to_acknowledge: Option<f64>,
    /// Alerts whose end nobody saw, because the process ended and its state was lost: their time is not in the sums.
    pub unfinished: u64,
}

/// One alert while it fired.
struct Fire {
    rule: String,
    from: SystemTime,
    until: Option<SystemTime>,
    acknowledged: Option<SystemTime>,
}

/// The records of all rules that fired in a range, those that fired longest first: from the events since its start, and the alerts
/// that fire now.
pub(crate) fn records(range: &TimeRange, events: &[AlertEvent], active: &[Alert], now: SystemTime) -> Vec<RuleRecord> {
    let mut records: BTreeMap<String, RuleRecord> = BTreeMap::new();
    let mut sums_to_acknowledge: BTreeMap<String, f64> = BTreeMap::new();
    for fire in fires(events, active, now).into_values() {
        let began_within = (range.start()..range.end()).contains(&fire.from);
        let until = fire.until.map(|until| until.min(range.end()));
        let within = until.map(|until| until.duration_since(fire.from.max(range.start())).unwrap_or_default());
        if !began_within && within.is_none_or(|within| within.is_zero()) {
            continue;
        }
        let record = records.entry(fire.rule.clone()).or_default();
        let seconds = within.unwrap_or(Duration::ZERO).as_secs_f64();
        record.firing_seconds += seconds;
        record.longest_seconds = record.longest_seconds.max(seconds);
        record.fired += u64::from(began_within);
        record.unfinished += u64::from(within.is_none());
        if let Some(at) = fire.acknowledged.filter(|_| began_within) {
            record.acknowledged += 1;
            *sums_to_acknowledge.entry(fire.rule).or_default() +=
                at.duration_since(fire.from).unwrap_or_default().as_secs_f64();
        }
    }
    let mut records: Vec<RuleRecord> = records
        .into_iter()
        .map(|(rule, record)| {
            let sum = sums_to_acknowledge.get(&rule);
            let mean_seconds_to_acknowledge = sum.map(|sum| sum / record.acknowledged as f64);
            RuleRecord { rule, mean_seconds_to_acknowledge, ..record }
        })
        .collect();
    records.sort_by(|one, other| other.firing_seconds.total_cmp(&one.firing_seconds));
    records
}

/// Every time that an alert fired, by its number and when it began: numbers begin anew where no state was restored.
fn fires(events: &[AlertEvent], active: &[Alert], now: SystemTime) -> BTreeMap<(SystemTime, u64), Fire> {
    let mut fires: BTreeMap<(SystemTime, u64), Fire> = BTreeMap::new();
    let mut add = |alert: &Alert, until: Option<SystemTime>, acknowledged: Option<SystemTime>| {
        let Some(from) = alert.fired_at else { return };
        let new = || Fire { rule: alert.rule.clone(), from, until: None, acknowledged: None };
        let fire = fires.entry((from, alert.id)).or_insert_with(new);
        fire.until = fire.until.or(until);
        fire.acknowledged = fire.acknowledged.or(acknowledged);
    };
    for event in events {
        let acknowledged = (event.transition == Transition::Acknowledged).then_some(event.at);
        add(&event.alert, event.alert.resolved_at, acknowledged);
    }
    for alert in active {
        add(alert, Some(now), None);
    }
    fires
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rule::definition::Rule;
    use crate::measure::clock::manual::ManualClock;
    use crate::monitor::Monitor;
    use std::time::UNIX_EPOCH;

    /// Events and alerts of a monitor: one alert from second 100 to 150, acknowledged at 130, and two from 160 on.
    fn told() -> (Vec<AlertEvent>, Vec<Alert>) {
        let clock = ManualClock::hold();
        clock.set_time_of_day(moment(0));
        let rule = |id: &str, metric: &str| Rule::builder(id).metric(metric).warning(10.0).build().unwrap();
        let rules = [rule("deep", "depth"), rule("hot", "heat"), rule("calm", "never")].into_iter().collect();
        let monitor = Monitor::builder().rules(rules).build().unwrap();
        let live = |seconds: u64, depth: f64, heat: f64| {
            clock.advance(Duration::from_secs(seconds));
            monitor.record_custom_metric("depth", depth, "");
            monitor.record_custom_metric("heat", heat, "");
            monitor.tick();
        };
        live(100, 20.0, 0.0);
        clock.advance(Duration::from_secs(30));
        let [first] = monitor.alerts().active().try_into().unwrap();
        monitor.alerts().acknowledge(first.id, "ada", "", None).unwrap();
        live(20, 0.0, 0.0);
        live(10, 20.0, 20.0);
        (monitor.alerts().history(), monitor.alerts().active())
    }

    fn moment(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second)
    }

    fn range(from: u64, to: u64) -> TimeRange {
        TimeRange::between(moment(from), moment(to)).unwrap()
    }

    #[test]
    fn each_rule_is_told_how_often_and_how_long_it_fired_within_a_range() {
        let (events, active) = told();
        let of = |from, to| records(&range(from, to), &events, &active, moment(190));
        let deep = RuleRecord {
            rule: "deep".to_owned(),
            fired: 2,
            firing_seconds: 80.0,
            longest_seconds: 50.0,
            acknowledged: 1,
            mean_seconds_to_acknowledge: Some(30.0),
            unfinished: 0,
        };
        let hot = RuleRecord {
            rule: "hot".to_owned(),
            fired: 1,
            firing_seconds: 30.0,
            longest_seconds: 30.0,
            ..RuleRecord::default()
        };
        assert_eq!(of(90, 200), [deep.clone(), hot]);
        // Of a part of it, no more than the part: it began before, and is not counted again.
        let part = RuleRecord {
            fired: 0,
            firing_seconds: 10.0,
            longest_seconds: 10.0,
            acknowledged: 0,
            mean_seconds_to_acknowledge: None,
            ..deep
        };
        assert_eq!(of(120, 130), [part]);
        assert_eq!(of(0, 100), []);
    }

    #[test]
    fn an_alert_whose_end_nobody_saw_has_no_time() {
        let (events, _) = told();
        let [deep, hot] = records(&range(155, 400), &events, &[], moment(500)).try_into().unwrap();
        assert_eq!((deep.fired, deep.unfinished, deep.firing_seconds), (1, 1, 0.0));
        assert_eq!((hot.fired, hot.unfinished), (1, 1));
    }
}
