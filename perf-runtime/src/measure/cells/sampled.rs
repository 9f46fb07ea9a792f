//! Processor time by samples: a profiler interrupts each thread every so often of its processor time, and the innermost call gets the time
//! since the sample before.

use super::tree::node::Node;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Samples of futures that go on elsewhere, inside the call of a node that lent itself to them. Pages that are never looked at take no memory.
static LENT: [Sampled; 1 << u16::BITS] = [const { Sampled::new() }; 1 << u16::BITS];

/// Samples of the calls of one meter. All threads add to it, some hundred times a second together.
#[derive(Debug, Default)]
pub(crate) struct Sampled {
    samples: AtomicU64,
    nanos: AtomicU64,
}

/// The counts, as they stood when they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SampledReading {
    /// Samples.
    pub samples: u64,
    /// The processor time that they stand for, in nanoseconds.
    pub nanos: u64,
}

/// Samples of what a call of this node was lent to.
pub(crate) fn lent(node: Node) -> SampledReading {
    LENT[usize::from(node.number())].read()
}

/// Counts a sample of what a call of this node was lent to.
pub(super) fn add_lent(node: Node, nanos: u64) {
    LENT[usize::from(node.number())].add(nanos);
}

impl Sampled {
    pub(crate) const fn new() -> Self {
        Self { samples: AtomicU64::new(0), nanos: AtomicU64::new(0) }
    }

    pub(super) fn add(&self, nanos: u64) {
        self.samples.fetch_add(1, Relaxed);
        self.nanos.fetch_add(nanos, Relaxed);
    }

    pub(crate) fn read(&self) -> SampledReading {
        SampledReading { samples: self.samples.load(Relaxed), nanos: self.nanos.load(Relaxed) }
    }
}

impl SampledReading {
    /// Adds another reading.
    pub(crate) fn add(&mut self, other: Self) {
        self.samples = self.samples.wrapping_add(other.samples);
        self.nanos = self.nanos.wrapping_add(other.nanos);
    }

    /// The difference to an earlier reading.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self { samples: self.samples.saturating_sub(earlier.samples), nanos: self.nanos.saturating_sub(earlier.nanos) }
    }
}
