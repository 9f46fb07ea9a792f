//! One execution of an annotated function.

use super::clock::{self, Moment};
use super::future::Watched;
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
/// counted as panicked. A future that is dropped before it is ready ends its call as cancelled (see [`Watched`]).
#[derive(Debug)]
#[must_use = "a call that is dropped counts as panicked"]
pub struct Call {
    site: &'static Site,
    started: Moment,
    span: Option<Box<Span>>,
    waiting: Option<Ticket>,
}

/// A call that is yet to start: its span is there, its arguments may be gone.
#[derive(Debug)]
pub struct Prepared {
    site: &'static Site,
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
    Prepared { site, span: site.new_span(fields) }
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
        let Self { site, span } = self;
        site.start();
        Call { site, started: clock::now(), span, waiting: None }
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

    /// Runs an async body: the future yields what the body returned and the call, not yet finished.
    #[inline]
    pub fn watch<F: Future>(self, body: F) -> Watched<F> {
        Watched::new(self, body)
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

    pub(super) fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.span.as_deref().map(Span::enter)
    }

    /// Puts the call on the list of those that wait.
    pub(super) fn wait(&mut self) {
        if self.waiting.is_none() {
            self.waiting = self.site.meter.waiting.enter(self.started);
        }
    }

    #[inline]
    fn end(&mut self, outcome: Outcome) {
        let nanos = clock::now().nanos_since(self.started);
        self.site.meter.finish(outcome, nanos);
        if let Some(ticket) = self.waiting.take() {
            self.site.meter.waiting.leave(ticket);
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
