//! Attempts to get room in a channel.

use super::error::SendError;
use crate::channel::{self, Instance};
use crate::watch::{Holds, Mode, Wait};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use tokio::task::coop;

pin_project_lite::pin_project! {
    /// The future of an attempt: that of the channel itself, and what is counted of it. Ready at the first poll, it did not wait; dropped before the
    /// first poll that waits for room, it was no attempt. A poll for which the task has no budget left does not wait for room.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Attempt<'a, F> {
        // Dropped first: it leaves the queue before it is said that it was given up.
        #[pin]
        future: F,
        channel: &'a Instance,
        blocks: bool,
        wait: Option<Wait<'a>>,
    }
}

impl<'a, F> Attempt<'a, F> {
    pub(super) fn new(channel: &'a Instance, future: F) -> Self {
        Self { future, channel, blocks: false, wait: None }
    }

    /// One that blocks its thread.
    pub(super) fn blocking(channel: &'a Instance, future: F) -> Self {
        Self { future, channel, blocks: true, wait: None }
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
        let polled = this.future.poll(context);
        match &polled {
            Poll::Ready(Ok(_)) => {
                if let Some(wait) = this.wait.take() {
                    wait.acquired(0);
                }
            }
            Poll::Ready(Err(_)) => match this.wait.take() {
                Some(wait) => wait.closed(),
                None => channel::closed(this.channel.series),
            },
            Poll::Pending => {
                if this.wait.is_none() && coop::has_budget_remaining() {
                    *this.wait = Some(begin(this.channel, *this.blocks));
                }
            }
        }
        polled
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
