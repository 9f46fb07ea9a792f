//! The body of an async call, polled inside the call.

use super::call::Call;
use super::outcome::Outcome;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// An async body and its call, which starts with the first poll.
    ///
    /// A body that unwinds is seen by a guard on the stack: panicked. Dropped between polls: cancelled. No guess from
    /// `thread::panicking()` is needed, which would be wrong for calls that other code's unwinding cancels.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watched<F, E> {
        call: Call,
        end: E,
        #[pin]
        body: F,
    }

    impl<F, E> PinnedDrop for Watched<F, E> {
        fn drop(this: Pin<&mut Self>) {
            this.project().call.finish(Outcome::Cancelled);
        }
    }
}

/// Ends the call of a body that unwinds.
struct Unwinding<'a>(&'a mut Call);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        self.0.finish(Outcome::Panicked);
    }
}

/// Measures an async body. `end` is given what it returned, and ends the call.
#[inline]
pub fn watch<F: Future, E: Fn(&F::Output, &mut Call)>(call: Call, body: F, end: E) -> Watched<F, E> {
    Watched { call, end, body }
}

/// What is never reached, though it has a type: so that the compiler takes the type from it.
#[cold]
pub fn unreached<T>() -> T {
    unreachable!("it stands under `if false`")
}

/// What an async body gives that never returns: its type may be another than `!`.
#[cold]
pub fn never<T>(_: T) -> ! {
    unreachable!("a function that never returns did")
}

impl<F: Future, E: Fn(&F::Output, &mut Call)> Future for Watched<F, E> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        if this.call.is_over() {
            // What happens when it is polled again is for the body to say.
            return this.body.poll(context);
        }
        this.call.poll();
        let guard = Unwinding(this.call);
        let entered = guard.0.enter_span();
        let polled = this.body.poll(context);
        drop(entered);
        if let Poll::Ready(value) = &polled {
            (this.end)(value, guard.0);
        } else {
            guard.0.pause();
        }
        mem::forget(guard);
        polled
    }
}
