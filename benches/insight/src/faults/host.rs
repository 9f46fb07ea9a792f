//! The metrics of the host, as perf-host gives them.

use super::service::Service;
use perf_runtime::Monitor;
use perf_runtime::metric::{Counter, Gauge, names};
use std::cell::Cell;
use std::time::Duration;

const GIB: f64 = 1_073_741_824.0;
const PROCESSORS: f64 = 4.0;
/// A worker that is kept for less is not blocked, as in perf-host.
const BLOCKED: Duration = Duration::from_millis(100);

pub(crate) struct Host {
    cpu: Gauge,
    own_cpu: Gauge,
    periods: Counter,
    throttled: Counter,
    memory: Gauge,
    own_memory: Gauge,
    used: Gauge,
    idle: Gauge,
    most: Gauge,
    pending: Gauge,
    pool: Gauge,
    hits: Counter,
    misses: Counter,
    seen: Cell<(u64, u64)>,
    /// The share of the processors that others use.
    pub(crate) others: Cell<f64>,
    /// The share of periods in which the quota holds the process up.
    pub(crate) held: Cell<f64>,
    /// Bytes of the process.
    pub(crate) resident: Cell<f64>,
}

impl Host {
    pub(crate) fn new(monitor: &Monitor) -> Self {
        let metrics = monitor.metrics();
        let gauge = |name: &str| metrics.gauge(name).register();
        let of_pool = |name: &str| metrics.gauge(name).label("pool", "main");
        let cache = |result: &str| {
            metrics.counter(names::CACHE_REQUESTS_TOTAL).label("cache", "points").label("result", result).register()
        };
        gauge(names::SYSTEM_MEMORY_LIMIT_BYTES).set(8.0 * GIB);
        Self {
            cpu: gauge(names::SYSTEM_CPU_UTILIZATION_RATIO),
            own_cpu: gauge(names::PROCESS_CPU_UTILIZATION_RATIO),
            periods: metrics.counter(names::CONTAINER_CPU_PERIODS_TOTAL).register(),
            throttled: metrics.counter(names::CONTAINER_CPU_THROTTLED_PERIODS_TOTAL).register(),
            memory: gauge(names::SYSTEM_MEMORY_UTILIZATION_RATIO),
            own_memory: gauge(names::PROCESS_MEMORY_USAGE_BYTES),
            used: of_pool(names::DB_CLIENT_CONNECTIONS).label("state", "used").register(),
            idle: of_pool(names::DB_CLIENT_CONNECTIONS).label("state", "idle").register(),
            most: of_pool(names::DB_CLIENT_CONNECTION_MAX).register(),
            pending: of_pool(names::DB_CLIENT_CONNECTION_PENDING_REQUESTS).register(),
            pool: of_pool(names::DB_POOL_UTILIZATION_RATIO).register(),
            hits: cache("hit"),
            misses: cache("miss"),
            seen: Cell::new((0, 0)),
            others: Cell::new(0.1),
            held: Cell::new(0.0),
            resident: Cell::new(0.6 * GIB),
        }
    }

    pub(crate) fn sample(&self, service: &Service) {
        let noise = || 0.02 * (service.dice.share() - 0.5);
        let computed = service.world.computed.replace(0.0);
        let own = (computed / PROCESSORS).min(1.0 / PROCESSORS);
        self.own_cpu.set(own);
        self.cpu.set((own + self.others.get() + noise()).clamp(0.0, 0.99));
        self.periods.add(10.0);
        let held = (10.0 * self.held.get() + 2.0 * noise()).round().max(0.0);
        self.throttled.add(held);
        self.own_memory.set(self.resident.get());
        self.memory.set((self.resident.get() / 8.0 / GIB + 0.25 + noise() / 4.0).min(0.99));
        let (used, most) = (service.pool.used.get() as f64, service.pool.most.get() as f64);
        let waiting = service.pool.waiting.borrow().len() as f64;
        self.used.set(used);
        self.idle.set((most - used).max(0.0));
        self.most.set(most);
        self.pending.set(waiting);
        self.pool.set(if waiting > 0.0 { 1.0 } else { (used / most).min(1.0) });
        let (all, hits) = service.looked_up.get();
        let (all_before, hits_before) = self.seen.replace((all, hits));
        self.hits.add((hits - hits_before) as f64);
        self.misses.add(((all - all_before) - (hits - hits_before)) as f64);
        for thread in service.monitor.blocked_threads(BLOCKED) {
            let blocked = service.monitor.metrics().gauge(names::EXECUTOR_BLOCKED_SECONDS);
            blocked.label("function", thread.series).register().set(thread.seconds);
        }
    }
}
