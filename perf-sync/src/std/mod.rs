//! Locks of the standard library's, watched: the same types with the same methods, and beside `new` a `named`.
//!
//! An attempt tries first, and blocks where that fails. Poisoning is the originals'.

mod condvar;
mod mutex;
mod rwlock;

pub use condvar::Condvar;
pub use mutex::{Mutex, MutexGuard};
pub use rwlock::{RwLock, RwLockReadGuard, RwLockWriteGuard};
pub use std::sync::{LockResult, PoisonError, TryLockError, TryLockResult, WaitTimeoutResult};

use crate::watch::{Held, Holds, Mode, Watch};

/// Takes a lock: `try_take` first, then `take`, and the guard of ours around either, poisoned where the lock is.
#[inline(always)]
fn take<G, W>(
    watch: &Watch,
    mode: Mode,
    try_take: impl FnOnce() -> TryLockResult<G>,
    take: impl FnOnce() -> LockResult<G>,
    guard: impl FnOnce(G, Held) -> W,
) -> LockResult<W> {
    // As in `Watch::blocking`.
    match try_take() {
        Ok(inner) => return Ok(guard(inner, watch.at_once(mode, Holds::ByThread))),
        Err(TryLockError::Poisoned(poisoned)) => {
            let held = watch.at_once(mode, Holds::ByThread);
            return wrap(watch, mode, Err(poisoned), |inner| guard(inner, held));
        }
        Err(TryLockError::WouldBlock) => {}
    }
    let (inner, held) = watch.blocked(mode, Holds::ByThread, take);
    wrap(watch, mode, inner, |inner| guard(inner, held))
}

/// The same without waiting.
fn try_take<G, W>(
    watch: &Watch,
    mode: Mode,
    taken: TryLockResult<G>,
    guard: impl FnOnce(G, Held) -> W,
) -> TryLockResult<W> {
    let inner = match taken {
        Ok(inner) => Ok(inner),
        Err(TryLockError::Poisoned(poisoned)) => Err(poisoned),
        Err(TryLockError::WouldBlock) => {
            watch.refused(mode);
            return Err(TryLockError::WouldBlock);
        }
    };
    let held = watch.at_once(mode, Holds::ByThread);
    Ok(wrap(watch, mode, inner, |inner| guard(inner, held))?)
}

/// A guard of ours around the original's, poisoned as that is.
#[inline(always)]
fn wrap<G, W>(watch: &Watch, mode: Mode, inner: LockResult<G>, guard: impl FnOnce(G) -> W) -> LockResult<W> {
    match inner {
        Ok(inner) => Ok(guard(inner)),
        Err(poisoned) => {
            watch.poisoned(mode);
            Err(PoisonError::new(guard(poisoned.into_inner())))
        }
    }
}
