//! Measures the requests that a service answers.

use axum::extract::MatchedPath;
use http::{Method, Request, Response};
use perf_runtime::{HttpRequest, Monitor};
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

/// The route of requests that no route matches, so that no path a stranger makes up becomes a series.
const UNMATCHED: &str = "unmatched";
/// The method of requests with a method that HTTP does not define; OpenTelemetry's name for them.
const OTHER: &str = "_OTHER";

/// A tower layer that counts requests and measures how long they take to be answered, by method, route and status.
///
/// Put it on an axum router with [`Router::layer`](axum::Router::layer), which tells it the route's template. A request
/// ends when its response's head is ready; one that is dropped before (the client went away, a timeout) is `cancelled`,
/// one whose handler unwinds `panicked`. A status of 500 and more is an `error`.
///
/// ```
/// use axum::{Router, routing::get};
/// use perf_runtime::Monitor;
/// use perf_server::HttpLayer;
///
/// let monitor = Monitor::builder().build()?;
/// let app: Router = Router::new()
///     .route("/users/{id}", get(|| async { "ada" }))
///     .layer(HttpLayer::new(&monitor));
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
#[derive(Clone, Debug)]
pub struct HttpLayer {
    monitor: Monitor,
}

impl HttpLayer {
    /// A layer that records on `monitor`.
    pub fn new(monitor: &Monitor) -> Self {
        Self { monitor: monitor.clone() }
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService { inner, monitor: self.monitor.clone() }
    }
}

/// What [`HttpLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    inner: S,
    monitor: Monitor,
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = HttpFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str);
        let call = self.monitor.http_request(method_label(request.method()), route);
        HttpFuture { call: Some(call), answer: self.inner.call(request) }
    }
}

fn method_label(method: &Method) -> &str {
    const KNOWN: [Method; 9] = [
        Method::GET,
        Method::POST,
        Method::PUT,
        Method::DELETE,
        Method::HEAD,
        Method::OPTIONS,
        Method::PATCH,
        Method::CONNECT,
        Method::TRACE,
    ];
    if KNOWN.contains(method) { method.as_str() } else { OTHER }
}

pin_project_lite::pin_project! {
    /// The answer of an [`HttpService`].
    ///
    /// While the answer is polled the request is held on the stack: a handler that unwinds drops it there, and it counts
    /// as panicked; dropped between polls, it counts as cancelled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct HttpFuture<F> {
        call: Option<HttpRequest>,
        #[pin]
        answer: F,
    }
}

impl<F, R, E> Future for HttpFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let call = this.call.take();
        let polled = this.answer.poll(context);
        match (&polled, call) {
            (Poll::Pending, call) => *this.call = call,
            (Poll::Ready(Ok(response)), Some(call)) => call.answer(response.status().as_u16()),
            (Poll::Ready(Err(_)), Some(call)) => call.fail(),
            (Poll::Ready(_), None) => {}
        }
        polled
    }
}
