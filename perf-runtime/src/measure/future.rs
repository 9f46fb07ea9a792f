//! The body of an async call, polled inside the call.

use super::call::{Call, Prepared};
use super::outcome::Outcome;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// An async body and its call, which starts with the first poll.
    ///
    /// While the body is polled the call is held on the stack, so a body that unwinds drops it there: panicked. Dropped
    /// between polls: cancelled. No guess from `thread::panicking()` is needed, which would be wrong for calls that other
    /// code's unwinding cancels.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watched<F, E> {
        stage: Stage,
        end: E,
        #[pin]
        body: F,
    }

    impl<F, E> PinnedDrop for Watched<F, E> {
        fn drop(this: Pin<&mut Self>) {
            if let Stage::Running(call) = mem::replace(this.project().stage, Stage::Over) {
                call.finish(Outcome::Cancelled);
            }
        }
    }
}

/// How far a call has come.
#[derive(Debug)]
pub enum Stage {
    /// Not yet polled: not yet a call.
    Prepared(Prepared),
    /// Started, and not being polled.
    Running(Call),
    /// Being polled, or ended.
    Over,
}

impl From<Prepared> for Stage {
    #[inline]
    fn from(prepared: Prepared) -> Self {
        Self::Prepared(prepared)
    }
}

impl From<Call> for Stage {
    #[inline]
    fn from(call: Call) -> Self {
        Self::Running(call)
    }
}

/// Measures an async body. `end` is given what it returned, and ends the call.
#[inline]
pub fn watch<F: Future, E: Fn(&F::Output, Call)>(call: impl Into<Stage>, body: F, end: E) -> Watched<F, E> {
    Watched { stage: call.into(), end, body }
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

impl<F: Future, E: Fn(&F::Output, Call)> Future for Watched<F, E> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut call = match mem::replace(this.stage, Stage::Over) {
            Stage::Prepared(prepared) => prepared.start(),
            Stage::Running(call) => call,
            // Polled again after its end: what happens then is for the body to say.
            Stage::Over => return this.body.poll(context),
        };
        let entered = call.enter_span();
        let polled = this.body.poll(context);
        drop(entered);
        match polled {
            Poll::Ready(value) => {
                (this.end)(&value, call);
                Poll::Ready(value)
            }
            Poll::Pending => {
                call.wait();
                *this.stage = Stage::Running(call);
                Poll::Pending
            }
        }
    }
}
