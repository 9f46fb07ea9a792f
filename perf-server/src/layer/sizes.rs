//! How large requests and answers are.

use http::{HeaderMap, header};
use metrics::{Histogram, Key, Label, Level, Metadata, Recorder, Unit};
use perf_runtime::Monitor;
use perf_runtime::metric::MetricsRecorder;
use perf_runtime::metric::names;
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

    pub(super) fn of(&self, method: &'static str, route: &str) -> Arc<Pair> {
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

#[expect(clippy::cast_precision_loss, reason = "exact up to petabytes")]
impl Pair {
    pub(super) fn came(&self, bytes: u64) {
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
