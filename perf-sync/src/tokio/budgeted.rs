//! Futures of tokio's that may be pending for one of two reasons: that they wait, or that their task has no budget left.

use std::future::Future;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use tokio::task::coop;

pin_project_lite::pin_project! {
    /// A future of tokio's that says why it is pending. Where the task has no budget left, tokio's own are pending whether they wait in a queue or have
    /// all that they need. So such a one is asked again without a budget; what it has is kept until the task has a budget again, as tokio keeps it within
    /// its future. Dropped before that, it gives it back.
    #[must_use = "futures do nothing unless polled"]
    pub(super) struct Budgeted<F: Future> {
        #[pin]
        future: F,
        kept: Kept<F::Output>,
    }
}

/// The answer of a future that was polled.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Ready(T),
    /// It waits for something else than a budget.
    Waits,
    /// It waits for nothing but a budget; its task was woken.
    Paused,
}

impl<F: Future> Budgeted<F> {
    pub(super) fn new(future: F) -> Self {
        Self { future, kept: Kept(None) }
    }

    /// The future inside.
    pub(super) fn inner(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }

    /// Polls it. Of one that is known to have waited, it is not asked whether it does.
    #[inline]
    pub(super) fn poll(self: Pin<&mut Self>, context: &mut Context<'_>, has_waited: bool) -> Answer<F::Output> {
        let mut this = self.project();
        if this.kept.is_some() {
            return this.kept.give(context);
        }
        match this.future.as_mut().poll(context) {
            Poll::Ready(output) => Answer::Ready(output),
            Poll::Pending if has_waited || coop::has_budget_remaining() => Answer::Waits,
            Poll::Pending => this.kept.ask(this.future, context),
        }
    }
}

/// An output that is kept.
struct Kept<T>(Option<T>);

// SAFETY: nothing is done with the output by a shared reference, but to see that it is there. tokio's futures, which are beside it, may be shared where
// what they end with may not.
unsafe impl<T> Sync for Kept<T> {}

impl<T> Kept<T> {
    #[inline]
    fn is_some(&self) -> bool {
        self.0.is_some()
    }

    /// Asks a future without a budget.
    #[cold]
    fn ask(&mut self, future: Pin<&mut impl Future<Output = T>>, context: &mut Context<'_>) -> Answer<T> {
        match pin!(coop::unconstrained(future)).poll(context) {
            Poll::Ready(output) => {
                self.0 = Some(output);
                Answer::Paused
            }
            Poll::Pending => Answer::Waits,
        }
    }

    /// Gives it, for a unit of the budget as the future itself would.
    #[cold]
    fn give(&mut self, context: &mut Context<'_>) -> Answer<T> {
        match coop::poll_proceed(context) {
            Poll::Ready(turn) => {
                turn.made_progress();
                self.0.take().map_or(Answer::Paused, Answer::Ready)
            }
            Poll::Pending => Answer::Paused,
        }
    }
}
