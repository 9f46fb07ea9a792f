//! The allocator, caches and pools that `perf-host` watches, in programs as users have them.

#[path = "../backend/postgres.rs"]
mod postgres;
#[path = "../servers.rs"]
#[allow(dead_code, reason = "shared with tests that need more of it")]
mod servers;

mod allocator;
mod cache;
mod pool;

use perf_host::CountingAllocator;
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricSeries, MetricValue};

#[cfg(feature = "jemalloc")]
use tikv_jemallocator::Jemalloc as Allocator;

#[cfg(not(feature = "jemalloc"))]
use std::alloc::System as Allocator;

#[global_allocator]
static ALLOCATOR: CountingAllocator<Allocator> = CountingAllocator::over(Allocator);

/// The current value of the series whose labels have all these values.
fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        _ => None,
    }
}
