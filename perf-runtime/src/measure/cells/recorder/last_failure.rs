//! The group of failures that this thread counted into last: a call that fails says so just before it ends.

use std::cell::Cell;

/// A failure that was counted.
#[derive(Clone, Copy, Debug)]
struct Last {
    /// The address of its meter's groups.
    of: usize,
    serial: u32,
    is_expected: bool,
}

thread_local! {
    static LAST: Cell<Option<Last>> = const { Cell::new(None) };
}

/// Notes into which group a failure was counted, of the groups at an address.
pub(in crate::measure::cells) fn note(of: usize, serial: u32, is_expected: bool) {
    LAST.set(Some(Last { of, serial, is_expected }));
}

/// The serial number of the group of the call that ends now, zero where there is none; and whether the failure is expected.
pub(super) fn take(of: usize) -> (u32, bool) {
    let last = LAST.take().filter(|last| last.of == of);
    last.map_or((0, false), |last| (last.serial, last.is_expected))
}
