//! The `tracing` span of a call.
//!
//! A site is its own `tracing` callsite. While nobody listens at the site's level, that costs one relaxed load and a
//! comparison. The metadata that a subscriber sees is made when the first one listens.

use super::kind::Kind;
use super::outcome::Outcome;
use std::fmt;
use std::iter;
use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use tracing::field::{Field, FieldSet, Value};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind as MetadataKind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Span};
use tracing_core::callsite::{self, Callsite as _};
use tracing_core::{dispatcher, identify_callsite};

/// Fields of a span beyond this number are left out. The attribute refuses more.
pub(crate) const MAX_FIELDS: usize = 32;
/// The span's own first field, and its last ones.
const KIND: &str = "kind";
const OUTCOME: &str = "outcome";
const ERROR: &str = "error";
const ERROR_TYPE: &str = "error_type";

/// What an attribute says of a function's spans.
#[derive(Clone, Copy, Debug)]
pub struct SpanSpec {
    /// The span's name.
    pub name: &'static str,
    /// The span's target.
    pub target: &'static str,
    /// The names of the fields that the user adds.
    pub fields: &'static [&'static str],
    /// The span's level; `None` where there is to be no span.
    pub level: Option<Level>,
}

/// A site's callsite of `tracing`, made when somebody first listens.
#[derive(Debug)]
pub(crate) struct Callsite {
    made: OnceLock<&'static SpanCallsite>,
}

/// What a subscriber knows a site by. It lives on the heap, for ever, because metadata refers to its own callsite.
struct SpanCallsite {
    interest: AtomicU8,
    metadata: OnceLock<Metadata<'static>>,
    /// The metadata's fields, looked up once.
    fields: OnceLock<Vec<Field>>,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

impl Callsite {
    pub(super) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The span of a call that starts now, boxed, because most calls have none and the future must stay small. `labels`
    /// and `fields` give the values of the labels and of the user's fields, and are asked only when the span is wanted.
    /// Its place in the source is the caller's.
    #[inline]
    #[track_caller]
    pub(super) fn new_span(
        &'static self,
        spec: &SpanSpec,
        kind: Kind,
        more_labels: &[&'static str],
        labels: impl FnOnce() -> Vec<&'static str>,
        fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
    ) -> Option<Box<Span>> {
        match spec.level {
            Some(level) if level <= LevelFilter::current() => {
                let location = Location::caller();
                let make = || SpanCallsite::register(spec, level, kind, more_labels, location);
                span_for_listener(self.made.get_or_init(make), kind, labels, fields)
            }
            _ => None,
        }
    }
}

#[cold]
fn span_for_listener(
    callsite: &'static SpanCallsite,
    kind: Kind,
    labels: impl FnOnce() -> Vec<&'static str>,
    fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
) -> Option<Box<Span>> {
    let metadata = callsite.metadata();
    if !callsite.is_enabled(metadata) {
        return None;
    }
    let mut span = None;
    let labels = labels();
    fields(&mut |values| span = Some(Box::new(callsite.open(metadata, kind, &labels, values))));
    span
}

/// Writes how a call ended on its span.
pub(crate) fn record_outcome(span: &Span, outcome: Outcome) {
    span.record(OUTCOME, outcome.as_str());
}

/// Writes an error's text on a span.
pub(crate) fn record_error(span: &Span, error: &dyn fmt::Display) {
    span.record(ERROR, tracing::field::display(error));
}

/// Writes the sort of an error on a span.
pub(crate) fn record_error_type(span: &Span, name: &str) {
    span.record(ERROR_TYPE, name);
}

impl SpanCallsite {
    /// Makes a callsite known to `tracing`. Once for each site.
    fn register(
        spec: &SpanSpec,
        level: Level,
        kind: Kind,
        more_labels: &[&'static str],
        location: &'static Location<'static>,
    ) -> &'static Self {
        let this: &'static Self = Box::leak(Box::new(Self {
            interest: AtomicU8::new(SOMETIMES),
            metadata: OnceLock::new(),
            fields: OnceLock::new(),
        }));
        let mut names = vec![KIND];
        names.extend(kind.label_names());
        names.extend(more_labels);
        names.extend(spec.fields);
        names.truncate(MAX_FIELDS - 3);
        names.extend([OUTCOME, ERROR, ERROR_TYPE]);
        let fields = FieldSet::new(names.leak(), identify_callsite!(this));
        let metadata = this.metadata.get_or_init(|| {
            let (file, line) = (Some(location.file()), Some(location.line()));
            let SpanSpec { name, target, .. } = *spec;
            Metadata::new(name, target, level, file, line, Some(target), fields, MetadataKind::SPAN)
        });
        this.fields.get_or_init(|| metadata.fields().iter().collect());
        callsite::register(this);
        this
    }

    fn open(
        &self,
        metadata: &'static Metadata<'static>,
        kind: Kind,
        labels: &[&'static str],
        values: &[&dyn Value],
    ) -> Span {
        let own = kind.as_str();
        let labels = labels.iter().map(|label| label as &dyn Value);
        let given = iter::once(&own as &dyn Value).chain(labels).chain(values.iter().copied());
        let fields = self.fields.get().map(Vec::as_slice).unwrap_or_default();
        let Some(first) = fields.first() else { return Span::none() };
        let mut pairs: [(&Field, Option<&dyn Value>); MAX_FIELDS] = [(first, None); MAX_FIELDS];
        for (pair, (field, value)) in pairs.iter_mut().zip(fields.iter().zip(given)) {
            *pair = (field, Some(value));
        }
        Span::new(metadata, &metadata.fields().value_set(&pairs))
    }

    fn is_enabled(&self, metadata: &'static Metadata<'static>) -> bool {
        match self.interest.load(Ordering::Relaxed) {
            NEVER => false,
            ALWAYS => true,
            _ => dispatcher::get_default(|dispatch| dispatch.enabled(metadata)),
        }
    }
}

impl callsite::Callsite for SpanCallsite {
    fn set_interest(&self, interest: Interest) {
        let interest = if interest.is_always() {
            ALWAYS
        } else if interest.is_never() {
            NEVER
        } else {
            SOMETIMES
        };
        self.interest.store(interest, Ordering::Relaxed);
    }

    fn metadata(&self) -> &Metadata<'_> {
        // Cannot fail: `register` sets it before it hands the callsite to anyone.
        self.metadata.get().expect("metadata is set before the callsite is registered")
    }
}

impl fmt::Debug for SpanCallsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanCallsite").field("metadata", &self.metadata.get()).finish_non_exhaustive()
    }
}
