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
use tracing::Span;
use tracing::field::Value;

/// A call that has started and has not yet ended.
///
/// It ends once: through [`finish`](Self::finish), or by being dropped, which only an unwinding body does: then it is
/// counted as panicked. A future that is dropped before it is ready ends its call as cancelled (see [`watch`](Self::watch)).
#[derive(Debug)]
#[must_use = "a call that is dropped counts as panicked"]
pub struct Call {
    meter: &'static Meter,
    started: Moment,
    span: Option<Box<Span>>,
    waiting: Option<Ticket>,
}

/// A call that is yet to start: its span is there, its arguments may be gone.
#[derive(Debug)]
pub struct Prepared {
    site: &'static Site,
    meter: &'static Meter,
    span: Option<Box<Span>>,
}

/// Starts a call.
#[inline]
pub fn enter(site: &'static Site) -> Call {
    prepare(site, |emit| emit(&[])).start()
}

/// Makes the span of a call, with fields of the user's. `fields` is asked for their values only when somebody listens.
#[inline]
pub fn prepare(site: &'static Site, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) -> Prepared {
    Prepared { site, meter: site.only_meter(), span: site.new_span(0, fields) }
}

/// As [`prepare`], for a call that brings labels. Together they make at most `BUDGET` series, or it does not compile.
#[inline]
pub fn prepare_labelled<const BUDGET: usize, L: Labels>(
    site: &'static Site,
    labels: &L,
    fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value])),
) -> Prepared {
    const { assert_budget(L::VALUES, BUDGET) };
    if site.learn_values(L::VALUES) {
        directory::values_came();
    }
    let index = labels.index();
    Prepared { site, meter: site.meter_at(index), span: site.new_span(index, fields) }
}

/// Runs a body at once, as a function would (see [`Call::run`]).
#[inline]
pub fn body<R>(body: impl FnOnce() -> R) -> R {
    body()
}

impl Prepared {
    /// Starts the call.
    #[inline]
    pub fn start(self) -> Call {
        let Self { site, meter, span } = self;
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
    pub fn record_error<T, E: Display>(&self, result: &Result<T, E>) {
        if let (Some(span), Err(error)) = (&self.span, result) {
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

impl Drop for Call {
    fn drop(&mut self) {
        self.end(Outcome::Panicked);
    }
}
