//! The workers of the tokio runtimes that are watched: which of them one poll keeps from its queue.
//!
//! A worker that parks, or looks around after some dozens of polls, says so in its metrics. One that is neither parked nor says
//! anything is kept. `block_in_place` hands the worker to another thread, which says something at once: then a thread is kept
//! by a poll, and no worker.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, RuntimeFlavor};

/// The watched runtimes of a monitor.
#[derive(Debug, Default)]
pub(crate) struct Workers(Mutex<Vec<Runtime>>);

#[derive(Debug)]
struct Runtime {
    handle: Handle,
    has_ended: Arc<AtomicBool>,
    workers: Vec<Seen>,
    looked: Duration,
}

/// A worker as it was when it last said something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Seen {
    parked: u64,
    busy: Duration,
    /// Since when this has been so, at the latest.
    since: Instant,
    /// The uptime at which it was not so yet.
    after: Duration,
}

impl Workers {
    /// Looks at a runtime from now on, until it has ended.
    pub(crate) fn add(&self, handle: &Handle, has_ended: &Arc<AtomicBool>) {
        let (handle, has_ended) = (handle.clone(), Arc::clone(has_ended));
        let runtime = Runtime { handle, has_ended, workers: Vec::new(), looked: Duration::ZERO };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(runtime);
    }

    /// Of each worker that has been kept for at least so long, the uptime after which what keeps it began. `None` where that is
    /// not known of all threads: where no runtime is watched, or only those whose thread cannot hand its worker on, so that
    /// whatever else is kept belongs to an executor that nobody watches.
    pub(crate) fn kept(&self, at: Duration, at_least: Duration) -> Option<Vec<Duration>> {
        let mut runtimes = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        runtimes.retain(|runtime| !runtime.has_ended.load(Ordering::Relaxed));
        let mut kept = Vec::new();
        for runtime in runtimes.iter_mut() {
            runtime.look(at);
            let is_kept = |seen: &&Seen| seen.parked.is_multiple_of(2) && seen.since.elapsed() >= at_least;
            kept.extend(runtime.workers.iter().filter(is_kept).map(|seen| seen.after));
        }
        let may_hand_on = |runtime: &Runtime| runtime.handle.runtime_flavor() == RuntimeFlavor::MultiThread;
        runtimes.iter().any(may_hand_on).then_some(kept)
    }
}

impl Runtime {
    fn look(&mut self, at: Duration) {
        let metrics = self.handle.metrics();
        let (since, after) = (Instant::now(), self.looked);
        for worker in 0..metrics.num_workers() {
            let (parked, busy) = (metrics.worker_park_unpark_count(worker), metrics.worker_total_busy_duration(worker));
            match self.workers.get_mut(worker) {
                Some(seen) if (seen.parked, seen.busy) == (parked, busy) => {}
                Some(seen) => *seen = Seen { parked, busy, since, after },
                None => self.workers.push(Seen { parked, busy, since, after }),
            }
        }
        self.looked = at;
    }
}
