//! One rule on one series: the levels' states, and the alert that they make.

use super::alert::{Alert, AlertEvent, Silence, Transition};
use super::message;
use super::mute::Mute;
use super::saved::SavedInstance;
use super::state::{AlertState, Patience, StateMachine};
use crate::judge::rule::definition::{Level, NoData, Rule};
use crate::judge::rule::observation::{Labels, Seen, Tick};
use crate::judge::rule::severity::Severity;
use crate::judge::rule::statistic::Statistic;
use std::sync::Arc;
use std::time::Duration;

/// How long a resolved alert is remembered, as in Prometheus.
const RESOLVED_KEPT: Duration = Duration::from_secs(15 * 60);

/// The tick, and the state of the engine that an instance reads and writes.
pub(crate) struct TickContext<'a> {
    pub(crate) tick: Tick,
    /// Since the rules were first evaluated.
    pub(crate) uptime: Duration,
    pub(crate) silences: &'a [Silence],
    pub(crate) last_id: &'a mut u64,
    pub(crate) events: &'a mut Vec<AlertEvent>,
    /// Words beside the value that the next step is about.
    pub(crate) note: Option<Arc<str>>,
}

/// One rule on one series.
#[derive(Debug)]
pub(crate) struct Instance {
    warning: StateMachine,
    critical: StateMachine,
    /// Of the policy that no data is an alert.
    missing: StateMachine,
    /// When there last was a value.
    valued_at: Duration,
    /// The tick that it was last looked at.
    pub(crate) looked_at: Duration,
    resolved_at: Option<Duration>,
    /// Of one that fires since before a restart: until when no data says only that the windows are young.
    young_until: Option<Duration>,
    /// The alert, while it is active, and for a while after. Without its message, as [`message::shown`] says.
    alert: Option<Alert>,
    mute: Mute,
}

impl Instance {
    pub(crate) fn new(now: Duration) -> Self {
        Self {
            warning: StateMachine::default(),
            critical: StateMachine::default(),
            missing: StateMachine::default(),
            valued_at: now,
            looked_at: now,
            resolved_at: None,
            young_until: None,
            alert: None,
            mute: Mute::default(),
        }
    }

    /// The instance as it was before a restart. The time until its rule's windows are full counts from `tick`.
    pub(super) fn restored(saved: &SavedInstance, rule: &Rule, tick: &Tick) -> Self {
        let level = |fires: bool| if fires { StateMachine::firing() } else { StateMachine::default() };
        Self {
            warning: level(saved.warning_fires),
            critical: level(saved.critical_fires),
            missing: level(saved.missing_fires),
            young_until: Some(tick.elapsed.saturating_add(rule.looks_back())),
            alert: saved.alert.as_ref().map(|alert| message::renewed(alert, rule, &saved.labels)),
            mute: Mute::restored(&saved.told, tick),
            ..Self::new(tick.elapsed)
        }
    }

    /// The part that a restart needs; `None` where nothing fires and nothing is left to be told.
    pub(super) fn saved(&self, rule: &Rule, labels: &Labels, tick: &Tick) -> Option<SavedInstance> {
        let (state, _) = self.stands();
        let is_firing = state == AlertState::Firing;
        if !is_firing && self.mute.is_settled(tick.elapsed, rule.cooldown) {
            return None;
        }
        let as_if_not_pending = |alert: &Alert| match alert.state {
            AlertState::Pending => Alert { state: AlertState::Inactive, ..alert.clone() },
            _ => alert.clone(),
        };
        Some(SavedInstance {
            rule: rule.id.clone(),
            labels: labels.to_vec(),
            warning_fires: self.warning.is_firing(),
            critical_fires: self.critical.is_firing(),
            missing_fires: self.missing.is_firing(),
            alert: self.alert.as_ref().map(as_if_not_pending),
            told: self.mute.saved(tick),
        })
    }

    /// The alert, where it is pending or firing; without its message.
    pub(crate) fn active(&self) -> Option<&Alert> {
        self.alert.as_ref().filter(|alert| is_active(alert.state))
    }

    pub(crate) fn active_mut(&mut self) -> Option<&mut Alert> {
        self.alert.as_mut().filter(|alert| is_active(alert.state))
    }

    /// Whether nothing is left to remember of it.
    pub(crate) fn is_over(&self, rule: &Rule, now: Duration) -> bool {
        let forgotten = match self.stands().0 {
            AlertState::Pending | AlertState::Firing => false,
            AlertState::Inactive => true,
            AlertState::Resolved => self.resolved_at.is_none_or(|at| now.saturating_sub(at) > RESOLVED_KEPT),
        };
        // To notice that a series is gone, a rule must remember that it was there.
        let remembered = matches!(rule.no_data, NoData::Alert(_)) && !self.is_gone(rule, now);
        forgotten && !remembered && self.mute.is_settled(now, rule.cooldown)
    }

    /// Goes on under a rule that judges the same in other words, or by other limits.
    pub(super) fn renew(&mut self, rule: &Rule, labels: &Labels) {
        if let Some(alert) = &mut self.alert {
            *alert = message::renewed(alert, rule, labels);
        }
    }

    /// Whether there was no value for so long that there will be none.
    fn is_gone(&self, rule: &Rule, now: Duration) -> bool {
        now.saturating_sub(self.valued_at) >= rule.forget_after
    }

    /// Passes over a time in which nobody looked.
    pub(super) fn pass_over(&mut self, gap: Duration, now: Duration) {
        for level in [&mut self.warning, &mut self.critical, &mut self.missing] {
            level.begin_anew(now);
        }
        self.valued_at = self.valued_at.saturating_add(gap).min(now);
    }

    /// Takes in what a tick showed.
    pub(crate) fn step(
        &mut self,
        rule: &Rule,
        labels: &Labels,
        seen: Seen,
        patience: Patience,
        context: &mut TickContext<'_>,
    ) {
        let now = context.tick.elapsed;
        let before = self.stands();
        self.looked_at = now;
        if let Seen::Value { .. } = seen {
            self.valued_at = now;
        }
        for severity in [Severity::Warning, Severity::Critical] {
            let holds = self.holds(rule, severity, seen, now);
            self.machine(severity).step(holds, now, patience);
        }
        // Under another policy it is no alert any more that data is missing, though it was one before a restart.
        let (is_missing, after) = match rule.no_data {
            NoData::Alert(after) => (seen == Seen::Nothing && !self.is_gone(rule, now), after),
            NoData::Ok | NoData::Keep(_) => (false, Duration::ZERO),
        };
        self.missing.step(is_missing, now, Patience { hold_for: after, keep_firing_for: Duration::ZERO });
        self.settle(rule, labels, seen, before, context);
    }

    /// Ends it, because its rule is no longer there.
    pub(crate) fn end(&mut self, rule: &Rule, labels: &Labels, context: &mut TickContext<'_>) {
        let before = self.stands();
        (self.warning, self.critical, self.missing) = Default::default();
        self.settle(rule, labels, Seen::Nothing, before, context);
    }

    fn machine(&mut self, severity: Severity) -> &mut StateMachine {
        match severity {
            Severity::Warning => &mut self.warning,
            Severity::Critical => &mut self.critical,
        }
    }

    fn holds(&mut self, rule: &Rule, severity: Severity, seen: Seen, now: Duration) -> bool {
        let valued_at = self.valued_at;
        let is_firing = self.machine(severity).is_firing();
        let is_young = is_firing && self.young_until.is_some_and(|until| now < until);
        match seen {
            // Figures that only grow with the window say nothing good of one that is young.
            Seen::Value { .. }
                if is_young && matches!(rule.signal.term.statistic, Statistic::Calls | Statistic::Max) =>
            {
                true
            }
            Seen::Value { value, lately } => {
                let holds = |value| rule.holds(severity, value, is_firing);
                holds(value) && lately.is_none_or(holds)
            }
            Seen::Absence => rule.levels.of(severity) == Level::Absence,
            Seen::Nothing if is_young => true,
            Seen::Nothing => match rule.no_data {
                NoData::Keep(span) => is_firing && now.saturating_sub(valued_at) < span,
                NoData::Ok | NoData::Alert(_) => false,
            },
        }
    }

    /// The state of the alert as a whole, and how bad it is. That data is missing counts only once it fires.
    fn stands(&self) -> (AlertState, Severity) {
        let missing = if self.missing.is_firing() { AlertState::Firing } else { AlertState::Inactive };
        let state = self.warning.state().max(self.critical.state()).max(missing);
        let severity = if self.critical.state() == state { Severity::Critical } else { Severity::Warning };
        (state, severity)
    }

    /// Makes of the change of state what follows from it: the alert, the transition, and whether to tell of it.
    fn settle(
        &mut self,
        rule: &Rule,
        labels: &Labels,
        seen: Seen,
        (before, severity_before): (AlertState, Severity),
        context: &mut TickContext<'_>,
    ) {
        let (state, severity) = self.stands();
        let tick = context.tick;
        if is_active(state) && !is_active(before) {
            *context.last_id += 1;
            self.alert = Some(message::opened(rule, labels, *context.last_id, tick.wall));
        }
        let Some(alert) = &mut self.alert else { return };
        if is_active(state) {
            message::update(alert, rule, severity, seen);
            if let Seen::Value { .. } = seen {
                alert.note = context.note.take();
            }
        }
        alert.state = state;
        let is_worse = severity > severity_before;
        alert.acknowledged.take_if(|mark| is_worse || mark.until.is_some_and(|until| until <= tick.wall));
        let firing = (state == AlertState::Firing).then_some(severity);
        let transition = match (before, state) {
            (AlertState::Firing, AlertState::Firing) if severity != severity_before => Some(Transition::Changed),
            (AlertState::Firing | AlertState::Pending, _) if before == state => None,
            (_, AlertState::Firing) => Some(Transition::Fired),
            (AlertState::Firing, _) => Some(Transition::Resolved),
            (_, AlertState::Pending) => Some(Transition::Pending),
            (AlertState::Pending, _) => Some(Transition::Cleared),
            _ => None,
        };
        match transition {
            Some(Transition::Fired) => alert.fired_at = Some(tick.wall),
            Some(Transition::Resolved) => {
                message::close(alert, seen);
                alert.resolved_at = Some(tick.wall);
                alert.acknowledged = None;
                self.resolved_at = Some(tick.elapsed);
                if state != AlertState::Resolved {
                    // Ended together with its rule, or pending again on another level.
                    alert.state = AlertState::Resolved;
                }
            }
            _ => {}
        }
        self.tell(rule, transition, firing, context);
    }

    fn tell(
        &mut self,
        rule: &Rule,
        transition: Option<Transition>,
        firing: Option<Severity>,
        context: &mut TickContext<'_>,
    ) {
        let Some(alert) = &mut self.alert else { return };
        let now = context.tick.elapsed;
        let begins_to_flap = transition == Some(Transition::Fired) && self.mute.fired(now);
        let is_silenced = context.silences.iter().any(|silence| silence.covers(alert));
        alert.muted = self.mute.muted(firing, now, rule.cooldown, is_silenced);
        let is_news = self.mute.is_news(firing);
        let notify = is_news && alert.muted.is_none();
        if notify {
            self.mute.tell(firing, now);
        }
        let at = context.tick.wall;
        let mut emit = |transition, notify| {
            context.events.push(AlertEvent {
                seq: 0,
                service: None,
                at,
                transition,
                notify,
                alert: message::shown(alert, rule),
            });
        };
        match transition {
            Some(transition) => emit(transition, notify),
            None if notify => emit(Transition::Told, true),
            None => {}
        }
        if begins_to_flap {
            emit(Transition::Flapping, !is_silenced);
        }
    }
}

fn is_active(state: AlertState) -> bool {
    matches!(state, AlertState::Pending | AlertState::Firing)
}
