//! Clocks that a test moves by hand: the process's, and one for each isolated test.

use super::moment::Moment;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A clock that stands still while it is held.
#[derive(Debug)]
pub(crate) struct HandClock {
    pub(super) is_held: AtomicBool,
    pub(super) nanos: AtomicU64,
    /// The wall clock's time at the first moment, in nanoseconds since 1970; 0 for the process's clock, which follows the wall.
    pub(super) origin: AtomicU64,
    pub(super) owner: Mutex<()>,
}

static OF_PROCESS: HandClock = HandClock::new(0);

thread_local! {
    /// The clock of the test that this thread works for; `None` for the process's.
    static CURRENT: Cell<Option<&'static HandClock>> = const { Cell::new(None) };
}

impl HandClock {
    pub(super) const fn new(origin: u64) -> Self {
        Self {
            is_held: AtomicBool::new(false),
            nanos: AtomicU64::new(0),
            origin: AtomicU64::new(origin),
            owner: Mutex::new(()),
        }
    }

    pub(super) fn is_of_process(&self) -> bool {
        std::ptr::eq(self, &raw const OF_PROCESS)
    }
}

/// The clock that this thread goes by.
pub(super) fn current() -> &'static HandClock {
    CURRENT.get().unwrap_or(&OF_PROCESS)
}

/// Has this thread go by another clock, and gives the one that it went by.
pub(in crate::measure) fn go_by(clock: Option<&'static HandClock>) -> Option<&'static HandClock> {
    CURRENT.replace(clock)
}

/// The moment at which the clock of this thread is held, if it is.
#[inline]
pub(super) fn now() -> Option<Moment> {
    let clock = current();
    clock.is_held.load(Ordering::Relaxed).then(|| Moment(clock.nanos.load(Ordering::Relaxed)))
}

/// The wall clock's time at the first moment of an isolated test's clock; `None` where this thread goes by the process's.
pub(super) fn origin() -> Option<u64> {
    CURRENT.get().map(|clock| clock.origin.load(Ordering::Relaxed))
}
