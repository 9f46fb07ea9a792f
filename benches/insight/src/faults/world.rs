//! A small world on the manual clock: tasks on one worker, time that passes while they wait and while they compute, and ticks
//! of a thread beside them.

use perf_runtime::test_util::ManualClock;
use std::cell::{Cell, RefCell};
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks that run, and when. Times are nanoseconds since the world began.
pub(crate) struct World {
    clock: ManualClock,
    now: Cell<u64>,
    next_tick: Cell<u64>,
    order: Cell<u64>,
    due: RefCell<BinaryHeap<Reverse<(u64, u64, usize)>>>,
    tasks: RefCell<Vec<Option<Task>>>,
    free: RefCell<Vec<usize>>,
    current: Cell<usize>,
    /// How many times as long a computation takes as it would alone.
    pub(crate) stretch: Cell<f64>,
    /// Seconds of computation since somebody asked.
    pub(crate) computed: Cell<f64>,
    on_tick: RefCell<Option<Rc<dyn Fn(u64)>>>,
}

const SECOND: u64 = 1_000_000_000;

impl World {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self {
            clock: ManualClock::hold(),
            now: Cell::new(0),
            next_tick: Cell::new(SECOND),
            order: Cell::new(0),
            due: RefCell::default(),
            tasks: RefCell::default(),
            free: RefCell::default(),
            current: Cell::new(0),
            stretch: Cell::new(1.0),
            computed: Cell::new(0.0),
            on_tick: RefCell::default(),
        })
    }

    /// Seconds since the world began.
    pub(crate) fn seconds(&self) -> f64 {
        self.now.get() as f64 / 1e9
    }

    pub(crate) fn on_tick(&self, tick: impl Fn(u64) + 'static) {
        *self.on_tick.borrow_mut() = Some(Rc::new(tick));
    }

    /// Drops all tasks and forgets the ticks.
    pub(crate) fn end(&self) {
        self.on_tick.borrow_mut().take();
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
        self.due.borrow_mut().clear();
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        let mut tasks = self.tasks.borrow_mut();
        let place = self.free.borrow_mut().pop().unwrap_or(tasks.len());
        let task: Option<Task> = Some(Box::pin(task));
        if place == tasks.len() {
            tasks.push(task)
        } else {
            tasks[place] = task
        }
        drop(tasks);
        self.wake(place, self.now.get());
    }

    fn wake(&self, task: usize, at: u64) {
        self.order.set(self.order.get() + 1);
        self.due.borrow_mut().push(Reverse((at, self.order.get(), task)));
    }

    fn advance_to(&self, at: u64) {
        while self.next_tick.get() <= at {
            let tick = self.next_tick.get();
            self.clock.advance(Duration::from_nanos(tick.saturating_sub(self.now.get())));
            self.now.set(tick.max(self.now.get()));
            self.next_tick.set(tick + SECOND);
            let told = self.on_tick.borrow().clone();
            if let Some(told) = told {
                told(tick / SECOND);
            }
        }
        self.clock.advance(Duration::from_nanos(at.saturating_sub(self.now.get())));
        self.now.set(at.max(self.now.get()));
    }

    /// Lets everything happen until so many seconds since the beginning.
    pub(crate) fn run_until(&self, seconds: u64) {
        let end = seconds * SECOND;
        loop {
            let next = self.due.borrow().peek().map(|Reverse((at, ..))| *at).filter(|at| *at <= end);
            let Some(at) = next else { break };
            let Some(Reverse((.., place))) = self.due.borrow_mut().pop() else { break };
            self.advance_to(at.max(self.now.get()));
            let task = self.tasks.borrow_mut().get_mut(place).and_then(Option::take);
            let Some(mut task) = task else { continue };
            self.current.set(place);
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.borrow_mut()[place] = Some(task);
            } else {
                self.free.borrow_mut().push(place);
            }
            if self.now.get() > end {
                break;
            }
        }
        self.advance_to(end.max(self.now.get()));
    }

    /// Waits for so many seconds.
    pub(crate) fn sleep(self: &Rc<Self>, seconds: f64) -> Sleep {
        Sleep { world: Rc::clone(self), seconds, until: None }
    }

    /// Computes for so many seconds: the worker does nothing else meanwhile.
    pub(crate) fn compute(&self, seconds: f64) {
        self.computed.set(self.computed.get() + seconds);
        let nanos = (seconds * self.stretch.get() * 1e9) as u64;
        self.advance_to(self.now.get() + nanos);
    }
}

pub(crate) struct Sleep {
    world: Rc<World>,
    seconds: f64,
    until: Option<u64>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        let now = self.world.now.get();
        if let Some(until) = self.until {
            return if now >= until { Poll::Ready(()) } else { Poll::Pending };
        }
        let until = now + (self.seconds * 1e9) as u64;
        self.until = Some(until);
        self.world.wake(self.world.current.get(), until);
        Poll::Pending
    }
}

/// Permits that are given in the order of asking.
pub(crate) struct Permits {
    world: Rc<World>,
    pub(crate) most: Cell<usize>,
    pub(crate) used: Cell<usize>,
    pub(crate) waiting: RefCell<VecDeque<(usize, Rc<Cell<bool>>)>>,
}

impl Permits {
    pub(crate) fn new(world: &Rc<World>, most: usize) -> Rc<Self> {
        Rc::new(Self {
            world: Rc::clone(world),
            most: Cell::new(most),
            used: Cell::new(0),
            waiting: RefCell::default(),
        })
    }

    pub(crate) fn acquire(self: &Rc<Self>) -> Acquire {
        Acquire { permits: Rc::clone(self), turn: None }
    }

    /// Gives what is free to those who wait.
    pub(crate) fn give(&self) {
        while self.used.get() < self.most.get() {
            let Some((task, turn)) = self.waiting.borrow_mut().pop_front() else { break };
            self.used.set(self.used.get() + 1);
            turn.set(true);
            self.world.wake(task, self.world.now.get());
        }
    }
}

pub(crate) struct Acquire {
    permits: Rc<Permits>,
    turn: Option<Rc<Cell<bool>>>,
}

impl Future for Acquire {
    type Output = Permit;

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Permit> {
        if let Some(turn) = &self.turn {
            return if turn.get() { Poll::Ready(Permit(Rc::clone(&self.permits))) } else { Poll::Pending };
        }
        let permits = Rc::clone(&self.permits);
        if permits.used.get() < permits.most.get() && permits.waiting.borrow().is_empty() {
            permits.used.set(permits.used.get() + 1);
            return Poll::Ready(Permit(permits));
        }
        let turn = Rc::new(Cell::new(false));
        permits.waiting.borrow_mut().push_back((permits.world.current.get(), Rc::clone(&turn)));
        self.turn = Some(turn);
        Poll::Pending
    }
}

pub(crate) struct Permit(Rc<Permits>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.used.set(self.0.used.get().saturating_sub(1));
        self.0.give();
    }
}

/// Numbers that look random, of a seed (`splitmix64`, S. Vigna).
pub(crate) struct Dice(Cell<u64>);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Cell::new(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) ^ 0x5851_f42d_4c95_7f2d))
    }

    /// Up to 1.
    pub(crate) fn share(&self) -> f64 {
        let state = self.0.get().wrapping_add(0x9e37_79b9_7f4a_7c15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The time to the next of so many events a second.
    pub(crate) fn until_next(&self, rate: f64) -> f64 {
        -(1.0 - self.share()).ln() / rate
    }

    /// A duration that is usual around a median, with a long tail.
    pub(crate) fn around(&self, median: f64, sigma: f64) -> f64 {
        let (one, other) = (1.0 - self.share(), self.share());
        let normal = (-2.0 * one.ln()).sqrt() * (std::f64::consts::TAU * other).cos();
        median * (sigma * normal).exp()
    }
}
