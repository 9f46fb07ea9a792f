//! The service measured by the layers of others.

use crate::service::{Served, greeting, hello};
use axum_otel_metrics::HttpMetricsLayerBuilder;
use axum_prometheus::PrometheusMetricLayer;
use opentelemetry::global;
use opentelemetry_sdk::metrics::SdkMeterProvider;
use prometheus::{Encoder, Registry, TextEncoder};
use std::task::{Context, Poll};
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
