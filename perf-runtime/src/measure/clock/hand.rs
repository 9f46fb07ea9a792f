//! Clocks that a test moves by hand: the process's, and one for each isolated test.

use super::eras::Eras;
use super::moment::Moment;
use std::cell::Cell;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A clock that stands still while it is held.
#[derive(Debug)]
pub(crate) struct HandClock {
    pub(super) is_held: AtomicBool,
    pub(super) nanos: AtomicU64,
    /// The times of day of an isolated test; those of the process's clock stand elsewhere.
    pub(super) eras: Eras,
    pub(super) owner: Mutex<()>,
}

static OF_PROCESS: HandClock = HandClock::new();

thread_local! {
    /// The clock of the test that this thread works for; `None` for the process's.
    static CURRENT: Cell<Option<&'static HandClock>> = const { Cell::new(None) };
}

impl HandClock {
    pub(super) const fn new() -> Self {
        Self { is_held: AtomicBool::new(false), nanos: AtomicU64::new(0), eras: Eras::new(), owner: Mutex::new(()) }
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

/// The times of day of an isolated test; `None` where this thread goes by the process's clock.
pub(super) fn eras() -> Option<&'static Eras> {
    CURRENT.get().map(|clock| &clock.eras)
}
