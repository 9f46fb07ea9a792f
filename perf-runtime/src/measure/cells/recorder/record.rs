//! A call that ended inside another, as one thread writes it and another reads it.

use crate::measure::cells::tree::node::Node;
use crate::measure::cells::tree::parent::Parent;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

/// A place for a call that ended.
#[derive(Debug)]
pub(super) struct Record {
    parent: AtomicU64,
    own: AtomicU64,
    covered: AtomicU64,
    start: AtomicU64,
    nanos: AtomicU64,
    /// The node, the outcome and the failure. Zero until all of the record is there.
    rest: AtomicU64,
}

/// A call that ended inside another.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Recorded {
    /// The call that it was made inside.
    pub(crate) parent: Parent,
    /// Its own name; none where it made no calls.
    pub(crate) own: Parent,
    /// The time that calls inside it covered, in nanoseconds.
    pub(crate) covered: u64,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
    pub(crate) node: Node,
    pub(crate) outcome: Outcome,
    /// The serial number of its group of failures; zero where it is in none.
    pub(crate) failure: u32,
}

impl Record {
    /// In place of the rest, of a record that nobody wrote.
    const VOID: u64 = 1 << 20;
    const OUTCOME_SHIFT: u32 = u16::BITS;
    const FAILURE_SHIFT: u32 = u32::BITS;

    pub(super) const fn new() -> Self {
        let [parent, own, covered, start, nanos, rest] = [const { AtomicU64::new(0) }; 6];
        Self { parent, own, covered, start, nanos, rest }
    }

    /// Writes what is known as the calls inside it end. The rest is to follow.
    #[inline]
    pub(super) fn write_inside(&self, own: Parent, covered: u64) {
        self.own.store(own.bits(), Relaxed);
        self.covered.store(covered, Relaxed);
    }

    /// Writes all else.
    #[inline]
    pub(super) fn write(&self, parent: Parent, started: Moment, nanos: u64, node: Node, end: (Outcome, u32)) {
        self.parent.store(parent.bits(), Relaxed);
        self.start.store(started.to_nanos(), Relaxed);
        self.nanos.store(nanos, Relaxed);
        let (outcome, failure) = end;
        let rest = u64::from(node.number())
            | (outcome.index() as u64) << Self::OUTCOME_SHIFT
            | u64::from(failure) << Self::FAILURE_SHIFT;
        self.rest.store(rest, Release);
    }

    /// Says that nobody writes it.
    pub(super) fn leave_void(&self) {
        self.rest.store(Self::VOID, Release);
    }

    /// Whether it was written, or left void: whoever had the place has it no longer.
    pub(super) fn is_done(&self) -> bool {
        self.rest.load(Acquire) != 0
    }

    /// Makes it ready to be written again.
    pub(super) fn clear(&self) {
        self.rest.store(0, Relaxed);
    }

    /// The record, and whether it is there at all. `None` where nobody wrote it.
    pub(super) fn read(&self) -> (bool, Option<Recorded>) {
        let rest = self.rest.load(Acquire);
        if rest == 0 || rest == Self::VOID {
            return (rest != 0, None);
        }
        let [f3, f2, f1, f0, _, outcome, n1, n0] = rest.to_be_bytes();
        let recorded = Recorded {
            parent: Parent::from_bits(self.parent.load(Relaxed)),
            own: Parent::from_bits(self.own.load(Relaxed)),
            covered: self.covered.load(Relaxed),
            started: Moment::from_nanos(self.start.load(Relaxed)),
            nanos: self.nanos.load(Relaxed),
            node: Node::from_number(u16::from_be_bytes([n1, n0])),
            outcome: Outcome::ALL[usize::from(outcome) % Outcome::ALL.len()],
            failure: u32::from_be_bytes([f3, f2, f1, f0]),
        };
        (true, Some(recorded))
    }
}
