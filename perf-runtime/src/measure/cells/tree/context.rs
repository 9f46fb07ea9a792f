//! Contexts: a caller, and the root of the tree in which it was called. Edges are counted by context, so that it is known of each root where its
//! time goes, and no average over other roots is taken for it.

use super::node::Node;
use crate::measure::cells::lazy::LazyBox;
use std::array;
use std::collections::HashMap;
use std::hash::{BuildHasherDefault, DefaultHasher};
use std::iter;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, PoisonError};

/// The number of a context; never zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Context(u16);

/// So many contexts have a root of their own. Later ones are of no known root, and there is one of these for each caller.
const MOST_WITH_ROOT: usize = 48 * 1_024;

/// Root and caller of each context by its number, the root in the upper half; zero where the number is not given out. Pages that are never
/// looked at take no memory.
static PAIRS: [AtomicU32; 1 << u16::BITS] = [const { AtomicU32::new(0) }; 1 << u16::BITS];

type Known = HashMap<(Node, Node), Context, BuildHasherDefault<DefaultHasher>>;

/// The contexts that were given out, by root and caller.
static KNOWN: Mutex<Known> = Mutex::new(HashMap::with_hasher(BuildHasherDefault::new()));

impl Context {
    /// All contexts beyond the bound.
    pub(crate) const OVERFLOW: Self = Self(u16::MAX);

    #[inline]
    pub(super) fn number(self) -> u16 {
        self.0
    }

    #[inline]
    pub(super) fn from_number(number: u16) -> Self {
        Self(number)
    }

    /// The root of the tree: a call that was made inside no other. [`Node::OVERFLOW`] where it is not known.
    #[inline]
    pub(crate) fn root(self) -> Node {
        let [root, _] = self.pair();
        root
    }

    /// The caller. [`Node::OVERFLOW`] where it is beyond the bound.
    pub(crate) fn node(self) -> Node {
        let [_, node] = self.pair();
        node
    }

    #[inline]
    fn pair(self) -> [Node; 2] {
        match PAIRS[usize::from(self.0)].load(Ordering::Relaxed).to_be_bytes() {
            [0, 0, ..] => [Node::OVERFLOW; 2],
            [root_upper, root_lower, upper, lower] => {
                [[root_upper, root_lower], [upper, lower]].map(|bytes| Node::from_number(u16::from_be_bytes(bytes)))
            }
        }
    }

    /// The context of a caller below no known root.
    pub(super) fn below_unknown(node: Node) -> Self {
        Self::look_up(Node::OVERFLOW, node)
    }

    #[cold]
    fn look_up(root: Node, node: Node) -> Self {
        let known = &mut *KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
        let root =
            if known.len() < MOST_WITH_ROOT || known.contains_key(&(root, node)) { root } else { Node::OVERFLOW };
        if let Some(context) = known.get(&(root, node)) {
            return *context;
        }
        let Some(number) = u16::try_from(known.len() + 1).ok().filter(|&number| number < Self::OVERFLOW.0) else {
            return Self::OVERFLOW;
        };
        let pair = u32::from(root.number()) << u16::BITS | u32::from(node.number());
        PAIRS[usize::from(number)].store(pair, Ordering::Relaxed);
        known.insert((root, node), Self(number));
        Self(number)
    }
}

/// The contexts of a meter: those that its calls had when they called others. The first one is found at once, and others by a short list
/// behind one of sixteen pointers; none is ever forgotten, so the lock of all contexts is taken once for each.
#[derive(Debug, Default)]
pub(crate) struct OwnContexts {
    /// The root in the upper half, the context's number in the lower; zero while there is none.
    first: AtomicU32,
    more: LazyBox<More>,
}

/// Lists of contexts after the first.
const LISTS: usize = 16;

type More = [LazyBox<Link>; LISTS];

#[derive(Debug)]
struct Link {
    root: Node,
    context: Context,
    next: LazyBox<Link>,
}

impl OwnContexts {
    pub(crate) const fn new() -> Self {
        Self { first: AtomicU32::new(0), more: LazyBox::new() }
    }

    /// The context of a call of the meter to which this belongs, and which has this node; `around` is that of the call that it was made inside.
    #[inline]
    pub(crate) fn of(&self, node: Node, around: Option<Context>) -> Context {
        let root = around.map_or(node, Context::root);
        let [root_upper, root_lower, upper, lower] = self.first.load(Ordering::Relaxed).to_be_bytes();
        if u16::from_be_bytes([root_upper, root_lower]) == root.number() {
            return Context(u16::from_be_bytes([upper, lower]));
        }
        self.further(root).unwrap_or_else(|| self.meet(root, node))
    }

    fn further(&self, root: Node) -> Option<Context> {
        let list = self.more.get()?.get(usize::from(root.number()) % LISTS)?;
        iter::successors(list.get(), |link| link.next.get()).find(|link| link.root == root).map(|link| link.context)
    }

    #[cold]
    fn meet(&self, root: Node, node: Node) -> Context {
        let context = Context::look_up(root, node);
        let word = u32::from(root.number()) << u16::BITS | u32::from(context.0);
        if self.first.compare_exchange(0, word, Ordering::Relaxed, Ordering::Relaxed).is_ok() {
            return context;
        }
        let lists = self.more.get_or_init(|| Box::new(array::from_fn(|_| LazyBox::default())));
        let mut place = &lists[usize::from(root.number()) % LISTS];
        loop {
            let link = place.get_or_init(|| Box::new(Link { root, context, next: LazyBox::default() }));
            // Another thread may have been the first here, with another root.
            if link.root == root {
                return link.context;
            }
            place = &link.next;
        }
    }
}
