//! A request's place in the tree of calls.

use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::{self, Ended, KeptAs};
use crate::measure::cells::tree::frame::{self, Frame, Parent};
use crate::measure::cells::tree::node::Node;
use crate::measure::clock::Moment;
use std::fmt;
use tracing::Span;

/// The call that a request was made inside, and those that are made inside the request.
#[derive(Debug)]
pub(super) struct Family {
    parent: Parent,
    /// The children, until the request's duration ends; from then on those of each part of its work.
    frame: Exclusive<Frame>,
    /// The time that children covered, once the duration has ended.
    covered: u64,
    /// The name by which they know the request, once its duration has ended; none where there were none. It is kept here, and no place for a
    /// record before the request's end, for that may be hours after: all buffers could be held by requests that stream.
    name: Parent,
}

impl Family {
    /// Of a request that was made inside this call.
    #[inline]
    pub(super) fn new(parent: Parent) -> Self {
        Self { parent, frame: Exclusive(Frame::new()), covered: 0, name: Parent::NONE }
    }

    /// Does a part of the work of a request that counts in `meter`. Calls that it makes on this thread are the request's children; those of
    /// a request whose duration `has_ended` cover nothing of it.
    #[inline]
    pub(super) fn work<T>(&mut self, meter: &Meter, has_ended: bool, span: &Span, part: impl FnOnce(&Span) -> T) -> T {
        let frame = self.frame.get();
        let _beyond = has_ended.then(|| Beyond(frame));
        // A child that waited in an earlier part, which was not pending for it, says so anew or waits no longer.
        frame.waits_for();
        let _inside = frame.enter(meter, self.parent);
        // As it came, and here alone: all that a part takes along is moved otherwise.
        part(span)
    }

    /// The call that the request was made inside.
    pub(super) fn parent(&self) -> Parent {
        self.parent
    }

    /// The name by which its children know the request; none while there were none.
    pub(super) fn name(&mut self) -> Parent {
        Some(self.frame.get().known_as()).filter(|name| name.is_some()).unwrap_or(self.name)
    }

    /// The child for which the request waits, whose work is pending; none after its duration.
    #[inline]
    pub(super) fn waits_for(&mut self) -> Option<Node> {
        self.frame.get().waits_for()
    }

    /// Ends the request's duration, at this moment. Children that are still open outlive it.
    #[inline]
    pub(super) fn end_time(&mut self, now: Moment) {
        let frame = self.frame.get();
        self.name = frame.freeze(|| now);
        self.covered = frame.frozen();
        if self.parent.is_some() {
            frame::leave(self.parent, now);
        }
    }

    /// The request goes on after its [duration](Self::end_time).
    #[cold]
    pub(super) fn goes_on(&self) {
        if !self.parent.is_some() {
            recorder::leave_root(self.name);
        }
    }

    /// Counts a request that came in the meter `open` and ends in `meter`, after the [end of its duration](Self::end_time), and before it is
    /// counted there: the time that its children covered, and the call that it was made inside.
    #[inline]
    pub(super) fn count(&mut self, open: &Meter, Ended { meter, outcome, nanos, .. }: Ended<'_>) {
        if self.parent.is_some() || open.existing_node().is_some() {
            // Requests of a route whose handler calls others have their time in the tree, whatever their status.
            meter.join_tree();
        }
        if self.covered > 0 {
            meter.cover(self.covered);
        }
        if let Some(parent) = self.parent.context() {
            meter.count_edge(parent, outcome, nanos);
        }
    }

    /// Tells the recorder of the end of a request that is counted, and says as which it is kept, if it is.
    #[inline]
    pub(super) fn record(&mut self, ended: Ended<'_>, now: Moment, span: Option<&Span>) -> Option<KeptAs> {
        let inside = (self.name, self.covered);
        if self.parent.is_some() {
            recorder::late_child_ended(self.parent, inside, ended);
            None
        } else {
            recorder::late_root_ended(inside, ended, now, span)
        }
    }

    /// Forgets a request that nobody counts.
    #[cold]
    pub(super) fn forget(&self) {
        if !self.parent.is_some() {
            recorder::forget_root(self.name);
        }
    }
}

/// A part of a request's work after its duration: at its end, calls that it made are nobody's children.
struct Beyond<'a>(&'a Frame);

impl Drop for Beyond<'_> {
    #[cold]
    fn drop(&mut self) {
        self.0.abandon();
    }
}

/// A value that only its owner may look at, so that what holds it may be shared between threads.
struct Exclusive<T>(T);

// SAFETY: a shared reference to it gives none to the value.
unsafe impl<T: Send> Sync for Exclusive<T> {}

impl<T> Exclusive<T> {
    #[inline]
    fn get(&mut self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Exclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exclusive").finish_non_exhaustive()
    }
}
