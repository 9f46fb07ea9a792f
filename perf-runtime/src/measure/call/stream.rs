//! A stream, polled inside its call: from its first poll to its end or its drop.

use super::execution::Call;
use super::metered::end_told;
use super::profiled::Ends;
use super::tally::{ItemErrors, Judged, Tally};
use crate::measure::cells::tree::frame::Frame;
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::error_event::ErrorEvent;
use futures_core::{FusedStream, Stream};
use std::fmt::{self, Display};
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// A stream and its call, which starts with the first poll.
    ///
    /// The call is ok where the stream ends, an error where its items say so, cancelled where it is dropped before its end, and panicked where a poll
    /// unwinds. One that is never polled is no call; what is polled after its end counts nothing.
    #[must_use = "streams do nothing unless polled"]
    pub struct WatchedStream<S, E> {
        call: Call,
        tally: Tally,
        end: E,
        #[pin]
        body: S,
    }

    impl<S, E> PinnedDrop for WatchedStream<S, E> {
        fn drop(this: Pin<&mut Self>) {
            let this = this.project();
            this.call.end_stream(Outcome::Cancelled, this.tally);
        }
    }
}

/// An item that a measured stream gives, as its end sees it.
pub struct GivenItem<'a> {
    call: &'a Call,
    judged: Judged<'a>,
}

impl GivenItem<'_> {
    /// Writes the text of an error on the call's span.
    #[inline]
    pub fn record_error(&self, error: Option<&dyn Display>) {
        self.call.record_error(error);
    }

    /// As [`record_error`](Self::record_error), and sends an event with the text.
    #[inline]
    pub fn report_error(&self, error: Option<&dyn Display>, event: &'static ErrorEvent) {
        self.call.report_error(error, event);
    }
}

impl Ends for GivenItem<'_> {
    #[inline]
    fn finish(&mut self, outcome: Outcome) {
        self.judged.finish(outcome);
    }

    fn finish_failed(&mut self, failed: &Failed<'_>) {
        self.judged.finish_failed(failed);
    }
}

impl fmt::Debug for GivenItem<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GivenItem").finish_non_exhaustive()
    }
}

impl<S, E> fmt::Debug for WatchedStream<S, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedStream").field("call", &self.call).finish_non_exhaustive()
    }
}

/// Measures a stream. `end` takes each item and says whether it is an error.
#[inline]
pub fn watch_stream<S: Stream, E: Fn(&S::Item, &mut GivenItem<'_>)>(
    call: Call,
    body: S,
    errors: ItemErrors,
    end: E,
) -> WatchedStream<S, E> {
    WatchedStream { call: call.of_future(), tally: Tally::new(errors), end, body }
}

/// Runs the body of a function that returns a stream. `T` is the stream's item by the signature.
#[inline]
pub fn stream_body<T, S: Stream<Item = T>>(body: impl FnOnce() -> S) -> S {
    body()
}

/// The same, of a function that may fail.
///
/// # Errors
/// The error of the body.
#[inline]
pub fn try_stream_body<T, S: Stream<Item = T>, E>(body: impl FnOnce() -> Result<S, E>) -> Result<S, E> {
    body()
}

/// The error with which a function returned in place of a stream.
#[inline]
pub fn no_stream<E>(error: Result<std::convert::Infallible, E>) -> E {
    match error {
        Ok(never) => match never {},
        Err(error) => error,
    }
}

/// Ends the call of a stream whose poll unwinds.
struct Unwinding<'a> {
    call: &'a mut Call,
    tally: &'a mut Tally,
    frame: &'a Frame,
}

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        self.call.end_frame(self.frame);
        self.call.end_stream(Outcome::Panicked, self.tally);
    }
}

impl<S: Stream, E: Fn(&S::Item, &mut GivenItem<'_>)> Stream for WatchedStream<S, E> {
    type Item = S::Item;

    #[inline]
    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        if this.call.is_over() {
            // The stream decides what another poll does.
            return this.body.poll_next(context);
        }
        let frame = Frame::new();
        this.call.ask(&frame);
        let guard = Unwinding { call: this.call, tally: this.tally, frame: &frame };
        let entered = guard.call.enter_span();
        let inside = guard.call.enter_frame(&frame);
        let polled = this.body.poll_next(context);
        drop(inside);
        drop(entered);
        match &polled {
            Poll::Ready(Some(item)) => {
                (this.end)(item, &mut GivenItem { call: guard.call, judged: guard.call.judge(guard.tally) });
                guard.call.give(&frame, guard.tally);
            }
            Poll::Ready(None) => {
                guard.call.end_frame(&frame);
                let tally = &mut *guard.tally;
                end_told(guard.call, |call| call.end_stream(Outcome::Ok, tally));
            }
            Poll::Pending => guard.call.wait(&frame, guard.tally),
        }
        mem::forget(guard);
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.size_hint()
    }
}

impl<S: FusedStream, E: Fn(&S::Item, &mut GivenItem<'_>)> FusedStream for WatchedStream<S, E> {
    fn is_terminated(&self) -> bool {
        self.body.is_terminated()
    }
}
