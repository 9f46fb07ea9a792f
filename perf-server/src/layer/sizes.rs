//! How large requests and answers are.

use axum::body::Body;
use http::{HeaderMap, Method, Request, Version, header};
use http_body::Body as _;
use metrics::{Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use perf_runtime::Monitor;
use perf_runtime::metric::MetricsRecorder;
use perf_runtime::metric::names;
use std::any::Any;
use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

const REQUEST: &str = names::HTTP_REQUEST_SIZE_BYTES;
const RESPONSE: &str = names::HTTP_RESPONSE_SIZE_BYTES;
static METADATA: Metadata<'static> = Metadata::new("perf_server", Level::INFO, None);

/// By method, and then by route.
type Known = HashMap<&'static str, HashMap<String, Arc<Pair>>>;

/// Histograms of sizes by method and route: of the monitor's own custom metrics, and bounded as those are.
#[derive(Clone)]
pub(super) struct Sizes {
    recorder: MetricsRecorder,
    /// A look-up costs an uncontended read lock and two hashes.
    known: Arc<RwLock<Known>>,
}

/// The histograms of one method and route.
pub(super) struct Pair {
    request: Histogram,
    response: Histogram,
}

impl Sizes {
    pub(super) fn new(monitor: &Monitor) -> Self {
        let recorder = monitor.metrics_recorder();
        let describe = |name: &'static str, what: &'static str| {
            recorder.describe_histogram(name.into(), Some(Unit::Bytes), what.into());
        };
        describe(REQUEST, "Bodies of HTTP requests, as they were announced.");
        describe(RESPONSE, "Bodies of HTTP answers, as they were taken.");
        Self { recorder, known: Arc::default() }
    }

    /// The pair of a request, whose own size it notes. `route` is one of few, for the pair of each is kept.
    pub(super) fn begin<B: 'static>(&self, method: &'static str, route: &str, request: &Request<B>) -> Arc<Pair> {
        let pair = self.of(method, route);
        came(&pair, request);
        pair
    }

    fn of(&self, method: &'static str, route: &str) -> Arc<Pair> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(pair) = known.get(method).and_then(|routes| routes.get(route)) {
            return Arc::clone(pair);
        }
        drop(known);
        let histogram = |name: &'static str| {
            let labels = vec![Label::new("method", method), Label::new("route", route.to_owned())];
            self.recorder.register_histogram(&Key::from_parts(name, labels), &METADATA)
        };
        let pair = Arc::new(Pair { request: histogram(REQUEST), response: histogram(RESPONSE) });
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.entry(method).or_default().insert(route.to_owned(), Arc::clone(&pair));
        pair
    }
}

/// The length that a body is said to have.
pub(super) fn length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// Notes the size of a request, where it is known: as announced, or none where it has no body.
fn came<B: 'static>(sizes: &Pair, request: &Request<B>) {
    if let Some(bytes) = length(request.headers()).or_else(|| is_empty(request).then_some(0)) {
        sizes.came(bytes);
    }
}

/// Whether a request is known to have no body. By HTTP/2 one comes with any method and need not be announced, so the body itself is asked; of
/// a body of another type than axum's only HTTP/1 tells.
fn is_empty<B: 'static>(request: &Request<B>) -> bool {
    if let Some(body) = (request.body() as &dyn Any).downcast_ref::<Body>() {
        return body.is_end_stream();
    }
    let is_bodiless =
        matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE | Method::DELETE);
    is_bodiless && request.version() < Version::HTTP_2 && !request.headers().contains_key(header::TRANSFER_ENCODING)
}

#[expect(clippy::cast_precision_loss, reason = "exact up to petabytes")]
impl Pair {
    fn came(&self, bytes: u64) {
        self.request.record(bytes as f64);
    }

    pub(super) fn went(&self, bytes: u64) {
        self.response.record(bytes as f64);
    }
}

impl fmt::Debug for Sizes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sizes")
    }
}

impl fmt::Debug for Pair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pair")
    }
}

#[cfg(test)]
mod tests {
    use crate::HttpLayer;
    use axum::Router;
    use axum::body::Body;
    use http::Request;
    use perf_runtime::Monitor;
    use std::collections::HashMap;
    use tower::ServiceExt;

    #[tokio::test]
    async fn paths_that_strangers_make_up_are_kept_as_one() {
        let monitor = Monitor::builder().max_label_values(20).build().unwrap();
        let layer = HttpLayer::new(&monitor).with_sizes();
        let sizes = layer.sizes.clone().unwrap();
        let app: Router = Router::new().route("/shop.Carts/{*rest}", axum::routing::post(|| async { "" })).layer(layer);
        for path in 0..10_000 {
            let request = Request::post(format!("/shop.Carts/M{path}")).header("content-type", "application/grpc");
            app.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        }
        let kept = sizes.known.read().unwrap().values().map(HashMap::len).sum::<usize>();
        assert!((2..=21).contains(&kept), "{kept} are kept");
        let text = monitor.render_prometheus();
        assert!(text.contains("http_response_size_bytes_count{method=\"POST\",route=\"__overflow__\"}"), "{text}");
    }
}
