//! The words beside the values of gauges, for alerts about them.

use super::observation::{GaugeSample, Labels};
use rustc_hash::FxBuildHasher;
use std::cell::OnceCell;
use std::collections::HashMap;
use std::sync::Arc;

/// The words beside the values of one gauge, by labels. They are looked through once, where the first are asked for: most ticks ask for none, and where many alerts fire, each would
/// look through them all.
pub(crate) struct Notes<'a> {
    samples: &'a [GaugeSample],
    by_labels: OnceCell<HashMap<&'a Labels, &'a Arc<str>, FxBuildHasher>>,
}

impl<'a> Notes<'a> {
    pub(super) fn of(samples: &'a [GaugeSample]) -> Self {
        Self { samples, by_labels: OnceCell::new() }
    }

    /// The words beside the value with these labels.
    pub(crate) fn get(&self, labels: &Labels) -> Option<Arc<str>> {
        let noted = |sample: &'a GaugeSample| Some((&*sample.labels, sample.note.as_ref()?));
        let by_labels = self.by_labels.get_or_init(|| self.samples.iter().filter_map(noted).collect());
        by_labels.get(labels).copied().cloned()
    }

    /// Whether any were asked for.
    #[cfg(test)]
    pub(crate) fn are_looked_at(&self) -> bool {
        self.by_labels.get().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::series::labels;

    #[test]
    fn words_are_looked_through_once_and_not_before_they_are_asked_for() {
        let labels = |value: &str| labels::Labels::from_iter([("lock", value)]);
        let of = |value: &str, note: Option<&str>| GaugeSample {
            note: note.map(Into::into),
            ..GaugeSample::new(labels(value), 1.0)
        };
        let samples = [of("a", Some("held by a")), of("b", None), of("c", Some("held by c"))];
        let notes = Notes::of(&samples);
        assert!(!notes.are_looked_at());
        assert_eq!(notes.get(&labels("c")).as_deref(), Some("held by c"));
        assert!(notes.are_looked_at());
        assert_eq!((notes.get(&labels("b")), notes.get(&labels("d"))), (None, None));
    }
}
