//! Waits, which are shown while they last.

use super::cells::{self, Slow, Writer};
use super::mode::Mode;
use super::owner::{Owner, Who};
use super::series::SeriesNumber;
use super::waits::{Asked, Waiter, Waits};
use super::{Held, Holds, Watch};
use perf_runtime::__locks;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};

/// A wait for what is borrowed meanwhile.
pub(crate) type Wait<'a> = WaitAt<&'a Waits>;

/// A wait: given up where it is dropped before its end was said.
#[derive(Debug)]
#[must_use = "a wait that is dropped counts as cancelled"]
pub(crate) struct WaitAt<W: Deref<Target = Waits>> {
    there: W,
    /// Its place among them.
    place: usize,
    since: u64,
    series: SeriesNumber,
    /// The number of the series whose call waits; zero where none runs.
    caller: u16,
    is_over: bool,
}

impl<W: Deref<Target = Waits>> WaitAt<W> {
    pub(crate) fn begin(there: W, series: SeriesNumber, mode: Mode, by: Holds, blocks: bool) -> Self {
        Self::begin_polled(there, series, mode, by, blocks, None)
    }

    /// The same of a future that may be polled again where it is asked what its calls wait for.
    pub(super) fn begin_polled(
        there: W,
        series: SeriesNumber,
        mode: Mode,
        by: Holds,
        blocks: bool,
        waker: Option<&Waker>,
    ) -> Self {
        let owner = Owner::current(mode, by != Holds::ByTask && Who::task().is_none());
        let thread = Some(Who::thread()).filter(|_| blocks);
        let (since, is_recursive) = (__locks::now(), by == Holds::Recursively);
        cells::series(series).slow.begun.fetch_add(1, Ordering::Release);
        let asked = Asked::default();
        let waiter = Waiter { owner, thread, is_timed: false, is_recursive, since, asked, alone: None };
        let waker = waker.filter(|_| mode.is_step()).map(|waker| Arc::new(waker.clone()));
        let place = there.begin(waiter, waker);
        Self { there, place, since, series, caller: owner.series(), is_over: false }
    }

    /// Says that it ends by itself, when its time is over.
    #[cfg(feature = "parking_lot")]
    pub(crate) fn for_a_time(self) -> Self {
        self.there.set_timed(self.place);
        self
    }

    /// Notes which calls wait for nothing else, where somebody asks.
    pub(super) fn again(&self, waker: &Waker) {
        if __locks::is_asked() {
            self.there.polled(self.place, __locks::waits(waker));
        }
    }

    /// Ends it with what was waited for, and so many permits.
    pub(crate) fn acquired(mut self, units: u64) {
        let nanos = self.end();
        Writer::of(self.series).units(units);
        self.slow().waited.count(nanos);
    }

    /// Ends it without.
    pub(crate) fn refused(mut self) {
        self.end();
        self.slow().timed_out.fetch_add(1, Ordering::Release);
    }

    /// Ends it without: the channel was closed.
    pub(crate) fn closed(mut self) {
        self.end();
        self.slow().closed.fetch_add(1, Ordering::Release);
    }

    /// Ends it, and says how long it was, in nanoseconds.
    fn end(&mut self) -> u64 {
        let nanos = __locks::now().saturating_sub(self.since);
        self.is_over = true;
        self.there.end(self.place);
        self.slow().callers.count(self.caller, nanos);
        nanos
    }

    fn slow(&self) -> &'static Slow {
        &cells::series(self.series).slow
    }
}

impl<W: Deref<Target = Waits>> Drop for WaitAt<W> {
    fn drop(&mut self) {
        if !self.is_over {
            self.end();
            self.slow().cancelled.fetch_add(1, Ordering::Release);
        }
    }
}

/// How an attempt ended that could have waited.
#[derive(Debug)]
pub(crate) enum Waited {
    /// It did not wait, or it did and that is counted; the number of permits that were taken.
    Acquired(u64),
    Refused,
}

pin_project_lite::pin_project! {
    /// The future of an attempt: that of the lock itself, and what is counted of it. Ready at the first poll, it did not wait; dropped before the
    /// first poll, it was no attempt.
    #[must_use = "futures do nothing unless polled"]
    pub(crate) struct Waiting<'a, F: Future> {
        // Dropped first: it leaves the queue before it is said that it was given up.
        #[pin]
        future: F,
        watch: &'a Watch,
        mode: Mode,
        ended: fn(&F::Output) -> Waited,
        wait: Option<Wait<'a>>,
    }
}

impl<'a, F: Future> Waiting<'a, F> {
    pub(crate) fn new(watch: &'a Watch, mode: Mode, future: F, ended: fn(&F::Output) -> Waited) -> Self {
        Self { future, watch, mode, ended, wait: None }
    }

    /// The future inside.
    pub(crate) fn inner(self: Pin<&mut Self>) -> Pin<&mut F> {
        self.project().future
    }
}

impl<F: Future> Future for Waiting<'_, F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let polled = this.future.poll(context);
        match (&polled, this.wait.take()) {
            (Poll::Pending, wait) => {
                let waker = context.waker();
                wait.as_ref().inspect(|wait| wait.again(waker));
                *this.wait = Some(wait.unwrap_or_else(|| this.watch.wait_polled(*this.mode, waker)));
            }
            (Poll::Ready(value), wait) => match ((this.ended)(value), wait) {
                (Waited::Acquired(units), Some(wait)) => wait.acquired(units),
                (Waited::Acquired(units), None) => this.watch.counted_at_once(*this.mode, units),
                (Waited::Refused, Some(wait)) => wait.refused(),
                (Waited::Refused, None) => this.watch.refused(*this.mode),
            },
        }
        polled
    }
}

impl Watch {
    /// Takes a lock that its task waits for. The hold is to be begun by who gets it.
    #[cfg(feature = "tokio")]
    #[inline]
    pub(crate) fn waiting<F: Future>(&self, mode: Mode, future: F) -> Waiting<'_, F> {
        Waiting::new(self, mode, future, |_| Waited::Acquired(0))
    }

    /// Begins the hold of a task.
    #[cfg(feature = "tokio")]
    #[inline(always)]
    pub(crate) fn held_by_task(&self, mode: Mode) -> Held {
        self.hold(mode, Holds::ByTask, 0)
    }
}
