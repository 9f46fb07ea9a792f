//! All rules of a monitor, their alerts, and what happened to them.

use super::alert::{
    AcknowledgeError, Acknowledgement, Alert, AlertEvent, AlertEvents, AlertFilter, Silence, Transition, check_mark,
};
use super::alert_instance::TickContext;
use super::delivery::{Deliveries, Delivery, DeliveryLog};
use super::event_log::EventLog;
use super::rule_state::{FiringAlert, RuleState, RuleStatus};
use super::saved::{SavedAlerts, SavedInstance};
use super::state::AlertState;
use super::subscription::{AlertSubscription, Publisher};
use crate::judge::rule::definition::Rule;
use crate::judge::rule::estimate::EstimateQuestion;
use crate::judge::rule::in_force::LimitsInForce;
use crate::judge::rule::observation::{Observation, Tick};
use crate::judge::rule::set::RuleSet;
use crate::judge::rule::severity::Severity;
use crate::measure::model::kind::Kind;
use crate::measure::model::service::Service;
use crate::observe::history::window::Window;
use crate::observe::pace::Pace;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// How many transitions are kept, unless said otherwise.
pub(crate) const DEFAULT_HISTORY: usize = 1_000;
/// The ticks after which a part that estimates would be there.
const PARTS_COME: u32 = 10;
/// How many alerts that have ended are kept, whatever happened since.
const PAST_ALERTS: usize = 100;

/// Figures of the alerting itself, since the monitor was made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AlertStatistics {
    /// Rules that are judged.
    pub rules: usize,
    /// Alerts that are pending now.
    pub pending: usize,
    /// Warnings that fire now.
    pub firing_warning: usize,
    /// Critical alerts that fire now.
    pub firing_critical: usize,
    /// Silences that are in force.
    pub silences: usize,
    /// How often an alert began to fire.
    pub fired: u64,
    /// How often one ended.
    pub resolved: u64,
    /// How often one was acknowledged.
    pub acknowledged: u64,
    /// Events that were kept in the history and not told.
    pub muted: u64,
}

/// All rules and alerts of a monitor.
#[derive(Debug)]
pub(crate) struct AlertEngine {
    rule_states: Vec<RuleState>,
    silences: Vec<Silence>,
    log: EventLog,
    deliveries: DeliveryLog,
    past: VecDeque<Alert>,
    publisher: Publisher,
    /// The service in each event.
    service: Option<Arc<Service>>,
    /// The last ids that were given: to an alert, and to a silence.
    last_id: u64,
    last_silence: u64,
    /// The number of the last event.
    last_seq: u64,
    /// When the rules were first evaluated, and last.
    begun: Option<Duration>,
    evaluated_at: Option<Duration>,
    pace: Pace,
    /// Ticks without the estimates that rules look at.
    unestimated: u32,
    counted: AlertStatistics,
}

impl AlertEngine {
    pub(crate) fn new(rules: &RuleSet, max_history: usize) -> Self {
        Self {
            rule_states: rules.iter().cloned().map(RuleState::new).collect(),
            silences: Vec::new(),
            log: EventLog::new(max_history),
            deliveries: DeliveryLog::new(max_history),
            past: VecDeque::new(),
            publisher: Publisher::default(),
            service: None,
            last_id: 0,
            last_silence: 0,
            last_seq: 0,
            begun: None,
            evaluated_at: None,
            pace: Pace::default(),
            unestimated: 0,
            counted: AlertStatistics::default(),
        }
    }

    /// The same, with events that say which service they are about.
    pub(crate) fn of_service(self, service: Option<Arc<Service>>) -> Self {
        Self { service, ..self }
    }

    /// The kinds and windows that the rules look at.
    pub(crate) fn windows(&self) -> BTreeSet<(Window, Kind)> {
        self.rule_states.iter().flat_map(RuleState::windows).map(|(kind, window)| (window, kind)).collect()
    }

    /// The gauges that the rules look at.
    pub(crate) fn gauges(&self) -> BTreeSet<String> {
        let enabled = self.rule_states.iter().filter(|rule_state| rule_state.rule.enabled);
        enabled.flat_map(|rule_state| rule_state.rule.signal.gauges()).map(str::to_owned).collect()
    }

    /// The estimates that the rules look at.
    pub(crate) fn estimates(&self) -> BTreeSet<EstimateQuestion> {
        let enabled = self.rule_states.iter().filter(|rule_state| rule_state.rule.enabled);
        enabled.flat_map(|rule_state| rule_state.rule.signal.estimates()).collect()
    }

    /// Notes a tick for which nobody made the estimates; whether it is time to say so, once.
    pub(crate) fn misses_estimates(&mut self) -> bool {
        self.unestimated = self.unestimated.saturating_add(1);
        self.unestimated == PARTS_COME
    }

    /// Judges the observation of a tick, and gives the changes.
    pub(crate) fn evaluate(&mut self, observation: &Observation<'_>, tick: Tick) -> Vec<AlertEvent> {
        self.silences.retain(|silence| silence.until > tick.wall);
        self.begun.get_or_insert(tick.elapsed);
        let before = self.evaluated_at.replace(tick.elapsed);
        let since = before.map(|before| tick.elapsed.saturating_sub(before));
        if let Some(gap) = since.filter(|since| self.pace.is_gap(*since)) {
            self.rule_states.iter_mut().for_each(|rule_state| rule_state.pass_over(gap, tick.elapsed));
        }
        self.with_surroundings(tick, |rule_states, context| {
            for rule_state in rule_states {
                rule_state.evaluate(observation, context);
            }
        })
    }

    /// Replaces the rules. A rule that judges the same in both keeps the state of its alerts; the alerts of the others end.
    pub(crate) fn replace_rules(&mut self, rules: &RuleSet, tick: Tick) -> Vec<AlertEvent> {
        self.with_surroundings(tick, |rule_states, context| {
            let mut before = std::mem::take(rule_states);
            for rule in rules.iter() {
                let same = before.iter().position(|rule_state| rule_state.rule.is_same(rule));
                rule_states.push(match same.map(|place| before.swap_remove(place)) {
                    Some(mut rule_state) => {
                        if rule_state.rule != *rule {
                            rule_state.renew(rule.clone());
                        }
                        rule_state
                    }
                    None => RuleState::new(rule.clone()),
                });
            }
            for rule_state in &mut before {
                rule_state.end(context);
            }
        })
    }

    /// Adds the rules whose ids are not there yet.
    pub(crate) fn add_missing_rules(&mut self, rules: &RuleSet) {
        for rule in rules.iter() {
            if self.rule_states.iter().all(|rule_state| rule_state.rule.id != rule.id) {
                self.rule_states.push(RuleState::new(rule.clone()));
            }
        }
    }

    fn with_surroundings(
        &mut self,
        tick: Tick,
        work: impl FnOnce(&mut Vec<RuleState>, &mut TickContext<'_>),
    ) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        let uptime = self.begun.map_or(Duration::ZERO, |begun| tick.elapsed.saturating_sub(begun));
        let Self { rule_states, silences, last_id, .. } = self;
        work(rule_states, &mut TickContext { tick, uptime, silences, last_id, events: &mut events, note: None });
        self.remember(&mut events);
        events
    }

    /// The part that a restart needs.
    pub(crate) fn saved(&self, tick: &Tick) -> SavedAlerts {
        SavedAlerts {
            last_id: self.last_id,
            last_silence: self.last_silence,
            last_seq: self.last_seq,
            silences: self.silences(tick.wall),
            instances: self.rule_states.iter().flat_map(|rule_state| rule_state.saved(tick)).collect(),
        }
    }

    /// Goes on where another process stopped. Alerts that still fire are not told again; those whose rule is gone end, and
    /// that is told. To be done before the first evaluation.
    pub(crate) fn restore(&mut self, saved: SavedAlerts, tick: &Tick) -> Vec<AlertEvent> {
        self.last_id = self.last_id.max(saved.last_id);
        self.last_silence = self.last_silence.max(saved.last_silence);
        self.last_seq = self.last_seq.max(saved.last_seq);
        self.silences.extend(saved.silences.into_iter().filter(|silence| silence.until > tick.wall));
        let mut events = Vec::new();
        for instance in saved.instances {
            let judged = |rule_state: &&mut RuleState| rule_state.rule.enabled && rule_state.rule.id == instance.rule;
            match self.rule_states.iter_mut().find(judged) {
                Some(rule_state) => rule_state.restore(&instance, tick),
                None => events.extend(ended_with_its_rule(instance, &self.silences, tick)),
            }
        }
        self.remember(&mut events);
        events
    }

    /// The events after the one with this number, as far as they are kept.
    pub(crate) fn events_since(&self, seq: u64) -> AlertEvents {
        let events = self.log.since(seq);
        let missed = self.last_seq.saturating_sub(seq).saturating_sub(events.len() as u64);
        AlertEvents { events, missed, last_seq: self.last_seq }
    }

    /// Keeps the note that somebody was told, or was not.
    pub(crate) fn note_delivery(&mut self, delivery: Delivery) {
        self.deliveries.push(Delivery { service: self.service.clone(), ..delivery });
    }

    /// The deliveries after the one with this number, as far as they are kept.
    pub(crate) fn deliveries_since(&self, seq: u64) -> Deliveries {
        self.deliveries.since(seq)
    }

    /// Marks an active alert as known to somebody.
    pub(crate) fn acknowledge(
        &mut self,
        id: u64,
        by: &str,
        comment: &str,
        until: Option<SystemTime>,
        at: SystemTime,
    ) -> Result<AlertEvent, AcknowledgeError> {
        let mark = Acknowledgement { by: by.to_owned(), comment: comment.to_owned(), until };
        self.mark(|alert| alert.id == id, &mark, at)?.pop().ok_or_else(|| {
            let active: BTreeSet<u64> =
                self.rule_states.iter().flat_map(RuleState::active).map(|alert| alert.id).collect();
            AcknowledgeError::NotActive { id, active: active.into_iter().collect() }
        })
    }

    /// Marks the alerts that fire, fit, and that nobody has acknowledged yet, the oldest first.
    pub(crate) fn acknowledge_where(
        &mut self,
        filter: &AlertFilter<'_>,
        mark: &Acknowledgement,
        at: SystemTime,
    ) -> Result<Vec<AlertEvent>, AcknowledgeError> {
        filter.rule.map_or(Ok(()), |rule| self.check_rule(rule))?;
        let is_open = |alert: &Alert| alert.state == AlertState::Firing && alert.acknowledged.is_none();
        self.mark(|alert| is_open(alert) && filter.covers(alert), mark, at)
    }

    fn mark(
        &mut self,
        is_meant: impl Fn(&Alert) -> bool,
        mark: &Acknowledgement,
        at: SystemTime,
    ) -> Result<Vec<AlertEvent>, AcknowledgeError> {
        check_mark(&mark.by, mark.until, at)?;
        let is_meant = &is_meant;
        let alerts = self.rule_states.iter_mut().flat_map(|rule_state| rule_state.acknowledge(is_meant, mark));
        let transition = Transition::Acknowledged;
        let event = |alert| AlertEvent { seq: 0, service: None, at, transition, notify: true, alert };
        let mut events: Vec<AlertEvent> = alerts.map(event).collect();
        events.sort_by_key(|event| event.alert.id);
        self.remember(&mut events);
        Ok(events)
    }

    fn check_rule(&self, wanted: &str) -> Result<(), AcknowledgeError> {
        let rules = || self.rule_states.iter().map(|rule_state| rule_state.rule.id.clone());
        if rules().any(|rule| rule == wanted) {
            return Ok(());
        }
        Err(AcknowledgeError::NoSuchRule { rule: wanted.to_owned(), rules: rules().collect() })
    }

    /// Silences alerts from now on. Its id is given here.
    pub(crate) fn silence(&mut self, mut silence: Silence, now: SystemTime) -> Result<Silence, AcknowledgeError> {
        check_mark(&silence.by, Some(silence.until), now)?;
        silence.rule.as_deref().map_or(Ok(()), |rule| self.check_rule(rule))?;
        self.last_silence += 1;
        silence.id = self.last_silence;
        self.silences.push(silence.clone());
        Ok(silence)
    }

    /// Ends a silence, and says whether there was one.
    pub(crate) fn unsilence(&mut self, id: u64) -> bool {
        let before = self.silences.len();
        self.silences.retain(|silence| silence.id != id);
        self.silences.len() < before
    }

    pub(crate) fn silences(&self, now: SystemTime) -> Vec<Silence> {
        self.silences.iter().filter(|silence| silence.until > now).cloned().collect()
    }

    /// The alerts that fire, the oldest first.
    pub(crate) fn active(&self) -> Vec<Alert> {
        self.in_state(AlertState::Firing)
    }

    /// The alerts that fire, the oldest first, each with the figure that it is about; without their messages.
    pub(crate) fn firing(&self) -> Vec<FiringAlert> {
        let mut firing: Vec<FiringAlert> = self.rule_states.iter().flat_map(RuleState::firing_alerts).collect();
        firing.sort_by_key(|one| one.alert.id);
        firing
    }

    /// The limits that the rules set.
    pub(crate) fn limits(&self) -> LimitsInForce {
        LimitsInForce::of(self.rule_states.iter().map(|rule_state| &rule_state.rule))
    }

    /// The rules, whether they are judged or switched off.
    pub(crate) fn rule_set(&self) -> RuleSet {
        self.rule_states.iter().map(|rule_state| rule_state.rule.clone()).collect()
    }

    /// The rule of this id.
    pub(crate) fn rule(&self, id: &str) -> Option<Rule> {
        self.rule_states.iter().map(|rule_state| &rule_state.rule).find(|rule| rule.id == id).cloned()
    }

    /// The alerts that are pending, the oldest first.
    pub(crate) fn pending(&self) -> Vec<Alert> {
        self.in_state(AlertState::Pending)
    }

    fn in_state(&self, state: AlertState) -> Vec<Alert> {
        let mut alerts: Vec<Alert> =
            self.rule_states.iter().flat_map(|rule_state| rule_state.in_state(state)).collect();
        alerts.sort_by_key(|alert| alert.id);
        alerts
    }

    pub(crate) fn past(&self) -> Vec<Alert> {
        self.past.iter().cloned().collect()
    }

    pub(crate) fn history(&self) -> Vec<AlertEvent> {
        self.log.since(0)
    }

    pub(crate) fn rules(&self) -> Vec<RuleStatus> {
        self.rule_states.iter().map(RuleState::status).collect()
    }

    pub(crate) fn subscribe(&mut self, capacity: usize) -> AlertSubscription {
        self.publisher.subscribe(capacity)
    }

    pub(crate) fn statistics(&self, now: SystemTime) -> AlertStatistics {
        let firing = |severity| self.rule_states.iter().map(|rule_state| rule_state.firing(severity)).sum();
        AlertStatistics {
            rules: self.rule_states.iter().filter(|rule_state| rule_state.rule.enabled).count(),
            pending: self.rule_states.iter().map(|rule_state| rule_state.status().pending).sum(),
            firing_warning: firing(Severity::Warning),
            firing_critical: firing(Severity::Critical),
            silences: self.silences(now).len(),
            ..self.counted
        }
    }

    /// Numbers events, keeps them, and tells those who subscribed.
    fn remember(&mut self, events: &mut [AlertEvent]) {
        for event in &mut *events {
            self.last_seq += 1;
            event.seq = self.last_seq;
            event.service.clone_from(&self.service);
            match event.transition {
                Transition::Fired => self.counted.fired += 1,
                Transition::Acknowledged => self.counted.acknowledged += 1,
                Transition::Resolved => {
                    self.counted.resolved += 1;
                    self.past.push_back(event.alert.clone());
                    if self.past.len() > PAST_ALERTS {
                        self.past.pop_front();
                    }
                }
                _ => {}
            }
            self.counted.muted += u64::from(!event.notify && event.alert.muted.is_some());
            self.publisher.publish(event);
            self.log.push(event.clone());
        }
    }
}

/// The event that an alert ends because its rule is not judged any more; none where it did not fire.
fn ended_with_its_rule(saved: SavedInstance, silences: &[Silence], tick: &Tick) -> Option<AlertEvent> {
    let was_firing = saved.warning_fires || saved.critical_fires || saved.missing_fires;
    let alert = saved.alert.filter(|_| was_firing)?;
    let message = format!("{}: the rule is not judged any more", alert.name);
    let alert = Alert {
        state: AlertState::Resolved,
        resolved_at: Some(tick.wall),
        acknowledged: None,
        muted: None,
        message,
        ..alert
    };
    let notify = saved.told.told.is_some() && !silences.iter().any(|silence| silence.covers(&alert));
    Some(AlertEvent { seq: 0, service: None, at: tick.wall, transition: Transition::Resolved, notify, alert })
}

#[cfg(test)]
mod tests;
