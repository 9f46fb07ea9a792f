//! When a rule would have fired, had it been there.

use super::alert::{AlertEvent, Transition};
use super::engine::AlertEngine;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::observation::{GaugeSample, Gauges, Observation, Tick};
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::{Signal, Term};
use crate::judge::rule::statistic::Statistic;
use crate::observe::history::window::Window;
use crate::observe::series::labels::Labels;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// A time in which a rule would have fired with one severity.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Firing {
    /// When it would have begun.
    pub from: Duration,
    /// When it would have ended. `None`: it would be firing still.
    pub until: Option<Duration>,
    /// How bad it would have been.
    pub severity: Severity,
}

const GAUGE: &str = "dry_run";

impl Rule {
    /// Says when the rule would have fired on recorded or made-up values: those of the figure that it judges, for one
    /// series, each with its time, in order. `None` is a time without a value. The rule is judged at these times and no
    /// others, so give them as often as the monitor would judge: once a second. A recovery window says nothing here, for
    /// the figure over it is not known.
    ///
    /// ```
    /// use perf_runtime::alert::Severity;
    /// use perf_runtime::rule::{Rule, Statistic};
    /// use perf_runtime::Kind;
    /// use std::time::Duration;
    ///
    /// let rule = Rule::builder("slow")
    ///     .metric(Kind::DbOperation)
    ///     .statistic(Statistic::P95)
    ///     .warning(0.5)
    ///     .hold_for(Duration::from_secs(10))
    ///     .build()?;
    /// // A minute that is good, then half a minute that is not, then one that is.
    /// let made = (0..150).map(|second| (Duration::from_secs(second), Some(if (60..90).contains(&second) { 0.9 } else { 0.1 })));
    /// let fired = rule.dry_run(made);
    /// assert_eq!(fired.len(), 1);
    /// assert_eq!((fired[0].from, fired[0].until), (Duration::from_secs(70), Some(Duration::from_secs(90))));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn dry_run(&self, values: impl IntoIterator<Item = (Duration, Option<f64>)>) -> Vec<Firing> {
        let mut engine = AlertEngine::new(&[self.on_one_gauge()].into_iter().collect(), 0);
        let mut firings: Vec<Firing> = Vec::new();
        let windows = BTreeMap::new();
        for (at, value) in values {
            let sample = value.map(|value| GaugeSample::new(Labels::default(), value));
            let gauges = Gauges::from([(GAUGE.to_owned(), sample.into_iter().collect())]);
            // The time on the wall is of no account here.
            let tick = Tick { elapsed: at, wall: SystemTime::UNIX_EPOCH };
            for event in engine.evaluate(&Observation::new(&windows, &gauges), tick) {
                note(&mut firings, &event, at);
            }
        }
        firings
    }

    /// The same rule, on a figure that is known already.
    fn on_one_gauge(&self) -> Self {
        let term = Term {
            metric: Metric::Gauge(GAUGE.to_owned()),
            matchers: Vec::new(),
            statistic: Statistic::Value,
            window: Window::LastMinute,
        };
        let signal = Signal { term, over: None, by: None, change: self.signal.change, min_samples: 0 };
        // The first value is not that of a start.
        Self { signal, recovery_window: None, warm_up: Duration::ZERO, enabled: true, ..self.clone() }
    }
}

fn note(firings: &mut Vec<Firing>, event: &AlertEvent, at: Duration) {
    if matches!(event.transition, Transition::Changed | Transition::Resolved)
        && let Some(last) = firings.last_mut()
    {
        last.until = Some(at);
    }
    if matches!(event.transition, Transition::Fired | Transition::Changed) {
        firings.push(Firing { from: at, until: None, severity: event.alert.severity });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::judge::rule::definition::NoData;

    fn secs(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn run(rule: &Rule, values: &[Option<f64>]) -> Vec<(u64, Option<u64>, Severity)> {
        let fired = rule.dry_run((0..).map(secs).zip(values.iter().copied()));
        fired.iter().map(|one| (one.from.as_secs(), one.until.map(|at| at.as_secs()), one.severity)).collect()
    }

    #[test]
    fn each_severity_has_its_time_and_what_still_fires_has_no_end() {
        use Severity::{Critical, Warning};
        let rule = Rule::builder("depth").metric("queue_depth").warning(10.0).critical(20.0).build().unwrap();
        let values = [5.0, 15.0, 25.0, 15.0, 5.0, 25.0].map(Some);
        let expected = [(1, Some(2), Warning), (2, Some(3), Critical), (3, Some(4), Warning), (5, None, Critical)];
        assert_eq!(run(&rule, &values), expected);
    }

    #[test]
    fn a_rule_on_a_ratio_that_is_switched_off_is_run_on_the_ratio() {
        let rule = Rule::builder("pool").metric("in_use").divided_by("size").warning(0.9).enabled(false);
        let rule = rule.no_data(NoData::Keep(secs(2))).build().unwrap();
        let values = [Some(0.5), Some(0.95), None, None, None];
        assert_eq!(run(&rule, &values), [(1, Some(3), Severity::Warning)]);
    }
}
