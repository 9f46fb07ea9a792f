//! Locks of `parking_lot`, watched: the same types with the same methods, and beside `new` a `named`.
//!
//! An attempt tries first, and blocks where that fails, as the originals do. Left out are the unsafe functions (`force_unlock`, `raw`, `make_guard_unchecked`), `leak`, and the guards of
//! its feature `arc_lock`.

mod condvar;
mod mutex;
mod resume;
mod rwlock;
mod rwlock_guards;
mod upgradable;

pub use condvar::Condvar;
pub use mutex::{MappedMutexGuard, Mutex, MutexGuard};
pub use parking_lot::WaitTimeoutResult;
pub use rwlock::RwLock;
pub use rwlock_guards::{MappedRwLockReadGuard, MappedRwLockWriteGuard, RwLockReadGuard, RwLockWriteGuard};
pub use upgradable::RwLockUpgradableReadGuard;

use crate::watch::{Held, Holds, Mode, Watch};

/// Takes a lock, and waits for it as long as `take` does.
fn timed<G>(
    watch: &Watch,
    (mode, by): (Mode, Holds),
    try_take: impl FnOnce() -> Option<G>,
    take: impl FnOnce() -> Option<G>,
) -> Option<(G, Held)> {
    if let Some(guard) = try_take() {
        return Some((guard, watch.at_once(mode, by)));
    }
    let wait = watch.wait(mode, by, true).for_a_time();
    let Some(guard) = take() else {
        wait.refused();
        return None;
    };
    wait.acquired(0);
    Some((guard, watch.hold(mode, by, 0)))
}

/// Takes a lock without waiting.
fn tried<G>(watch: &Watch, mode: Mode, taken: Option<G>) -> Option<(G, Held)> {
    let Some(guard) = taken else {
        watch.refused(mode);
        return None;
    };
    Some((guard, watch.at_once(mode, Holds::ByThread)))
}
