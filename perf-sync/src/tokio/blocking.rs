//! Locks of tokio's taken on a thread that may block.

use crate::watch::{Held, Holds, Mode, Watch};
use tokio::runtime::Handle;
use tokio::sync::RwLock;

/// Takes a lock: at once where it is free, unless this is no thread that may block, which the original tells by a panic.
#[track_caller]
pub(super) fn blocking<G, W>(
    watch: &Watch,
    mode: Mode,
    try_take: impl FnOnce() -> Option<G>,
    take: impl FnOnce() -> G,
    guard: impl Fn(G, Held) -> W,
) -> W {
    check_that_it_may_block();
    watch.blocking(mode, Holds::ByTask, try_take, take, guard)
}

/// Panics where tokio's own blocking functions do: only they can tell, so one is called that never blocks.
#[track_caller]
pub(super) fn check_that_it_may_block() {
    static NEVER_WRITTEN: RwLock<()> = RwLock::const_new(());
    if Handle::try_current().is_ok() {
        drop(NEVER_WRITTEN.blocking_read());
    }
}
