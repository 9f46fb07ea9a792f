//! Measures what a call uses: the time of its own polls on a processor, and the memory that it asks for and gives back in
//! them; and how long it waited to run.
//!
//! Calls and polls within count as well, profiled or not; work on other threads and in other tasks does not. A call that is
//! dropped half-way gives its memory back as it is dropped, which counts too. The sum is added once, when the call ends, whichever way.

use super::execution::Call;
use super::future::{Watched, watch};
use super::scope::{EnteredCall, Scope};
use super::wakes::Wakes;
use crate::measure::cells::meter::Meter;
use crate::measure::cells::tree::frame::Frame;
use crate::measure::cells::usage::Usage;
use crate::measure::clock;
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use futures_core::{FusedStream, Stream};
use std::ops::Deref;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// An async body whose polls are measured.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct Profiled<F> {
        polls: Polls,
        // `None` only while the whole is dropped.
        #[pin]
        body: Option<F>,
    }

    impl<F> PinnedDrop for Profiled<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            if this.polls.stage == Stage::Between {
                let _last = Part::last(this.polls);
                this.body.set(None);
            }
        }
    }
}

/// The use of processor and memory by the polls of a call.
#[derive(Debug)]
struct Polls {
    meter: &'static Meter,
    used: Usage,
    wakes: Wakes,
    stage: Stage,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The body was never polled, so there is no call.
    Before,
    Between,
    Over,
}

/// A part of a call, on one thread from beginning to end.
struct Part<'a> {
    polls: &'a mut Polls,
    before: Usage,
    is_last: bool,
}

impl<'a> Part<'a> {
    /// The part that ends the call, unless `is_last` is changed: a body that unwinds changes nothing.
    fn last(polls: &'a mut Polls) -> Self {
        polls.stage = Stage::Between;
        Self { polls, is_last: true, before: Usage::of_thread() }
    }
}

impl Drop for Part<'_> {
    fn drop(&mut self) {
        let polls = &mut *self.polls;
        polls.used += Usage::of_thread() - self.before;
        if self.is_last {
            polls.meter.profile.add(polls.used, polls.wakes.scheduled_nanos());
            polls.stage = Stage::Over;
        }
    }
}

impl<F: Future> Future for Profiled<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        // Only `drop` takes the body out.
        let Some(body) = this.body.as_pin_mut() else { return Poll::Pending };
        if this.polls.stage == Stage::Over {
            // The body decides what another poll does.
            return body.poll(context);
        }
        // Its own memory is none of the call's.
        let waker = this.polls.wakes.before_poll(context);
        let mut part = Part::last(this.polls);
        let polled = body.poll(&mut Context::from_waker(&waker));
        part.is_last = polled.is_ready();
        drop(part);
        if polled.is_pending() {
            this.polls.wakes.after_poll();
        }
        polled
    }
}

impl<S: Stream> Stream for Profiled<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        // Only `drop` takes the body out.
        let Some(body) = this.body.as_pin_mut() else { return Poll::Pending };
        if this.polls.stage == Stage::Over {
            // The body decides what another poll does.
            return body.poll_next(context);
        }
        let waker = this.polls.wakes.before_poll(context);
        let mut part = Part::last(this.polls);
        let polled = body.poll_next(&mut Context::from_waker(&waker));
        part.is_last = matches!(polled, Poll::Ready(None));
        drop(part);
        match &polled {
            Poll::Pending => this.polls.wakes.after_poll(),
            Poll::Ready(Some(_)) => this.polls.wakes.after_item(),
            Poll::Ready(None) => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.body.as_ref().map_or((0, None), Stream::size_hint)
    }
}

impl<S: FusedStream> FusedStream for Profiled<S> {
    fn is_terminated(&self) -> bool {
        self.body.as_ref().is_none_or(FusedStream::is_terminated)
    }
}

/// As [`watch`], and measures what the body uses.
pub fn watch_profiled<F: Future, E: Fn(&F::Output, &mut Call)>(call: Call, body: F, end: E) -> Watched<Profiled<F>, E> {
    let body = call.profiled(body);
    watch(call, body, end)
}

/// Measures what a call uses up to the end of a scope, on one thread.
#[derive(Debug)]
pub struct ProfiledScope {
    meter: &'static Meter,
    before: Usage,
}

impl ProfiledScope {
    fn of(meter: &'static Meter) -> Self {
        Self { meter, before: Usage::of_thread() }
    }
}

impl Drop for ProfiledScope {
    fn drop(&mut self) {
        // A body that runs from beginning to end never waits to run.
        self.meter.profile.add(Usage::of_thread() - self.before, 0);
    }
}

impl Call {
    /// An async body of this call, whose polls are measured.
    pub fn profiled<F>(&self, body: F) -> Profiled<F> {
        let polls =
            Polls { meter: self.meter(), used: Usage::default(), wakes: Wakes::default(), stage: Stage::Before };
        Profiled { polls, body: Some(body) }
    }

    /// As [`enter`](Self::enter), and measures what the body uses.
    pub fn enter_profiled<'a>(&'a mut self, frame: &'a Frame) -> (ProfiledScope, EnteredCall<'a>) {
        let meter = self.meter();
        let entered = self.enter(frame);
        (ProfiledScope::of(meter), entered)
    }

    /// As [`run`](Self::run), and measures what the body uses.
    pub fn run_profiled<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let meter = self.meter();
        self.run(|| {
            let _profiled = ProfiledScope::of(meter);
            body()
        })
    }
}

impl Scope {
    /// Measures what the call uses until the returned guard is dropped.
    pub fn profiled_scope(&self) -> ProfiledScope {
        ProfiledScope::of(self.call.meter())
    }
}

/// A call that can be ended.
pub trait Ends {
    /// Ends it.
    fn finish(&mut self, outcome: Outcome);

    /// Ends it with an error that the body returned.
    fn finish_failed(&mut self, failed: &Failed<'_>);
}

impl Ends for Call {
    #[inline]
    fn finish(&mut self, outcome: Outcome) {
        Self::finish(self, outcome);
    }

    #[inline]
    fn finish_failed(&mut self, failed: &Failed<'_>) {
        Self::finish_failed(self, failed);
    }
}

/// A call that did some work, if it ends well.
#[derive(Debug)]
pub struct WithUnits<'a> {
    call: &'a mut Call,
    units: Option<u64>,
}

/// Counts the work of a call that ends well.
pub fn with_units(call: &mut Call, units: impl Into<Option<u64>>) -> WithUnits<'_> {
    WithUnits { call, units: units.into() }
}

impl Ends for WithUnits<'_> {
    fn finish(&mut self, outcome: Outcome) {
        if let (Some(units), Outcome::Ok) = (self.units, outcome) {
            // Before the call itself, so that a reader who sees the call ended sees its work too.
            self.call.meter().profile.add_units(units, clock::now().nanos_since(self.call.started()));
        }
        self.call.finish(outcome);
    }

    fn finish_failed(&mut self, failed: &Failed<'_>) {
        self.call.finish_failed(failed);
    }
}

impl WithUnits<'_> {
    /// Ends the call.
    pub fn finish(&mut self, outcome: Outcome) {
        Ends::finish(self, outcome);
    }
}

/// A number of units of work.
#[diagnostic::on_unimplemented(
    message = "the option `units` counts in whole numbers, and `{Self}` is none",
    label = "a whole number is needed here, such as `rows.len()`"
)]
pub trait Units {
    /// The number; 0 for a negative one.
    fn count(self) -> u64;
}

macro_rules! whole_numbers {
    ($($number:ty)+) => {$(
        impl Units for $number {
            #[inline]
            fn count(self) -> u64 {
                u64::try_from(self).unwrap_or(0)
            }
        }
    )+};
}

whole_numbers!(u8 u16 u32 usize i8 i16 i32 i64 isize);

impl Units for u64 {
    #[inline]
    fn count(self) -> u64 {
        self
    }
}

/// The work of a call, by its arguments.
pub fn units(units: impl Units) -> u64 {
    units.count()
}

/// The value that a body returned, to count the units in it: of a `Result` those of an `Ok`.
///
/// The method of a `Result` itself is found first, as with `Returned`; of all else that behind [`Deref`].
#[derive(Debug)]
pub struct UnitsOf<'a, T>(Whole<'a, T>);

/// Any value that a body returned.
#[derive(Debug)]
pub struct Whole<'a, T>(&'a T);

/// Looks at the value that a body returned, to count the units in it.
pub const fn units_of<T>(value: &T) -> UnitsOf<'_, T> {
    UnitsOf(Whole(value))
}

impl<T, E> UnitsOf<'_, Result<T, E>> {
    /// The units in an `Ok`.
    pub fn by<U: Units>(&self, count: impl FnOnce(&T) -> U) -> Option<u64> {
        self.0.0.as_ref().ok().map(|value| count(value).count())
    }
}

impl<'a, T> Deref for UnitsOf<'a, T> {
    type Target = Whole<'a, T>;

    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<T> Whole<'_, T> {
    /// The units in it.
    pub fn by<U: Units>(&self, count: impl FnOnce(&T) -> U) -> Option<u64> {
        Some(count(self.0).count())
    }
}

/// A panic leaves it as it is, as it does a [`Call`].
impl UnwindSafe for Polls {}
impl RefUnwindSafe for Polls {}
