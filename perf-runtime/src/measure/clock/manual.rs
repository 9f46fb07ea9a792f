//! A clock that stands still until a test moves it.

use super::moment::{Moment, by_kernel, nanos};
use super::{stamp, wall};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

static MANUAL: AtomicBool = AtomicBool::new(false);
static NANOS: AtomicU64 = AtomicU64::new(0);
static OWNER: Mutex<()> = Mutex::new(());

pub(super) fn now() -> Option<Moment> {
    MANUAL.load(Ordering::Relaxed).then(|| Moment(NANOS.load(Ordering::Relaxed)))
}

/// The process's clock in the hand of one test: it stands still until [`advance`](Self::advance) moves it, and goes
/// back to real time when dropped.
///
/// There is one clock in a process, so a second [`hold`](Self::hold) waits until the first holder lets go.
#[derive(Debug)]
pub struct ManualClock {
    _owner: MutexGuard<'static, ()>,
}

impl ManualClock {
    /// Takes the clock in hand, at the moment where real time stands.
    pub fn hold() -> Self {
        let owner = OWNER.lock().unwrap_or_else(PoisonError::into_inner);
        let now = stamp::now().unwrap_or_else(by_kernel);
        NANOS.fetch_max(now.0, Ordering::Relaxed);
        MANUAL.store(true, Ordering::Relaxed);
        wall::hold(now);
        Self { _owner: owner }
    }

    /// Moves the clock forward.
    pub fn advance(&self, span: Duration) {
        NANOS.fetch_add(nanos(span), Ordering::Relaxed);
    }
}

impl Drop for ManualClock {
    fn drop(&mut self) {
        MANUAL.store(false, Ordering::Relaxed);
        wall::release();
    }
}
