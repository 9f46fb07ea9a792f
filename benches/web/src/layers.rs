//! The service measured by the layers of others.

use crate::service::{Served, greeting, hello};
use axum::body::{Body, Bytes, HttpBody};
use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_prometheus::PrometheusMetricLayer;
use http_body::{Frame, SizeHint};
use opentelemetry::global;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use std::pin::Pin;
use std::task::{Context, Poll};
use tower_http::map_response_body::MapResponseBodyLayer;
use tower_http::trace::TraceLayer;
use tower_layer::layer_fn;
use tower_service::Service;

/// A service around another that does nothing: what axum itself takes for any layer.
#[derive(Clone)]
struct Idle<S>(S);

impl<S: Service<R>, R> Service<R> for Idle<S> {
    type Response = S::Response;
    type Error = S::Error;
    type Future = S::Future;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, request: R) -> Self::Future {
        self.0.call(request)
    }
}

pub(crate) fn idle() -> Served {
    Served::new(hello(greeting).layer(layer_fn(Idle)), String::new)
}

/// A body around another that does nothing: what axum itself takes for any layer that sees where an answer ends.
struct Own(Body);

impl HttpBody for Own {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

pub(crate) fn own_body() -> Served {
    Served::new(hello(greeting).layer(MapResponseBodyLayer::new(Own)), String::new)
}

pub(crate) fn axum_prometheus() -> Served {
    let (layer, handle) = PrometheusMetricLayer::pair();
    Served::new(hello(greeting).layer(layer), move || handle.render())
}

pub(crate) fn axum_otel_metrics() -> Served {
    let registry = Registry::new();
    let exporter = opentelemetry_prometheus::exporter().with_registry(registry.clone()).build();
    let provider = SdkMeterProvider::builder().with_reader(exporter.expect("an empty registry")).build();
    global::set_meter_provider(provider);
    let layer = HttpMetricsLayerBuilder::new().build();
    Served::new(hello(greeting).layer(layer), move || {
        let mut text = Vec::new();
        TextEncoder::new().encode(&registry.gather(), &mut text).expect("a vector takes all");
        String::from_utf8(text).expect("a text")
    })
}

pub(crate) fn trace() -> Served {
    Served::new(hello(greeting).layer(TraceLayer::new_for_http()), String::new)
}
