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
            clock.eras.begin_at_full_hour(now);
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
        let time = wall::to_unix_nanos(time);
        if self.clock.is_of_process() {
            wall::set(now, time);
        } else {
            self.clock.eras.set(now, time);
        }
    }
}

impl Drop for ManualClock {
    fn drop(&mut self) {
        self.clock.is_held.store(false, Ordering::Relaxed);
        if self.clock.is_of_process() {
            wall::release();
        } else {
            self.clock.eras.begin_at_real_time(real_now());
        }
    }
}

/// A clock for an isolated test, which is not held yet.
pub(in crate::measure) fn apart() -> HandClock {
    let clock = HandClock::new();
    clock.eras.begin_at_real_time(real_now());
    clock
}

fn real_now() -> Moment {
    stamp::now().unwrap_or_else(by_kernel)
}
