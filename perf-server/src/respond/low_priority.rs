//! Threads of low priority, for work that nobody's own requests are to wait for: the application's threads are run first.
//!
//! A thread cannot be given its priority back, so these are threads of our own and not the runtime's for blocking. There are as
//! few as are needed, and one that has nothing to do for a while ends. Work goes to the thread that was busy last: others come to an end, and what an
//! allocator keeps for each thread is kept for few.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

/// A thread that has nothing to do for so long ends.
const IDLE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce() + Send>;

static QUEUE: Mutex<Queue> = Mutex::new(Queue { work: VecDeque::new(), idle: Vec::new() });

struct Queue {
    work: VecDeque<Work>,
    /// Threads that wait for work and were not called yet, the one that was busy last at the end.
    idle: Vec<Thread>,
}

fn queue() -> MutexGuard<'static, Queue> {
    QUEUE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Does work on a thread of low priority, within the caller's runtime. At once: how much is done at a time is for the caller to
/// bound. `None` where the work panicked, or the system gives no thread.
pub(crate) async fn run<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let (done, result) = oneshot::channel();
    let runtime = Handle::current();
    hand_over(Box::new(move || {
        let _entered = runtime.enter();
        // The caller may be gone.
        let _ = done.send(work());
    }));
    result.await.ok()
}

fn hand_over(work: Work) {
    let mut queue = queue();
    queue.work.push_back(work);
    if let Some(thread) = queue.idle.pop() {
        return thread.unpark();
    }
    drop(queue);
    if let Err(error) = thread::Builder::new().name("perf-answers".to_owned()).spawn(serve) {
        tracing::warn!(target: "perf::server", %error, "no thread for an answer");
        // It is refused, unless another thread took it already.
        self::queue().work.pop_back();
    }
}

/// The life of a thread.
fn serve() {
    give_way();
    let this = thread::current();
    let mut queue = queue();
    loop {
        if let Some(work) = queue.work.pop_front() {
            drop(queue);
            // The caller learns of a panic by the absence of a result.
            let _ = catch_unwind(AssertUnwindSafe(work));
            queue = self::queue();
            continue;
        }
        queue.idle.push(this.clone());
        drop(queue);
        thread::park_timeout(IDLE);
        queue = self::queue();
        // Whoever calls a thread takes it off the list: one that is still on it was not called.
        if let Some(place) = queue.idle.iter().position(|idle| idle.id() == this.id()) {
            queue.idle.remove(place);
            if queue.work.is_empty() {
                return;
            }
        }
    }
}

/// Lowers the priority of this thread, for good. On other systems than Linux it would be that of the whole process.
pub(crate) fn give_way() {
    #[cfg(target_os = "linux")]
    // SAFETY: it takes no pointers. Where it is refused, the priority stays as it was.
    unsafe {
        libc::setpriority(libc::PRIO_PROCESS, 0, NICE);
    }
}

/// A tenth of the share of a thread of usual priority, where all cores are busy.
#[cfg(target_os = "linux")]
const NICE: libc::c_int = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_done_in_the_runtime_of_who_asks_and_a_panic_is_no_result() {
        let answer = run(|| (Handle::try_current().is_ok(), thread::current().name().map(str::to_owned))).await;
        assert_eq!(answer, Some((true, Some("perf-answers".to_owned()))));
        assert_eq!(run(|| -> u8 { panic!("on purpose") }).await, None);
        let many = futures::future::join_all((0..50).map(|number| run(move || number))).await;
        assert!(many.into_iter().eq((0..50).map(Some)));
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
        assert_eq!((there, nice()), ((before + 10).clamp(10, 19), before));
    }
}
