//! The lock for readers and writers.

use super::blocking::blocking;
use super::erased::Erased;
use super::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};
use crate::guards::made_of_values;
use crate::watch::{Held, Holds, Mode, Watch};
use std::sync::Arc;
use tokio::sync::{self as original, TryLockError};

/// [`tokio::sync::RwLock`], watched.
///
/// ```
/// use perf_sync::tokio::RwLock;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() {
/// let prices = RwLock::named("prices", vec![1, 2]);
/// assert_eq!(prices.read().await.len(), 2);
/// prices.write().await.push(3);
/// # }
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) watch: Watch,
    inner: original::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A lock with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(name), inner: original::RwLock::const_new(value) }
    }

    /// [`tokio::sync::RwLock::new`]. Its name is the place in the program where it is made.
    #[track_caller]
    pub fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::new(value) }
    }

    /// [`tokio::sync::RwLock::with_max_readers`].
    ///
    /// # Panics
    /// Where `max_reads` is too large, as the original does.
    #[track_caller]
    pub fn with_max_readers(value: T, max_reads: u32) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::with_max_readers(value, max_reads) }
    }

    /// [`tokio::sync::RwLock::const_new`].
    #[track_caller]
    pub const fn const_new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::const_new(value) }
    }

    /// [`tokio::sync::RwLock::const_with_max_readers`].
    #[track_caller]
    pub const fn const_with_max_readers(value: T, max_reads: u32) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::const_with_max_readers(value, max_reads) }
    }

    /// [`tokio::sync::RwLock::into_inner`].
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

impl<T: ?Sized> RwLock<T> {
    /// [`tokio::sync::RwLock::read`].
    pub async fn read(&self) -> RwLockReadGuard<'_, T> {
        let inner = self.watch.waiting(Mode::Read, self.inner.read()).await;
        RwLockReadGuard::new(inner, self.watch.held_by_task(Mode::Read))
    }

    /// [`tokio::sync::RwLock::write`].
    pub async fn write(&self) -> RwLockWriteGuard<'_, T> {
        let inner = self.watch.waiting(Mode::Write, self.inner.write()).await;
        RwLockWriteGuard::new(inner, self.watch.held_by_task(Mode::Write))
    }

    /// [`tokio::sync::RwLock::blocking_read`].
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_read(&self) -> RwLockReadGuard<'_, T> {
        let take = || self.inner.blocking_read();
        blocking(&self.watch, Mode::Read, || self.inner.try_read().ok(), take, RwLockReadGuard::new)
    }

    /// [`tokio::sync::RwLock::blocking_write`].
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_write(&self) -> RwLockWriteGuard<'_, T> {
        let take = || self.inner.blocking_write();
        blocking(&self.watch, Mode::Write, || self.inner.try_write().ok(), take, RwLockWriteGuard::new)
    }

    /// [`tokio::sync::RwLock::try_read`].
    ///
    /// # Errors
    /// Where it is locked to write.
    pub fn try_read(&self) -> Result<RwLockReadGuard<'_, T>, TryLockError> {
        let inner = self.inner.try_read().inspect_err(|_| self.watch.refused(Mode::Read))?;
        Ok(RwLockReadGuard::new(inner, self.watch.at_once(Mode::Read, Holds::ByTask)))
    }

    /// [`tokio::sync::RwLock::try_write`].
    ///
    /// # Errors
    /// Where it is locked.
    pub fn try_write(&self) -> Result<RwLockWriteGuard<'_, T>, TryLockError> {
        let inner = self.inner.try_write().inspect_err(|_| self.watch.refused(Mode::Write))?;
        Ok(RwLockWriteGuard::new(inner, self.watch.at_once(Mode::Write, Holds::ByTask)))
    }

    /// [`tokio::sync::RwLock::read_owned`].
    pub async fn read_owned(self: Arc<Self>) -> OwnedRwLockReadGuard<T> {
        let inner = Erased::new(self.watch.waiting(Mode::Read, self.inner.read()).await);
        let held = self.watch.held_by_task(Mode::Read);
        OwnedRwLockReadGuard::new(self, inner, held)
    }

    /// [`tokio::sync::RwLock::write_owned`].
    pub async fn write_owned(self: Arc<Self>) -> OwnedRwLockWriteGuard<T> {
        let inner = Erased::new(self.watch.waiting(Mode::Write, self.inner.write()).await);
        let held = self.watch.held_by_task(Mode::Write);
        OwnedRwLockWriteGuard::new(self, inner, held)
    }

    /// [`tokio::sync::RwLock::try_read_owned`].
    ///
    /// # Errors
    /// Where it is locked to write.
    pub fn try_read_owned(self: Arc<Self>) -> Result<OwnedRwLockReadGuard<T>, TryLockError> {
        let RwLockReadGuard { mark, inner, hold } = self.try_read()?;
        let inner = Erased::new(inner);
        Ok(OwnedRwLockReadGuard::new(self, inner, Held { mark, hold }))
    }

    /// [`tokio::sync::RwLock::try_write_owned`].
    ///
    /// # Errors
    /// Where it is locked.
    pub fn try_write_owned(self: Arc<Self>) -> Result<OwnedRwLockWriteGuard<T>, TryLockError> {
        let RwLockWriteGuard { mark, inner, hold } = self.try_write()?;
        let inner = Erased::new(inner);
        Ok(OwnedRwLockWriteGuard::new(self, inner, Held { mark, hold }))
    }

    /// [`tokio::sync::RwLock::get_mut`].
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }
}

made_of_values!(RwLock);
