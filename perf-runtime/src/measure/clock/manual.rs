//! A clock that stands still until a test moves it.

use super::hand::{HandClock, current};
use super::moment::{Moment, by_kernel, nanos};
use super::{stamp, wall};
use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

/// The process's clock in the hand of one test: it stands still until [`advance`](Self::advance) moves it, and goes
/// back to real time when dropped.
///
/// There is one clock in a process, so a second [`hold`](Self::hold) waits until the first holder lets go. An
/// [isolated](crate::test_util::isolated) test has a clock of its own: to hold that waits for nobody, and stops nobody else's.
#[derive(Debug)]
pub struct ManualClock {
    clock: &'static HandClock,
    _owner: MutexGuard<'static, ()>,
}

impl ManualClock {
    /// Takes the clock in hand, at the moment where real time stands. The time of day is the last full hour.
    pub fn hold() -> Self {
        let clock = current();
        let owner = clock.owner.lock().unwrap_or_else(PoisonError::into_inner);
        let real = real_now();
        let now = Moment(clock.nanos.fetch_max(real.0, Ordering::Relaxed).max(real.0));
        if clock.is_of_process() {
            wall::hold(now);
        } else {
            clock.origin.store(wall::full_hour(now), Ordering::Relaxed);
        }
        clock.is_held.store(true, Ordering::Relaxed);
        Self { clock, _owner: owner }
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        self.clock.nanos.fetch_add(nanos(span), Ordering::Relaxed);
    }

    /// Sets the time of day, as somebody may at any time, or as a suspended machine finds it when it wakes. The monotonic clock,
    /// by which calls are measured, stands meanwhile.
    pub fn set_time_of_day(&self, time: SystemTime) {
        let now = Moment(self.clock.nanos.load(Ordering::Relaxed));
        let origin = wall::to_unix_nanos(time).saturating_sub(now.0).max(1);
        if self.clock.is_of_process() {
            wall::set(now, origin);
        } else {
            self.clock.origin.store(origin, Ordering::Relaxed);
        }
    }
}

impl Drop for ManualClock {
    fn drop(&mut self) {
        self.clock.is_held.store(false, Ordering::Relaxed);
        if self.clock.is_of_process() {
            wall::release();
        } else {
            self.clock.origin.store(wall::origin_of(real_now()), Ordering::Relaxed);
        }
    }
}

/// A clock for an isolated test, which is not held yet.
pub(in crate::measure) fn apart() -> HandClock {
    HandClock::new(wall::origin_of(real_now()))
}

fn real_now() -> Moment {
    stamp::now().unwrap_or_else(by_kernel)
}
