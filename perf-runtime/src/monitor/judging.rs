//! Judgement at each tick: gathers the observation, and logs the events.

use super::Inner;
use super::overhead::Part;
use crate::judge::alerts::alert::{AlertEvent, Transition};
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::rule::estimate::{EstimateQuestion, Estimates, Estimator};
use crate::judge::rule::observation::{GaugeSample, Gauges, Observation, Tick};
use crate::judge::rule::severity::Severity;
use crate::log_level::tell;
use crate::measure::clock::{Moment, wall};
use crate::observe::metrics::reading::{MetricSeries, MetricValue};
use crate::text;
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The time on the judging clock when a monitor is made: so that what is restored from before has its place on it. Longer
/// than anything that is looked back at, which is the 30 days of an error budget.
const HEADROOM: Duration = Duration::from_secs(60 * 24 * 3_600);

impl Inner {
    /// Observes, and judges what was seen.
    pub(super) fn observe_and_judge(&self, now: Moment) {
        let tick = self.moment_of(now);
        let (wanted, looked_at, questions) = {
            let rules = self.alerts();
            (rules.windows(), rules.gauges(), rules.estimates())
        };
        // Each window is summed up once, whatever number of rules looks at it.
        let windows = self.spent.time(Part::Observing, || self.registry.tick(now, &wanted));
        let events = self.spent.time(Part::Judging, || {
            self.keep_objectives(now);
            let gauges = self.gauges(tick, looked_at.iter().map(String::as_str));
            let estimates = self.estimates(questions);
            self.alerts().evaluate(&Observation::new(&windows, &gauges).with_estimates(&estimates), tick)
        });
        // Logged once the engine is unlocked: a subscriber of `tracing` may ask it.
        events.iter().for_each(log);
    }

    /// The gauges that are judged beside calls: of objectives, and the metrics of these names.
    pub(super) fn gauges<'a>(&self, tick: Tick, names: impl Iterator<Item = &'a str>) -> Gauges {
        let mut gauges = Gauges::new();
        self.objectives().add_to(&mut gauges, tick.elapsed);
        for metric in names.flat_map(|name| self.registry.custom().named(name)) {
            let samples = metric.series.into_iter().filter_map(sample);
            gauges.entry(metric.name).or_default().extend(samples);
        }
        gauges
    }

    /// The answers to these questions, where a part gives them. One that panics knows nothing.
    fn estimates(&self, questions: BTreeSet<EstimateQuestion>) -> Estimates {
        if questions.is_empty() {
            return Estimates::new();
        }
        let Some(estimator) = self.providers.ask::<dyn Estimator>() else {
            if self.alerts().misses_estimates() {
                let statistics: BTreeSet<&str> = questions.iter().map(|question| question.statistic.as_str()).collect();
                let statistics = statistics.into_iter().collect::<Vec<_>>().join(", ");
                tell!(target: TARGET, WARN, statistics, "rules judge what no part estimates, so they never fire: is insight enabled?");
            }
            return Estimates::new();
        };
        let answer = |question: EstimateQuestion| {
            let known = catch_unwind(AssertUnwindSafe(|| estimator.estimates(&question))).unwrap_or_default();
            (question, known)
        };
        questions.into_iter().map(answer).collect()
    }

    /// The time of day by the clock that the monitor goes by, in whole milliseconds.
    #[cfg_attr(
        not(any(test, feature = "test-util")),
        expect(clippy::unused_self, reason = "tests have clocks of their own")
    )]
    pub(super) fn time_of_day(&self) -> SystemTime {
        #[cfg(any(test, feature = "test-util"))]
        let _isolated = self.registry.enter_isolation();
        text::to_millis(wall::now())
    }

    pub(super) fn moment_of(&self, now: Moment) -> Tick {
        Tick { elapsed: HEADROOM + now.since(self.started), wall: self.time_of_day() }
    }

    pub(super) fn alerts(&self) -> MutexGuard<'_, AlertEngine> {
        self.alerts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The value of a series now. A histogram has no single one.
fn sample(series: MetricSeries) -> Option<GaugeSample> {
    let value = match series.value {
        #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
        MetricValue::Counter(count) => count as f64,
        MetricValue::Total(value) | MetricValue::Gauge(value) => value,
        MetricValue::Histogram(_) => return None,
    };
    Some(GaugeSample { labels: series.labels, value, note: series.note })
}

/// The target of events about alerts.
const TARGET: &str = "perf_runtime::alert";

/// Tells of an event through `tracing`: what nobody is to be told of, only at level `debug`.
pub(super) fn log(event: &AlertEvent) {
    let alert = &event.alert;
    let (rule, series, severity, message) = (&alert.rule, &alert.series, alert.severity, &alert.message);
    match (event.transition, severity) {
        (Transition::Acknowledged, _) => {
            let by = alert.acknowledged.as_ref().map_or("", |mark| &mark.by);
            tell!(target: TARGET, INFO, rule, series, by, "alert acknowledged");
        }
        (transition, _) if !event.notify => tell!(target: TARGET, DEBUG, rule, series, ?transition, "{message}"),
        (Transition::Resolved, _) => tell!(target: TARGET, INFO, rule, series, "resolved: {message}"),
        (Transition::Flapping, _) => {
            tell!(target: TARGET, WARN, rule, series, "alert comes and goes, told less often: {message}");
        }
        (Transition::Told, _) if alert.resolved_at.is_some() => {
            tell!(target: TARGET, INFO, rule, series, "resolved: {message}");
        }
        (_, Severity::Warning) => tell!(target: TARGET, WARN, rule, series, %severity, "{message}"),
        (_, Severity::Critical) => tell!(target: TARGET, ERROR, rule, series, %severity, "{message}"),
    }
}
