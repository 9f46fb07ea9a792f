//! A tokio runtime: how busy its workers are, what waits for them, and for how long.

use crate::rate::Rate;
use perf_runtime::{Monitor, SampledMetric, Samples};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;

const WORKERS: SampledMetric = SampledMetric::gauge("tokio_workers", "", "Workers of a runtime.");
const BUSY: SampledMetric = SampledMetric::gauge(
    "tokio_busy_ratio",
    "ratio",
    "The share of the last five seconds in which the workers of a runtime were busy.",
);
const WORKER_BUSY: SampledMetric = SampledMetric::gauge(
    "tokio_worker_busy_ratio",
    "ratio",
    "The share of the last five seconds in which a worker was busy, as far as it has parked since.",
);
const TASKS: SampledMetric = SampledMetric::gauge("tokio_alive_tasks", "", "Tasks of a runtime that have not ended.");
const QUEUE: SampledMetric =
    SampledMetric::gauge("tokio_global_queue_depth", "", "Tasks that wait in the queue of all workers.");
const PARKS: SampledMetric =
    SampledMetric::counter("tokio_worker_parks_total", "", "How often workers had nothing to do and slept.");
const DELAY: SampledMetric = SampledMetric::gauge(
    "tokio_schedule_delay_seconds",
    "seconds",
    "How long a task waited until it was run, tried once a second; while it waits, how long it has.",
);

/// What is measured only where tokio is built with `--cfg tokio_unstable`.
#[cfg(tokio_unstable)]
mod unstable {
    use super::{Handle, SampledMetric, Samples};

    const THREADS: SampledMetric =
        SampledMetric::gauge("tokio_blocking_threads", "", "Threads for blocking work, by whether they have some.");
    const QUEUE: SampledMetric =
        SampledMetric::gauge("tokio_blocking_queue_depth", "", "Blocking work that waits for a thread.");

    pub(super) fn sample(name: &str, handle: &Handle, samples: &mut Samples<'_>) {
        let (metrics, runtime) = (handle.metrics(), ("runtime", name));
        let (all, idle) = (metrics.num_blocking_threads(), metrics.num_idle_blocking_threads());
        samples.put(&THREADS, &[runtime, ("state", "busy")], all.saturating_sub(idle) as f64);
        samples.put(&THREADS, &[runtime, ("state", "idle")], idle as f64);
        samples.put(&QUEUE, &[runtime], metrics.blocking_queue_depth() as f64);
    }
}

/// Has a tokio runtime watched from the next tick on, under the label `runtime` = `name`. [`install`](crate::install) does
/// so itself, as `main`, for the runtime it is called in.
///
/// Once a second a task is spawned that does nothing but say how long it waited. A runtime that is shut down is absent.
pub fn watch_runtime(monitor: &Monitor, name: &str, runtime: &Handle) {
    let mut watch =
        Watch { name: name.to_owned(), runtime: runtime.clone(), busy: Vec::new(), probe: Probe::default() };
    monitor.sample(&format!("runtime {name}"), Duration::ZERO, move |samples| watch.sample(samples));
}

struct Watch {
    name: String,
    runtime: Handle,
    busy: Vec<Rate>,
    probe: Probe,
}

impl Watch {
    fn sample(&mut self, samples: &mut Samples<'_>) {
        let (metrics, at) = (self.runtime.metrics(), samples.monitor().uptime());
        let runtime = ("runtime", self.name.as_str());
        samples.put(&DELAY, &[runtime], self.probe.ask(&self.runtime));
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
                // What a worker did since it last slept comes all at once: then it may seem more than all.
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
    /// When it was sent, and what it said.
    sent: Option<(Instant, Arc<Mutex<Answer>>)>,
    last: Option<f64>,
    refused: bool,
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
    /// What the last task said, or how long it has waited; and sends the next where none is on its way.
    fn ask(&mut self, runtime: &Handle) -> Option<f64> {
        if let Some((sent, answer)) = self.sent.take() {
            let said = answer.lock().unwrap_or_else(PoisonError::into_inner);
            match *said {
                Answer::Waits => {
                    drop(said);
                    let waits = sent.elapsed();
                    self.sent = Some((sent, answer));
                    return Some(waits.as_secs_f64());
                }
                Answer::Ran(waited) => (self.last, self.refused) = (Some(waited.as_secs_f64()), false),
                Answer::Dropped => (self.last, self.refused) = (None, true),
            }
        }
        let (sent, answer) = (Instant::now(), Arc::default());
        let reply = Reply(Arc::clone(&answer), sent);
        runtime.spawn(async move { reply.say(Answer::Ran(reply.1.elapsed())) });
        self.sent = Some((sent, answer));
        self.last
    }

    /// Whether the runtime is shut down.
    fn is_refused(&self) -> bool {
        self.refused
    }
}
