//! The host's samplers, as `[host]` sets them.

use perf_runtime::{ConfigError, Monitor};

pub(crate) fn install(monitor: &Monitor) -> Result<(), ConfigError> {
    perf_host::Host::builder().section(monitor.section("host")?).install(monitor)
}
