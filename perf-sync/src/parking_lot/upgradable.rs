//! Readers that may become the writer.

use super::resume::Resume;
use super::{RwLock, RwLockReadGuard, RwLockWriteGuard};
use crate::guards::reads;
use crate::watch::{Held, Hold, Holds, Mark, Mode};
use parking_lot as original;
use std::time::{Duration, Instant};

/// `parking_lot::RwLockUpgradableReadGuard` of a watched [`RwLock`]. To become the writer is an attempt to write: at once, or after a wait for the other readers, and
/// the hold as a reader ends with it. In `with_upgraded` and its like, the hold as a reader goes on, and nothing is counted.
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockUpgradableReadGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::RwLockUpgradableReadGuard<'a, T>,
    hold: Hold,
    lock: &'a RwLock<T>,
}

type Upgraded<'a, T> = Result<original::RwLockWriteGuard<'a, T>, original::RwLockUpgradableReadGuard<'a, T>>;

impl<'a, T: ?Sized> RwLockUpgradableReadGuard<'a, T> {
    pub(super) fn new(lock: &'a RwLock<T>, (inner, held): (original::RwLockUpgradableReadGuard<'a, T>, Held)) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold, lock }
    }

    /// `parking_lot::RwLockUpgradableReadGuard::rwlock`.
    pub fn rwlock(s: &Self) -> &'a RwLock<T> {
        s.lock
    }

    /// `parking_lot::RwLockUpgradableReadGuard::upgrade`.
    pub fn upgrade(s: Self) -> RwLockWriteGuard<'a, T> {
        let Self { mark, inner, hold, lock } = s;
        let (inner, waited) = match original::RwLockUpgradableReadGuard::try_upgrade(inner) {
            Ok(inner) => (inner, None),
            Err(inner) => {
                let wait = lock.watch.wait(Mode::Write, Holds::ByThread, true);
                (original::RwLockUpgradableReadGuard::upgrade(inner), Some(wait))
            }
        };
        drop(mark);
        drop(hold);
        let held = match waited {
            None => lock.watch.at_once(Mode::Write, Holds::ByThread),
            Some(wait) => {
                wait.acquired(0);
                lock.watch.hold(Mode::Write, Holds::ByThread, 0)
            }
        };
        RwLockWriteGuard::new(lock, (inner, held))
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_upgrade`.
    ///
    /// # Errors
    /// The guard, where there are other readers.
    pub fn try_upgrade(s: Self) -> Result<RwLockWriteGuard<'a, T>, Self> {
        s.upgraded(original::RwLockUpgradableReadGuard::try_upgrade, None)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_upgrade_for`.
    ///
    /// # Errors
    /// The guard, where there are other readers for so long.
    pub fn try_upgrade_for(s: Self, timeout: Duration) -> Result<RwLockWriteGuard<'a, T>, Self> {
        let wait: WaitTo<'_, 'a, T> = &|inner| original::RwLockUpgradableReadGuard::try_upgrade_for(inner, timeout);
        s.upgraded(original::RwLockUpgradableReadGuard::try_upgrade, Some(wait))
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_upgrade_until`.
    ///
    /// # Errors
    /// The guard, where there are other readers until then.
    pub fn try_upgrade_until(s: Self, timeout: Instant) -> Result<RwLockWriteGuard<'a, T>, Self> {
        let wait: WaitTo<'_, 'a, T> = &|inner| original::RwLockUpgradableReadGuard::try_upgrade_until(inner, timeout);
        s.upgraded(original::RwLockUpgradableReadGuard::try_upgrade, Some(wait))
    }

    /// `parking_lot::RwLockUpgradableReadGuard::downgrade`.
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let Self { mark, inner, hold, lock } = s;
        let held = mark.made_from(Mode::Read);
        let inner = original::RwLockUpgradableReadGuard::downgrade(inner);
        drop(hold);
        RwLockReadGuard::new(lock, (inner, held))
    }

    /// `parking_lot::RwLockUpgradableReadGuard::with_upgraded`.
    pub fn with_upgraded<R, F: FnOnce(&mut T) -> R>(&mut self, f: F) -> R {
        self.inner.with_upgraded(f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_with_upgraded`.
    pub fn try_with_upgraded<R, F: FnOnce(&mut T) -> R>(&mut self, f: F) -> Option<R> {
        self.inner.try_with_upgraded(f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_with_upgraded_for`.
    pub fn try_with_upgraded_for<R, F: FnOnce(&mut T) -> R>(&mut self, timeout: Duration, f: F) -> Option<R> {
        self.inner.try_with_upgraded_for(timeout, f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::try_with_upgraded_until`.
    pub fn try_with_upgraded_until<R, F: FnOnce(&mut T) -> R>(&mut self, timeout: Instant, f: F) -> Option<R> {
        self.inner.try_with_upgraded_until(timeout, f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::unlocked`.
    pub fn unlocked<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
        let (inner, _resume) = s.pause();
        original::RwLockUpgradableReadGuard::unlocked(inner, f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::unlocked_fair`.
    pub fn unlocked_fair<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
        let (inner, _resume) = s.pause();
        original::RwLockUpgradableReadGuard::unlocked_fair(inner, f)
    }

    /// `parking_lot::RwLockUpgradableReadGuard::unlock_fair`.
    pub fn unlock_fair(s: Self) {
        let Self { mark, inner, hold, .. } = s;
        drop(mark);
        original::RwLockUpgradableReadGuard::unlock_fair(inner);
        drop(hold);
    }

    /// `parking_lot::RwLockUpgradableReadGuard::bump`.
    pub fn bump(s: &mut Self) {
        let (inner, _resume) = s.pause();
        original::RwLockUpgradableReadGuard::bump(inner);
    }

    fn pause(&mut self) -> (&mut original::RwLockUpgradableReadGuard<'a, T>, Resume<'_>) {
        let Self { mark, inner, hold, lock } = self;
        (inner, Resume::after(mark, hold, &lock.watch, Mode::UpgradableRead))
    }

    /// Tries to become the writer, at once and then by waiting.
    fn upgraded(
        self,
        at_once: impl FnOnce(original::RwLockUpgradableReadGuard<'a, T>) -> Upgraded<'a, T>,
        wait_to: Option<WaitTo<'_, 'a, T>>,
    ) -> Result<RwLockWriteGuard<'a, T>, Self> {
        let Self { mark, inner, hold, lock } = self;
        let (tried, waited) = match (at_once(inner), wait_to) {
            (Err(inner), Some(wait_to)) => {
                let wait = lock.watch.wait(Mode::Write, Holds::ByThread, true).for_a_time();
                (wait_to(inner), Some(wait))
            }
            (tried, _) => (tried, None),
        };
        match (tried, waited) {
            (Ok(inner), waited) => {
                drop(mark);
                drop(hold);
                let held = if let Some(wait) = waited {
                    wait.acquired(0);
                    lock.watch.hold(Mode::Write, Holds::ByThread, 0)
                } else {
                    lock.watch.at_once(Mode::Write, Holds::ByThread)
                };
                Ok(RwLockWriteGuard::new(lock, (inner, held)))
            }
            (Err(inner), waited) => {
                match waited {
                    Some(wait) => wait.refused(),
                    None => lock.watch.refused(Mode::Write),
                }
                Err(Self { mark, inner, hold, lock })
            }
        }
    }
}

type WaitTo<'w, 'a, T> = &'w dyn Fn(original::RwLockUpgradableReadGuard<'a, T>) -> Upgraded<'a, T>;

reads!(['a, T: ?Sized] RwLockUpgradableReadGuard<'a, T>, T, |this| &this.inner);
