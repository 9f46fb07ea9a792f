//! Code of others, run so that its panic is its own affair.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Runs `work`; `None` where it panicked. The panic goes no further, and neither does one from dropping what was thrown.
///
/// Sound to go on after: whatever `work` shares with others stands behind locks that outlive a panic.
pub(crate) fn run_guarded<R>(work: impl FnOnce() -> R) -> Option<R> {
    match catch_unwind(AssertUnwindSafe(work)) {
        Ok(result) => Some(result),
        Err(panic) => {
            let _ = catch_unwind(AssertUnwindSafe(|| drop(panic))).map_err(mem::forget);
            None
        }
    }
}
