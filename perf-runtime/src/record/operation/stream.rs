//! A stream that is a call of an operation.

use super::{Operation, Running};
use crate::measure::call::profiled::Ends;
use crate::measure::call::tally::{ItemErrors, Judged, Tally};
use crate::measure::cells::tree::frame::{self, Body, Frame};
use crate::measure::clock;
use crate::measure::model::failure::Failed;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use crate::record::poll_timer::PollTimer;
use futures_core::{FusedStream, Stream};
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// A stream that is measured as a call of an [`Operation`], from its first poll to its end or its drop.
    ///
    /// Costs one allocation, at the first poll. An item that was there when it was asked for costs no look at the clock.
    #[must_use = "streams do nothing unless polled"]
    pub struct WatchedStream<S: Stream> {
        stage: Stage,
        failed: fn(&S::Item) -> Option<Failed<'_>>,
        #[pin]
        stream: S,
    }

    impl<S: Stream> PinnedDrop for WatchedStream<S> {
        fn drop(this: Pin<&mut Self>) {
            if let Stage::Running(mut open) = mem::replace(this.project().stage, Stage::Over) {
                open.end(Outcome::Cancelled);
            }
        }
    }
}

/// How far a stream has come.
#[derive(Debug)]
enum Stage {
    NotStarted(Operation),
    /// Started, and not being polled.
    Running(Box<Open>),
    /// Being polled, or ended.
    Over,
}

/// The call of a stream. Dropped without an end it is only by a poll that unwinds.
#[derive(Debug)]
struct Open {
    call: Running<Arc<Series>>,
    tally: Tally,
    timer: PollTimer,
}

impl Open {
    fn start(operation: &Operation) -> Self {
        operation.series.begin_streams();
        let call = operation.begin(Outcome::Panicked, true, Arc::clone);
        Self { timer: PollTimer::new(call.started), tally: Tally::new(ItemErrors::Last), call }
    }

    /// It is polled again.
    fn ask(&mut self) {
        if !self.timer.is_held() {
            let now = self.timer.resume(&self.call.series);
            self.call.is_away = false;
            self.call.series.own.take_up().begin(now, true);
        }
    }

    fn give(&mut self, frame: &Frame) {
        let Self { call, tally, timer } = self;
        if timer.is_held() {
            tally.add_ready(&call.series.own);
        } else {
            let now = clock::now();
            if let Some(ticket) = timer.ticket().filter(|_| call.parent.is_some()) {
                frame::child_waited(call.parent, ticket, call.series.own.node());
            }
            timer.hold(now, &call.series, (call.started, call.parent));
            call.series.own.let_go();
            call.is_away = true;
            if call.parent.is_some() && !call.is_uncovered {
                frame::leave(call.parent, now);
                call.is_uncovered = true;
            }
            self.list();
            self.tally.add(&self.call.series.own, self.call.started, now);
        }
        self.timer.keep_children(&self.call.series, frame);
    }

    fn wait(&mut self, frame: &Frame) {
        let now = clock::now();
        let Self { call, timer, .. } = self;
        timer.pause(&call.series, (Some(call.started), call.parent), frame.waits_for());
        if call.parent.is_some() {
            if call.is_uncovered && frame::reopen_child(call.parent, now) {
                call.is_uncovered = false;
            }
            frame::child_waits(call.parent, timer.ticket(), || call.series.own.node());
        }
        if !call.is_away {
            call.series.own.let_go();
            call.is_away = true;
        }
        timer.keep_children(&call.series, frame);
        self.list();
        self.tally.wait(&self.call.series.own, now);
    }

    /// Shows the stream among the calls in flight.
    fn list(&mut self) {
        if !self.tally.is_listed() {
            let progress = self.timer.ticket().and_then(|ticket| self.call.series.own.follow(ticket));
            self.tally.list(progress);
        }
    }

    /// Before the end itself: whoever finds a call ended finds what is known of its items and polls.
    fn close(&mut self) {
        let Self { call: Running { series, parent, handed_over, .. }, tally, timer } = self;
        tally.close(&series.own, clock::now);
        if let Some(ticket) = timer.ticket().filter(|_| parent.is_some()) {
            frame::child_waited(*parent, ticket, series.own.node());
        }
        timer.end(clock::now(), (series, series), Some((*parent, handed_over)));
    }

    /// Ends it: as its items say where one of them failed it, else so.
    fn end(&mut self, otherwise: Outcome) {
        let failures = &self.call.series.own.failures;
        let outcome = if self.tally.has_failed() {
            self.tally.with_error(|error| match error {
                Some(error) => failures.note_error(error, false, None),
                None => failures.note_outcome(Outcome::Error, None, None),
            });
            Outcome::Error
        } else {
            otherwise
        };
        self.close();
        self.call.count_noted(outcome, clock::now());
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if !self.call.over {
            // The poll that unwinds has seen to the children.
            self.timer.release(clock::now());
            self.close();
        }
    }
}

impl<S: Stream> Stream for WatchedStream<S> {
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let this = self.project();
        let mut open = match mem::replace(this.stage, Stage::Over) {
            Stage::NotStarted(operation) => Box::new(Open::start(&operation)),
            Stage::Running(mut open) => {
                open.ask();
                open
            }
            // Polled again after its end: what happens then is for the stream to say.
            Stage::Over => return this.stream.poll_next(context),
        };
        let frame = open.timer.frame(&open.call.series);
        let Running { series, parent, handed_over, .. } = &open.call;
        let body = Body::new(&frame, &series.own, *parent, handed_over);
        let polled = this.stream.poll_next(context);
        match &polled {
            Poll::Ready(Some(item)) => {
                body.pause();
                let mut judged = Judged { tally: &mut open.tally, call: None };
                match (this.failed)(item) {
                    None => judged.finish(Outcome::Ok),
                    Some(failed) => judged.finish_failed(&failed),
                }
                open.give(&frame);
                *this.stage = Stage::Running(open);
            }
            Poll::Ready(None) => {
                drop(body);
                open.timer.release(clock::now());
                open.end(Outcome::Ok);
            }
            Poll::Pending => {
                body.pause();
                open.wait(&frame);
                *this.stage = Stage::Running(open);
            }
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.stream.size_hint()
    }
}

impl<S: FusedStream> FusedStream for WatchedStream<S> {
    fn is_terminated(&self) -> bool {
        self.stream.is_terminated()
    }
}

impl<S: Stream> fmt::Debug for WatchedStream<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchedStream").field("stage", &self.stage).finish_non_exhaustive()
    }
}

impl Operation {
    /// Measures a stream as a call, which starts with the first poll: ok when it ends, cancelled where it is dropped before, panicked
    /// where a poll unwinds. Its items, the time to the first of them and the longest wait for one are counted too
    /// ([`StreamSummary`](crate::series::StreamSummary)).
    pub fn watch_stream<S: Stream>(&self, stream: S) -> WatchedStream<S> {
        WatchedStream { stage: Stage::NotStarted(self.clone()), failed: |_| None, stream }
    }

    /// Measures a stream as [`watch_stream`](Self::watch_stream) does; one whose last item before its end or its drop is an `Err` is an
    /// error.
    pub fn try_watch_stream<T, E, S: Stream<Item = Result<T, E>>>(&self, stream: S) -> WatchedStream<S> {
        let failed = |item: &Result<T, E>| item.as_ref().err().map(Failed::of);
        WatchedStream { stage: Stage::NotStarted(self.clone()), failed, stream }
    }
}
