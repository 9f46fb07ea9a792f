//! Streams that tell the usage of language models by their items.

use super::{Followed, Part, ToldUsage};
use crate::guarded::run_guarded;
use crate::measure::call::execution::Call;
use futures_core::{FusedStream, Stream};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// A stream during whose polls calls of language models belong to its call. The last usage that an item tells is the call's.
    #[derive(Debug)]
    #[must_use = "streams do nothing unless polled"]
    pub struct MeteredStream<S, U> {
        // Dropped before the call ends: calls within it are a part of it. `None` once it has ended.
        #[pin]
        body: Option<S>,
        usage: U,
        followed: Followed,
    }
}

impl<S: Stream, U: Fn(&S::Item) -> Option<ToldUsage>> Stream for MeteredStream<S, U> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(body) = this.body.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        this.followed.enter();
        this.followed.is_inside = true;
        let part = Part(this.followed);
        let polled = body.poll_next(context);
        if matches!(polled, Poll::Ready(None)) {
            // Calls that it still holds, as of a stream of which only the beginning was taken, end inside this one.
            this.body.set(None);
        }
        part.0.is_inside = false;
        drop(part);
        match &polled {
            Poll::Ready(Some(item)) => {
                if this.followed.call.is_some()
                    && let Some(told) = run_guarded(|| (this.usage)(item)).flatten()
                {
                    this.followed.told = Some(Box::new(told));
                }
            }
            Poll::Ready(None) => {
                let told = this.followed.told.take();
                this.followed.end_with_call(|| told.map(|told| *told));
            }
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S: FusedStream, U: Fn(&S::Item) -> Option<ToldUsage>> FusedStream for MeteredStream<S, U> {
    fn is_terminated(&self) -> bool {
        self.body.as_ref().is_none_or(FusedStream::is_terminated)
    }
}

impl Call {
    /// A stream of this call, whose usage of language models is asked for.
    pub fn metered_stream<S: Stream, U: Fn(&S::Item) -> Option<ToldUsage>>(
        &self,
        body: S,
        usage: U,
    ) -> MeteredStream<S, U> {
        MeteredStream { body: Some(body), usage, followed: Followed::new(self) }
    }
}
