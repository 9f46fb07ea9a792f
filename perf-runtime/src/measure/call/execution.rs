//! One execution of an annotated function.

use crate::measure::cells::cell_table::{Started, Ticket};
use crate::measure::cells::meter::Meter;
use crate::measure::clock::{self, Moment};
use crate::measure::model::budget::assert_budget;
use crate::measure::model::error_type::Sorts;
use crate::measure::model::label::Labels;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
use crate::measure::site::directory;
use crate::measure::site::error_event::ErrorEvent;
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
/// A call ends once: through [`finish`](Self::finish), or as panicked when an unwinding body drops it before that. A future that is
/// dropped before it is ready ends its call as cancelled (see `Watched`). A call that is dropped before it started is not counted.
///
/// A started call is never moved: a value that is written word by word and then copied in larger pieces has to go through the cache
/// first, which costs more than all counting.
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

/// The state of a call's body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// Yet to run.
    Prepared,
    /// Yet to run; the span was made already, because the values of its fields may be gone by then.
    WithSpan,
    /// Running from beginning to end.
    AtOnce,
    /// Being polled.
    Polled,
    /// Waiting to be polled: it returned `Pending`.
    Paused,
    /// Ended.
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

/// As [`body`], of a function that returns a future. `T` is the future's output by the signature.
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

    /// As [`with_fields`](Self::with_fields), in place.
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

    /// Begins a poll of the body: the first one starts the call, a later one resumes it. Not to be called after the call's end.
    pub(crate) fn poll(&mut self) {
        match self.pace {
            Pace::Prepared | Pace::WithSpan => self.begin(Pace::Polled),
            Pace::Paused => self.resume(),
            // Started a moment ago, before its first poll.
            Pace::AtOnce | Pace::Polled | Pace::Over => self.pace = Pace::Polled,
        }
    }

    /// Starts the call. The rare cases are tail calls of other functions, so that this one saves no registers and has half as many
    /// instructions.
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

    /// The moment of the start; meaningless before it.
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

    /// Starts the call where it is, for a sync body that stays in its function, and enters its span until the returned guard is dropped.
    #[inline]
    pub fn enter(&mut self) -> Option<tracing::span::Entered<'_>> {
        self.begin(Pace::AtOnce);
        self.enter_span()
    }

    /// Writes the text of an error on the call's span.
    #[inline]
    pub fn record_error(&self, error: Option<&dyn Display>) {
        if let (Some(span), Some(error)) = (&self.span, error) {
            span::record_error(span, error);
        }
    }

    /// As [`record_error`](Self::record_error), and sends an event with the text.
    #[inline]
    pub fn report_error(&self, error: Option<&dyn Display>, event: &'static ErrorEvent) {
        if let Some(error) = error {
            self.record_error(Some(error));
            event.send(&self.site.spec.span, self.span.as_deref(), error);
        }
    }

    /// Ends the call. Later calls of `finish` are ignored.
    #[inline]
    pub fn finish(&mut self, outcome: Outcome) {
        if self.is_running() {
            self.end(outcome);
        }
    }

    /// Ends the call with an error of a known sort.
    pub fn finish_error(&mut self, sorts: &'static Sorts, index: usize) {
        let meter = self.meter;
        if let (Some(span), Some(name)) = (&self.span, sorts.name(index)) {
            span::record_error_type(span, name);
        }
        // Before the call itself: a scrape takes the rest of the errors for those of no known sort, which is then never too many.
        meter.errors.add(sorts, index);
        if sorts.is_expected(index) {
            meter.expected.add_error();
        }
        self.finish(Outcome::Error);
    }

    /// Ends the call of a future that was dropped before it was ready; nothing where the call is over.
    #[inline]
    pub(crate) fn cancel(&mut self) {
        if self.is_running() {
            self.end_cancelled();
        }
    }

    /// Ends a call that was not finished. Nearly always its body unwinds. A body may also leave its function early by a macro that the
    /// attribute took for one of the standard library's: its value is not seen then, and it did not panic.
    #[cold]
    #[inline(never)]
    fn end_dropped(&mut self) {
        self.end(if thread::panicking() { Outcome::Panicked } else { Outcome::Ok });
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

    /// Whether the call has started and not ended.
    #[inline]
    fn is_running(&self) -> bool {
        matches!(self.pace, Pace::AtOnce | Pace::Polled | Pace::Paused)
    }

    /// Whether the call has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.pace == Pace::Over
    }

    /// Pauses the call: the body returned `Pending`.
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

    /// Ends the call. Not inlined, because each measured function would have a copy of it.
    #[inline(never)]
    fn end(&mut self, outcome: Outcome) {
        let Some(now) = clock::quick() else { return self.end_by_kernel(outcome) };
        self.end_at(outcome, now);
    }

    #[inline(never)]
    fn end_by_kernel(&mut self, outcome: Outcome) {
        self.end_at(outcome, clock::by_kernel());
    }

    /// Counts the call. Most calls never waited, were short and have no span: these are done with that.
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
        // Before the end itself, so that a reader who sees the call ended sees its polls too.
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

    /// Takes the call off the list of waiting calls.
    #[cold]
    fn leave(&self, ticket: Ticket, now: Moment) {
        let last_pause = if self.pace == Pace::Paused { now.nanos_since(self.turned) } else { 0 };
        self.meter.waited(ticket, self.idle_nanos.saturating_add(last_pause));
    }
}

/// A panic leaves a call as it is: no field of it can be half changed.
impl UnwindSafe for Call {}
impl RefUnwindSafe for Call {}

/// Ends a call as its scope is left: for bodies that stay in their function and may leave it early.
#[derive(Debug)]
pub struct Scope {
    pub(crate) call: Call,
    unwinding_before: bool,
}

impl Call {
    /// Hands the call to the scope by which it is measured.
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
        if self.is_running() {
            self.end_dropped();
        }
    }
}
