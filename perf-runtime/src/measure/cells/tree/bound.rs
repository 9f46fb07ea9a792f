//! The bound on edges.

use super::context::Context;
use super::node::Node;
use std::collections::HashSet;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The most edges of a process unless told otherwise.
pub(crate) const MAX_EDGES: usize = 2_000;

/// The edges of the process.
#[derive(Debug)]
struct Known {
    /// By caller and callee.
    pairs: Set<(Node, Node)>,
    /// By the caller's context and the callee.
    edges: Set<(Context, Node)>,
}

type Set<T> = HashSet<T, BuildHasherDefault<DefaultHasher>>;

static KNOWN: Mutex<Known> = Mutex::new(Known {
    pairs: HashSet::with_hasher(BuildHasherDefault::new()),
    edges: HashSet::with_hasher(BuildHasherDefault::new()),
});
static IS_ANY: AtomicBool = AtomicBool::new(false);
static BOUND: AtomicUsize = AtomicUsize::new(MAX_EDGES);
static GENERATION: AtomicU32 = AtomicU32::new(0);
/// For each edge that the bound allows, so many are counted by root.
const ROOTS_PER_EDGE: usize = 4;

/// The context under which an edge is counted: its own; beyond a bound of its own that of the same caller below no known root; and that of all
/// edges beyond the bound.
pub(super) fn bounded(parent: Context, child: Node) -> Context {
    let known = &mut *lock();
    if known.edges.contains(&(parent, child)) {
        return parent;
    }
    let bound = BOUND.load(Ordering::Relaxed);
    if !known.has_room(bound, parent.node(), child) {
        return Context::OVERFLOW;
    }
    if known.edges.len() >= bound.saturating_mul(ROOTS_PER_EDGE) {
        return Context::below_unknown(parent.node());
    }
    known.edges.insert((parent, child));
    parent
}

/// The child under which a wait for it is counted: itself, or that of all edges beyond the bound.
pub(super) fn bounded_wait(parent: Node, child: Node) -> Node {
    if lock().has_room(BOUND.load(Ordering::Relaxed), parent, child) { child } else { Node::OVERFLOW }
}

impl Known {
    /// Whether an edge is known, or known from now on.
    fn has_room(&mut self, bound: usize, parent: Node, child: Node) -> bool {
        IS_ANY.store(true, Ordering::Relaxed);
        let is_known = self.pairs.contains(&(parent, child));
        if !is_known && self.pairs.len() >= bound {
            return false;
        }
        is_known || self.pairs.insert((parent, child))
    }
}

/// Whether there ever was an edge.
pub(crate) fn some_edge() -> bool {
    IS_ANY.load(Ordering::Relaxed)
}

/// Which bound it is: what was beyond one may be within the next.
pub(super) fn generation() -> u32 {
    GENERATION.load(Ordering::Relaxed)
}

/// Sets the most edges of the process. Those that are there already stay.
pub(super) fn bound_edges(most: usize) {
    if BOUND.swap(most, Ordering::Relaxed) != most {
        GENERATION.fetch_add(1, Ordering::Relaxed);
    }
}

fn lock() -> MutexGuard<'static, Known> {
    KNOWN.lock().unwrap_or_else(PoisonError::into_inner)
}
