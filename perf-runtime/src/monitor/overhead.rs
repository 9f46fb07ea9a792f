//! The cost of the monitor.

use super::{Inner, Monitor};
use crate::extend::Overhead;
use crate::observe::metrics::reading::MetricReading;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A part of what the monitor does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Sampling,
    Observing,
    Judging,
    Pushing,
    Rendering,
}

const PARTS: usize = 5;

/// The part that answers requests about the monitor.
const SERVER: &str = "server";

/// The nanoseconds that went into each part.
#[derive(Debug, Default)]
pub(super) struct Spent {
    nanos: [AtomicU64; PARTS],
    renders: AtomicU64,
    last_tick: AtomicU64,
    longest_tick: AtomicU64,
}

impl Spent {
    /// Does a part of the work, and keeps how long it took.
    pub(super) fn time<R>(&self, part: Part, work: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = work();
        self.add(part, started.elapsed());
        result
    }

    fn add(&self, part: Part, took: Duration) {
        if part == Part::Rendering {
            self.renders.fetch_add(1, Ordering::Relaxed);
        }
        self.nanos[part as usize].fetch_add(nanos(took), Ordering::Relaxed);
    }

    pub(super) fn tick(&self, took: Duration) {
        self.last_tick.store(nanos(took), Ordering::Relaxed);
        self.longest_tick.fetch_max(nanos(took), Ordering::Relaxed);
    }

    fn seconds(&self, part: Part) -> f64 {
        seconds(&self.nanos[part as usize])
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

fn seconds(nanos: &AtomicU64) -> f64 {
    Duration::from_nanos(nanos.load(Ordering::Relaxed)).as_secs_f64()
}

impl Monitor {
    /// The cost of the monitor itself, so far. Looks at every series: some tens of nanoseconds for each of their cells.
    pub fn overhead(&self) -> Overhead {
        let Inner { registry, samplers, spent, costs, .. } = &*self.inner;
        let all = registry.all();
        let custom = registry.custom().metrics();
        let of_kinds = registry.overflowed();
        let of_custom = registry.custom().overflowed();
        let counts = of_kinds.iter().map(|(_, _, count)| count).chain(of_custom.iter().map(|(_, _, count)| count));
        let series_bytes: usize = all.iter().map(|series| series.bytes()).sum();
        Overhead {
            ticks: self.ticks(),
            last_tick_seconds: seconds(&spent.last_tick),
            longest_tick_seconds: seconds(&spent.longest_tick),
            sampling_seconds: spent.seconds(Part::Sampling),
            observing_seconds: spent.seconds(Part::Observing),
            judging_seconds: spent.seconds(Part::Judging),
            pushing_seconds: spent.seconds(Part::Pushing),
            rendering_seconds: spent.seconds(Part::Rendering),
            serving_seconds: costs.of(SERVER).seconds(),
            renders: spent.renders.load(Ordering::Relaxed),
            samplers: samplers.in_short(),
            parts: costs.all(),
            calls: self.calls(),
            series: all.len() as u64,
            custom_series: custom.iter().map(|metric| metric.series.len() as u64).sum(),
            overflowed: counts.sum(),
            registry_bytes: (series_bytes + custom.iter().map(bytes_of).sum::<usize>()) as u64,
            windows_bytes: (all.iter().map(|series| series.window_bytes()).sum::<usize>()
                + registry.custom().trail_bytes()) as u64,
        }
    }

    /// Calls that were ever counted: those that ended. Looks at a cell for each series and thread.
    pub fn calls(&self) -> u64 {
        self.inner.registry.all().iter().map(|series| series.ended()).sum()
    }

    /// Adds time that somebody spent to answer requests about the monitor, to [`Overhead::serving_seconds`].
    pub fn add_serving_time(&self, took: Duration) {
        self.inner.costs.of(SERVER).add(took);
    }
}

/// An estimate: a pair of cache lines for the cell, another for what keeps the series, and the labels' text.
fn bytes_of(metric: &MetricReading) -> usize {
    let text = |(name, value): &(String, String)| 2 * size_of::<Box<str>>() + name.len() + value.len();
    let series = metric.series.iter().map(|one| 256 + one.labels.iter().map(text).sum::<usize>());
    metric.name.len() + series.sum::<usize>()
}
