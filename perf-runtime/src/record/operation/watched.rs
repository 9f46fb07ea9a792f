//! A future that is a call of an operation.

use super::{Operation, Running};
use crate::measure::cells::tree::frame::{self, Body, Frame};
use crate::measure::clock::{self, Moment};
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::record::poll_timer::PollTimer;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// A future that is measured as a call of an [`Operation`].
    ///
    /// While it is polled the call is held on the stack, so a future that unwinds drops it there: panicked. Dropped between
    /// polls it is cancelled, whatever else unwinds at the time.
    #[must_use = "futures do nothing unless polled"]
    pub struct WatchedOperation<F: Future> {
        stage: Stage,
        outcome: OutcomeOf<F::Output>,
        #[pin]
        future: F,
    }

    impl<F: Future> PinnedDrop for WatchedOperation<F> {
        fn drop(this: Pin<&mut Self>) {
            if let Stage::Running(call) = mem::replace(this.project().stage, Stage::Over) {
                call.end(Outcome::Cancelled);
            }
        }
    }
}

/// How an operation ended, by what its future gave.
enum OutcomeOf<T> {
    /// The outcome that is said of it.
    Said(fn(&T) -> Outcome),
    /// Ok, or the error that it is.
    Failed(fn(&T) -> Option<Failed<'_>>),
}

/// How far a watched future has come.
#[derive(Debug)]
enum Stage {
    NotStarted(Operation),
    /// Started, and not being polled.
    Running(Polled),
    /// Being polled, or ended.
    Over,
}

impl<F: Future> WatchedOperation<F> {
    fn new(operation: &Operation, future: F, outcome: OutcomeOf<F::Output>) -> Self {
        Self { stage: Stage::NotStarted(operation.clone()), outcome, future }
    }
}

impl<F: Future> Future for WatchedOperation<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut call = match mem::replace(this.stage, Stage::Over) {
            Stage::NotStarted(operation) => Polled::start(&operation),
            Stage::Running(call) => call.resumed(),
            // Polled again after its end: what happens then is for the future to say.
            Stage::Over => return this.future.poll(context),
        };
        let frame = call.poll_timer.frame(&call.call.series);
        let Running { series, parent, handed_over, .. } = &call.call;
        let body = Body::new(&frame, &series.own, *parent, handed_over);
        match this.future.poll(context) {
            Poll::Ready(value) => {
                drop(body);
                match this.outcome {
                    OutcomeOf::Said(outcome) => call.end(outcome(&value)),
                    OutcomeOf::Failed(failed) => call.end_as(failed(&value).as_ref()),
                }
                Poll::Ready(value)
            }
            Poll::Pending => {
                body.pause();
                call.pause(&frame);
                call.poll_timer.keep_children(&call.call.series, &frame);
                *this.stage = Stage::Running(call);
                Poll::Pending
            }
        }
    }
}

impl<F: Future> fmt::Debug for WatchedOperation<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedOperation").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Operation {
    /// Measures a future as a call, which starts with the first poll: ok when it is ready, cancelled where it is dropped
    /// before, panicked where it unwinds.
    pub fn watch<F: Future>(&self, future: F) -> WatchedOperation<F> {
        self.watch_as(future, |_| Outcome::Ok)
    }

    /// Measures a future as [`watch`](Self::watch) does; one that gives `Err` is an error.
    pub fn try_watch<T, E, F: Future<Output = Result<T, E>>>(&self, future: F) -> WatchedOperation<F> {
        let failed = OutcomeOf::Failed(|result: &Result<T, E>| result.as_ref().err().map(Failed::of));
        WatchedOperation::new(self, future, failed)
    }

    /// Measures a future as [`watch`](Self::watch) does; `outcome` says how it ended by what it gave.
    pub fn watch_as<F: Future>(&self, future: F, outcome: fn(&F::Output) -> Outcome) -> WatchedOperation<F> {
        WatchedOperation::new(self, future, OutcomeOf::Said(outcome))
    }
}

/// A call that is polled.
#[derive(Debug)]
struct Polled {
    call: Running<Arc<Series>>,
    poll_timer: PollTimer,
}

impl Polled {
    fn start(operation: &Operation) -> Self {
        // Dropped without an end it is only by a poll that unwinds.
        let call = operation.begin(Outcome::Panicked, true, Arc::clone);
        Self { poll_timer: PollTimer::new(call.started), call }
    }

    fn resumed(mut self) -> Self {
        let now = self.poll_timer.resume(&self.call.series);
        self.call.is_away = false;
        self.call.series.own.take_up().begin(now, true);
        self
    }

    fn pause(&mut self, frame: &Frame) {
        let Running { series, parent, started, .. } = &self.call;
        self.poll_timer.pause(series, (Some(*started), *parent), frame.waits_for());
        if parent.is_some() {
            frame::child_waits(*parent, self.poll_timer.ticket(), || series.own.node());
        }
        series.own.let_go();
        self.call.is_away = true;
    }

    /// Ends it as ok, or with an error.
    fn end_as(self, failed: Option<&Failed<'_>>) {
        let Some(failed) = failed else { return self.end(Outcome::Ok) };
        self.call.series.own.failures.note_error(failed, false, None);
        self.end_noted(Outcome::Error);
    }

    fn end(self, outcome: Outcome) {
        self.call.series.own.failures.note_outcome(outcome, Some(self.call.started), None);
        self.end_noted(outcome);
    }

    fn end_noted(mut self, outcome: Outcome) {
        let now = clock::now();
        self.end_polls(now);
        self.call.count_noted(outcome, now);
    }

    /// Before the end itself: whoever finds a call ended finds what is known of its polls.
    fn end_polls(&mut self, now: Moment) {
        let Running { series, parent, handed_over, .. } = &self.call;
        if let Some(ticket) = self.poll_timer.ticket().filter(|_| parent.is_some()) {
            frame::child_waited(*parent, ticket, series.own.node());
        }
        self.poll_timer.end(now, (series, series), Some((*parent, handed_over)));
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        if !self.call.over {
            self.end_polls(clock::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::clock::manual::ManualClock;
    use crate::measure::model::kind::Kind;
    use crate::observe::series::registry::Registry;
    use std::pin::pin;
    use std::task::Waker;
    use std::time::Duration;

    #[test]
    fn the_time_between_polls_is_idle_and_a_long_poll_is_slow() {
        let clock = ManualClock::hold();
        let registry = Registry::new();
        let operation = registry.with(Kind::Operation, &["watched"], Operation::new);
        let mut polls = 0;
        let body = std::future::poll_fn(|_| {
            polls += 1;
            clock.advance(Duration::from_millis(if polls == 2 { 30 } else { 1 }));
            if polls == 3 { Poll::Ready(()) } else { Poll::Pending }
        });
        let mut watched = pin!(operation.watch(body));
        let mut poll = || watched.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(poll().is_pending());
        clock.advance(Duration::from_millis(100));
        assert!(poll().is_pending());
        assert!(operation.series.oldest().is_some());
        clock.advance(Duration::from_millis(200));
        assert!(poll().is_ready());
        let reading = operation.series.read();
        assert_eq!((reading.idle_nanos, reading.slow_polls), (300_000_000, 1));
        assert_eq!((reading.finished(), reading.nanos[0]), ([1, 0, 0, 0], 332_000_000));
        assert_eq!(operation.series.oldest(), None);
    }
}
