//! The clock and the running call, for those who measure locks.

use crate::measure::cells::tree::around::{Innermost, with_innermost};
use crate::measure::cells::tree::frame;
use crate::measure::clock;

/// The clock, in nanoseconds since some moment that stays the same while the process lives. Costs a read of the time stamp counter, or as much
/// as `Instant::now()`.
#[inline]
#[must_use]
pub fn now() -> u64 {
    clock::now().to_nanos()
}

/// The address of the innermost call of this thread, where that is one of an async body, and else zero. No other call has it while that lasts.
#[inline]
#[must_use]
pub fn address() -> usize {
    frame::address()
}

/// The number of the series whose call is the innermost of this thread; zero where none runs. A series gets its number here where it has none.
#[inline]
#[must_use]
pub fn current() -> u16 {
    with_innermost(|innermost| match innermost {
        Innermost::None => 0,
        Innermost::Call(meter) => meter.node().number(),
        Innermost::Lent(node) => node.number(),
    })
}
