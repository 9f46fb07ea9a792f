//! The host's samplers, as `[host]` sets them.

#[cfg(all(feature = "host-profiler", target_os = "linux"))]
use perf_host::profiler::{Profiler, ProfilerError};
use perf_runtime::{ConfigError, Monitor};

pub(crate) fn install(monitor: &Monitor) -> Result<(), ConfigError> {
    perf_host::Host::builder().section(monitor.section("host")?).install(monitor)
}

/// Starts the profiler, as `[profiler]` sets it.
#[cfg(all(feature = "host-profiler", target_os = "linux"))]
pub(crate) fn profile(monitor: &Monitor) -> Result<Profiler, ProfilerError> {
    Profiler::builder().section(monitor.section("profiler")?).start(monitor)
}
