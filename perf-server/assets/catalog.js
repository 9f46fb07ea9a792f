// Which pages there are for what is sampled of the process and its host, and what each of them shows.

import * as address from "./address.js";
import { age, bytes, duration, inUnit, number, rate, share, throughput } from "./format.js";

const hertz = (value) => inUnit(value, "/s");
const celsius = (value) => inUnit(value, "°C");
const watts = (value) => inUnit(value, "W");

/**
 * A chart: its lines are the series of some metrics. `label` names one, else its labels do; `where` chooses by labels;
 * `of` a counter draws its rate, `rate: true` how often a histogram counted. `least` is the least top of the axis, `limit`
 * the indicator whose thresholds are drawn.
 */
const chart = (title, show, lines, more = {}) => ({ title, show, lines, ...more });
/** A number at the top of a page: of several series the largest (`least`: the smallest), and `which` that is by a label. */
const tile = (title, show, of, more = {}) => ({ title, show, of, ...more });
const used = { system_memory_state: "used" };

export const RESOURCES = [
  {
    name: "host",
    title: "Host",
    prefixes: ["system_", "container_"],
    tiles: [
      tile("CPU", share, "system_cpu_utilization_ratio", { indicator: "cpu", note: "system_cpu_logical_processors", said: (count) => `of ${number(count)} processors` }),
      tile("Memory", share, "system_memory_utilization_ratio", { indicator: "memory", note: "system_memory_limit_bytes", said: (size) => `of ${bytes(size)}` }),
      tile("Fullest disk", share, "system_disk_utilization_ratio", { indicator: "disk", which: "system_filesystem_mountpoint" }),
      tile("Load", (value) => number(value), "system_cpu_load_average_1m", { indicator: "load", note: "system_cpu_load_average_15m", said: (load) => `${number(load)} over 15 min` }),
      tile("Network", throughput, "system_network_throughput_bytes_per_second", { sum: true, said: () => "in and out" }),
      tile("Host up for", age, "system_uptime_seconds"),
    ],
    sections: [
      {
        title: "Processors and memory",
        charts: [
          chart("Processors in use", share, [{ of: "system_cpu_utilization_ratio", label: "all" }, { of: "process_cpu_utilization_ratio", label: "this process" }], { least: 0.2, limit: "cpu" }),
          chart("Memory in use", share, [{ of: "system_memory_utilization_ratio", label: "all" }, { of: "process_memory_utilization_ratio", label: "this process" }], { least: 0.2, limit: "memory" }),
          chart("Tasks that run or want to", number, [{ of: "system_cpu_load_average_1m", label: "1 min" }, { of: "system_cpu_load_average_5m", label: "5 min" }, { of: "system_cpu_load_average_15m", label: "15 min" }]),
          chart("Memory by what it is used for", bytes, [{ of: "system_memory_usage_bytes", where: used }, { of: "system_memory_usage_bytes", where: { system_memory_state: "cached" } }, { of: "system_memory_usage_bytes", where: { system_memory_state: "buffers" } }], { stack: true }),
          chart("Swap", bytes, [{ of: "system_paging_usage_bytes", where: { system_paging_state: "used" }, label: "used" }], { unlessZero: true }),
        ],
      },
      {
        title: "Container",
        charts: [
          chart("Memory of the container", bytes, [{ of: "container_memory_usage_bytes", label: "all" }, { of: "container_memory_working_set_bytes", label: "working set" }, { of: "container_memory_limit_bytes", label: "limit" }]),
          chart("Stopped for using up its share", share, [{ of: "container_cpu_throttled_time_seconds_total", label: "of the time" }], { least: 0.05 }),
        ],
      },
      {
        title: "Disks",
        charts: [
          chart("How full", share, [{ of: "system_disk_utilization_ratio", by: ["system_filesystem_mountpoint"] }], { least: 1, limit: "disk" }),
          chart("Read and written", throughput, [{ of: "system_disk_throughput_bytes_per_second", by: ["system_device", "disk_io_direction"] }]),
          chart("Busy disks", share, [{ of: "system_disk_io_busy_ratio" }], { least: 0.2 }),
          chart("Reads and writes", rate, [{ of: "system_disk_operations_total", by: ["system_device", "disk_io_direction"] }]),
        ],
      },
      {
        title: "Network",
        charts: [
          chart("Received and sent", throughput, [{ of: "system_network_throughput_bytes_per_second", by: ["network_interface_name", "network_io_direction"] }]),
          chart("Until a target answers", duration, [{ of: "system_network_latency_seconds" }]),
          chart("Lost and broken packets", rate, [{ of: "system_network_packets_dropped_total", label: "lost" }, { of: "system_network_errors_total", label: "broken" }], { unlessZero: true }),
        ],
      },
    ],
  },
  {
    name: "process",
    title: "Process",
    prefixes: ["process_", "allocator_", "jemalloc_", "memory_usage_bytes"],
    tiles: [
      tile("CPU", share, "process_cpu_utilization_ratio", { said: () => "of what it may use" }),
      tile("Memory", bytes, "process_memory_usage_bytes", { note: "process_memory_utilization_ratio", said: (part) => `${share(part)} of what there is` }),
      tile("Threads", number, "process_threads"),
      tile("Open files", number, "process_unix_file_descriptors", { note: "process_unix_file_descriptor_limit", said: (limit) => `of ${number(limit)}` }),
      tile("Leak", (value) => (value > 0 ? "suspected" : "none seen"), "process_memory_leak_suspected", { bad: (value) => value > 0, note: "process_memory_growth_bytes_per_hour", said: (slope) => `${bytes(slope)} an hour` }),
      tile("Up for", age, "process_uptime_seconds"),
    ],
    sections: [
      {
        title: "Processor and memory",
        charts: [
          chart("Processor time, of one core", share, [{ of: "process_cpu_time_seconds_total" }], { stack: true }),
          chart("Memory (RSS)", bytes, [{ of: "process_memory_usage_bytes", label: "resident" }]),
          chart("Memory by component", bytes, [{ of: "memory_usage_bytes" }], { stack: true }),
          chart("How fast memory grows, in an hour", bytes, [{ of: "process_memory_growth_bytes_per_hour" }], { signed: true, note: "the slope, and the interval that holds it with 99 %" }),
        ],
      },
      {
        title: "Allocator",
        charts: [
          chart("Held", bytes, [{ of: "allocator_live_bytes", label: "live" }, { of: "jemalloc_bytes" }]),
          chart("Asked for and given back", rate, [{ of: "allocator_allocations_total", label: "asked" }, { of: "allocator_releases_total", label: "given back" }]),
          chart("Bytes asked for", throughput, [{ of: "allocator_allocated_bytes_total", label: "asked" }]),
        ],
      },
      {
        title: "Threads, files, faults",
        charts: [
          chart("Threads and open files", number, [{ of: "process_threads", label: "threads" }, { of: "process_unix_file_descriptors", label: "open files" }]),
          chart("Turns that threads gave up or lost", rate, [{ of: "process_context_switches_total" }]),
          chart("Page faults", rate, [{ of: "process_paging_faults_total" }]),
          chart("Read and written", throughput, [{ of: "process_disk_io_bytes_total" }]),
        ],
      },
    ],
  },
  {
    name: "executor",
    title: "Executor",
    prefixes: ["tokio_", "executor_"],
    tiles: [
      tile("Busy", share, "tokio_busy_ratio", { note: "tokio_workers", said: (count) => `${number(count)} workers` }),
      tile("A task waits", duration, "tokio_schedule_delay_seconds", { said: () => "until it is run" }),
      tile("In the queue", number, "tokio_global_queue_depth", { said: () => "of all workers" }),
      tile("Tasks", number, "tokio_alive_tasks"),
      tile("Blocked threads", number, "executor_blocked_threads", { bad: (value) => value > 0 }),
      tile("Blocked for", duration, "executor_blocked_seconds", { bad: () => true, which: "function" }),
    ],
    sections: [
      {
        title: "Workers",
        charts: [
          chart("Busy workers", share, [{ of: "tokio_worker_busy_ratio", by: ["runtime", "worker"] }], { least: 0.2 }),
          chart("Until a task is run", duration, [{ of: "tokio_schedule_delay_seconds" }]),
          chart("Tasks that wait", number, [{ of: "tokio_global_queue_depth", by: ["runtime"] }, { of: "tokio_blocking_queue_depth" }]),
          chart("Tasks that have not ended", number, [{ of: "tokio_alive_tasks" }]),
          chart("Workers that went to sleep", rate, [{ of: "tokio_worker_parks_total", by: ["runtime", "worker"] }]),
          chart("Threads for blocking work", number, [{ of: "tokio_blocking_threads" }], { stack: true }),
        ],
      },
      {
        title: "What blocks",
        charts: [
          chart("Functions that keep a thread", duration, [{ of: "executor_blocked_seconds" }], { note: "and how long they have" }),
          chart("Threads that are kept", number, [{ of: "executor_blocked_threads", label: "threads" }], { unlessZero: true }),
        ],
      },
    ],
  },
  {
    name: "pools",
    title: "Pools, caches",
    prefixes: ["db_client_connection", "db_pool_", "cache_"],
    tiles: [
      tile("Fullest pool", share, "db_pool_utilization_ratio", { indicator: "pool", which: "pool" }),
      tile("Waiting", number, "db_client_connection_pending_requests", { sum: true, said: () => "for a connection" }),
      tile("Lowest hit ratio", share, "cache_hit_ratio", { least: true, which: "cache" }),
      tile("Entries", number, "cache_entries", { sum: true, said: () => "in all caches" }),
    ],
    sections: [
      {
        title: "Pools",
        charts: [
          chart("Pools in use", share, [{ of: "db_pool_utilization_ratio" }], { least: 1, limit: "pool" }),
          chart("Connections", number, [{ of: "db_client_connections" }], { stack: true }),
          chart("Who waits for a connection", number, [{ of: "db_client_connection_pending_requests" }]),
          chart("How long they waited", duration, [{ of: "db_client_connection_wait_time_seconds" }], { note: "mean" }),
          chart("Who got none", rate, [{ of: "db_client_connection_failures_total" }], { unlessZero: true }),
        ],
      },
      {
        title: "Caches",
        charts: [
          chart("Look-ups that found something", share, [{ of: "cache_hit_ratio" }], { least: 1 }),
          chart("Look-ups", rate, [{ of: "cache_requests_total" }], { stack: true }),
          chart("Entries", number, [{ of: "cache_entries" }]),
          chart("Entries that are no more", rate, [{ of: "cache_evictions_total" }]),
          chart("Until something is loaded", duration, [{ of: "cache_load_duration_seconds" }], { note: "mean" }),
        ],
      },
    ],
  },
  {
    name: "gpu",
    title: "GPU",
    prefixes: ["hw_"],
    tiles: [
      tile("Busiest GPU", share, "hw_gpu_utilization_ratio"),
      tile("Fullest memory", share, "hw_gpu_memory_utilization_ratio"),
      tile("Warmest", celsius, "hw_temperature_celsius"),
      tile("Power", watts, "hw_power_watts", { sum: true }),
    ],
    sections: [
      {
        title: "Devices",
        charts: [
          chart("Busy", share, [{ of: "hw_gpu_utilization_ratio" }], { least: 0.2 }),
          chart("Memory", bytes, [{ of: "hw_gpu_memory_usage_bytes" }]),
          chart("Temperature", celsius, [{ of: "hw_temperature_celsius" }]),
          chart("Power", watts, [{ of: "hw_power_watts" }]),
        ],
      },
    ],
  },
  {
    name: "browsers",
    title: "Browsers",
    prefixes: ["ui_"],
    tiles: [
      tile("Frame rate", hertz, "ui_frames_per_second", { least: true, bad: (value) => value < 30, which: "page" }),
    ],
    sections: [
      {
        title: "What people's browsers tell",
        charts: [
          chart("Frames a second", hertz, [{ of: "ui_frame_rate_hertz" }], { note: "mean, by page", least: 60 }),
          chart("From input to picture", duration, [{ of: "ui_interaction_seconds" }], { note: "mean, by page" }),
          chart("Until something is drawn", duration, [{ of: "ui_render_seconds" }], { note: "mean, by page" }),
          chart("Until a WebSocket answers", duration, [{ of: "ui_websocket_seconds" }], { note: "mean, by page" }),
          chart("Inputs", rate, [{ of: "ui_interaction_seconds", rate: true }], { note: "by page" }),
        ],
      },
    ],
  },
  {
    name: "monitoring",
    title: "Own cost",
    prefixes: ["monitoring_", "perf_"],
    tiles: [
      tile("Of one core", share, "monitoring_core_utilization_ratio", { bad: (value) => value > 0.05, said: () => "beside the calls' own" }),
      tile("Memory", bytes, "monitoring_memory_bytes", { sum: true, said: () => "series and windows" }),
      tile("Calls measured", rate, "monitoring_calls_per_second"),
      tile("Series", number, "monitoring_series", { sum: true }),
      tile("Last tick", duration, "monitoring_tick_duration_seconds", { note: "monitoring_tick_duration_max_seconds", said: (longest) => `longest ${duration(longest)}` }),
      tile("Ticks lost", number, "monitoring_ticks_lost_total", { sum: true, bad: (value) => value > 0 }),
    ],
    sections: [
      {
        title: "What monitoring costs",
        charts: [
          chart("Time, of one core", share, [{ of: "monitoring_time_seconds_total" }], { stack: true }),
          chart("Time in samplers, of one core", share, [{ of: "monitoring_sampler_time_seconds_total" }], { stack: true }),
          chart("Memory", bytes, [{ of: "monitoring_memory_bytes" }], { stack: true }),
          chart("How long a tick takes", duration, [{ of: "monitoring_tick_duration_seconds", label: "a tick" }]),
          chart("Calls measured", rate, [{ of: "monitoring_calls_per_second", label: "calls" }]),
          chart("Series", number, [{ of: "monitoring_series" }], { stack: true }),
          chart("Label values replaced", rate, [{ of: "monitoring_label_overflow_total", label: "replaced" }], { unlessZero: true }),
        ],
      },
    ],
  },
];

/** The page that shows a metric, where it is not one of the application's own. */
export function pageOf(metric) {
  return RESOURCES.find(({ prefixes }) => prefixes.some((prefix) => metric.startsWith(prefix)));
}

/** Where one sees more of a metric's series, where there is such a metric. */
export function toMetric(store, series) {
  const [metric] = series.split("{");
  if (!store.names?.includes(metric)) return null;
  const page = pageOf(metric);
  return page ? address.to(page.name) : address.to("metrics", [], { find: metric });
}
