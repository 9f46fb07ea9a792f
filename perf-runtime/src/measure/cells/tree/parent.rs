//! Names of calls, by which those that are made inside them know them.

use super::context::Context;
use crate::measure::cells::recorder::recording::Recording;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// The next number of this thread for a call that makes others; a multiple of `BLOCK` where it has none left.
    static NEXT_NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// So many numbers a thread takes at once.
const BLOCK: u64 = 1 << 12;

/// A call that made others, as these name it: its context in the upper 16 bits, below where its tree is recorded, and below a number that no
/// other call has. (2 to the 34th calls that made others, within the time of one call, would have to pass before two of one context could be
/// the same.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Parent(u64);

impl Parent {
    /// Of a call that was made inside no other.
    pub(crate) const NONE: Self = Self(0);
    const CONTEXT_SHIFT: u32 = 48;
    const NUMBER_BITS: u32 = Self::CONTEXT_SHIFT - Recording::BITS;

    /// Whether it is a call.
    #[inline]
    pub(crate) fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// Its series, and the root of its tree; `None` where it is no call.
    #[inline]
    pub(crate) fn context(self) -> Option<Context> {
        let [upper, lower, ..] = self.0.to_be_bytes();
        Some(Context::from_number(u16::from_be_bytes([upper, lower]))).filter(|_| self.is_some())
    }

    /// Its lowest bits, to spread calls by.
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits")]
    pub(super) fn spread(self) -> usize {
        self.0 as usize
    }

    /// A name for a call of this context, whose tree is recorded there. None is zero, since no context is.
    pub(super) fn new(context: Context, recording: Recording) -> Self {
        let [context, recording] = [context.number(), recording.bits()].map(u64::from);
        Self(context << Self::CONTEXT_SHIFT | recording << Self::NUMBER_BITS | next_number())
    }

    /// Where its tree is recorded.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "cut to as many bits")]
    pub(in crate::measure::cells) fn recording(self) -> Recording {
        Recording::from_bits((self.0 >> Self::NUMBER_BITS) as u16 & ((1 << Recording::BITS) - 1))
    }

    pub(crate) fn bits(self) -> u64 {
        self.0
    }

    pub(in crate::measure::cells) const fn from_bits(bits: u64) -> Self {
        Self(bits)
    }
}

/// A number that no other call has. A thread takes a block of them at once.
fn next_number() -> u64 {
    match NEXT_NUMBER.get() {
        next if next % BLOCK == 0 => first_number(),
        next => {
            NEXT_NUMBER.set(next + 1);
            next
        }
    }
}

#[cold]
#[inline(never)]
fn first_number() -> u64 {
    static BLOCKS: AtomicU64 = AtomicU64::new(0);
    let first = BLOCKS.fetch_add(1, Ordering::Relaxed).wrapping_mul(BLOCK) & ((1 << Parent::NUMBER_BITS) - 1);
    NEXT_NUMBER.set(first + 2);
    first + 1
}
