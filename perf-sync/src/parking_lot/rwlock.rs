//! The lock for readers and writers.

use super::{RwLockReadGuard, RwLockUpgradableReadGuard, RwLockWriteGuard, timed, tried};
use crate::guards::made_of_values;
use crate::watch::{Holds, Mode, Watch};
use parking_lot as original;
use std::time::{Duration, Instant};

/// [`parking_lot::RwLock`], watched.
///
/// ```
/// use perf_sync::parking_lot::RwLock;
///
/// static PRICES: RwLock<Vec<u32>> = RwLock::named("prices", Vec::new());
///
/// PRICES.write().push(3);
/// assert_eq!(PRICES.read().len(), 1);
/// ```
pub struct RwLock<T: ?Sized> {
    pub(super) watch: Watch,
    inner: original::RwLock<T>,
}

impl<T> RwLock<T> {
    /// A lock with a name, under which it is counted with all of the same name.
    pub const fn named(name: &'static str, value: T) -> Self {
        Self { watch: Watch::named(name), inner: original::RwLock::new(value) }
    }

    /// `parking_lot::RwLock::new`. Its name is the place in the program where it is made.
    #[track_caller]
    pub const fn new(value: T) -> Self {
        Self { watch: Watch::here(), inner: original::RwLock::new(value) }
    }

    /// `parking_lot::RwLock::into_inner`.
    pub fn into_inner(self) -> T {
        self.inner.into_inner()
    }
}

/// The ways to take it in one mode: `take`, `try_take`, `try_take_for`, `try_take_until`.
macro_rules! ways {
    ($guard:ident, $mode:path, $by:path: $take:ident, $try:ident, $for:ident, $until:ident) => {
        #[doc = concat!("`parking_lot::RwLock::", stringify!($take), "`.")]
        pub fn $take(&self) -> $guard<'_, T> {
            let guard = |inner, held| $guard::new(self, (inner, held));
            self.watch.blocking($mode, $by, || self.inner.$try(), || self.inner.$take(), guard)
        }

        #[doc = concat!("`parking_lot::RwLock::", stringify!($try), "`.")]
        pub fn $try(&self) -> Option<$guard<'_, T>> {
            tried(&self.watch, $mode, self.inner.$try()).map(|taken| $guard::new(self, taken))
        }

        #[doc = concat!("`parking_lot::RwLock::", stringify!($for), "`.")]
        pub fn $for(&self, timeout: Duration) -> Option<$guard<'_, T>> {
            let taken = timed(&self.watch, ($mode, $by), || self.inner.$try(), || self.inner.$for(timeout));
            taken.map(|taken| $guard::new(self, taken))
        }

        #[doc = concat!("`parking_lot::RwLock::", stringify!($until), "`.")]
        pub fn $until(&self, timeout: Instant) -> Option<$guard<'_, T>> {
            let taken = timed(&self.watch, ($mode, $by), || self.inner.$try(), || self.inner.$until(timeout));
            taken.map(|taken| $guard::new(self, taken))
        }
    };
}

impl<T: ?Sized> RwLock<T> {
    ways!(RwLockReadGuard, Mode::Read, Holds::ByThread: read, try_read, try_read_for, try_read_until);
    ways!(
        RwLockReadGuard, Mode::Read, Holds::Recursively:
        read_recursive, try_read_recursive, try_read_recursive_for, try_read_recursive_until
    );
    ways!(RwLockWriteGuard, Mode::Write, Holds::ByThread: write, try_write, try_write_for, try_write_until);
    ways!(
        RwLockUpgradableReadGuard, Mode::UpgradableRead, Holds::ByThread:
        upgradable_read, try_upgradable_read, try_upgradable_read_for, try_upgradable_read_until
    );

    /// `parking_lot::RwLock::is_locked`.
    pub fn is_locked(&self) -> bool {
        self.inner.is_locked()
    }

    /// `parking_lot::RwLock::is_locked_exclusive`.
    pub fn is_locked_exclusive(&self) -> bool {
        self.inner.is_locked_exclusive()
    }

    /// `parking_lot::RwLock::get_mut`.
    pub fn get_mut(&mut self) -> &mut T {
        self.inner.get_mut()
    }

    /// `parking_lot::RwLock::data_ptr`.
    pub fn data_ptr(&self) -> *mut T {
        self.inner.data_ptr()
    }
}

made_of_values!(RwLock);
