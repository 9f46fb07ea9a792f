//! Measures the requests that a service answers.

use crate::trace_context::TraceContext;
use axum::extract::MatchedPath;
use exchange::{Exchange, Turn};
use http::{Method, Request, Response};
use http_body::Body;
use perf_runtime::Monitor;
use sizes::Sizes;
use std::borrow::Cow;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Level;
use tracing::level_filters::LevelFilter;

pub use body::MeasuredBody;
pub(crate) use matched::Match;

mod body;
mod box_pool;
mod exchange;
mod matched;
mod sizes;
mod span;
mod state;

/// The route of requests that no route matches, so that no path a stranger makes up becomes a series.
const UNMATCHED: &str = "unmatched";
/// The method of requests with a method that HTTP does not define; OpenTelemetry's name for them.
const OTHER: &str = "_OTHER";

/// A tower layer that counts requests and measures how long they take to be answered, by method, route and status.
///
/// [`mount`](crate::mount()) puts it on an application's routes. By hand, put it on an axum router with
/// [`Router::layer`](axum::Router::layer), which tells it the route's template, as the last layer, so that nothing around it
/// drops an answer, and before our own routes are merged, so that they are not measured as yours. A request ends when all of its answer was taken. One that is dropped
/// before (the client went away, a timeout), with or without the head of its answer, is `cancelled`; one whose handler
/// unwinds `panicked`; one whose status is 500 or more, or whose body fails, an `error`, and so is one whose gRPC status is
/// that of a server's fault (unknown, deadline exceeded, unimplemented, internal, unavailable, data loss). A stream
/// of events (`text/event-stream`, lines of JSON such as `application/x-ndjson`, `multipart/x-mixed-replace`) ends when it begins, for its
/// length is the client's choice. Any other body whose length is not known beforehand streams: its request ends with its last
/// part, but its duration is that to the head of the answer, and it is not stuck while parts of the body come.
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
    names: Option<Names>,
}

type Name = dyn Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync;

/// The names of routes that axum does not tell.
#[derive(Clone)]
struct Names(Arc<Name>);

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

impl HttpLayer {
    /// A layer that records on `monitor`.
    pub fn new(monitor: &Monitor) -> Self {
        Self { monitor: monitor.clone(), has_span: true, sizes: None, names: None }
    }

    /// Opens no spans: where another layer does.
    #[must_use]
    pub fn without_span(mut self) -> Self {
        self.has_span = false;
        self
    }

    /// Names the routes of services that axum knows nothing of: `name` gets the method and the path of a request for which axum has no
    /// template, and gives one, such as `/files/{name}`. Of a service that is nested (`nest_service("/assets", ..)`) the route is
    /// `/assets/{*rest}` without it, and that of every other `unmatched`.
    ///
    /// Let there be few names: each is a series by status. The function is called for each such request.
    ///
    /// ```
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// let layer = perf_server::HttpLayer::new(&monitor)
    ///     .name_routes(|_, path| path.starts_with("/files/").then(|| "/files/{name}".into()));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    #[must_use]
    pub fn name_routes(
        mut self,
        name: impl Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync + 'static,
    ) -> Self {
        self.names = Some(Names(Arc::new(name)));
        self
    }

    /// Says that the requests of a route wait by design, such as long polls: they are listed and measured, but neither stuck nor
    /// slow. `route` is the template, such as `/poll/{id}`, or a name of [`name_routes`](Self::name_routes). For an application
    /// that is mounted, [`Monitor::route_waits`] says the same.
    ///
    /// Answers whose body streams need it not: they are judged to their head, and are not stuck while parts of the body come.
    ///
    /// ```
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// let layer = perf_server::HttpLayer::new(&monitor).waits("/poll/{id}").cancel_expected("/suggest/{word}");
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    #[must_use]
    pub fn waits(self, route: &str) -> Self {
        self.monitor.route_waits(route);
        self
    }

    /// Says that it is part of the plan that requests of a route are cancelled, as where each keystroke asks anew: they are
    /// counted as cancelled, and no sign of ill health. `route` is the template; for an application that is mounted,
    /// [`Monitor::route_cancel_expected`] says the same.
    #[must_use]
    pub fn cancel_expected(self, route: &str) -> Self {
        self.monitor.route_cancel_expected(route);
        self
    }

    /// The route of a request for which axum has no template.
    #[cold]
    fn name_of<B>(&self, request: &Request<B>) -> Cow<'static, str> {
        if let Some(name) = self.names.as_ref().and_then(|names| names.0(request.method(), request.uri().path())) {
            return name;
        }
        match Match::of(request) {
            Match::Nested(prefix) => format!("{prefix}/{{*rest}}").into(),
            Match::Route | Match::Nothing => UNMATCHED.into(),
        }
    }

    /// Measures the sizes of bodies too, by method and route: of requests as they are announced (those of unknown length are left out), in
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
        let HttpLayer { monitor, has_span, sizes, .. } = &self.settings;
        let trace = TraceContext::of(request.headers()).map(Box::new);
        if let Some(trace) = &trace {
            request.extensions_mut().insert(TraceContext::clone(trace));
        }
        let is_matched = request.extensions().get::<MatchedPath>().is_some();
        let named = if is_matched { UNMATCHED.into() } else { self.settings.name_of(&request) };
        let route = request.extensions().get::<MatchedPath>().map_or(&*named, MatchedPath::as_str);
        let method = method_label(request.method());
        // The templates of a router are few.
        let mut call =
            if is_matched { monitor.http_request_to(method, route) } else { monitor.http_request(method, route) };
        if *has_span && LevelFilter::current() >= Level::INFO {
            let span = span::open(&request, route, trace.as_deref());
            // One that is off is left out, so that nobody asks it at each turn whether it is on.
            if !span.is_disabled() {
                call.in_span(span);
            }
        }
        let sizes = sizes.as_ref().map(|sizes| sizes.of(method, route));
        let mut exchange = Exchange::new(&request, call, trace, sizes);
        let mut turn = Turn::new(&mut exchange);
        let entered = turn.enter();
        let answer = self.inner.call(request);
        drop(entered);
        drop(turn);
        HttpFuture { exchange, answer }
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
    /// The answer of an [`HttpService`]. Dropped before it is ready, the request counts as cancelled.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct HttpFuture<F> {
        exchange: Exchange,
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
        let mut turn = Turn::new(this.exchange);
        let entered = turn.enter();
        let polled = this.answer.poll(context);
        drop(entered);
        if polled.is_pending() {
            turn.pause();
        }
        drop(turn);
        match polled {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Ok(response)) => {
                this.exchange.answered(&response);
                Poll::Ready(Ok(response.map(|body| MeasuredBody::new(mem::take(this.exchange), body))))
            }
            Poll::Ready(Err(error)) => {
                this.exchange.fail();
                Poll::Ready(Err(error))
            }
        }
    }
}
