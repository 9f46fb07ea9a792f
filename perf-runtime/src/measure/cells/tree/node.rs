//! Numbers of meters, by which calls and edges name them: in two bytes, and never of another meter, however long a call lasts.

use crate::measure::cells::times::Times;
use std::num::NonZeroU16;
use std::sync::atomic::{AtomicU16, AtomicU64, Ordering};

/// The number of a meter that took part in an edge; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node(NonZeroU16);

impl Node {
    /// All meters beyond the bound.
    pub(crate) const OVERFLOW: Self = Self(NonZeroU16::MAX);

    #[inline]
    pub(crate) fn number(self) -> u16 {
        self.0.get()
    }

    /// The node of a number that is not zero, which none is.
    #[inline]
    pub(in crate::measure::cells) fn from_number(number: u16) -> Self {
        NonZeroU16::new(number).map_or(Self::OVERFLOW, Self)
    }
}

/// A meter's own number, once it has one, and the times of its calls before that.
#[derive(Debug, Default)]
pub(crate) struct OwnNode {
    number: AtomicU16,
    /// Nanoseconds of calls, of those inside them, and of waiting.
    before: [AtomicU64; 3],
}

impl OwnNode {
    pub(crate) const fn new() -> Self {
        Self { number: AtomicU16::new(0), before: [const { AtomicU64::new(0) }; 3] }
    }

    /// The number; given out here where there is none, to a meter whose calls took so long up to now.
    #[inline]
    pub(crate) fn get(&self, times: impl FnOnce() -> Times) -> Node {
        self.existing().unwrap_or_else(|| self.take(times))
    }

    /// The number, if it was given out.
    #[inline]
    pub(crate) fn existing(&self) -> Option<Node> {
        NonZeroU16::new(self.number.load(Ordering::Acquire)).map(Node)
    }

    /// The times of calls that ended before the number was given out: they have no part in the tree.
    pub(crate) fn before(&self) -> Times {
        let [nanos, covered_nanos, idle_nanos] = self.before.each_ref().map(|nanos| nanos.load(Ordering::Relaxed));
        Times { nanos, covered_nanos, idle_nanos }
    }

    #[cold]
    #[inline(never)]
    fn take(&self, times: impl FnOnce() -> Times) -> Node {
        static LAST: AtomicU16 = AtomicU16::new(0);
        let Times { nanos, covered_nanos, idle_nanos } = times();
        for (place, nanos) in self.before.iter().zip([nanos, covered_nanos, idle_nanos]) {
            place.store(nanos, Ordering::Relaxed);
        }
        // Above the last one, all share one number.
        let next = LAST
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| Some(last + 1).filter(|&next| next < u16::MAX));
        let fresh = next.map_or(u16::MAX, |last| last + 1);
        match self.number.compare_exchange(0, fresh, Ordering::Release, Ordering::Acquire) {
            Ok(_) => Node::from_number(fresh),
            Err(first) => Node::from_number(first),
        }
    }
}
