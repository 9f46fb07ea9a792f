//! Rules on trial: what they would have said.

use super::{Alerts, Monitor};
use crate::config;
use crate::error::ConfigError;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::observation::Tally;
use crate::judge::rule::signal::Metric;
use crate::judge::rule::statistic::Statistic;
use crate::measure::clock;
use crate::observe::query::lookback;
use crate::observe::query::summary::SeriesSummary;
use serde::Deserializer;
use std::time::{Duration, SystemTime};

/// The figure that a rule judges, for one series, every five seconds of the last hour: for
/// [`Rule::dry_run`](crate::rule::Rule::dry_run).
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct PastFigures {
    /// The moment that times are counted from.
    pub since: SystemTime,
    /// Times, and what was known then; `None` where nothing was.
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
        let is_kept = matches!(term.metric, Metric::Kind(_))
            && !matches!(term.statistic, Statistic::InFlight | Statistic::OldestInFlight)
            && rule.signal.over.is_none();
        if !is_kept {
            let field = format!("rules.{}.statistic", rule.id);
            return Err(ConfigError::new(field, term.statistic.as_str(), "one of calls that ended, alone"));
        }
        let past = lookback::past(&self.inner.registry, id, term.window.duration(), clock::now());
        let (length, summaries) = past.ok_or_else(|| ConfigError::new("series", id, "the id of a series"))?;
        if !summaries.iter().all(|(_, summary)| term.metric == Metric::Kind(summary.kind)) {
            return Err(ConfigError::new("series", id, format!("a series of {}", term.metric)));
        }
        let figure = |(at, summary): (Duration, SeriesSummary)| {
            let known = Some(&summary).filter(|summary| summary.count >= rule.signal.min_samples);
            (at, known.and_then(|summary| Tally::value_of(summary, term.statistic)))
        };
        let now = self.inner.time_of_day();
        Ok(PastFigures {
            since: now.checked_sub(length).unwrap_or(now),
            values: summaries.into_iter().map(figure).collect(),
        })
    }
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
