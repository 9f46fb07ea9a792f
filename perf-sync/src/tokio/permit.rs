//! Permits of the semaphore.

use super::semaphore::Semaphore;
use crate::watch::{Held, Hold, Mark};
use std::fmt;
use std::ops::Deref;
use std::ptr;
use std::sync::Arc;

/// The part that both permits have.
struct Permit<S: Deref<Target = Semaphore>> {
    /// `None` once it is given up.
    held: Option<(Mark, Hold)>,
    semaphore: S,
    permits: u32,
}

impl<S: Deref<Target = Semaphore>> Permit<S> {
    #[inline(always)]
    fn new(semaphore: S, permits: u32, held: Held) -> Self {
        Self { held: Some((held.mark, held.hold)), semaphore, permits }
    }

    fn forget(&mut self) {
        self.permits = 0;
        if let Some((mark, hold)) = self.held.take() {
            mark.units_back(hold.units());
            drop(mark);
            hold.forget();
        }
    }

    fn merge(&mut self, other: &mut Self) {
        // As the original does: permits of another semaphore cannot be given back to this one.
        assert!(
            ptr::eq(&raw const *self.semaphore, &raw const *other.semaphore),
            "merging permits from different semaphore instances"
        );
        self.permits += other.permits;
        other.permits = 0;
        if let (Some((_, hold)), Some((_, of_other))) = (&mut self.held, other.held.take()) {
            hold.merge(of_other);
        }
    }

    fn split(&mut self, n: usize, semaphore: impl FnOnce(&S) -> S) -> Option<Self> {
        let n = u32::try_from(n).ok().filter(|&n| n <= self.permits)?;
        let (mark, hold) = self.held.as_mut()?;
        let part = mark.made(crate::watch::Mode::Acquire, n.into());
        // Both are out as before: the new hold counted its own once more.
        mark.units_back(n.into());
        hold.split_off(n.into());
        self.permits -= n;
        Some(Self::new(semaphore(&self.semaphore), n, part))
    }
}

impl<S: Deref<Target = Semaphore>> Drop for Permit<S> {
    fn drop(&mut self) {
        let held = self.held.take().map(|(mark, hold)| {
            mark.units_back(hold.units());
            hold
        });
        if self.permits > 0 {
            self.semaphore.inner.add_permits(self.permits as usize);
        }
        drop(held);
    }
}

impl<S: Deref<Target = Semaphore>> fmt::Debug for Permit<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("permits", &self.permits).finish_non_exhaustive()
    }
}

/// [`tokio::sync::SemaphorePermit`] of a watched [`Semaphore`].
#[must_use]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct SemaphorePermit<'a>(Permit<&'a Semaphore>);

/// [`tokio::sync::OwnedSemaphorePermit`] of a watched [`Semaphore`].
#[must_use]
#[clippy::has_significant_drop]
#[derive(Debug)]
pub struct OwnedSemaphorePermit(Permit<Arc<Semaphore>>);

impl<'a> SemaphorePermit<'a> {
    #[inline(always)]
    pub(super) fn new(semaphore: &'a Semaphore, permits: u32, held: Held) -> Self {
        Self(Permit::new(semaphore, permits, held))
    }

    /// [`tokio::sync::SemaphorePermit::forget`].
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// [`tokio::sync::SemaphorePermit::merge`].
    ///
    /// # Panics
    /// Where `other` is of another semaphore, as the original does.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        self.0.merge(&mut other.0);
    }

    /// [`tokio::sync::SemaphorePermit::split`].
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.split(n, |semaphore| semaphore).map(Self)
    }

    /// [`tokio::sync::SemaphorePermit::semaphore`].
    pub fn semaphore(&self) -> &Semaphore {
        self.0.semaphore
    }

    /// [`tokio::sync::SemaphorePermit::num_permits`].
    pub fn num_permits(&self) -> usize {
        self.0.permits as usize
    }
}

impl OwnedSemaphorePermit {
    #[inline(always)]
    pub(super) fn new(semaphore: Arc<Semaphore>, permits: u32, held: Held) -> Self {
        Self(Permit::new(semaphore, permits, held))
    }

    /// [`tokio::sync::OwnedSemaphorePermit::forget`].
    pub fn forget(mut self) {
        self.0.forget();
    }

    /// [`tokio::sync::OwnedSemaphorePermit::merge`].
    ///
    /// # Panics
    /// Where `other` is of another semaphore, as the original does.
    #[track_caller]
    pub fn merge(&mut self, mut other: Self) {
        self.0.merge(&mut other.0);
    }

    /// [`tokio::sync::OwnedSemaphorePermit::split`].
    pub fn split(&mut self, n: usize) -> Option<Self> {
        self.0.split(n, Arc::clone).map(Self)
    }

    /// [`tokio::sync::OwnedSemaphorePermit::semaphore`].
    pub fn semaphore(&self) -> &Arc<Semaphore> {
        &self.0.semaphore
    }

    /// [`tokio::sync::OwnedSemaphorePermit::num_permits`].
    pub fn num_permits(&self) -> usize {
        self.0.permits as usize
    }
}
