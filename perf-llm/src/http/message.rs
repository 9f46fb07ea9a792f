//! Requests and answers that a metered client can look at.

use super::body::ReadBody;
use super::exchange::Exchange;
use crate::budget::BudgetError;
use bytes::{Buf, Bytes};
use http::{HeaderMap, Method, StatusCode};
use http_body::Body;
use std::borrow::Cow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// The largest body that is looked at, in bytes.
const MAX_REQUEST: usize = 64 << 20;

/// A request that a [`MeteredClient`](super::MeteredClient) can send.
pub trait Request {
    /// Its method.
    fn method(&self) -> &Method;

    /// Its host and its path.
    fn address(&self) -> (&str, &str);

    /// The bytes of its body, where they are there already. A body that is made as it is sent has none: then its model is known from the answer
    /// alone.
    fn bytes(&self) -> Option<Cow<'_, [u8]>>;

    /// The bytes that its body has at most, where that is known.
    fn size(&self) -> Option<u64>;
}

/// An answer that a [`MeteredClient`](super::MeteredClient) can read.
pub trait Answer: Sized {
    /// The answer whose body is read as it passes.
    type Read;

    /// Its status.
    fn status(&self) -> StatusCode;

    /// Its headers.
    fn headers(&self) -> &HeaderMap;

    /// The same answer, read by an exchange.
    fn read(self, exchange: Option<Box<Exchange>>) -> Self::Read;

    /// The answer to a call that no budget has room for.
    fn refused(error: BudgetError, text: Bytes) -> Self::Read;
}

impl<B: Body + Clone + Unpin> Request for http::Request<B> {
    fn method(&self) -> &Method {
        http::Request::method(self)
    }

    fn address(&self) -> (&str, &str) {
        let of_header = || {
            let host = self.headers().get(http::header::HOST)?.to_str().ok()?;
            // Without the port; an address of IPv6 is in brackets.
            Some(host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map_or(host, |(name, _)| name))
        };
        (self.uri().host().or_else(of_header).unwrap_or_default(), self.uri().path())
    }

    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        let mut body = self.body().clone();
        let mut bytes = Vec::new();
        while bytes.len() <= MAX_REQUEST {
            match Pin::new(&mut body).poll_frame(&mut Context::from_waker(Waker::noop())) {
                Poll::Ready(Some(Ok(frame))) => {
                    if let Ok(mut data) = frame.into_data() {
                        while data.has_remaining() {
                            let chunk = data.chunk();
                            bytes.extend_from_slice(chunk);
                            data.advance(chunk.len());
                        }
                    }
                }
                Poll::Ready(None) => return Some(Cow::Owned(bytes)),
                Poll::Ready(Some(Err(_))) | Poll::Pending => return None,
            }
        }
        None
    }

    fn size(&self) -> Option<u64> {
        self.body().size_hint().upper()
    }
}

impl<B: Body<Data = Bytes>> Answer for http::Response<B> {
    type Read = http::Response<ReadBody<B>>;

    fn status(&self) -> StatusCode {
        http::Response::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        http::Response::headers(self)
    }

    fn read(self, exchange: Option<Box<Exchange>>) -> Self::Read {
        let (parts, body) = self.into_parts();
        // One without a body is over: nobody needs to look at it.
        let exchange = match exchange {
            Some(mut exchange) if body.is_end_stream() => {
                exchange.end(super::End::Complete);
                None
            }
            other => other,
        };
        http::Response::from_parts(parts, ReadBody::new(exchange, body))
    }

    fn refused(error: BudgetError, text: Bytes) -> Self::Read {
        refused(error, ReadBody::own(text))
    }
}

/// The answer to a call that no budget has room for.
pub(super) fn refused<B>(error: BudgetError, body: B) -> http::Response<B> {
    let mut answer = http::Response::new(body);
    *answer.status_mut() = StatusCode::PAYMENT_REQUIRED;
    answer.headers_mut().insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static("application/json"));
    answer.extensions_mut().insert(error);
    answer
}
