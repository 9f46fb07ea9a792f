//! The health over time: kept as metrics, and told from them.

use super::{Monitor, Sampler};
use crate::judge::health::history::HealthHistory;
use crate::observe::metrics::known as names;
use crate::observe::metrics::sampled::SampledMetric;
use crate::observe::query::range::TimeRange;
use crate::observe::query::selector::Selector;
use std::collections::BTreeSet;
use std::time::Duration;

/// As often as a past keeps its shortest steps.
const EVERY: Duration = Duration::from_secs(5);

const METRICS: [SampledMetric; 3] = [
    SampledMetric::gauge(names::PERF_HEALTH_SCORE, "", "How well the process is: 100 is well."),
    SampledMetric::gauge(names::PERF_HEALTH_STATUS, "", "1 for the status of the health and of each of its verdicts."),
    SampledMetric::gauge(names::PERF_HEALTH_PENALTY, "", "The points that an indicator of the health takes."),
];

impl Monitor {
    /// Has the [health](Self::health) kept every five seconds until the guard is dropped, as metrics of its score, its status and the
    /// points that each indicator takes: so that it has a [history](Self::health_history), and who scrapes the process sees it.
    /// Nothing is kept where nothing is known of any indicator.
    ///
    /// Costs as much as the health, on the monitor's thread.
    pub fn keep_health(&self) -> Sampler {
        // An indicator that took points takes none from then on, in place of being gone: who scrapes sees it fall.
        let mut known = BTreeSet::new();
        self.sampler("health", EVERY, move |samples| {
            for reading in samples.monitor().inner.health_within_tick().readings(&mut known) {
                let Some(metric) = METRICS.iter().find(|metric| metric.name() == reading.metric) else { continue };
                let labels: Vec<(&str, &str)> =
                    reading.labels.iter().map(|(name, value)| (*name, value.as_str())).collect();
                samples.put(metric, &labels, reading.value);
            }
        })
    }

    /// The health over any range of time, step by step, as it was judged then: from memory what memory holds, from the
    /// [`Past`](crate::extend::Past) the rest. Known where it was [kept](Self::keep_health).
    ///
    /// ```
    /// # use perf_runtime::{Monitor, Window};
    /// let monitor = Monitor::builder().build()?;
    /// let health = monitor.keep_health();
    /// assert_eq!(monitor.health_history(Window::LastHour).whole, None);
    /// # drop(health);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn health_history(&self, range: impl Into<TimeRange>) -> HealthHistory {
        let kept = METRICS.map(|metric| Selector::metric(metric.name()));
        let selector = kept.into_iter().reduce(Selector::or).unwrap_or_else(|| Selector::metric(""));
        HealthHistory::of(&self.tracks(&selector, range))
    }
}
