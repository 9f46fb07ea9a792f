//! Names of calls, by which those that are made inside them know them.

use super::context::Context;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local! {
    /// The next number of this thread for a call that makes others; a multiple of `BLOCK` where it has none left.
    static NEXT_NUMBER: Cell<u64> = const { Cell::new(0) };
}

/// So many numbers a thread takes at once.
const BLOCK: u64 = 1 << 24;

/// A call that made others, as these name it: its context in the upper 16 bits, and below a number that no other call of this context has.
/// (2 to the 48th calls of one context that made others, within the time of one call, would have to pass before two were the same.)
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Parent(u64);

impl Parent {
    /// Of a call that was made inside no other.
    pub(crate) const NONE: Self = Self(0);
    const NUMBER_BITS: u32 = 48;

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

    /// A name for a call of this context. None is zero, since no context is.
    pub(super) fn new(context: Context) -> Self {
        Self(u64::from(context.number()) << Self::NUMBER_BITS | next_number())
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
