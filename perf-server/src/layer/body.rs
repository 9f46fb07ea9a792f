//! The body of an answer, measured to its end.

use super::exchange::Exchange;
use bytes::Buf;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// The body of an answer that an [`HttpService`](super::HttpService) gave. The request is over when all of it was taken;
    /// dropped before, because the client went away, it counts as cancelled.
    #[derive(Debug)]
    pub struct MeasuredBody<B> {
        exchange: Exchange,
        #[pin]
        body: B,
    }
}

impl<B> MeasuredBody<B> {
    /// A body that is measured to its end, unless its exchange is over.
    pub(super) fn new(exchange: Exchange, body: B) -> Self {
        Self { exchange, body }
    }
}

impl<B> MeasuredBody<B> {
    /// A body that nothing measures.
    #[cfg(feature = "server")]
    pub(crate) fn unmeasured(body: B) -> Self {
        Self::new(Exchange::default(), body)
    }
}

/// An empty body that nothing measures.
impl<B: Default> Default for MeasuredBody<B> {
    fn default() -> Self {
        Self::new(Exchange::default(), B::default())
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
        if this.exchange.is_over() {
            return body.poll_frame(context);
        }
        let polled = this.exchange.work(|| body.as_mut().poll_frame(context));
        match &polled {
            Poll::Pending => this.exchange.awaited(),
            Poll::Ready(None) => this.exchange.complete(),
            Poll::Ready(Some(Err(_))) => this.exchange.fail(),
            Poll::Ready(Some(Ok(frame))) => {
                let is_last = body.is_end_stream();
                let bytes = if let Some(data) = frame.data_ref() {
                    this.exchange.shown(data, is_last);
                    data.remaining()
                } else {
                    if let Some(trailers) = frame.trailers_ref() {
                        this.exchange.trailed(trailers);
                    }
                    0
                };
                this.exchange.sent(bytes, !is_last);
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
