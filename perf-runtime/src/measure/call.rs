//! One execution of an annotated function.

use super::clock::{self, Moment};
use super::directory;
use super::label::{Labels, assert_budget};
use super::meter::Meter;
use super::outcome::Outcome;
use super::site::Site;
use super::span;
use super::waiting::Ticket;
use std::fmt::Display;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use tracing::Span;
use tracing::field::Value;

/// A call that has started and has not yet ended.
///
/// It ends once: through [`finish`](Self::finish), or by being dropped, which only an unwinding body does: then it is
/// counted as panicked. A future that is dropped before it is ready ends its call as cancelled (see `Watched`).
#[derive(Debug)]
#[must_use = "a call that is dropped counts as panicked"]
pub struct Call {
    meter: &'static Meter,
    started: Moment,
    span: Option<Box<Span>>,
    waiting: Option<Ticket>,
}

/// A call that is yet to start: its labels are known, its arguments may be gone.
#[derive(Debug)]
pub struct Prepared {
    site: &'static Site,
    meter: &'static Meter,
    span: SpanToBe,
}

/// The span of a call that is yet to start.
#[derive(Debug)]
enum SpanToBe {
    /// To be made as the call starts, a child of what is current then; with the labels of this index.
    AtStart(u32),
    /// Made already, because of fields whose values may be gone by then.
    Made(Option<Box<Span>>),
}

/// Starts a call.
#[inline]
#[track_caller]
pub fn enter(site: &'static Site) -> Call {
    prepare(site).start()
}

/// A call that brings no labels.
#[inline]
pub fn prepare(site: &'static Site) -> Prepared {
    Prepared { site, meter: site.only_meter(), span: SpanToBe::AtStart(0) }
}

/// A call that brings labels. Together they make at most `BUDGET` series, or it does not compile.
#[inline]
pub fn prepare_labelled<const BUDGET: usize, L: Labels>(site: &'static Site, labels: &L) -> Prepared {
    const { assert_budget(L::VALUES, BUDGET) };
    if site.learn_values(L::VALUES) {
        directory::values_came();
    }
    let index = labels.index();
    // No budget is so large that an index needs more.
    Prepared { site, meter: site.meter_at(index), span: SpanToBe::AtStart(u32::try_from(index).unwrap_or(u32::MAX)) }
}

/// Runs a body at once, as a function would (see [`Call::run`]).
#[inline]
pub fn body<R>(body: impl FnOnce() -> R) -> R {
    body()
}

impl Prepared {
    /// Makes the span now, with fields of the user's. `fields` is asked for their values only when somebody listens.
    #[inline]
    #[must_use]
    #[track_caller]
    pub fn with_fields(mut self, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) -> Self {
        if let SpanToBe::AtStart(labels) = self.span {
            self.span = SpanToBe::Made(self.site.new_span(labels as usize, fields));
        }
        self
    }

    /// Starts the call.
    #[inline]
    #[track_caller]
    pub fn start(self) -> Call {
        let Self { site, meter, span } = self;
        let span = match span {
            SpanToBe::AtStart(labels) => site.new_span(labels as usize, |emit| emit(&[])),
            SpanToBe::Made(span) => span,
        };
        meter.start(|| directory::list(site));
        Call { meter, started: clock::now(), span, waiting: None }
    }
}

impl Call {
    /// Runs a sync body inside the call's span.
    ///
    /// The body comes as an `FnOnce`, not as a closure called in place: so the compiler takes the lifetimes of what it
    /// returns from the signature.
    #[inline]
    pub fn run<R>(&self, body: impl FnOnce() -> R) -> R {
        let _entered = self.enter_span();
        body()
    }

    /// Writes the text of an `Err` on the call's span.
    #[inline]
    pub fn record_error(&self, result: &impl Fallible) {
        if let (Some(span), Some(error)) = (&self.span, result.error()) {
            span::record_error(span, error);
        }
    }

    /// Ends the call.
    #[inline]
    pub fn finish(self, outcome: Outcome) {
        ManuallyDrop::new(self).end(outcome);
    }

    /// Ends the call with an error of a known sort.
    pub fn finish_error(self, names: &'static [&'static str], index: usize) {
        let meter = self.meter;
        if let (Some(span), Some(name)) = (&self.span, names.get(index)) {
            span::record_error_type(span, name);
        }
        self.finish(Outcome::Error);
        // After the call itself, so that no scrape finds more errors of known sorts than errors.
        meter.errors.add(names, index);
    }

    pub(super) fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.span.as_deref().map(Span::enter)
    }

    /// Puts the call on the list of those that wait.
    pub(super) fn wait(&mut self) {
        if self.waiting.is_none() {
            self.waiting = self.meter.waiting.enter(self.started);
        }
    }

    #[inline]
    fn end(&mut self, outcome: Outcome) {
        let nanos = clock::now().nanos_since(self.started);
        self.meter.finish(outcome, nanos);
        if let Some(ticket) = self.waiting.take() {
            self.meter.waiting.leave(ticket);
        }
        if let Some(span) = self.span.take() {
            span::record_outcome(&span, outcome);
        }
    }
}

/// What the option `err` can show: a `Result` whose error can be displayed.
#[diagnostic::on_unimplemented(
    message = "the option `err` needs a `Result` whose error is `Display`; this function returns `{Self}`",
    label = "there is no error here to show"
)]
pub trait Fallible {
    /// The error, if it is one.
    fn error(&self) -> Option<&dyn Display>;
}

impl<T, E: Display> Fallible for Result<T, E> {
    fn error(&self) -> Option<&dyn Display> {
        self.as_ref().err().map(|error| error as &dyn Display)
    }
}

/// A panic leaves a call as it is: there is nothing in it that could be half changed.
impl UnwindSafe for Call {}
impl RefUnwindSafe for Call {}
impl UnwindSafe for Prepared {}
impl RefUnwindSafe for Prepared {}

/// Ends a call as its scope is left: for bodies that cannot be a closure.
#[derive(Debug)]
pub struct Scope {
    call: ManuallyDrop<Call>,
    unwinding_before: bool,
}

impl Call {
    /// Hands the call to the scope that it is measured by.
    #[inline]
    pub fn scope(self) -> Scope {
        Scope { call: ManuallyDrop::new(self), unwinding_before: thread::panicking() }
    }
}

impl Scope {
    /// Enters the call's span until the end of the scope.
    #[inline]
    pub fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.call.enter_span()
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let unwound = !self.unwinding_before && thread::panicking();
        self.call.end(if unwound { Outcome::Panicked } else { Outcome::Ok });
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Outcome::Panicked);
    }
}
