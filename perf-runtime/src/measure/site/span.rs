//! The `tracing` span of a call.
//!
//! A site is its own `tracing` callsite. While nobody listens at the site's level, that costs one relaxed load and a
//! comparison. The metadata that a subscriber sees is made when the first one listens.
//!
//! A subscriber that formats takes 100 to 150 ns for each field of each span, as long as for the rest of the span. So a span has no
//! field for what its name or its lack of a field says: the kind and the label of an operation that it is named as, and `ok`.

use super::callsite::{Registered, SpanSpec};
use super::opened::{self, Opened};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use std::fmt;
use std::iter;
use std::ptr;
use std::sync::OnceLock;
use tracing::field::{Field, Value};
use tracing::metadata::Kind as MetadataKind;
use tracing::{Level, Metadata, Span};
use tracing_core::callsite::Callsite as _;

/// Fields of a span beyond this number are left out. The attribute refuses more.
pub(crate) const MAX_FIELDS: usize = 32;
/// The span's own first field, and its last ones.
const KIND: &str = "kind";
const OUTCOME: &str = "outcome";
pub(super) const ERROR: &str = "error";
const ERROR_TYPE: &str = "error_type";

/// How many there are of the last ones; the outcome is the first of them.
const OWN_LAST: usize = 3;

/// A site's callsite of `tracing`, made when somebody first listens.
#[derive(Debug)]
pub(crate) struct Callsite {
    made: OnceLock<&'static SpanCallsite>,
}

/// The callsite of a site, as subscribers know it.
#[derive(Debug)]
struct SpanCallsite {
    registered: &'static Registered,
    /// The fields that spans begin with, for each combination of labels that was called.
    texts: Box<[OnceLock<Vec<&'static str>>]>,
}

/// The fields that spans of a site begin with: the kind and the labels.
#[derive(Clone, Copy)]
pub(crate) struct FirstFields {
    pub(crate) kind: Kind,
    pub(crate) more_labels: &'static [&'static str],
    /// Whether the span's name is the label of the operation: then kind and label are no fields.
    pub(crate) named_as_series: bool,
}

impl FirstFields {
    /// The names or the values, of which the kind's own come first.
    fn of(self, kind: &'static str, labels: impl IntoIterator<Item = &'static str>) -> Vec<&'static str> {
        iter::once(kind).chain(labels).skip(if self.named_as_series { 2 } else { 0 }).collect()
    }

    fn names(self) -> Vec<&'static str> {
        self.of(KIND, self.kind.label_names().iter().chain(self.more_labels).copied())
    }

    fn values(self, labels: Vec<&'static str>) -> Vec<&'static str> {
        self.of(self.kind.as_str(), labels)
    }
}

/// Which of a site's combinations of labels a call has, and of how many.
#[derive(Clone, Copy)]
pub(crate) struct Combination {
    pub(crate) index: usize,
    pub(crate) count: usize,
}

impl Callsite {
    pub(crate) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The span of a call that starts now, where somebody listens. `labels` gives the values of the labels. Nothing but the level is looked at
    /// while nobody does.
    pub(crate) fn wanted(
        &'static self,
        spec: &SpanSpec,
        first: impl Fn() -> FirstFields,
        combination: impl FnOnce() -> Combination,
        labels: impl FnOnce(usize) -> Vec<&'static str>,
    ) -> Option<WantedSpan> {
        let level = spec.heard_level()?;
        let Combination { index, count } = combination();
        let callsite = *self.made.get_or_init(|| SpanCallsite::register(spec, level, first(), count));
        let metadata = callsite.registered.wanted()?;
        let texts = callsite.texts.get(index)?.get_or_init(|| first().values(labels(index)));
        Some(WantedSpan { callsite, metadata, texts })
    }

    /// Whether its spans have this metadata.
    pub(super) fn is_of(&self, metadata: &'static Metadata<'static>) -> bool {
        self.made.get().is_some_and(|made| ptr::eq(made.registered.metadata(), metadata))
    }

    /// Closes the span of a call, and writes on it how the call ended, unless that was well.
    pub(crate) fn close(&self, opened: Box<Opened>, outcome: Outcome) {
        // To find the field by its name costs more than everything else here.
        if let (true, Some(field), Some(span)) =
            (outcome != Outcome::Ok, self.made.get().and_then(|made| made.outcome()), opened.span())
        {
            span.record(field, outcome.as_str());
        }
        opened::release(opened);
    }
}

/// A span that somebody wants, before it has values.
#[derive(Clone, Copy)]
pub(crate) struct WantedSpan {
    callsite: &'static SpanCallsite,
    metadata: &'static Metadata<'static>,
    texts: &'static [&'static str],
}

impl WantedSpan {
    /// The span, with the values of the user's fields.
    pub(crate) fn open(self, values: &[&dyn Value]) -> Span {
        self.callsite.open(self.metadata, self.texts, values)
    }
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
    fn register(spec: &SpanSpec, level: Level, first: FirstFields, combinations: usize) -> &'static Self {
        let mut names = first.names();
        names.extend(spec.fields);
        names.truncate(MAX_FIELDS - OWN_LAST);
        names.extend([OUTCOME, ERROR, ERROR_TYPE]);
        Box::leak(Box::new(Self {
            registered: Registered::new(spec, level, MetadataKind::SPAN, names),
            texts: iter::repeat_with(OnceLock::new).take(combinations).collect(),
        }))
    }

    fn open(&self, metadata: &'static Metadata<'static>, texts: &[&'static str], values: &[&dyn Value]) -> Span {
        let given_count = texts.len() + values.len();
        let given = texts.iter().map(|text| text as &dyn Value).chain(values.iter().copied());
        let fields = self.registered.fields();
        let Some(first) = fields.first() else { return Span::none() };
        let pairs = fields.iter().zip(given);
        // `tracing` takes arrays of fixed lengths. To fill the longest for each span would cost more than the span.
        macro_rules! open {
            ($length:expr) => {{
                let mut array: [(&Field, Option<&dyn Value>); $length] = [(first, None); $length];
                for (entry, (field, value)) in array.iter_mut().zip(pairs) {
                    *entry = (field, Some(value));
                }
                Span::new(metadata, &metadata.fields().value_set(&array))
            }};
        }
        match given_count {
            0..=4 => open!(4),
            5..=8 => open!(8),
            _ => open!(MAX_FIELDS),
        }
    }

    /// The first of the fields of a call's own, which come last.
    fn outcome(&self) -> Option<&Field> {
        let fields = self.registered.fields();
        fields.get(fields.len().checked_sub(OWN_LAST)?)
    }
}
