//! Callsites of `tracing` that are made at run time: for spans and events whose metadata stands in a site.

use std::fmt;
use std::panic::Location;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, Ordering};
use tracing::field::{Field, FieldSet};
use tracing::level_filters::LevelFilter;
use tracing::metadata::Kind as MetadataKind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_core::callsite::{self, Callsite as _};
use tracing_core::{dispatcher, identify_callsite};

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

/// A callsite that `tracing` knows. It lives on the heap, for ever, because metadata refers to its own callsite.
pub(super) struct Registered {
    interest: AtomicU8,
    metadata: OnceLock<Metadata<'static>>,
    /// The metadata's fields, looked up once.
    fields: OnceLock<Vec<Field>>,
}

const NEVER: u8 = 0;
const SOMETIMES: u8 = 1;
const ALWAYS: u8 = 2;

impl Registered {
    /// Makes a callsite known to `tracing`, with fields of these names.
    pub(super) fn new(spec: &SpanSpec, level: Level, kind: MetadataKind, names: Vec<&'static str>) -> &'static Self {
        let this: &'static Self = Box::leak(Box::new(Self {
            interest: AtomicU8::new(SOMETIMES),
            metadata: OnceLock::new(),
            fields: OnceLock::new(),
        }));
        let fields = FieldSet::new(names.leak(), identify_callsite!(this));
        let metadata = this.metadata.get_or_init(|| {
            let SpanSpec { name, target, location, .. } = *spec;
            let (file, line) = (Some(location.file()), Some(location.line()));
            Metadata::new(name, target, level, file, line, Some(target), fields, kind)
        });
        this.fields.get_or_init(|| metadata.fields().iter().collect());
        callsite::register(this);
        this
    }

    pub(super) fn fields(&self) -> &[Field] {
        self.fields.get().map(Vec::as_slice).unwrap_or_default()
    }

    /// The metadata, where the subscriber wants what it describes.
    pub(super) fn wanted(&'static self) -> Option<&'static Metadata<'static>> {
        let metadata = self.metadata();
        let is_wanted = match self.interest.load(Ordering::Relaxed) {
            NEVER => false,
            ALWAYS => true,
            _ => dispatcher::get_default(|dispatch| dispatch.enabled(metadata)),
        };
        is_wanted.then_some(metadata)
    }
}

impl callsite::Callsite for Registered {
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
        // Cannot fail: `new` sets it before it hands the callsite to anyone.
        self.metadata.get().expect("metadata is set before the callsite is registered")
    }
}

impl fmt::Debug for Registered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registered").field("metadata", &self.metadata.get()).finish_non_exhaustive()
    }
}
