//! The `tracing` span of a call.
//!
//! A site is its own `tracing` callsite. While nobody listens at the site's level, that costs one relaxed load and a
//! comparison. The metadata that a subscriber sees is made when the first one listens.

use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
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

/// How many there are of the last ones; the outcome is the first of them.
const OWN_LAST: usize = 3;

/// The content of an attribute about a function's spans.
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
    /// Where the function is.
    pub location: &'static Location<'static>,
}

impl SpanSpec {
    /// Its level, where somebody listens to spans of that level.
    #[inline]
    pub(crate) fn heard_level(&self) -> Option<Level> {
        self.level.filter(|level| *level <= LevelFilter::current())
    }
}

/// A site's callsite of `tracing`, made when somebody first listens.
#[derive(Debug)]
pub(crate) struct Callsite {
    made: OnceLock<&'static SpanCallsite>,
}

/// The callsite of a site, as subscribers know it. It lives on the heap, for ever, because metadata refers to its own callsite.
struct SpanCallsite {
    interest: AtomicU8,
    metadata: OnceLock<Metadata<'static>>,
    /// The metadata's fields, looked up once.
    fields: OnceLock<Vec<Field>>,
    /// The fields that spans begin with (the kind and the values of the labels), for each combination that was called.
    texts: Box<[OnceLock<Vec<&'static str>>]>,
}

/// Which of a site's combinations of labels a call has, and of how many.
#[derive(Clone, Copy)]
pub(crate) struct Combination {
    pub(crate) index: usize,
    pub(crate) count: usize,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

impl Callsite {
    pub(crate) const fn new() -> Self {
        Self { made: OnceLock::new() }
    }

    /// The span of a call that starts now, boxed, because most calls have none and the future must stay small. `labels`
    /// gives the values of the labels, and `fields` those of the user's fields; they are asked only when the span is wanted.
    #[inline]
    pub(crate) fn new_span(
        &'static self,
        spec: &SpanSpec,
        (kind, more_labels): (Kind, &[&'static str]),
        combination: impl FnOnce() -> Combination,
        labels: impl FnOnce(usize) -> Vec<&'static str>,
        fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
    ) -> Option<Box<Span>> {
        let level = spec.heard_level()?;
        let Combination { index, count } = combination();
        let make = || SpanCallsite::register(spec, level, (kind, more_labels), count);
        let texts = || iter::once(kind.as_str()).chain(labels(index)).collect();
        span_for_listener(self.made.get_or_init(make), index, texts, fields)
    }

    /// Writes how a call ended on its span, and closes it.
    pub(crate) fn close(&self, span: Box<Span>, outcome: Outcome) {
        // To find the field by its name costs more than everything else here.
        if let Some(field) = self.made.get().and_then(|made| made.outcome()) {
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
    let metadata = callsite.metadata();
    if !callsite.is_enabled(metadata) {
        return None;
    }
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
    fn register(
        spec: &SpanSpec,
        level: Level,
        (kind, more_labels): (Kind, &[&'static str]),
        combinations: usize,
    ) -> &'static Self {
        let this: &'static Self = Box::leak(Box::new(Self {
            interest: AtomicU8::new(SOMETIMES),
            metadata: OnceLock::new(),
            fields: OnceLock::new(),
            texts: iter::repeat_with(OnceLock::new).take(combinations).collect(),
        }));
        let mut names = vec![KIND];
        names.extend(kind.label_names());
        names.extend(more_labels);
        names.extend(spec.fields);
        names.truncate(MAX_FIELDS - OWN_LAST);
        names.extend([OUTCOME, ERROR, ERROR_TYPE]);
        let fields = FieldSet::new(names.leak(), identify_callsite!(this));
        let metadata = this.metadata.get_or_init(|| {
            let SpanSpec { name, target, location, .. } = *spec;
            let (file, line) = (Some(location.file()), Some(location.line()));
            Metadata::new(name, target, level, file, line, Some(target), fields, MetadataKind::SPAN)
        });
        this.fields.get_or_init(|| metadata.fields().iter().collect());
        callsite::register(this);
        this
    }

    fn open(&self, metadata: &'static Metadata<'static>, texts: &[&'static str], values: &[&dyn Value]) -> Span {
        let given_count = texts.len() + values.len();
        let given = texts.iter().map(|text| text as &dyn Value).chain(values.iter().copied());
        let fields = self.fields.get().map(Vec::as_slice).unwrap_or_default();
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
        let fields = self.fields.get()?;
        fields.get(fields.len().checked_sub(OWN_LAST)?)
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

impl fmt::Debug for SpanCallsite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanCallsite").field("metadata", &self.metadata.get()).finish_non_exhaustive()
    }
}
