//! Attempts to get room in a channel.

use super::error::SendError;
use crate::channel::{self, Instance};
use crate::watch::{Holds, Mode, Wait};
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
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
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    let mut future = pin!(coop::unconstrained(future));
    if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
        return output;
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}
