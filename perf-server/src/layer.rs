//! Measures the requests that a service answers.

use crate::trace_context;
use exchange::Exchange;
use http::{Method, Request, Response};
use http_body::Body;
use perf_runtime::Monitor;
use perf_runtime::extend::TraceContext;
use route::Names;
use sizes::Sizes;
use state::State;
use std::borrow::Cow;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;
use tracing::Level;
use tracing::level_filters::LevelFilter;
use upload::Upload;

pub use body::MeasuredBody;
#[cfg(feature = "server")]
pub(crate) use matched::Match;

mod body;
mod box_pool;
mod exchange;
mod matched;
mod route;
mod sizes;
mod span;
mod state;
mod upload;

/// The method of requests with a method that HTTP does not define; OpenTelemetry's name for them.
const OTHER: &str = "_OTHER";

/// A tower layer that counts requests and measures how long they take to be answered, by method, route and status.
///
/// [`mount`](crate::mount()) puts it on an application's routes. By hand, put it on an axum router with
/// [`Router::layer`](axum::Router::layer), which tells it the route's template, as the last layer, so that nothing around it
/// drops an answer, and before our own routes are merged, so that they are not measured as yours.
///
/// The route is the template that axum matched. Where it ends in a wildcard, a gRPC request has the path of its method in place
/// of it (`/shop.Carts/Add`, not `/shop.Carts/{*rest}`); other names are for [`name_routes`](Self::name_routes).
///
/// A request ends when all of its answer was taken. One that is dropped before (the client went away, a timeout), with or
/// without the head of its answer, is `cancelled`, and so is one whose own body broke off, whatever the handler answered to
/// nobody; one whose handler unwinds is `panicked`; one whose status is 500 or more, or whose body fails, an `error`, and so is one whose
/// gRPC status is that of a server's fault (unknown, deadline exceeded, unimplemented, internal, unavailable, data loss); with the gRPC
/// status CANCELLED it is `cancelled`.
///
/// # Streams
///
/// A stream of events (`text/event-stream`, lines of JSON such as `application/x-ndjson`, `multipart/x-mixed-replace`) ends as a request when
/// it begins, for its length is the client's choice. Any other body whose length is not known beforehand, or that comes in
/// several parts, streams: its request ends with its last part, but its duration is that to the head of the answer, or to the first
/// part where the length is known; the time that the client takes is neither work nor latency, and the request is not stuck
/// while parts of the body come.
///
/// The gauge `http_open_streams` (labels `method` and `route`, bounded as those of the application's own metrics, and
/// without the namespace) counts the answers that are being sent: streams of events from their head on, others once they wait for a part or come to the
/// second. Answers that are there at once are not in it.
///
/// # Limits
///
/// - A connection that is upgraded, such as a WebSocket, is a request that was answered with 101. The life of the connection is
///   seen by no layer: put `#[monitor("chat", waits)]` on the function that serves it, and `operations_in_flight` counts those
///   that are open.
/// - An answer was taken when the server has it, not when the client has: a client that leaves after the last part, or the only
///   one however large, was handed to the server is not told from one that read it.
/// - A request's body is watched where it is an [`axum::body::Body`], as in axum's routers, at a small allocation for each request that has one;
///   for services of other bodies (tonic's own server) an upload that breaks off is what the handler answers: `cancelled` where that is
///   the gRPC status CANCELLED, as tonic makes it of a stream that the client reset.
///
/// # Errors
///
/// A request that fails is told in [`Monitor::errors`] by the `type` of its problem document (`application/problem+json`), where the service
/// gives all of it in one piece of 16 KiB at most; the body is looked at as it passes, and never held back. Else it is told by its status, by the name of its gRPC
/// status, as `no_answer` where the service gave none, or as `body_failed`. Documents are read with the feature `server`.
///
/// # Spans
///
/// Each request has a span `http_request` (level `INFO`, target `perf_server::http`) with OpenTelemetry's names:
/// `http.request.method`, `http.route`, `url.path`, `user_agent.original`, `http.request.body.size`,
/// `http.response.status_code`, `http.response.body.size`, `error.type`; with `outcome`, and `performance_category`: `fast`,
/// `moderate` over half a second, `slow` over a second, to the end of the span, which for a stream is that of its body. The
/// size of the answer is left out for a stream of events. Where it came with a well formed `traceparent`, the span has
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

    /// Names the routes that axum's templates do not tell: `name` gets the method and the path of a request for which axum has no
    /// template, or one that ends in a wildcard (`/{service}/{*rest}`), and gives one, such as `/files/{name}`. Where it gives
    /// none, a template with a wildcard stays the route; of a service that is nested (`nest_service("/assets", ..)`) that is
    /// `/assets/{*rest}`. A gRPC request below a wildcard has the path of its method in place of it. The route of every other
    /// request is `unmatched`, gRPC around a server that is no axum router (tonic's `Server::layer`) too.
    /// There `name_routes(|_, path| Some(path.to_owned().into()))` gives each method its route.
    ///
    /// Let there be few names: each is a series by status. Beyond the first 200, those of gRPC's methods among them
    /// ([`max_label_values`](perf_runtime::MonitorBuilder::max_label_values)), they are `__overflow__`. The function is
    /// called for each such request.
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
        self.names = Some(Names::new(name));
        self
    }

    /// Says that the requests of a route wait by design, such as long polls: they are listed and measured, but neither stuck nor
    /// slow. `route` is the template, such as `/poll/{id}`, a name of [`name_routes`](Self::name_routes), or the path of a gRPC method. For an application
    /// that is mounted, [`Monitor::route_waits`] says the same.
    ///
    /// Answers whose body [streams](Self#streams) need it not: they are judged to their head, and are not stuck while parts of
    /// the body come.
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

    /// Measures the sizes of bodies too, by method and route: of requests as they are announced (those of unknown length are left out), in
    /// `http_request_size_bytes`, and of answers as they are taken, in `http_response_size_bytes`, streams of events left out. These two are metrics of
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
        HttpService { inner, settings: Arc::new(self.clone()) }
    }
}

/// A service inside an [`HttpLayer`].
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    inner: S,
    /// Shared, for axum clones a service for each request.
    settings: Arc<HttpLayer>,
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    B: 'static,
    R: Body,
{
    type Response = Response<MeasuredBody<R>>;
    type Error = S::Error;
    type Future = HttpFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let mut exchange = Exchange::default();
        let answer = self.begin(request, &mut exchange);
        HttpFuture { exchange, answer }
    }
}

impl<S> HttpService<S> {
    /// Begins to answer a request, measured by `exchange`, which ends where that unwinds. Apart from the call, so that nothing of this is left
    /// to be dropped once the future of the answer is there, which is copied once more otherwise.
    #[inline]
    fn begin<B: 'static>(&mut self, mut request: Request<B>, exchange: &mut Exchange) -> S::Future
    where
        S: Service<Request<B>>,
    {
        let HttpLayer { monitor, has_span, sizes, names } = &*self.settings;
        let trace = trace_context::of(request.headers()).map(Box::new);
        if let Some(trace) = &trace {
            request.extensions_mut().insert(TraceContext::clone(trace));
        }
        let upload = Upload::watch(&mut request);
        let (route, is_template) = route::of(&request, names.as_ref());
        let (route, method) = (&*route, method_label(request.method()));
        let State { call, trace, sizes: pair, .. } = exchange.begin(&request, upload, trace);
        let call = monitor.http_request_in(call, method, route, is_template);
        // By the route that it counts under: strangers make up as many paths as they like.
        *pair = sizes.as_ref().map(|sizes| sizes.begin(method, call.route(), &request));
        if *has_span && LevelFilter::current() >= Level::INFO {
            let span = span::open(&request, route, trace.as_deref());
            // One that is off is left out, so that nobody asks it at each turn whether it is on.
            if !span.is_disabled() {
                call.in_span(span);
            }
        }
        call.work(|span| {
            let _entered = exchange::enter(span, trace);
            self.inner.call(request)
        })
    }
}

pub(crate) fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        Method::PATCH => "PATCH",
        Method::CONNECT => "CONNECT",
        Method::TRACE => "TRACE",
        _ => OTHER,
    }
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
        match this.exchange.work(|| this.answer.poll(context)) {
            Poll::Pending => {
                this.exchange.pause();
                Poll::Pending
            }
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
