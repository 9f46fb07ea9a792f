//! The alerts of a monitor.

use super::{Inner, Monitor, judging};
use crate::judge::alerts::alert::{
    AcknowledgeError, Acknowledgement, Alert, AlertEvent, AlertEvents, AlertFilter, Silence,
};
use crate::judge::alerts::delivery::{Deliveries, Delivery};
use crate::judge::alerts::engine::AlertStatistics;
use crate::judge::alerts::log::{self, AlertLog};
use crate::judge::alerts::record::{self, RuleRecord};
use crate::judge::alerts::rule_state::RuleStatus;
use crate::judge::alerts::subscription::AlertSubscription;
use crate::judge::rule::check::known_labels;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::set::RuleSet;
use crate::log_level::tell;
use crate::measure::clock;
use crate::measure::model::kind::Kind;
use crate::observe::metrics::known as names;
use crate::observe::query::range::TimeRange;
use crate::text;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::SystemTime;

mod trace;

impl Monitor {
    /// The alerts: what is wrong now and what was.
    pub fn alerts(&self) -> Alerts {
        Alerts { inner: Arc::clone(&self.inner) }
    }

    /// The rules that are judged now, merged of presets, code, parts, file and environment: as they are in
    /// [`config`](Self::config), and how each stands is in [`Alerts::rules`].
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let monitor = Monitor::builder().build()?;
    /// let mut rules = monitor.rules();
    /// rules.change("http-latency", |rule| rule.critical(2.0))?;
    /// monitor.replace_rules(&rules);
    /// assert_eq!(monitor.rules(), rules);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn rules(&self) -> RuleSet {
        self.inner.alerts().rule_set()
    }

    /// Judges by other rules from now on. A rule with the same id that looks at the same figure by the same condition keeps its
    /// alerts with their ids, times and acknowledgements, and nobody is told of a new description, runbook or label; where its
    /// thresholds or times changed, the next tick judges by them. The alerts of other rules end.
    pub fn replace_rules(&self, rules: &RuleSet) {
        let tick = self.inner.moment_of(clock::now());
        let events = self.inner.alerts().replace_rules(rules, tick);
        self.inner.loaded().settings.rules = rules.clone();
        tell!(INFO, rules = rules.len(), "the rules were replaced");
        events.iter().for_each(judging::log);
    }
}

/// The alerts of a [`Monitor`].
///
/// Once a second each [`Rule`](crate::rule::Rule) is held against what was observed. Where it holds for a series, there is an
/// alert: pending at first, then firing, and at last resolved, with the states of Prometheus.
#[derive(Clone, Debug)]
pub struct Alerts {
    inner: Arc<Inner>,
}

impl Alerts {
    /// The alerts that fire now, the oldest first.
    pub fn active(&self) -> Vec<Alert> {
        self.inner.alerts().active()
    }

    /// The alerts whose condition holds, but not yet for long enough to fire, the oldest first.
    pub fn pending(&self) -> Vec<Alert> {
        self.inner.alerts().pending()
    }

    /// The last 100 alerts that ended, the oldest first.
    pub fn past(&self) -> Vec<Alert> {
        self.inner.alerts().past()
    }

    /// The last transitions, the oldest first: as many as
    /// [`alert_history`](crate::MonitorBuilder::alert_history) says.
    pub fn history(&self) -> Vec<AlertEvent> {
        self.inner.alerts().history()
    }

    /// The events after the one with this number; with 0 all that are kept, as many as
    /// [`alert_history`](crate::MonitorBuilder::alert_history) says. Says how many are missing in between. Together with
    /// [`subscribe`](Self::subscribe), which wakes up at once but may lose events, nothing is lost:
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let alerts = Monitor::builder().build()?.alerts();
    /// let mut known = 0;
    /// let found = alerts.events_since(known);
    /// assert_eq!((found.events.len(), found.missed), (0, 0));
    /// known = found.last_seq;
    /// # let _ = known;
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn events_since(&self, seq: u64) -> AlertEvents {
        self.inner.alerts().events_since(seq)
    }

    /// The events of a range of time, the oldest first: those that memory holds, as many as
    /// [`alert_history`](crate::MonitorBuilder::alert_history) says, and earlier ones from the [`AlertLog`] where a part
    /// [provides](Monitor::provide) one.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window};
    /// let monitor = Monitor::builder().build()?;
    /// assert!(monitor.alerts().events_in(Window::LastHour).is_empty());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn events_in(&self, range: impl Into<TimeRange>) -> Vec<AlertEvent> {
        let log = self.inner.providers.ask::<dyn AlertLog>();
        log::events_in(log.as_deref(), self.history(), &range.into())
    }

    /// Notes an attempt to tell people of alerts: what the part that tells them calls after each. Kept beside the events, as many as
    /// [`alert_history`](crate::MonitorBuilder::alert_history) says. Its number and service are the monitor's to give.
    ///
    /// ```
    /// use perf_runtime::alert::{Delivery, DeliveryOutcome};
    /// use perf_runtime::{Monitor, Window};
    ///
    /// let monitor = Monitor::builder().build()?;
    /// let alerts = monitor.alerts();
    /// alerts.note_delivery(Delivery::new("team", "4f2a", DeliveryOutcome::Delivered, monitor.time_of_day()));
    /// assert_eq!(alerts.deliveries_since(0).deliveries[0].channel, "team");
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn note_delivery(&self, delivery: Delivery) {
        self.inner.alerts().note_delivery(delivery);
    }

    /// The deliveries after the one with this number, as [`events_since`](Self::events_since) gives events.
    pub fn deliveries_since(&self, seq: u64) -> Deliveries {
        self.inner.alerts().deliveries_since(seq)
    }

    /// The deliveries of a range of time, the oldest first: those that memory holds, and earlier ones from the [`AlertLog`] where a
    /// part [provides](Monitor::provide) one.
    pub fn deliveries_in(&self, range: impl Into<TimeRange>) -> Vec<Delivery> {
        let log = self.inner.providers.ask::<dyn AlertLog>();
        log::deliveries_in(log.as_deref(), self.deliveries_since(0).deliveries, &range.into())
    }

    /// How each rule's alerts went over a range of time, from the same events as [`events_in`](Self::events_in): how often they fired,
    /// for how long, and how soon somebody took notice. Those that fired longest first; rules that did not fire are not among them.
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window};
    /// let monitor = Monitor::builder().build()?;
    /// assert!(monitor.alerts().record_of(Window::LastHour).is_empty());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn record_of(&self, range: impl Into<TimeRange>) -> Vec<RuleRecord> {
        let (range, now) = (range.into(), self.inner.time_of_day());
        // Those that end after the range are known by their end.
        let events = TimeRange::between(range.start(), now.max(range.end())).map(|all| self.events_in(all));
        record::records(&range, &events.unwrap_or_default(), &self.active(), now)
    }

    /// Every rule, and how it stands.
    pub fn rules(&self) -> Vec<RuleStatus> {
        self.inner.alerts().rules()
    }

    /// Figures of the alerting itself.
    pub fn statistics(&self) -> AlertStatistics {
        self.inner.alerts().statistics(self.inner.time_of_day())
    }

    /// Each event from now on. `capacity` is how many wait for a reader who is slow, at least one; beyond that the oldest
    /// are lost, and counted.
    pub fn subscribe(&self, capacity: usize) -> AlertSubscription {
        self.inner.alerts().subscribe(capacity)
    }

    /// Marks an active alert: `by` took notice of it, until a moment or, with `None`, until it ends or gets worse.
    ///
    /// # Errors
    /// No active alert has this id, `by` is empty, or `until` is past. Nothing is marked then.
    pub fn acknowledge(
        &self,
        id: u64,
        by: &str,
        comment: &str,
        until: impl Into<Option<SystemTime>>,
    ) -> Result<Alert, AcknowledgeError> {
        let event = self.inner.alerts().acknowledge(
            id,
            by,
            comment,
            until.into().map(text::to_millis),
            self.inner.time_of_day(),
        )?;
        judging::log(&event);
        Ok(event.alert)
    }

    /// Marks at one moment all alerts that fire and that nobody has acknowledged yet: those of one rule, or with `None` of all rules, that
    /// have these labels. Gives those that it marked, the oldest first: none where none fits. Those that begin to fire later are told as
    /// ever.
    ///
    /// ```
    /// # use perf_runtime::Monitor;
    /// let monitor = Monitor::builder().build()?;
    /// let marked = monitor.alerts().acknowledge_where(Some("http-latency"), &[], "ada", "known", None)?;
    /// assert!(marked.is_empty(), "nothing fires");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Neither a rule nor a label is named, there is no such rule, no alert can have such a label, `by` is empty, or `until` is
    /// past. Nothing is marked then.
    pub fn acknowledge_where(
        &self,
        rule: Option<&str>,
        labels: &[(&str, &str)],
        by: &str,
        comment: &str,
        until: impl Into<Option<SystemTime>>,
    ) -> Result<Vec<Alert>, AcknowledgeError> {
        let labels = owned(labels);
        let filter = AlertFilter { rule, labels: &labels };
        self.check_filter(&filter)?;
        let until = until.into().map(text::to_millis);
        let mark = Acknowledgement { by: by.to_owned(), comment: comment.to_owned(), until };
        let events = self.inner.alerts().acknowledge_where(&filter, &mark, self.inner.time_of_day())?;
        events.iter().for_each(judging::log);
        Ok(events.into_iter().map(|event| event.alert).collect())
    }

    /// Has nobody told of some alerts until a moment: those of one rule, or with `None` of all rules, that have these labels.
    /// They fire and are kept in the history all the same.
    ///
    /// # Errors
    /// Neither a rule nor a label is named, there is no such rule, no alert can have such a label, `by` is empty, or `until` is
    /// past. Nothing is silenced then.
    pub fn silence(
        &self,
        rule: Option<&str>,
        labels: &[(&str, &str)],
        by: &str,
        comment: &str,
        until: SystemTime,
    ) -> Result<Silence, AcknowledgeError> {
        let labels = owned(labels);
        self.check_filter(&AlertFilter { rule, labels: &labels })?;
        let (by, comment) = (by.to_owned(), comment.to_owned());
        let until = text::to_millis(until);
        let silence = Silence { id: 0, rule: rule.map(str::to_owned), labels, by, comment, until };
        self.inner.alerts().silence(silence, self.inner.time_of_day())
    }

    /// Refuses a filter that every alert fits, or none.
    fn check_filter(&self, filter: &AlertFilter<'_>) -> Result<(), AcknowledgeError> {
        if filter.rule.is_none() && filter.labels.is_empty() {
            return Err(AcknowledgeError::NoFilter);
        }
        // A label that is known only when a call has ended is empty until then.
        let is_late = |label: &str| Kind::ALL.into_iter().any(|kind| kind.is_late(label));
        let is_nothing = |(label, value): &(&String, &String)| value.is_empty() && !is_late(label);
        if let Some((label, _)) = filter.labels.iter().find(is_nothing) {
            return Err(AcknowledgeError::NoSuchLabel { label: label.clone(), labels: Vec::new() });
        }
        let rules = self.inner.alerts().rules();
        let meant =
            || rules.iter().map(|status| &status.rule).filter(|rule| filter.rule.is_none_or(|id| rule.id == id));
        let mut known = BTreeSet::new();
        for rule in meant() {
            // Labels of a metric that was not seen yet may be any.
            let Some(labels) = self.labels_of(rule) else { return Ok(()) };
            known.extend(labels);
        }
        match filter.labels.keys().find(|label| !known.contains(*label)) {
            Some(label) if meant().next().is_some() => {
                Err(AcknowledgeError::NoSuchLabel { label: label.clone(), labels: known.into_iter().collect() })
            }
            _ => Ok(()),
        }
    }

    /// The labels that a rule's alerts may have; `None` where nobody knows.
    fn labels_of(&self, rule: &Rule) -> Option<BTreeSet<String>> {
        let of_series: BTreeSet<String> = match (&rule.signal.by, &rule.signal.term.metric) {
            (Some(by), _) => by.iter().cloned().collect(),
            (None, Metric::Kind(kind)) => known_labels(*kind).into_iter().map(str::to_owned).collect(),
            // Its labels are those of the series that the objective is about.
            (None, Metric::Gauge(name)) if name == names::PERF_OBJECTIVE_BURN_RATE => return None,
            (None, Metric::Gauge(name)) => {
                if let Some(known) = names::ALL.iter().find(|known| known.name == name) {
                    known.labels.iter().map(|label| (*label).to_owned()).collect()
                } else {
                    let seen = self.inner.registry.custom().named(name);
                    if seen.is_empty() {
                        return None;
                    }
                    let series = seen.iter().flat_map(|metric| &metric.series);
                    series.flat_map(|series| series.labels.pairs()).map(|(name, _)| name.to_owned()).collect()
                }
            }
        };
        Some(of_series.into_iter().chain(rule.labels.keys().cloned()).collect())
    }

    /// Ends a silence, and says whether there was one with this id.
    pub fn unsilence(&self, id: u64) -> bool {
        self.inner.alerts().unsilence(id)
    }

    /// The silences that are in force.
    pub fn silences(&self) -> Vec<Silence> {
        self.inner.alerts().silences(self.inner.time_of_day())
    }
}

fn owned(labels: &[(&str, &str)]) -> BTreeMap<String, String> {
    labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::alerts::alert::Transition;
    use crate::measure::clock::manual::ManualClock;
    use std::time::{Duration, UNIX_EPOCH};

    const SECOND: Duration = Duration::from_secs(1);

    /// A time of day long past, in whole seconds.
    fn at(second: u64) -> SystemTime {
        UNIX_EPOCH + Duration::from_secs(1_000_000_000 + second)
    }

    /// A monitor at second 0, whose one rule fires since second 1.
    fn firing(clock: &ManualClock) -> (Monitor, Alert) {
        clock.set_time_of_day(at(0));
        let deep = Rule::builder("deep").metric("depth").warning(10.0).build().unwrap();
        let monitor = Monitor::builder().rules([deep].into_iter().collect()).build().unwrap();
        monitor.record_custom_metric("depth", 20.0, "");
        clock.advance(SECOND);
        monitor.tick();
        let [alert] = monitor.alerts().active().try_into().unwrap();
        (monitor, alert)
    }

    #[test]
    fn marks_and_records_go_by_the_time_of_day_that_a_test_sets() {
        let clock = ManualClock::hold();
        let (monitor, alert) = firing(&clock);
        let alerts = monitor.alerts();
        assert_eq!((alert.since, alert.fired_at), (at(1), Some(at(1))));
        let silence = |until| alerts.silence(Some("deep"), &[], "ada", "", until).map(|silence| silence.until);
        assert_eq!(silence(at(1)), Err(AcknowledgeError::InThePast));
        assert_eq!(alerts.acknowledge(alert.id, "ada", "", at(1)), Err(AcknowledgeError::InThePast));
        assert_eq!(silence(at(61)), Ok(at(61)));
        assert!(alerts.acknowledge(alert.id, "ada", "", at(61)).is_ok());
        let marks = || {
            monitor.tick();
            let is_acknowledged = alerts.active()[0].acknowledged.is_some();
            (is_acknowledged, alerts.silences().len(), alerts.statistics().silences)
        };
        clock.advance(59 * SECOND);
        assert_eq!(marks(), (true, 1, 1));
        clock.advance(SECOND);
        assert_eq!(marks(), (false, 0, 0));
        let events: Vec<_> = alerts.history().iter().map(|event| (event.transition, event.at)).collect();
        assert_eq!(events, [(Transition::Fired, at(1)), (Transition::Acknowledged, at(1))]);
        let [record] = alerts.record_of(TimeRange::last(30 * SECOND)).try_into().unwrap();
        assert_eq!((record.fired, record.firing_seconds, record.unfinished), (0, 30.0, 0));
        let [record] = alerts.record_of(TimeRange::last(300 * SECOND)).try_into().unwrap();
        assert_eq!((record.fired, record.firing_seconds, record.acknowledged), (1, 60.0, 1));
        monitor.reset();
        assert_eq!(monitor.resets(), [at(61)]);
    }

    #[test]
    fn marks_end_when_the_time_of_day_is_set_beyond_them() {
        let clock = ManualClock::hold();
        let (monitor, alert) = firing(&clock);
        monitor.alerts().silence(Some("deep"), &[], "ada", "", at(600)).unwrap();
        monitor.alerts().acknowledge(alert.id, "ada", "", at(600)).unwrap();
        clock.set_time_of_day(at(601));
        clock.advance(SECOND);
        monitor.tick();
        assert_eq!(monitor.alerts().silences(), []);
        assert_eq!(monitor.alerts().active()[0].acknowledged, None);
        assert_eq!(monitor.time_of_day(), at(602));
    }
}
