//! The calls that waited for a series of locks: how often each did, and for how long in all.

use perf_runtime::__locks;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// So many calls of a series of locks are told apart; the waits of all others are counted together.
const MOST_CALLERS: usize = 32;

/// Waits that ended, by the series of the call that waited.
#[derive(Debug, Default)]
pub(crate) struct Callers {
    named: [Caller; MOST_CALLERS],
    others: Caller,
}

#[derive(Debug, Default)]
struct Caller {
    /// The number of its series and one; zero while the place is free.
    taken_by: AtomicU32,
    waits: AtomicU64,
    nanos: AtomicU64,
}

/// The waits of one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallerReading {
    /// The number of its series; zero where no measured call ran.
    pub(crate) series: u16,
    pub(crate) waits: u64,
    pub(crate) nanos: u64,
}

impl Callers {
    /// Counts a wait that ended, however it did.
    pub(crate) fn count(&self, series: u16, nanos: u64) {
        let caller = self.named.iter().find(|caller| caller.is_of(series)).unwrap_or(&self.others);
        caller.nanos.fetch_add(nanos, Ordering::Relaxed);
        caller.waits.fetch_add(1, Ordering::Release);
    }

    /// Those that waited, those of beyond the bound as one with the number that the series beyond their own bound have.
    pub(crate) fn read(&self) -> Vec<CallerReading> {
        let named = self.named.iter().filter_map(|caller| {
            let taken_by = caller.taken_by.load(Ordering::Relaxed).checked_sub(1)?;
            Some(caller.read(u16::try_from(taken_by).ok()?))
        });
        named.chain([self.others.read(__locks::OVERFLOW)]).filter(|waits| waits.waits > 0).collect()
    }
}

impl Caller {
    /// Whether this is the place of a series, which takes it where it is free.
    fn is_of(&self, series: u16) -> bool {
        let wanted = u32::from(series) + 1;
        match self.taken_by.load(Ordering::Relaxed) {
            0 => match self.taken_by.compare_exchange(0, wanted, Ordering::Relaxed, Ordering::Relaxed) {
                Ok(_) => true,
                Err(first) => first == wanted,
            },
            taken_by => taken_by == wanted,
        }
    }

    fn read(&self, series: u16) -> CallerReading {
        let waits = self.waits.load(Ordering::Acquire);
        CallerReading { series, waits, nanos: self.nanos.load(Ordering::Relaxed) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_told_apart_up_to_a_bound_and_no_wait_is_lost() {
        let callers = Callers::default();
        let most = u16::try_from(MOST_CALLERS).unwrap();
        (0..most + 5).for_each(|series| callers.count(series, 10));
        callers.count(0, 5);
        let read = callers.read();
        assert_eq!(read.len(), MOST_CALLERS + 1);
        assert_eq!(read[0], CallerReading { series: 0, waits: 2, nanos: 15 });
        assert_eq!(read[MOST_CALLERS], CallerReading { series: __locks::OVERFLOW, waits: 5, nanos: 50 });
    }

    #[test]
    fn threads_that_come_at_the_same_time_share_the_places() {
        let callers = Callers::default();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..1_000_u16).for_each(|turn| callers.count(turn % 8, 1)));
            }
        });
        let mut read = callers.read();
        read.sort_by_key(|waits| waits.series);
        let each = (0..8).map(|series| CallerReading { series, waits: 500, nanos: 500 });
        assert_eq!(read, each.collect::<Vec<_>>());
    }
}
