//! The mutex.

use super::resume::Resume;
use super::{timed, tried};
use crate::guards::{made_of_values, writes};
use crate::watch::{Held, Hold, Holds, Mark, Mode, Watch};
use parking_lot as original;
use std::time::{Duration, Instant};

/// [`parking_lot::Mutex`], watched.
///
/// ```
/// use perf_sync::parking_lot::Mutex;
///
/// static STOCK: Mutex<u32> = Mutex::named("stock", 10);
///
/// *STOCK.lock() -= 1;
/// assert_eq!(*STOCK.lock(), 9);
/// ```
pub struct Mutex<T: ?Sized> {
    watch: Watch,
    inner: original::Mutex<T>,
}

/// [`parking_lot::MutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    pub(super) mark: Mark,
    pub(super) inner: original::MutexGuard<'a, T>,
    pub(super) hold: Hold,
    mutex: &'a Mutex<T>,
}

/// [`parking_lot::MappedMutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MappedMutexGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::MappedMutexGuard<'a, T>,
    hold: Hold,
}

impl<T> Mutex<T> {
    /// A mutex with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(name), inner: original::Mutex::new(value) }
    }

    /// `parking_lot::Mutex::new`. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::Mutex::new(value) }
    }

    /// `parking_lot::Mutex::into_inner`.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// `parking_lot::Mutex::lock`.
    #[inline]
    pub fn lock(&self) -> MutexGuard<'_, T> {
        let guard = |inner, held| self.guard((inner, held));
        self.watch.blocking(Mode::Lock, Holds::ByThread, || self.inner.try_lock(), || self.inner.lock(), guard)
    }

    /// `parking_lot::Mutex::try_lock`.
    pub fn try_lock(&self) -> Option<MutexGuard<'_, T>> {
        tried(&self.watch, Mode::Lock, self.inner.try_lock()).map(|taken| self.guard(taken))
    }

    /// `parking_lot::Mutex::try_lock_for`.
    pub fn try_lock_for(&self, timeout: Duration) -> Option<MutexGuard<'_, T>> {
        let take = || self.inner.try_lock_for(timeout);
        timed(&self.watch, (Mode::Lock, Holds::ByThread), || self.inner.try_lock(), take).map(|taken| self.guard(taken))
    }

    /// `parking_lot::Mutex::try_lock_until`.
    pub fn try_lock_until(&self, timeout: Instant) -> Option<MutexGuard<'_, T>> {
        let take = || self.inner.try_lock_until(timeout);
        timed(&self.watch, (Mode::Lock, Holds::ByThread), || self.inner.try_lock(), take).map(|taken| self.guard(taken))
    }

    /// `parking_lot::Mutex::is_locked`.
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// `parking_lot::Mutex::get_mut`.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// `parking_lot::Mutex::data_ptr`.
    pub fn data_ptr(&self) -> *mut T {
        self.inner.data_ptr()
    }

    #[inline(always)]
    fn guard<'a>(&'a self, (inner, held): (original::MutexGuard<'a, T>, Held)) -> MutexGuard<'a, T> {
        let Held { mark, hold } = held;
        MutexGuard { mark, inner, hold, mutex: self }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// `parking_lot::MutexGuard::mutex`.
    pub fn mutex(s: &Self) -> &'a Mutex<T> {
        s.mutex
    }

    /// `parking_lot::MutexGuard::map`.
    pub fn map<U: ?Sized, F: FnOnce(&mut T) -> &mut U>(s: Self, f: F) -> MappedMutexGuard<'a, U> {
        let Self { mut mark, inner, hold, .. } = s;
        let inner = original::MutexGuard::map(inner, |value| mark.guarding(|| f(value)));
        MappedMutexGuard { mark, inner, hold }
    }

    /// `parking_lot::MutexGuard::try_map`.
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    pub fn try_map<U: ?Sized, F>(s: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold, mutex } = s;
        match original::MutexGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(MappedMutexGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold, mutex }),
        }
    }

    /// `parking_lot::MutexGuard::unlocked`.
    pub fn unlocked<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
        let (inner, _resume) = s.pause();
        original::MutexGuard::unlocked(inner, f)
    }

    /// `parking_lot::MutexGuard::unlocked_fair`.
    pub fn unlocked_fair<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
        let (inner, _resume) = s.pause();
        original::MutexGuard::unlocked_fair(inner, f)
    }

    /// `parking_lot::MutexGuard::unlock_fair`.
    pub fn unlock_fair(s: Self) {
        let Self { mark, inner, hold, .. } = s;
        drop(mark);
        original::MutexGuard::unlock_fair(inner);
        drop(hold);
    }

    /// `parking_lot::MutexGuard::bump`.
    pub fn bump(s: &mut Self) {
        let (inner, _resume) = s.pause();
        original::MutexGuard::bump(inner);
    }

    /// Ends the hold, until what it gives is dropped.
    pub(super) fn pause(&mut self) -> (&mut original::MutexGuard<'a, T>, Resume<'_>) {
        let Self { mark, inner, hold, mutex } = self;
        (inner, Resume::after(mark, hold, &mutex.watch, Mode::Lock))
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// `parking_lot::MappedMutexGuard::map`.
    pub fn map<U: ?Sized, F: FnOnce(&mut T) -> &mut U>(s: Self, f: F) -> MappedMutexGuard<'a, U> {
        let Self { mut mark, inner, hold } = s;
        let inner = original::MappedMutexGuard::map(inner, |value| mark.guarding(|| f(value)));
        MappedMutexGuard { mark, inner, hold }
    }

    /// `parking_lot::MappedMutexGuard::try_map`.
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    pub fn try_map<U: ?Sized, F>(s: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold } = s;
        match original::MappedMutexGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(MappedMutexGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }

    /// `parking_lot::MappedMutexGuard::unlock_fair`.
    pub fn unlock_fair(s: Self) {
        let Self { mark, inner, hold } = s;
        drop(mark);
        original::MappedMutexGuard::unlock_fair(inner);
        drop(hold);
    }
}

writes!(['a, T: ?Sized] MutexGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
writes!(['a, T: ?Sized] MappedMutexGuard<'a, T>, T, |this| &this.inner, &mut this.inner);

made_of_values!(Mutex);
