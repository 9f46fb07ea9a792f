//! Rules on trial: what they would have said.

use super::{Alerts, Monitor};
use crate::config;
use crate::error::ConfigError;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::observation::Tally;
use crate::judge::rule::statistic::Statistic;
use crate::measure::clock;
use crate::observe::query::lookback::{self, Looks};
use crate::observe::query::past::Past;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use crate::observe::query::summary::SeriesSummary;
use crate::observe::series::registry::Registry;
use crate::observe::series::series_id::SeriesId;
use serde::Deserializer;
use std::time::{Duration, SystemTime};

/// The figure that a rule judges, for one series, over a time: for [`Rule::dry_run`](crate::rule::Rule::dry_run).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PastFigures {
    /// The moment that times are counted from.
    pub since: SystemTime,
    /// The length of the steps: five seconds, or as long as those that are still kept.
    pub step: Duration,
    /// Times, and what was known then; `None` where nothing was. Times in which nobody observed are left out.
    pub values: Vec<(Duration, Option<f64>)>,
}

impl Alerts {
    /// The rule with this id as it is judged now, or a new one, with other settings: the keys of a rule in a file (see
    /// [`MonitorBuilder::config_file`](crate::MonitorBuilder)). Nothing is judged by it; it is to be tried.
    ///
    /// # Errors
    /// A setting that is not known or not allowed.
    pub fn rule_with<'de, D: Deserializer<'de>>(&self, id: &str, settings: D) -> Result<Rule, ConfigError> {
        let rules = self.rules().into_iter().map(|status| status.rule).collect();
        config::rule_with(rules, id, settings)
    }
}

impl Monitor {
    /// The figure that `rule` judges, for the series of this [`id`](crate::series::SeriesEntry::id), every five seconds of
    /// the last hour. A slice of a minute counts as if all of it happened at its end.
    ///
    /// ```
    /// # use perf_runtime::rule::{Rule, Statistic};
    /// # use perf_runtime::{Kind, Monitor};
    /// # use std::time::Duration;
    /// let monitor = Monitor::builder().build()?;
    /// monitor.record_response_time("search", Duration::from_millis(30));
    /// let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::P95).warning(0.5).build()?;
    /// let past = monitor.past_figures(&rule, "operation{operation=search}")?;
    /// assert!(rule.dry_run(past.values).is_empty());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    ///
    /// # Errors
    /// There is no such series, or nobody keeps what the figure was: that of a gauge, of calls in flight, of a ratio.
    pub fn past_figures(&self, rule: &Rule, id: &str) -> Result<PastFigures, ConfigError> {
        let term = &rule.signal.term;
        if !is_of_calls(rule) {
            return Err(not_kept(rule, "one of calls that ended, alone"));
        }
        let past = lookback::past(&self.inner.registry, id, term.window.duration(), clock::now());
        let (length, summaries) = past.ok_or_else(|| ConfigError::new("series", id, "the id of a series"))?;
        if !summaries.iter().all(|(_, summary)| term.metric == Metric::Kind(summary.kind)) {
            return Err(ConfigError::new("series", id, format!("a series of {}", term.metric)));
        }
        let now = self.inner.time_of_day();
        Ok(PastFigures {
            since: now.checked_sub(length).unwrap_or(now),
            step: lookback::STEP,
            values: summaries.into_iter().map(|(at, summary)| (at, figure(rule, &summary))).collect(),
        })
    }

    /// The figure that `rule` judges over any range of time, for the series of this [`id`](crate::series::SeriesEntry::id) or, of a
    /// rule on a gauge, for the one series that `id` selects ([`Selector`](crate::series::Selector)): from memory what memory holds,
    /// from a history the rest.
    ///
    /// Steps are as short as those that are still kept at the start of the range, and at most 50,000; `step` says which. A slice
    /// counts as if all of it happened at its end, and a gauge as the mean of its step: where steps are long, what was short is not
    /// seen. Reads the range stretch by stretch; 30 days by the minute take some tenths of a second.
    ///
    /// # Errors
    /// There is no such series, or nobody keeps what the figure was: that of calls in flight, of a ratio, of a counter.
    pub fn past_figures_in(
        &self,
        rule: &Rule,
        id: &str,
        range: impl Into<TimeRange>,
    ) -> Result<PastFigures, ConfigError> {
        let (term, range) = (&rule.signal.term, range.into());
        let past = self.ask::<dyn Past>();
        let registry: &Registry = &self.inner.registry;
        let sources = (registry, past.as_deref());
        let looks = match &term.metric {
            Metric::Kind(kind) if is_of_calls(rule) => {
                let id = id.parse().ok().filter(|id: &SeriesId| id.kind == *kind);
                id.and_then(|id| {
                    let window = term.window.duration();
                    lookback::calls(sources, &id, window, &range, |summary| figure(rule, summary))
                })
            }
            Metric::Gauge(name) if term.statistic == Statistic::Value && rule.signal.over.is_none() => {
                let selector = id.parse().ok().filter(|selector: &Selector| selector.is_of_metric(name));
                selector.and_then(|selector| lookback::gauge(sources, &selector, &range))
            }
            _ => return Err(not_kept(rule, "one of calls that ended, or the value of a gauge, alone")),
        };
        let allowed = || format!("one series of {}", term.metric);
        let Looks { since, step, values } = looks.ok_or_else(|| ConfigError::new("series", id, allowed()))?;
        Ok(PastFigures { since, step, values })
    }
}

/// Whether a rule judges calls that ended, by a figure that is kept.
fn is_of_calls(rule: &Rule) -> bool {
    matches!(rule.signal.term.metric, Metric::Kind(_))
        && !matches!(rule.signal.term.statistic, Statistic::InFlight | Statistic::OldestInFlight)
        && !rule.signal.term.statistic.is_estimated()
        && rule.signal.over.is_none()
}

fn not_kept(rule: &Rule, allowed: &str) -> ConfigError {
    ConfigError::new(format!("rules.{}.statistic", rule.id), rule.signal.term.statistic.as_str(), allowed)
}

/// The figure that a rule judges; `None` where there are too few calls, or nothing to tell it from.
fn figure(rule: &Rule, summary: &SeriesSummary) -> Option<f64> {
    let known = Some(summary).filter(|summary| summary.count >= rule.signal.min_samples);
    known.and_then(|summary| Tally::value_of(summary, rule.signal.term.statistic))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::manual::ManualClock;
    use crate::measure::model::kind::Kind;
    use crate::observe::history::window::Window;
    use std::collections::BTreeMap;

    #[test]
    fn a_rule_is_tried_on_what_was() {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        for second in 0..300_u64 {
            let millis = if (200..260).contains(&second) { 900 } else { 10 };
            monitor.record_response_time("search", Duration::from_millis(millis));
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::Max).window(Window::LastMinute);
        let rule = rule.warning(0.5).build().unwrap();
        let past = monitor.past_figures(&rule, "operation{operation=search}").unwrap();
        assert_eq!(past.values.len(), 60);
        let [fired] = rule.dry_run(past.values).try_into().unwrap();
        assert!((200..=206).contains(&fired.from.as_secs()), "{fired:?}");
        assert_eq!(fired.until, None, "a minute of it is still in the window");
        let few = rule.to_builder().min_samples(1_000).build().unwrap();
        assert!(
            monitor.past_figures(&few, "operation{operation=search}").unwrap().values.iter().all(|one| one.1.is_none())
        );
    }

    #[test]
    fn a_range_is_tried_in_the_steps_that_are_kept_of_it() {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        for second in 0..1_200_u64 {
            let millis = if (600..900).contains(&second) { 900 } else { 10 };
            monitor.record_response_time("search", Duration::from_millis(millis));
            monitor.record_custom_metric("depth", if second < 600 { 1.0 } else { 9.0 }, "");
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::Max).window(Window::LastMinute);
        let rule = rule.warning(0.5).build().unwrap();
        let minutes = |rule: &Rule, id: &str, minutes: u64| {
            monitor.past_figures_in(rule, id, TimeRange::last(Duration::from_secs(minutes * 60))).unwrap()
        };
        let past = minutes(&rule, "operation{operation=search}", 20);
        assert_eq!(past.step, Duration::from_secs(60), "memory has minutes of it");
        let [fired] = rule.dry_run(past.values).try_into().unwrap();
        let [from, until] = [fired.from, fired.until.unwrap()].map(|at| at.as_secs());
        assert!((600..=720).contains(&from) && (270..=420).contains(&(until - from)), "{fired:?}");
        // Of what memory has by five seconds, so.
        let short = minutes(&rule, "operation{operation=search}", 4);
        // The range cuts a step at each end, unless it begins with one.
        assert!(short.step == Duration::from_secs(5) && (48..=49).contains(&short.values.len()), "{short:?}");
        let deep = Rule::builder("deep").metric("depth").warning(5.0).build().unwrap();
        let fired = deep.dry_run(minutes(&deep, "depth", 19).values);
        assert!(fired.len() == 1 && (540..=660).contains(&fired[0].from.as_secs()), "{fired:?}");
        let range = TimeRange::last(Duration::from_secs(60));
        let refused = monitor.past_figures_in(&deep, "length", range).unwrap_err();
        assert_eq!((refused.field.as_str(), refused.allowed.as_str()), ("series", "one series of depth"));
    }

    #[test]
    fn what_nobody_kept_is_refused() {
        let monitor = Monitor::builder().build().unwrap();
        monitor.record_response_time("search", Duration::ZERO);
        let of =
            |statistic| Rule::builder("one").metric(Kind::Operation).statistic(statistic).warning(0.5).build().unwrap();
        let field = |rule: &Rule, id: &str| monitor.past_figures(rule, id).unwrap_err().field;
        assert_eq!(field(&of(Statistic::OldestInFlight), "operation{operation=search}"), "rules.one.statistic");
        assert_eq!(field(&of(Statistic::P95), "operation{operation=other}"), "series");
    }

    #[test]
    fn other_settings_are_laid_over_a_rule() {
        let alerts = Monitor::builder().build().unwrap().alerts();
        let settings = |pairs: &'static [(&'static str, &'static str)]| {
            serde::de::value::MapDeserializer::<_, serde::de::value::Error>::new(pairs.iter().copied())
        };
        let changed = alerts.rule_with("http-latency", settings(&[("warning", "250ms")])).unwrap();
        assert_eq!(changed.threshold(crate::alert::Severity::Warning), Some(0.25.into()));
        let error = alerts.rule_with("http-latency", settings(&[("warn", "250ms")])).unwrap_err();
        assert!(error.to_string().contains("warn"), "{error}");
        assert!(alerts.rule_with("http-latencies", settings(&[])).is_err());
        let unchanged: BTreeMap<String, Rule> =
            alerts.rules().into_iter().map(|one| (one.rule.id().to_owned(), one.rule)).collect();
        assert_ne!(unchanged["http-latency"], changed);
    }
}
