//! The body of an async call, polled inside the call.

use super::execution::Call;
use super::leaves::{self, AsyncCall};
use crate::measure::cells::tree::frame::Frame;
use crate::measure::model::outcome::Outcome;
use std::mem;
use std::pin::Pin;
use std::ptr;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// An async body and its call, which starts with the first poll.
    ///
    /// A guard on the stack counts a body that unwinds as panicked; a future dropped between polls is cancelled, by its call, which is
    /// dropped before the body. Neither asks `thread::panicking()`, which would be wrong for calls that other code's unwinding cancels.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Watched<F, E> {
        call: Call,
        end: E,
        #[pin]
        body: F,
    }
}

/// Ends the call of a body that unwinds.
struct Unwinding<'a> {
    call: &'a mut Call,
    frame: &'a Frame,
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        self.call.end_frame(self.frame);
        self.call.finish(Outcome::Panicked);
    }
}

/// Measures an async body. `end` takes the returned value and ends the call.
#[inline]
pub fn watch<F: Future, E: Fn(&F::Output, &mut Call)>(call: Call, body: F, end: E) -> Watched<F, E> {
    Watched { call: call.of_future(), end, body }
}

/// A value of a type, under `if false`: the compiler takes the type from it.
#[cold]
pub fn unreached<T>() -> T {
    unreachable!("it stands under `if false`")
}

/// The type `!`, which stable Rust lets nobody name but as what a function returns.
pub type Never = <fn() -> ! as Returning>::Value;

/// A function, by the type of what it returns.
pub trait Returning {
    /// The type.
    type Value;
}

impl<T> Returning for fn() -> T {
    type Value = T;
}

/// An async body that never returns. The bound gives the compiler the type of its value.
#[inline]
pub fn endless<F: Future<Output = Never>>(body: F) -> F {
    body
}

impl<F: Future, E: Fn(&F::Output, &mut Call)> Future for Watched<F, E> {
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        poll_within(this.call, this.end, this.body, context)
    }
}

/// Polls a body as a part of its call.
#[inline]
fn poll_within<F: Future>(
    call: &mut Call,
    end: &impl Fn(&F::Output, &mut Call),
    body: Pin<&mut F>,
    context: &mut Context<'_>,
) -> Poll<F::Output> {
    if call.is_over() {
        // The body decides what another poll does.
        return body.poll(context);
    }
    let address = ptr::from_ref(call).addr();
    let frame = Frame::of_async(address);
    call.poll(&frame);
    let guard = Unwinding { call, frame: &frame };
    let entered = guard.call.enter_span();
    let inside = guard.call.enter_frame(&frame);
    let counting = leaves::counting(context);
    let mut counted;
    let context = match &counting {
        // The task's own, with all that it may carry beside the waker.
        // SAFETY: only its lifetime differs, which is that of `counted`. The body, which takes contexts of any lifetime, can leave nothing in it that lives shorter than the waker it has.
        None => unsafe { &mut *ptr::from_mut(context).cast::<Context<'_>>() },
        Some(counting) => {
            counted = Context::from_waker(counting.waker());
            &mut counted
        }
    };
    let polled = body.poll(context);
    if let Some(counting) = counting.filter(|_| polled.is_pending()) {
        counting.end(AsyncCall { address, started: guard.call.started().to_nanos() });
    }
    drop(inside);
    drop(entered);
    if let Poll::Ready(value) = &polled {
        guard.call.end_frame(&frame);
        end(value, guard.call);
    } else {
        guard.call.pause(&frame);
    }
    mem::forget(guard);
    polled
}

pin_project_lite::pin_project! {
    /// As [`Watched`], of a body that is made at the first poll, after the fields were taken from the arguments. So the arguments are
    /// held once: in the closure that makes the body, then in the body.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct WatchedLate<M, F, E> {
        call: Call,
        end: E,
        #[pin]
        body: Late<M, F>,
    }
}

pin_project_lite::pin_project! {
    #[project = LateParts]
    #[project_replace = LateOwned]
    #[derive(Debug)]
    enum Late<M, F> {
        ToBeMade { make: M },
        Made { #[pin] body: F },
        /// The body is being made, or a field's value panicked.
        Neither,
    }
}

/// Measures an async body that `make` makes, after it gave the fields to the call.
#[inline]
pub fn watch_late<M, F, E>(call: Call, make: M, end: E) -> WatchedLate<M, F, E>
where
    M: FnOnce(&mut Call) -> F,
    F: Future,
    E: Fn(&F::Output, &mut Call),
{
    WatchedLate { call: call.of_future(), end, body: Late::ToBeMade { make } }
}

impl<M, F, E> Future for WatchedLate<M, F, E>
where
    M: FnOnce(&mut Call) -> F,
    F: Future,
    E: Fn(&F::Output, &mut Call),
{
    type Output = F::Output;

    #[inline]
    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        if let LateParts::ToBeMade { .. } = this.body.as_mut().project()
            && let LateOwned::ToBeMade { make } = this.body.as_mut().project_replace(Late::Neither)
        {
            this.body.set(Late::Made { body: make(this.call) });
        }
        match this.body.project() {
            LateParts::Made { body } => poll_within(this.call, this.end, body, context),
            // After a panic there is no body to poll: the future waits for ever.
            LateParts::ToBeMade { .. } | LateParts::Neither => Poll::Pending,
        }
    }
}
