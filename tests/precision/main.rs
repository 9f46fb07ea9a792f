//! How many of the alerts that the presets raise are right: made-up series whose faults are known.
//!
//! Each lives for half an hour of the manual clock. An alert is right where it fires while the fault goes on, or within the
//! five minutes that the rules look back. The tally is in the docs of `presets`.

mod detection;
mod field;
mod operations;

use perf_runtime::Monitor;
use perf_runtime::alert::Transition;
use perf_runtime::test_util::ManualClock;
use std::ops::Range;
use std::time::Duration;

/// The seconds between two looks, and how many there are.
const STEP: u32 = 5;
const STEPS: u32 = 360;
/// How far back the rules look, in steps.
const LOOK_BACK: u32 = 60;

/// Numbers that look like chance and are the same each time (Knuth's 64-bit linear congruential generator).
struct Chance(u64);

impl Chance {
    /// Between 0 and 1.
    fn share(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        f64::from(u32::try_from(self.0 >> 32).unwrap()) / f64::from(u32::MAX)
    }

    /// Around 0 with a deviation of 1: the sum of twelve shares.
    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.share()).sum::<f64>() - 6.0
    }
}

/// A series that is made up.
trait Made {
    /// The label of its alerts that says which it is, and its value.
    fn label(&self) -> (&'static str, &str);

    /// The steps in which it has a fault; none where it is well.
    fn fault(&self) -> Range<u32>;

    /// Does what happens in a step.
    fn run(&mut self, step: u32);

    /// Whether an alert is right that fires at a step.
    fn is_right(&self, step: u32) -> bool {
        let fault = self.fault();
        (fault.start..fault.end + LOOK_BACK).contains(&step) && !fault.is_empty()
    }
}

/// How the alerts went.
#[derive(Default)]
struct Tally {
    right: usize,
    /// Their messages, each with its step.
    wrong: Vec<String>,
    faults: usize,
    /// The names of the series whose fault no alert told of.
    missed: Vec<String>,
}

impl Tally {
    /// Adds the half an hour of these series, which are those of the monitor.
    fn add<M: Made>(&mut self, clock: &ManualClock, monitor: &Monitor, all: &mut [M]) {
        let events = monitor.alerts().subscribe(10_000);
        let mut found: Vec<bool> = vec![false; all.len()];
        for step in 0..STEPS {
            for made in &mut *all {
                made.run(step);
            }
            clock.advance(Duration::from_secs(u64::from(STEP)));
            monitor.tick();
            while let Some(event) = events.try_recv() {
                let mine = |made: &M| {
                    let (label, value) = made.label();
                    event.alert.labels.get(label).is_some_and(|found| found == value)
                };
                let (Some(place), Transition::Fired) = (all.iter().position(mine), event.transition) else { continue };
                if all[place].is_right(step) {
                    self.right += 1;
                    found[place] = true;
                } else {
                    self.wrong.push(format!("{step}: {}", event.alert.message));
                }
            }
        }
        assert_eq!(events.take_missed(), 0);
        for (made, found) in all.iter().zip(found).filter(|(made, _)| !made.fault().is_empty()) {
            self.faults += 1;
            if !found {
                self.missed.push(made.label().1.to_owned());
            }
        }
    }

    /// Over 95 of 100 alerts are right, and no fault is missed.
    fn assert_good(&self) {
        let Self { right, wrong, faults, missed } = self;
        println!("{right} alerts right, {} wrong; {} of {faults} faults missed", wrong.len(), missed.len());
        assert!(right * 100 > 95 * (right + wrong.len()), "{right} right, wrong: {wrong:#?}");
        assert!(missed.is_empty(), "missed: {missed:?}");
    }
}
