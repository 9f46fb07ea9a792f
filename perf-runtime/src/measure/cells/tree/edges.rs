//! The calls of one series that were made inside calls of others: counts by the caller, in the cells of one thread.
//!
//! Most functions are called by one other, so the first caller that a thread meets has its counts in the cells themselves. Further
//! ones are found by a short list behind one of sixteen pointers.

use super::node::{self, Node};
use crate::measure::cells::sync::{AtomicU64, LazyBox};
use crate::measure::cells::writers::Writers;
use crate::measure::model::outcome::Outcome;
use std::array;
use std::iter;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// Lists of callers after the first.
const LISTS: usize = 16;

/// The callers of one series on one thread.
#[derive(Debug, Default)]
pub(crate) struct Edges {
    first: Edge,
    more: LazyBox<More>,
}

type More = [LazyBox<Link>; LISTS];

#[derive(Debug)]
struct Link {
    edge: Edge,
    next: LazyBox<Link>,
}

/// The counts of calls by one caller.
#[derive(Debug, Default)]
struct Edge {
    /// The caller's node; zero while there is none.
    parent: AtomicU64,
    calls: AtomicU64,
    nanos: AtomicU64,
    failed: AtomicU64,
}

/// The counts of an edge when they were read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct EdgeCounts {
    pub(crate) calls: u64,
    pub(crate) nanos: u64,
    pub(crate) failed: u64,
}

impl EdgeCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.failed += other.failed;
    }

    /// These counts less earlier ones.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            nanos: self.nanos.wrapping_sub(earlier.nanos),
            failed: self.failed.saturating_sub(earlier.failed),
        }
    }
}

impl Edge {
    fn new(parent: Node) -> Self {
        Self { parent: AtomicU64::new(parent.number().into()), ..Self::default() }
    }

    #[inline]
    fn is_of(&self, parent: Node) -> bool {
        self.parent.load(Relaxed) == u64::from(parent.number())
    }

    #[inline]
    fn add(&self, outcome: Outcome, nanos: u64, writers: Writers) {
        // The call first and the reader's last: never are there more failures than calls.
        writers.add(&self.calls, 1);
        writers.add(&self.nanos, nanos);
        if matches!(outcome, Outcome::Error | Outcome::Panicked) {
            writers.add(&self.failed, 1);
        }
    }

    fn read(&self) -> EdgeCounts {
        let (failed, nanos) = (self.failed.load(Acquire), self.nanos.load(Acquire));
        EdgeCounts { calls: self.calls.load(Acquire), nanos, failed }
    }
}

impl Edges {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Counts a call that ended, where its caller is the first that this thread met, and it alone writes here; else it says `false`, and
    /// nothing happens.
    #[inline]
    pub(crate) fn count_first(&self, parent: Node, outcome: Outcome, nanos: u64) -> bool {
        let is_first = self.first.is_of(parent);
        if is_first {
            self.first.add(outcome, nanos, Writers::One);
        }
        is_first
    }

    /// Counts a call of `child` that ended.
    pub(crate) fn count(
        &self,
        parent: Node,
        child: impl FnOnce() -> Node,
        outcome: Outcome,
        nanos: u64,
        writers: Writers,
    ) {
        let edge = self.existing(parent).unwrap_or_else(|| self.make(node::bounded(parent, child())));
        edge.add(outcome, nanos, writers);
    }

    /// Shows the counts by each caller.
    pub(crate) fn for_each(&self, mut look: impl FnMut(Node, EdgeCounts)) {
        let links = self.more.get().into_iter().flatten().flat_map(follow).map(|link| &link.edge);
        for edge in iter::once(&self.first).chain(links) {
            let parent = u16::try_from(edge.parent.load(Acquire)).unwrap_or_default();
            if parent > 0 {
                look(Node::from_number(parent), edge.read());
            }
        }
    }

    /// The memory on the heap, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.more.get().map_or(0, |more| size_of::<More>() + more.iter().flat_map(follow).count() * size_of::<Link>())
    }

    fn existing(&self, parent: Node) -> Option<&Edge> {
        if self.first.is_of(parent) {
            return Some(&self.first);
        }
        follow(&self.more.get()?[list_of(parent)]).map(|link| &link.edge).find(|edge| edge.is_of(parent))
    }

    #[cold]
    fn make(&self, parent: Node) -> &Edge {
        let taken = self.first.parent.compare_exchange(0, parent.number().into(), AcqRel, Acquire);
        if taken.is_ok() || self.first.is_of(parent) {
            return &self.first;
        }
        let mut place = &self.more.get_or_init(|| Box::new(array::from_fn(|_| LazyBox::default())))[list_of(parent)];
        loop {
            let link = place.get_or_init(|| Box::new(Link { edge: Edge::new(parent), next: LazyBox::default() }));
            // Another thread may have been the first here, with another caller.
            if link.edge.is_of(parent) {
                return &link.edge;
            }
            place = &link.next;
        }
    }
}

fn list_of(parent: Node) -> usize {
    usize::from(parent.number()) % LISTS
}

fn follow(first: &LazyBox<Link>) -> impl Iterator<Item = &Link> {
    iter::successors(first.get(), |link| link.next.get())
}
