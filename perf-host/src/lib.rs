//! Metrics of the process and its host, sampled once a second on the monitor's own thread.
//!
//! Latency has causes: a processor that is busy, memory that is short, a disk that is full, a pool with no connection
//! left, an executor that is blocked. One line has them all watched, exposed and judged:
//!
//! ```
//! use perf_runtime::Monitor;
//!
//! let monitor = Monitor::builder().namespace("shop").install()?;
//! perf_host::install(&monitor)?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! From the next tick on, the gauges that the rules `memory`, `cpu`, `disk`, `load`, `pool` and `cache` and the health's
//! resources look for are there. The [rules](rules()) and indicators on what only this crate measures come with it: open files, a
//! blocked worker, tasks that wait to be run. A value that cannot be read is absent: no series, no indicator, never a zero.
//!
//! # What is sampled
//!
//! Names and units are those of OpenTelemetry's conventions in Prometheus' spelling, without the namespace; what the
//! conventions do not have is named in their manner, and what Prometheus reserves for histograms (`_count`) is a plural.
//!
//! | part | gauges and counters | by |
//! |---|---|---|
//! | [`Compute`](Part::Compute) | `system_cpu_utilization_ratio`, `system_cpu_time_seconds_total`, `system_cpu_logical_processors`, `system_cpu_load_average_1m` (`5m`, `15m`), `system_load_ratio`, `system_memory_utilization_ratio`, `system_memory_usage_bytes`, `system_memory_limit_bytes`, `system_paging_usage_bytes`, `system_paging_utilization_ratio`, `system_uptime_seconds` | `/proc` |
//! | | `container_cpu_limit`, `container_cpu_time_seconds_total`, `container_cpu_throttled_time_seconds_total`, `container_memory_usage_bytes`, `container_memory_working_set_bytes`, `container_memory_limit_bytes`, `container_memory_kill_ratio`, .. | cgroup v1 and v2 |
//! | | `process_cpu_utilization_ratio`, `process_cpu_limit`, `process_cpu_time_seconds_total`, `process_memory_usage_bytes`, `process_memory_virtual_bytes`, `process_memory_utilization_ratio`, `process_threads`, `process_unix_file_descriptors`, `process_unix_file_descriptor_limit`, `process_unix_file_descriptor_utilization_ratio`, `process_paging_faults_total`, `process_context_switches_total`, `process_disk_io_bytes_total`, `process_uptime_seconds` | `/proc/self`, `getrusage` |
//! | [`Disks`](Part::Disks) | `system_disk_utilization_ratio`, `system_filesystem_usage_bytes`, `system_filesystem_limit_bytes`, `system_disk_io_bytes_total`, `system_disk_operations_total`, `system_disk_io_time_seconds_total`, `system_disk_throughput_bytes_per_second`, `system_disk_io_busy_ratio`, `process_files_open_for_writing` | `statvfs`, `/proc` |
//! | [`Network`](Part::Network) | `system_network_io_bytes_total`, `system_network_packets_total`, `system_network_errors_total`, `system_network_packets_dropped_total`, `system_network_throughput_bytes_per_second` | `/proc` |
//! | [`Latency`](Part::Latency) | `system_network_latency_seconds`, `system_network_target_up`, `system_network_latency_failures_total` | a TCP connection |
//! | [`Executor`](Part::Executor) | `executor_blocked_seconds`, `executor_blocked_threads`; with the feature `tokio`, `tokio_busy_ratio`, `tokio_worker_busy_ratio`, `tokio_alive_tasks`, `tokio_global_queue_depth`, `tokio_schedule_delay_seconds`, .. | measured calls, tokio's metrics |
//! | [`Allocator`](Part::Allocator) | `allocator_live_bytes`, `allocator_allocations_total`, .. (feature `alloc`), `jemalloc_bytes` (feature `jemalloc`) | the allocator |
//! | [`Gpu`](Part::Gpu) | `hw_gpu_utilization_ratio`, `hw_gpu_memory_usage_bytes`, `hw_temperature_celsius`, `hw_power_watts`, .. (feature `gpu`) | NVIDIA's driver |
//! | [`Leaks`](Part::Leaks) | `process_memory_growth_bytes_per_hour`, `process_memory_growth_bytes_per_call`, `process_memory_leak_suspected` | the slope of RSS |
//! | [`Monitoring`](Part::Monitoring) | `monitoring_core_utilization_ratio`, `monitoring_time_seconds_total`, `monitoring_memory_bytes`, `monitoring_series`, `monitoring_ticks_lost_total`, .. | [`Monitor::overhead`](perf_runtime::Monitor::overhead) |
//!
//! Rates and utilisations are over the last five seconds, and 1 is all of what may run out:
//!
//! - Where control groups (cgroup v1, v2 or both) limit the process, the least of their limits is the whole of
//!   `system_cpu_utilization_ratio`, `system_memory_utilization_ratio` and the ratios of the process: a quota of processor time,
//!   the processors that it is bound to (`cpuset`), the memory at which it is killed (`memory.max`) or slowed down
//!   (`memory.high`); `container_memory_kill_ratio` is of the former alone. A container that is bound to some processors is as busy as they are, whoever uses them.
//! - `process_cpu_utilization_ratio` is of `process_cpu_limit`, all processors that the process may use, by `taskset` too; the rate of `process_cpu_time_seconds_total`
//!   and `monitoring_core_utilization_ratio` are of one core.
//! - What ZFS keeps of files and would give back is not memory in use.
//! - A file system that cannot be written to has its bytes told, and no `system_disk_utilization_ratio`: it fills nobody's disk.
//! - Counters do not step back, though the kernel's do: what is read again below where it was is held, until the source as a
//!   whole begins anew.
//!
//! Time in which the process was stopped (`SIGSTOP`, a debugger) blocks nobody: what goes on is told for as long as it was seen.
//! Outside of Linux only what needs no `/proc` is there: leave the parts out that are not.
//!
//! Two things that may hang, the room on disks and connections to targets, are read on threads of their own, and are
//! absent when they were not read for three periods. Everything else is read at the tick. To sample everything each
//! second takes 0.6 ms of the tick and, with those threads, under 0.1 % of a core: `benches/tick` prints it.
//!
//! # Choosing
//!
//! ```
//! # use perf_runtime::Monitor;
//! use perf_host::{Host, Part};
//!
//! # let monitor = Monitor::builder().build()?;
//! Host::builder()
//!     .parts([Part::Compute, Part::Disks, Part::Latency])
//!     .disks(["/", "/var/lib/postgresql"])
//!     .latency_target("localhost:5432")
//!     .environment()
//!     .install(&monitor)?;
//! # Ok::<(), perf_runtime::ConfigError>(())
//! ```
//!
//! # Environment
//!
//! [`install`] reads it, and [`HostBuilder::environment`] does:
//!
//! | variable | for example | by default | allowed |
//! |---|---|---|---|
//! | `PERF_HOST_PARTS` | `compute,disks` | all | [parts](Part::as_str), separated by commas |
//! | `PERF_HOST_INTERVAL` | `5s` | `1s` | `1s` to `1m` |
//! | `PERF_HOST_ROOT` | `/host` | `/` | a path |
//! | `PERF_HOST_DISKS` | `/,/data` | all disks of this machine | up to 16 absolute paths |
//! | `PERF_HOST_INTERFACES` | `eth0` | all with traffic of their own | names |
//! | `PERF_HOST_LATENCY_TARGETS` | `db:5432,cache:6379` | none | up to 16, each a host and a port |
//! | `PERF_HOST_LATENCY_INTERVAL` | `30s` | `10s` | `1s` to `1h` |
//! | `PERF_HOST_LATENCY_TIMEOUT` | `500ms` | `2s` | `10ms` to `1m` |
//! | `PERF_CACHE_<NAME>_MAX_SIZE` | `50000` | as in code, or 10,000 | a whole number of entries, or of what they weigh |
//! | `PERF_CACHE_<NAME>_TTL` | `5m` | as in code, or for ever | more than nothing, up to a hundred years |
//!
//! The last two are of caches whose builder was told to read the environment. A span has its unit: `ms`, `s`, `m`, `h`. A
//! variable `PERF_HOST_..` of another name is refused, with the one that it may have been meant for.
//!
//! # Pools and caches
//!
//! [`watch_pool`] has the pools of `sqlx`, `deadpool` and `bb8` watched, each with the feature of its name, and any other
//! that implements [`ConnectionPool`]. With the feature `moka`, the module `cache` has caches that say how well they do, and
//! `cache::watch` for those that are there already.
//!
//! # Features
//!
//! None is on by default. `tokio`: the runtime that [`install`] is called in, and `watch_runtime` for others; tokio
//! built with `--cfg tokio_unstable` tells of its blocking threads and its workers' own queues too. `alloc`:
//! `CountingAllocator`. `jemalloc`: its statistics.
//! `profiler`: processor time by function, on Linux; see the module `profiler`.
//! `gpu`: NVIDIA's devices, through the driver's library where that is found at run time. `sqlx`, `deadpool`, `bb8`, `moka`:
//! pools and caches.
//!
//! # More to judge
//!
//! The monitor's presets have rules for memory, processors, disks, load, pools and caches. [`rules`] has those for what
//! only this crate knows: open files, a suspected leak, targets that do not answer, blocked workers.

#[cfg(feature = "alloc")]
pub use allocator::{AllocationCounts, CountingAllocator};
#[cfg(feature = "bb8")]
pub use pool::Bb8Pool;
pub use pool::{ConnectionPool, PoolUsage, PoolWatch, watch_pool};
pub use rules::rules;
#[cfg(feature = "tokio")]
pub use runtime::watch_runtime;
pub use settings::{HostBuilder, Part};

mod affinity;
#[cfg(feature = "alloc")]
pub mod allocator;
mod background;
#[cfg(feature = "moka")]
pub mod cache;
mod cgroup;
mod compute;
mod container;
mod counters;
mod disk;
mod environment;
mod executor;
#[cfg(feature = "gpu")]
mod gpu;
mod install;
#[cfg(feature = "jemalloc")]
mod jemalloc;
mod lazy_histogram;
mod leak;
mod network;
mod pool;
mod proc_root;
mod process;
#[cfg(all(feature = "profiler", target_os = "linux"))]
pub mod profiler;
mod rate;
mod regression;
mod rules;
#[cfg(feature = "tokio")]
mod runtime;
mod self_cost;
mod settings;
mod system;
#[cfg(all(feature = "tokio", target_has_atomic = "64"))]
mod workers;

use perf_runtime::{ConfigError, Monitor};

/// The sampling of the machine that the process runs on, and of the process itself.
#[derive(Clone, Copy, Debug)]
pub struct Host;

impl Host {
    /// Begins to choose what is sampled. As it is, everything that can be, without regard to the environment.
    pub fn builder() -> HostBuilder {
        HostBuilder::default()
    }
}

/// Samples everything that there is, with the settings of the [environment](crate#environment), from the next tick on, and
/// adds the [rules](rules()) and the indicators of the health that go with it.
///
/// # Errors
/// A variable with a value that is not allowed. Nothing is sampled then.
pub fn install(monitor: &Monitor) -> Result<(), ConfigError> {
    Host::builder().environment().install(monitor)
}
