//! Requests and answers of `reqwest`.

use super::body::ReadBody;
use super::exchange::Exchange;
use super::message::{Answer, Request, refused};
use crate::budget::BudgetError;
use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode};
use reqwest::{Body, ResponseBuilderExt};
use std::borrow::Cow;

impl Request for reqwest::Request {
    fn method(&self) -> &Method {
        reqwest::Request::method(self)
    }

    fn address(&self) -> (&str, &str) {
        (self.url().host_str().unwrap_or_default(), self.url().path())
    }

    fn bytes(&self) -> Option<Cow<'_, [u8]>> {
        Some(Cow::Borrowed(self.body()?.as_bytes()?))
    }

    fn size(&self) -> Option<u64> {
        self.body().map_or(Some(0), |body| http_body::Body::size_hint(body).upper())
    }
}

impl Answer for reqwest::Response {
    type Read = Self;

    fn status(&self) -> StatusCode {
        reqwest::Response::status(self)
    }

    fn headers(&self) -> &HeaderMap {
        reqwest::Response::headers(self)
    }

    fn read(self, exchange: Option<Box<Exchange>>) -> Self {
        if exchange.is_none() {
            return self;
        }
        // A conversion forgets the address, which callers may ask for: it comes back by way of a builder, whose parts take its place.
        let with_url = http::Response::builder().url(self.url().clone()).body(());
        let mut answer: http::Response<Body> = self.into();
        if let Ok(with_url) = with_url {
            answer.extensions_mut().extend(with_url.into_parts().0.extensions);
        }
        let (parts, body) = Answer::read(answer, exchange).into_parts();
        http::Response::from_parts(parts, Body::wrap(body)).into()
    }

    fn refused(error: BudgetError, text: Bytes) -> Self {
        refused(error, ReadBody::<Body>::own(text)).map(Body::wrap).into()
    }
}
