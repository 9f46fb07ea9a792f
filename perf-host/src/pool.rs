//! Pools of connections: how many there are, how many are in use, who waits.

use crate::lazy_histogram::{LazyHistogram, Timing};
use perf_runtime::Monitor;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use stall::Stall;
use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

#[cfg(feature = "bb8")]
mod bb8;
#[cfg(feature = "deadpool")]
mod deadpool;
#[cfg(feature = "sqlx")]
mod sqlx;
mod stall;

#[cfg(feature = "bb8")]
pub use self::bb8::Bb8Pool;

/// The rules and the health look for this name.
const RATIO: SampledMetric = SampledMetric::gauge(
    names::DB_POOL_UTILIZATION_RATIO,
    "ratio",
    "Connections of a pool in use, of those that it may have, over the last ten seconds. 1 while somebody waits.",
);
const COUNT: SampledMetric =
    SampledMetric::gauge(names::DB_CLIENT_CONNECTIONS, "", "Connections of a pool, by whether they are in use.");
const MAX: SampledMetric =
    SampledMetric::gauge(names::DB_CLIENT_CONNECTION_MAX, "", "Connections that a pool may have.");
const PENDING: SampledMetric = SampledMetric::gauge(
    names::DB_CLIENT_CONNECTION_PENDING_REQUESTS,
    "",
    "Callers that wait for a connection of a pool.",
);
const STALLED: SampledMetric = SampledMetric::gauge(
    names::DB_CLIENT_CONNECTION_STALLED_SECONDS,
    "seconds",
    "For how long callers have waited for a connection of a pool while none got one.",
);
const FAILURES: SampledMetric = SampledMetric::counter(
    names::DB_CLIENT_CONNECTION_FAILURES_TOTAL,
    "",
    "Callers that waited for a connection and got none: an error came, or they gave up.",
);
const WAITED: SampledMetric = SampledMetric::counter(
    names::DB_CLIENT_CONNECTION_WAITED_SECONDS_TOTAL,
    "seconds",
    "Time for which was waited for connections, as the pool says it.",
);
const WAIT_TIME: &str = names::DB_CLIENT_CONNECTION_WAIT_TIME_SECONDS;

/// So many looks, a second apart, make the utilisation: for a moment every pool is used up now and then.
const LOOKS: usize = 10;

/// The state of a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolUsage {
    /// Connections that there are.
    pub connections: u64,
    /// Those of them that nobody uses.
    pub idle: u64,
    /// The most connections that there may be.
    pub max: u64,
    /// Callers that wait for a connection, where the pool knows.
    pub waiting: Option<u64>,
    /// Callers that waited for a connection and got none, where the pool counts them. Those who gave up are not among them:
    /// [`PoolWatch::wait`] adds them.
    pub failures: Option<u64>,
    /// For how long was waited, all in all, where the pool knows; without the time of those who gave up.
    pub waited: Option<Duration>,
}

/// A pool that can be watched: those of `sqlx`, `deadpool` and `bb8` with the feature of that name, and your own.
pub trait ConnectionPool: Send + 'static {
    /// The state of the pool; `None` once it is closed. Called once a second on the monitor's thread: it must not wait for long.
    fn usage(&self) -> Option<PoolUsage>;
}

/// Has a pool watched from the next tick on, under the label `pool` = `name`. The rule `pool` and the health's indicator of
/// the same name judge how much of it is in use. Where callers wait through the [`PoolWatch`], a pool that nobody got a
/// connection of for ten seconds makes the process unhealthy; else it is only short.
///
/// The pool is held for as long as the monitor lives: close it where its connections are to end before.
///
/// ```
/// use perf_host::{ConnectionPool, PoolUsage};
///
/// struct Printers;
///
/// impl ConnectionPool for Printers {
///     fn usage(&self) -> Option<PoolUsage> {
///         Some(PoolUsage { connections: 3, idle: 1, max: 4, ..PoolUsage::default() })
///     }
/// }
///
/// let monitor = perf_runtime::monitor();
/// let watch = perf_host::watch_pool(&monitor, "printers", Printers);
/// # let acquire = async { Ok::<_, std::io::Error>(()) };
/// # async {
/// let printer = watch.wait(acquire).await?; // so who waits, and for how long, is known of every pool
/// # Ok::<_, std::io::Error>(printer)
/// # };
/// ```
pub fn watch_pool(monitor: &Monitor, name: &str, pool: impl ConnectionPool) -> PoolWatch {
    let help = "How long was waited for a connection of a pool, with or without success.";
    let wait_time = monitor.metrics().histogram(WAIT_TIME).unit("seconds").help(help).label("pool", name);
    let watch = PoolWatch { wait_time: Arc::new(LazyHistogram::new(wait_time)), waits: Arc::default() };
    let (name, waits) = (name.to_owned(), Arc::clone(&watch.waits));
    let mut seen = VecDeque::with_capacity(LOOKS);
    let mut stall = Stall::default();
    monitor.sample(&format!("pool {name}"), Duration::ZERO, move |samples| {
        if let Some(usage) = pool.usage() {
            waits.tell_stall(&name, &mut stall, samples);
            tell(&name, usage, &waits, &mut seen, samples);
        }
    });
    watch
}

fn tell(name: &str, usage: PoolUsage, waits: &Waits, seen: &mut VecDeque<f64>, samples: &mut Samples<'_>) {
    let pool = ("pool", name);
    let [pending, failed, given_up, waited_in_vain] =
        [&waits.pending, &waits.failed, &waits.given_up, &waits.given_up_nanos].map(|all| all.load(Ordering::Relaxed));
    let is_waited_for = waits.started.load(Ordering::Relaxed) > 0;
    let waiting = usage.waiting.or(is_waited_for.then_some(pending));
    let used = usage.connections.saturating_sub(usage.idle);
    let ratio = match waiting {
        // One that is given back is not idle while somebody waits for it.
        Some(1..) => Some(1.0),
        _ => (usage.max > 0).then(|| (used as f64 / usage.max as f64).min(1.0)),
    };
    if seen.len() == LOOKS {
        seen.pop_front();
    }
    seen.extend(ratio);
    samples.put(&RATIO, &[pool], (!seen.is_empty()).then(|| seen.iter().sum::<f64>() / seen.len() as f64));
    samples.put(&COUNT, &[pool, ("state", "used")], used as f64);
    samples.put(&COUNT, &[pool, ("state", "idle")], usage.idle as f64);
    samples.put(&MAX, &[pool], usage.max as f64);
    samples.put(&PENDING, &[pool], waiting.map(|waiting| waiting as f64));
    // A pool that counts knows nothing of those whose wait was dropped: no line of it ran any more.
    let failures = usage.failures.or(is_waited_for.then_some(failed)).map(|failures| failures + given_up);
    samples.put(&FAILURES, &[pool], failures.map(|failures| failures as f64));
    let waited = usage.waited.map(|waited| waited + Duration::from_nanos(waited_in_vain));
    samples.put(&WAITED, &[pool], waited.map(|waited| waited.as_secs_f64()));
}

/// Knows who waits for a connection of a pool, where the pool does not: see [`watch_pool`]. A cheap handle.
#[derive(Clone, Debug)]
pub struct PoolWatch {
    wait_time: Arc<LazyHistogram>,
    waits: Arc<Waits>,
}

#[derive(Debug, Default)]
struct Waits {
    started: AtomicU64,
    pending: AtomicU64,
    served: AtomicU64,
    failed: AtomicU64,
    given_up: AtomicU64,
    given_up_nanos: AtomicU64,
}

impl Waits {
    /// Says for how long nobody was served, where callers wait through the watch: else nobody knows.
    fn tell_stall(&self, name: &str, stall: &mut Stall, samples: &mut Samples<'_>) {
        let [started, pending, served] =
            [&self.started, &self.pending, &self.served].map(|count| count.load(Ordering::Relaxed));
        let stalled = stall.look(pending, served, samples.monitor().uptime());
        samples.put(&STALLED, &[("pool", name)], (started > 0).then_some(stalled.as_secs_f64()));
    }
}

impl PoolWatch {
    /// Waits for a connection: counts who waits, and measures for how long in the histogram
    /// `db_client_connection_wait_time_seconds`, which is there from the first wait on. A wait that is dropped, as by a
    /// timeout around it, is a wait as long as it was, and a failure. Costs two reads of the clock and a few atomic
    /// operations.
    ///
    /// # Errors
    /// Counts and times `acquire`, and gives its result.
    pub async fn wait<T, E>(&self, acquire: impl Future<Output = Result<T, E>>) -> Result<T, E> {
        let mut waiting = Waiting::begin(self);
        let acquired = acquire.await;
        waiting.end = if acquired.is_ok() { End::Served } else { End::Failed };
        acquired
    }
}

/// Somebody who waits, until dropped.
struct Waiting<'a> {
    waits: &'a Waits,
    time: Timing<'a>,
    end: End,
}

/// How a wait ends; while it goes on, how it would.
enum End {
    Served,
    Failed,
    GivenUp,
}

impl<'a> Waiting<'a> {
    fn begin(PoolWatch { wait_time, waits }: &'a PoolWatch) -> Self {
        waits.pending.fetch_add(1, Ordering::Relaxed);
        waits.started.fetch_add(1, Ordering::Relaxed);
        Self { waits, time: wait_time.time(), end: End::GivenUp }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Self { waits, time, end } = self;
        match end {
            End::Served => drop(waits.served.fetch_add(1, Ordering::Relaxed)),
            End::Failed => drop(waits.failed.fetch_add(1, Ordering::Relaxed)),
            End::GivenUp => {
                let nanos = u64::try_from(time.started.elapsed().as_nanos()).unwrap_or(u64::MAX);
                waits.given_up_nanos.fetch_add(nanos, Ordering::Relaxed);
                waits.given_up.fetch_add(1, Ordering::Relaxed);
            }
        }
        waits.pending.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
