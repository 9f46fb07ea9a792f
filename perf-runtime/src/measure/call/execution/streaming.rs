//! The call of a stream, which gives items between its polls.
//!
//! An item that is there when it is asked for costs no look at the clock. So nobody knows how long the stream ran for it, nor how long its
//! consumer had the one before; and while the consumer has an item, the stream covers no time of its caller's and keeps no thread.

use super::{Call, Marks, Pace};
use crate::measure::call::tally::{Judged, Tally};
use crate::measure::cells::tree::frame::{self, Frame};
use crate::measure::clock;
use crate::measure::model::outcome::Outcome;

impl Call {
    /// Begins a poll of a stream: as [`poll`](Self::poll), but for one whose consumer had an item.
    #[inline]
    pub(in crate::measure::call) fn ask(&mut self, frame: &Frame) {
        if self.pace != Pace::Held {
            return self.poll(frame);
        }
        self.pace = Pace::Asked;
        if self.marks.has(Marks::KEEPS_CHILDREN)
            && let Some(ticket) = self.ticket
        {
            frame.go_on(&self.meter.kept_children(ticket, None));
        }
    }

    /// The stream gives an item.
    #[inline]
    pub(in crate::measure::call) fn give(&mut self, frame: &Frame, tally: &mut Tally) {
        if self.pace == Pace::Asked {
            self.pace = Pace::Held;
            tally.add_ready(self.meter);
            self.keep_children(frame);
        } else {
            self.give_first_or_waited_for(frame, tally);
        }
    }

    #[inline(never)]
    fn give_first_or_waited_for(&mut self, frame: &Frame, tally: &mut Tally) {
        let now = clock::now();
        self.note_pause(now);
        self.pace = Pace::Held;
        self.meter.let_go();
        if let Some(ticket) = self.ticket.filter(|_| self.parent.is_some()) {
            frame::child_waited(self.parent, ticket, self.meter.node());
        }
        if self.parent.is_some() && !self.marks.has(Marks::UNCOVERED) {
            frame::leave(self.parent, now);
            self.marks.set(Marks::UNCOVERED);
        }
        self.list(tally);
        tally.add(self.meter, self.started, now);
        self.keep_children(frame);
    }

    /// Keeps the children for the next poll. It waits for none of them meanwhile.
    #[inline]
    fn keep_children(&mut self, frame: &Frame) {
        if frame.children().is_some() {
            self.put_aside(frame);
            self.over.take();
        }
    }

    /// The stream has no item yet.
    pub(in crate::measure::call) fn wait(&mut self, frame: &Frame, tally: &mut Tally) {
        let now = clock::now();
        let is_away = self.pace == Pace::Asked;
        self.note_pause(now);
        if !is_away {
            self.meter.let_go();
        }
        if self.marks.has(Marks::UNCOVERED) && frame::reopen_child(self.parent, now) {
            self.marks.clear(Marks::UNCOVERED);
        }
        self.put_aside(frame);
        self.note_waiting();
        self.list(tally);
        tally.wait(self.meter, now);
    }

    /// Shows the stream among the calls in flight.
    fn list(&mut self, tally: &mut Tally) {
        if tally.is_listed() {
            return;
        }
        if self.ticket.is_none() {
            self.ticket = self.meter.wait(self.started, self.parent);
        }
        tally.list(self.ticket.and_then(|ticket| self.meter.follow(ticket)));
    }

    /// Judges an item that the stream gives.
    #[inline]
    pub(in crate::measure::call) fn judge<'a>(&'a self, tally: &'a mut Tally) -> Judged<'a> {
        Judged { tally, call: Some(self) }
    }

    /// Ends the call of a stream: as the items say where one of them failed it, else so.
    pub(in crate::measure::call) fn end_stream(&mut self, otherwise: Outcome, tally: &mut Tally) {
        if !self.is_running() {
            return;
        }
        tally.close(self.meter, clock::now);
        if otherwise != Outcome::Panicked && tally.has_failed() {
            return tally.with_error(|error| match error {
                Some(error) => self.finish_failed(error),
                None => self.fail(Outcome::Error),
            });
        }
        match otherwise {
            Outcome::Cancelled => self.end_cancelled(),
            outcome => self.finish(outcome),
        }
    }
}
