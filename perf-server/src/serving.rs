//! The time that this process spends on questions about the monitor: a part of [`perf_runtime::extend::Overhead`]. Only work
//! counts, not waiting for a client or for another thread.

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use perf_runtime::Monitor;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tower_layer::Layer;
use tower_service::Service;

/// An extension of an answer: how long another thread worked on it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Elsewhere(pub(crate) Duration);

/// A layer that adds the time in which requests are worked on to what the monitor costs.
#[derive(Clone, Debug)]
pub(crate) struct ServingLayer {
    monitor: Monitor,
}

impl ServingLayer {
    pub(crate) fn new(monitor: &Monitor) -> Self {
        Self { monitor: monitor.clone() }
    }
}

impl<S> Layer<S> for ServingLayer {
    type Service = Serving<S>;

    fn layer(&self, inner: S) -> Serving<S> {
        Serving { monitor: self.monitor.clone(), inner }
    }
}

#[derive(Clone, Debug)]
pub(crate) struct Serving<S> {
    monitor: Monitor,
    inner: S,
}

impl<S: Service<Request, Response = Response>> Service<Request> for Serving<S> {
    type Response = Response;
    type Error = S::Error;
    type Future = ServingFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let monitor = self.monitor.clone();
        let answer = timed(&monitor, || self.inner.call(request));
        ServingFuture { monitor, answer }
    }
}

fn timed<R>(monitor: &Monitor, work: impl FnOnce() -> R) -> R {
    let started = Instant::now();
    let result = work();
    monitor.add_serving_time(started.elapsed());
    result
}

pin_project_lite::pin_project! {
    pub(crate) struct ServingFuture<F> {
        monitor: Monitor,
        #[pin]
        answer: F,
    }
}

impl<F: Future<Output = Result<Response, E>>, E> Future for ServingFuture<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let monitor = this.monitor;
        timed(monitor, || this.answer.poll(context)).map_ok(|mut response| {
            if let Some(Elsewhere(took)) = response.extensions_mut().remove() {
                monitor.add_serving_time(took);
            }
            response.map(|body| Body::new(ServingBody { monitor: monitor.clone(), body }))
        })
    }
}

pin_project_lite::pin_project! {
    /// A body that is compressed while it is taken.
    struct ServingBody {
        monitor: Monitor,
        #[pin]
        body: Body,
    }
}

impl http_body::Body for ServingBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.project();
        timed(this.monitor, || this.body.poll_frame(context))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
