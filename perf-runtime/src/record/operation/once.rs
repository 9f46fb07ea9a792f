//! A future that is a call of an operation, unless a function that it runs is the same call.

use super::Operation;
use super::watched::WatchedOperation;
use crate::measure::cells::meter::Meter;
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::observe::series::registry::Registry;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

pin_project_lite::pin_project! {
    /// A future that is measured by [`Monitor::watch_once`](crate::Monitor::watch_once).
    #[must_use = "futures do nothing unless polled"]
    pub struct WatchedOnce<F: Future> {
        #[pin]
        way: Way<F>,
    }
}

pin_project_lite::pin_project! {
    /// The way in which it is measured.
    #[project = WayInPlace]
    enum Way<F: Future> {
        /// No function of the same names is known.
        Alone {
            #[pin]
            watched: WatchedOperation<F>,
        },
        /// There are some: it is counted at its end, where none of them was called.
        Beside {
            #[pin]
            future: F,
            outcome: fn(&F::Output) -> Outcome,
            count: Count,
        },
    }
}

/// A call that is counted at its end.
#[derive(Debug)]
struct Count {
    calls: Operation,
    /// All series of the same names.
    named: Vec<Arc<Series>>,
    /// When it was polled first.
    started: Option<Moment>,
    /// Whether a call of the same names began inside it.
    is_counted: bool,
}

impl Count {
    /// The calls of these names that this thread started so far.
    fn started_here(&self) -> u64 {
        let mut started: u64 = 0;
        let mut add = |meter: &Meter| started = started.wrapping_add(meter.started_here());
        self.named.iter().for_each(|series| series.for_each_meter(&mut add));
        started
    }

    /// Counts the call, where nothing inside it is the same.
    fn end(&mut self, outcome: Outcome) {
        if let Some(started) = self.started.filter(|_| !std::mem::replace(&mut self.is_counted, true)) {
            self.calls.record(clock::now().since(started), outcome);
        }
    }
}

impl Drop for Count {
    fn drop(&mut self) {
        self.end(Outcome::Cancelled);
    }
}

/// A poll, during which calls that begin on this thread begin inside the future: the thread does nothing else meanwhile. (Beyond 127 threads several
/// count together: there another thread's call may be taken for one of this.)
struct Polling<'a> {
    count: &'a mut Count,
    started_before: u64,
    unwinding_before: bool,
}

impl<'a> Polling<'a> {
    fn begin(count: &'a mut Count) -> Self {
        count.started.get_or_insert_with(clock::now);
        let (started_before, unwinding_before) = (count.started_here(), thread::panicking());
        Self { count, started_before, unwinding_before }
    }
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.count.is_counted |= self.count.started_here() != self.started_before;
        if thread::panicking() && !self.unwinding_before {
            self.count.end(Outcome::Panicked);
        }
    }
}

impl<F: Future> WatchedOnce<F> {
    pub(crate) fn new(calls: &Operation, registry: &Registry, future: F, outcome: fn(&F::Output) -> Outcome) -> Self {
        let named = if calls.overflow.is_none() { calls.named(registry) } else { Vec::new() };
        let way = if named.iter().any(|series| series.sites() > 0) {
            let count = Count { calls: calls.clone(), named, started: None, is_counted: false };
            Way::Beside { future, outcome, count }
        } else {
            Way::Alone { watched: calls.watch_as(future, outcome) }
        };
        Self { way }
    }
}

impl<F: Future> Future for WatchedOnce<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        match self.project().way.project() {
            WayInPlace::Alone { watched } => watched.poll(context),
            WayInPlace::Beside { future, outcome, count } => {
                let polling = Polling::begin(count);
                let polled = future.poll(context);
                drop(polling);
                if let Poll::Ready(value) = &polled {
                    count.end(outcome(value));
                }
                polled
            }
        }
    }
}

impl<F: Future> fmt::Debug for WatchedOnce<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedOnce").finish_non_exhaustive()
    }
}
