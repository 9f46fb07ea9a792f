//! What is read once in a while rather than counted: samplers, run by the ticker.

use super::{Inner, Monitor};
use crate::extend::PartCost;
use crate::guarded::run_guarded;
use crate::measure::clock::Moment;
use crate::observe::metrics::sampled::{SampledMetric, Sheet};
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Where a sampler says what it read.
pub struct Samples<'a> {
    monitor: &'a Monitor,
    sheet: &'a mut Sheet,
}

impl Samples<'_> {
    /// Says what was read of a series. `None`, or what is no finite number, says that it could not be read: then there is
    /// no such series, until it is read again. The same goes for what is not said at all. Label values are bounded as
    /// those of all series made at run time.
    pub fn put(&mut self, metric: &SampledMetric, labels: &[(&str, &str)], value: impl Into<Option<f64>>) {
        self.sheet.put(self.monitor.inner.registry.custom(), metric, labels, value.into());
    }

    /// The monitor that asks. A sampler that kept it would keep the monitor alive for ever.
    pub fn monitor(&self) -> &Monitor {
        self.monitor
    }
}

impl fmt::Debug for Samples<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samples").finish_non_exhaustive()
    }
}

type Sample = Box<dyn FnMut(&mut Samples<'_>) + Send>;

/// The samplers of a monitor.
#[derive(Default)]
pub(super) struct Samplers {
    waiting: Mutex<Vec<Sampler>>,
    costs: Mutex<Vec<PartCost>>,
}

struct Sampler {
    /// Its place among the costs.
    number: usize,
    every: Duration,
    last: Option<Moment>,
    sample: Sample,
    sheet: Sheet,
}

impl fmt::Debug for Samplers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samplers").field("costs", &self.costs).finish_non_exhaustive()
    }
}

impl Samplers {
    fn waiting(&self) -> MutexGuard<'_, Vec<Sampler>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn costs(&self) -> MutexGuard<'_, Vec<PartCost>> {
        self.costs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &str, every: Duration, sample: Sample) {
        let mut costs = self.costs();
        let number = costs.len();
        costs.push(PartCost { name: name.to_owned(), ..PartCost::default() });
        drop(costs);
        self.waiting().push(Sampler { number, every, last: None, sample, sheet: Sheet::default() });
    }

    /// What each costs, in the order in which they were added.
    pub(super) fn in_short(&self) -> Vec<PartCost> {
        self.costs().clone()
    }
}

impl Monitor {
    /// Has `sample` read something every so often, at the tick: on the monitor's own thread, never on the async runtime,
    /// and before the rules are judged. What it says is exposed and judged as the application's own metrics are, under
    /// the names it gives, without the namespace.
    ///
    /// It is run at the next tick and then whenever `every` is over, at most once a tick; zero is every tick. It should
    /// take microseconds: while it blocks, nothing else is observed, so what may hang belongs on a thread of its own, with
    /// the sampler only passing on what that found. One that panics has nothing read this time, is counted
    /// ([`Overhead`](crate::extend::Overhead)) and run again the next.
    ///
    /// ```
    /// use perf_runtime::metric::SampledMetric;
    /// use perf_runtime::Monitor;
    /// use std::time::Duration;
    ///
    /// const SPOOLED: SampledMetric = SampledMetric::gauge("spool_size_bytes", "bytes", "What waits in the spool.");
    ///
    /// let monitor = Monitor::builder().build()?;
    /// monitor.sample("spool", Duration::from_secs(5), |samples| {
    ///     let size = std::fs::metadata("spool.db").map(|file| file.len() as f64);
    ///     samples.put(&SPOOLED, &[], size.ok());
    /// });
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn sample(&self, name: &str, every: Duration, sample: impl FnMut(&mut Samples<'_>) + Send + 'static) {
        self.inner.samplers.add(name, every, Box::new(sample));
    }

    /// Runs the samplers that are due.
    pub(super) fn run_samplers(&self, now: Moment) {
        // Taken out while they run: one may add another.
        let mut running = std::mem::take(&mut *self.inner.samplers.waiting());
        for sampler in running.iter_mut().filter(|sampler| sampler.is_due(now)) {
            sampler.last = Some(now);
            let started = Instant::now();
            let panicked = sampler.run(self);
            let took = started.elapsed().as_secs_f64();
            if let Some(cost) = self.inner.samplers.costs().get_mut(sampler.number) {
                cost.runs += 1;
                cost.panicked += u64::from(panicked);
                cost.seconds += took;
            }
        }
        self.inner.samplers.waiting().splice(0..0, running);
    }
}

impl Sampler {
    /// Ticks come a little sooner or later: half a tick too soon is soon enough.
    fn is_due(&self, now: Moment) -> bool {
        let early = Duration::from_millis(500);
        self.last.is_none_or(|last| now.since(last) + early >= self.every)
    }

    /// Says whether it panicked.
    fn run(&mut self, monitor: &Monitor) -> bool {
        let Self { sample, sheet, .. } = self;
        sheet.begin();
        if run_guarded(|| sample(&mut Samples { monitor, sheet })).is_some() {
            sheet.end();
            return false;
        }
        // What it said so far is withdrawn.
        sheet.clear();
        true
    }
}

impl Inner {
    /// A handle to the monitor that this is.
    pub(super) fn handle(self: &Arc<Self>) -> Monitor {
        Monitor { inner: Arc::clone(self) }
    }
}
