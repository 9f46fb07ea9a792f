//! How cells are added to.

use super::sync::AtomicU64;
use std::sync::atomic::Ordering::{Relaxed, Release};

/// How many threads may write at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Writers {
    One,
    Several,
}

impl Writers {
    /// Adds to a cell, so that whoever sees the sum sees all that was written before.
    #[inline]
    pub(super) fn add(self, cell: &AtomicU64, number: u64) {
        match self {
            Self::One => cell.store(cell.load(Relaxed).wrapping_add(number), Release),
            Self::Several => {
                cell.fetch_add(number, Release);
            }
        }
    }
}
