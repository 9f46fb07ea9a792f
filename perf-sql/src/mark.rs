//! The mark of statements that a pool of perf's counts, by which the layer leaves them out: each counts once.
//!
//! Most drivers of sqlx tell of a statement while its future is polled or dropped. Then the hash of its text is kept on the thread, so that only its
//! own event is left out, and not that of a query which a driver makes for itself, as PostgreSQL's does to learn of types. The driver of SQLite tells of it on a
//! thread of its own, perhaps when the future is gone. There it enters the span that was current when the statement was handed over, so that the
//! statement's future is polled within a span that the layer knows.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, Ordering};
use tracing::{Level, Metadata, Span};

/// The name of a span that is a mark. Its target is that of sqlx's events: a filter that lets these through lets it through.
const NAME: &str = "perf_sql";

thread_local! {
    /// The hash of the text of the statement whose future is polled here.
    static POLLED: Cell<Option<u64>> = const { Cell::new(None) };
}

/// Whether there is a layer that could hear of marks, and whether a mark was ever a span.
static HAS_LAYER: AtomicBool = AtomicBool::new(false);
static HAS_SPANS: AtomicBool = AtomicBool::new(false);

/// The mark of one statement.
#[derive(Debug)]
pub(crate) struct Mark {
    hash: u64,
    span: Span,
}

/// Makes a span of a level where there is none by now.
macro_rules! or_span {
    ($span:expr, $($level:ident),*) => {{
        let mut span = $span;
        $(
            if span.is_disabled() {
                span = tracing::span!(target: "sqlx::query", Level::$level, "perf_sql");
            }
        )*
        span
    }};
}

impl Mark {
    /// Marks a statement by the hash of its text; by a span too, where its event may come from another thread.
    pub(crate) fn new(hash: u64, is_told_elsewhere: bool) -> Self {
        if !is_told_elsewhere || !HAS_LAYER.load(Ordering::Relaxed) {
            return Self { hash, span: Span::none() };
        }
        // Of the lowest level that passes the filters in front of the layer, so that as few others as can be see it.
        let span = or_span!(Span::none(), TRACE, DEBUG, INFO, WARN, ERROR);
        if !span.is_disabled() {
            HAS_SPANS.store(true, Ordering::Relaxed);
        }
        Self { hash, span }
    }

    /// Does what may tell of the statement.
    pub(crate) fn within<R>(&self, work: impl FnOnce() -> R) -> R {
        /// Puts back what was there, also after a panic.
        struct Before(Option<u64>);

        impl Drop for Before {
            fn drop(&mut self) {
                POLLED.set(self.0);
            }
        }

        let _before = Before(POLLED.replace(Some(self.hash)));
        self.span.in_scope(work)
    }
}

/// Whether a span is a mark.
pub(crate) fn is_mark(metadata: &Metadata<'_>) -> bool {
    metadata.is_span() && metadata.name() == NAME
}

pub(crate) fn note_layer() {
    if !HAS_LAYER.load(Ordering::Relaxed) {
        HAS_LAYER.store(true, Ordering::Relaxed);
    }
}

/// Whether the event of a statement with this hash is that of a marked one: by the thread.
pub(crate) fn is_polled(hash: u64) -> bool {
    POLLED.get() == Some(hash)
}

/// The same by the span that is current, on a thread where no statement is polled.
pub(crate) fn is_carried(current: impl FnOnce() -> Option<&'static Metadata<'static>>) -> bool {
    HAS_SPANS.load(Ordering::Relaxed) && POLLED.get().is_none() && current().is_some_and(is_mark)
}
