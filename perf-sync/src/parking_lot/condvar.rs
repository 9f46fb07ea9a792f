//! The condition variable.

use super::{MutexGuard, WaitTimeoutResult};
use crate::watch::{Holds, Mode, Wait, Watch};
use parking_lot as original;
use std::fmt;
use std::time::{Duration, Instant};

/// [`parking_lot::Condvar`], watched. Its waits end by a notification, by themselves, or as refused when their time is over. The mutex is released meanwhile, and
/// acquired again at the end: nobody knows whether that waited, and it is counted as `resumed`.
pub struct Condvar {
    watch: Watch,
    inner: original::Condvar,
}

impl Condvar {
    /// A condition variable with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str) -> Self {
        Self { watch: Watch::named(name), inner: original::Condvar::new() }
    }

    /// [`parking_lot::Condvar::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new() -> Self {
        Self { watch: Watch::here(), inner: original::Condvar::new() }
    }

    /// [`parking_lot::Condvar::notify_one`].
    pub fn notify_one(&self) -> bool {
        self.inner.notify_one()
    }

    /// [`parking_lot::Condvar::notify_all`].
    pub fn notify_all(&self) -> usize {
        self.inner.notify_all()
    }

    /// [`parking_lot::Condvar::wait`].
    pub fn wait<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>) {
        let (inner, _resume) = mutex_guard.pause();
        let wait = self.watch.wait(Mode::Wait, Holds::ByThread, true);
        self.inner.wait(inner);
        wait.acquired(0);
    }

    /// [`parking_lot::Condvar::wait_until`].
    pub fn wait_until<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>, timeout: Instant) -> WaitTimeoutResult {
        let (inner, _resume) = mutex_guard.pause();
        let wait = self.watch.wait(Mode::Wait, Holds::ByThread, true);
        let result = self.inner.wait_until(inner, timeout);
        ended(wait, result);
        result
    }

    /// [`parking_lot::Condvar::wait_for`].
    pub fn wait_for<T: ?Sized>(&self, mutex_guard: &mut MutexGuard<'_, T>, timeout: Duration) -> WaitTimeoutResult {
        let (inner, _resume) = mutex_guard.pause();
        let wait = self.watch.wait(Mode::Wait, Holds::ByThread, true);
        let result = self.inner.wait_for(inner, timeout);
        ended(wait, result);
        result
    }

    /// [`parking_lot::Condvar::wait_while`].
    pub fn wait_while<T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        mut condition: F,
    ) {
        while condition(&mut **mutex_guard) {
            self.wait(mutex_guard);
        }
    }

    /// [`parking_lot::Condvar::wait_while_until`].
    pub fn wait_while_until<T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        mut condition: F,
        timeout: Instant,
    ) -> WaitTimeoutResult {
        // The original's answer where nothing is waited for: only it makes results.
        let mut result = self.inner.wait_while_until(&mut mutex_guard.inner, |_| false, timeout);
        while !result.timed_out() && condition(&mut **mutex_guard) {
            result = self.wait_until(mutex_guard, timeout);
        }
        result
    }

    /// [`parking_lot::Condvar::wait_while_for`].
    pub fn wait_while_for<T: ?Sized, F: FnMut(&mut T) -> bool>(
        &self,
        mutex_guard: &mut MutexGuard<'_, T>,
        mut condition: F,
        timeout: Duration,
    ) -> WaitTimeoutResult {
        if let Some(until) = Instant::now().checked_add(timeout) {
            return self.wait_while_until(mutex_guard, condition, until);
        }
        // So long that no clock tells its end.
        let result = self.inner.wait_while_for(&mut mutex_guard.inner, |_| false, timeout);
        self.wait_while(mutex_guard, &mut condition);
        result
    }
}

/// Ends a wait that had a time.
fn ended(wait: Wait<'_>, result: WaitTimeoutResult) {
    if result.timed_out() {
        wait.refused();
    } else {
        wait.acquired(0);
    }
}

impl Default for Condvar {
    #[track_caller]
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for Condvar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
