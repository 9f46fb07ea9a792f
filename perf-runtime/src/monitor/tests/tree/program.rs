//! Random programs of calls within calls, run by annotated functions beside an oracle that keeps the whole tree.

use crate::monitor;
use crate::test_util::ManualClock;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;

pub(crate) const SERIES: [&str; 3] = ["tree_a", "tree_b", "tree_c"];

/// A call that a program makes.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) series: usize,
    pub(crate) is_sync: bool,
    pub(crate) steps: Vec<Step>,
    pub(crate) end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Ok,
    Error,
    Panic,
}

#[derive(Clone, Debug)]
pub(crate) enum Step {
    Work(u64),
    Call(Node),
    /// Waits once.
    Wait,
    /// All of them at once, to the last one's end.
    Join(Vec<Node>),
    /// All of them at once, to the first one's end; the others are dropped.
    Select(Vec<Node>),
    /// Begins a call, and leaves it to whoever takes one up.
    Leave(Node),
    /// Goes on with a call that somebody left, to its end.
    TakeUp,
}

/// A call as the oracle saw it.
#[derive(Debug)]
struct Seen {
    series: usize,
    parent: Option<usize>,
    start: u64,
    end: Option<(u64, bool)>,
}

type Work<'a> = Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;

/// A program that runs.
pub(crate) struct World<'a> {
    clock: &'a ManualClock,
    now: Cell<u64>,
    seen: RefCell<Vec<Seen>>,
    left: RefCell<Vec<Work<'a>>>,
}

/// The oracle's account, in nanoseconds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Calls, durations and failures by parent and child.
    pub(crate) edges: BTreeMap<(usize, usize), (u64, u64, u64)>,
    /// The calls' own time.
    pub(crate) own: [u64; SERIES.len()],
}

impl<'a> World<'a> {
    pub(crate) fn new(clock: &'a ManualClock) -> Rc<Self> {
        Rc::new(Self { clock, now: Cell::new(0), seen: RefCell::default(), left: RefCell::default() })
    }

    pub(crate) fn advance(&self, nanos: u64) {
        self.now.set(self.now.get() + nanos);
        self.clock.advance(Duration::from_nanos(nanos));
    }

    /// Drops the calls that nobody took up.
    pub(crate) fn drop_left(&self) {
        let left = self.left.take();
        drop(left);
    }

    pub(crate) fn told(&self) -> Told {
        let (seen, mut told) = (self.seen.borrow(), Told::default());
        for (index, call) in seen.iter().enumerate() {
            let Some((end, failed)) = call.end else { continue };
            if let Some(parent) = call.parent {
                let edge = told.edges.entry((seen[parent].series, call.series)).or_default();
                *edge = (edge.0 + 1, edge.1 + end - call.start, edge.2 + u64::from(failed));
            }
            let mut inside: Vec<(u64, u64)> = seen
                .iter()
                .filter(|child| child.parent == Some(index))
                .map(|child| (child.start, child.end.map_or(end, |(ended, _)| ended.min(end))))
                .collect();
            inside.sort_unstable();
            let (mut covered, mut until) = (0, 0);
            for (from, to) in inside {
                covered += to.saturating_sub(from.max(until));
                until = until.max(to);
            }
            told.own[call.series] += end - call.start - covered;
        }
        told
    }
}

/// A call's stay in the oracle's tree, until it is dropped.
struct Stay<'a> {
    world: Rc<World<'a>>,
    index: usize,
    failed: bool,
}

impl<'a> Stay<'a> {
    fn new(world: &Rc<World<'a>>, parent: Option<usize>, series: usize) -> Self {
        let mut seen = world.seen.borrow_mut();
        seen.push(Seen { series, parent, start: world.now.get(), end: None });
        Self { world: Rc::clone(world), index: seen.len() - 1, failed: false }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let end = (self.world.now.get(), self.failed);
        self.world.seen.borrow_mut()[self.index].end = Some(end);
    }
}

/// A call of the program: nothing begins before the first poll.
pub(crate) fn call(world: Rc<World<'_>>, parent: Option<usize>, node: Node) -> Work<'_> {
    match (node.is_sync, node.series) {
        (true, 0) => Box::pin(async move { sync_a(&world, parent, &node) }),
        (true, 1) => Box::pin(async move { sync_b(&world, parent, &node) }),
        (true, _) => Box::pin(async move { sync_c(&world, parent, &node) }),
        (false, 0) => Box::pin(a(world, parent, node)),
        (false, 1) => Box::pin(b(world, parent, node)),
        (false, _) => Box::pin(c(world, parent, node)),
    }
}

macro_rules! functions {
    ($($name:ident $sync:ident $label:literal)*) => {$(
        #[monitor($label)]
        async fn $name(world: Rc<World<'_>>, parent: Option<usize>, node: Node) -> Result<(), ()> {
            run(world, parent, node).await
        }

        #[monitor($label)]
        fn $sync(world: &Rc<World<'_>>, parent: Option<usize>, node: &Node) -> Result<(), ()> {
            run_sync(world, parent, node)
        }
    )*};
}

functions! {
    a sync_a "tree_a"
    b sync_b "tree_b"
    c sync_c "tree_c"
}

fn end(stay: &mut Stay<'_>, node: &Node) -> Result<(), ()> {
    stay.failed = node.end != End::Ok;
    match node.end {
        End::Ok => Ok(()),
        End::Error => Err(()),
        End::Panic => std::panic::resume_unwind(Box::new("as the program says")),
    }
}

async fn run(world: Rc<World<'_>>, parent: Option<usize>, node: Node) -> Result<(), ()> {
    let mut stay = Stay::new(&world, parent, node.series);
    let own = Some(stay.index);
    for step in &node.steps {
        // Until the step is over: a call inside it may unwind, and then this one does.
        stay.failed = true;
        let make = |node: &Node| call(Rc::clone(&world), own, node.clone());
        match step {
            Step::Work(nanos) => world.advance(*nanos),
            Step::Call(node) => several(&mut stay, vec![make(node)], false).await,
            Step::Wait => {
                stay.failed = false;
                wait().await;
            }
            Step::Join(nodes) => several(&mut stay, nodes.iter().map(make).collect(), false).await,
            Step::Select(nodes) => several(&mut stay, nodes.iter().map(make).collect(), true).await,
            Step::Leave(node) => {
                let mut left = make(node);
                let is_pending = poll_fn(|context| Poll::Ready(left.as_mut().poll(context).is_pending())).await;
                if is_pending {
                    world.left.borrow_mut().push(left);
                }
            }
            Step::TakeUp => {
                let taken = world.left.borrow_mut().pop();
                if let Some(taken) = taken {
                    several(&mut stay, vec![taken], false).await;
                }
            }
        }
    }
    end(&mut stay, &node)
}

fn run_sync(world: &Rc<World<'_>>, parent: Option<usize>, node: &Node) -> Result<(), ()> {
    let mut stay = Stay::new(world, parent, node.series);
    let own = Some(stay.index);
    for step in &node.steps {
        stay.failed = true;
        match step {
            Step::Work(nanos) => world.advance(*nanos),
            Step::Call(node) => {
                let _ = match node.series {
                    0 => sync_a(world, own, node),
                    1 => sync_b(world, own, node),
                    _ => sync_c(world, own, node),
                };
            }
            _ => {}
        }
    }
    end(&mut stay, node)
}

async fn wait() {
    let mut waited = false;
    poll_fn(move |_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Polls all that are not ready; until one is, or all are. While it waits it may be dropped, and has not failed then.
async fn several(stay: &mut Stay<'_>, mut open: Vec<Work<'_>>, first: bool) {
    let all = open.len();
    poll_fn(|context: &mut Context<'_>| {
        stay.failed = true;
        open.retain_mut(|work| work.as_mut().poll(context).is_pending());
        if open.is_empty() || (first && open.len() < all) {
            return Poll::Ready(());
        }
        stay.failed = false;
        Poll::Pending
    })
    .await;
}
