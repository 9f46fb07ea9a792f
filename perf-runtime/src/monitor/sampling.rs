//! Samplers: values that are read once in a while rather than counted, on the ticker's thread.

use super::{Inner, Monitor};
use crate::extend::{Cost, Costs, PartCost};
use crate::guarded::run_guarded;
use crate::measure::clock::Moment;
use crate::observe::metrics::sampled::{SampledMetric, Sheet};
use crate::observe::pace::Pace;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The values that a sampler reads: a sampler puts them here.
pub struct Samples<'a> {
    monitor: &'a Monitor,
    sheet: &'a mut Sheet,
    observed_since: Duration,
}

impl Samples<'_> {
    /// Puts the value of a series. `None`, or a number that is not finite, says that it could not be read: then there
    /// is no such series, until it is read again. The same goes for a series that is not put at all. Label values are
    /// bounded as those of all series made at run time.
    pub fn put(&mut self, metric: &SampledMetric, labels: &[(&str, &str)], value: impl Into<Option<f64>>) {
        self.sheet.put(self.monitor.inner.registry.custom(), metric, labels, value.into());
    }

    /// Says in words what a value that was [put](Self::put) this time cannot: such as the calls that hold a lock. Alerts and the health say it
    /// after the value. It is no label, so a series stays the same while its words change. 500 bytes are kept, until
    /// the value is put again. A value that was not put has none.
    pub fn note(&mut self, metric: &SampledMetric, labels: &[(&str, &str)], text: &str) {
        self.sheet.note(metric, labels, text);
    }

    /// The monitor that asks. A sampler that kept it would keep the monitor alive for ever.
    pub fn monitor(&self) -> &Monitor {
        self.monitor
    }

    /// The [uptime](Monitor::uptime) since which ticks have come without a gap: zero, or the end of the last gap, in which
    /// the process was stopped or starved. A sampler that tells how long something has gone on counts from here, since what
    /// nobody observed is no evidence.
    pub fn observed_since(&self) -> Duration {
        self.observed_since
    }
}

/// When the samplers ran, and since when without a gap.
#[derive(Debug, Default)]
struct Looks {
    last: Option<Moment>,
    pace: Pace,
    since: Option<Moment>,
}

impl Looks {
    /// Takes in a look, and gives the end of the last gap.
    fn look(&mut self, now: Moment) -> Option<Moment> {
        let last = self.last.replace(now);
        if last.is_some_and(|last| self.pace.is_gap(now.since(last))) {
            self.since = Some(now);
        }
        self.since
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
    waiting: Mutex<Vec<Registered>>,
    looks: Mutex<Looks>,
    costs: Costs,
}

/// A sampler, as the ticker has it.
struct Registered {
    cost: Cost,
    every: Duration,
    last: Option<Moment>,
    has_ended: Arc<AtomicBool>,
    sample: Sample,
    sheet: Sheet,
}

/// The guard of a sampler that [`Monitor::sampler`] registered.
#[must_use = "dropping the guard ends the sampling"]
pub struct Sampler {
    name: Box<str>,
    /// `None` where the sampling goes on without the guard.
    has_ended: Option<Arc<AtomicBool>>,
}

impl Sampler {
    /// Has the sampling go on for as long as the monitor lives.
    pub fn keep(mut self) {
        self.has_ended = None;
    }
}

impl Drop for Sampler {
    fn drop(&mut self) {
        if let Some(has_ended) = &self.has_ended {
            has_ended.store(true, Ordering::Relaxed);
        }
    }
}

impl fmt::Debug for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sampler").field("name", &self.name).finish_non_exhaustive()
    }
}

impl fmt::Debug for Samplers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Samplers").field("costs", &self.costs).finish_non_exhaustive()
    }
}

impl Samplers {
    fn waiting(&self) -> MutexGuard<'_, Vec<Registered>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn add(&self, name: &str, every: Duration, sample: Sample) -> Sampler {
        let has_ended = Arc::default();
        let guard = Sampler { name: name.into(), has_ended: Some(Arc::clone(&has_ended)) };
        let cost = self.costs.of(name);
        self.waiting().push(Registered { cost, every, last: None, has_ended, sample, sheet: Sheet::default() });
        guard
    }

    /// Takes in a look, and gives the end of the last gap.
    fn look(&self, now: Moment) -> Option<Moment> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner).look(now)
    }

    /// The cost of each, by name.
    pub(super) fn in_short(&self) -> Vec<PartCost> {
        self.costs.all()
    }
}

impl Monitor {
    /// Has `sample` read something every so often, for as long as the monitor lives, at the tick: on the monitor's own
    /// thread, never on the async runtime, and before the rules are judged. Its values are exposed and judged as the
    /// application's own metrics are, under the names it gives, without the namespace.
    ///
    /// It is run at the next tick and then whenever `every` is over, at most once a tick; zero is every tick. It should
    /// take microseconds: while it blocks, nothing else is observed, so a reading that may hang belongs on a thread of
    /// its own, with the sampler only passing on the result. A sampler that panics has read nothing this time; it is
    /// counted ([`Overhead`](crate::extend::Overhead)) and run again the next time.
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
        self.sampler(name, every, sample).keep();
    }

    /// As [`sample`](Self::sample), until the guard is dropped. The series that it read are gone at the tick after
    /// that, and so is what `sample` holds.
    ///
    /// ```
    /// # use perf_runtime::metric::SampledMetric;
    /// # use std::time::Duration;
    /// # const SPOOLED: SampledMetric = SampledMetric::gauge("spool_size_bytes", "bytes", "Bytes that wait in the spool.");
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// let sampler = monitor.sampler("spool", Duration::ZERO, |samples| samples.put(&SPOOLED, &[], 4_096.0));
    /// // As long as there is a spool:
    /// drop(sampler);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn sampler(
        &self,
        name: &str,
        every: Duration,
        sample: impl FnMut(&mut Samples<'_>) + Send + 'static,
    ) -> Sampler {
        self.inner.samplers.add(name, every, Box::new(sample))
    }

    /// Runs the samplers that are due, and drops those that ended.
    pub(super) fn run_samplers(&self, now: Moment) {
        let gap_ended = self.inner.samplers.look(now);
        let observed_since = gap_ended.map(|ended| ended.since(self.inner.started)).unwrap_or_default();
        // Taken out while they run: one may add another.
        let mut running = std::mem::take(&mut *self.inner.samplers.waiting());
        for sampler in running.extract_if(.., |sampler| sampler.has_ended.load(Ordering::Relaxed)) {
            sampler.end();
        }
        for sampler in running.iter_mut().filter(|sampler| sampler.is_due(now)) {
            sampler.last = Some(now);
            sampler.run(self, observed_since);
        }
        self.inner.samplers.waiting().splice(0..0, running);
    }
}

impl Registered {
    /// Ticks come a little sooner or later: half a tick too soon is soon enough.
    fn is_due(&self, now: Moment) -> bool {
        let early = Duration::from_millis(500);
        self.last.is_none_or(|last| now.since(last) + early >= self.every)
    }

    fn run(&mut self, monitor: &Monitor, observed_since: Duration) {
        let Self { sample, sheet, cost, .. } = self;
        sheet.begin();
        if cost.time(|| run_guarded(|| sample(&mut Samples { monitor, sheet, observed_since }))).is_some() {
            sheet.end();
        } else {
            // The values that it gave before it panicked are withdrawn.
            sheet.clear();
            cost.add_panic();
        }
    }

    /// Withdraws the series, and drops what the sampler holds.
    fn end(mut self) {
        self.sheet.clear();
        run_guarded(|| drop(self.sample));
    }
}

impl Inner {
    /// A handle to the monitor that this is.
    pub(super) fn handle(self: &Arc<Self>) -> Monitor {
        Monitor { inner: Arc::clone(self) }
    }
}
