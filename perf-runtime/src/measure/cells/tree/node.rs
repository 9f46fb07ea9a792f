//! Numbers of meters, by which calls and edges name them: in two bytes, and never of another meter, however long a call lasts.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most edges of a process unless told otherwise.
pub(crate) const MAX_EDGES: usize = 2_000;

/// The number of a meter that took part in an edge; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Node(u16);

impl Node {
    /// All meters beyond the bound.
    pub(crate) const OVERFLOW: Self = Self(u16::MAX);

    #[inline]
    pub(super) fn number(self) -> u16 {
        self.0
    }

    /// The node in the upper 16 bits of a word.
    #[inline]
    pub(super) fn of_upper_bits(word: u64) -> Self {
        let [upper, lower, ..] = word.to_be_bytes();
        Self(u16::from_be_bytes([upper, lower]))
    }

    pub(super) fn from_number(number: u16) -> Self {
        Self(number)
    }
}

/// A meter's own number, once it has one.
#[derive(Debug, Default)]
pub(crate) struct OwnNode(AtomicU16);

impl OwnNode {
    pub(crate) const fn new() -> Self {
        Self(AtomicU16::new(0))
    }

    /// The number; given out here where there is none.
    #[inline]
    pub(crate) fn get(&self) -> Node {
        self.existing().unwrap_or_else(|| self.take())
    }

    /// The number, if it was given out.
    #[inline]
    pub(crate) fn existing(&self) -> Option<Node> {
        Some(Node(self.0.load(Ordering::Relaxed))).filter(|node| node.0 > 0)
    }

    #[cold]
    #[inline(never)]
    fn take(&self) -> Node {
        static LAST: AtomicU16 = AtomicU16::new(0);
        // Above the last one, all share one number.
        let next = LAST.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |last| {
            Some(last + 1).filter(|&next| next < Node::OVERFLOW.0)
        });
        let fresh = next.map_or(Node::OVERFLOW.0, |last| last + 1);
        match self.0.compare_exchange(0, fresh, Ordering::Relaxed, Ordering::Relaxed) {
            Ok(_) => Node(fresh),
            Err(first) => Node(first),
        }
    }
}

type Known = HashSet<(Node, Node), BuildHasherDefault<DefaultHasher>>;

/// The edges of the process, each as parent and child.
static KNOWN: Mutex<Known> = Mutex::new(HashSet::with_hasher(BuildHasherDefault::new()));
static IS_ANY: AtomicBool = AtomicBool::new(false);
static BOUND: AtomicUsize = AtomicUsize::new(MAX_EDGES);

/// The parent under which an edge is counted: its own, or that of all edges beyond the bound.
pub(super) fn bounded(parent: Node, child: Node) -> Node {
    let known = &mut *lock();
    IS_ANY.store(true, Ordering::Relaxed);
    if known.contains(&(parent, child)) {
        return parent;
    }
    if known.len() >= BOUND.load(Ordering::Relaxed) {
        return Node::OVERFLOW;
    }
    known.insert((parent, child));
    parent
}

/// Whether there ever was an edge.
pub(crate) fn some_edge() -> bool {
    IS_ANY.load(Ordering::Relaxed)
}

/// Sets the most edges of the process. Those that are there already stay.
pub(super) fn bound_edges(most: usize) {
    BOUND.store(most, Ordering::Relaxed);
}

fn lock() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
