//! The lock for readers and writers.

use super::{LockResult, TryLockResult, take, try_take};
use crate::guards::made_of_values;
use crate::guards::{reads, writes};
use crate::watch::{Held, Hold, Mark, Mode, Watch};
use std::sync as original;

/// [`std::sync::RwLock`], watched.
///
/// ```
/// use perf_sync::std::RwLock;
///
/// static PRICES: RwLock<Vec<u32>> = RwLock::named("prices", Vec::new());
///
/// PRICES.write().unwrap().push(3);
/// assert_eq!(PRICES.read().unwrap().len(), 1);
/// ```
pub struct RwLock<T: ?Sized> {
    watch: Watch,
    inner: original::RwLock<T>,
}

/// [`std::sync::RwLockReadGuard`] of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
#[expect(dead_code, reason = "what it does with them it does when they are dropped, in this order")]
pub struct RwLockReadGuard<'a, T: ?Sized + 'a> {
    mark: Mark,
    inner: original::RwLockReadGuard<'a, T>,
    hold: Hold,
}

/// [`std::sync::RwLockWriteGuard`] of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
#[expect(dead_code, reason = "as above")]
pub struct RwLockWriteGuard<'a, T: ?Sized + 'a> {
    mark: Mark,
    inner: original::RwLockWriteGuard<'a, T>,
    hold: Hold,
}

impl<T> RwLock<T> {
    /// A lock with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(name), inner: original::RwLock::new(value) }
    }

    /// [`std::sync::RwLock::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::new(value) }
    }

    /// [`std::sync::RwLock::into_inner`].
    ///
    /// # Errors
    /// Where the lock is poisoned, with the value.
    pub fn into_inner(self) -> LockResult<T> {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// [`std::sync::RwLock::read`].
    ///
    /// # Errors
    /// Where the lock is poisoned, with the guard.
    #[inline]
    pub fn read(&self) -> LockResult<RwLockReadGuard<'_, T>> {
        take(&self.watch, Mode::Read, || self.inner.try_read(), || self.inner.read(), RwLockReadGuard::new)
    }

    /// [`std::sync::RwLock::try_read`].
    ///
    /// # Errors
    /// Where it is locked to write, or poisoned.
    pub fn try_read(&self) -> TryLockResult<RwLockReadGuard<'_, T>> {
        try_take(&self.watch, Mode::Read, self.inner.try_read(), RwLockReadGuard::new)
    }

    /// [`std::sync::RwLock::write`].
    ///
    /// # Errors
    /// Where the lock is poisoned, with the guard.
    #[inline]
    pub fn write(&self) -> LockResult<RwLockWriteGuard<'_, T>> {
        take(&self.watch, Mode::Write, || self.inner.try_write(), || self.inner.write(), RwLockWriteGuard::new)
    }

    /// [`std::sync::RwLock::try_write`].
    ///
    /// # Errors
    /// Where it is locked, or poisoned.
    pub fn try_write(&self) -> TryLockResult<RwLockWriteGuard<'_, T>> {
        try_take(&self.watch, Mode::Write, self.inner.try_write(), RwLockWriteGuard::new)
    }

    /// [`std::sync::RwLock::is_poisoned`].
    pub fn is_poisoned(&self) -> bool {
        self.inner.is_poisoned()
    }

    /// [`std::sync::RwLock::clear_poison`].
    pub fn clear_poison(&self) {
        self.inner.clear_poison();
    }

    /// [`std::sync::RwLock::get_mut`].
    ///
    /// # Errors
    /// Where the lock is poisoned, with the value.
    pub fn get_mut(&mut self) -> LockResult<&mut T> {
        self.inner.get_mut()
    }
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    #[inline(always)]
    fn new(inner: original::RwLockReadGuard<'a, T>, held: Held) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    #[inline(always)]
    fn new(inner: original::RwLockWriteGuard<'a, T>, held: Held) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold }
    }
}

reads!(['a, T: ?Sized] RwLockReadGuard<'a, T>, T, |this| &this.inner);
writes!(['a, T: ?Sized] RwLockWriteGuard<'a, T>, T, |this| &this.inner, &mut this.inner);

made_of_values!(RwLock);
