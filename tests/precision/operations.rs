//! 360 operations: quiet, seasonal, noisy, with steps, spikes and drifts.

use super::{Chance, Made, STEPS, Tally};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Operation, Outcome};
use std::ops::Range;
use std::time::Duration;

const SERIES: usize = 360;
/// How many operations one monitor has: a label has room for 200 values.
const IN_ONE: usize = 120;

/// The behaviour of an operation at a step.
struct Behaviour {
    /// Calls at this step.
    calls: f64,
    /// The median duration in seconds, and how far durations spread (the deviation of their logarithm).
    median: f64,
    spread: f64,
    errors: f64,
}

/// An operation that is made up.
struct MadeOperation {
    operation: Operation,
    name: String,
    sort: Sort,
    chance: Chance,
    median: f64,
    calls: f64,
    /// The steps in which it has a fault, if it is of a sort that has.
    fault: Range<u32>,
    /// Whether the fault is errors, not slowness.
    fails: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sort {
    Quiet,
    Seasonal,
    Noisy,
    Step,
    Spike,
    Drift,
}

const SORTS: [Sort; 6] = [Sort::Quiet, Sort::Seasonal, Sort::Noisy, Sort::Step, Sort::Spike, Sort::Drift];

impl MadeOperation {
    fn new(monitor: &Monitor, number: usize) -> Self {
        let sort = SORTS[number % SORTS.len()];
        let name = format!("{sort:?}-{number}");
        let mut chance = Chance(number as u64);
        let median = 0.02 + 0.2 * chance.share();
        let calls = 2.0 + 20.0 * chance.share();
        let start = 120 + u32::try_from(number % 60).unwrap();
        let fault = match sort {
            Sort::Step => start..start + 60,
            // Two seconds of slowness are not worth an alert.
            Sort::Spike | Sort::Quiet | Sort::Seasonal | Sort::Noisy => 0..0,
            Sort::Drift => start..STEPS,
        };
        let fails = number / SORTS.len() % 2 == 1;
        Self { operation: monitor.operation(&name), name, sort, chance, median, calls, fault, fails }
    }

    fn behaviour(&mut self, step: u32) -> Behaviour {
        let usual = Behaviour { calls: self.calls, median: self.median, spread: 0.3, errors: 0.002 };
        let in_fault = self.fault.contains(&step);
        let phase = f64::from(step) / 90.0 * std::f64::consts::TAU;
        match self.sort {
            Sort::Seasonal => Behaviour {
                calls: self.calls * (1.0 + 0.9 * phase.sin()),
                median: self.median * (1.5 + phase.sin()),
                ..usual
            },
            Sort::Noisy => Behaviour { spread: 0.8, errors: 0.01, ..usual },
            Sort::Step if in_fault && self.fails => Behaviour { errors: 0.3, ..usual },
            Sort::Step if in_fault => Behaviour { median: 3.0, ..usual },
            Sort::Spike if self.chance.share() < 0.01 => Behaviour { median: 5.0, calls: self.calls * 0.4, ..usual },
            // Beyond any threshold at the end of its second minute.
            Sort::Drift if in_fault => {
                let grown = f64::from(step - self.fault.start) / 24.0;
                let errors = if self.fails { (0.06 * grown).min(0.5) } else { usual.errors };
                let median = if self.fails { usual.median } else { usual.median + 1.2 * grown };
                Behaviour { median, errors, ..usual }
            }
            _ => usual,
        }
    }
}

impl Made for MadeOperation {
    fn label(&self) -> (&'static str, &str) {
        ("operation", &self.name)
    }

    fn fault(&self) -> Range<u32> {
        self.fault.clone()
    }

    fn run(&mut self, step: u32) {
        let Behaviour { calls, median, spread, errors } = self.behaviour(step);
        let mut left = calls * (0.5 + self.chance.share());
        while left >= 1.0 {
            left -= 1.0;
            let seconds = median * (spread * self.chance.normal()).exp();
            let outcome = if self.chance.share() < errors { Outcome::Error } else { Outcome::Ok };
            self.operation.record(Duration::from_secs_f64(seconds), outcome);
        }
    }
}

#[test]
fn over_95_of_100_alerts_are_right_and_no_fault_is_missed() {
    let clock = ManualClock::hold();
    let mut tally = Tally::default();
    for first in (0..SERIES).step_by(IN_ONE) {
        let monitor = Monitor::builder().build().unwrap();
        let mut all: Vec<_> = (first..first + IN_ONE).map(|number| MadeOperation::new(&monitor, number)).collect();
        tally.add(&clock, &monitor, &mut all);
    }
    tally.assert_good();
}
