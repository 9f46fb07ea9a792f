//! The cost of each part, under its name.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Names that are told apart; later ones share one.
const MAX_NAMES: usize = 200;
const OTHERS: &str = "__overflow__";

/// The time that one part took, since the monitor was made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct PartCost {
    /// The name of the part, or of the sampler.
    pub name: String,
    /// How many times it ran.
    pub runs: u64,
    /// How many of these panicked.
    pub panicked: u64,
    /// Seconds by the wall clock, all in all.
    pub seconds: f64,
}

/// The account of one part: made by [`Monitor::cost`](crate::Monitor::cost), cheap to clone, kept where it is used. Adding
/// to it costs three atomic additions.
#[derive(Clone, Debug)]
pub struct Cost(Arc<Account>);

#[derive(Debug, Default)]
struct Account {
    runs: AtomicU64,
    panicked: AtomicU64,
    nanos: AtomicU64,
}

impl Cost {
    /// Adds a run that took so long.
    pub fn add(&self, took: Duration) {
        let nanos = u64::try_from(took.as_nanos()).unwrap_or(u64::MAX);
        self.0.runs.fetch_add(1, Ordering::Relaxed);
        self.0.nanos.fetch_add(nanos, Ordering::Relaxed);
    }

    /// Runs `work`, and adds the time that it took.
    pub fn time<R>(&self, work: impl FnOnce() -> R) -> R {
        let started = Instant::now();
        let result = work();
        self.add(started.elapsed());
        result
    }

    pub(crate) fn add_panic(&self) {
        self.0.panicked.fetch_add(1, Ordering::Relaxed);
    }

    /// Seconds so far.
    pub fn seconds(&self) -> f64 {
        Duration::from_nanos(self.0.nanos.load(Ordering::Relaxed)).as_secs_f64()
    }
}

/// The accounts of a monitor.
#[derive(Debug, Default)]
pub(crate) struct Costs(Mutex<BTreeMap<Box<str>, Cost>>);

impl Costs {
    /// The account of a name, made where there is none yet.
    pub(crate) fn of(&self, name: &str) -> Cost {
        let mut accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if accounts.len() < MAX_NAMES || accounts.contains_key(name) { name } else { OTHERS };
        accounts.entry(name.into()).or_insert_with(|| Cost(Arc::default())).clone()
    }

    /// Every account, by name.
    pub(crate) fn all(&self) -> Vec<PartCost> {
        let accounts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let shown = |name: &str, cost: &Cost| PartCost {
            name: name.to_owned(),
            runs: cost.0.runs.load(Ordering::Relaxed),
            panicked: cost.0.panicked.load(Ordering::Relaxed),
            seconds: cost.seconds(),
        };
        accounts.iter().map(|(name, cost)| shown(name, cost)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        let costs = Costs::default();
        for number in 0..MAX_NAMES + 10 {
            costs.of(&format!("part {number}")).add(Duration::from_secs(1));
        }
        let all = costs.all();
        assert_eq!(all.len(), MAX_NAMES + 1);
        let others = all.iter().find(|cost| cost.name == OTHERS).unwrap();
        assert_eq!((others.runs, others.seconds), (10, 10.0));
    }
}
