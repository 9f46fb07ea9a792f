//! The knowledge of the calls inside a call without a caller, as it ends.

use super::recording::Recording;

/// The calls inside a call without a caller that ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum Inside {
    /// It made none.
    Nothing,
    /// They are recorded nowhere. The time that they covered, in nanoseconds, where that is known.
    Unknown(Option<u64>),
    /// They are recorded in a buffer, which is the root's.
    Recorded(Recording),
}
