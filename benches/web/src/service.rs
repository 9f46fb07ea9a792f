//! The service, and the ways in which it is measured.

use crate::peers;
use axum::Router;
use axum::middleware::from_fn;
use axum::routing::get;
use perf_runtime::{Monitor, monitor};
use perf_server::HttpLayer;
use std::fmt;
use std::hint::black_box;

/// A way to measure the service, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    Plain,
    Perf,
    PerfWithLayer,
    Careful,
    Usual,
    UsualWithLayer,
}

/// Why a greeting was not to be had.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no greeting")
    }
}

impl Way {
    pub(crate) const ALL: [Self; 6] =
        [Self::Plain, Self::Perf, Self::PerfWithLayer, Self::Careful, Self::Usual, Self::UsualWithLayer];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "not measured",
            Self::Perf => "perf `#[monitor(..)]`",
            Self::PerfWithLayer => "perf `#[monitor(..)]` and `HttpLayer`",
            Self::Careful => "`#[instrument(skip_all)]` + metrics, cached handles",
            Self::Usual => "`#[instrument]` + metrics, its macros",
            Self::UsualWithLayer => "`#[instrument]` + metrics, its macros, and a layer of the same",
        }
    }

    /// How the samples begin in the scraped text that count what was answered.
    pub(crate) const fn counter(self) -> &'static str {
        match self {
            Self::Plain => "nothing",
            Self::Perf => "operations_total{",
            Self::PerfWithLayer => "http_requests_total{",
            Self::Careful => "careful_calls_total{",
            Self::Usual => "usual_calls_total{",
            Self::UsualWithLayer => "usual_requests_total{",
        }
    }

    /// The service, and how to scrape what measures it.
    pub(crate) fn service(self) -> (Router, Box<dyn Fn() -> String + Send>) {
        if self == Self::Plain {
            return (route(greeting), Box::new(String::new));
        }
        if matches!(self, Self::Perf | Self::PerfWithLayer) {
            let monitor = Monitor::builder().install().expect("the only one, and a thread for its ticker");
            let mut app = route(monitored);
            if self == Self::PerfWithLayer {
                app = app.layer(HttpLayer::new(&monitor));
            }
            return (app, Box::new(move || monitor.render_prometheus()));
        }
        let handle = peers::install();
        let app = match self {
            Self::Careful => route(peers::careful),
            Self::Usual => route(peers::usual),
            _ => route(peers::usual).route_layer(from_fn(peers::layer)),
        };
        (app, Box::new(move || handle.render()))
    }
}

/// A service whose one handler calls one function.
fn route<F, G>(function: F) -> Router
where
    F: Fn(u64) -> G + Clone + Send + Sync + 'static,
    G: Future<Output = Result<&'static str, Failed>> + Send,
{
    let handler = async move || function(black_box(7)).await.unwrap_or_default();
    Router::new().route("/hello", get(handler))
}

/// What every way does.
pub(crate) async fn greeting(_id: u64) -> Result<&'static str, Failed> {
    black_box(Ok("hello"))
}

#[monitor("greeting")]
async fn monitored(id: u64) -> Result<&'static str, Failed> {
    greeting(id).await
}
