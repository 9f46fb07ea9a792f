//! Guards of the mutex that own it.

use super::erased::{Erased, OfMutex};
use super::mutex::Mutex;
use crate::guards::writes;
use crate::watch::{Held, Hold, Mark};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;

/// [`tokio::sync::OwnedMutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
#[expect(dead_code, reason = "what it does with them it does when they are dropped, in this order")]
pub struct OwnedMutexGuard<T: ?Sized> {
    mark: Mark,
    inner: Erased<OfMutex, T>,
    hold: Hold,
    // Dropped last: the others borrow it.
    mutex: Arc<Mutex<T>>,
    _value: PhantomData<T>,
}

/// [`tokio::sync::OwnedMappedMutexGuard`] of a watched [`Mutex`].
#[must_use = "if unused the Mutex will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedMappedMutexGuard<T: ?Sized, U: ?Sized = T> {
    value: NonNull<U>,
    guard: OwnedMutexGuard<T>,
    _value: PhantomData<U>,
}

// SAFETY: the pointer is the one into what the guard guards; it goes where the guard may go, if its own type may.
unsafe impl<T: ?Sized + Send, U: ?Sized + Send> Send for OwnedMappedMutexGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedMappedMutexGuard<T, U> {}

impl<T: ?Sized> OwnedMutexGuard<T> {
    pub(super) fn new(mutex: Arc<Mutex<T>>, inner: Erased<OfMutex, T>, held: Held) -> Self {
        let Held { mark, hold } = held.owned();
        Self { mark, inner, hold, mutex, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedMutexGuard::map`].
    #[inline]
    pub fn map<U: ?Sized, F: FnOnce(&mut T) -> &mut U>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, U> {
        let value = NonNull::from(f(&mut this));
        OwnedMappedMutexGuard { value, guard: this, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedMutexGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<U: ?Sized, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(value) = f(&mut this).map(NonNull::from) else { return Err(this) };
        Ok(OwnedMappedMutexGuard { value, guard: this, _value: PhantomData })
    }

    /// [`tokio::sync::OwnedMutexGuard::mutex`].
    #[inline]
    pub fn mutex(this: &Self) -> &Arc<Mutex<T>> {
        &this.mutex
    }
}

impl<T: ?Sized, U: ?Sized> OwnedMappedMutexGuard<T, U> {
    /// [`tokio::sync::OwnedMappedMutexGuard::map`].
    #[inline]
    pub fn map<S: ?Sized, F: FnOnce(&mut U) -> &mut S>(mut this: Self, f: F) -> OwnedMappedMutexGuard<T, S> {
        let value = NonNull::from(f(&mut this));
        OwnedMappedMutexGuard { value, guard: this.guard, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedMappedMutexGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<S: ?Sized, F>(mut this: Self, f: F) -> Result<OwnedMappedMutexGuard<T, S>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut S>,
    {
        let Some(value) = f(&mut this).map(NonNull::from) else { return Err(this) };
        Ok(OwnedMappedMutexGuard { value, guard: this.guard, _value: PhantomData })
    }
}

writes!([T: ?Sized] OwnedMutexGuard<T>, T, |this| this.inner.get(), this.inner.with_mut(|guard| &mut **guard));
writes!(
    [T: ?Sized, U: ?Sized] OwnedMappedMutexGuard<T, U>,
    U,
    // SAFETY: it points into what the guard guards, which this borrows for as long.
    |this| unsafe { this.value.as_ref() },
    // SAFETY: as above; and the guard is borrowed by nobody else.
    unsafe { this.value.as_mut() }
);
