//! The ways in which the service is measured.

use crate::facade;
use crate::layers;
use crate::ours;
use crate::service::Served;

/// A way to measure the service, or none.
#[derive(Clone, Copy)]
pub(crate) struct Way {
    pub(crate) name: &'static str,
    /// How the samples begin in the scraped text that count what was answered; `None` where nothing is counted.
    pub(crate) counter: Option<&'static str>,
    pub(crate) serve: fn() -> Served,
}

const fn way(name: &'static str, counter: Option<&'static str>, serve: fn() -> Served) -> Way {
    Way { name, counter, serve }
}

const PLAIN: Way = way("not measured", None, ours::plain);
const LAYER: &str = "http_requests_total{";

/// The function that the handler calls is measured, with and without the request. The first is what the others are
/// compared with.
pub(crate) const FUNCTIONS: &[Way] = &[
    PLAIN,
    way("perf `#[monitor(..)]`", Some("operations_total{"), ours::function),
    way("perf `#[monitor(..)]` and `HttpLayer`", Some(LAYER), ours::function_and_layer),
    way("`#[instrument(skip_all)]` + metrics, cached handles", Some("careful_calls_total{"), facade::careful_function),
    way("`#[instrument]` + metrics, its macros", Some("usual_calls_total{"), facade::usual_function),
    way(
        "`#[instrument]` + metrics, its macros, and a layer of the same",
        Some("usual_requests_total{"),
        facade::usual_function_and_layer,
    ),
];

/// Only the request is measured, by a layer.
pub(crate) const LAYERS: &[Way] = &[
    PLAIN,
    way("a layer that does nothing", None, layers::idle),
    way("a layer with a body of its own, which does nothing", None, layers::own_body),
    way("perf `HttpLayer`", Some(LAYER), ours::layer),
    way("perf `HttpLayer`, with sizes", Some(LAYER), ours::layer_with_sizes),
    way("axum-prometheus", Some("axum_http_requests_total{"), layers::axum_prometheus),
    way("axum-otel-metrics", Some("http_server_request_duration_seconds_count{"), layers::axum_otel_metrics),
    way("tower-http `TraceLayer`", None, layers::trace),
];

impl Way {
    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        FUNCTIONS.iter().chain(LAYERS).find(|way| way.name == name).copied()
    }
}
