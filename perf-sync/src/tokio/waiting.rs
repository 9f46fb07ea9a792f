//! Attempts at locks of tokio's, which may wait.

use super::budgeted::{Answer, Budgeted};
use crate::watch::{Held, Holds, Mode, Wait, Watch};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// How an attempt ended that could have waited.
#[derive(Debug)]
pub(super) enum Waited {
    /// It did not wait, or it did and that is counted; the number of permits that were taken.
    Acquired(u64),
    Refused,
}

pin_project_lite::pin_project! {
    /// The future of an attempt: that of the lock itself, and what is counted of it. Ready at the first poll, it did not wait; dropped before the
    /// first poll that waits, it was no attempt. A poll that finds the lock free, and whose task has no budget left, does not wait for it.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Waiting<'a, F: Future> {
        // Dropped first: it leaves the queue before it is said that it was given up.
        #[pin]
        future: Budgeted<F>,
        watch: &'a Watch,
        mode: Mode,
        ended: fn(&F::Output) -> Waited,
        wait: Option<Wait<'a>>,
    }
}

impl<'a, F: Future> Waiting<'a, F> {
    pub(super) fn new(watch: &'a Watch, mode: Mode, future: F, ended: fn(&F::Output) -> Waited) -> Self {
        Self { future: Budgeted::new(future), watch, mode, ended, wait: None }
    }

    /// The future inside.
    pub(super) fn inner(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future.inner()
    }
}

impl<F: Future> Future for Waiting<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match this.future.poll(context, this.wait.is_some()) {
            Answer::Ready(value) => {
                match ((this.ended)(&value), this.wait.take()) {
                    (Waited::Acquired(units), Some(wait)) => wait.acquired(units),
                    (Waited::Acquired(units), None) => this.watch.counted_at_once(*this.mode, units),
                    (Waited::Refused, Some(wait)) => wait.refused(),
                    (Waited::Refused, None) => this.watch.refused(*this.mode),
                }
                Poll::Ready(value)
            }
            Answer::Waits => {
                match &this.wait {
                    Some(wait) => wait.again(context.waker()),
                    None => *this.wait = Some(this.watch.wait_polled(*this.mode, context.waker())),
                }
                Poll::Pending
            }
            Answer::Paused => Poll::Pending,
        }
    }
}

impl Watch {
    /// Takes a lock that its task waits for. The hold is to be begun by who gets it.
    #[inline]
    pub(super) fn waiting<F: Future>(&self, mode: Mode, future: F) -> Waiting<'_, F> {
        Waiting::new(self, mode, future, |_| Waited::Acquired(0))
    }

    /// Begins the hold of a task.
    #[inline(always)]
    pub(super) fn held_by_task(&self, mode: Mode) -> Held {
        self.hold(mode, Holds::ByTask, 0)
    }
}
