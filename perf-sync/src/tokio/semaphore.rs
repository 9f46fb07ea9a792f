//! The semaphore.

use super::blocking::check_that_it_may_block;
use super::waiting::{Waited, Waiting};
use super::{OwnedSemaphorePermit, SemaphorePermit};
use crate::watch::{Held, Holds, Mode, Watch};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use tokio::sync::{self as original, AcquireError, TryAcquireError};

/// [`tokio::sync::Semaphore`], watched.
///
/// ```
/// use perf_sync::tokio::Semaphore;
///
/// static UPLOADS: Semaphore = Semaphore::named("uploads", 4);
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), tokio::sync::AcquireError> {
/// let permit = UPLOADS.acquire().await?;
/// assert_eq!(UPLOADS.available_permits(), 3);
/// # drop(permit);
/// # Ok(())
/// # }
/// ```
pub struct Semaphore {
    watch: Watch,
    pub(super) inner: original::Semaphore,
}

impl Semaphore {
    /// [`tokio::sync::Semaphore::MAX_PERMITS`].
    pub const MAX_PERMITS: usize = original::Semaphore::MAX_PERMITS;

    /// A semaphore with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, permits: usize) -> Self {
        Self { watch: Watch::named(name), inner: original::Semaphore::const_new(permits) }
    }

    /// [`tokio::sync::Semaphore::new`]. Its name is the place in the program where it is made.
    ///
    /// # Panics
    /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS), as the original does.
    #[track_caller]
    pub fn new(permits: usize) -> Self {
        Self { watch: Watch::here(), inner: original::Semaphore::new(permits) }
    }

    /// [`tokio::sync::Semaphore::const_new`].
    ///
    /// # Panics
    /// With more than [`MAX_PERMITS`](Self::MAX_PERMITS), as the original does.
    #[track_caller]
    pub const fn const_new(permits: usize) -> Self {
        Self { watch: Watch::here(), inner: original::Semaphore::const_new(permits) }
    }

    /// [`tokio::sync::Semaphore::available_permits`].
    pub fn available_permits(&self) -> usize {
        self.inner.available_permits()
    }

    /// [`tokio::sync::Semaphore::add_permits`].
    ///
    /// # Panics
    /// Where there would be more than [`MAX_PERMITS`](Self::MAX_PERMITS), as the original does.
    pub fn add_permits(&self, n: usize) {
        self.inner.add_permits(n);
    }

    /// [`tokio::sync::Semaphore::forget_permits`].
    pub fn forget_permits(&self, n: usize) -> usize {
        self.inner.forget_permits(n)
    }

    /// [`tokio::sync::Semaphore::acquire`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    pub async fn acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        let held = self.wait_for(1).await?;
        Ok(SemaphorePermit::new(self, 1, held))
    }

    /// [`tokio::sync::Semaphore::acquire_many`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    pub async fn acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let held = self.wait_for(n).await?;
        Ok(SemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::try_acquire`].
    ///
    /// # Errors
    /// Where the semaphore is closed or has no permit left.
    pub fn try_acquire(&self) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        self.try_acquire_many(1)
    }

    /// [`tokio::sync::Semaphore::try_acquire_many`].
    ///
    /// # Errors
    /// Where the semaphore is closed or has not so many permits left.
    pub fn try_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, TryAcquireError> {
        let held = self.try_take(n)?;
        Ok(SemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::blocking_acquire`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire(&self) -> Result<SemaphorePermit<'_>, AcquireError> {
        self.blocking_acquire_many(1)
    }

    /// [`tokio::sync::Semaphore::blocking_acquire_many`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_many(&self, n: u32) -> Result<SemaphorePermit<'_>, AcquireError> {
        let held = self.block_for(n)?;
        Ok(SemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::acquire_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    pub async fn acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.acquire_many_owned(1).await
    }

    /// [`tokio::sync::Semaphore::acquire_many_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    pub async fn acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        let held = self.wait_for(n).await?;
        Ok(OwnedSemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::try_acquire_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed or has no permit left.
    pub fn try_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        self.try_acquire_many_owned(1)
    }

    /// [`tokio::sync::Semaphore::try_acquire_many_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed or has not so many permits left.
    pub fn try_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, TryAcquireError> {
        let held = self.try_take(n)?;
        Ok(OwnedSemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::blocking_acquire_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_owned(self: Arc<Self>) -> Result<OwnedSemaphorePermit, AcquireError> {
        self.blocking_acquire_many_owned(1)
    }

    /// [`tokio::sync::Semaphore::blocking_acquire_many_owned`].
    ///
    /// # Errors
    /// Where the semaphore is closed.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_acquire_many_owned(self: Arc<Self>, n: u32) -> Result<OwnedSemaphorePermit, AcquireError> {
        let held = self.block_for(n)?;
        Ok(OwnedSemaphorePermit::new(self, n, held))
    }

    /// [`tokio::sync::Semaphore::close`].
    pub fn close(&self) {
        self.inner.close();
    }

    /// [`tokio::sync::Semaphore::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    async fn wait_for(&self, n: u32) -> Result<Held, AcquireError> {
        // The permits are the original's; a permit of ours gives them back by their number, as the original's does.
        Waiting::new(&self.watch, Mode::Acquire, self.inner.acquire_many(n), ended).await?.forget();
        Ok(self.watch.hold(Mode::Acquire, Holds::ByTask, n.into()))
    }

    fn try_take(&self, n: u32) -> Result<Held, TryAcquireError> {
        let permit = self.inner.try_acquire_many(n).inspect_err(|_| self.watch.refused(Mode::Acquire))?;
        permit.forget();
        Ok(self.watch.at_once_units(Mode::Acquire, Holds::ByTask, n.into()))
    }

    #[track_caller]
    fn block_for(&self, n: u32) -> Result<Held, AcquireError> {
        check_that_it_may_block();
        if let Ok(permit) = self.inner.try_acquire_many(n) {
            permit.forget();
            return Ok(self.watch.at_once_units(Mode::Acquire, Holds::ByTask, n.into()));
        }
        let wait = self.watch.wait(Mode::Acquire, Holds::ByTask, true);
        match self.inner.blocking_acquire_many(n) {
            Ok(permit) => {
                permit.forget();
                wait.acquired(n.into());
                Ok(self.watch.hold(Mode::Acquire, Holds::ByTask, n.into()))
            }
            Err(closed) => {
                wait.refused();
                Err(closed)
            }
        }
    }
}

fn ended(acquired: &Result<original::SemaphorePermit<'_>, AcquireError>) -> Waited {
    acquired.as_ref().map_or(Waited::Refused, |permit| Waited::Acquired(permit.num_permits() as u64))
}

/// A future of this module waits as a future of the original does.
#[allow(dead_code, reason = "it is compiled, which is what it is for")]
fn futures_are_send(semaphore: &Semaphore) {
    fn is_send(_: impl Future + Send) {}
    is_send(semaphore.acquire());
}

impl fmt::Debug for Semaphore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
