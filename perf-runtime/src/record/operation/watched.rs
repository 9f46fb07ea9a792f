//! A future that is a call of an operation.

use super::{Operation, Running};
use crate::measure::cells::tree::frame::Body;
use crate::measure::clock;
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
        outcome: fn(&F::Output) -> Outcome,
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
    pub(super) fn new(operation: &Operation, future: F, outcome: fn(&F::Output) -> Outcome) -> Self {
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
        let body = Body::new(&frame, &call.call.series.own);
        match this.future.poll(context) {
            Poll::Ready(value) => {
                drop(body);
                call.end((this.outcome)(&value));
                Poll::Ready(value)
            }
            Poll::Pending => {
                body.pause();
                call.pause();
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
        WatchedOperation::new(self, future, |_| Outcome::Ok)
    }

    /// Measures a future as [`watch`](Self::watch) does; one that gives `Err` is an error.
    pub fn try_watch<T, E, F: Future<Output = Result<T, E>>>(&self, future: F) -> WatchedOperation<F> {
        WatchedOperation::new(self, future, |result| Outcome::from_success(result.is_ok()))
    }

    /// Measures a future as [`watch`](Self::watch) does; `outcome` says how it ended by what it gave.
    pub fn watch_as<F: Future>(&self, future: F, outcome: fn(&F::Output) -> Outcome) -> WatchedOperation<F> {
        WatchedOperation::new(self, future, outcome)
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
        let now = self.poll_timer.resume();
        self.call.is_away = false;
        self.call.series.own.take_up().begin(now, true);
        self
    }

    fn pause(&mut self) {
        self.poll_timer.pause(&self.call.series, Some(self.call.started));
        self.call.is_away = true;
        self.call.series.own.let_go();
    }

    fn end(mut self, outcome: Outcome) {
        let now = clock::now();
        // Before the end itself: whoever finds a call ended finds what is known of its polls.
        self.poll_timer.end(now, &self.call.series, &self.call.series);
        self.call.count(outcome, now);
    }
}

impl Drop for Polled {
    fn drop(&mut self) {
        if !self.call.over {
            self.poll_timer.end(clock::now(), &self.call.series, &self.call.series);
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
