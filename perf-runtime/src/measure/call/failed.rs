//! The last call that failed on a thread: by this somebody who ends a call, and does not judge it, finds how it ended.

use crate::measure::model::outcome::Outcome;
use std::cell::Cell;

thread_local! {
    /// The address of the call, and how it failed.
    static FAILED: Cell<Option<(usize, Outcome)>> = const { Cell::new(None) };
}

/// Notes that the call at an address ended with a failure.
pub(super) fn note(call: usize, outcome: Outcome) {
    let _ = FAILED.try_with(|failed| failed.set(Some((call, outcome))));
}

/// Forgets the last failure: the call that had its address may be gone.
pub(super) fn forget() {
    let _ = FAILED.try_with(|failed| failed.set(None));
}

/// How the call at an address failed, where it was the last one. It is forgotten then.
pub(super) fn take(call: usize) -> Option<Outcome> {
    let failed = FAILED.try_with(Cell::take).ok().flatten();
    failed.filter(|(address, _)| *address == call).map(|(_, outcome)| outcome)
}
