//! Work that may take milliseconds, on threads where blocking is allowed, and whose priority is low: so much of it at once that the
//! application's own work finds cores.

use super::low_priority;
use super::problem::{Problem, ProblemKind};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::available_parallelism;
use tokio::sync::Semaphore;

/// Answers to questions: on half of the cores, and on four at most.
pub(crate) static ANSWERS: LazyLock<Lane> = LazyLock::new(|| {
    let cores = available_parallelism().map_or(1, usize::from);
    Lane::new((cores / 2).clamp(1, 4), 256)
});
/// Long bodies, which are read from JSON.
pub(crate) static BODIES: Lane = Lane::new(1, 64);
/// Trials of rules, each on as many values as a body holds: behind one another, so that no answer waits for them.
pub(crate) static TRIALS: Lane = Lane::new(1, 16);

/// Questions about the time before memory, which may be read from a disk: two at a time, so that no other answer waits for them.
pub(crate) static PAST: Lane = Lane::new(2, 32);

/// Answers that are written while a client reads, for as long as it takes to read: two at a time, so that a slow one leaves room.
pub(super) static EXPORTS: Lane = Lane::new(2, 16);

/// Work of one sort in this process: some of it is done, more of it waits, and beyond that it is refused.
pub(crate) struct Lane {
    doing: Semaphore,
    waiting: AtomicUsize,
    most_waiting: usize,
}

impl Lane {
    const fn new(most: usize, most_waiting: usize) -> Self {
        Self { doing: Semaphore::const_new(most), waiting: AtomicUsize::new(0), most_waiting }
    }

    /// Does work on a thread where blocking is allowed, of low priority.
    ///
    /// # Errors
    /// The work panics, or too much waits already.
    pub(crate) async fn run<T: Send + 'static>(
        &'static self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Problem> {
        let busy =
            || Problem::new(ProblemKind::TooManyRequests, "too many answers are being made: try again in some seconds");
        let waiting = self.wait().ok_or_else(busy)?;
        let permit = self.doing.acquire().await.map_err(|_| busy())?;
        drop(waiting);
        // Held by the work itself: whoever asked may go away before it ends. It comes back with the result, when the thread is free for the next.
        let made = low_priority::run(move || (work(), permit)).await;
        let (made, _permit) =
            made.ok_or_else(|| Problem::new(ProblemKind::Internal, "the answer could not be made"))?;
        Ok(made)
    }

    fn wait(&'static self) -> Option<Waiting> {
        let waiting = Waiting(self);
        (self.waiting.fetch_add(1, Ordering::Relaxed) < self.most_waiting).then_some(waiting)
    }
}

/// Somebody who waits for work to begin.
struct Waiting(&'static Lane);

impl Drop for Waiting {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Does work that may take milliseconds, such as reading every series, on a thread where blocking is allowed. On half of the
/// cores, four at most, at a time in a process; others wait, and beyond 256 that wait they are refused.
///
/// # Errors
/// A [`Problem`] where the work panics, or too much waits already.
pub async fn off_the_runtime<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    ANSWERS.run(make).await
}

/// As [`off_the_runtime`], for work that reads or writes the past on a disk: two at a time in a process, with those of
/// `/api/v1/query` and its like, so that no other answer waits for it. Others wait, and beyond 32 that wait they are refused.
///
/// # Errors
/// As [`off_the_runtime`].
pub async fn of_the_past<T: Send + 'static>(make: impl FnOnce() -> T + Send + 'static) -> Result<T, Problem> {
    PAST.run(make).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::header;
    use axum::response::IntoResponse;
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    static ONE: Lane = Lane::new(1, 3);

    #[tokio::test]
    async fn so_much_is_done_at_once_more_waits_and_the_rest_is_told_to_come_back() {
        let (is_open, at_once, most) =
            (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default(), AtomicUsize::new(0));
        let most = Arc::new(most);
        let begin = || {
            let (is_open, at_once, most) = (Arc::clone(&is_open), Arc::clone(&at_once), Arc::clone(&most));
            tokio::spawn(ONE.run(move || {
                most.fetch_max(at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                while !is_open.load(Ordering::SeqCst) {
                    std::thread::sleep(Duration::from_millis(1));
                }
                at_once.fetch_sub(1, Ordering::SeqCst);
            }))
        };
        let first = begin();
        while at_once.load(Ordering::SeqCst) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let waiting = [begin(), begin(), begin()];
        tokio::time::sleep(Duration::from_millis(50)).await;
        let refused = begin().await.unwrap().unwrap_err();
        assert_eq!(refused.type_uri(), ProblemKind::TooManyRequests.type_uri());
        let answer = refused.into_response();
        assert_eq!(answer.status().as_u16(), 429);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "5");
        is_open.store(true, Ordering::SeqCst);
        first.await.unwrap().unwrap();
        for one in waiting {
            one.await.unwrap().unwrap();
        }
        assert_eq!(most.load(Ordering::SeqCst), 1);
    }
}
