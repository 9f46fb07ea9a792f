//! The body of an answer, read as it passes.

use super::exchange::{End, Exchange};
use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// The body of an answer whose usage is read as it passes. Dropped before its end, the call counts as cancelled.
    #[derive(Debug)]
    pub struct ReadBody<B> {
        exchange: Option<Box<Exchange>>,
        // A body of our own: the answer to a call that no budget has room for.
        own: Option<Bytes>,
        #[pin]
        body: Option<B>,
    }
}

impl<B> ReadBody<B> {
    pub(super) fn new(exchange: Option<Box<Exchange>>, body: B) -> Self {
        Self { exchange, own: None, body: Some(body) }
    }

    pub(super) fn own(text: Bytes) -> Self {
        Self { exchange: None, own: Some(text), body: None }
    }
}

impl<B: Body<Data = Bytes>> Body for ReadBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        let this = self.project();
        let Some(mut body) = this.body.as_pin_mut() else {
            return Poll::Ready(this.own.take().map(|text| Ok(Frame::data(text))));
        };
        let polled = body.as_mut().poll_frame(context);
        let end = match (&polled, this.exchange.as_mut()) {
            (_, None) | (Poll::Pending, _) => None,
            (Poll::Ready(None), _) => Some(End::Complete),
            (Poll::Ready(Some(Err(_))), _) => Some(End::Broken),
            (Poll::Ready(Some(Ok(frame))), Some(exchange)) => {
                if let Some(data) = frame.data_ref() {
                    exchange.push(data);
                }
                body.is_end_stream().then_some(End::Complete)
            }
        };
        if let Some(end) = end
            && let Some(mut exchange) = this.exchange.take()
        {
            exchange.end(end);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().map_or(self.own.is_none(), Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        let own = || SizeHint::with_exact(self.own.as_ref().map_or(0, |text| text.len() as u64));
        self.body.as_ref().map_or_else(own, Body::size_hint)
    }
}
