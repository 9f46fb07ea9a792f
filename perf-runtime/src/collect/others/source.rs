//! A text that is made anew for each scrape.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

/// A text that is served together with ours.
#[derive(Clone)]
pub(crate) struct Source(Arc<dyn Fn() -> String + Send + Sync>);

impl Source {
    pub(crate) fn new(render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        Self(Arc::new(render))
    }

    /// The text now; `None` where making it panicked. That is the source's own affair, and no reason to lose a scrape.
    pub(super) fn text(&self) -> Option<String> {
        catch_unwind(AssertUnwindSafe(|| (self.0)())).ok()
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}
