//! Measures the requests that this process sends to others.

use crate::layer::method_label;
use crate::trace_context;
use http::{HeaderMap, Method, Request, Response, StatusCode};
use perf_runtime::operation::WatchedOperation;
use perf_runtime::{Monitor, Outcome};
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// A tower layer that measures calls to another service: they are counted in `external_calls_total`, by the service's name
/// and an operation.
///
/// A call starts with the first poll and ends with the head of the answer. A status of 400 or more is an `error`, as
/// OpenTelemetry has it for clients; so is a gRPC status in the head that is not `0`, and no answer at all. A call that is
/// dropped before is `cancelled`. A gRPC status in the trailers comes after the call's end and is not seen.
///
/// Where the request that is being answered came with a `traceparent` (see [`HttpLayer`](crate::HttpLayer)), the call passes
/// it on, with its `tracestate`, unless it has one of its own.
///
/// It goes around every service of `http` requests, such as `hyper`'s clients, and with the feature `reqwest` around a
/// `reqwest::Client`:
///
/// ```ignore
/// let stripe = tower::ServiceBuilder::new()
///     .layer(perf_server::ClientLayer::new(&monitor, "stripe").operation("charge"))
///     .service(reqwest::Client::new());
/// let answer = stripe.oneshot(request).await?;
/// ```
#[derive(Clone, Debug)]
pub struct ClientLayer {
    monitor: Monitor,
    service: String,
    operation: Option<String>,
    waits: bool,
    cancel_expected: bool,
}

impl ClientLayer {
    /// A layer that records on `monitor`. `service` is the name of what is called, as the program knows it.
    pub fn new(monitor: &Monitor, service: impl Into<String>) -> Self {
        let monitor = monitor.clone();
        Self { monitor, service: service.into(), operation: None, waits: false, cancel_expected: false }
    }

    /// Sets the name of the operation that is asked of the service: without it, the request's method.
    #[must_use]
    pub fn operation(mut self, operation: impl Into<String>) -> Self {
        self.operation = Some(operation.into());
        self
    }

    /// Says that the calls wait by design, as long polls do: they are listed and measured, but neither stuck nor slow.
    #[must_use]
    pub fn waits(mut self) -> Self {
        self.waits = true;
        self
    }

    /// Says that it is part of the plan that calls are cancelled, as those of hedged requests are: they are counted as cancelled,
    /// and no sign of ill health.
    #[must_use]
    pub fn cancel_expected(mut self) -> Self {
        self.cancel_expected = true;
        self
    }
}

impl<S> Layer<S> for ClientLayer {
    type Service = ClientService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        ClientService { inner, settings: self.clone() }
    }
}

/// A client in [`ClientLayer`]: its calls are recorded.
#[derive(Clone, Debug)]
pub struct ClientService<S> {
    inner: S,
    settings: ClientLayer,
}

impl<S, Q> Service<Q> for ClientService<S>
where
    S: Service<Q>,
    S::Response: ClientResponse,
    Q: ClientRequest,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = WatchedOperation<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Q) -> Self::Future {
        let ClientLayer { monitor, service, operation, waits, cancel_expected } = &self.settings;
        let operation = operation.as_deref().unwrap_or_else(|| method_label(request.method()));
        let mut series = monitor.external_call(service, operation);
        if *waits {
            series = series.waits();
        }
        if *cancel_expected {
            series = series.cancel_expected();
        }
        trace_context::pass_on(request.headers_mut());
        series.watch_as(self.inner.call(request), |answer| Outcome::from_success(answer.as_ref().is_ok_and(is_success)))
    }
}

/// Whether the head of an answer says that it went well.
fn is_success(answer: &impl ClientResponse) -> bool {
    // A gRPC answer without messages has its status here, and is a 200 in any case.
    let grpc = answer.headers().and_then(|headers| headers.get("grpc-status"));
    answer.status().as_u16() < 400 && grpc.is_none_or(|status| status.as_bytes() == b"0")
}

/// A request that a [`ClientService`] can send.
pub trait ClientRequest {
    /// Its method.
    fn method(&self) -> &Method;

    /// Its headers, for one to be added.
    fn headers_mut(&mut self) -> &mut HeaderMap;
}

/// An answer that a [`ClientService`] can judge.
pub trait ClientResponse {
    /// Its status.
    fn status(&self) -> StatusCode;

    /// Its headers, where it has them: a gRPC status may be among them. None by default.
    fn headers(&self) -> Option<&HeaderMap> {
        None
    }
}

impl<B> ClientRequest for Request<B> {
    fn method(&self) -> &Method {
        Request::method(self)
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        Request::headers_mut(self)
    }
}

impl<B> ClientResponse for Response<B> {
    fn status(&self) -> StatusCode {
        Response::status(self)
    }

    fn headers(&self) -> Option<&HeaderMap> {
        Some(Response::headers(self))
    }
}

#[cfg(feature = "reqwest")]
impl ClientRequest for reqwest::Request {
    fn method(&self) -> &Method {
        reqwest::Request::method(self)
    }

    fn headers_mut(&mut self) -> &mut HeaderMap {
        reqwest::Request::headers_mut(self)
    }
}

#[cfg(feature = "reqwest")]
impl ClientResponse for reqwest::Response {
    fn status(&self) -> StatusCode {
        reqwest::Response::status(self)
    }

    fn headers(&self) -> Option<&HeaderMap> {
        Some(reqwest::Response::headers(self))
    }
}
