//! The metrics of locks, and the rules on them.

use super::view::{Look, readings, seconds};
use crate::watch::Mode;
use crate::watch::buckets::{Times, bounds_in_seconds};
use crate::watch::cells::Reading;
use crate::watch::name::Number;
use perf_runtime::Monitor;
use perf_runtime::health::Resource;
use perf_runtime::metric::{Histogram, SampledMetric, Samples};
use perf_runtime::rule::{Metric, Rule, RuleSet};
use std::collections::HashMap;

pub(super) const WAIT: &str = "lock_wait_seconds";
pub(super) const HOLD: &str = "lock_hold_seconds";
const LONGEST: &str = "lock_longest_wait_seconds";
const DEADLOCK: &str = "lock_deadlock";

const ACQUISITIONS: SampledMetric =
    SampledMetric::counter("lock_acquisitions_total", "", "Attempts to take a lock that ended, by their outcome.");
const POISONED: SampledMetric =
    SampledMetric::counter("lock_poisoned_total", "", "Locks that were taken and found poisoned.");
const FORGOTTEN: SampledMetric =
    SampledMetric::counter("lock_forgotten_total", "", "Guards that were leaked, and permits that were forgotten.");
const HELD: SampledMetric = SampledMetric::gauge("lock_held", "", "Holds of a lock now.");
const PERMITS: SampledMetric = SampledMetric::gauge("lock_permits_in_use", "", "Permits of a semaphore that are out.");
const WAITERS: SampledMetric = SampledMetric::gauge("lock_waiters", "", "Attempts that wait for a lock now.");
const LONGEST_WAIT: SampledMetric = SampledMetric::gauge(
    LONGEST,
    "seconds",
    "For how long the oldest attempt has waited for a lock, and the series that has held it for the longest, where it is a second or more.",
);
const DEADLOCKS: SampledMetric = SampledMetric::gauge(
    DEADLOCK,
    "",
    "1 for each cycle of locks each of which is held by one that waits for the next.",
);

/// An age at which a wait is shown by itself, in nanoseconds.
const SHOWN_FROM: u64 = 1_000_000_000;

/// Shows the series as metrics, at each tick.
pub(super) struct Figures {
    histograms: HashMap<(Number, Mode), [Recorded; 2]>,
}

/// A histogram, and what was added to it.
struct Recorded {
    histogram: Histogram,
    before: Times,
    zeros: u64,
}

impl Figures {
    pub(super) fn new() -> Self {
        Self { histograms: HashMap::new() }
    }

    pub(super) fn show(&mut self, samples: &mut Samples<'_>, look: &Look) {
        let monitor = samples.monitor().clone();
        for (name, mode, reading) in readings() {
            let text = name.text();
            let labels = [("lock", &*text), ("mode", mode.as_str())];
            let outcomes = [
                ("at_once", reading.at_once),
                ("waited", reading.waited.count()),
                ("resumed", reading.resumed),
                ("refused", reading.refused),
                ("cancelled", reading.cancelled),
            ];
            for (outcome, count) in outcomes {
                let [of_lock, of_mode] = labels;
                samples.put(&ACQUISITIONS, &[of_lock, of_mode, ("outcome", outcome)], count as f64);
            }
            samples.put(&WAITERS, &labels, reading.waiting as f64);
            samples.put(&POISONED, &labels, reading.poisoned as f64);
            if mode.holds() {
                samples.put(&HELD, &labels, reading.holding as f64);
                samples.put(&FORGOTTEN, &labels, reading.forgotten as f64);
                longest(samples, look, name, mode);
            }
            if mode == Mode::Acquire {
                samples.put(&PERMITS, &labels, reading.units_in_use as f64);
            }
            self.record(&monitor, name, mode, &reading);
        }
    }

    fn record(&mut self, monitor: &Monitor, name: Number, mode: Mode, reading: &Reading) {
        let histograms = self.histograms.entry((name, mode)).or_insert_with(|| {
            let histogram = |metric: &str, help: &str| {
                let described = monitor.metrics().histogram(metric).unit("seconds").help(help);
                let histogram = described.label("lock", &*name.text()).label("mode", mode.as_str()).register();
                Recorded { histogram, before: Times::default(), zeros: 0 }
            };
            [
                histogram(WAIT, "How long a lock was waited for, of those that took it: 0 where they took it at once."),
                histogram(HOLD, "How long a lock was held."),
            ]
        });
        let [wait, hold] = histograms;
        wait.add(&reading.waited, reading.at_once);
        if mode.holds() {
            hold.add(&reading.held, 0);
        }
    }
}

impl Recorded {
    /// Adds what is new, and as many zeros.
    fn add(&mut self, times: &Times, zeros: u64) {
        let new = times.since(&self.before);
        let zero = (0.0, zeros.saturating_sub(self.zeros));
        let bounds = bounds_in_seconds().chain([f64::MAX]);
        self.histogram.add_counts(bounds.zip(new.counts).chain([zero]), seconds(new.nanos));
        (self.before, self.zeros) = (*times, zeros);
    }
}

/// Shows an old wait, with the holder that is to be asked.
fn longest(samples: &mut Samples<'_>, look: &Look, name: Number, mode: Mode) {
    let Some((age, seen)) = look.oldest(name, mode).filter(|(age, _)| *age >= SHOWN_FROM) else { return };
    let holder = seen.holders.iter().min_by_key(|holder| holder.since);
    let holder = match holder.map(|holder| look.series(holder.owner.series())) {
        Some(Some(series)) => series.to_string(),
        Some(None) => "a call that is not measured".to_owned(),
        None => "nobody".to_owned(),
    };
    let labels = [("lock", &*name.text()), ("mode", mode.as_str()), ("holder", &holder)];
    samples.put(&LONGEST_WAIT, &labels, seconds(age));
}

/// Shows a cycle.
pub(super) fn deadlock(samples: &mut Samples<'_>, cycle: &str) {
    samples.put(&DEADLOCKS, &[("cycle", cycle)], 1.0);
}

/// The rules on locks: `lock-wait`, where something has waited for more than 5 seconds (critical: 30), with the series that holds the lock in the label
/// `holder`; and `lock-deadlock`, where locks wait for each other in a cycle.
pub fn rules() -> RuleSet {
    let rules = [
        Rule::builder("lock-wait")
            .name("A lock is waited for")
            .metric(Metric::Gauge(LONGEST.to_owned()))
            .warning(5.0)
            .critical(30.0)
            .description(
                "The label `holder` names the call that holds it. The page of locks says since when, and who waits.",
            )
            .build(),
        Rule::builder("lock-deadlock")
            .name("Locks wait for each other")
            .metric(Metric::Gauge(DEADLOCK.to_owned()))
            .critical(0.5)
            .description(
                "Each lock of the cycle is held by a call that waits for the next: none of them will go on by itself.",
            )
            .build(),
    ];
    let mut all = RuleSet::new();
    // Checked by a test.
    rules.into_iter().flatten().for_each(|rule| all.insert(rule));
    all
}

/// The indicator of the health.
pub(super) fn resource() -> Resource {
    Resource::new("locks", LONGEST)
        .limits(5.0, 30.0)
        .hint("Look at the call that holds the lock: the page of locks names it")
}
