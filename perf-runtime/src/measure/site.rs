//! One annotated function.

use super::kind::Kind;
use super::label::{LabelSpec, assert_budget, combinations};
use super::meter::Meter;
use super::span::SpanSite;
use super::target::Targets;
use std::ptr;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr};
use tracing::field::Value;
use tracing::{Level, Span};

/// One annotated function: what it measures, and the cells that its calls write.
///
/// The attribute makes one `static` of this type for each function. Functions with the same kind and labels each have
/// their own site, and add up to one series.
#[derive(Debug)]
pub struct Site {
    kind: Kind,
    labels: &'static [LabelSpec],
    /// Names of the labels beyond the kind's own.
    pub(crate) more_labels: &'static [&'static str],
    /// The values of the labels that calls bring, where the signature shows their types.
    seen_values: Option<Values>,
    /// The same where only a first call shows them.
    late_values: OnceLock<Values>,
    /// What all calls write, where calls bring no labels.
    meter: Meter,
    /// What calls write, by the index of the labels they bring.
    meters: OnceLock<Box<[Meter]>>,
    span: SpanSite,
    /// Whether it is in the directory's list, and what follows it there.
    pub(super) listed: AtomicBool,
    pub(super) next: AtomicPtr<Site>,
}

/// The values of each label that calls bring.
type Values = &'static [&'static [&'static str]];

impl Site {
    /// A site of `kind` in the function `name` of the module `target`. Its place in the source is the caller's.
    ///
    /// # Panics
    /// While compiling, for it makes a `static`: where the number of labels is not the kind's.
    #[must_use]
    #[track_caller]
    pub const fn new(
        kind: Kind,
        name: &'static str,
        target: &'static str,
        labels: &'static [LabelSpec],
        more_labels: &'static [&'static str],
    ) -> Self {
        assert!(labels.len() == kind.label_names().len() + more_labels.len(), "as many values as labels");
        Self {
            kind,
            labels,
            more_labels,
            seen_values: None,
            late_values: OnceLock::new(),
            meter: Meter::new(kind),
            meters: OnceLock::new(),
            span: SpanSite::new(kind, name, target, more_labels),
            listed: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// The values of the labels that calls bring, and how many series they may make.
    ///
    /// # Panics
    /// While compiling, for it makes a `static`: where they make more.
    #[must_use]
    pub const fn with_values(mut self, values: Values, budget: usize) -> Self {
        assert_budget(values, budget);
        self.seen_values = Some(values);
        self
    }

    /// What the function promises of itself.
    #[must_use]
    pub const fn with_targets(mut self, targets: &'static Targets) -> Self {
        self.meter.set_targets(targets);
        self
    }

    /// Fields that the span has beside the kind and the labels.
    #[must_use]
    pub const fn with_fields(mut self, fields: &'static [&'static str]) -> Self {
        self.span.set_fields(fields);
        self
    }

    /// The level of the span; `None` for no span.
    #[must_use]
    pub const fn with_level(mut self, level: Option<Level>) -> Self {
        self.span.set_level(level);
        self
    }

    pub(crate) fn kind(&self) -> Kind {
        self.kind
    }

    /// The meter of a call that brings no labels.
    #[inline]
    pub(super) fn only_meter(&'static self) -> &'static Meter {
        &self.meter
    }

    /// The meter of a call that brings the labels with this index.
    #[inline]
    pub(super) fn meter_at(&'static self, index: usize) -> &'static Meter {
        let meters = self.meters();
        // An index beyond all values comes only of a `Label` written by hand that does not keep its word.
        meters.get(index).or(meters.last()).unwrap_or(&self.meter)
    }

    /// Takes note of the values of the labels that calls bring, where nothing showed them before. Whether this was new.
    #[inline]
    pub(super) fn learn_values(&self, values: Values) -> bool {
        self.seen_values.is_none() && self.late_values.get().is_none() && self.late_values.set(values).is_ok()
    }

    /// The span of a call that starts now with the labels of this index; see [`SpanSite::new_span`].
    #[inline]
    pub(super) fn new_span(
        &'static self,
        labels: usize,
        fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
    ) -> Option<Box<Span>> {
        self.span.new_span(|| self.label_values(labels), fields)
    }

    /// The meters of all combinations of labels, in order; none while the values are not known.
    pub(crate) fn meters(&'static self) -> &'static [Meter] {
        if !self.brings_labels() {
            return slice::from_ref(&self.meter);
        }
        let Some(values) = self.values() else { return &[] };
        self.meters.get_or_init(|| {
            let meter = |_| Meter::with_targets(self.kind, self.meter.targets());
            (0..combinations(values)).map(meter).collect()
        })
    }

    /// The values of all labels, for the combination with this index.
    pub(crate) fn label_values(&self, mut index: usize) -> Vec<&'static str> {
        let mut brought = self.values().unwrap_or_default().iter().rev();
        let mut texts: Vec<&'static str> = Vec::with_capacity(self.labels.len());
        for label in self.labels.iter().rev() {
            texts.push(match label {
                LabelSpec::Text(text) => text,
                LabelSpec::Constant(value) => value.name(),
                LabelSpec::Variable => {
                    let values = brought.next().copied().unwrap_or_default();
                    let place = index % values.len().max(1);
                    index /= values.len().max(1);
                    values.get(place).copied().unwrap_or_default()
                }
            });
        }
        texts.reverse();
        texts
    }

    fn brings_labels(&self) -> bool {
        self.labels.iter().any(|label| matches!(label, LabelSpec::Variable))
    }

    fn values(&self) -> Option<Values> {
        self.seen_values.or_else(|| self.late_values.get().copied())
    }
}
