//! A tracing layer that gives spans the ids of traces, as a library of distributed tracing does.

use std::fmt;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id};
use tracing::{Span, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, Registry};

/// Keeps the field `trace` of a span as its trace's id.
pub(crate) struct Traces;

struct TraceId(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Traces {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let mut found = Found(None);
        attributes.record(&mut found);
        if let (Some(span), Some(trace)) = (context.span(id), found.0) {
            span.extensions_mut().insert(TraceId(trace));
        }
    }
}

struct Found(Option<String>);

impl Visit for Found {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        if field.name() == "trace" {
            self.0 = Some(format!("{value:?}"));
        }
    }
}

/// The id of a span's trace: what is given to `trace_id_of`.
pub(crate) fn trace_id_of(span: &Span) -> Option<String> {
    span.with_subscriber(|(id, subscriber)| {
        let span = subscriber.downcast_ref::<Registry>()?.span(id)?;
        let extensions = span.extensions();
        extensions.get::<TraceId>().map(|trace| trace.0.clone())
    })?
}
