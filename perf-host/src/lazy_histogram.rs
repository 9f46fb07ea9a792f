//! A histogram that is there from its first value on: where nobody measures, there is none, rather than one of zero.

use perf_runtime::metric::{Histogram, MetricBuilder};
use std::sync::OnceLock;
use std::time::Instant;

/// Holds its monitor, so no sampler of the monitor may hold it.
#[derive(Debug)]
pub(crate) struct LazyHistogram {
    builder: MetricBuilder<Histogram>,
    made: OnceLock<Histogram>,
}

impl LazyHistogram {
    pub(crate) fn new(builder: MetricBuilder<Histogram>) -> Self {
        Self { builder, made: OnceLock::new() }
    }

    pub(crate) fn record(&self, value: f64) {
        self.made.get_or_init(|| self.builder.register()).record(value);
    }

    /// Measures from now on until it is dropped, however that comes about: what is waited for may end, panic or be given up.
    pub(crate) fn time(&self) -> Timing<'_> {
        Timing { histogram: self, started: Instant::now() }
    }
}

/// A measurement that goes on.
#[must_use = "dropping it ends the measurement"]
#[derive(Debug)]
pub(crate) struct Timing<'a> {
    histogram: &'a LazyHistogram,
    pub(crate) started: Instant,
}

impl Drop for Timing<'_> {
    fn drop(&mut self) {
        self.histogram.record(self.started.elapsed().as_secs_f64());
    }
}
