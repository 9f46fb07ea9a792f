//! The baseline: from where on totals and windows count.

use super::Monitor;
use crate::log_level::tell;
use crate::measure::clock;
use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

/// How many resets are remembered.
const MOST: usize = 100;

/// When the baseline was moved.
#[derive(Debug, Default)]
pub(super) struct Resets(Mutex<VecDeque<SystemTime>>);

impl Resets {
    fn note(&self, at: SystemTime) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= MOST {
            known.pop_front();
        }
        known.push_back(at);
    }

    /// Adds those of before a restart.
    pub(super) fn restore(&self, resets: impl Iterator<Item = SystemTime>) {
        resets.for_each(|at| self.note(at));
    }

    fn all(&self) -> Vec<SystemTime> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().collect()
    }
}

impl Monitor {
    /// Moves the baseline: totals and windows begin anew. Exported counters go on. It is kept in [`resets`](Self::resets).
    pub fn reset(&self) {
        let now = clock::now();
        self.inner.objectives().reset();
        self.inner.keep_objectives(now);
        self.reset_views();
    }

    /// Moves the baseline of the views alone: error budgets go on.
    pub(super) fn reset_views(&self) {
        self.inner.registry.reset(clock::now());
        self.inner.resets.note(self.inner.time_of_day());
        tell!(INFO, "the baseline was reset");
    }

    /// When the baseline was moved, the oldest first: the last 100 times since the process started. They tell why numbers
    /// fell that nothing else explains.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// monitor.reset();
    /// assert_eq!(monitor.resets().len(), 1);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn resets(&self) -> Vec<SystemTime> {
        self.inner.resets.all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, UNIX_EPOCH};

    #[test]
    fn the_last_hundred_are_kept() {
        let resets = Resets::default();
        for second in 0..150 {
            resets.note(UNIX_EPOCH + Duration::from_secs(second));
        }
        let kept = resets.all();
        assert_eq!((kept.len(), kept.first()), (100, Some(&(UNIX_EPOCH + Duration::from_secs(50)))));
    }
}
