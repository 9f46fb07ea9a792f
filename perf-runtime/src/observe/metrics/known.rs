//! The names of the metrics that several parts agree on: those that one part gives and rules, health, views or the
//! dashboard look for.
//!
//! A constant is called as its metric, in upper case. The families of calls are not here, since their names follow from
//! their [`Kind`](crate::Kind). All but `perf_label_overflow_total` are exposed without the namespace.
//!
//! ```
//! use perf_runtime::rule::Rule;
//! use perf_runtime::metric::names;
//!
//! let rule = Rule::builder("swap").metric(names::SYSTEM_PAGING_UTILIZATION_RATIO).warning(0.5).build()?;
//! let known = names::ALL.iter().find(|known| known.name == names::CACHE_HIT_RATIO).unwrap();
//! assert_eq!((known.unit, known.labels, known.provider), ("ratio", &["cache"][..], "perf-host"));
//! # Ok::<(), perf_runtime::ConfigError>(())
//! ```

/// One of the well-known metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct KnownMetric {
    /// The name under which it is exposed.
    pub name: &'static str,
    /// `seconds`, `bytes`, `ratio` (0 to 1), another unit, or empty where things are counted.
    pub unit: &'static str,
    /// The names of its labels.
    pub labels: &'static [&'static str],
    /// The crate that gives its values.
    pub provider: &'static str,
    /// The name of its constant in this module.
    pub constant: &'static str,
}

macro_rules! names {
    ($($(#[$doc:meta])+ $constant:ident = $name:literal, $unit:literal, [$($label:literal),*], $provider:literal;)+) => {
        $(
            $(#[$doc])+
            #[doc = concat!(
                "\n\nUnit: `", stringify!($unit), "`. Labels: `", stringify!([$($label),*]), "`. By `", $provider, "`."
            )]
            pub const $constant: &str = $name;
        )+

        /// All of them.
        pub const ALL: &[KnownMetric] = &[$(KnownMetric {
            name: $constant,
            unit: $unit,
            labels: &[$($label),*],
            provider: $provider,
            constant: stringify!($constant),
        }),+];
    };
}

names! {
    /// Calls and values whose label value was replaced because the label has too many. With the namespace.
    PERF_LABEL_OVERFLOW_TOTAL = "perf_label_overflow_total", "", ["metric", "label"], "perf-runtime";
    /// Calls that were made inside calls of another series and ended. With the namespace.
    CALL_EDGES_TOTAL = "call_edges_total", "", ["parent", "child"], "perf-runtime";
    /// Durations of calls that were made inside calls of another series and ended. With the namespace.
    CALL_EDGE_SECONDS_TOTAL = "call_edge_seconds_total", "seconds", ["parent", "child"], "perf-runtime";
    /// Calls that were made inside calls of another series and ended in an error or panicked. With the namespace.
    CALL_EDGE_FAILURES_TOTAL = "call_edge_failures_total", "", ["parent", "child"], "perf-runtime";
    /// Time in which calls that ended waited for calls that they had made. With the namespace.
    CALL_EDGE_WAIT_SECONDS_TOTAL = "call_edge_wait_seconds_total", "seconds", ["parent", "child"], "perf-runtime";
    /// How fast the budget of an objective is spent, in a window: 1 spends all of it in 30 days. For rules; not
    /// exposed.
    PERF_OBJECTIVE_BURN_RATE = "perf_objective_burn_rate", "ratio", [], "perf-runtime";
    /// How much of the budget of an objective is left; negative where it is overspent. For rules; not exposed.
    PERF_OBJECTIVE_BUDGET_LEFT_RATIO = "perf_objective_budget_left_ratio", "ratio", [], "perf-runtime";
    /// The score of the health, 0 to 100, where it is kept.
    PERF_HEALTH_SCORE = "perf_health_score", "", [], "perf-runtime";
    /// 1 for the status that holds and 0 for the others, of the health and of each of its verdicts: over time, the share of it.
    PERF_HEALTH_STATUS = "perf_health_status", "", ["verdict", "status"], "perf-runtime";
    /// The points that an indicator of the health takes, from the first on that it ever took.
    PERF_HEALTH_PENALTY = "perf_health_penalty", "", ["indicator"], "perf-runtime";
    /// Time of all processors, by what they did.
    SYSTEM_CPU_TIME_SECONDS_TOTAL = "system_cpu_time_seconds_total", "seconds", ["cpu_mode"], "perf-host";
    /// Processors in use over the last five seconds, of all that the host has, or that the container may use: 1 is all.
    SYSTEM_CPU_UTILIZATION_RATIO = "system_cpu_utilization_ratio", "ratio", [], "perf-host";
    /// Logical processors of the host.
    SYSTEM_CPU_LOGICAL_PROCESSORS = "system_cpu_logical_processors", "", [], "perf-host";
    /// Tasks that run or want to, over a minute.
    SYSTEM_CPU_LOAD_AVERAGE_1M = "system_cpu_load_average_1m", "", [], "perf-host";
    /// Tasks that run or want to, over five minutes.
    SYSTEM_CPU_LOAD_AVERAGE_5M = "system_cpu_load_average_5m", "", [], "perf-host";
    /// Tasks that run or want to, over fifteen minutes.
    SYSTEM_CPU_LOAD_AVERAGE_15M = "system_cpu_load_average_15m", "", [], "perf-host";
    /// Tasks that run or want to, over a minute, for each logical processor of the host.
    SYSTEM_LOAD_RATIO = "system_load_ratio", "ratio", [], "perf-host";
    /// Memory of the host, by what it is used for.
    SYSTEM_MEMORY_USAGE_BYTES = "system_memory_usage_bytes", "bytes", ["system_memory_state"], "perf-host";
    /// Memory that the host has.
    SYSTEM_MEMORY_LIMIT_BYTES = "system_memory_limit_bytes", "bytes", [], "perf-host";
    /// Memory that is in use and cannot be had back at once, of what the host has, or the container's limit allows.
    SYSTEM_MEMORY_UTILIZATION_RATIO = "system_memory_utilization_ratio", "ratio", [], "perf-host";
    /// Swap space, by whether it is used.
    SYSTEM_PAGING_USAGE_BYTES = "system_paging_usage_bytes", "bytes", ["system_paging_state"], "perf-host";
    /// Swap space in use.
    SYSTEM_PAGING_UTILIZATION_RATIO = "system_paging_utilization_ratio", "ratio", [], "perf-host";
    /// Time since the host started.
    SYSTEM_UPTIME_SECONDS = "system_uptime_seconds", "seconds", [], "perf-host";
    /// Processor time of the process's control group.
    CONTAINER_CPU_TIME_SECONDS_TOTAL = "container_cpu_time_seconds_total", "seconds", [], "perf-host";
    /// Processors that the container may use, in whole and parts: by its quota, or those that it is bound to.
    CONTAINER_CPU_LIMIT = "container_cpu_limit", "", [], "perf-host";
    /// Periods in which the container was given its share of the processors.
    CONTAINER_CPU_PERIODS_TOTAL = "container_cpu_periods_total", "", [], "perf-host";
    /// Periods in which the container had used up its share and was stopped.
    CONTAINER_CPU_THROTTLED_PERIODS_TOTAL = "container_cpu_throttled_periods_total", "", [], "perf-host";
    /// Time for which the container was stopped because its share of the processors was used up.
    CONTAINER_CPU_THROTTLED_TIME_SECONDS_TOTAL = "container_cpu_throttled_time_seconds_total", "seconds", [], "perf-host";
    /// Memory of the process's control group.
    CONTAINER_MEMORY_USAGE_BYTES = "container_memory_usage_bytes", "bytes", [], "perf-host";
    /// Memory of the process's control group, without files' contents that were not used lately.
    CONTAINER_MEMORY_WORKING_SET_BYTES = "container_memory_working_set_bytes", "bytes", [], "perf-host";
    /// Memory that the container may use before it is killed, or slowed down by `memory.high`.
    CONTAINER_MEMORY_LIMIT_BYTES = "container_memory_limit_bytes", "bytes", [], "perf-host";
    /// Memory that the container uses, of that at which the kernel ends a process of it, 0 to 1. `memory.high` slows down and ends nothing: it is left out here.
    CONTAINER_MEMORY_KILL_RATIO = "container_memory_kill_ratio", "ratio", [], "perf-host";
    /// Processor time of the process: a second for each second of one core.
    PROCESS_CPU_TIME_SECONDS_TOTAL = "process_cpu_time_seconds_total", "seconds", ["cpu_mode"], "perf-host";
    /// Processors that the process used over the last five seconds, of all that it may use: 1 is all of them, not one core.
    PROCESS_CPU_UTILIZATION_RATIO = "process_cpu_utilization_ratio", "ratio", [], "perf-host";
    /// Processors that the process may use, in whole and parts: the 1 of `process_cpu_utilization_ratio`.
    PROCESS_CPU_LIMIT = "process_cpu_limit", "", [], "perf-host";
    /// Memory of the process that is in RAM (RSS).
    PROCESS_MEMORY_USAGE_BYTES = "process_memory_usage_bytes", "bytes", [], "perf-host";
    /// Addresses that the process has reserved.
    PROCESS_MEMORY_VIRTUAL_BYTES = "process_memory_virtual_bytes", "bytes", [], "perf-host";
    /// Memory of the process, of what the host has or the container's limit allows.
    PROCESS_MEMORY_UTILIZATION_RATIO = "process_memory_utilization_ratio", "ratio", [], "perf-host";
    /// Threads of the process.
    PROCESS_THREADS = "process_threads", "", [], "perf-host";
    /// Files, sockets and the like that are open.
    PROCESS_UNIX_FILE_DESCRIPTORS = "process_unix_file_descriptors", "", [], "perf-host";
    /// Files, sockets and the like that may be open.
    PROCESS_UNIX_FILE_DESCRIPTOR_LIMIT = "process_unix_file_descriptor_limit", "", [], "perf-host";
    /// Files, sockets and the like that are open, of those that may be.
    PROCESS_UNIX_FILE_DESCRIPTOR_UTILIZATION_RATIO = "process_unix_file_descriptor_utilization_ratio", "ratio", [], "perf-host";
    /// Page faults: minor ones, and major ones that had to wait for a disk.
    PROCESS_PAGING_FAULTS_TOTAL = "process_paging_faults_total", "", ["system_paging_fault_type"], "perf-host";
    /// How often threads gave up or lost their processor.
    PROCESS_CONTEXT_SWITCHES_TOTAL = "process_context_switches_total", "", ["process_context_switch_type"], "perf-host";
    /// Bytes that the process read from and wrote to disks, caches not counted.
    PROCESS_DISK_IO_BYTES_TOTAL = "process_disk_io_bytes_total", "bytes", ["disk_io_direction"], "perf-host";
    /// Time since the process started.
    PROCESS_UPTIME_SECONDS = "process_uptime_seconds", "seconds", [], "perf-host";
    /// How fast the RSS grew over the last hour (Theil-Sen), and the ends of the interval with 99 % confidence.
    PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR = "process_memory_growth_bytes_per_hour", "bytes_per_hour", ["estimate"], "perf-host";
    /// How much the RSS grew with each call over the last hour (Theil-Sen), and the ends of the interval with 99 %
    /// confidence.
    PROCESS_MEMORY_GROWTH_BYTES_PER_CALL = "process_memory_growth_bytes_per_call", "bytes_per_call", ["estimate"], "perf-host";
    /// 1 where the RSS grows steadily with the traffic, 0 where not; absent for the first 35 minutes.
    PROCESS_MEMORY_LEAK_SUSPECTED = "process_memory_leak_suspected", "", [], "perf-host";
    /// A file system in use, of what those without privileges may use: as `df` says it. Absent where it cannot be written to.
    SYSTEM_DISK_UTILIZATION_RATIO = "system_disk_utilization_ratio", "ratio", ["system_device", "system_filesystem_mountpoint"], "perf-host";
    /// A file system's room, by its state.
    SYSTEM_FILESYSTEM_USAGE_BYTES = "system_filesystem_usage_bytes", "bytes", ["system_device", "system_filesystem_mountpoint", "system_filesystem_type", "system_filesystem_state"], "perf-host";
    /// A file system's room as a whole.
    SYSTEM_FILESYSTEM_LIMIT_BYTES = "system_filesystem_limit_bytes", "bytes", ["system_device", "system_filesystem_mountpoint", "system_filesystem_type"], "perf-host";
    /// Files that the process has open for writing on a file system.
    PROCESS_FILES_OPEN_FOR_WRITING = "process_files_open_for_writing", "", ["system_device", "system_filesystem_mountpoint"], "perf-host";
    /// Bytes that a disk read and wrote.
    SYSTEM_DISK_IO_BYTES_TOTAL = "system_disk_io_bytes_total", "bytes", ["disk_io_direction", "system_device"], "perf-host";
    /// How many times a disk read and wrote.
    SYSTEM_DISK_OPERATIONS_TOTAL = "system_disk_operations_total", "", ["disk_io_direction", "system_device"], "perf-host";
    /// Time in which a disk had something to do.
    SYSTEM_DISK_IO_TIME_SECONDS_TOTAL = "system_disk_io_time_seconds_total", "seconds", ["system_device"], "perf-host";
    /// Bytes a second that a disk reads and writes, over the last five seconds.
    SYSTEM_DISK_THROUGHPUT_BYTES_PER_SECOND = "system_disk_throughput_bytes_per_second", "bytes_per_second", ["disk_io_direction", "system_device"], "perf-host";
    /// The share of the last five seconds in which a disk had something to do.
    SYSTEM_DISK_IO_BUSY_RATIO = "system_disk_io_busy_ratio", "ratio", ["system_device"], "perf-host";
    /// Bytes that an interface received and sent.
    SYSTEM_NETWORK_IO_BYTES_TOTAL = "system_network_io_bytes_total", "bytes", ["network_interface_name", "network_io_direction"], "perf-host";
    /// Packets that an interface received and sent.
    SYSTEM_NETWORK_PACKETS_TOTAL = "system_network_packets_total", "", ["network_interface_name", "network_io_direction"], "perf-host";
    /// Packets that an interface got wrong.
    SYSTEM_NETWORK_ERRORS_TOTAL = "system_network_errors_total", "", ["network_interface_name", "network_io_direction"], "perf-host";
    /// Packets that an interface had no room for.
    SYSTEM_NETWORK_PACKETS_DROPPED_TOTAL = "system_network_packets_dropped_total", "", ["network_interface_name", "network_io_direction"], "perf-host";
    /// Bytes a second that an interface receives and sends, over the last five seconds.
    SYSTEM_NETWORK_THROUGHPUT_BYTES_PER_SECOND = "system_network_throughput_bytes_per_second", "bytes_per_second", ["network_interface_name", "network_io_direction"], "perf-host";
    /// How long a target took to accept a TCP connection; absent while it does not.
    SYSTEM_NETWORK_LATENCY_SECONDS = "system_network_latency_seconds", "seconds", ["network_target"], "perf-host";
    /// 1 where a target accepted the last TCP connection, 0 where not.
    SYSTEM_NETWORK_TARGET_UP = "system_network_target_up", "", ["network_target"], "perf-host";
    /// How many times a target could not be found, or did not accept a TCP connection in time.
    SYSTEM_NETWORK_LATENCY_FAILURES_TOTAL = "system_network_latency_failures_total", "", ["network_target"], "perf-host";
    /// For how long a function has kept a worker from its queue and still does; of several, the longest. Where no runtime of several
    /// threads is watched, a thread.
    EXECUTOR_BLOCKED_SECONDS = "executor_blocked_seconds", "seconds", ["function"], "perf-host";
    /// Workers that a measured poll keeps from their queue. Where no runtime of several threads is watched, threads.
    EXECUTOR_BLOCKED_THREADS = "executor_blocked_threads", "", [], "perf-host";
    /// Workers of a runtime.
    TOKIO_WORKERS = "tokio_workers", "", ["runtime"], "perf-host";
    /// The share of the last five seconds in which the workers of a runtime were busy.
    TOKIO_BUSY_RATIO = "tokio_busy_ratio", "ratio", ["runtime"], "perf-host";
    /// The share of the last five seconds in which a worker was busy, as far as it has parked since.
    TOKIO_WORKER_BUSY_RATIO = "tokio_worker_busy_ratio", "ratio", ["runtime", "worker"], "perf-host";
    /// Tasks of a runtime that have not ended.
    TOKIO_ALIVE_TASKS = "tokio_alive_tasks", "", ["runtime"], "perf-host";
    /// Tasks that wait in the queue of all workers.
    TOKIO_GLOBAL_QUEUE_DEPTH = "tokio_global_queue_depth", "", ["runtime"], "perf-host";
    /// How often workers had nothing to do and slept.
    TOKIO_WORKER_PARKS_TOTAL = "tokio_worker_parks_total", "", ["runtime", "worker"], "perf-host";
    /// How long a task waited until it was run, tried once a second; while it waits, how long it has.
    TOKIO_SCHEDULE_DELAY_SECONDS = "tokio_schedule_delay_seconds", "seconds", ["runtime"], "perf-host";
    /// Threads for blocking work, by whether they have some.
    TOKIO_BLOCKING_THREADS = "tokio_blocking_threads", "", ["runtime", "state"], "perf-host";
    /// Blocking work that waits for a thread.
    TOKIO_BLOCKING_QUEUE_DEPTH = "tokio_blocking_queue_depth", "", ["runtime"], "perf-host";
    /// Tasks that wait in a worker's own queue.
    TOKIO_WORKER_QUEUE_DEPTH = "tokio_worker_queue_depth", "", ["runtime", "worker"], "perf-host";
    /// How often a worker polled a task.
    TOKIO_WORKER_POLLS_TOTAL = "tokio_worker_polls_total", "", ["runtime", "worker"], "perf-host";
    /// Tasks that a worker took out of another's queue.
    TOKIO_WORKER_STEALS_TOTAL = "tokio_worker_steals_total", "", ["runtime", "worker"], "perf-host";
    /// How often memory was asked for, and made larger or smaller.
    ALLOCATOR_ALLOCATIONS_TOTAL = "allocator_allocations_total", "", [], "perf-host";
    /// How often memory was given back.
    ALLOCATOR_RELEASES_TOTAL = "allocator_releases_total", "", [], "perf-host";
    /// Memory that was asked for, all in all.
    ALLOCATOR_ALLOCATED_BYTES_TOTAL = "allocator_allocated_bytes_total", "bytes", [], "perf-host";
    /// Memory that was asked for and not given back.
    ALLOCATOR_LIVE_BYTES = "allocator_live_bytes", "bytes", [], "perf-host";
    /// Memory by jemalloc's account: allocated by the program, active in its pages, resident, mapped, retained,
    /// metadata.
    JEMALLOC_BYTES = "jemalloc_bytes", "bytes", ["state"], "perf-host";
    /// The share of the time in which a GPU had work.
    HW_GPU_UTILIZATION_RATIO = "hw_gpu_utilization_ratio", "ratio", ["hw_id", "hw_name"], "perf-host";
    /// Memory of a GPU in use.
    HW_GPU_MEMORY_USAGE_BYTES = "hw_gpu_memory_usage_bytes", "bytes", ["hw_id", "hw_name"], "perf-host";
    /// Memory of a GPU.
    HW_GPU_MEMORY_LIMIT_BYTES = "hw_gpu_memory_limit_bytes", "bytes", ["hw_id", "hw_name"], "perf-host";
    /// Memory of a GPU in use, of what it has.
    HW_GPU_MEMORY_UTILIZATION_RATIO = "hw_gpu_memory_utilization_ratio", "ratio", ["hw_id", "hw_name"], "perf-host";
    /// How warm a GPU is.
    HW_TEMPERATURE_CELSIUS = "hw_temperature_celsius", "celsius", ["hw_id", "hw_name"], "perf-host";
    /// The power of a GPU.
    HW_POWER_WATTS = "hw_power_watts", "watts", ["hw_id", "hw_name"], "perf-host";
    /// The energy of a GPU since the driver was loaded.
    HW_ENERGY_JOULES_TOTAL = "hw_energy_joules_total", "joules", ["hw_id", "hw_name"], "perf-host";
    /// Connections of a pool in use, of those that it may have, over the last ten seconds. 1 while somebody waits.
    DB_POOL_UTILIZATION_RATIO = "db_pool_utilization_ratio", "ratio", ["pool"], "perf-host";
    /// Connections of a pool, by whether they are in use.
    DB_CLIENT_CONNECTIONS = "db_client_connections", "", ["pool", "state"], "perf-host";
    /// Connections that a pool may have.
    DB_CLIENT_CONNECTION_MAX = "db_client_connection_max", "", ["pool"], "perf-host";
    /// Callers that wait for a connection of a pool.
    DB_CLIENT_CONNECTION_PENDING_REQUESTS = "db_client_connection_pending_requests", "", ["pool"], "perf-host";
    /// For how long callers have waited for a connection of a pool while none got one.
    DB_CLIENT_CONNECTION_STALLED_SECONDS = "db_client_connection_stalled_seconds", "seconds", ["pool"], "perf-host";
    /// Callers that waited for a connection and got none: an error came, or they gave up.
    DB_CLIENT_CONNECTION_FAILURES_TOTAL = "db_client_connection_failures_total", "", ["pool"], "perf-host";
    /// Time for which was waited for connections, as the pool says it.
    DB_CLIENT_CONNECTION_WAITED_SECONDS_TOTAL = "db_client_connection_waited_seconds_total", "seconds", ["pool"], "perf-host";
    /// How long was waited for a connection, with or without success: a histogram, there from the first wait on.
    DB_CLIENT_CONNECTION_WAIT_TIME_SECONDS = "db_client_connection_wait_time_seconds", "seconds", ["pool"], "perf-host";
    /// Durations of SQL statements by their first word, whether they failed or not: a histogram.
    SQL_DURATION_SECONDS = "sql_duration_seconds", "seconds", ["operation"], "perf-sql";
    /// Calls without a caller that executed one SQL statement again and again.
    SQL_REPEATED_STATEMENTS_TOTAL = "sql_repeated_statements_total", "", ["id", "root", "statement"], "perf-sql";
    /// The same of the last five minutes.
    SQL_REPEATED_STATEMENTS_RECENT = "sql_repeated_statements_recent", "", ["id", "root", "statement"], "perf-sql";
    /// Look-ups that found something, of those of the last five minutes.
    CACHE_HIT_RATIO = "cache_hit_ratio", "ratio", ["cache"], "perf-host";
    /// Look-ups in a cache, by whether they found something.
    CACHE_REQUESTS_TOTAL = "cache_requests_total", "", ["cache", "result"], "perf-host";
    /// Entries that a cache has no more, by why.
    CACHE_EVICTIONS_TOTAL = "cache_evictions_total", "", ["cache", "cause"], "perf-host";
    /// Entries in a cache.
    CACHE_ENTRIES = "cache_entries", "", ["cache"], "perf-host";
    /// The weight of a cache's entries: their number, without a weigher.
    CACHE_WEIGHT = "cache_weight", "", ["cache"], "perf-host";
    /// How long it took to load an entry, with or without success: a histogram, there from the first load on.
    CACHE_LOAD_DURATION_SECONDS = "cache_load_duration_seconds", "seconds", ["cache"], "perf-host";
    /// Time that went into monitoring, by part, beside what measured calls cost their own threads.
    MONITORING_TIME_SECONDS_TOTAL = "monitoring_time_seconds_total", "seconds", ["part"], "perf-host";
    /// Time that each sampler took.
    MONITORING_SAMPLER_TIME_SECONDS_TOTAL = "monitoring_sampler_time_seconds_total", "seconds", ["sampler"], "perf-host";
    /// How many times a sampler panicked.
    MONITORING_SAMPLER_PANICS_TOTAL = "monitoring_sampler_panics_total", "", ["sampler"], "perf-host";
    /// The share of one processor core that monitoring takes, beside what measured calls cost their own threads.
    MONITORING_CORE_UTILIZATION_RATIO = "monitoring_core_utilization_ratio", "ratio", [], "perf-host";
    /// Ticks, of which there is to be one a second.
    MONITORING_TICKS_TOTAL = "monitoring_ticks_total", "", [], "perf-host";
    /// Seconds without a tick, and ticks that panicked.
    MONITORING_TICKS_LOST_TOTAL = "monitoring_ticks_lost_total", "", ["reason"], "perf-host";
    /// How long the last tick took.
    MONITORING_TICK_DURATION_SECONDS = "monitoring_tick_duration_seconds", "seconds", [], "perf-host";
    /// How long the longest tick took.
    MONITORING_TICK_DURATION_MAX_SECONDS = "monitoring_tick_duration_max_seconds", "seconds", [], "perf-host";
    /// Calls that were measured.
    MONITORING_CALLS_TOTAL = "monitoring_calls_total", "", [], "perf-host";
    /// Calls that were measured in a second, over the last five.
    MONITORING_CALLS_PER_SECOND = "monitoring_calls_per_second", "", [], "perf-host";
    /// Texts that were written for scrapes.
    MONITORING_RENDERS_TOTAL = "monitoring_renders_total", "", [], "perf-host";
    /// Series that are kept.
    MONITORING_SERIES = "monitoring_series", "", ["origin"], "perf-host";
    /// How many times a label's value was replaced, because there were too many.
    MONITORING_LABEL_OVERFLOW_TOTAL = "monitoring_label_overflow_total", "", [], "perf-host";
    /// Bytes of memory that monitoring keeps, estimated from sizes.
    MONITORING_MEMORY_BYTES = "monitoring_memory_bytes", "bytes", ["component"], "perf-host";
    /// Processor time of the process by a profiler's samples, by whether a measured call ran.
    PROFILER_CPU_SECONDS_TOTAL = "profiler_cpu_seconds_total", "seconds", ["call"], "perf-host";
    /// The share of the process's processor time since the profiler's start that its samples stand for: near 1, or a little above by chance.
    PROFILER_COVERAGE_RATIO = "profiler_coverage_ratio", "ratio", [], "perf-host";
    /// Threads, by whether a profiler samples them.
    PROFILER_THREADS = "profiler_threads", "", ["state"], "perf-host";
    /// Memory that a component of the application holds.
    MEMORY_USAGE_BYTES = "memory_usage_bytes", "bytes", ["component"], "perf-runtime";
    /// The service that the process is an instance of; always 1.
    TARGET_INFO = "target_info", "", ["service_name", "service_version", "service_instance_id"], "perf-runtime";
    /// Answers to HTTP requests that are being sent, of those that come in several parts or wait for one, such as streams of
    /// events.
    HTTP_OPEN_STREAMS = "http_open_streams", "", ["method", "route"], "perf-runtime";
    /// Bodies of HTTP requests, as they were announced: a histogram.
    HTTP_REQUEST_SIZE_BYTES = "http_request_size_bytes", "bytes", ["method", "route"], "perf-server";
    /// Bodies of HTTP answers, as they were taken: a histogram.
    HTTP_RESPONSE_SIZE_BYTES = "http_response_size_bytes", "bytes", ["method", "route"], "perf-server";
    /// Frames that browsers drew in a second, the mean of the last minute, by page.
    UI_FRAMES_PER_SECOND = "ui_frames_per_second", "hertz", ["page"], "perf-server";
    /// Frames that a browser drew in a second, by page: a histogram.
    UI_FRAME_RATE_HERTZ = "ui_frame_rate_hertz", "hertz", ["page"], "perf-server";
    /// Time until a browser had drawn something, by page: a histogram.
    UI_RENDER_SECONDS = "ui_render_seconds", "seconds", ["page"], "perf-server";
    /// Time from a person's input until a browser had drawn what came of it: a histogram.
    UI_INTERACTION_SECONDS = "ui_interaction_seconds", "seconds", ["page"], "perf-server";
    /// Time until a WebSocket was open or a message answered, by page: a histogram.
    UI_WEBSOCKET_SECONDS = "ui_websocket_seconds", "seconds", ["page"], "perf-server";
    /// Series of calls that were unusual in the last minute, of those that were called and whose usual range is known. Absent while that
    /// is known of fewer than ten.
    INSIGHT_UNUSUAL_SERIES_RATIO = "insight_unusual_series_ratio", "ratio", [], "perf-insight";
    /// The same, of those that were slower or failed more than is usual; 0 while no requests, workflows, agents or operations are
    /// among them.
    INSIGHT_HURT_SERIES_RATIO = "insight_hurt_series_ratio", "ratio", [], "perf-insight";
}

#[cfg(test)]
mod tests {
    use super::ALL;
    use std::collections::BTreeSet;

    #[test]
    fn each_name_is_there_once_and_its_constant_is_called_so() {
        let names: BTreeSet<&str> = ALL.iter().map(|known| known.name).collect();
        assert_eq!(names.len(), ALL.len());
        for known in ALL {
            assert_eq!(known.constant, known.name.to_uppercase());
            let units = ["ratio", "seconds", "bytes", "bytes_per_second"];
            let unit = units.into_iter().find(|unit| known.unit == *unit);
            assert!(unit.is_none_or(|unit| known.name.contains(unit) || known.name.starts_with("perf_")), "{known:?}");
        }
    }
}
