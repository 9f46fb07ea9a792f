//! Tasks on the manual clock: time passes while all of them wait.

use perf_runtime::test_util::ManualClock;
use std::cell::{Cell, RefCell};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

type Task = Pin<Box<dyn Future<Output = ()>>>;

/// The tasks that run, by tens of milliseconds.
pub(crate) struct World {
    clock: ManualClock,
    now: Cell<u64>,
    tasks: RefCell<Vec<Task>>,
}

impl World {
    pub(crate) fn new() -> Rc<Self> {
        Rc::new(Self { clock: ManualClock::hold(), now: Cell::new(0), tasks: RefCell::default() })
    }

    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + 'static) {
        self.tasks.borrow_mut().push(Box::pin(task));
    }

    /// Lets ten milliseconds pass, and polls everything.
    pub(crate) fn step(&self) {
        self.clock.advance(Duration::from_millis(10));
        self.now.set(self.now.get() + 10);
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        for mut task in tasks {
            if task.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending() {
                self.tasks.borrow_mut().push(task);
            }
        }
    }

    pub(crate) fn sleep(self: &Rc<Self>, millis: u64) -> Sleep {
        Sleep { until: self.now.get() + millis, world: Rc::clone(self) }
    }

    pub(crate) fn end(&self) {
        let tasks = std::mem::take(&mut *self.tasks.borrow_mut());
        drop(tasks);
    }
}

pub(crate) struct Sleep {
    until: u64,
    world: Rc<World>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.world.now.get() >= self.until { Poll::Ready(()) } else { Poll::Pending }
    }
}
