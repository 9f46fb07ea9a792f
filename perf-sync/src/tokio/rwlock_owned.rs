//! Guards of the lock for readers and writers that own it.

use super::erased::{Erased, Readers, Writers};
use super::rwlock::RwLock;
use super::rwlock_guards::downgraded;
use crate::guards::{reads, writes};
use crate::watch::{Held, Hold, Mark};
use std::marker::PhantomData;
use std::ptr::NonNull;
use std::sync::Arc;
use tokio::sync as original;

/// [`tokio::sync::OwnedRwLockReadGuard`] of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockReadGuard<T: ?Sized, U: ?Sized = T> {
    value: NonNull<U>,
    mark: Mark,
    inner: Erased<Readers, T>,
    hold: Hold,
    // Dropped last: the others borrow it.
    lock: Arc<RwLock<T>>,
    _value: PhantomData<U>,
}

/// [`tokio::sync::OwnedRwLockWriteGuard`] of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockWriteGuard<T: ?Sized> {
    mark: Mark,
    inner: Erased<Writers, T>,
    hold: Hold,
    // Dropped last: the others borrow it.
    lock: Arc<RwLock<T>>,
    _value: PhantomData<T>,
}

/// [`tokio::sync::OwnedRwLockMappedWriteGuard`] of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct OwnedRwLockMappedWriteGuard<T: ?Sized, U: ?Sized = T> {
    value: NonNull<U>,
    guard: OwnedRwLockWriteGuard<T>,
    _value: PhantomData<U>,
}

// SAFETY: the pointer is the one into what the guard guards; it goes where the guard may go, if its own type may.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Sync> Send for OwnedRwLockReadGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockReadGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Send for OwnedRwLockMappedWriteGuard<T, U> {}
// SAFETY: as above.
unsafe impl<T: ?Sized + Send + Sync, U: ?Sized + Send + Sync> Sync for OwnedRwLockMappedWriteGuard<T, U> {}

impl<T: ?Sized> OwnedRwLockReadGuard<T> {
    pub(super) fn new(lock: Arc<RwLock<T>>, inner: Erased<Readers, T>, held: Held) -> Self {
        let value = NonNull::from(&**inner.get());
        let Held { mark, hold } = held.owned();
        Self { value, mark, inner, hold, lock, _value: PhantomData }
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockReadGuard<T, U> {
    /// [`tokio::sync::OwnedRwLockReadGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&U) -> &V, V: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, V> {
        let value = NonNull::from(f(&this));
        this.of(value)
    }

    /// [`tokio::sync::OwnedRwLockReadGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, V: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, V>, Self>
    where
        F: FnOnce(&U) -> Option<&V>,
    {
        let Some(value) = f(&this).map(NonNull::from) else { return Err(this) };
        Ok(this.of(value))
    }

    /// [`tokio::sync::OwnedRwLockReadGuard::rwlock`].
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }

    fn of<V: ?Sized>(self, value: NonNull<V>) -> OwnedRwLockReadGuard<T, V> {
        let Self { mark, inner, hold, lock, .. } = self;
        OwnedRwLockReadGuard { value, mark, inner, hold, lock, _value: PhantomData }
    }
}

impl<T: ?Sized> OwnedRwLockWriteGuard<T> {
    pub(super) fn new(lock: Arc<RwLock<T>>, inner: Erased<Writers, T>, held: Held) -> Self {
        let Held { mark, hold } = held.owned();
        Self { mark, inner, hold, lock, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&mut T) -> &mut U, U: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, U> {
        let value = NonNull::from(f(&mut this));
        OwnedRwLockMappedWriteGuard { value, guard: this, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, U: ?Sized>(mut this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Some(value) = f(&mut this).map(NonNull::from) else { return Err(this) };
        Ok(OwnedRwLockMappedWriteGuard { value, guard: this, _value: PhantomData })
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::downgrade_map`].
    #[inline]
    pub fn downgrade_map<F: FnOnce(&T) -> &U, U: ?Sized>(this: Self, f: F) -> OwnedRwLockReadGuard<T, U> {
        let value = NonNull::from(f(&this));
        this.downgrade().of(value)
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::try_downgrade_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<OwnedRwLockReadGuard<T, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Some(value) = f(&this).map(NonNull::from) else { return Err(this) };
        Ok(this.downgrade().of(value))
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::into_mapped`].
    #[inline]
    pub fn into_mapped(this: Self) -> OwnedRwLockMappedWriteGuard<T> {
        Self::map(this, |value| value)
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::downgrade`].
    pub fn downgrade(self) -> OwnedRwLockReadGuard<T> {
        let Self { mark, inner, hold, lock, .. } = self;
        let (inner, held) =
            downgraded(mark, hold, inner, |inner, _| inner.change::<Readers>(original::RwLockWriteGuard::downgrade));
        OwnedRwLockReadGuard::new(lock, inner, held)
    }

    /// [`tokio::sync::OwnedRwLockWriteGuard::rwlock`].
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.lock
    }
}

impl<T: ?Sized, U: ?Sized> OwnedRwLockMappedWriteGuard<T, U> {
    /// [`tokio::sync::OwnedRwLockMappedWriteGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&mut U) -> &mut V, V: ?Sized>(mut this: Self, f: F) -> OwnedRwLockMappedWriteGuard<T, V> {
        let value = NonNull::from(f(&mut this));
        OwnedRwLockMappedWriteGuard { value, guard: this.guard, _value: PhantomData }
    }

    /// [`tokio::sync::OwnedRwLockMappedWriteGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, V: ?Sized>(mut this: Self, f: F) -> Result<OwnedRwLockMappedWriteGuard<T, V>, Self>
    where
        F: FnOnce(&mut U) -> Option<&mut V>,
    {
        let Some(value) = f(&mut this).map(NonNull::from) else { return Err(this) };
        Ok(OwnedRwLockMappedWriteGuard { value, guard: this.guard, _value: PhantomData })
    }

    /// [`tokio::sync::OwnedRwLockMappedWriteGuard::rwlock`].
    #[inline]
    pub fn rwlock(this: &Self) -> &Arc<RwLock<T>> {
        &this.guard.lock
    }
}

reads!(
    [T: ?Sized, U: ?Sized] OwnedRwLockReadGuard<T, U>,
    U,
    // SAFETY: it points into what the guard guards, which this borrows for as long.
    |this| unsafe { this.value.as_ref() }
);
writes!([T: ?Sized] OwnedRwLockWriteGuard<T>, T, |this| this.inner.get(), this.inner.with_mut(|guard| &mut **guard));
writes!(
    [T: ?Sized, U: ?Sized] OwnedRwLockMappedWriteGuard<T, U>,
    U,
    // SAFETY: as above.
    |this| unsafe { this.value.as_ref() },
    // SAFETY: as above; and the guard is borrowed by nobody else.
    unsafe { this.value.as_mut() }
);
