//! Futures that go on elsewhere, inside the call that made them.

use crate::measure::cells::tree::frame::{self, Lent};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Puts what a future does inside the call that runs now, wherever the future is polled.
///
/// Calls belong to the call that runs on their thread, so what is spawned begins a tree of its own. Where it is a part of the work of a call
/// that waits for it, this says so:
///
/// ```
/// use perf_runtime::{InCurrentCall, monitor};
///
/// #[monitor("price")]
/// async fn price(item: u32) -> u32 {
///     item * 2
/// }
///
/// #[monitor("checkout")]
/// async fn checkout() {
///     let task = price(21).in_current_call();
///     // tokio::spawn(task).await
/// #   assert_eq!(task.await, 42);
/// }
/// ```
pub trait InCurrentCall: Future + Sized {
    /// The same future, whose calls are made inside the call that runs on this thread now: they count as its edges, and while they run they
    /// cover its time, until it ends. Where no call runs, nothing changes.
    ///
    /// From here on the call counts what is made inside it under a lock, for several threads may.
    fn in_current_call(self) -> InCall<Self> {
        InCall { lent: frame::lend(), future: self }
    }
}

impl<F: Future> InCurrentCall for F {}

pin_project_lite::pin_project! {
    /// A future whose calls are made inside a call: see [`InCurrentCall`].
    #[must_use = "futures do nothing unless polled"]
    pub struct InCall<F> {
        #[pin]
        future: F,
        lent: Option<Lent>,
    }
}

impl<F: Future> Future for InCall<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(lent) = this.lent else { return this.future.poll(context) };
        let frame = lent.frame();
        let inside = frame.enter_lent();
        let polled = this.future.poll(context);
        drop(inside);
        if polled.is_ready() {
            *this.lent = None;
        }
        polled
    }
}

impl<F: fmt::Debug> fmt::Debug for InCall<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InCall").field("future", &self.future).finish_non_exhaustive()
    }
}
