//! A monitor and the `metrics` facade.

use super::{Inner, Monitor, MonitorBuilder};
use crate::expose::facade::MetricsFacade;
use crate::expose::facade::push::Pushed;
use crate::expose::facade::recorder::MetricsRecorder;
use crate::log_level::tell;
use crate::measure::clock;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often a ticker pushes percentiles.
const FIGURES_EVERY: Duration = Duration::from_secs(10);

/// The state of pushing to other recorders.
#[derive(Debug, Default)]
pub(super) struct Out {
    /// Whether each tick pushes to the recorder that is installed.
    is_on: AtomicBool,
    to_the_installed: Mutex<Pushed>,
    by_hand: Mutex<Pushed>,
}

impl MonitorBuilder {
    /// How the monitor goes together with the `metrics` facade once it is installed: whether it installs its own recorder
    /// or pushes to the one that is there. See [`MetricsFacade`]; the default is `Automatic`.
    pub fn metrics_facade(mut self, facade: MetricsFacade) -> Self {
        self.facade = facade;
        self
    }
}

impl Monitor {
    /// A recorder for the `metrics` facade that counts on this monitor: for a fan-out, or for a test.
    /// [`install`](MonitorBuilder::install) installs it by itself where no recorder is installed.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let monitor = Monitor::builder().build()?;
    /// metrics::with_local_recorder(&monitor.metrics_recorder(), || {
    ///     metrics::counter!("cache_hits_total", "cache" => "users").increment(3);
    ///     metrics::gauge!("queue.depth").set(7);
    /// });
    /// let text = monitor.render_prometheus();
    /// assert!(text.contains(r#"cache_hits_total{cache="users"} 3"#));
    /// assert!(text.contains("queue_depth 7"));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn metrics_recorder(&self) -> MetricsRecorder {
        MetricsRecorder::new(&self.inner.registry)
    }

    /// Pushes the monitor's series to a recorder: what was counted since the last call of this function, as counters by
    /// outcome; calls in flight, and p50, p90, p99 and the maximum of the last minute in seconds, as gauges (`NaN` where
    /// no call ended in it). The application's own metrics are not among them.
    ///
    /// An installed monitor does this once a second where another recorder is installed (see [`MetricsFacade`]), percentiles
    /// every ten seconds; that is counted apart. Costs some microseconds for each series, most of them the recorder's, and as
    /// much again for those that were called within the last minute.
    pub fn flush_to(&self, recorder: &dyn metrics::Recorder) {
        self.inner.push(&self.inner.out.by_hand, recorder, Duration::ZERO);
    }

    /// Takes its place beside the recorder that is installed, or as the one that is.
    pub(super) fn join_facade(&self, facade: MetricsFacade) {
        let is_served_beside = facade == MetricsFacade::Automatic && self.inner.others.has_sources();
        let pushes = match facade {
            MetricsFacade::Automatic => !self.install_recorder() && !is_served_beside,
            MetricsFacade::Receive => {
                if !self.install_recorder() {
                    tell!(WARN, "another `metrics` recorder is installed: its metrics are not observed here");
                }
                false
            }
            MetricsFacade::Push => true,
            MetricsFacade::Off => false,
        };
        self.inner.out.is_on.store(pushes, Ordering::Relaxed);
    }

    fn install_recorder(&self) -> bool {
        // An isolated test has a recorder, which counts on its monitor.
        #[cfg(any(test, feature = "test-util"))]
        if isolation::current().is_some() {
            return true;
        }
        let is_ours = metrics::set_global_recorder(self.metrics_recorder()).is_ok();
        if is_ours {
            tell!(
                INFO,
                "perf is now the recorder of `metrics`; another one that is installed later fails. Install the other before \
                 the monitor, or set `metrics_facade`"
            );
        }
        is_ours
    }
}

impl Inner {
    /// Pushes the changes since the last tick.
    pub(super) fn push_to_the_installed(&self) {
        if !self.out.is_on.load(Ordering::Relaxed) {
            return;
        }
        let push = || {
            metrics::with_recorder(|recorder| {
                if !is_nobody(recorder) {
                    self.push(&self.out.to_the_installed, recorder, FIGURES_EVERY);
                }
            });
        };
        // A recorder is the application's: that it panics must not end the ticker.
        if catch_unwind(AssertUnwindSafe(push)).is_err() {
            self.out.is_on.store(false, Ordering::Relaxed);
            tell!(ERROR, "the installed `metrics` recorder panicked: nothing more is pushed to it");
        }
    }

    fn push(&self, pushed: &Mutex<Pushed>, recorder: &dyn metrics::Recorder, figures_every: Duration) {
        let mut pushed = pushed.lock().unwrap_or_else(PoisonError::into_inner);
        pushed.push(&self.registry, self.model.prefix(), recorder, clock::now(), figures_every);
    }
}

/// Whether this is the recorder that the facade gives where none is installed: a static without a size. One that somebody
/// installed is in a box, and a box of something without a size is at no real address.
fn is_nobody(recorder: &dyn metrics::Recorder) -> bool {
    let dangling = align_of_val(recorder);
    size_of_val(recorder) == 0 && std::ptr::from_ref(recorder).addr() != dangling
}

#[cfg(test)]
mod tests {
    use super::is_nobody;
    use metrics::{NoopRecorder, Recorder};

    #[test]
    fn nobody_is_told_from_a_recorder_without_a_size() {
        // No test of this crate installs a recorder for the process.
        assert!(metrics::with_recorder(|recorder| is_nobody(recorder)));
        let installed: &dyn Recorder = Box::leak(Box::new(NoopRecorder));
        assert!(!is_nobody(installed));
        assert!(!is_nobody(&metrics::with_recorder(|_| Box::new(NoopRecorder))));
    }
}
