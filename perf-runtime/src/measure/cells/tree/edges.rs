//! Counts by another series, in the cells of one thread: the calls of a series by their caller, and the time that its calls waited by
//! the calls that they waited for.
//!
//! Most functions are called by one other, so the first caller that a thread meets has its counts in the cells themselves. Further
//! ones are found by a short list behind one of sixteen pointers.

use super::bound;
use super::context::Context;
use super::node::Node;
use crate::measure::cells::sync::{AtomicU64, LazyBox};
use crate::measure::cells::writers::Writers;
use crate::measure::model::outcome::Outcome;
use std::array;
use std::iter;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};

/// Lists of others after the first.
const LISTS: usize = 16;

/// The number of a context or a node; never zero.
type Key = u16;

/// The counts of one series on one thread, by key.
#[derive(Debug, Default)]
struct Edges {
    first: Edge,
    more: LazyBox<More>,
}

#[derive(Debug)]
struct More {
    lists: [LazyBox<Link>; LISTS],
    beyond: LazyBox<[Beyond; LISTS]>,
}

impl Default for More {
    fn default() -> Self {
        Self { lists: array::from_fn(|_| LazyBox::default()), beyond: LazyBox::default() }
    }
}

/// A key beyond the bound, the one that it is counted under, and which bound that was: so that the lock of all edges is not taken for
/// each of its calls. The one that was met last has the place.
#[derive(Debug)]
struct Beyond(AtomicU64);

impl Beyond {
    fn none() -> Self {
        // No key is zero.
        Self(AtomicU64::new(0))
    }

    fn remember(&self, key: Key, counted: Key) {
        let [key, counted] = [key, counted].map(u64::from);
        self.0.store(u64::from(bound::generation()) << 32 | key << 16 | counted, Relaxed);
    }

    /// Under which key another one is counted, where that is known.
    fn counted(&self, key: Key) -> Option<Key> {
        let word = self.0.load(Relaxed);
        let is_it = word >> 16 == (u64::from(bound::generation()) << 16 | u64::from(key));
        is_it.then(|| u16::try_from(word & 0xffff).ok()).flatten()
    }
}

#[derive(Debug)]
struct Link {
    edge: Edge,
    next: LazyBox<Link>,
}

/// The counts of one key.
#[derive(Debug, Default)]
struct Edge {
    /// Zero while there is none.
    key: AtomicU64,
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
    /// Nanoseconds that calls of the caller, which ended, waited for these.
    pub(crate) waited_nanos: u64,
}

impl EdgeCounts {
    pub(crate) fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.nanos = self.nanos.wrapping_add(other.nanos);
        self.failed += other.failed;
        self.waited_nanos = self.waited_nanos.wrapping_add(other.waited_nanos);
    }

    /// Whether nothing was counted.
    pub(crate) fn is_empty(self) -> bool {
        self == Self::default()
    }

    /// These counts less earlier ones.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            calls: self.calls.saturating_sub(earlier.calls),
            nanos: self.nanos.wrapping_sub(earlier.nanos),
            failed: self.failed.saturating_sub(earlier.failed),
            waited_nanos: self.waited_nanos.wrapping_sub(earlier.waited_nanos),
        }
    }
}

impl Edge {
    fn new(key: Key) -> Self {
        Self { key: AtomicU64::new(key.into()), ..Self::default() }
    }

    #[inline]
    fn is_of(&self, key: Key) -> bool {
        self.key.load(Relaxed) == u64::from(key)
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
        EdgeCounts { calls: self.calls.load(Acquire), nanos, failed, waited_nanos: 0 }
    }
}

impl Edges {
    /// Counts a call that ended, where its key is the first that this thread met, and it alone writes here; else it says `false`, and
    /// nothing happens.
    #[inline]
    fn count_first(&self, key: Key, outcome: Outcome, nanos: u64) -> bool {
        let is_first = self.first.is_of(key);
        if is_first {
            self.first.add(outcome, nanos, Writers::One);
        }
        is_first
    }

    /// Counts a call that ended, or a wait. A key that is new here is counted under the one that `bounded` gives.
    fn count(&self, key: Key, bounded: impl FnOnce() -> Key, outcome: Outcome, nanos: u64, writers: Writers) {
        let known = self.existing(key).or_else(|| self.existing(self.beyond(key)?));
        let edge = known.unwrap_or_else(|| {
            let counted = bounded();
            if counted != key {
                let beyond = self.more().beyond.get_or_init(|| Box::new(array::from_fn(|_| Beyond::none())));
                beyond[list_of(key)].remember(key, counted);
            }
            self.make(counted)
        });
        edge.add(outcome, nanos, writers);
    }

    /// Under which key one beyond the bound is counted.
    #[cold]
    fn beyond(&self, key: Key) -> Option<Key> {
        self.more.get()?.beyond.get()?[list_of(key)].counted(key)
    }

    fn more(&self) -> &More {
        self.more.get_or_init(Box::default)
    }

    /// Shows the counts by each key.
    fn for_each(&self, mut look: impl FnMut(Key, EdgeCounts)) {
        let links = self.more.get().into_iter().flat_map(|more| &more.lists).flat_map(follow).map(|link| &link.edge);
        for edge in iter::once(&self.first).chain(links) {
            let key = Key::try_from(edge.key.load(Acquire)).unwrap_or_default();
            if key > 0 {
                look(key, edge.read());
            }
        }
    }

    /// The memory on the heap, in bytes.
    fn bytes(&self) -> usize {
        let of_more = |more: &More| {
            let beyond = more.beyond.get().map_or(0, size_of_val);
            size_of::<More>() + beyond + more.lists.iter().flat_map(follow).count() * size_of::<Link>()
        };
        self.more.get().map_or(0, of_more)
    }

    fn existing(&self, key: Key) -> Option<&Edge> {
        if self.first.is_of(key) {
            return Some(&self.first);
        }
        follow(&self.more.get()?.lists[list_of(key)]).map(|link| &link.edge).find(|edge| edge.is_of(key))
    }

    #[cold]
    fn make(&self, key: Key) -> &Edge {
        let taken = self.first.key.compare_exchange(0, key.into(), AcqRel, Acquire);
        if taken.is_ok() || self.first.is_of(key) {
            return &self.first;
        }
        let mut place = &self.more().lists[list_of(key)];
        loop {
            let link = place.get_or_init(|| Box::new(Link { edge: Edge::new(key), next: LazyBox::default() }));
            // Another thread may have been the first here, with another key.
            if link.edge.is_of(key) {
                return &link.edge;
            }
            place = &link.next;
        }
    }
}

fn list_of(key: Key) -> usize {
    usize::from(key) % LISTS
}

fn follow(first: &LazyBox<Link>) -> impl Iterator<Item = &Link> {
    iter::successors(first.get(), |link| link.next.get())
}

/// The calls of one series that were made inside calls of others, by the context of the caller.
#[derive(Debug, Default)]
pub(crate) struct Callers(Edges);

impl Callers {
    /// Counts a call that ended, where its caller's context is the first that this thread met, and it alone writes here; else it says
    /// `false`, and nothing happens.
    #[inline]
    pub(crate) fn count_first(&self, caller: Context, outcome: Outcome, nanos: u64) -> bool {
        self.0.count_first(caller.number(), outcome, nanos)
    }

    /// Counts a call of `child` that ended.
    pub(crate) fn count(
        &self,
        caller: Context,
        child: impl FnOnce() -> Node,
        outcome: Outcome,
        nanos: u64,
        writers: Writers,
    ) {
        self.0.count(caller.number(), || bound::bounded(caller, child()).number(), outcome, nanos, writers);
    }

    /// Shows the counts by each caller.
    pub(crate) fn for_each(&self, mut look: impl FnMut(Context, EdgeCounts)) {
        self.0.for_each(|key, counts| look(Context::from_number(key), counts));
    }

    /// The memory on the heap, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}

/// The time that calls of one series waited for calls that they made.
#[derive(Debug, Default)]
pub(crate) struct WaitedFor(Edges);

impl WaitedFor {
    /// Counts how long a call of `parent` waited for one of `child`.
    pub(crate) fn count(&self, parent: impl FnOnce() -> Node, child: Node, nanos: u64, writers: Writers) {
        let bounded = || bound::bounded_wait(parent(), child).number();
        self.0.count(child.number(), bounded, Outcome::Ok, nanos, writers);
    }

    /// Shows the nanoseconds by each child.
    pub(crate) fn for_each(&self, mut look: impl FnMut(Node, u64)) {
        self.0.for_each(|key, counts| look(Node::from_number(key), counts.nanos));
    }

    /// The memory on the heap, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }
}
