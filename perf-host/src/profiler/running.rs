//! A profiler that runs: its thread, and the metrics of the profiler itself.

use super::error::ProfilerError;
use super::settings::ProfilerBuilder;
use super::signal::{self, Taken};
use super::timers::{Threads, Timers};
use super::{main_program, signal::all_nanos};
use perf_runtime::__profiler as calls;
use perf_runtime::Monitor;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Sampler, Samples};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::Duration;
use std::{fmt, io};

const CPU: SampledMetric = SampledMetric::counter(
    names::PROFILER_CPU_SECONDS_TOTAL,
    "seconds",
    "Processor time of the process by a profiler's samples, by whether a measured call ran.",
);
const COVERAGE: SampledMetric = SampledMetric::gauge(
    names::PROFILER_COVERAGE_RATIO,
    "ratio",
    "The share of the process's processor time since the profiler's start that its samples stand for.",
);
const THREADS: SampledMetric =
    SampledMetric::gauge(names::PROFILER_THREADS, "", "Threads, by whether a profiler samples them.");

/// How often it is looked which threads there are. A look at 64 threads takes some 30 microseconds.
const FOLLOW_EVERY: Duration = Duration::from_millis(100);

/// Whether a profiler runs in this process.
static IS_RUNNING: AtomicBool = AtomicBool::new(false);

/// A profiler of this process's calls: which of them take the processors' time. See the [module](super).
///
/// Dropped, it stops: its timers are deleted, and the signal is handled as it was before. The samples so far stay.
#[must_use = "dropping it stops the profiler"]
pub struct Profiler(Option<Running>);

/// Fields are dropped in their order: the thread with its timers, then the handler.
struct Running {
    _sampler: Sampler,
    shared: Arc<Shared>,
    _thread: Follower,
    _signal: Taken,
    _only: Only,
}

/// The state that the thread tells.
#[derive(Debug, Default)]
struct Shared {
    sampled: AtomicUsize,
    left_out: AtomicUsize,
    is_over: AtomicBool,
}

/// The thread that follows all others.
struct Follower {
    stop: Option<Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// The mark that a profiler runs.
struct Only;

impl Only {
    fn claim() -> Result<Self, ProfilerError> {
        let was_running = IS_RUNNING.swap(true, Ordering::AcqRel);
        if was_running { Err(ProfilerError::AlreadyRunning) } else { Ok(Self) }
    }
}

impl Drop for Only {
    fn drop(&mut self) {
        IS_RUNNING.store(false, Ordering::Release);
    }
}

impl Profiler {
    /// Begins to choose how it runs. As it is, at 99 samples a second, without regard to the environment.
    pub fn builder() -> ProfilerBuilder {
        ProfilerBuilder::default()
    }

    /// Whether it runs: not where a setting says otherwise, or another part of the process has taken the signal over since.
    #[must_use]
    pub fn is_running(&self) -> bool {
        self.0.as_ref().is_some_and(|running| !running.shared.is_over.load(Relaxed))
    }

    /// Stops it, as a drop does.
    pub fn stop(self) {
        drop(self);
    }

    pub(super) fn none() -> Self {
        Self(None)
    }

    /// Starts it. When this returns, every thread that there is has a timer, as far as the bound allows.
    pub(super) fn run(monitor: &Monitor, interval: Duration, most: usize) -> Result<Self, ProfilerError> {
        let only = Only::claim()?;
        if !main_program::holds(calls::count as fn(u64) as usize) {
            return Err(ProfilerError::SharedLibrary);
        }
        let signal = Taken::take(interval)?;
        let shared = Arc::default();
        let began = (all_nanos(), process_nanos());
        let thread = Follower::start(Arc::clone(&shared), interval, most)?;
        calls::begin();
        let told = Arc::clone(&shared);
        let sampler = monitor.sampler("profiler", Duration::ZERO, move |samples| tell(&told, began, samples));
        Ok(Self(Some(Running { _sampler: sampler, shared, _thread: thread, _signal: signal, _only: only })))
    }
}

impl fmt::Debug for Profiler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let threads = self.0.as_ref().map(|running| &running.shared);
        f.debug_struct("Profiler").field("is_running", &self.is_running()).field("threads", &threads).finish()
    }
}

impl Follower {
    fn start(shared: Arc<Shared>, interval: Duration, most: usize) -> Result<Self, ProfilerError> {
        let (stop, stopped) = channel();
        let (begun, has_begun) = channel();
        let follow = move || {
            let mut timers = Timers::new(interval, most);
            let first = timers.follow().map(|threads| shared.tell(threads));
            let went_well = first.is_ok();
            // Its receiver waits for it.
            _ = begun.send(first);
            if went_well {
                follow_all(&mut timers, &shared, &stopped);
            }
            shared.is_over.store(true, Relaxed);
        };
        let thread = thread::Builder::new().name("perf-profiler".to_owned()).spawn(follow);
        let thread = thread.map_err(|cause| ProfilerError::System { function: "pthread_create", cause })?;
        let follower = Self { stop: Some(stop), thread: Some(thread) };
        let ended = || io::Error::other("the profiler's thread has ended");
        let first = has_begun.recv().map_err(|_| ended()).and_then(|first| first);
        first.map_err(|cause| ProfilerError::System { function: "read of /proc/self/task", cause })?;
        Ok(follower)
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It cannot panic, and no timer is left either way.
            _ = thread.join();
        }
    }
}

/// Follows the threads until it is stopped, or the signal is no longer the profiler's: another's handler is not to have its signals.
fn follow_all(timers: &mut Timers, shared: &Shared, stopped: &Receiver<()>) {
    while stopped.recv_timeout(FOLLOW_EVERY) == Err(RecvTimeoutError::Timeout) {
        if !Taken::is_ours() {
            let signal = signal::SIGNAL;
            tracing::warn!(target: "perf::host", signal, "another part of the process handles the profiler's signal now: the profiler has stopped");
            return;
        }
        match timers.follow() {
            Ok(threads) => shared.tell(threads),
            Err(error) => tracing::debug!(target: "perf::host", %error, "the profiler cannot see the threads for now"),
        }
    }
}

impl Shared {
    fn tell(&self, threads: Threads) {
        self.sampled.store(threads.sampled, Relaxed);
        self.left_out.store(threads.left_out, Relaxed);
    }
}

/// Tells the metrics of the profiler itself. It began when its samples and the process had taken so much time.
fn tell(shared: &Shared, began: (u64, Option<u64>), samples: &mut Samples<'_>) {
    if shared.is_over.load(Relaxed) {
        return;
    }
    let (all, outside) = (all_nanos(), calls::outside().nanos);
    let seconds = |nanos: u64| Duration::from_nanos(nanos).as_secs_f64();
    samples.put(&CPU, &[("call", "measured")], seconds(all.saturating_sub(outside)));
    samples.put(&CPU, &[("call", "none")], seconds(outside));
    let used = process_nanos().zip(began.1).map(|(now, before)| now.saturating_sub(before)).filter(|&used| used > 0);
    samples.put(&COVERAGE, &[], used.map(|used| (all - began.0) as f64 / used as f64));
    samples.put(&THREADS, &[("state", "sampled")], shared.sampled.load(Relaxed) as f64);
    samples.put(&THREADS, &[("state", "left_out")], shared.left_out.load(Relaxed) as f64);
}

/// The processor time of the process so far.
fn process_nanos() -> Option<u64> {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_PROCESS_CPUTIME_ID).ok()?;
    u64::try_from(Duration::from(time).as_nanos()).ok()
}
