//! One annotated function.

use super::directory;
use super::kind::Kind;
use super::meter::Meter;
use super::span::SpanSite;
use std::panic::Location;
use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicPtr};
use tracing::Level;

/// One annotated function: what it measures, and the cells that its calls write.
///
/// The attribute makes one `static` of this type for each function. Functions with the same kind and labels each have
/// their own site, and add up to one series.
#[derive(Debug)]
pub struct Site {
    pub(crate) meter: Meter,
    /// The values of the kind's labels, in the kind's order.
    pub(crate) labels: &'static [&'static str],
    pub(crate) name: &'static str,
    pub(crate) target: &'static str,
    pub(crate) location: &'static Location<'static>,
    /// Names of the fields that the user adds to the span.
    pub(crate) fields: &'static [&'static str],
    /// The span's level; `None` where there is to be no span.
    pub(crate) level: Option<Level>,
    pub(crate) span: SpanSite,
    pub(crate) listed: AtomicBool,
    pub(crate) next: AtomicPtr<Site>,
}

impl Site {
    /// A site of `kind` in the function `name` of the module `target`. Its place in the source is the caller's.
    ///
    /// # Panics
    /// While compiling, for it makes a `static`: where a label given by a constant's path is not allowed.
    #[must_use]
    #[track_caller]
    pub const fn new(kind: Kind, name: &'static str, target: &'static str, labels: &'static [&'static str]) -> Self {
        assert!(labels.len() == kind.label_names().len(), "as many label values as the kind has labels");
        let mut checked = 0;
        while checked < labels.len() {
            assert_label(labels[checked]);
            checked += 1;
        }
        Self {
            meter: Meter::new(kind),
            labels,
            name,
            target,
            location: Location::caller(),
            fields: &[],
            level: Some(Level::INFO),
            span: SpanSite::new(),
            listed: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Fields that the span has beside the kind and the labels.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'static [&'static str]) -> Self {
        self.fields = fields;
        self
    }

    /// The level of the span; `None` for no span.
    #[must_use]
    pub const fn with_level(mut self, level: Option<Level>) -> Self {
        self.level = level;
        self
    }

    /// Counts a call as started, and makes the site known where it is not yet.
    #[inline]
    pub(crate) fn start(&'static self) {
        self.meter.start(|| directory::list(self));
    }
}

/// Refuses, while compiling, a label given by a constant's name that the attribute could not see through.
///
/// The same rule as for literals: 1 to 128 bytes, no white space, control characters or quotes.
const fn assert_label(label: &str) {
    let bytes = label.as_bytes();
    assert!(!bytes.is_empty(), "a label must not be empty");
    assert!(bytes.len() <= 128, "a label must not be longer than 128 bytes");
    let mut place = 0;
    while place < bytes.len() {
        let byte = bytes[place];
        assert!(
            byte > b' ' && byte != 0x7f && byte != b'"' && byte != b'\'' && byte != b'`',
            "a label must not contain white space, control characters or quotes"
        );
        place += 1;
    }
}
