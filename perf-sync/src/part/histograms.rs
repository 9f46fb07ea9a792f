//! The histograms of waits, holds and messages.

use super::times::seconds;
use crate::watch::buckets::{Times, bounds_in_seconds};
use crate::watch::series::SeriesNumber;
use perf_runtime::Monitor;
use perf_runtime::metric::Histogram;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// The histograms of a monitor, and what was added to each: shared by all parts that show locks and channels by it, so that nothing is added twice.
#[derive(Default)]
pub(super) struct Histograms(Mutex<HashMap<(&'static str, SeriesNumber), Recorded>>);

impl Histograms {
    /// Those of a monitor, for as long as it lives.
    pub(super) fn of(monitor: &Monitor) -> Arc<Self> {
        let made = Arc::new(Self::default());
        match monitor.provide(Arc::clone(&made)) {
            Ok(provided) => {
                // Withdrawn, a later part would add again what is added.
                std::mem::forget(provided);
                made
            }
            Err(_) => monitor.ask::<Self>().unwrap_or(made),
        }
    }

    /// Adds what is new of a series to a metric, and as many zeros.
    pub(super) fn add(
        &self,
        monitor: &Monitor,
        (metric, help): (&'static str, &str),
        number: SeriesNumber,
        labels: [(&str, &str); 2],
        (times, zeros): (&Times, u64),
    ) {
        let Self(histograms) = self;
        let mut histograms = histograms.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Recorded::new(monitor, metric, help, labels);
        histograms.entry((metric, number)).or_insert_with(new).add(times, zeros);
    }
}

/// A histogram, and what was added to it.
struct Recorded {
    histogram: Histogram,
    before: Times,
    zeros: u64,
}

impl Recorded {
    /// A histogram of times, in seconds.
    fn new(monitor: &Monitor, metric: &str, help: &str, labels: [(&str, &str); 2]) -> Self {
        let described = monitor.metrics().histogram(metric).unit("seconds").help(help);
        let histogram = labels.into_iter().fold(described, |described, (label, value)| described.label(label, value));
        Self { histogram: histogram.register(), before: Times::default(), zeros: 0 }
    }

    /// Adds what is new, and as many zeros.
    fn add(&mut self, times: &Times, zeros: u64) {
        let new = times.since(&self.before);
        let zero = (0.0, zeros.saturating_sub(self.zeros));
        let bounds = bounds_in_seconds().chain([f64::MAX]);
        self.histogram.add_counts(bounds.zip(new.counts).chain([zero]), seconds(new.nanos));
        (self.before, self.zeros) = (*times, zeros);
    }
}
