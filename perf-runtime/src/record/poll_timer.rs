//! The time of a call that is polled, divided into its polls and the pauses between them.

use crate::measure::call::execution::SLOW_POLL_NANOS;
use crate::measure::cells::cell_table::Ticket;
use crate::measure::cells::recorder::HandedOver;
use crate::measure::cells::tree::frame::{self, Frame, Parent};
use crate::measure::cells::tree::node::Node;
use crate::measure::clock::{self, Moment};
use crate::observe::series::entry::Series;
use std::mem;

/// Measures the polls of a call and the pauses between them, and holds its place among the calls that wait.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(crate) struct PollTimer {
    /// When the poll that runs began, or the pause.
    turned: Moment,
    /// Whether it ever turned since it started; until then all that follows is as it was made.
    has_turned: bool,
    is_paused: bool,
    /// Whether its consumer has an item of it, or had one when it was asked for the next: nobody looks at the time meanwhile.
    is_held: bool,
    /// Whether the call's duration has ended, though the call has not: later pauses are no part of it.
    has_ended: bool,
    idle_nanos: u64,
    slow_polls: u32,
    /// Whether it has children, which are kept with its place in the list.
    keeps_children: bool,
    /// Whether its list knows the name by which its children know it.
    is_named: bool,
    /// The child for which it waits while it is paused, if it is one that is measured.
    waits_for: Option<Node>,
    /// From its first pause on, unless it left the list since.
    ticket: Option<Ticket>,
}

impl PollTimer {
    /// A call that is polled since it started.
    #[inline]
    pub(crate) fn new(started: Moment) -> Self {
        Self {
            turned: started,
            has_turned: false,
            is_paused: false,
            is_held: false,
            has_ended: false,
            idle_nanos: 0,
            slow_polls: 0,
            keeps_children: false,
            is_named: false,
            waits_for: None,
            ticket: None,
        }
    }

    /// It is polled again, and since when. Reads the clock where it was paused.
    #[inline]
    pub(crate) fn resume(&mut self, series: &Series) -> Moment {
        if self.is_paused {
            self.turn(clock::now(), false, series);
        }
        self.turned
    }

    /// It waits, for a child if one that is measured is known; `series` lists it from the first time on, inside the call that it was made
    /// inside, since it started, or since now.
    pub(crate) fn pause(
        &mut self,
        series: &Series,
        (started, parent): (Option<Moment>, Parent),
        waits_for: Option<Node>,
    ) {
        self.turn(clock::now(), true, series);
        self.waits_for = waits_for;
        if self.ticket.is_none() {
            self.ticket = series.own.wait(started.unwrap_or(self.turned), parent);
        }
    }

    /// Its consumer has an item of it from now on; `series` lists it from the first time on, inside the call that it was made inside, since it
    /// started.
    pub(crate) fn hold(&mut self, now: Moment, series: &Series, (started, parent): (Moment, Parent)) {
        self.turn(now, false, series);
        self.is_held = true;
        if self.ticket.is_none() {
            self.ticket = series.own.wait(started, parent);
        }
    }

    /// Whether its consumer has an item of it, or had one when it was asked for the next.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.is_held
    }

    /// It was asked for more than there is.
    pub(crate) fn release(&mut self, now: Moment) {
        if self.is_held {
            (self.is_held, self.turned) = (false, now);
        }
    }

    /// Its place among those that wait.
    pub(crate) fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// The frame of its next poll, with the children of earlier ones.
    pub(crate) fn frame(&self, series: &Series) -> Frame {
        let frame = Frame::new();
        if let Some(ticket) = self.ticket.filter(|_| self.keeps_children) {
            frame.go_on(&series.own.kept_children(ticket, None));
        }
        frame
    }

    /// Keeps the children of a poll for the next one, once it is [paused](Self::pause).
    pub(crate) fn keep_children(&mut self, series: &Series, frame: &Frame) {
        if let (Some(ticket), Some(children)) = (self.ticket, frame.children()) {
            series.own.keep_children(ticket, children);
            self.keeps_children = true;
        }
    }

    /// Says by which name its children know it, none where it has had none: of a call that keeps its children itself, while it is listed.
    pub(crate) fn name(&mut self, series: &Series, name: Parent) {
        if let Some(ticket) = self.ticket.filter(|_| name.is_some() && !self.is_named) {
            series.own.name_waiting(ticket, name);
            self.is_named = true;
        }
    }

    /// The duration of the call ends here: later polls and pauses are not counted.
    pub(crate) fn end_time(&mut self, now: Moment, series: &Series) {
        self.turn(now, true, series);
        self.has_ended = true;
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.has_ended
    }

    /// `series` lists it no longer, until it waits again.
    pub(crate) fn leave_list(&mut self, series: &Series) {
        if let Some(ticket) = self.ticket.take() {
            (self.keeps_children, self.is_named) = (false, false);
            series.own.leave(ticket);
        }
    }

    /// It is over: the first of the series, which listed it, no longer does, and the second counts how it divided its time. The time of the
    /// children that it keeps is handed over, of a call that [keeps](Self::keep_children) any. Does nothing where one short poll was all.
    #[inline]
    pub(crate) fn end(&mut self, now: Moment, counting: (&Series, &Series), family: Option<(Parent, &HandedOver)>) {
        if self.has_turned || now.nanos_since(self.turned) >= SLOW_POLL_NANOS {
            self.end_of_several(now, counting, family);
        }
    }

    #[inline(never)]
    fn end_of_several(
        &mut self,
        now: Moment,
        (series, counting): (&Series, &Series),
        family: Option<(Parent, &HandedOver)>,
    ) {
        let ticket = self.ticket.filter(|_| self.keeps_children && (self.is_paused || self.is_held));
        if let (Some(ticket), Some((parent, over))) = (ticket, family) {
            frame::close(&series.own.kept_children(ticket, None), &counting.own, parent, over);
        }
        self.turn(now, true, series);
        self.leave_list(series);
        if self.idle_nanos > 0 {
            counting.own.idle(self.idle_nanos);
        }
        for _ in 0..self.slow_polls {
            counting.own.slow_poll();
        }
    }

    /// Turns from a poll to a pause, or back. `series` lists it.
    fn turn(&mut self, now: Moment, is_paused: bool, series: &Series) {
        let nanos = now.nanos_since(self.turned);
        if self.has_ended || mem::take(&mut self.is_held) {
            // Only listed from now on; or nobody looked at the time.
        } else if self.is_paused {
            self.idle_nanos = self.idle_nanos.saturating_add(nanos);
            if let (Some(child), Some(ticket)) = (self.waits_for.take(), self.ticket) {
                series.own.waited_for(ticket, child, nanos);
            }
        } else if nanos >= SLOW_POLL_NANOS {
            self.slow_polls = self.slow_polls.saturating_add(1);
        }
        (self.turned, self.has_turned) = (now, true);
        self.is_paused = is_paused;
    }
}
