//! Properties of a series that the program says at run time: what is part of the plan, and so no sign of ill health.

use std::sync::atomic::{AtomicBool, Ordering};

/// Waits and cancellations that are part of the plan for the calls that the program records at run time. Once said, it stays so.
#[derive(Debug, Default)]
pub(crate) struct ByDesign {
    waits: AtomicBool,
    cancel: AtomicBool,
}

impl ByDesign {
    /// Calls wait for as long as they like.
    pub(crate) fn set_waits(&self) {
        set(&self.waits);
    }

    /// Calls are cancelled.
    pub(crate) fn set_cancel(&self) {
        set(&self.cancel);
    }

    pub(crate) fn waits(&self) -> bool {
        self.waits.load(Ordering::Relaxed)
    }

    pub(crate) fn cancel(&self) -> bool {
        self.cancel.load(Ordering::Relaxed)
    }

    /// Takes over what is said of another one.
    pub(crate) fn add(&self, other: &Self) {
        if other.waits() {
            self.set_waits();
        }
        if other.cancel() {
            self.set_cancel();
        }
    }
}

/// Nothing is written where it is set already, for many calls may say it again.
fn set(flag: &AtomicBool) {
    if !flag.load(Ordering::Relaxed) {
        flag.store(true, Ordering::Relaxed);
    }
}
