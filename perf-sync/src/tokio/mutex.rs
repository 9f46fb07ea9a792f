//! The mutex.

use super::OwnedMutexGuard;
use super::blocking::blocking;
use super::erased::Erased;
use crate::guards::{made_of_values, writes};
use crate::watch::{Held, Hold, Holds, Mark, Mode, Watch};
use std::sync::Arc;
use tokio::sync::{self as original, TryLockError};

/// [`tokio::sync::Mutex`], watched.
///
/// ```
/// use perf_sync::tokio::Mutex;
///
/// static STOCK: Mutex<u32> = Mutex::named("stock", 10);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// *STOCK.lock().await -= 1;
/// assert_eq!(*STOCK.lock().await, 9);
/// # }
/// ```
pub struct Mutex<T: ?Sized> {
    watch: Watch,
    inner: original::Mutex<T>,
}

/// [`tokio::sync::MutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MutexGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::MutexGuard<'a, T>,
    hold: Hold,
    mutex: &'a Mutex<T>,
}

/// [`tokio::sync::MappedMutexGuard`] of a watched [`Mutex`].
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
        Self { watch: Watch::named(name), inner: original::Mutex::const_new(value) }
    }

    /// [`tokio::sync::Mutex::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::Mutex::new(value) }
    }

    /// [`tokio::sync::Mutex::const_new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::Mutex::const_new(value) }
    }

    /// [`tokio::sync::Mutex::into_inner`].
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> Mutex<T> {
    /// [`tokio::sync::Mutex::lock`].
    pub async fn lock(&self) -> MutexGuard<'_, T> {
        let inner = self.watch.waiting(Mode::Lock, self.inner.lock()).await;
        self.guard(inner, self.watch.held_by_task(Mode::Lock))
    }

    /// [`tokio::sync::Mutex::blocking_lock`].
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_lock(&self) -> MutexGuard<'_, T> {
        let guard = |inner, held| self.guard(inner, held);
        blocking(&self.watch, Mode::Lock, || self.inner.try_lock().ok(), || self.inner.blocking_lock(), guard)
    }

    /// [`tokio::sync::Mutex::try_lock`].
    ///
    /// # Errors
    /// Where the mutex is locked.
    pub fn try_lock(&self) -> Result<MutexGuard<'_, T>, TryLockError> {
        let inner = self.inner.try_lock().inspect_err(|_| self.watch.refused(Mode::Lock))?;
        let held = self.watch.at_once(Mode::Lock, Holds::ByTask);
        Ok(self.guard(inner, held))
    }

    /// [`tokio::sync::Mutex::lock_owned`].
    pub async fn lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let inner = Erased::new(self.watch.waiting(Mode::Lock, self.inner.lock()).await);
        let held = self.watch.held_by_task(Mode::Lock);
        OwnedMutexGuard::new(self, inner, held)
    }

    /// [`tokio::sync::Mutex::blocking_lock_owned`].
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_lock_owned(self: Arc<Self>) -> OwnedMutexGuard<T> {
        let MutexGuard { mark, inner, hold, .. } = self.blocking_lock();
        let inner = Erased::new(inner);
        OwnedMutexGuard::new(self, inner, Held { mark, hold })
    }

    /// [`tokio::sync::Mutex::try_lock_owned`].
    ///
    /// # Errors
    /// Where the mutex is locked.
    pub fn try_lock_owned(self: Arc<Self>) -> Result<OwnedMutexGuard<T>, TryLockError> {
        let MutexGuard { mark, inner, hold, .. } = self.try_lock()?;
        let inner = Erased::new(inner);
        Ok(OwnedMutexGuard::new(self, inner, Held { mark, hold }))
    }

    /// [`tokio::sync::Mutex::get_mut`]: no attempt, since nobody else can have it.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    #[inline(always)]
    fn guard<'a>(&'a self, inner: original::MutexGuard<'a, T>, held: Held) -> MutexGuard<'a, T> {
        let Held { mark, hold } = held;
        MutexGuard { mark, inner, hold, mutex: self }
    }
}

impl<'a, T: ?Sized> MutexGuard<'a, T> {
    /// [`tokio::sync::MutexGuard::map`].
    #[inline]
    pub fn map<U, F: FnOnce(&mut T) -> &mut U>(this: Self, f: F) -> MappedMutexGuard<'a, U> {
        let Self { mut mark, inner, hold, .. } = this;
        let inner = original::MutexGuard::map(inner, |value| mark.guarding(|| f(value)));
        MappedMutexGuard { mark, inner, hold }
    }

    /// [`tokio::sync::MutexGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold, mutex } = this;
        match original::MutexGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(MappedMutexGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold, mutex }),
        }
    }

    /// [`tokio::sync::MutexGuard::mutex`].
    #[inline]
    pub fn mutex(this: &Self) -> &'a Mutex<T> {
        this.mutex
    }
}

impl<'a, T: ?Sized> MappedMutexGuard<'a, T> {
    /// [`tokio::sync::MappedMutexGuard::map`].
    #[inline]
    pub fn map<U, F: FnOnce(&mut T) -> &mut U>(this: Self, f: F) -> MappedMutexGuard<'a, U> {
        let Self { mut mark, inner, hold } = this;
        let inner = original::MappedMutexGuard::map(inner, |value| mark.guarding(|| f(value)));
        MappedMutexGuard { mark, inner, hold }
    }

    /// [`tokio::sync::MappedMutexGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<U, F>(this: Self, f: F) -> Result<MappedMutexGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold } = this;
        match original::MappedMutexGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(MappedMutexGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }
}

writes!(['a, T: ?Sized] MutexGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
writes!(['a, T: ?Sized] MappedMutexGuard<'a, T>, T, |this| &this.inner, &mut this.inner);

made_of_values!(Mutex);
