//! One execution of an annotated function.

use crate::measure::cells::cell_table::{Started, Ticket};
use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::HandedOver;
use crate::measure::cells::tree::frame::{self, Body, Frame, Inside, Parent};
use crate::measure::clock::{self, Moment};
use crate::measure::model::budget::assert_budget;
use crate::measure::model::label::Labels;
use crate::measure::model::outcome::Outcome;
use crate::measure::site::annotated::Site;
use crate::measure::site::directory;
#[cfg(any(test, feature = "test-util"))]
use crate::measure::site::isolation;
use crate::measure::site::opened::Opened;
use std::fmt;
use std::mem::ManuallyDrop;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::thread;
use tracing::Span;
use tracing::field::Value;

mod ending;
mod failing;
mod pace;
mod streaming;

use pace::{Marks, Pace};

/// A poll that keeps its thread for longer is a slow one. A future is to give its thread back a hundred times sooner:
/// within 10 to 100 microseconds (Alice Ryhl, "Async: What is blocking?").
pub(crate) const SLOW_POLL_NANOS: u64 = 10_000_000;

/// One execution of a function: from where its labels are known until it has ended.
///
/// A call ends once: through [`finish`](Self::finish), or as panicked when an unwinding body drops it before that. A future that is
/// dropped before it is ready ends its call as cancelled. A call that is dropped before it started is not counted.
///
/// A started call is never moved: a value that is written word by word and then copied in larger pieces has to go through the cache
/// first, which costs more than all counting.
#[derive(Debug)]
#[must_use = "a call that is dropped counts as panicked"]
pub struct Call {
    meter: &'static Meter,
    started: Moment,
    turned: SiteOrTurn,
    /// The time between polls.
    idle_nanos: u64,
    /// Dropped by hand: most calls have none, and that is told here without a function call.
    span: ManuallyDrop<Option<Box<Opened>>>,
    /// The call that it was made inside.
    parent: Parent,
    ticket: Option<Ticket>,
    pace: Pace,
    marks: Marks,
    /// The child for which it waits while it is paused, if it is one that is measured; then what its body hands over to its end.
    over: HandedOver,
}

/// The site of a call that is yet to start. From the start on its meter knows the site, and this is when the body last began to run or,
/// while the call is paused, ceased to.
#[derive(Clone, Copy)]
union SiteOrTurn {
    site: &'static Site,
    turned: Moment,
}

impl fmt::Debug for SiteOrTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SiteOrTurn").finish_non_exhaustive()
    }
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
        let never = Moment::default();
        Self {
            meter,
            started: never,
            turned: SiteOrTurn { site },
            idle_nanos: 0,
            span: ManuallyDrop::new(None),
            parent: Parent::NONE,
            ticket: None,
            pace: Pace::Prepared,
            marks: Marks::default(),
            over: HandedOver::nothing(),
        }
    }

    /// Makes the span now, with fields of the user's. `fields` is asked for their values only when a subscriber listens, or the recorder keeps them.
    #[inline]
    pub fn with_fields(mut self, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) -> Self {
        self.open(fields);
        self
    }

    /// As [`with_fields`](Self::with_fields), in place.
    #[inline]
    pub fn open(&mut self, fields: impl FnOnce(&mut dyn FnMut(&[&dyn Value]))) {
        *self.span = self.site_at_start().and_then(|site| site.open(self.meter, fields));
        self.pace = Pace::WithSpan;
    }

    /// Starts a call whose body runs from beginning to end, or is polled soon.
    #[inline]
    pub fn start(mut self) -> Self {
        self.begin(Pace::AtOnce);
        self
    }

    /// Says that the body begins to make what the call is to measure, for a call that fails at that.
    #[inline]
    pub fn making(mut self) -> Self {
        self.started = clock::now();
        self
    }

    /// Starts a call that fails at the [making](Self::making) of what it was to measure, as of then. It covers none of the time of its
    /// caller before now: calls that were made meanwhile are the caller's.
    #[cold]
    pub fn start_of_making(mut self) -> Self {
        let began = self.started;
        self.begin(Pace::AtOnce);
        self.started = began;
        self
    }

    /// Begins a poll of the body, whose frame gets the children of earlier polls: the first one starts the call, a later one resumes it. Not to be called after the call's end.
    #[inline]
    pub(crate) fn poll(&mut self, frame: &Frame) {
        if self.pace <= Pace::WithSpan {
            self.begin(Pace::Polled);
        } else if self.pace == Pace::Paused {
            self.resume(frame);
        } else {
            // Started a moment ago, before its first poll.
            self.pace = Pace::Polled;
        }
    }

    /// Starts the call. The rare cases are tail calls of other functions, so that this one saves no registers and has half as many
    /// instructions.
    fn begin(&mut self, pace: Pace) {
        if self.pace == Pace::Prepared && self.site_at_start().is_some_and(Site::may_have_span) {
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
        let site = self.site_at_start();
        site.inspect(|site| site.claim(self.meter));
        let started = self.meter.start(|| {
            site.inspect(|site| directory::list(site));
        });
        self.begun(started, clock::now(), pace);
    }

    #[inline(never)]
    fn begin_by_kernel(&mut self, started: Started<'_>, pace: Pace) {
        self.begun(started, clock::by_kernel(), pace);
    }

    #[inline]
    fn begun(&mut self, started: Started<'_>, now: Moment, pace: Pace) {
        started.begin(now, pace == Pace::Polled);
        (self.started, self.turned, self.pace) = (now, SiteOrTurn { turned: now }, pace);
        if frame::is_any() {
            let Some(parent) = frame::begin_next_child(now) else { return self.begun_as_other_child(now) };
            self.parent = parent;
        }
    }

    #[inline(never)]
    fn begun_as_other_child(&mut self, now: Moment) {
        self.parent = frame::begin_child(now);
    }

    #[inline(never)]
    fn resume(&mut self, frame: &Frame) {
        let now = clock::now();
        let paused = now.nanos_since(self.turned());
        if let Some(ticket) = self.ticket.filter(|_| self.marks.has(Marks::KEEPS_CHILDREN)) {
            frame.go_on(&self.meter.kept_children(ticket, self.over.take().map(|child| (child, paused))));
        }
        self.idle_nanos = self.idle_nanos.saturating_add(paused);
        self.turned = SiteOrTurn { turned: now };
        self.pace = Pace::Polled;
        self.meter.take_up().begin(now, true);
    }

    /// The site that made it, whether it has started or not.
    pub(super) fn its_site(&self) -> Option<&'static Site> {
        self.site_at_start().or_else(|| self.site())
    }

    /// The site that made it, while it is yet to start.
    #[inline]
    fn site_at_start(&self) -> Option<&'static Site> {
        let is_yet_to_start = matches!(self.pace, Pace::Prepared | Pace::WithSpan);
        // SAFETY: it holds the site until `begun`, which changes the pace.
        if is_yet_to_start { Some(unsafe { self.turned.site }) } else { None }
    }

    /// When the body last began to run or, while the call is paused, ceased to. The moment of the start before that.
    #[inline]
    fn turned(&self) -> Moment {
        match self.pace {
            Pace::Prepared | Pace::WithSpan => self.started,
            // SAFETY: it holds the moment from `begun` on, which sets the pace to one of these.
            _ => unsafe { self.turned.turned },
        }
    }

    /// The site that made it, once it has started.
    #[inline]
    fn site(&self) -> Option<&'static Site> {
        Site::of(self.meter)
    }

    pub(crate) fn meter(&self) -> &'static Meter {
        self.meter
    }

    /// The moment of the start; meaningless before it.
    pub(crate) fn started(&self) -> Moment {
        self.started
    }

    /// Starts a call whose body runs from beginning to end, where the call is.
    #[inline]
    pub(super) fn begin_at_once(&mut self) {
        self.begin(Pace::AtOnce);
    }

    /// The body's time in a frame, for a sync body.
    #[inline]
    pub(super) fn body<'a>(&'a self, frame: &'a Frame) -> Body<'a> {
        Body::new(frame, self.meter, self.parent, &self.over)
    }

    /// Has calls that this thread starts be children of this one, until the guard is dropped. The guard is not to be leaked.
    #[inline]
    pub(super) fn enter_frame<'a>(&'a self, frame: &'a Frame) -> Inside<'a> {
        frame.enter(self.meter, self.parent)
    }

    /// Ends the time of its body in a frame.
    #[inline]
    pub(super) fn end_frame(&self, frame: &Frame) {
        frame.end(self.meter, &self.over);
    }

    /// Ends the call. Later calls of `finish` are ignored.
    #[inline]
    pub fn finish(&mut self, outcome: Outcome) {
        if self.is_running() {
            if outcome.is_failure() {
                return self.fail(outcome);
            }
            self.end(outcome);
        }
    }

    /// Ends a call that was not finished: that of a future which is dropped before it is ready, and else nearly always of a body that
    /// unwinds. A sync body may also leave its function early by a macro that the attribute took for one of the standard library's: its
    /// value is not seen then, and it did not panic.
    fn end_dropped(&mut self) {
        match self.pace {
            Pace::AtOnce => self.finish(if thread::panicking() { Outcome::Panicked } else { Outcome::Ok }),
            // A poll that unwinds has ended its call by now.
            Pace::Polled | Pace::Paused | Pace::Held | Pace::Asked => self.end_cancelled(),
            Pace::Prepared | Pace::WithSpan | Pace::Over => {}
        }
    }

    /// Drops a call that has not ended, or has a span: apart, so that the drop of all others saves no registers.
    #[cold]
    #[inline(never)]
    fn drop_unfinished(&mut self) {
        self.end_dropped();
        drop(self.span.take());
    }

    /// The call of a future: dropped before it is ready, it is cancelled.
    #[inline]
    pub(crate) fn of_future(mut self) -> Self {
        if self.pace == Pace::AtOnce {
            self.pace = Pace::Polled;
        }
        self
    }

    fn end_cancelled(&mut self) {
        if self.meter.targets().cancel_expected {
            self.meter.expected.add_cancelled();
        }
        self.end(Outcome::Cancelled);
    }

    pub(crate) fn enter_span(&self) -> Option<tracing::span::Entered<'_>> {
        self.span().map(Span::enter)
    }

    /// Its span, where somebody listens.
    #[inline]
    fn span(&self) -> Option<&Span> {
        self.span.as_deref().and_then(Opened::span)
    }

    /// Whether the call has started and not ended.
    #[inline]
    fn is_running(&self) -> bool {
        matches!(self.pace, Pace::AtOnce | Pace::Polled | Pace::Paused | Pace::Held | Pace::Asked)
    }

    /// Whether the call has ended.
    #[inline]
    pub(crate) fn is_over(&self) -> bool {
        self.pace == Pace::Over
    }

    /// Pauses the call: the body returned `Pending`.
    pub(crate) fn pause(&mut self, frame: &Frame) {
        self.note_pause(clock::now());
        self.meter.let_go();
        self.put_aside(frame);
        self.note_waiting();
    }

    fn note_pause(&mut self, now: Moment) {
        self.note_slow_poll(now);
        self.turned = SiteOrTurn { turned: now };
        self.pace = Pace::Paused;
    }

    /// Lists the call, and keeps its children for its next poll.
    fn put_aside(&mut self, frame: &Frame) {
        if self.ticket.is_none() {
            self.ticket = self.meter.wait(self.started, self.parent);
        }
        if let (Some(ticket), Some(children)) = (self.ticket, frame.children()) {
            self.meter.keep_children(ticket, children);
            self.marks.set(Marks::KEEPS_CHILDREN);
            self.over.keep(frame.waits_for());
        }
    }

    /// Tells its caller that it waits.
    fn note_waiting(&self) {
        if self.parent.is_some() {
            frame::child_waits(self.parent, self.ticket, || self.meter.node());
        }
    }

    fn note_slow_poll(&self, now: Moment) {
        if self.pace == Pace::Polled && now.nanos_since(self.turned()) >= SLOW_POLL_NANOS {
            self.meter.slow_poll();
        }
    }
}

/// A panic leaves a call as it is: no field of it can be half changed.
impl UnwindSafe for Call {}
impl RefUnwindSafe for Call {}

impl Drop for Call {
    #[inline]
    fn drop(&mut self) {
        if self.is_running() || self.span.is_some() {
            self.drop_unfinished();
        }
    }
}
