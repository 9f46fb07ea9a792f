//! One execution of an annotated function.

use crate::measure::cells::cell_table::{Started, Ticket};
use crate::measure::cells::meter::Meter;
use crate::measure::clock::{self, Moment};
use crate::measure::model::error_type::Sorts;
use crate::measure::model::label::{Labels, assert_budget};
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
use crate::measure::site::directory;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use crate::measure::site::span;
use std::fmt::Display;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use tracing::Span;
use tracing::field::Value;

/// A poll that keeps its thread for longer is a slow one. A future is to give its thread back a hundred times sooner:
/// within 10 to 100 microseconds (Alice Ryhl, "Async: What is blocking?").
pub(crate) const SLOW_POLL_NANOS: u64 = 10_000_000;

/// One execution of a function: from where its labels are known until it has ended.
///
/// It ends once: through [`finish`](Self::finish), or by being dropped before that, which only an unwinding body does: then
/// it is counted as panicked. A future that is dropped before it is ready ends its call as cancelled (see `Watched`). One
/// that is dropped before it started was no call.
///
/// It stays where it was made, from the start on: what is written a word at a time and then moved in larger pieces has to
/// go through the cache first, which costs more than all counting.
#[derive(Debug)]
#[must_use = "a call that is dropped counts as panicked"]
pub struct Call {
    site: &'static Site,
    meter: &'static Meter,
    started: Moment,
    /// When the body last began to run or, while the call is paused, ceased to.
    turned: Moment,
    /// The time between polls.
    idle_nanos: u64,
    span: Option<Box<Span>>,
    ticket: Option<Ticket>,
    pace: Pace,
}

/// What a call's body is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// It is yet to run.
    Prepared,
    /// It is yet to run, and the span was made already, because its fields' values may be gone by then.
    WithSpan,
    /// It runs from beginning to end.
    AtOnce,
    /// It is being polled.
    Polled,
    /// It returned `Pending`, and waits to be polled.
    Paused,
    /// It ended.
    Over,
}

/// A call that brings no labels.
#[inline]
pub fn prepare(site: &'static Site) -> Call {
    Call::prepared(site, site.only_meter())
}

/// A call that brings labels. Together they make at most `BUDGET` series, or it does not compile.
#[inline]
pub fn prepare_labelled<const BUDGET: usize, L: Labels>(site: &'static Site, labels: &L) -> Call {
    const { assert_budget(L::VALUES, BUDGET) };
    if site.learn_values(L::VALUES) {
        directory::values_came();
    }
    Call::prepared(site, site.meter_at(labels.index()))
}

/// Runs a body at once, as a function would (see [`Call::run`]).
#[inline]
pub fn body<R>(body: impl FnOnce() -> R) -> R {
    body()
}

/// As [`body`], of a function that returns a future. `T` is what the signature says that the future makes.
#[inline]
pub fn future_body<T, F: Future<Output = T>>(body: impl FnOnce() -> F) -> F {
    body()
}

impl Call {
    #[inline]
    fn prepared(site: &'static Site, meter: &'static Meter) -> Self {
        #[cfg(any(test, feature = "test-util"))]
        let meter = isolation::meter(meter);
        let (never, pace) = (Moment::default(), Pace::Prepared);
        Self { site, meter, started: never, turned: never, idle_nanos: 0, span: None, ticket: None, pace }
    }

    /// Makes the span now, with fields of the user's. `fields` is asked for their values only when somebody listens.
    #[inline]
    pub fn with_fields(mut self, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) -> Self {
        self.open(fields);
        self
    }

    /// As [`with_fields`](Self::with_fields), of a call that stays where it is.
    #[inline]
    pub fn open(&mut self, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) {
        self.span = self.site.new_span(self.meter, fields);
        self.pace = Pace::WithSpan;
    }

    /// Starts a call whose body runs from beginning to end, or is polled soon.
    #[inline]
    pub fn start(mut self) -> Self {
        self.begin(Pace::AtOnce);
        self
    }

    /// The body is polled: for the first time, or again. Not to be called once the call is over.
    pub(crate) fn poll(&mut self) {
        match self.pace {
            Pace::Prepared | Pace::WithSpan => self.begin(Pace::Polled),
            Pace::Paused => self.resume(),
            // Started a moment ago, before its first poll.
            Pace::AtOnce | Pace::Polled | Pace::Over => self.pace = Pace::Polled,
        }
    }

    /// What is not so in most calls is left to functions that are gone to, never called and come back from: then this one
    /// has no registers to keep, and half as many instructions.
    fn begin(&mut self, pace: Pace) {
        if self.pace == Pace::Prepared && self.site.may_have_span() {
            return self.begin_with_span(pace);
        }
        let Some(started) = self.meter.start_warm() else { return self.begin_cold(pace) };
        let Some(now) = clock::quick() else { return self.begin_by_kernel(started, pace) };
        self.begun(started, now, pace);
    }

    #[inline(never)]
    fn begin_with_span(&mut self, pace: Pace) {
        self.open(|emit| emit(&[]));
        self.begin(pace);
    }

    #[cold]
    #[inline(never)]
    fn begin_cold(&mut self, pace: Pace) {
        let site = self.site;
        let started = self.meter.start(|| directory::list(site));
        self.begun(started, clock::now(), pace);
    }

    #[inline(never)]
    fn begin_by_kernel(&mut self, started: Started<'_>, pace: Pace) {
        self.begun(started, clock::by_kernel(), pace);
    }

    #[inline]
    fn begun(&mut self, started: Started<'_>, now: Moment, pace: Pace) {
        started.begin(now, pace == Pace::Polled);
        (self.started, self.turned, self.pace) = (now, now, pace);
    }

    fn resume(&mut self) {
        let now = clock::now();
        self.idle_nanos = self.idle_nanos.saturating_add(now.nanos_since(self.turned));
        self.turned = now;
        self.pace = Pace::Polled;
        self.meter.take_up().begin(now, true);
    }

    pub(crate) fn meter(&self) -> &'static Meter {
        self.meter
    }

    /// When it started; of no account before.
    pub(crate) fn started(&self) -> Moment {
        self.started
    }

    /// Starts the call where it is, and runs a sync body inside its span.
    ///
    /// The body comes as an `FnOnce`, not as a closure called in place: so the compiler takes the lifetimes of what it
    /// returns from the signature.
    #[inline]
    pub fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        self.begin(Pace::AtOnce);
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

    /// Ends the call. What comes after the first time is not heard.
    #[inline]
    pub fn finish(&mut self, outcome: Outcome) {
        if matches!(self.pace, Pace::AtOnce | Pace::Polled | Pace::Paused) {
            self.end(outcome);
        }
    }

    /// Ends the call with an error of a known sort.
    pub fn finish_error(&mut self, sorts: &'static Sorts, index: usize) {
        let meter = self.meter;
        if let (Some(span), Some(name)) = (&self.span, sorts.name(index)) {
            span::record_error_type(span, name);
        }
        // Before the call itself: what a scrape takes for errors of no known sort, the rest, is then never too much.
        meter.errors.add(sorts, index);
        if sorts.is_expected(index) {
            meter.expected.add_error();
        }
        self.finish(Outcome::Error);
    }

    /// Ends the call of a future that was dropped before it was ready; nothing where the call is over.
    #[inline]
    pub(crate) fn cancel(&mut self) {
        if matches!(self.pace, Pace::AtOnce | Pace::Polled | Pace::Paused) {
            self.end_cancelled();
        }
    }

    #[inline(never)]
    fn end_cancelled(&mut self) {
        if self.meter.targets().cancel_expected {
            self.meter.expected.add_cancelled();
        }
        self.end(Outcome::Cancelled);
    }

    pub(crate) fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.span.as_deref().map(Span::enter)
    }

    /// Whether it has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.pace == Pace::Over
    }

    /// The body returned `Pending`.
    pub(crate) fn pause(&mut self) {
        let now = clock::now();
        self.note_slow_poll(now);
        self.turned = now;
        self.pace = Pace::Paused;
        self.meter.let_go();
        if self.ticket.is_none() {
            self.ticket = self.meter.wait(self.started);
        }
    }

    fn note_slow_poll(&self, now: Moment) {
        if self.pace == Pace::Polled && now.nanos_since(self.turned) >= SLOW_POLL_NANOS {
            self.meter.slow_poll();
        }
    }

    /// Not inlined: it would be written into each function that is measured.
    #[inline(never)]
    fn end(&mut self, outcome: Outcome) {
        let Some(now) = clock::quick() else { return self.end_by_kernel(outcome) };
        self.end_at(outcome, now);
    }

    #[inline(never)]
    fn end_by_kernel(&mut self, outcome: Outcome) {
        self.end_at(outcome, clock::by_kernel());
    }

    /// Most calls were not put aside, are over soon, and have no span: then all there is to do is to count.
    #[inline]
    fn end_at(&mut self, outcome: Outcome, now: Moment) {
        let nanos = now.nanos_since(self.started);
        let was_put_aside = self.ticket.is_some() || self.pace == Pace::Paused;
        if was_put_aside || nanos >= SLOW_POLL_NANOS || !self.meter.finish_warm(outcome, nanos) {
            return self.end_with_polls(outcome, now);
        }
        self.pace = Pace::Over;
        if self.span.is_some() {
            self.close_span(outcome, nanos);
        }
    }

    #[inline(never)]
    fn end_with_polls(&mut self, outcome: Outcome, now: Moment) {
        let nanos = now.nanos_since(self.started);
        // Before the end itself: whoever finds a call ended finds what is known of its polls.
        self.note_slow_poll(now);
        if self.pace == Pace::Paused {
            self.meter.take_up();
        }
        if let Some(ticket) = self.ticket.take() {
            self.leave(ticket, now);
        }
        self.meter.finish(outcome, nanos);
        self.pace = Pace::Over;
        self.close_span(outcome, nanos);
    }

    fn close_span(&mut self, outcome: Outcome, nanos: u64) {
        if let Some(span) = self.span.take() {
            self.meter.exemplars.offer(self.meter.layout(), outcome, nanos, &span);
            self.site.close_span(span, outcome);
        }
    }

    /// Leaves the list of those that wait.
    #[cold]
    fn leave(&self, ticket: Ticket, now: Moment) {
        let last_pause = if self.pace == Pace::Paused { now.nanos_since(self.turned) } else { 0 };
        self.meter.waited(ticket, self.idle_nanos.saturating_add(last_pause));
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

/// Ends a call as its scope is left: for bodies that cannot be a closure.
#[derive(Debug)]
pub struct Scope {
    pub(crate) call: Call,
    unwinding_before: bool,
}

impl Call {
    /// Hands the call to the scope that it is measured by.
    #[inline]
    pub fn scope(self) -> Scope {
        Scope { call: self, unwinding_before: thread::panicking() }
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
        self.call.finish(if unwound { Outcome::Panicked } else { Outcome::Ok });
    }
}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        self.finish(Outcome::Panicked);
    }
}
