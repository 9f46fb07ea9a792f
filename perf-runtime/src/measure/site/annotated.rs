//! One annotated function.

use super::callsite::SpanSpec;
use super::opened::{self, Opened};
use super::span::{Callsite, Combination, FirstFields};
use crate::guarded::run_guarded;
use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder;
use crate::measure::cells::recorder::values::{self, Values};
use crate::measure::model::budget::{DEFAULT_BUDGET, assert_budget, combinations};
use crate::measure::model::error_type::Sorts;
use crate::measure::model::kind::Kind;
use crate::measure::model::label::LabelSpec;
use crate::measure::model::outcome::Outcome;
use crate::measure::model::run_budget::RunBudget;
use crate::measure::model::target::Targets;
use std::panic::Location;
use std::ptr;
use std::slice;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, AtomicPtr, Ordering};
use tracing::field::Value;
use tracing::{Level, Metadata};

/// One annotated function: what it measures, and the cells that its calls write.
///
/// The attribute makes one `static` of this type for each function. Functions with the same kind and labels each have
/// their own site, and add up to one series.
///
/// It is written as a literal, of parts that are constants: calling functions for each site would cost the compiler more
/// than everything else that an attribute writes.
#[derive(Debug)]
pub struct Site {
    /// The content of the attribute.
    pub spec: Spec,
    /// The state that calls write.
    pub state: State,
}

/// The content of an attribute.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The kind.
    pub kind: Kind,
    /// The values of the kind's own labels and then of the others, in order.
    pub labels: &'static [LabelSpec],
    /// Names of the labels beyond the kind's own.
    pub more_labels: &'static [&'static str],
    /// The values of the labels that calls bring, where the signature shows their types.
    pub values: Option<LabelValues>,
    /// The sorts of the errors that it returns, where the signature shows them.
    pub errors: &'static Sorts,
    /// The targets that the function sets itself.
    pub targets: &'static Targets,
    /// The limits of each run, of an agent.
    pub budget: &'static [RunBudget],
    /// The span.
    pub span: SpanSpec,
}

impl Spec {
    /// No label, no span's name: what the attribute fills in.
    pub const BLANK: Self = Self {
        kind: Kind::Operation,
        labels: &[],
        more_labels: &[],
        values: None,
        errors: &Sorts::NONE,
        targets: &Targets::NONE,
        budget: &[],
        span: SpanSpec { name: "", target: "", fields: &[], level: Some(Level::INFO), location: Location::caller() },
    };

    /// The fields that spans begin with. A span that is named as its series, by the label of an operation, has neither kind nor label.
    fn first_fields(&self) -> FirstFields {
        let Self { kind, labels, more_labels, span, .. } = *self;
        let named_as_series =
            matches!((kind, labels), (Kind::Operation, [LabelSpec::Text(label), ..]) if *label == span.name);
        FirstFields { kind, more_labels, named_as_series }
    }
}

/// Tells the values of fields to whoever is given.
type Fields<'a> = dyn FnMut(&mut dyn FnMut(&[&dyn Value])) + 'a;

/// The values of each label that calls bring.
type LabelValues = &'static [&'static [&'static str]];

/// Values whose combinations are within the budget.
///
/// # Panics
/// While compiling, for it is part of a `static`: where they make more series.
#[must_use]
pub const fn within_budget(values: LabelValues, budget: usize) -> Option<LabelValues> {
    assert_budget(values, budget);
    Some(values)
}

/// The state that a function's calls write.
#[derive(Debug)]
pub struct State {
    /// The values of the labels that calls bring, where only a first call shows them.
    late_values: OnceLock<LabelValues>,
    /// The meter of all calls, where calls bring no labels.
    meter: Meter,
    /// The meters by the index of the labels that calls bring.
    meters: OnceLock<Box<[Meter]>>,
    callsite: Callsite,
    /// Whether an error was shown that the function was asked to show: by the option `err`.
    shows_errors: AtomicBool,
    /// Whether the site is in the directory's list, and what follows it there.
    pub(crate) listed: AtomicBool,
    pub(crate) next: AtomicPtr<Site>,
}

impl State {
    /// The state of a function of which nothing was called.
    #[must_use]
    pub const fn new(kind: Kind, targets: &'static Targets) -> Self {
        Self {
            late_values: OnceLock::new(),
            meter: Meter::with_targets(kind, targets),
            meters: OnceLock::new(),
            callsite: Callsite::new(),
            shows_errors: AtomicBool::new(false),
            listed: AtomicBool::new(false),
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }
}

macro_rules! states {
    ($($kind:ident)+) => {
        /// The states of functions without targets of their own, each evaluated once in a crate and then copied.
        #[expect(non_upper_case_globals, clippy::declare_interior_mutable_const, reason = "named as the kinds; copied")]
        impl State {
            $(
                #[doc = concat!("Of a function of kind `", stringify!($kind), "`.")]
                pub const $kind: Self = Self::new(Kind::$kind, &Targets::NONE);
            )+
        }
    };
}

states!(DbOperation Workflow WorkflowStep Agent Tool McpCall ExternalCall LlmCall Operation);

impl Site {
    pub(crate) fn kind(&self) -> Kind {
        self.spec.kind
    }

    pub(crate) fn more_labels(&self) -> &'static [&'static str] {
        self.spec.more_labels
    }

    /// The meter of a call that brings no labels.
    #[inline]
    pub(crate) fn only_meter(&'static self) -> &'static Meter {
        &self.state.meter
    }

    /// The meter of a call that brings the labels with this index.
    #[inline]
    pub(crate) fn meter_at(&'static self, index: usize) -> &'static Meter {
        let meters = self.meters();
        // An index beyond all values comes only of a `Label` written by hand that does not keep its word.
        meters.get(index).or(meters.last()).unwrap_or(&self.state.meter)
    }

    /// Has a meter of its own know it.
    pub(crate) fn claim(&'static self, meter: &Meter) {
        meter.belong_to(ptr::from_ref(self).cast());
    }

    /// The site that [claimed](Self::claim) a meter.
    #[inline]
    pub(crate) fn of(meter: &Meter) -> Option<&'static Self> {
        // SAFETY: null, or written by `claim` from a `&'static Site`: nothing else says where a meter belongs.
        unsafe { meter.site().cast::<Self>().as_ref() }
    }

    /// Takes note that the function asks for the texts of its errors.
    pub(crate) fn shows_errors(&self) {
        self.state.shows_errors.store(true, Ordering::Relaxed);
    }

    /// Whether the function asks for the texts of its errors.
    pub(crate) fn are_errors_shown(&self) -> bool {
        self.state.shows_errors.load(Ordering::Relaxed)
    }

    /// Takes note of the values of the labels that calls bring, where nothing showed them before. Whether this was new.
    #[inline]
    pub(crate) fn learn_values(&self, values: LabelValues) -> bool {
        let late = &self.state.late_values;
        self.spec.values.is_none() && late.get().is_none() && late.set(values).is_ok()
    }

    /// The span and the values of a call that starts now and is counted by one of this site's meters, as far as somebody wants them. `fields` tells the
    /// values, once; where nobody does, it is not asked.
    #[inline]
    pub(crate) fn open(
        &'static self,
        meter: &'static Meter,
        fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
    ) -> Option<Box<Opened>> {
        let may_keep = recorder::may_keep_values() && values::are_worth_keeping(self.spec.span.fields);
        if !may_keep && !self.may_have_span() {
            return None;
        }
        let mut fields = Some(fields);
        self.open_wanted(meter, may_keep, &mut |emit| {
            if let Some(fields) = fields.take() {
                fields(emit);
            }
        })
    }

    /// As [`open`](Self::open), where somebody may want them. A value that panics is the span's affair; where nobody wants that, it is not to break
    /// the call.
    #[cold]
    fn open_wanted(
        &'static self,
        meter: &'static Meter,
        may_keep: bool,
        fields: &mut Fields<'_>,
    ) -> Option<Box<Opened>> {
        let first = || self.spec.first_fields();
        let combination = || Combination { index: self.index_of(meter), count: self.meters().len() };
        let labels = |index| self.label_values(index);
        let wanted = self.state.callsite.wanted(&self.spec.span, first, combination, labels);
        let keeps = may_keep && recorder::keeps_values();
        let (mut span, mut values) = (None, None);
        let mut emit = |given: &[&dyn Value]| {
            values = if keeps { Values::capture(self.spec.span.fields, given) } else { None };
            span = wanted.map(|wanted| wanted.open(given));
        };
        if wanted.is_some() {
            fields(&mut emit);
        } else if keeps {
            run_guarded(|| fields(&mut emit));
        }
        opened::hold(span, values)
    }

    /// Ends a span of this site's; see [`Callsite::close`].
    pub(crate) fn close_span(&self, opened: Box<Opened>, outcome: Outcome) {
        self.state.callsite.close(opened, outcome);
    }

    /// The meter of its calls, where their spans have this metadata and they bring no labels.
    pub(crate) fn meter_of_span(&'static self, metadata: &'static Metadata<'static>) -> Option<&'static Meter> {
        Some(self.only_meter()).filter(|_| self.state.callsite.is_of(metadata) && !self.brings_labels())
    }

    /// Whether somebody may listen to its spans.
    #[inline]
    pub(crate) fn may_have_span(&self) -> bool {
        self.spec.span.heard_level().is_some()
    }

    /// Which combination of labels a meter counts.
    pub(crate) fn index_of(&'static self, meter: &'static Meter) -> usize {
        let bytes = ptr::from_ref(meter.original()).addr().wrapping_sub(self.meters().as_ptr().addr());
        bytes / size_of::<Meter>()
    }

    /// The meters of all combinations of labels, in order; none while the values are not known.
    pub(crate) fn meters(&'static self) -> &'static [Meter] {
        if !self.brings_labels() {
            return slice::from_ref(&self.state.meter);
        }
        let Some(values) = self.values() else { return &[] };
        self.state.meters.get_or_init(|| {
            let meter = |_| Meter::with_targets(self.spec.kind, self.spec.targets);
            (0..combinations(values)).map(meter).collect()
        })
    }

    /// The values of all labels, for the combination with this index.
    pub(crate) fn label_values(&self, mut index: usize) -> Vec<&'static str> {
        let mut brought = self.values().unwrap_or_default().iter().rev();
        let last_first = self.spec.labels.iter().rev().map(|label| match label {
            LabelSpec::Text(text) => text,
            LabelSpec::Constant(value) => value.name(),
            LabelSpec::Variable => {
                let values = brought.next().copied().unwrap_or_default();
                let place = index % values.len().max(1);
                index /= values.len().max(1);
                values.get(place).copied().unwrap_or_default()
            }
        });
        let mut texts: Vec<&str> = last_first.collect();
        texts.reverse();
        texts
    }

    /// The sorts of errors that each of its series shows at zero. None where all series together would show more than a
    /// label may make series: then a sort is shown from its first error on.
    pub(crate) fn sorts_at_zero(&'static self) -> &'static Sorts {
        let errors = self.spec.errors;
        let samples = errors.len().saturating_mul(self.meters().len());
        if samples <= DEFAULT_BUDGET { errors } else { &Sorts::NONE }
    }

    fn brings_labels(&self) -> bool {
        self.spec.labels.iter().any(|label| matches!(label, LabelSpec::Variable))
    }

    fn values(&self) -> Option<LabelValues> {
        self.spec.values.or_else(|| self.state.late_values.get().copied())
    }
}
