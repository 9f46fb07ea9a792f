//! The lock of the ledger: the standard library's, or loom's where a test tries every interleaving.

#[cfg(all(test, perf_loom))]
pub(super) use loom::sync::{Mutex, MutexGuard};
#[cfg(not(all(test, perf_loom)))]
pub(super) use std::sync::{Mutex, MutexGuard};

use std::sync::PoisonError;

/// The lock, also after a panic of another holder: nothing that panics runs under it.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
