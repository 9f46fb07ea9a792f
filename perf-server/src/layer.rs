//! Measures the requests that a service answers.

use crate::trace_context::TraceContext;
use axum::extract::MatchedPath;
use exchange::{Exchange, ends_with_its_head, is_head, span_of};
use http::{Method, Request, Response};
use http_body::Body;
use perf_runtime::Monitor;
use sizes::Sizes;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Span;

pub use body::MeasuredBody;

mod body;
mod exchange;
mod sizes;

/// The route of requests that no route matches, so that no path a stranger makes up becomes a series.
const UNMATCHED: &str = "unmatched";
/// The method of requests with a method that HTTP does not define; OpenTelemetry's name for them.
const OTHER: &str = "_OTHER";

/// A tower layer that counts requests and measures how long they take to be answered, by method, route and status.
///
/// Put it on an axum router with [`Router::layer`](axum::Router::layer), which tells it the route's template, as the last
/// layer, so that nothing around it drops an answer. A request ends when all of its answer was taken. One that is dropped
/// before (the client went away, a timeout), with or without the head of its answer, is `cancelled`; one whose handler
/// unwinds `panicked`; one whose status is 500 or more, or whose body fails, an `error`. A stream of events
/// (`text/event-stream`) ends when it begins, for its length is the client's choice.
///
/// Each request has a span `http_request` (level `INFO`, target `perf_server::http`) with OpenTelemetry's names:
/// `http.request.method`, `http.route`, `url.path`, `user_agent.original`, `http.request.body.size`,
/// `http.response.status_code`, `http.response.body.size`, `error.type`; with `outcome`, and `performance_category`: `fast`,
/// `moderate` over half a second, `slow` over a second. Where it came with a well formed `traceparent`, the span has
/// `trace_id` and `parent_span_id`, and handlers find a [`TraceContext`] in the request's extensions.
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
    has_span: bool,
    sizes: Option<Sizes>,
}

impl HttpLayer {
    /// A layer that records on `monitor`.
    pub fn new(monitor: &Monitor) -> Self {
        Self { monitor: monitor.clone(), has_span: true, sizes: None }
    }

    /// Opens no spans: where another layer does.
    #[must_use]
    pub fn without_span(mut self) -> Self {
        self.has_span = false;
        self
    }

    /// Measures the sizes of bodies too, by method and route: of requests as they are announced, in
    /// `http_request_size_bytes`, and of answers as they are taken, in `http_response_size_bytes`. These two are metrics of
    /// the application's own, without the monitor's namespace. Costs a read lock and two look-ups for each request.
    #[must_use]
    pub fn with_sizes(mut self) -> Self {
        self.sizes = Some(Sizes::new(&self.monitor));
        self
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        HttpService { inner, settings: self.clone() }
    }
}

/// What [`HttpLayer`] makes of a service.
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    inner: S,
    settings: HttpLayer,
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    R: Body,
{
    type Response = Response<MeasuredBody<R>>;
    type Error = S::Error;
    type Future = HttpFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let HttpLayer { monitor, has_span, sizes } = &self.settings;
        let trace = TraceContext::of(request.headers());
        if let Some(trace) = trace {
            request.extensions_mut().insert(trace);
        }
        let route = request.extensions().get::<MatchedPath>().map_or(UNMATCHED, MatchedPath::as_str);
        let call = monitor.http_request(method_label(request.method()), route);
        let span = if *has_span { span_of(&request, route, trace) } else { Span::none() };
        let sizes = sizes.as_ref().map(|sizes| sizes.of(method_label(request.method()), route));
        let exchange = Exchange::new(call, span, trace, sizes, request.headers());
        let is_head = is_head(request.method());
        let _current = TraceContext::enter(trace);
        let answer = exchange.span().in_scope(|| self.inner.call(request));
        HttpFuture { exchange: Some(exchange), trace, is_head, answer }
    }
}

pub(crate) fn method_label(method: &Method) -> &'static str {
    static KNOWN: [(Method, &str); 9] = [
        (Method::GET, "GET"),
        (Method::POST, "POST"),
        (Method::PUT, "PUT"),
        (Method::DELETE, "DELETE"),
        (Method::HEAD, "HEAD"),
        (Method::OPTIONS, "OPTIONS"),
        (Method::PATCH, "PATCH"),
        (Method::CONNECT, "CONNECT"),
        (Method::TRACE, "TRACE"),
    ];
    KNOWN.iter().find(|(known, _)| known == method).map_or(OTHER, |(_, name)| name)
}

pin_project_lite::pin_project! {
    /// The answer of an [`HttpService`].
    ///
    /// While the answer is polled the request is held on the stack: a handler that unwinds drops it there, and it counts
    /// as panicked; dropped between polls, it counts as cancelled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct HttpFuture<F> {
        exchange: Option<Exchange>,
        trace: Option<TraceContext>,
        is_head: bool,
        #[pin]
        answer: F,
    }
}

impl<F, R, E> Future for HttpFuture<F>
where
    F: Future<Output = Result<Response<R>, E>>,
    R: Body,
{
    type Output = Result<Response<MeasuredBody<R>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut exchange = this.exchange.take();
        if let Some(exchange) = &mut exchange {
            exchange.resume();
        }
        let polled = {
            let _current = TraceContext::enter(*this.trace);
            let _entered = exchange.as_ref().map(|exchange| exchange.span().enter());
            this.answer.poll(context)
        };
        match polled {
            Poll::Pending => {
                if let Some(exchange) = &mut exchange {
                    exchange.pause();
                }
                *this.exchange = exchange;
                Poll::Pending
            }
            Poll::Ready(Ok(response)) => Poll::Ready(Ok(measured(response, exchange, *this.is_head))),
            Poll::Ready(Err(error)) => {
                exchange.into_iter().for_each(Exchange::fail);
                Poll::Ready(Err(error))
            }
        }
    }
}

/// The answer with its body measured, unless it is over already.
fn measured<R: Body>(
    response: Response<R>,
    mut exchange: Option<Exchange>,
    is_head: bool,
) -> Response<MeasuredBody<R>> {
    let (head, body) = response.into_parts();
    if let Some(exchange) = &mut exchange {
        exchange.answered(head.status.as_u16());
    }
    if ends_with_its_head(is_head, head.status, &head.headers) {
        exchange.take().into_iter().for_each(Exchange::complete);
    }
    let body = MeasuredBody::new(exchange, &head.headers, body);
    Response::from_parts(head, body)
}
