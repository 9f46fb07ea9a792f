//! Guards of the lock for readers and writers.

use super::resume::Resume;
use super::{RwLock, RwLockUpgradableReadGuard};
use crate::guards::{reads, writes};
use crate::watch::{Held, Hold, Mark, Mode};
use parking_lot as original;

/// `parking_lot::RwLockReadGuard` of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockReadGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::RwLockReadGuard<'a, T>,
    hold: Hold,
    lock: &'a RwLock<T>,
}

/// `parking_lot::RwLockWriteGuard` of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct RwLockWriteGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::RwLockWriteGuard<'a, T>,
    hold: Hold,
    lock: &'a RwLock<T>,
}

/// `parking_lot::MappedRwLockReadGuard` of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MappedRwLockReadGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::MappedRwLockReadGuard<'a, T>,
    hold: Hold,
}

/// `parking_lot::MappedRwLockWriteGuard` of a watched [`RwLock`].
#[must_use = "if unused the RwLock will immediately unlock"]
#[clippy::has_significant_drop]
pub struct MappedRwLockWriteGuard<'a, T: ?Sized> {
    mark: Mark,
    inner: original::MappedRwLockWriteGuard<'a, T>,
    hold: Hold,
}

/// The functions of a guard of the lock itself.
macro_rules! whole {
    ($guard:ident, $mapped:ident, $mode:path, [$($mut:tt)?]) => {
        impl<'a, T: ?Sized> $guard<'a, T> {
            #[inline(always)]
            pub(super) fn new(lock: &'a RwLock<T>, (inner, held): (original::$guard<'a, T>, Held)) -> Self {
                let Held { mark, hold } = held;
                Self { mark, inner, hold, lock }
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::rwlock`.")]
            pub fn rwlock(s: &Self) -> &'a RwLock<T> {
                s.lock
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::map`.")]
            pub fn map<U: ?Sized, F: FnOnce(&$($mut)? T) -> &$($mut)? U>(s: Self, f: F) -> $mapped<'a, U> {
                let Self { mut mark, inner, hold, .. } = s;
                let inner = original::$guard::map(inner, |value| mark.guarding(|| f(value)));
                $mapped { mark, inner, hold }
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::try_map`.")]
            ///
            /// # Errors
            /// The guard, where `f` gives nothing.
            pub fn try_map<U: ?Sized, F>(s: Self, f: F) -> Result<$mapped<'a, U>, Self>
            where
                F: FnOnce(&$($mut)? T) -> Option<&$($mut)? U>,
            {
                let Self { mut mark, inner, hold, lock } = s;
                match original::$guard::try_map(inner, |value| mark.guarding(|| f(value))) {
                    Ok(inner) => Ok($mapped { mark, inner, hold }),
                    Err(inner) => Err(Self { mark, inner, hold, lock }),
                }
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::unlocked`.")]
            pub fn unlocked<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
                let (inner, _resume) = s.pause();
                original::$guard::unlocked(inner, f)
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::unlocked_fair`.")]
            pub fn unlocked_fair<F: FnOnce() -> U, U>(s: &mut Self, f: F) -> U {
                let (inner, _resume) = s.pause();
                original::$guard::unlocked_fair(inner, f)
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::unlock_fair`.")]
            pub fn unlock_fair(s: Self) {
                let Self { mark, inner, hold, .. } = s;
                drop(mark);
                original::$guard::unlock_fair(inner);
                drop(hold);
            }

            #[doc = concat!("`parking_lot::", stringify!($guard), "::bump`.")]
            pub fn bump(s: &mut Self) {
                let (inner, _resume) = s.pause();
                original::$guard::bump(inner);
            }

            fn pause(&mut self) -> (&mut original::$guard<'a, T>, Resume<'_>) {
                let Self { mark, inner, hold, lock } = self;
                (inner, Resume::after(mark, hold, &lock.watch, $mode))
            }
        }

        impl<'a, T: ?Sized> $mapped<'a, T> {
            #[doc = concat!("`parking_lot::", stringify!($mapped), "::map`.")]
            pub fn map<U: ?Sized, F: FnOnce(&$($mut)? T) -> &$($mut)? U>(s: Self, f: F) -> $mapped<'a, U> {
                let Self { mut mark, inner, hold } = s;
                let inner = original::$mapped::map(inner, |value| mark.guarding(|| f(value)));
                $mapped { mark, inner, hold }
            }

            #[doc = concat!("`parking_lot::", stringify!($mapped), "::try_map`.")]
            ///
            /// # Errors
            /// The guard, where `f` gives nothing.
            pub fn try_map<U: ?Sized, F>(s: Self, f: F) -> Result<$mapped<'a, U>, Self>
            where
                F: FnOnce(&$($mut)? T) -> Option<&$($mut)? U>,
            {
                let Self { mut mark, inner, hold } = s;
                match original::$mapped::try_map(inner, |value| mark.guarding(|| f(value))) {
                    Ok(inner) => Ok($mapped { mark, inner, hold }),
                    Err(inner) => Err(Self { mark, inner, hold }),
                }
            }

            #[doc = concat!("`parking_lot::", stringify!($mapped), "::unlock_fair`.")]
            pub fn unlock_fair(s: Self) {
                let Self { mark, inner, hold } = s;
                drop(mark);
                original::$mapped::unlock_fair(inner);
                drop(hold);
            }
        }
    };
}

whole!(RwLockReadGuard, MappedRwLockReadGuard, Mode::Read, []);
whole!(RwLockWriteGuard, MappedRwLockWriteGuard, Mode::Write, [mut]);

impl<'a, T: ?Sized> RwLockWriteGuard<'a, T> {
    /// `parking_lot::RwLockWriteGuard::downgrade`.
    pub fn downgrade(s: Self) -> RwLockReadGuard<'a, T> {
        let Self { mark, inner, hold, lock } = s;
        let held = mark.made_from(Mode::Read);
        let inner = original::RwLockWriteGuard::downgrade(inner);
        drop(hold);
        RwLockReadGuard::new(lock, (inner, held))
    }

    /// `parking_lot::RwLockWriteGuard::downgrade_to_upgradable`.
    pub fn downgrade_to_upgradable(s: Self) -> RwLockUpgradableReadGuard<'a, T> {
        let Self { mark, inner, hold, lock } = s;
        let held = mark.made_from(Mode::UpgradableRead);
        let inner = original::RwLockWriteGuard::downgrade_to_upgradable(inner);
        drop(hold);
        RwLockUpgradableReadGuard::new(lock, (inner, held))
    }
}

reads!(['a, T: ?Sized] RwLockReadGuard<'a, T>, T, |this| &this.inner);
reads!(['a, T: ?Sized] MappedRwLockReadGuard<'a, T>, T, |this| &this.inner);
writes!(['a, T: ?Sized] RwLockWriteGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
writes!(['a, T: ?Sized] MappedRwLockWriteGuard<'a, T>, T, |this| &this.inner, &mut this.inner);
