//! Random programs of calls within calls, run by annotated functions beside an oracle that keeps the whole tree.

use super::poll;
use crate::test_util::ManualClock;
use crate::{InCurrentCall, monitor};
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
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
    /// Begins a call elsewhere, inside this one.
    Spawn(Node),
}

/// A call that said that it waits.
#[derive(Clone, Copy, Debug)]
struct Child {
    index: usize,
    series: usize,
}

/// A call as the oracle saw it.
#[derive(Debug)]
struct Seen {
    series: usize,
    parent: Option<usize>,
    start: u64,
    end: Option<(u64, bool)>,
    /// How many calls had ended when it did.
    order: usize,
    /// The child that said last that it waits.
    waits_for: Option<Child>,
    /// Since when it waits itself, and for which child.
    paused: Option<(u64, Option<Child>)>,
    /// How long it waited for each series.
    waited: [u64; SERIES.len()],
}

impl Seen {
    fn resume(&mut self, now: u64) {
        if let Some((since, Some(child))) = self.paused.take() {
            self.waited[child.series] += now - since;
        }
    }
}

type Work<'a> = Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;

/// A program that runs.
pub(crate) struct World<'a> {
    clock: &'a ManualClock,
    now: Cell<u64>,
    seen: RefCell<Vec<Seen>>,
    left: RefCell<Vec<Work<'a>>>,
    /// Calls that go on by themselves.
    spawned: RefCell<Vec<Work<'a>>>,
    /// The call that is polled.
    current: Cell<Option<usize>>,
    /// Calls that ended.
    ended: Cell<usize>,
}

/// The oracle's account, in nanoseconds.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Told {
    /// Calls, durations, failures and the parents' waiting, by parent and child.
    pub(crate) edges: BTreeMap<(usize, usize), (u64, u64, u64, u64)>,
    /// The calls' own time.
    pub(crate) own: [u64; SERIES.len()],
}

/// A call as the recorder keeps it: how many calls are around it, its series, its start after the first call's, its duration and its own time.
pub(crate) type RecordedAs = (usize, usize, u64, u64, u64);

impl<'a> World<'a> {
    pub(crate) fn new(clock: &'a ManualClock) -> Rc<Self> {
        Rc::new(Self {
            clock,
            now: Cell::new(0),
            seen: RefCell::default(),
            left: RefCell::default(),
            spawned: RefCell::default(),
            current: Cell::new(None),
            ended: Cell::new(0),
        })
    }

    pub(crate) fn advance(&self, nanos: u64) {
        self.now.set(self.now.get() + nanos);
        self.clock.advance(Duration::from_nanos(nanos));
    }

    /// A call is over: if its parent is polled, it is not what that waits for.
    fn waits_no_longer(&self, parent: Option<usize>, index: usize) {
        if let Some(parent) = parent.filter(|parent| self.current.get() == Some(*parent)) {
            let waits_for = &mut self.seen.borrow_mut()[parent].waits_for;
            *waits_for = waits_for.filter(|child| child.index != index);
        }
    }

    /// Polls the calls that were spawned.
    pub(crate) fn poll_spawned(&self) {
        let mut spawned = self.spawned.take();
        spawned.retain_mut(|call| {
            let polled = catch_unwind(AssertUnwindSafe(|| poll(call.as_mut())));
            matches!(polled, Ok(Poll::Pending))
        });
        self.spawned.borrow_mut().append(&mut spawned);
    }

    /// Drops the calls that nobody took up, and those that were spawned and go on.
    pub(crate) fn drop_left(&self) {
        let (left, spawned) = (self.left.take(), self.spawned.take());
        drop((left, spawned));
    }

    /// How many calls have ended.
    pub(crate) fn ended(&self) -> usize {
        self.ended.get()
    }

    /// The first call, and those inside it that ended before so many calls had, each with all around it; and how many others did.
    pub(crate) fn recorded(&self, before: usize) -> (Vec<RecordedAs>, usize) {
        let seen = self.seen.borrow();
        let is_over = |call: &Seen| call.end.is_some() && call.order < before;
        // How many calls are around it, where all but the first are over.
        let depth = |call: &Seen| {
            let around = std::iter::successors(call.parent, |parent| seen[*parent].parent);
            let around: Vec<usize> = around.collect();
            around.iter().all(|place| *place == 0 || is_over(&seen[*place])).then_some(around.len())
        };
        let over = || seen.iter().enumerate().filter(|(place, call)| *place == 0 || is_over(call));
        let told = over().filter_map(|(place, call)| {
            let (depth, (end, _)) = (depth(call)?, call.end?);
            let own = end - call.start - Self::covered(&seen, place, end);
            Some((depth, call.series, call.start - seen[0].start, end - call.start, own))
        });
        let mut told: Vec<RecordedAs> = told.collect();
        told.sort_unstable();
        let missing = over().count() - told.len();
        (told, missing)
    }

    /// The time that calls inside one covered, which ended at `end`.
    fn covered(seen: &[Seen], index: usize, end: u64) -> u64 {
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
        covered
    }

    pub(crate) fn told(&self) -> Told {
        let (seen, mut told) = (self.seen.borrow(), Told::default());
        for (index, call) in seen.iter().enumerate() {
            let Some((end, failed)) = call.end else { continue };
            if let Some(parent) = call.parent {
                let edge = told.edges.entry((seen[parent].series, call.series)).or_default();
                *edge = (edge.0 + 1, edge.1 + end - call.start, edge.2 + u64::from(failed), edge.3);
            }
            for (child, waited) in call.waited.iter().enumerate().filter(|(_, waited)| **waited > 0) {
                told.edges.entry((call.series, child)).or_default().3 += waited;
            }
            told.own[call.series] += end - call.start - Self::covered(&seen, index, end);
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
        let (start, waited) = (world.now.get(), [0; SERIES.len()]);
        seen.push(Seen { series, parent, start, end: None, order: 0, waits_for: None, paused: None, waited });
        Self { world: Rc::clone(world), index: seen.len() - 1, failed: false }
    }
}

impl Drop for Stay<'_> {
    fn drop(&mut self) {
        let parent = {
            let call = &mut self.world.seen.borrow_mut()[self.index];
            call.resume(self.world.now.get());
            call.end = Some((self.world.now.get(), self.failed));
            call.order = self.world.ended.replace(self.world.ended.get() + 1);
            call.parent
        };
        self.world.waits_no_longer(parent, self.index);
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
    let stay = Stay::new(&world, parent, node.series);
    let (index, mut steps) = (stay.index, Box::pin(run_steps(Rc::clone(&world), stay, node)));
    poll_fn(|context| {
        world.seen.borrow_mut()[index].resume(world.now.get());
        let around = Around { world: &world, parent, index, call: world.current.replace(Some(index)) };
        let polled = steps.as_mut().poll(context);
        drop(around);
        if polled.is_pending() {
            let mut seen = world.seen.borrow_mut();
            seen[index].paused = Some((world.now.get(), seen[index].waits_for.take()));
            if let Some(parent) = parent.filter(|parent| world.current.get() == Some(*parent)) {
                seen[parent].waits_for = Some(Child { index, series: seen[index].series });
            }
        }
        polled
    })
    .await
}

/// The call around the one that is polled, until that is over.
struct Around<'a, 'w> {
    world: &'a World<'w>,
    parent: Option<usize>,
    index: usize,
    call: Option<usize>,
}

impl Drop for Around<'_, '_> {
    fn drop(&mut self) {
        self.world.current.set(self.call);
        if self.world.seen.borrow()[self.index].end.is_some() {
            self.world.waits_no_longer(self.parent, self.index);
        }
    }
}

async fn run_steps(world: Rc<World<'_>>, mut stay: Stay<'_>, node: Node) -> Result<(), ()> {
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
            Step::Spawn(node) => {
                let spawned = Box::pin(make(node).in_current_call());
                world.spawned.borrow_mut().push(spawned);
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
