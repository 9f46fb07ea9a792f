//! Guards of the lock for readers and writers that borrow it.

use crate::guards::{reads, writes};
use crate::watch::{Held, Hold, Mark, Mode};
use tokio::sync as original;

/// [`tokio::sync::RwLockReadGuard`] of a watched [`RwLock`](super::RwLock).
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    pub(super) mark: Mark,
    pub(super) inner: original::RwLockReadGuard<'a, T>,
    pub(super) hold: Hold,
}

/// [`tokio::sync::RwLockWriteGuard`] of a watched [`RwLock`](super::RwLock).
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    pub(super) mark: Mark,
    pub(super) inner: original::RwLockWriteGuard<'a, T>,
    pub(super) hold: Hold,
}

/// [`tokio::sync::RwLockMappedWriteGuard`] of a watched [`RwLock`](super::RwLock).
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockMappedWriteGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::RwLockMappedWriteGuard<'a, T>,
    hold: Hold,
}

/// A hold to read in place of one to write: the writer is no longer named before others may come in, and is counted then.
pub(super) fn downgraded<W, R>(
    mark: Mark,
    hold: Hold,
    inner: W,
    downgrade: impl FnOnce(W, &mut Mark) -> R,
) -> (R, Held) {
    let mut written = Mark::made_from(mark, Mode::Read);
    let inner = downgrade(inner, &mut written.mark);
    drop(hold);
    (inner, written)
}

impl<'a, T: ?Sized> RwLockReadGuard<'a, T> {
    pub(super) fn new(inner: original::RwLockReadGuard<'a, T>, held: Held) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold }
    }

    /// [`tokio::sync::RwLockReadGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&T) -> &U, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U> {
        let Self { mut mark, inner, hold } = this;
        let inner = original::RwLockReadGuard::map(inner, |value| mark.guarding(|| f(value)));
        RwLockReadGuard { mark, inner, hold }
    }

    /// [`tokio::sync::RwLockReadGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Self { mut mark, inner, hold } = this;
        match original::RwLockReadGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(RwLockReadGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }
}

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    pub(super) fn new(inner: original::RwLockWriteGuard<'a, T>, held: Held) -> Self {
        let Held { mark, hold } = held;
        Self { mark, inner, hold }
    }

    /// [`tokio::sync::RwLockWriteGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&mut T) -> &mut U, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U> {
        let Self { mut mark, inner, hold } = this;
        let inner = original::RwLockWriteGuard::map(inner, |value| mark.guarding(|| f(value)));
        RwLockMappedWriteGuard { mark, inner, hold }
    }

    /// [`tokio::sync::RwLockWriteGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold } = this;
        match original::RwLockWriteGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }

    /// [`tokio::sync::RwLockWriteGuard::downgrade_map`].
    #[inline]
    pub fn downgrade_map<F: FnOnce(&T) -> &U, U: ?Sized>(this: Self, f: F) -> RwLockReadGuard<'a, U> {
        let Self { mark, inner, hold } = this;
        let (inner, held) = downgraded(mark, hold, inner, |inner, mark| {
            original::RwLockWriteGuard::downgrade_map(inner, |value| mark.guarding(|| f(value)))
        });
        RwLockReadGuard::new(inner, held)
    }

    /// [`tokio::sync::RwLockWriteGuard::try_downgrade_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_downgrade_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockReadGuard<'a, U>, Self>
    where
        F: FnOnce(&T) -> Option<&U>,
    {
        let Self { mut mark, inner, hold } = this;
        match original::RwLockWriteGuard::try_downgrade_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => {
                let ((), held) = downgraded(mark, hold, (), |(), _| ());
                Ok(RwLockReadGuard::new(inner, held))
            }
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }

    /// [`tokio::sync::RwLockWriteGuard::into_mapped`].
    #[inline]
    pub fn into_mapped(this: Self) -> RwLockMappedWriteGuard<'a, T> {
        let Self { mark, inner, hold } = this;
        RwLockMappedWriteGuard { mark, inner: original::RwLockWriteGuard::into_mapped(inner), hold }
    }

    /// [`tokio::sync::RwLockWriteGuard::downgrade`].
    pub fn downgrade(self) -> RwLockReadGuard<'a, T> {
        let Self { mark, inner, hold } = self;
        let (inner, held) = downgraded(mark, hold, inner, |inner, _| original::RwLockWriteGuard::downgrade(inner));
        RwLockReadGuard::new(inner, held)
    }
}

impl<'a, T: ?Sized> RwLockMappedWriteGuard<'a, T> {
    /// [`tokio::sync::RwLockMappedWriteGuard::map`].
    #[inline]
    pub fn map<F: FnOnce(&mut T) -> &mut U, U: ?Sized>(this: Self, f: F) -> RwLockMappedWriteGuard<'a, U> {
        let Self { mut mark, inner, hold } = this;
        let inner = original::RwLockMappedWriteGuard::map(inner, |value| mark.guarding(|| f(value)));
        RwLockMappedWriteGuard { mark, inner, hold }
    }

    /// [`tokio::sync::RwLockMappedWriteGuard::try_map`].
    ///
    /// # Errors
    /// The guard, where `f` gives nothing.
    #[inline]
    pub fn try_map<F, U: ?Sized>(this: Self, f: F) -> Result<RwLockMappedWriteGuard<'a, U>, Self>
    where
        F: FnOnce(&mut T) -> Option<&mut U>,
    {
        let Self { mut mark, inner, hold } = this;
        match original::RwLockMappedWriteGuard::try_map(inner, |value| mark.guarding(|| f(value))) {
            Ok(inner) => Ok(RwLockMappedWriteGuard { mark, inner, hold }),
            Err(inner) => Err(Self { mark, inner, hold }),
        }
    }
}

reads!(['a, T: ?Sized] RwLockReadGuard<'a, T>, T, |this| &this.inner);
writes!(['a, T: ?Sized] RwLockWriteGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
writes!(['a, T: ?Sized] RwLockMappedWriteGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
