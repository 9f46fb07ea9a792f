//! The end of a call: it is counted, for its caller too.

use super::{Call, Marks, Pace, SLOW_POLL_NANOS};
use crate::measure::cells::cell_table::{Finished, Ticket};
use crate::measure::cells::recorder::{self, Ended, KeptAs, Told};
use crate::measure::cells::tree::frame;
use crate::measure::clock::{self, Moment};
use crate::measure::model::outcome::Outcome;
use crate::measure::site::opened::Opened;

impl Call {
    /// Ends the call. Not inlined, because each measured function would have a copy of it.
    #[inline(never)]
    pub(super) fn end(&mut self, outcome: Outcome) {
        let Some(now) = clock::quick() else { return self.end_by_kernel(outcome) };
        self.end_at(outcome, now);
    }

    #[inline(never)]
    fn end_by_kernel(&mut self, outcome: Outcome) {
        self.end_at(outcome, clock::by_kernel());
    }

    /// Counts the call. Most calls never waited, were short and have no span: these are done with that.
    #[inline]
    fn end_at(&mut self, outcome: Outcome, now: Moment) {
        let nanos = now.nanos_since(self.started);
        let was_put_aside = self.ticket.is_some() || self.pace >= Pace::Paused;
        if was_put_aside || nanos >= SLOW_POLL_NANOS {
            return self.end_with_polls(outcome, now);
        }
        let Some(finished) = self.meter.finish_warm(outcome, nanos) else { return self.end_with_polls(outcome, now) };
        self.pace = Pace::Over;
        if self.parent.is_some() {
            return self.end_inside(finished, outcome, now, nanos);
        }
        if recorder::wants_root(&self.over) {
            return self.end_root(outcome, now, nanos);
        }
        if self.span.is_some() {
            self.close_span(outcome, nanos);
        }
    }

    /// The rest of the end of a call that was made inside no other, while calls are recorded.
    #[inline(never)]
    fn end_root(&mut self, outcome: Outcome, now: Moment, nanos: u64) {
        let kept_as = recorder::root_ended(&self.over, self.ended(outcome, nanos), now, self.told());
        self.close_span_of(outcome, nanos, kept_as);
    }

    fn told(&self) -> Told<'_> {
        self.span.as_deref().map_or_else(Told::default, |opened| Told { span: opened.span(), values: opened.values() })
    }

    #[inline]
    fn ended(&self, outcome: Outcome, nanos: u64) -> Ended<'static> {
        Ended { meter: self.meter, outcome, started: self.started, nanos }
    }

    /// The rest of the end of a call that was made inside another. The rare cases are tail calls here too.
    #[inline(never)]
    fn end_inside(&mut self, finished: Finished<'_>, outcome: Outcome, now: Moment, nanos: u64) {
        if !frame::end_child(self.parent, now) {
            return self.end_elsewhere(outcome, now, nanos);
        }
        if !self.parent.context().is_some_and(|parent| finished.inside(parent, outcome, nanos)) {
            return self.end_by_edge(outcome, nanos);
        }
        if recorder::are_recorded(self.parent) {
            return self.end_recorded(outcome, nanos);
        }
        if self.span.is_some() {
            self.close_span(outcome, nanos);
        }
    }

    /// The last of the end of a call whose caller's calls are recorded.
    #[inline(never)]
    fn end_recorded(&mut self, outcome: Outcome, nanos: u64) {
        if self.span.is_some() {
            return self.end_opened(outcome, nanos);
        }
        recorder::child_ended(self.parent, &self.over, self.ended(outcome, nanos));
    }

    /// As [`end_recorded`](Self::end_recorded), of a call that has a span, or values of fields.
    #[inline(never)]
    fn end_opened(&mut self, outcome: Outcome, nanos: u64) {
        let ended = self.ended(outcome, nanos);
        match self.span.as_deref_mut().and_then(Opened::take_values) {
            Some(values) => recorder::child_with_values_ended(self.parent, &self.over, ended, values),
            None => recorder::child_ended(self.parent, &self.over, ended),
        }
        self.close_span(outcome, nanos);
    }

    /// The call that it was made inside is not the one that runs on this thread.
    #[cold]
    #[inline(never)]
    fn end_elsewhere(&mut self, outcome: Outcome, now: Moment, nanos: u64) {
        frame::end_child_elsewhere(self.parent, now);
        self.end_by_edge(outcome, nanos);
    }

    /// The last of the end of a call whose caller is not the first of the series that this thread met.
    #[inline(never)]
    fn end_by_edge(&mut self, outcome: Outcome, nanos: u64) {
        if let Some(parent) = self.parent.context() {
            self.meter.count_edge(parent, outcome, nanos);
        }
        self.end_recorded(outcome, nanos);
    }

    #[inline(never)]
    fn end_with_polls(&mut self, outcome: Outcome, now: Moment) {
        let nanos = now.nanos_since(self.started);
        // Before the end itself, so that a reader who sees the call ended sees its polls too.
        self.note_slow_poll(now);
        if matches!(self.pace, Pace::Paused | Pace::Held | Pace::Asked) {
            self.meter.take_up();
        }
        if matches!(self.pace, Pace::Paused | Pace::Held)
            && let Some(ticket) = self.ticket.filter(|_| self.marks.has(Marks::KEEPS_CHILDREN))
        {
            let waited_for = self.over.take().map(|child| (child, now.nanos_since(self.turned())));
            frame::close(&self.meter.kept_children(ticket, waited_for), self.meter, self.parent, &self.over);
        }
        if let Some(ticket) = self.ticket.take() {
            self.leave(ticket, now);
            if self.parent.is_some() {
                frame::child_waited(self.parent, ticket, self.meter.node());
            }
        }
        self.meter.finish(outcome, nanos);
        self.pace = Pace::Over;
        if !self.parent.is_some() {
            return if recorder::wants_root(&self.over) {
                self.end_root(outcome, now, nanos);
            } else {
                self.close_span(outcome, nanos);
            };
        }
        if self.marks.has(Marks::UNCOVERED) || frame::end_child(self.parent, now) {
            return self.end_by_edge(outcome, nanos);
        }
        self.end_elsewhere(outcome, now, nanos);
    }

    fn close_span(&mut self, outcome: Outcome, nanos: u64) {
        self.close_span_of(outcome, nanos, None);
    }

    /// As [`close_span`](Self::close_span), of a call that may be kept.
    fn close_span_of(&mut self, outcome: Outcome, nanos: u64, kept_as: Option<KeptAs>) {
        if let Some(opened) = self.span.take() {
            if let Some(span) = opened.span() {
                self.meter.exemplars.offer(self.meter.layout(), outcome, nanos, (span, kept_as));
            }
            if let Some(site) = self.site() {
                site.close_span(opened, outcome);
            }
        }
    }

    /// Takes the call off the list of waiting calls.
    #[cold]
    fn leave(&self, ticket: Ticket, now: Moment) {
        let last_pause = if self.pace == Pace::Paused { now.nanos_since(self.turned()) } else { 0 };
        self.meter.waited(ticket, self.idle_nanos.saturating_add(last_pause));
    }
}
