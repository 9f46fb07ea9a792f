//! The metrics of locks, and the rules on them.

use super::histograms::Histograms;
use super::times::seconds;
use super::view::{DeadlockView, Look, readings};
use crate::watch::Mode;
use crate::watch::name::Number;
use crate::watch::series::SeriesNumber;
use perf_runtime::health::Resource;
use perf_runtime::metric::{SampledMetric, Samples};
use perf_runtime::rule::{Metric, Rule};
use std::sync::Arc;

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
    "For how long the oldest attempt has waited for a lock, where it is a second or more.",
);
const WAITED_FOR: SampledMetric = SampledMetric::gauge(
    "lock_waited_for_seconds",
    "seconds",
    "The same by the call that holds the lock now; of several, the one that has held it for the longest.",
);
const DEADLOCKS: SampledMetric = SampledMetric::gauge(
    DEADLOCK,
    "",
    "1 for each cycle of locks each of which is held by one that waits for the next, where none of them can go on by itself.",
);

/// An age at which a wait is shown by itself, in nanoseconds.
pub(super) const SHOWN_FROM: u64 = 1_000_000_000;

/// Shows the series as metrics, at each tick.
pub(super) struct Figures {
    histograms: Arc<Histograms>,
}

impl Figures {
    pub(super) fn new(histograms: Arc<Histograms>) -> Self {
        Self { histograms }
    }

    pub(super) fn show(&self, samples: &mut Samples<'_>, look: &Look, deadlocks: &[DeadlockView]) {
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
                longest(samples, look, deadlocks, (name, mode));
            }
            if mode == Mode::Acquire {
                samples.put(&PERMITS, &labels, reading.units_in_use as f64);
            }
            let number = SeriesNumber::new(name, mode);
            let help = "How long a lock was waited for, of those that took it: 0 where they took it at once.";
            self.histograms.add(&monitor, (WAIT, help), number, labels, (&reading.waited, reading.at_once));
            if mode.holds() {
                let help = "How long a lock was held.";
                self.histograms.add(&monitor, (HOLD, help), number, labels, (&reading.held, 0));
            }
        }
    }
}

/// Shows an old wait and, as a series of its own, the holder that is to be asked: holders may change while the wait goes on.
fn longest(samples: &mut Samples<'_>, look: &Look, deadlocks: &[DeadlockView], (name, mode): (Number, Mode)) {
    let Some((age, seen)) = look.oldest(name, mode).filter(|(age, _)| *age >= SHOWN_FROM) else { return };
    let holder = seen.holders.iter().min_by_key(|holder| holder.since);
    let text = name.text();
    let [of_lock, of_mode] = [("lock", &*text), ("mode", mode.as_str())];
    let by = match holder {
        Some(holder) => look.names.caller(holder.owner.series()),
        None if seen.unnamed > 0 => "not named".to_owned(),
        None => "nobody".to_owned(),
    };
    samples.put(&LONGEST_WAIT, &[of_lock, of_mode], seconds(age));
    let words = match deadlocks.iter().find(|deadlock| deadlock.locks.contains(&seen.serial)) {
        Some(deadlock) => deadlock.text.clone(),
        None => look.wait_in_words(seen, mode, holder.map(|_| &*by)),
    };
    samples.note(&LONGEST_WAIT, &[of_lock, of_mode], &words);
    samples.put(&WAITED_FOR, &[of_lock, of_mode, ("holder", &by)], seconds(age));
}

/// Shows a cycle, with the calls that hold and wait.
pub(super) fn deadlock(samples: &mut Samples<'_>, deadlock: &DeadlockView) {
    let labels = [("cycle", &*deadlock.cycle)];
    samples.put(&DEADLOCKS, &labels, 1.0);
    samples.note(&DEADLOCKS, &labels, &deadlock.steps);
}

/// The rules on locks.
pub(super) fn rules() -> impl Iterator<Item = Rule> {
    let rules = [
        Rule::builder("lock-wait")
            .name("A lock is waited for")
            .metric(Metric::Gauge(LONGEST.to_owned()))
            .warning(5.0)
            .critical(30.0)
            .description(
                "The page of locks names the call that holds it and those that wait; so does the label `holder` of lock_waited_for_seconds.",
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
    // Checked by a test.
    rules.into_iter().flatten()
}

/// The indicator of the health.
pub(super) fn resource() -> Resource {
    Resource::new("locks", LONGEST)
        .limits(5.0, 30.0)
        .hint("Look at the call that holds the lock: the page of locks names it")
}
