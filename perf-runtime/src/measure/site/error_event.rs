//! The event of a call that failed, which the option `err = "warn"` asks for.

use super::callsite::{Registered, SpanSpec};
use super::span::ERROR;
use std::fmt::Display;
use std::sync::OnceLock;
use tracing::field::{Value, display};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind as MetadataKind;
use tracing::{Event, Level, Span};

/// An event with the text of an error, in the span of the call. The attribute makes one `static` of this type for a function with
/// `err = "warn"`.
#[derive(Debug)]
pub struct ErrorEvent {
    level: Level,
    made: OnceLock<&'static Registered>,
}

impl ErrorEvent {
    /// Events of a level.
    #[must_use]
    pub const fn new(level: Level) -> Self {
        Self { level, made: OnceLock::new() }
    }

    /// Sends the event, where somebody listens. Name, target and place are those of the span.
    pub(crate) fn send(&self, spec: &SpanSpec, span: Option<&Span>, error: &dyn Display) {
        if self.level > LevelFilter::current() {
            return;
        }
        let make = || Registered::new(spec, self.level, MetadataKind::EVENT, vec![ERROR]);
        let callsite = *self.made.get_or_init(make);
        let (Some(metadata), Some(field)) = (callsite.wanted(), callsite.fields().first()) else { return };
        let text = display(error);
        let values = [(field, Some(&text as &dyn Value))];
        let values = metadata.fields().value_set(&values);
        match span.and_then(Span::id) {
            Some(parent) => Event::child_of(parent, metadata, &values),
            None => Event::dispatch(metadata, &values),
        }
    }
}
