//! Whether something blocks the executor's threads: by what measured functions know, whatever executor it is.

use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use perf_runtime::series::BlockedThread;
use std::collections::BTreeMap;
use std::time::Duration;

const BLOCKED: SampledMetric = SampledMetric::gauge(
    names::EXECUTOR_BLOCKED_SECONDS,
    "seconds",
    "For how long a function has kept a thread of the executor and still does; of several threads, the longest.",
);
const THREADS: SampledMetric = SampledMetric::gauge(
    names::EXECUTOR_BLOCKED_THREADS,
    "",
    "Threads of the executor that a measured poll keeps for long.",
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
        let blocked = samples.monitor().blocked_threads(AT_LEAST);
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
        self.tell(&longest);
    }

    /// Once for each time that a function blocks.
    fn tell(&mut self, longest: &BTreeMap<String, &BlockedThread>) {
        for (series, thread) in longest {
            // Shorter than the last time: it is another poll.
            if self.told.get(series).is_none_or(|before| thread.seconds < *before) {
                let seconds = thread.seconds;
                // A label that came with a request does not begin a line of the log.
                let name = series.escape_debug();
                tracing::warn!(
                    function = series,
                    seconds,
                    "{name} has blocked a worker for {seconds:.2} s, and still does"
                );
            }
        }
        self.told = longest.iter().map(|(series, thread)| (series.clone(), thread.seconds)).collect();
    }
}
