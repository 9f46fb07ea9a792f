//! The body of an answer, measured to its end.

use super::exchange::{Exchange, length};
use bytes::Buf;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// The body of an answer that an [`HttpService`](super::HttpService) gave. The request is over when all of it was taken;
    /// dropped before, because the client went away, it counts as cancelled.
    #[derive(Debug)]
    pub struct MeasuredBody<B> {
        exchange: Option<Exchange>,
        // The length that was announced: nobody asks for more once it was taken.
        length: Option<u64>,
        #[pin]
        body: B,
    }
}

impl<B: Body> MeasuredBody<B> {
    pub(super) fn new(mut exchange: Option<Exchange>, headers: &HeaderMap, body: B) -> Self {
        if body.is_end_stream() {
            exchange.take().into_iter().for_each(Exchange::complete);
        }
        let length = exchange.as_ref().and_then(|_| length(headers));
        Self { exchange, length, body }
    }
}

/// An empty body that nothing measures.
impl<B: Default> Default for MeasuredBody<B> {
    fn default() -> Self {
        Self { exchange: None, length: None, body: B::default() }
    }
}

impl<B: Body> Body for MeasuredBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let mut this = self.project();
        // On the stack while the body is polled: one that unwinds drops it there, and it counts as panicked.
        let Some(mut exchange) = this.exchange.take() else { return this.body.poll_frame(context) };
        exchange.resume();
        let polled = {
            let _entered = exchange.span().clone().entered();
            this.body.as_mut().poll_frame(context)
        };
        match &polled {
            Poll::Pending => {
                exchange.pause();
                *this.exchange = Some(exchange);
            }
            Poll::Ready(None) => exchange.complete(),
            Poll::Ready(Some(Err(_))) => exchange.fail(),
            Poll::Ready(Some(Ok(frame))) => {
                let sent = exchange.sent(frame.data_ref().map_or(0, Buf::remaining));
                if this.body.is_end_stream() || this.length.is_some_and(|length| sent >= length) {
                    exchange.complete();
                } else {
                    *this.exchange = Some(exchange);
                }
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
