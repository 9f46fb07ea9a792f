//! The mutex.

use super::{LockResult, PoisonError, TryLockResult, take, try_take, wrap};
use crate::guards::{made_of_values, writes};
use crate::watch::{Held, Hold, Mark, Mode, Watch};
use std::sync as original;

/// [`std::sync::Mutex`], watched.
///
/// ```
/// use perf_sync::std::Mutex;
///
/// static STOCK: Mutex<u32> = Mutex::named("stock", 10);
///
/// *STOCK.lock().unwrap() -= 1;
/// assert_eq!(*STOCK.lock().unwrap(), 9);
/// ```
pub struct Mutex<T: ?Sized> {
    pub(super) watch: Watch,
    inner: original::Mutex<T>,
}

/// [`std::sync::MutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized + 'a> {
    pub(super) mark: Mark,
    pub(super) inner: original::MutexGuard<'a, T>,
    pub(super) hold: Hold,
    pub(super) watch: &'a Watch,
}

impl<T> Mutex<T> {
    /// A mutex with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(name), inner: original::Mutex::new(value) }
    }

    /// [`std::sync::Mutex::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::Mutex::new(value) }
    }

    /// [`std::sync::Mutex::into_inner`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// [`std::sync::Mutex::lock`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the guard.
    #[inline]
    pub fn lock(&self) -> LockResult<MutexGuard<'_, T>> {
        let guard = |inner, held| MutexGuard::new(&self.watch, inner, held);
        take(&self.watch, Mode::Lock, || self.inner.try_lock(), || self.inner.lock(), guard)
    }

    /// [`std::sync::Mutex::try_lock`].
    ///
    /// # Errors
    /// Where the mutex is locked, or poisoned.
    pub fn try_lock(&self) -> TryLockResult<MutexGuard<'_, T>> {
        let guard = |inner, held| MutexGuard::new(&self.watch, inner, held);
        try_take(&self.watch, Mode::Lock, self.inner.try_lock(), guard)
    }

    /// [`std::sync::Mutex::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// [`std::sync::Mutex::clear_poison`].
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    /// [`std::sync::Mutex::get_mut`].
    ///
    /// # Errors
    /// Where the mutex is poisoned, with the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    #[inline(always)]
    pub(super) fn new(watch: &'a Watch, inner: original::MutexGuard<'a, T>, held: Held) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold, watch }
    }

    /// The guard of a mutex that a condition variable locked again.
    pub(super) fn resumed(
        watch: &'a Watch,
        inner: LockResult<original::MutexGuard<'a, T>>,
    ) -> Result<Self, PoisonError<Self>> {
        let held = watch.resumed(Mode::Lock, crate::watch::Holds::ByThread);
        wrap(watch, Mode::Lock, inner, |inner| Self::new(watch, inner, held))
    }
}

writes!(['a, T: ?Sized] MutexGuard<'a, T>, T, |this| &this.inner, &mut this.inner);

made_of_values!(Mutex);
