//! The body of an async call, polled inside the call.

use super::call::Call;
use super::outcome::Outcome;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// An async body and its call. Ready with both; the call is then still to be finished.
    ///
    /// While the body is polled the call is held on the stack, so a body that unwinds drops it there: panicked. Dropped
    /// between polls: cancelled. No guess from `thread::panicking()` is needed, which would be wrong for calls that other
    /// code's unwinding cancels.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watched<F> {
        call: Option<Call>,
        #[pin]
        body: F,
    }

    impl<F> PinnedDrop for Watched<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Some(call) = this.project().call.take() {
                call.finish(Outcome::Cancelled);
            }
        }
    }
}

impl Call {
    /// Runs an async body: the future yields what the body returned and the call, not yet finished.
    #[inline]
    pub fn watch<F: Future>(self, body: F) -> Watched<F> {
        Watched { call: Some(self), body }
    }
}

impl<F: Future> Future for Watched<F> {
    type Output = (F::Output, Call);

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Gone only after the end, when nothing may poll any more.
        let Some(mut call) = this.call.take() else { return Poll::Pending };
        let entered = call.enter_span();
        let polled = this.body.poll(context);
        drop(entered);
        match polled {
            Poll::Ready(value) => Poll::Ready((value, call)),
            Poll::Pending => {
                call.wait();
                *this.call = Some(call);
                Poll::Pending
            }
        }
    }
}
