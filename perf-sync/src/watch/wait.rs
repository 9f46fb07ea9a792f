//! Waits, which are shown while they last.

use super::Holds;
use super::cells::{self, Slow, Writer};
use super::mode::Mode;
use super::owner::{Owner, Who};
use super::series::SeriesNumber;
use super::waits::{Asked, Waiter, Waits};
use perf_runtime::__locks;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

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
    pub(crate) fn again(&self, waker: &Waker) {
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
