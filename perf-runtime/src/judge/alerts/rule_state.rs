//! One rule at work: on every series that it looks at.

use super::alert::{Acknowledgement, Alert};
use super::alert_instance::{Instance, TickContext};
use super::message;
use super::saved::SavedInstance;
use super::state::{AlertState, Patience};
use crate::judge::rule::condition::Condition;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::observation::{Labels, Observation, Seen, Tick};
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::{Matcher, Signal};
use crate::judge::rule::statistic::Statistic;
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use rustc_hash::FxBuildHasher;
use serde::Serialize;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet, VecDeque};
use std::time::Duration;

/// How old a value may be and still be the one of then, as in Prometheus.
const LOOKBACK: Duration = Duration::from_secs(5 * 60);

/// Something of each series, found by its labels. A tick looks up each series for each rule, so the hash is a quick one: there are
/// no more series than the registry allows, whatever clients choose for labels.
type BySeries<T> = HashMap<Box<Labels>, T, FxBuildHasher>;

/// Where a rule stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RuleStatus {
    /// The rule.
    pub rule: Rule,
    /// The worst state among its series. `None` before its first evaluation: then it is not known.
    pub state: Option<AlertState>,
    /// Series for which it is pending.
    pub pending: usize,
    /// Series for which it fires.
    pub firing: usize,
}

/// An alert that fires, with the figure that it is about.
#[derive(Clone, Debug)]
pub(crate) struct FiringAlert {
    pub(crate) alert: Alert,
    pub(crate) metric: Metric,
    pub(crate) statistic: Statistic,
    /// How far back the figure looks; zero where it is about now.
    pub(crate) span: Duration,
}

/// A rule, and what it remembers of each series.
#[derive(Debug)]
pub(crate) struct RuleState {
    pub(crate) rule: Rule,
    /// The rule's figure over its recovery window.
    lately: Option<Signal>,
    is_evaluated: bool,
    /// Whether a value reached a level at the last tick.
    was_reached: bool,
    /// Only of series for which there is something to remember. Found by hash: a tree would look at the labels of a dozen
    /// other series on the way to each.
    instances: BySeries<Instance>,
    past: Past,
    /// The series that were well while the process was young, of a rule that lets them warm up.
    warm: HashSet<Box<Labels>, FxBuildHasher>,
}

impl RuleState {
    pub(crate) fn new(rule: Rule) -> Self {
        Self {
            lately: rule.lately(),
            rule,
            is_evaluated: false,
            was_reached: false,
            instances: BySeries::default(),
            past: Past::default(),
            warm: HashSet::default(),
        }
    }

    /// Goes on by another rule that judges the same ([`Rule::is_same`]): alerts keep their state, and where limits changed, the
    /// next tick judges by them.
    pub(crate) fn renew(&mut self, rule: Rule) {
        self.lately = rule.lately();
        for (labels, instance) in &mut self.instances {
            instance.renew(&rule, labels);
        }
        self.rule = rule;
    }

    /// Passes over a time in which nobody looked, which ended now: it says nothing, neither for an alert nor against it.
    pub(crate) fn pass_over(&mut self, gap: Duration, now: Duration) {
        self.instances.values_mut().for_each(|instance| instance.pass_over(gap, now));
    }

    pub(crate) fn status(&self) -> RuleStatus {
        let count = |state| self.active().filter(|alert| alert.state == state).count();
        let (pending, firing) = (count(AlertState::Pending), count(AlertState::Firing));
        let worst = match (firing, pending) {
            (0, 0) => AlertState::Inactive,
            (0, _) => AlertState::Pending,
            _ => AlertState::Firing,
        };
        RuleStatus { rule: self.rule.clone(), state: self.is_evaluated.then_some(worst), pending, firing }
    }

    /// The kinds and windows that it looks at, at the next tick.
    pub(crate) fn windows(&self) -> impl Iterator<Item = (Kind, Window)> {
        let signals = [Some(&self.rule.signal), self.lately.as_ref().filter(|_| self.looks_at_lately())];
        signals.into_iter().flatten().filter(|_| self.rule.enabled).flat_map(Signal::windows)
    }

    /// Whether it looks at its recovery window, if it has one. Mostly nothing is reached, and to sum up a window costs more
    /// than to judge it: so a rule that waits anyway begins to look at the tick after the first that reached a level.
    fn looks_at_lately(&self) -> bool {
        self.was_reached || !self.instances.is_empty() || self.rule.hold_for.is_zero()
    }

    /// Its alerts that are pending or firing, without their messages.
    pub(crate) fn active(&self) -> impl Iterator<Item = &Alert> {
        self.instances.values().filter_map(Instance::active)
    }

    /// Its alerts in a state, as they are shown.
    pub(crate) fn in_state(&self, state: AlertState) -> impl Iterator<Item = Alert> {
        let alerts = self.active().filter(move |alert| alert.state == state);
        alerts.map(|alert| message::shown(alert, &self.rule))
    }

    /// Its alerts that fire, without their messages, each with the figure that it is about.
    pub(crate) fn firing_alerts(&self) -> impl Iterator<Item = FiringAlert> {
        let term = &self.rule.signal.term;
        let span = if term.statistic.has_window() { term.window.duration() } else { Duration::ZERO };
        self.active().filter(|alert| alert.state == AlertState::Firing).map(move |alert| FiringAlert {
            alert: alert.clone(),
            metric: term.metric.clone(),
            statistic: term.statistic,
            span,
        })
    }

    /// Marks active alerts as known to somebody, and shows them.
    pub(crate) fn acknowledge(
        &mut self,
        is_meant: impl Fn(&Alert) -> bool,
        mark: &Acknowledgement,
    ) -> impl Iterator<Item = Alert> {
        let Self { rule, instances, .. } = self;
        let rule: &Rule = rule;
        let meant = instances.values_mut().filter_map(Instance::active_mut).filter(move |alert| is_meant(alert));
        meant.map(move |alert| {
            alert.acknowledged = Some(mark.clone());
            message::shown(alert, rule)
        })
    }

    /// Judges what is seen.
    pub(crate) fn evaluate(&mut self, observation: &Observation<'_>, context: &mut TickContext<'_>) {
        let looks_at_lately = self.looks_at_lately();
        let Self { rule, lately, instances, past, warm, is_evaluated, was_reached } = self;
        if !rule.enabled {
            return;
        }
        *is_evaluated = true;
        *was_reached = false;
        let must_look_first = lately.is_some() && !looks_at_lately;
        let now = context.tick.elapsed;
        let remembers = matches!(rule.no_data, crate::judge::rule::definition::NoData::Alert(_));
        let is_absence = rule.condition == Condition::Absent;
        let patience = Patience { hold_for: rule.hold_for, keep_firing_for: rule.keep_firing_for };
        let is_young = context.uptime < rule.warm_up;
        if !is_young {
            *warm = HashSet::default();
        }
        let mut any = false;
        let recent = Recent::new(lately.as_ref(), observation);
        let notes = rule.signal.notes(observation);
        rule.signal.each(observation, &mut |labels, value| {
            any = true;
            if is_absence {
                return;
            }
            let value = match rule.signal.change {
                Some(span) => past.change(labels, value, now, span),
                None => Some(value),
            };
            let Some(value) = value.filter(|value| !value.is_nan()) else { return };
            let seen = |value| Seen::Value { value, lately: recent.value(labels) };
            let is_reached = rule.is_reached_by(value);
            *was_reached |= is_reached;
            let is_warm = !is_young || warm.contains(labels) || {
                let is_well = !is_reached || recent.value(labels).is_some_and(|lately| !rule.is_reached_by(lately));
                is_well && warm.insert(labels.into())
            };
            let is_warming =
                !is_warm || (is_reached && !rule.warm_up.is_zero() && recent.has_all_calls(&rule.signal, labels));
            let patience = if is_warming { Patience { hold_for: Duration::MAX, ..patience } } else { patience };
            if let Some(instance) = instances.get_mut(labels) {
                let may_be_active = is_reached || instance.active().is_some();
                context.note = may_be_active.then(|| notes.get(labels)).flatten();
                instance.step(rule, labels, seen(value), patience, context);
            } else if remembers || (is_reached && !must_look_first) {
                let mut instance = Instance::new(now);
                context.note = is_reached.then(|| notes.get(labels)).flatten();
                instance.step(rule, labels, seen(value), patience, context);
                instances.insert(labels.into(), instance);
            }
        });
        if is_absence && !any {
            let labels = named_by(&rule.signal.term.matchers);
            let instance = instances.entry(labels.as_slice().into()).or_insert_with(|| Instance::new(now));
            instance.step(rule, &labels, Seen::Absence, patience, context);
        }
        if let Some(span) = rule.signal.change {
            past.forget(now, span);
        }
        for (labels, instance) in in_order(instances, |instance| instance.looked_at != now) {
            instance.step(rule, labels, Seen::Nothing, patience, context);
        }
        instances.retain(|_, instance| !instance.is_over(rule, now));
    }

    /// The part of its instances that a restart needs, in the order of their labels.
    pub(super) fn saved(&self, tick: &Tick) -> Vec<SavedInstance> {
        let saved = self.instances.iter().filter_map(|(labels, instance)| instance.saved(&self.rule, labels, tick));
        let mut saved: Vec<SavedInstance> = saved.collect();
        saved.sort_by(|one, other| one.labels.cmp(&other.labels));
        saved
    }

    /// Takes an instance of before a restart up again.
    pub(super) fn restore(&mut self, saved: &SavedInstance, tick: &Tick) {
        let instance = Instance::restored(saved, &self.rule, tick);
        self.instances.insert(saved.labels.as_slice().into(), instance);
    }

    /// Ends all its alerts, because the rule is no longer there.
    pub(crate) fn end(&mut self, context: &mut TickContext<'_>) {
        for (labels, instance) in in_order(&mut self.instances, |_| true) {
            instance.end(&self.rule, labels, context);
        }
    }

    /// How many of its series have an alert of this severity that fires.
    pub(crate) fn firing(&self, severity: Severity) -> usize {
        let fires = |alert: &&Alert| alert.state == AlertState::Firing && alert.severity == severity;
        self.active().filter(fires).count()
    }
}

/// Some instances in the order of their labels: so that what follows from them is told in the same order each time.
fn in_order(instances: &mut BySeries<Instance>, which: impl Fn(&Instance) -> bool) -> Vec<(&Labels, &mut Instance)> {
    let wanted = instances.iter_mut().filter(|(_, instance)| which(instance));
    let mut wanted: Vec<(&Labels, &mut Instance)> = wanted.map(|(labels, instance)| (&**labels, instance)).collect();
    wanted.sort_by_key(|&(labels, _)| labels);
    wanted
}

/// The values over the recovery window: looked at only when the first is needed, for mostly none is.
struct Recent<'a> {
    signal: Option<&'a Signal>,
    observation: &'a Observation<'a>,
    values: OnceCell<Values>,
    /// How many calls there were over the rule's window, and over this one.
    calls: OnceCell<[Values; 2]>,
}

type Values = BySeries<f64>;

impl<'a> Recent<'a> {
    fn new(signal: Option<&'a Signal>, observation: &'a Observation<'a>) -> Self {
        Self { signal, observation, values: OnceCell::new(), calls: OnceCell::new() }
    }

    fn value(&self, labels: &Labels) -> Option<f64> {
        let signal = self.signal?;
        let values = self.values.get_or_init(|| self.values_of(signal));
        values.get(labels).copied().filter(|value| !value.is_nan())
    }

    /// Whether there were no calls before, as far as `whole`, the rule's signal, looks back.
    fn has_all_calls(&self, whole: &Signal, labels: &Labels) -> bool {
        let Some(signal) = self.signal else { return false };
        let calls = self.calls.get_or_init(|| [whole, signal].map(|signal| self.values_of(&signal.calls())));
        let [whole, lately] = calls.each_ref().map(|values| values.get(labels));
        whole.zip(lately).is_some_and(|(whole, lately)| lately >= whole)
    }

    fn values_of(&self, signal: &Signal) -> Values {
        let mut values = Values::default();
        signal.each(self.observation, &mut |labels, value| {
            values.insert(labels.into(), value);
        });
        values
    }
}

/// The labels that an absence is about: those that the rule says the value of, as in Prometheus.
fn named_by(matchers: &[Matcher]) -> Vec<(String, String)> {
    let mut named: Vec<_> = matchers
        .iter()
        .filter(|matcher| !matcher.except)
        .filter_map(|matcher| match matcher.values.as_slice() {
            [value] => Some((matcher.label.clone(), value.clone())),
            _ => None,
        })
        .collect();
    named.sort();
    named.dedup();
    named
}

/// Earlier values, for rules on a change. 16 bytes for each second that is looked back and each series.
#[derive(Debug, Default)]
struct Past {
    values: BySeries<VecDeque<(Duration, Option<f64>)>>,
}

impl Past {
    /// Keeps a value and gives its change since `span` ago. `None` where there was no value then.
    fn change(&mut self, labels: &Labels, value: f64, now: Duration, span: Duration) -> Option<f64> {
        if !self.values.contains_key(labels) {
            self.values.insert(labels.into(), VecDeque::new());
        }
        let kept = self.values.get_mut(labels)?;
        kept.push_back((now, Some(value)));
        let then = now.checked_sub(span)?;
        // The newest value that is old enough; what is older is not needed again.
        while kept.get(1).is_some_and(|&(at, _)| at <= then) {
            kept.pop_front();
        }
        let &(at, before) = kept.front()?;
        before.filter(|_| at <= then && then.saturating_sub(at) < LOOKBACK).map(|before| value - before)
    }

    /// Marks the series that have no value now, and forgets those that had none for long.
    fn forget(&mut self, now: Duration, span: Duration) {
        self.values.retain(|_, kept| {
            let Some(&(last, value)) = kept.back() else { return false };
            if last != now && value.is_some() {
                kept.push_back((now, None));
            }
            value.is_some() || now.saturating_sub(last) <= span + LOOKBACK
        });
    }
}
