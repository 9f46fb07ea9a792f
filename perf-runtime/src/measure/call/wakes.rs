//! Waiting to run: the time from when a future is woken until it is polled, apart from the time that it waits for something.
//!
//! The body is given a waker of our own around its task's, which notes when it was first used. There is one for each task that polls the body, so
//! that whoever compares wakers finds the same one again. One that is over is kept for the next body on its thread: a call allocates nothing once
//! the thread is warm.

use crate::measure::clock::{self, Moment};
use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::task::{Context, Wake, Waker};

/// So many are kept on each thread.
const MOST_SPARE: usize = 64;

thread_local! {
    static SPARE: RefCell<Vec<Arc<Woken>>> = const { RefCell::new(Vec::new()) };
}

/// The wakes of one body: made at the first poll, and anew where another task goes on with it.
#[derive(Debug, Default)]
pub(super) struct Wakes(Option<Arc<Woken>>);

/// In place of the moment at which the last poll ended: that one ended with an item of a stream, and since then it is the consumer who does
/// not ask for the next.
const HELD: u64 = u64::MAX;

#[derive(Debug)]
struct Woken {
    task: Waker,
    /// The moment of the first wake since the body was polled; zero where there was none.
    at: AtomicU64,
    /// When the poll before ended. A body that is woken while it is polled waits to run from then on.
    paused: AtomicU64,
    /// For how long the body has waited to run in all, in nanoseconds.
    scheduled: AtomicU64,
}

impl Wakes {
    /// Counts the time since the body was woken, and gives the waker for a poll of it.
    pub(super) fn before_poll(&mut self, context: &Context<'_>) -> Waker {
        if let Some(woken) = &self.0 {
            woken.begin_poll();
        }
        match &self.0 {
            Some(woken) if woken.task.will_wake(context.waker()) => woken.waker(),
            _ => {
                let scheduled = self.scheduled_nanos();
                // That of another task, if nobody has it any more, is kept for this one: a body may be polled by tasks in turn.
                drop(Self(self.0.take()));
                let woken = spare(Woken::new(context.waker(), scheduled));
                let waker = woken.waker();
                self.0 = Some(woken);
                waker
            }
        }
    }

    /// Says that a poll ended whose body waits.
    pub(super) fn after_poll(&self) {
        if let Some(woken) = &self.0 {
            woken.paused.store(clock::now().to_nanos(), Relaxed);
        }
    }

    /// Says that a poll ended with an item of a stream. Wakes until the next poll are for nobody.
    pub(super) fn after_item(&self) {
        if let Some(woken) = &self.0 {
            woken.paused.store(HELD, Relaxed);
        }
    }

    /// For how long the body has waited to run in all, in nanoseconds.
    pub(super) fn scheduled_nanos(&self) -> u64 {
        self.0.as_ref().map_or(0, |woken| woken.scheduled.load(Relaxed))
    }
}

impl Drop for Wakes {
    fn drop(&mut self) {
        let Some(mut woken) = self.0.take() else { return };
        // Others may still have the waker and use it: then it is not for another body.
        let Some(alone) = Arc::get_mut(&mut woken) else { return };
        alone.task.clone_from(Waker::noop());
        let _ = SPARE.try_with(|spare| {
            if let Ok(mut spare) = spare.try_borrow_mut()
                && spare.len() < MOST_SPARE
            {
                spare.push(woken);
            }
        });
    }
}

/// Puts it in the place of one that is over, if there is one.
fn spare(new: Woken) -> Arc<Woken> {
    let over = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop()).ok().flatten();
    if let Some(mut over) = over
        && let Some(place) = Arc::get_mut(&mut over)
    {
        *place = new;
        return over;
    }
    Arc::new(new)
}

impl Woken {
    fn new(task: &Waker, scheduled: u64) -> Self {
        let zero = || AtomicU64::new(0);
        Self { task: task.clone(), at: zero(), paused: zero(), scheduled: AtomicU64::new(scheduled) }
    }

    /// Made in one place alone, so that all of one task are seen to be the same.
    #[inline(never)]
    fn waker(self: &Arc<Self>) -> Waker {
        Waker::from(Arc::clone(self))
    }

    fn begin_poll(&self) {
        let (at, paused) = (self.at.swap(0, Relaxed), self.paused.load(Relaxed));
        if at > 0 && paused != HELD {
            let since = Moment::from_nanos(at.max(paused));
            self.scheduled.fetch_add(clock::now().nanos_since(since), Relaxed);
        }
    }
}

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        // Before the task is woken, which then finds it. The clock of a process never stands at zero for a second time.
        let now = clock::now().to_nanos().max(1);
        let _ = self.at.compare_exchange(0, now, Relaxed, Relaxed);
        self.task.wake_by_ref();
    }
}
