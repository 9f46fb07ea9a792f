//! Whether something blocks the executor's threads: by what measured functions know, whatever executor it is; and where tokio's
//! workers are known, by what they say, so that a poll counts only where it keeps a worker from its queue.

#[cfg(all(feature = "tokio", target_has_atomic = "64"))]
use crate::workers::Workers;
use perf_runtime::Monitor;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use perf_runtime::series::BlockedThread;
use std::collections::BTreeMap;
use std::time::Duration;

const BLOCKED: SampledMetric = SampledMetric::gauge(
    names::EXECUTOR_BLOCKED_SECONDS,
    "seconds",
    "For how long a function has kept a worker from its queue and still does; of several, the longest. Where no runtime of \
     several threads is watched, a thread.",
);
const THREADS: SampledMetric = SampledMetric::gauge(
    names::EXECUTOR_BLOCKED_THREADS,
    "",
    "Workers that a measured poll keeps from their queue. Where no runtime of several threads is watched, threads.",
);

/// From here on a thread is blocked: ten times what a poll may take before it is counted as slow.
const AT_LEAST: Duration = Duration::from_millis(100);

#[derive(Debug, Default)]
pub(crate) struct Executor {
    /// The blocked functions that were told already, and still block.
    told: BTreeMap<String, f64>,
}

impl Executor {
    pub(crate) fn sample(&mut self, samples: &mut Samples<'_>) {
        let mut blocked = samples.monitor().blocked_threads(AT_LEAST);
        let at = samples.monitor().uptime();
        let kept = kept_workers(samples.monitor(), at);
        if let Some(kept) = &kept {
            blocked = keepers(blocked, kept, at);
        }
        // While the process was stopped, nothing ran and nobody looked: that time is nobody's.
        let seen = at.saturating_sub(samples.observed_since()).as_secs_f64();
        for thread in &mut blocked {
            thread.seconds = thread.seconds.min(seen);
        }
        blocked.retain(|thread| thread.seconds >= AT_LEAST.as_secs_f64());
        samples.put(&THREADS, &[], blocked.len() as f64);
        let mut longest: BTreeMap<String, &BlockedThread> = BTreeMap::new();
        for thread in &blocked {
            let known = longest.entry(thread.series.clone()).or_insert(thread);
            if thread.seconds > known.seconds {
                *known = thread;
            }
        }
        for (series, thread) in &longest {
            samples.put(&BLOCKED, &[("function", series)], thread.seconds);
        }
        self.tell(&longest, if kept.is_some() { "blocked a worker" } else { "kept a thread in one poll" });
    }

    /// Once for each time that a function blocks.
    fn tell(&mut self, longest: &BTreeMap<String, &BlockedThread>, done: &str) {
        for (series, thread) in longest {
            // Shorter than the last time: it is another poll.
            if self.told.get(series).is_none_or(|before| thread.seconds < *before) {
                let seconds = thread.seconds;
                // A label that came with a request does not begin a line of the log.
                let name = series.escape_debug();
                tracing::warn!(target: "perf::host", function = series, seconds, "{name} has {done} for {seconds:.2} s, and still does");
            }
        }
        self.told = longest.iter().map(|(series, thread)| (series.clone(), thread.seconds)).collect();
    }
}

/// Of each worker that is kept, the uptime after which what keeps it began; nothing where it cannot be known.
#[cfg(all(feature = "tokio", target_has_atomic = "64"))]
fn kept_workers(monitor: &Monitor, at: Duration) -> Option<Vec<Duration>> {
    monitor.ask::<Workers>()?.kept(at, AT_LEAST)
}

#[cfg(not(all(feature = "tokio", target_has_atomic = "64")))]
fn kept_workers(_: &Monitor, _: Duration) -> Option<Vec<Duration>> {
    None
}

/// The threads that keep a worker: for each worker one whose poll began after the worker last said something, and of several
/// that whose poll is the oldest. The others' polls keep no worker from its queue.
fn keepers(mut threads: Vec<BlockedThread>, kept: &[Duration], at: Duration) -> Vec<BlockedThread> {
    let began = |thread: &BlockedThread| at.saturating_sub(Duration::from_secs_f64(thread.poll_seconds));
    threads.sort_by(|one, other| other.poll_seconds.total_cmp(&one.poll_seconds));
    let mut kept = kept.to_vec();
    // The last to begin first: it has the fewest to choose from.
    kept.sort_unstable_by(|one, other| other.cmp(one));
    let keeper = |after| Some(threads.remove(threads.iter().position(|thread| began(thread) >= after)?));
    kept.into_iter().filter_map(keeper).collect()
}
