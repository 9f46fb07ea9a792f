//! This project: one annotated function whose calls bring both labels.

use crate::names::{Function, Module};
use crate::{Crowd, MODULES, Observation};
use perf_runtime::{Label, Monitor, monitor};
use std::time::Duration;

/// How a call takes its time.
pub type Wait = dyn Fn(Duration) + Sync;

/// The series of one annotated function, and the monitor that renders them.
pub struct Ours {
    monitor: Monitor,
    series: usize,
    call: fn(usize, Observation, &Wait),
    wait: Box<Wait>,
}

impl Ours {
    /// So many series, of which none but the first was called, once. They are there from this first call on: the
    /// function's signature leaves the labels' types open, so that one function makes as many series as are wanted.
    ///
    /// # Panics
    /// For a number that is none of [`SIZES`](crate::SIZES), and a second time with another number.
    #[must_use]
    pub fn new(monitor: Monitor, series: usize, wait: impl Fn(Duration) + Sync + 'static) -> Self {
        let call = match series {
            1_000 => call::<100>,
            10_000 => call::<1_000>,
            100_000 => call::<10_000>,
            _ => panic!("there is no crowd of {series} series"),
        };
        let ours = Self { monitor, series, call, wait: Box::new(wait) };
        ours.touch(0, Observation::FEW[0]);
        let text = ours.monitor.render_prometheus();
        let gauges = text.lines().filter(|line| line.starts_with("operations_in_flight{")).count();
        assert_eq!(gauges, series, "one gauge a series");
        ours
    }

    /// The monitor.
    #[must_use]
    pub fn monitor(&self) -> &Monitor {
        &self.monitor
    }

    /// How many series there are.
    #[must_use]
    pub fn series(&self) -> usize {
        self.series
    }
}

impl Crowd for Ours {
    fn touch(&self, series: usize, observation: Observation) {
        (self.call)(series, observation, &self.wait);
    }

    fn render(&self, mut buffer: Vec<u8>) -> Vec<u8> {
        // Emptied first: to look whether the last text is one would take a third of the time that the new one takes.
        buffer.clear();
        let mut text = String::from_utf8(buffer).unwrap_or_default();
        self.monitor.render_prometheus_to(&mut text);
        text.into_bytes()
    }
}

fn call<const FUNCTIONS: usize>(series: usize, observation: Observation, wait: &Wait) {
    let labels = (Function::<FUNCTIONS>(series / MODULES), Module(series % MODULES));
    // The failure is recorded, and nothing else is to be done about it.
    let _ = measured(labels.0, labels.1, observation, wait);
}

#[monitor(
    "crowd",
    labels(function = function, module = module),
    buckets = [0.000001, 0.00001, 0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0],
    max_series = 100_000,
    span = false
)]
fn measured<F: Label, M: Label>(function: F, module: M, observation: Observation, wait: &Wait) -> Result<(), ()> {
    wait(Duration::from_secs_f64(observation.seconds));
    if observation.failed { Err(()) } else { Ok(()) }
}
