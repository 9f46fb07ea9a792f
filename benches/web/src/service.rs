//! The service that is measured.

use axum::Router;
use axum::routing::get;
use std::fmt;
use std::hint::black_box;

/// A service, and how to scrape what measures it.
pub(crate) struct Served {
    pub(crate) app: Router,
    pub(crate) scrape: Box<dyn Fn() -> String + Send>,
}

impl Served {
    pub(crate) fn new(app: Router, scrape: impl Fn() -> String + Send + 'static) -> Self {
        Self { app, scrape: Box::new(scrape) }
    }
}

/// Why a greeting was not to be had.
#[derive(Debug)]
pub(crate) struct Failed;

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no greeting")
    }
}

/// A service whose one handler calls one function.
pub(crate) fn hello<F, G>(function: F) -> Router
where
    F: Fn(u64) -> G + Clone + Send + Sync + 'static,
    G: Future<Output = Result<&'static str, Failed>> + Send,
{
    let handler = async move || function(black_box(7)).await.unwrap_or_default();
    Router::new().route("/hello", get(handler))
}

/// The work that every way does.
pub(crate) async fn greeting(_id: u64) -> Result<&'static str, Failed> {
    black_box(Ok("hello"))
}
