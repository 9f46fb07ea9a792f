//! The evidence for a report of the whole process.

use super::{Inner, Monitor};
use crate::judge::health::report::HealthReport;
use crate::judge::rule::observation::Gauges;
use crate::observe::metrics::known as names;
use crate::observe::query::summary::KindSummary;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// A [health report](HealthReport) with the figures that it was judged by, all of one moment: [`Monitor::health_evidence`].
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct HealthEvidence {
    /// The report.
    pub report: HealthReport,
    /// Each kind that has series, over the last minute, or over the last five where the last minute saw fewer than 20 calls.
    pub kinds: Vec<KindSummary>,
    /// The use of resources.
    pub resources: ResourceUse,
}

/// The shares of resources that are in use, 0 to 1. `None` where nothing measures them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ResourceUse {
    /// Memory of the host.
    pub memory: Option<f64>,
    /// Processors of the host.
    pub cpu: Option<f64>,
    /// Look-ups in the application's cache that found something.
    pub cache_hits: Option<f64>,
    /// Connections of the application's pool.
    pub connection_pool: Option<f64>,
}

impl ResourceUse {
    fn of(gauges: &Gauges) -> Self {
        let share = |name: &str| gauges.get(name)?.first().map(|sample| sample.value);
        Self {
            memory: share(names::SYSTEM_MEMORY_UTILIZATION_RATIO),
            cpu: share(names::SYSTEM_CPU_UTILIZATION_RATIO),
            cache_hits: share(names::CACHE_HIT_RATIO),
            connection_pool: share(names::DB_POOL_UTILIZATION_RATIO),
        }
    }
}

impl Monitor {
    /// The health, and the figures that it was judged by. Costs as much as [`health`](Self::health).
    pub fn health_evidence(&self) -> HealthEvidence {
        let (report, kinds, gauges) = Inner::health(&self.inner);
        HealthEvidence { report, kinds, resources: ResourceUse::of(&gauges) }
    }

    /// The time of day by the clock that the monitor goes by, in whole milliseconds: the system's, or that of a
    /// test that holds the clock. Alerts, acknowledgements, silences and ranges of time go by it.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// assert!(monitor.time_of_day() <= std::time::SystemTime::now());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn time_of_day(&self) -> SystemTime {
        self.inner.time_of_day()
    }

    /// The name that stands before the metrics of calls, such as `shop` in `shop_operations_total`; empty where there is none.
    pub fn namespace(&self) -> &str {
        let prefix = self.inner.model.prefix();
        prefix.strip_suffix('_').unwrap_or(prefix)
    }
}
