//! The condition variable.

use super::mutex::MutexGuard;
use super::{LockResult, PoisonError, WaitTimeoutResult};
use crate::watch::{Holds, Mode, Wait, Watch};
use std::fmt;
use std::sync as original;
use std::time::{Duration, Instant};

/// [`std::sync::Condvar`], watched. Its waits end by a notification, by themselves, or as refused when their time is over. The mutex is released
/// meanwhile, and acquired again at the end: nobody knows whether that waited, and it is counted as `resumed`.
///
/// ```
/// use perf_sync::std::{Condvar, Mutex};
///
/// let (ready, changed) = (Mutex::named("ready", false), Condvar::named("changed"));
/// std::thread::scope(|scope| {
///     scope.spawn(|| {
///         *ready.lock().unwrap() = true;
///         changed.notify_one();
///     });
///     let ready = changed.wait_while(ready.lock().unwrap(), |ready| !*ready).unwrap();
///     assert!(*ready);
/// });
/// ```
pub struct Condvar {
    watch: Watch,
    inner: original::Condvar,
}

impl Condvar {
    /// A condition variable with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str) -> Self {
        Self { watch: Watch::named(name), inner: original::Condvar::new() }
    }

    /// [`std::sync::Condvar::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new() -> Self {
        Self { watch: Watch::here(), inner: original::Condvar::new() }
    }

    /// [`std::sync::Condvar::wait`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    pub fn wait<'a, T>(&self, guard: MutexGuard<'a, T>) -> LockResult<MutexGuard<'a, T>> {
        let (watch, inner, wait) = self.begin(guard);
        let inner = self.inner.wait(inner);
        wait.acquired(0);
        MutexGuard::resumed(watch, inner)
    }

    /// [`std::sync::Condvar::wait_while`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    pub fn wait_while<'a, T, F>(&self, mut guard: MutexGuard<'a, T>, mut condition: F) -> LockResult<MutexGuard<'a, T>>
    where
        F: FnMut(&mut T) -> bool,
    {
        while condition(&mut *guard) {
            guard = self.wait(guard)?;
        }
        Ok(guard)
    }

    /// [`std::sync::Condvar::wait_timeout`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    pub fn wait_timeout<'a, T>(
        &self,
        guard: MutexGuard<'a, T>,
        dur: Duration,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)> {
        let (watch, inner, wait) = self.begin(guard);
        let (inner, result, is_poisoned) = match self.inner.wait_timeout(inner, dur) {
            Ok((inner, result)) => (inner, result, false),
            Err(poisoned) => {
                let (inner, result) = poisoned.into_inner();
                (inner, result, true)
            }
        };
        ended(wait, result);
        let inner = if is_poisoned { Err(PoisonError::new(inner)) } else { Ok(inner) };
        match MutexGuard::resumed(watch, inner) {
            Ok(guard) => Ok((guard, result)),
            Err(poisoned) => Err(PoisonError::new((poisoned.into_inner(), result))),
        }
    }

    /// [`std::sync::Condvar::wait_timeout_ms`], in milliseconds.
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    #[deprecated(note = "replaced by `wait_timeout`, as in the standard library")]
    pub fn wait_timeout_ms<'a, T>(&self, guard: MutexGuard<'a, T>, ms: u32) -> LockResult<(MutexGuard<'a, T>, bool)> {
        match self.wait_timeout(guard, Duration::from_millis(ms.into())) {
            Ok((guard, result)) => Ok((guard, !result.timed_out())),
            Err(poisoned) => {
                let (guard, result) = poisoned.into_inner();
                Err(PoisonError::new((guard, !result.timed_out())))
            }
        }
    }

    /// [`std::sync::Condvar::wait_timeout_while`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    pub fn wait_timeout_while<'a, T, F>(
        &self,
        mut guard: MutexGuard<'a, T>,
        dur: Duration,
        mut condition: F,
    ) -> LockResult<(MutexGuard<'a, T>, WaitTimeoutResult)>
    where
        F: FnMut(&mut T) -> bool,
    {
        let start = Instant::now();
        loop {
            if !condition(&mut *guard) {
                return Ok((guard, result(false)));
            }
            let Some(left) = dur.checked_sub(start.elapsed()) else { return Ok((guard, result(true))) };
            guard = self.wait_timeout(guard, left)?.0;
        }
    }

    /// [`std::sync::Condvar::notify_one`].
    pub fn notify_one(&self) {
        self.inner.notify_one();
    }

    /// [`std::sync::Condvar::notify_all`].
    pub fn notify_all(&self) {
        self.inner.notify_all();
    }

    /// Ends the hold of the mutex, and begins the wait.
    fn begin<'a, T>(&self, guard: MutexGuard<'a, T>) -> (&'a Watch, original::MutexGuard<'a, T>, Wait<'_>) {
        let MutexGuard { mark, inner, hold, watch } = guard;
        drop(mark);
        drop(hold);
        (watch, inner, self.watch.wait(Mode::Wait, Holds::ByThread, true))
    }
}

/// A result of a wait. Only a wait makes one, so this asks a condition variable that nobody else has, and no time to wait for.
fn result(has_timed_out: bool) -> WaitTimeoutResult {
    let (changed, mutex) = (original::Condvar::new(), original::Mutex::new(()));
    let guard = mutex.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = changed.wait_timeout_while(guard, Duration::ZERO, |()| has_timed_out);
    let (_guard, result) = answer.unwrap_or_else(PoisonError::into_inner);
    result
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
