//! Answers that are being sent.

use super::route::Route;
use std::sync::Arc;

/// An answer that is being sent, counted in the gauge `http_open_streams` until this is dropped.
#[derive(Debug)]
#[must_use = "the answer is counted until this is dropped"]
pub struct OpenStream(Arc<Route>);

impl OpenStream {
    pub(super) fn new(route: &Arc<Route>) -> Self {
        route.add_streams(1.0);
        Self(Arc::clone(route))
    }
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.add_streams(-1.0);
    }
}
