//! Threads of low priority, for work that nobody's own requests are to wait for: the application's threads are run first.
//!
//! A thread cannot be given its priority back, so these are threads of our own and not the runtime's for blocking. There are as
//! few as are needed, and one that has nothing to do for a while ends. Work goes to the thread that was busy last: others come to an end, and what an
//! allocator keeps for each thread is kept for few.

use perf_runtime::extend::give_way;
use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A thread that has nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

/// Work, and then what tells its result.
type Work = Box<dyn FnOnce() -> Tell + Send>;
type Tell = Box<dyn FnOnce()>;

static THREADS: Threads = Threads::new();

struct Threads(Mutex<Queue>);

struct Queue {
    work: VecDeque<Work>,
    /// Threads that wait for work and were not called yet, the one that was busy last at the end.
    idle: Vec<Thread>,
}

/// Does work on a thread of low priority, within the caller's runtime. At once: how much is done at a time is for the caller to
/// bound. `None` where the work panicked, or the system gives no thread.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    THREADS.run(work).await
}

impl Threads {
    const fn new() -> Self {
        Self(Mutex::new(Queue { work: VecDeque::new(), idle: Vec::new() }))
    }

    async fn run<T: Send + 'static>(&'static self, work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
        let (done, result) = oneshot::channel();
        let runtime = Handle::current();
        self.hand_over(Box::new(move || {
            let _entered = runtime.enter();
            let made = work();
            // The caller may be gone.
            Box::new(move || drop(done.send(made)))
        }));
        result.await.ok()
    }

    fn hand_over(&'static self, work: Work) {
        let mut queue = self.queue();
        queue.work.push_back(work);
        if let Some(thread) = queue.idle.pop() {
            return thread.unpark();
        }
        drop(queue);
        if let Err(error) = thread::Builder::new().name("perf-answers".to_owned()).spawn(|| self.serve()) {
            tracing::warn!(target: "perf::server", %error, "no thread for an answer");
            // It is refused, unless another thread took it already.
            self.queue().work.pop_back();
        }
    }

    /// The life of a thread.
    fn serve(&self) {
        give_way();
        let mut tell = None;
        loop {
            let work = self.next();
            // After this thread was called idle: whoever is told may hand over more work at once.
            if let Some(tell) = tell.take() {
                let _ = catch_unwind(AssertUnwindSafe::<Tell>(tell));
            }
            match work {
                // The caller learns of a panic by the absence of a result.
                Some(work) => tell = catch_unwind(AssertUnwindSafe(work)).ok(),
                None if self.is_called() => {}
                None => return,
            }
        }
    }

    /// The next piece of work. Where there is none, this thread is idle.
    fn next(&self) -> Option<Work> {
        let mut queue = self.queue();
        let work = queue.work.pop_front();
        if work.is_none() {
            queue.idle.push(thread::current());
        }
        work
    }

    /// Waits until this thread, which is idle, is called. `false` where nobody did for long: then it is on the list no more.
    fn is_called(&self) -> bool {
        let (this, since) = (thread::current().id(), Instant::now());
        loop {
            let left = IDLE.saturating_sub(since.elapsed());
            thread::park_timeout(left);
            let mut queue = self.queue();
            // The caller of a thread takes it off the list. Others may have left it a call that it does not know of.
            let Some(place) = queue.idle.iter().position(|idle| idle.id() == this) else { return true };
            if left.is_zero() {
                queue.idle.remove(place);
                return !queue.work.is_empty();
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use std::sync::{Arc, Barrier};

    #[tokio::test]
    async fn work_is_done_in_the_runtime_of_who_asks_and_a_panic_is_no_result() {
        let answer = run(|| (Handle::try_current().is_ok(), thread::current().name().map(str::to_owned))).await;
        assert_eq!(answer, Some((true, Some("perf-answers".to_owned()))));
        assert_eq!(run(|| -> u8 { panic!("on purpose") }).await, None);
        let many = futures::future::join_all((0..50).map(|number| run(move || number))).await;
        assert!(many.into_iter().eq((0..50).map(Some)));
    }

    #[tokio::test]
    async fn work_goes_to_the_thread_that_was_busy_last() {
        static OWN: Threads = Threads::new();
        let together = Arc::new(Barrier::new(8));
        let first = (0..8).map(|_| {
            let together = Arc::clone(&together);
            OWN.run(move || together.wait().is_leader())
        });
        let leaders = futures::future::join_all(first).await;
        assert_eq!(leaders.into_iter().filter(|leads| *leads == Some(true)).count(), 1, "at once");
        let mut threads = HashSet::new();
        for _ in 0..100 {
            threads.insert(OWN.run(|| thread::current().id()).await);
        }
        assert_eq!((threads.len(), OWN.queue().idle.len()), (1, 8));
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn its_thread_gives_way_and_the_callers_does_not() {
        let nice = || {
            let stat = std::fs::read_to_string("/proc/thread-self/stat").unwrap();
            let (_, fields) = stat.rsplit_once(") ").unwrap();
            fields.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
        };
        let before = nice();
        let there = run(nice).await.unwrap();
        assert_eq!((there, nice()), ((before + 10).min(19), before));
    }
}
