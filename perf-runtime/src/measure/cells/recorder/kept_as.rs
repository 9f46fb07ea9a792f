//! The name of a call that was kept.

/// A call that was kept as it ended: when that was, in nanoseconds since 1970, and its number. It may have given way since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeptAs {
    pub(super) ended: u64,
    pub(super) number: u64,
}

impl KeptAs {
    /// Its name: no two processes keep a call in the same nanosecond and with the same number, as far as chance allows.
    pub(crate) fn name(self) -> String {
        format!("{:x}-{:x}", self.ended, self.number)
    }
}
