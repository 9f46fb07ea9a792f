// The pages for what is sampled of the process and its host, and what each of them shows. `names.js` is made by the service: a
// constant for each well-known metric, called as the metric is, in upper case.

import * as address from "./address.js";
import * as names from "./names.js";
import { pageOf, pageOfKind } from "./pages.js";
import { age, bytes, duration, inUnit, number, partsOf, rate, share, throughput } from "./format.js";

const hertz = (value) => inUnit(value, "/s");
const celsius = (value) => inUnit(value, "°C");
const watts = (value) => inUnit(value, "W");

/**
 * A chart: its lines are the series of some metrics. `label` names one, else its labels do; `where` chooses by labels;
 * `of` a counter draws its rate, `rate: true` how often a histogram counted. `least` is the least top of the axis, `limit`
 * the indicator whose thresholds are drawn. Of numbers that should be 0, `isBad` tells those that are not; any other is as the
 * indicator or an alert about its metric says.
 */
const chart = (title, show, lines, more = {}) => ({ title, show, lines, ...more });
/** A number at the top of a page: of several series the largest (`least`: the smallest), and `which` that is by a label. */
const tile = (title, show, of, more = {}) => ({ title, show, of, ...more });
const used = { system_memory_state: "used" };

export const RESOURCES = [
  {
    name: "host",
    title: "Host",
    tiles: [
      tile("CPU", share, names.SYSTEM_CPU_UTILIZATION_RATIO, { indicator: "cpu", note: names.SYSTEM_CPU_LOGICAL_PROCESSORS, said: (count) => `of ${number(count)} processors` }),
      tile("Memory", share, names.SYSTEM_MEMORY_UTILIZATION_RATIO, { indicator: "memory", note: names.SYSTEM_MEMORY_LIMIT_BYTES, said: (size) => `of ${bytes(size)}` }),
      tile("Fullest disk", share, names.SYSTEM_DISK_UTILIZATION_RATIO, { indicator: "disk", which: "system_filesystem_mountpoint" }),
      tile("Load", (value) => number(value), names.SYSTEM_CPU_LOAD_AVERAGE_1M, { indicator: "load", note: names.SYSTEM_CPU_LOAD_AVERAGE_15M, said: (load) => `${number(load)} over 15 min` }),
      tile("Network", throughput, names.SYSTEM_NETWORK_THROUGHPUT_BYTES_PER_SECOND, { sum: true, said: () => "in and out" }),
      tile("Host up for", age, names.SYSTEM_UPTIME_SECONDS),
    ],
    sections: [
      {
        title: "Processors and memory",
        charts: [
          chart("Processors in use", share, [{ of: names.SYSTEM_CPU_UTILIZATION_RATIO, label: "all" }, { of: names.PROCESS_CPU_UTILIZATION_RATIO, label: "this process" }], { least: 0.2, limit: "cpu" }),
          chart("Memory in use", share, [{ of: names.SYSTEM_MEMORY_UTILIZATION_RATIO, label: "all" }, { of: names.PROCESS_MEMORY_UTILIZATION_RATIO, label: "this process" }], { least: 0.2, limit: "memory" }),
          chart("Tasks that run or want to", number, [{ of: names.SYSTEM_CPU_LOAD_AVERAGE_1M, label: "1 min" }, { of: names.SYSTEM_CPU_LOAD_AVERAGE_5M, label: "5 min" }, { of: names.SYSTEM_CPU_LOAD_AVERAGE_15M, label: "15 min" }]),
          chart("Memory by what it is used for", bytes, [{ of: names.SYSTEM_MEMORY_USAGE_BYTES, where: used }, { of: names.SYSTEM_MEMORY_USAGE_BYTES, where: { system_memory_state: "cached" } }, { of: names.SYSTEM_MEMORY_USAGE_BYTES, where: { system_memory_state: "buffers" } }], { stack: true }),
          chart("Swap", bytes, [{ of: names.SYSTEM_PAGING_USAGE_BYTES, where: { system_paging_state: "used" }, label: "used" }], { unlessZero: true }),
        ],
      },
      {
        title: "Container",
        charts: [
          chart("Memory of the container", bytes, [{ of: names.CONTAINER_MEMORY_USAGE_BYTES, label: "all" }, { of: names.CONTAINER_MEMORY_WORKING_SET_BYTES, label: "working set" }, { of: names.CONTAINER_MEMORY_LIMIT_BYTES, label: "limit" }]),
          chart("Stopped for using up its share", share, [{ of: names.CONTAINER_CPU_THROTTLED_TIME_SECONDS_TOTAL, label: "of the time" }], { least: 0.05 }),
        ],
      },
      {
        title: "Disks",
        charts: [
          chart("How full", share, [{ of: names.SYSTEM_DISK_UTILIZATION_RATIO, by: ["system_filesystem_mountpoint"] }], { least: 1, limit: "disk" }),
          chart("Read and written", throughput, [{ of: names.SYSTEM_DISK_THROUGHPUT_BYTES_PER_SECOND, by: ["system_device", "disk_io_direction"] }]),
          chart("Busy disks", share, [{ of: names.SYSTEM_DISK_IO_BUSY_RATIO }], { least: 0.2 }),
          chart("Reads and writes", rate, [{ of: names.SYSTEM_DISK_OPERATIONS_TOTAL, by: ["system_device", "disk_io_direction"] }]),
        ],
      },
      {
        title: "Network",
        charts: [
          chart("Received and sent", throughput, [{ of: names.SYSTEM_NETWORK_THROUGHPUT_BYTES_PER_SECOND, by: ["network_interface_name", "network_io_direction"] }]),
          chart("Until a target answers", duration, [{ of: names.SYSTEM_NETWORK_LATENCY_SECONDS }]),
          chart("Lost and broken packets", rate, [{ of: names.SYSTEM_NETWORK_PACKETS_DROPPED_TOTAL, label: "lost" }, { of: names.SYSTEM_NETWORK_ERRORS_TOTAL, label: "broken" }], { unlessZero: true }),
        ],
      },
    ],
  },
  {
    name: "process",
    title: "Process",
    tiles: [
      tile("CPU", share, names.PROCESS_CPU_UTILIZATION_RATIO, { said: () => "of what it may use" }),
      tile("Memory", bytes, names.PROCESS_MEMORY_USAGE_BYTES, { note: names.PROCESS_MEMORY_UTILIZATION_RATIO, said: (part) => `${share(part)} of what there is` }),
      tile("Threads", number, names.PROCESS_THREADS),
      tile("Open files", number, names.PROCESS_UNIX_FILE_DESCRIPTORS, { note: names.PROCESS_UNIX_FILE_DESCRIPTOR_LIMIT, said: (limit) => `of ${number(limit)}` }),
      tile("Leak", (value) => (value > 0 ? "suspected" : "none seen"), names.PROCESS_MEMORY_LEAK_SUSPECTED, { isBad: (value) => value > 0, note: names.PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR, said: (slope) => `${bytes(slope)} an hour` }),
      tile("Up for", age, names.PROCESS_UPTIME_SECONDS),
    ],
    sections: [
      {
        title: "Processor and memory",
        charts: [
          chart("Processor time, of one core", share, [{ of: names.PROCESS_CPU_TIME_SECONDS_TOTAL }], { stack: true }),
          chart("Memory (RSS)", bytes, [{ of: names.PROCESS_MEMORY_USAGE_BYTES, label: "resident" }]),
          chart("Memory by component", bytes, [{ of: names.MEMORY_USAGE_BYTES }], { stack: true }),
          chart("How fast memory grows, in an hour", bytes, [{ of: names.PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR }], { signed: true, note: "the slope, and the interval that holds it with 99 %" }),
        ],
      },
      {
        title: "Allocator",
        charts: [
          chart("Held", bytes, [{ of: names.ALLOCATOR_LIVE_BYTES, label: "live" }, { of: names.JEMALLOC_BYTES }]),
          chart("Asked for and given back", rate, [{ of: names.ALLOCATOR_ALLOCATIONS_TOTAL, label: "asked" }, { of: names.ALLOCATOR_RELEASES_TOTAL, label: "given back" }]),
          chart("Bytes asked for", throughput, [{ of: names.ALLOCATOR_ALLOCATED_BYTES_TOTAL, label: "asked" }]),
        ],
      },
      {
        title: "Threads, files, faults",
        charts: [
          chart("Threads and open files", number, [{ of: names.PROCESS_THREADS, label: "threads" }, { of: names.PROCESS_UNIX_FILE_DESCRIPTORS, label: "open files" }]),
          chart("Turns that threads gave up or lost", rate, [{ of: names.PROCESS_CONTEXT_SWITCHES_TOTAL }]),
          chart("Page faults", rate, [{ of: names.PROCESS_PAGING_FAULTS_TOTAL }]),
          chart("Read and written", throughput, [{ of: names.PROCESS_DISK_IO_BYTES_TOTAL }]),
        ],
      },
    ],
  },
  {
    name: "executor",
    title: "Executor",
    tiles: [
      tile("Busy", share, names.TOKIO_BUSY_RATIO, { note: names.TOKIO_WORKERS, said: (count) => `${number(count)} workers` }),
      tile("A task waits", duration, names.TOKIO_SCHEDULE_DELAY_SECONDS, { said: () => "until it is run" }),
      tile("In the queue", number, names.TOKIO_GLOBAL_QUEUE_DEPTH, { said: () => "of all workers" }),
      tile("Tasks", number, names.TOKIO_ALIVE_TASKS),
      tile("Blocked threads", number, names.EXECUTOR_BLOCKED_THREADS, { isBad: (value) => value > 0 }),
      tile("Blocked for", duration, names.EXECUTOR_BLOCKED_SECONDS, { isBad: () => true, which: "function" }),
    ],
    sections: [
      {
        title: "Workers",
        charts: [
          chart("Busy workers", share, [{ of: names.TOKIO_WORKER_BUSY_RATIO, by: ["runtime", "worker"] }], { least: 0.2 }),
          chart("Until a task is run", duration, [{ of: names.TOKIO_SCHEDULE_DELAY_SECONDS }]),
          chart("Tasks that wait", number, [{ of: names.TOKIO_GLOBAL_QUEUE_DEPTH, by: ["runtime"] }, { of: names.TOKIO_BLOCKING_QUEUE_DEPTH }]),
          chart("Tasks that have not ended", number, [{ of: names.TOKIO_ALIVE_TASKS }]),
          chart("Workers that went to sleep", rate, [{ of: names.TOKIO_WORKER_PARKS_TOTAL, by: ["runtime", "worker"] }]),
          chart("Threads for blocking work", number, [{ of: names.TOKIO_BLOCKING_THREADS }], { stack: true }),
        ],
      },
      {
        title: "What blocks",
        charts: [
          chart("Functions that keep a thread", duration, [{ of: names.EXECUTOR_BLOCKED_SECONDS }], { note: "and how long they have" }),
          chart("Threads that are kept", number, [{ of: names.EXECUTOR_BLOCKED_THREADS, label: "threads" }], { unlessZero: true }),
        ],
      },
    ],
  },
  {
    name: "pools",
    title: "Pools, caches",
    tiles: [
      tile("Fullest pool", share, names.DB_POOL_UTILIZATION_RATIO, { indicator: "pool", which: "pool" }),
      tile("Waiting", number, names.DB_CLIENT_CONNECTION_PENDING_REQUESTS, { sum: true, said: () => "for a connection" }),
      tile("Lowest hit ratio", share, names.CACHE_HIT_RATIO, { least: true, which: "cache" }),
      tile("Entries", number, names.CACHE_ENTRIES, { sum: true, said: () => "in all caches" }),
    ],
    sections: [
      {
        title: "Pools",
        charts: [
          chart("Pools in use", share, [{ of: names.DB_POOL_UTILIZATION_RATIO }], { least: 1, limit: "pool" }),
          chart("Connections", number, [{ of: names.DB_CLIENT_CONNECTIONS }], { stack: true }),
          chart("Who waits for a connection", number, [{ of: names.DB_CLIENT_CONNECTION_PENDING_REQUESTS }]),
          chart("How long they waited", duration, [{ of: names.DB_CLIENT_CONNECTION_WAIT_TIME_SECONDS }], { note: "mean" }),
          chart("Who got none", rate, [{ of: names.DB_CLIENT_CONNECTION_FAILURES_TOTAL }], { unlessZero: true }),
        ],
      },
      {
        title: "Caches",
        charts: [
          chart("Look-ups that found something", share, [{ of: names.CACHE_HIT_RATIO }], { least: 1 }),
          chart("Look-ups", rate, [{ of: names.CACHE_REQUESTS_TOTAL }], { stack: true }),
          chart("Entries", number, [{ of: names.CACHE_ENTRIES }]),
          chart("Entries that are no more", rate, [{ of: names.CACHE_EVICTIONS_TOTAL }]),
          chart("Until something is loaded", duration, [{ of: names.CACHE_LOAD_DURATION_SECONDS }], { note: "mean" }),
        ],
      },
    ],
  },
  {
    name: "gpu",
    title: "GPU",
    tiles: [
      tile("Busiest GPU", share, names.HW_GPU_UTILIZATION_RATIO),
      tile("Fullest memory", share, names.HW_GPU_MEMORY_UTILIZATION_RATIO),
      tile("Warmest", celsius, names.HW_TEMPERATURE_CELSIUS),
      tile("Power", watts, names.HW_POWER_WATTS, { sum: true }),
    ],
    sections: [
      {
        title: "Devices",
        charts: [
          chart("Busy", share, [{ of: names.HW_GPU_UTILIZATION_RATIO }], { least: 0.2 }),
          chart("Memory", bytes, [{ of: names.HW_GPU_MEMORY_USAGE_BYTES }]),
          chart("Temperature", celsius, [{ of: names.HW_TEMPERATURE_CELSIUS }]),
          chart("Power", watts, [{ of: names.HW_POWER_WATTS }]),
        ],
      },
    ],
  },
  {
    name: "browsers",
    title: "Browsers",
    tiles: [
      tile("Frame rate", hertz, names.UI_FRAMES_PER_SECOND, { least: true, which: "page" }),
    ],
    sections: [
      {
        title: "What people's browsers tell",
        charts: [
          chart("Frames a second", hertz, [{ of: names.UI_FRAME_RATE_HERTZ }], { note: "mean, by page", least: 60 }),
          chart("From input to picture", duration, [{ of: names.UI_INTERACTION_SECONDS }], { note: "mean, by page" }),
          chart("Until something is drawn", duration, [{ of: names.UI_RENDER_SECONDS }], { note: "mean, by page" }),
          chart("Until a WebSocket answers", duration, [{ of: names.UI_WEBSOCKET_SECONDS }], { note: "mean, by page" }),
          chart("Inputs", rate, [{ of: names.UI_INTERACTION_SECONDS, rate: true }], { note: "by page" }),
        ],
      },
    ],
  },
  {
    name: "monitoring",
    title: "Own cost",
    tiles: [
      tile("Of one core", share, names.MONITORING_CORE_UTILIZATION_RATIO, { said: () => "beside the calls' own" }),
      tile("Memory", bytes, names.MONITORING_MEMORY_BYTES, { sum: true, said: () => "series and windows" }),
      tile("Calls measured", rate, names.MONITORING_CALLS_PER_SECOND),
      tile("Series", number, names.MONITORING_SERIES, { sum: true }),
      tile("Last tick", duration, names.MONITORING_TICK_DURATION_SECONDS, { note: names.MONITORING_TICK_DURATION_MAX_SECONDS, said: (longest) => `longest ${duration(longest)}` }),
      tile("Ticks lost", number, names.MONITORING_TICKS_LOST_TOTAL, { sum: true, isBad: (value) => value > 0 }),
    ],
    sections: [
      {
        title: "What monitoring costs",
        charts: [
          chart("Time, of one core", share, [{ of: names.MONITORING_TIME_SECONDS_TOTAL }], { stack: true }),
          chart("Time in samplers, of one core", share, [{ of: names.MONITORING_SAMPLER_TIME_SECONDS_TOTAL }], { stack: true }),
          chart("Memory", bytes, [{ of: names.MONITORING_MEMORY_BYTES }], { stack: true }),
          chart("How long a tick takes", duration, [{ of: names.MONITORING_TICK_DURATION_SECONDS, label: "a tick" }]),
          chart("Calls measured", rate, [{ of: names.MONITORING_CALLS_PER_SECOND, label: "calls" }]),
          chart("Series", number, [{ of: names.MONITORING_SERIES }], { stack: true }),
          chart("Label values replaced", rate, [{ of: names.MONITORING_LABEL_OVERFLOW_TOTAL, label: "replaced" }], { unlessZero: true }),
        ],
      },
    ],
  },
];

/** Where one sees more of a series of calls, or of a metric's; nothing where it is not known any more. */
export function toSubject(store, series) {
  const row = store.find(series);
  const [metric, labels] = partsOf(series);
  if (row) return address.toSeries(row);
  const page = labels.length === 0 && pageOfKind(metric);
  return page ? address.to(page) : toMetric(store, metric);
}

function toMetric(store, metric) {
  if (!store.names?.includes(metric)) return null;
  const page = pageOf(metric);
  return page ? address.to(page.id) : address.to("metrics", [], { find: metric });
}
