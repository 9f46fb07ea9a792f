//! A tokio runtime: how busy its workers are, what waits for them, and for how long.

use crate::rate::Rate;
#[cfg(target_has_atomic = "64")]
use crate::workers::Workers;
use perf_runtime::Monitor;
#[cfg(target_has_atomic = "64")]
use perf_runtime::extend::Provided;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

const WORKERS: SampledMetric = SampledMetric::gauge(names::TOKIO_WORKERS, "", "Workers of a runtime.");
const BUSY: SampledMetric = SampledMetric::gauge(
    names::TOKIO_BUSY_RATIO,
    "ratio",
    "The share of the last five seconds in which the workers of a runtime were busy.",
);
const WORKER_BUSY: SampledMetric = SampledMetric::gauge(
    names::TOKIO_WORKER_BUSY_RATIO,
    "ratio",
    "The share of the last five seconds in which a worker was busy, as far as it has parked since.",
);
const TASKS: SampledMetric =
    SampledMetric::gauge(names::TOKIO_ALIVE_TASKS, "", "Tasks of a runtime that have not ended.");
const QUEUE: SampledMetric =
    SampledMetric::gauge(names::TOKIO_GLOBAL_QUEUE_DEPTH, "", "Tasks that wait in the queue of all workers.");
const PARKS: SampledMetric =
    SampledMetric::counter(names::TOKIO_WORKER_PARKS_TOTAL, "", "How often workers had nothing to do and slept.");
const DELAY: SampledMetric = SampledMetric::gauge(
    names::TOKIO_SCHEDULE_DELAY_SECONDS,
    "seconds",
    "How long a task waited until it was run, tried once a second; while it waits, how long it has.",
);

/// Metrics that tokio has only where it is built with `--cfg tokio_unstable`.
#[cfg(tokio_unstable)]
mod unstable {
    use super::{Handle, SampledMetric, Samples, names};

    const THREADS: SampledMetric = SampledMetric::gauge(
        names::TOKIO_BLOCKING_THREADS,
        "",
        "Threads for blocking work, by whether they have some.",
    );
    const QUEUE: SampledMetric =
        SampledMetric::gauge(names::TOKIO_BLOCKING_QUEUE_DEPTH, "", "Blocking work that waits for a thread.");
    const OWN_QUEUE: SampledMetric =
        SampledMetric::gauge(names::TOKIO_WORKER_QUEUE_DEPTH, "", "Tasks that wait in a worker's own queue.");
    const POLLS: SampledMetric =
        SampledMetric::counter(names::TOKIO_WORKER_POLLS_TOTAL, "", "How often a worker polled a task.");
    const STOLEN: SampledMetric = SampledMetric::counter(
        names::TOKIO_WORKER_STEALS_TOTAL,
        "",
        "Tasks that a worker took out of another's queue.",
    );

    pub(super) fn sample(name: &str, handle: &Handle, samples: &mut Samples<'_>) {
        let (metrics, runtime) = (handle.metrics(), ("runtime", name));
        let (all, idle) = (metrics.num_blocking_threads(), metrics.num_idle_blocking_threads());
        samples.put(&THREADS, &[runtime, ("state", "busy")], all.saturating_sub(idle) as f64);
        samples.put(&THREADS, &[runtime, ("state", "idle")], idle as f64);
        samples.put(&QUEUE, &[runtime], metrics.blocking_queue_depth() as f64);
        for worker in 0..metrics.num_workers() {
            let name = worker.to_string();
            let labels = [runtime, ("worker", name.as_str())];
            samples.put(&OWN_QUEUE, &labels, metrics.worker_local_queue_depth(worker) as f64);
            samples.put(&POLLS, &labels, metrics.worker_poll_count(worker) as f64);
            samples.put(&STOLEN, &labels, metrics.worker_steal_count(worker) as f64);
        }
    }
}

/// Has a tokio runtime watched from the next tick on, under the label `runtime` = `name`. [`install`](crate::install)
/// does so itself, as `main`, for the runtime it is called in.
///
/// Once a second a task is spawned that does nothing but say how long it waited. A runtime that is shut down is absent.
///
/// Once a runtime of several threads is watched, a function is said to block a worker only where a worker of a watched runtime
/// says nothing between two ticks: not in `block_in_place` or `spawn_blocking`, and not in a runtime that nobody watches. So
/// have all of a program's runtimes watched.
pub fn watch_runtime(monitor: &Monitor, name: &str, runtime: &Handle) {
    let has_ended = Arc::<AtomicBool>::default();
    let mut watch = RuntimeSampler {
        name: name.to_owned(),
        runtime: runtime.clone(),
        busy: Vec::new(),
        probe: Probe::default(),
        #[cfg(target_has_atomic = "64")]
        _provided: look_at_workers(monitor, runtime, &has_ended),
        has_ended,
    };
    monitor.sample(&format!("runtime {name}"), Duration::ZERO, move |samples| watch.sample(samples));
}

/// Adds a runtime to those whose workers the monitor knows.
#[cfg(target_has_atomic = "64")]
fn look_at_workers(monitor: &Monitor, runtime: &Handle, has_ended: &Arc<AtomicBool>) -> Option<Provided> {
    let (mut workers, mut provided) = (monitor.ask::<Workers>(), None);
    if workers.is_none() {
        // Somebody may be faster: then theirs is taken.
        provided = monitor.provide::<Workers>(Arc::default()).ok();
        workers = monitor.ask::<Workers>();
    }
    workers.inspect(|workers| workers.add(runtime, has_ended));
    provided
}

struct RuntimeSampler {
    name: String,
    runtime: Handle,
    busy: Vec<Rate>,
    probe: Probe,
    has_ended: Arc<AtomicBool>,
    /// The first runtime has the workers of all known, for as long as the monitor lives.
    #[cfg(target_has_atomic = "64")]
    _provided: Option<Provided>,
}

impl RuntimeSampler {
    fn sample(&mut self, samples: &mut Samples<'_>) {
        let (metrics, at) = (self.runtime.metrics(), samples.monitor().uptime());
        let runtime = ("runtime", self.name.as_str());
        samples.put(&DELAY, &[runtime], self.probe.ask(&self.runtime, at, samples.observed_since()));
        self.has_ended.store(self.probe.is_refused(), Ordering::Relaxed);
        if self.probe.is_refused() {
            return;
        }
        let workers = metrics.num_workers();
        samples.put(&WORKERS, &[runtime], workers as f64);
        samples.put(&TASKS, &[runtime], metrics.num_alive_tasks() as f64);
        samples.put(&QUEUE, &[runtime], metrics.global_queue_depth() as f64);
        #[cfg(tokio_unstable)]
        unstable::sample(&self.name, &self.runtime, samples);
        // Only processors of 64 bits keep these.
        #[cfg(target_has_atomic = "64")]
        {
            self.busy.resize_with(workers, Rate::default);
            let busy = self.busy.iter_mut().enumerate().map(|(worker, rate)| {
                let seconds = metrics.worker_total_busy_duration(worker).as_secs_f64();
                // The work of a worker since it last slept comes all at once: then it may seem more than all.
                let ratio = rate.per_second(at, Some(seconds)).map(|ratio| ratio.min(1.0));
                (worker, ratio, metrics.worker_park_count(worker))
            });
            let busy: Vec<_> = busy.collect();
            for (worker, ratio, parks) in &busy {
                let worker = ("worker", worker.to_string());
                let labels = [runtime, (worker.0, worker.1.as_str())];
                samples.put(&WORKER_BUSY, &labels, *ratio);
                samples.put(&PARKS, &labels, *parks as f64);
            }
            let sum: Option<f64> = busy.iter().map(|(_, ratio, _)| *ratio).sum();
            samples.put(&BUSY, &[runtime], sum.filter(|_| workers > 0).map(|sum| sum / workers as f64));
        }
    }
}

/// A task that says how long it waited.
#[derive(Debug, Default)]
struct Probe {
    sent: Option<Sent>,
    last: Option<f64>,
    refused: bool,
}

/// A task on its way: when it was sent, and what it said.
#[derive(Debug)]
struct Sent {
    at: Duration,
    moment: Instant,
    answer: Arc<Mutex<Answer>>,
}

#[derive(Debug, Default)]
enum Answer {
    #[default]
    Waits,
    Ran(Duration),
    /// It was dropped without being run.
    Dropped,
}

/// Says that the task is gone, if it says nothing else.
struct Reply(Arc<Mutex<Answer>>, Instant);

impl Reply {
    fn say(&self, answer: Answer) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if matches!(*said, Answer::Waits) {
            *said = answer;
        }
    }
}

impl Drop for Reply {
    fn drop(&mut self) {
        self.say(Answer::Dropped);
    }
}

impl Probe {
    /// The delay of the last task, or how long it has waited so far; and sends the next where none is on its way. A task that
    /// was sent before the process was stopped waited for that too, which is not the runtime's delay.
    fn ask(&mut self, runtime: &Handle, at: Duration, observed_since: Duration) -> Option<f64> {
        if let Some(sent) = self.sent.take() {
            let is_observed = sent.at >= observed_since;
            let said = std::mem::take(&mut *sent.answer.lock().unwrap_or_else(PoisonError::into_inner));
            match said {
                Answer::Waits => {
                    let observed = at.saturating_sub(observed_since);
                    let waits = if is_observed { sent.moment.elapsed() } else { observed };
                    self.sent = Some(sent);
                    return Some(waits.as_secs_f64());
                }
                Answer::Ran(waited) => {
                    (self.last, self.refused) = (is_observed.then_some(waited.as_secs_f64()), false);
                }
                Answer::Dropped => (self.last, self.refused) = (None, true),
            }
        }
        let (moment, answer) = (Instant::now(), Arc::default());
        let reply = Reply(Arc::clone(&answer), moment);
        runtime.spawn(async move { reply.say(Answer::Ran(reply.1.elapsed())) });
        self.sent = Some(Sent { at, moment, answer });
        self.last
    }

    /// Whether the runtime is shut down.
    fn is_refused(&self) -> bool {
        self.refused
    }
}

#[cfg(all(test, tokio_unstable))]
mod tests {
    use super::*;
    use perf_runtime::metric::MetricValue;
    use std::sync::mpsc::channel;

    fn sum(monitor: &Monitor, name: &str, state: Option<&str>) -> Option<f64> {
        monitor.tick();
        let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
        let is_asked =
            |labels: &[(String, String)]| state.is_none_or(|state| labels.iter().any(|(_, value)| value == state));
        let values = metric.series.iter().filter(|one| is_asked(&one.labels)).map(|one| match one.value {
            MetricValue::Total(value) | MetricValue::Gauge(value) => value,
            _ => 0.0,
        });
        Some(values.sum())
    }

    #[test]
    fn blocking_threads_and_the_workers_own_queues_are_known() {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let runtime = builder.worker_threads(1).max_blocking_threads(1).build().unwrap();
        let monitor = Monitor::builder().build().unwrap();
        watch_runtime(&monitor, "one", runtime.handle());
        let (go_on, wait) = channel::<()>();
        let (blocks, is_blocked) = channel();
        let first = runtime.spawn_blocking(move || {
            blocks.send(()).unwrap();
            let _ = wait.recv();
        });
        is_blocked.recv().unwrap();
        let second = runtime.spawn_blocking(|| ());
        assert_eq!(sum(&monitor, "tokio_blocking_queue_depth", None), Some(1.0), "there is but one thread");
        assert_eq!(sum(&monitor, "tokio_blocking_threads", Some("busy")), Some(1.0));
        // A task of the only worker spawns five that cannot run before it ends.
        let (waits, is_waited_for) = channel();
        let (end, ended) = channel::<()>();
        let task = runtime.spawn(async move {
            (0..5).for_each(|_| drop(tokio::spawn(async {})));
            waits.send(()).unwrap();
            let _ = ended.recv();
        });
        is_waited_for.recv().unwrap();
        // One waits in the place for what runs next, which is no part of the queue.
        assert!(sum(&monitor, "tokio_worker_queue_depth", None).is_some_and(|tasks| tasks >= 4.0));
        drop((end, go_on));
        runtime.block_on(async { tokio::try_join!(task, first, second) }).unwrap();
        while sum(&monitor, "tokio_worker_polls_total", None).is_none_or(|polls| polls < 6.0) {
            std::thread::yield_now();
        }
        assert_eq!(sum(&monitor, "tokio_worker_steals_total", None), Some(0.0), "there is nobody to steal from");
    }
}
