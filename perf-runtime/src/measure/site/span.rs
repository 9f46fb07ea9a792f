//! The `tracing` span of a call.
//!
//! A site is its own `tracing` callsite. While nobody listens at the site's level, that costs one relaxed load and a
//! comparison. The metadata that a subscriber sees is made when the first one listens.
//!
//! A subscriber that formats takes 100 to 150 ns for each field of each span, as long as for the rest of the span. So a span has no
//! field for what its name or its lack of a field says: the kind and the label of an operation that it is named as, and `ok`.

use super::callsite::{Registered, SpanSpec};
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

    /// The span of a call that starts now, boxed, because most calls have none and the future must stay small. `labels` gives the
    /// values of the labels, and `fields` those of the user's fields. Nothing but the level is looked at while nobody listens.
    #[inline]
    pub(crate) fn new_span(
        &'static self,
        spec: &SpanSpec,
        first: impl Fn() -> FirstFields,
        combination: impl FnOnce() -> Combination,
        labels: impl FnOnce(usize) -> Vec<&'static str>,
        fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
    ) -> Option<Box<Span>> {
        let level = spec.heard_level()?;
        let Combination { index, count } = combination();
        let make = || SpanCallsite::register(spec, level, first(), count);
        let texts = || first().values(labels(index));
        span_for_listener(self.made.get_or_init(make), index, texts, fields)
    }

    /// Whether its spans have this metadata.
    pub(super) fn is_of(&self, metadata: &'static Metadata<'static>) -> bool {
        self.made.get().is_some_and(|made| ptr::eq(made.registered.metadata(), metadata))
    }

    /// Closes the span of a call, and writes on it how the call ended, unless that was well.
    pub(crate) fn close(&self, span: Box<Span>, outcome: Outcome) {
        // To find the field by its name costs more than everything else here.
        if let (true, Some(field)) = (outcome != Outcome::Ok, self.made.get().and_then(|made| made.outcome())) {
            span.record(field, outcome.as_str());
        }
        boxes::release(span);
    }
}

#[cold]
fn span_for_listener(
    callsite: &'static SpanCallsite,
    index: usize,
    texts: impl FnOnce() -> Vec<&'static str>,
    fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
) -> Option<Box<Span>> {
    let metadata = callsite.registered.wanted()?;
    let texts = callsite.texts.get(index)?.get_or_init(texts);
    let mut span = None;
    fields(&mut |values| span = Some(boxes::hold(callsite.open(metadata, texts, values))));
    span
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

mod boxes {
    //! Boxes for spans, used again: so that a call under a subscriber allocates nothing itself.

    use std::cell::RefCell;
    use tracing::Span;

    /// As many as a thread keeps: calls within calls, or calls that wait, that ended on it. 40 bytes each.
    const KEPT: usize = 64;

    type Boxes = Vec<Box<Span>>;

    thread_local!(static EMPTY: RefCell<Boxes> = const { RefCell::new(Vec::new()) });

    #[expect(clippy::unnecessary_box_returns, reason = "the box is what this is about")]
    pub(super) fn hold(span: Span) -> Box<Span> {
        let kept = EMPTY.try_with(|boxes| boxes.try_borrow_mut().ok()?.pop()).ok().flatten();
        match kept {
            Some(mut kept) => {
                *kept = span;
                kept
            }
            None => Box::new(span),
        }
    }

    /// Closes a span and keeps its box.
    pub(super) fn release(mut span: Box<Span>) {
        // The subscriber runs in this line: the list of boxes is not to be held here.
        *span = Span::none();
        // Refused while the thread ends; then the box is freed.
        let _ = EMPTY.try_with(|boxes| {
            if let Some(mut boxes) = boxes.try_borrow_mut().ok().filter(|boxes| boxes.len() < KEPT) {
                boxes.push(span);
            }
        });
    }
}
