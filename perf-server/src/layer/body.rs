//! The body of an answer, measured to its end.

use super::exchange::{Exchange, is_stream_of_events, length as announced};
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
    /// A body that is measured, unless it is over already.
    pub(super) fn new(mut exchange: Option<Exchange>, headers: &HeaderMap, body: B) -> Self {
        let mut length = body.size_hint().exact();
        if body.is_end_stream() || (length.is_none() && is_stream_of_events(headers)) {
            exchange.take().into_iter().for_each(Exchange::complete);
        } else if length.is_none() {
            length = announced(headers);
        }
        Self { exchange, length, body }
    }

    /// A body that is no part of the answer: none is sent.
    pub(super) fn of_head(exchange: Option<Exchange>, body: B) -> Self {
        exchange.into_iter().for_each(Exchange::complete);
        Self { exchange: None, length: None, body }
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
        let this = self.project();
        let mut body = this.body;
        if this.exchange.is_none() {
            return body.poll_frame(context);
        }
        let polled = Exchange::poll(this.exchange, || body.as_mut().poll_frame(context));
        match &polled {
            Poll::Pending => {}
            Poll::Ready(None) => this.exchange.take().into_iter().for_each(Exchange::complete),
            Poll::Ready(Some(Err(_))) => this.exchange.take().into_iter().for_each(Exchange::fail),
            Poll::Ready(Some(Ok(frame))) => {
                let part = frame.data_ref().map_or(0, Buf::remaining);
                let sent = this.exchange.as_mut().map_or(0, |exchange| exchange.sent(part));
                if body.is_end_stream() || this.length.is_some_and(|length| sent >= length) {
                    this.exchange.take().into_iter().for_each(Exchange::complete);
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
