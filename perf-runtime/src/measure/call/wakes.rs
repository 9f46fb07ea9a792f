//! Waiting to run: the time from when a future is woken until it is polled, apart from the time that it waits for something.
//!
//! The body is given a waker of our own around its task's, which notes when it was first used. There is one for each task that polls the body, so
//! that whoever compares wakers finds the same one again.

use crate::measure::clock::{self, Moment};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Wake, Waker};

/// The wakes of one body.
#[derive(Debug, Default)]
pub(super) struct Wakes {
    /// Made at the first poll, and anew where another task goes on with the body.
    current: Option<(Arc<Woken>, Waker)>,
    /// When the poll before ended. A body that is woken while it is polled waits to run from then on.
    paused: Moment,
}

#[derive(Debug)]
struct Woken {
    task: Waker,
    /// The moment of the first wake since the body was polled; zero where there was none.
    at: AtomicU64,
}

impl Wakes {
    /// The waker for a poll of the body, and for how long the body waited to run, in nanoseconds.
    pub(super) fn before_poll(&mut self, context: &Context<'_>) -> (Waker, u64) {
        let woken = self.current.as_ref().map_or(0, |(woken, _)| woken.at.swap(0, Relaxed));
        let waited = match woken {
            0 => 0,
            at => clock::now().nanos_since(Moment::from_nanos(at).max(self.paused)),
        };
        let waker = match &self.current {
            Some((woken, waker)) if woken.task.will_wake(context.waker()) => waker.clone(),
            _ => self.make(context.waker()),
        };
        (waker, waited)
    }

    /// Says that a poll ended whose body waits.
    pub(super) fn after_poll(&mut self) {
        self.paused = clock::now();
    }

    #[cold]
    fn make(&mut self, task: &Waker) -> Waker {
        let woken = Arc::new(Woken { task: task.clone(), at: AtomicU64::new(0) });
        let waker = Waker::from(Arc::clone(&woken));
        self.current = Some((woken, waker.clone()));
        waker
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before the task is woken, which then finds it. The clock of a process never stands at zero for a second time.
        let now = clock::now().to_nanos().max(1);
        _ = self.at.compare_exchange(0, now, Relaxed, Relaxed);
        self.task.wake_by_ref();
    }
}
