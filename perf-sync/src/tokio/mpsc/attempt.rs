//! Attempts to get room in a channel.

use super::error::SendError;
use crate::channel::{self, Instance};
use crate::tokio::budgeted::{Answer, Budgeted};
use crate::watch::{Holds, Mode, Wait};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::coop;

pin_project_lite::pin_project! {
    /// The future of an attempt: that of the channel itself, and what is counted of it. Ready at the first poll, it did not wait; dropped before the
    /// first poll that waits for room, it was no attempt. A poll that finds room, and whose task has no budget left, does not wait for it.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Attempt<'a, F: Future> {
        // Dropped first: it leaves the queue before it is said that it was given up.
        #[pin]
        future: Budgeted<F>,
        channel: &'a Instance,
        blocks: bool,
        wait: Option<Wait<'a>>,
    }
}

impl<'a, F: Future> Attempt<'a, F> {
    pub(super) fn new(channel: &'a Instance, future: F) -> Self {
        Self { future: Budgeted::new(future), channel, blocks: false, wait: None }
    }

    /// One that blocks its thread.
    pub(super) fn blocking(channel: &'a Instance, future: F) -> Self {
        Self { future: Budgeted::new(future), channel, blocks: true, wait: None }
    }

    /// Counts that its time was over.
    pub(super) fn times_out(self: Pin<&mut Self>) {
        let this = self.project();
        let wait = this.wait.take().unwrap_or_else(|| begin(this.channel, *this.blocks));
        wait.refused();
    }
}

impl<F: Future<Output = Result<P, SendError<()>>>, P> Future for Attempt<'_, F> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        match this.future.poll(context, this.wait.is_some()) {
            Answer::Ready(ended) => {
                match (&ended, this.wait.take()) {
                    (Ok(_), Some(wait)) => wait.acquired(0),
                    (Ok(_), None) => {}
                    (Err(_), Some(wait)) => wait.closed(),
                    (Err(_), None) => channel::closed(this.channel.series),
                }
                Poll::Ready(ended)
            }
            Answer::Waits => {
                if this.wait.is_none() {
                    *this.wait = Some(begin(this.channel, *this.blocks));
                }
                Poll::Pending
            }
            Answer::Paused => Poll::Pending,
        }
    }
}

#[cold]
fn begin(channel: &Instance, blocks: bool) -> Wait<'_> {
    // Room in a channel is a permit of a semaphore.
    Wait::begin(&channel.waits, channel.series, Mode::Acquire, Holds::ByTask, blocks)
}

/// Waits for a future on a thread that may block.
pub(super) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(coop::unconstrained(future));
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let parker = Arc::new(Parker::default());
    let waker = Waker::from(Arc::clone(&parker));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        parker.park();
    }
}

/// A place where a thread waits until it is woken. [`std::thread::park`] would take the token that the program gave its thread for another purpose.
#[derive(Default)]
struct Parker {
    is_woken: Mutex<bool>,
    woken: Condvar,
}

impl Parker {
    fn park(&self) {
        let is_woken = self.is_woken.lock().unwrap_or_else(PoisonError::into_inner);
        let is_woken = self.woken.wait_while(is_woken, |is_woken| !*is_woken);
        *is_woken.unwrap_or_else(PoisonError::into_inner) = false;
    }
}

impl Wake for Parker {
    fn wake(self: Arc<Self>) {
        *self.is_woken.lock().unwrap_or_else(PoisonError::into_inner) = true;
        self.woken.notify_one();
    }
}
