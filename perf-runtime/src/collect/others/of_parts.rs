//! Texts that parts serve together with ours, for as long as they want.

use super::source::Source;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock, Weak};

/// The texts of parts, each with a number of its own.
#[derive(Debug, Default)]
pub(super) struct TextsOfParts(RwLock<Texts>);

#[derive(Debug, Default)]
struct Texts {
    last: u64,
    sources: Vec<(u64, Source)>,
}

/// The guard of a text that a part exposes ([`Monitor::expose_text`](crate::Monitor::expose_text)): dropping it takes the text back.
#[must_use = "dropping the guard takes the text back"]
pub struct ExposedText {
    texts: Weak<TextsOfParts>,
    number: u64,
}

impl TextsOfParts {
    pub(super) fn add(self: &Arc<Self>, source: Source) -> ExposedText {
        let mut texts = self.0.write().unwrap_or_else(PoisonError::into_inner);
        texts.last += 1;
        let number = texts.last;
        texts.sources.push((number, source));
        ExposedText { texts: Arc::downgrade(self), number }
    }

    pub(super) fn sources(&self) -> Vec<Source> {
        let texts = self.0.read().unwrap_or_else(PoisonError::into_inner);
        texts.sources.iter().map(|(_, source)| source.clone()).collect()
    }
}

impl Drop for ExposedText {
    fn drop(&mut self) {
        if let Some(texts) = self.texts.upgrade() {
            let mut texts = texts.0.write().unwrap_or_else(PoisonError::into_inner);
            texts.sources.retain(|(number, _)| *number != self.number);
        }
    }
}

impl fmt::Debug for ExposedText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExposedText").finish_non_exhaustive()
    }
}
