//! The watch as others see it: its gauges, and the rule on them.

use super::watch::Watching;
use perf_runtime::metric::SampledMetric;
use perf_runtime::rule::{Rule, RuleSet};
use perf_runtime::{Monitor, metric::names};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

const UNUSUAL: SampledMetric = SampledMetric::gauge(
    names::INSIGHT_UNUSUAL_SERIES_RATIO,
    "ratio",
    "Series of calls that were unusual in the last minute, of those whose usual range is known.",
);
const HURT: SampledMetric = SampledMetric::gauge(
    names::INSIGHT_HURT_SERIES_RATIO,
    "ratio",
    "Series that were slower or failed more than usual in the last minute, where callers are among them.",
);
/// The share of series from which the process as a whole is unusual, and how long it must be.
const AS_A_WHOLE: f64 = 0.2;
const HOLDS_FOR: Duration = Duration::from_secs(120);

/// Rules beside those of the monitor's presets. [`Insight::set_up`](super::Insight::set_up) adds them.
///
/// | id | alerts when |
/// |---|---|
/// | `unusual` | for two minutes a fifth of the series of calls is slower or fails more than is usual for each, requests, workflows, agents or operations among them |
pub fn rules() -> RuleSet {
    let rule = Rule::builder("unusual").name("Unusual as a whole").metric(names::INSIGHT_HURT_SERIES_RATIO);
    let rule = rule.hold_for(HOLDS_FOR).warning(AS_A_WHOLE).description(
        "So many series of calls at once are slower or fail more than is usual for them, and their callers are among them.",
    );
    rule.build().into_iter().collect()
}

/// Shows the shares as gauges, while they are known.
pub(super) fn sample(monitor: &Monitor, watching: &Arc<Mutex<Watching>>) {
    let watching = Arc::downgrade(watching);
    monitor.sample("insight-unusual", Duration::from_secs(1), move |samples| {
        let Some(watching) = watching.upgrade() else { return };
        let (unusual, hurt) = {
            let known = watching.lock().unwrap_or_else(PoisonError::into_inner);
            (known.unusual_ratio, known.hurt_ratio)
        };
        samples.put(&UNUSUAL, &[], unusual);
        samples.put(&HURT, &[], hurt);
    });
}
