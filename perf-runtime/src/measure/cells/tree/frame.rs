//! The call that runs on each thread, and its children.
//!
//! A call's body has a frame on the stack while it runs or is polled. A thread-local points to the innermost frame, and a guard keeps
//! the one around it. So a call that starts finds its parent by one load, and the time that a parent's children cover is summed up in
//! the parent's frame, from the moments that the children read anyway: less the start of a child where none was open, and the
//! end where none is left open. That is the length of the union of their intervals.
//!
//! A frame that outlasts a poll is put away with the calls that wait (see `waiting`). A child names its parent as no
//! other call is named: one that ends anywhere but inside its parent leaves its end for the parent to find (see `outlived`).

use super::children::Children;
use super::node::{self, Node};
use super::outlived;
pub(crate) use super::parent::Parent;
use crate::measure::cells::meter::Meter;
use crate::measure::clock::Moment;
use std::cell::Cell;
use std::marker::PhantomData;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

thread_local! {
    /// The innermost frame of this thread. Without a destructor, so it can be read as long as the thread runs.
    static CURRENT: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// Whether nobody wants the tree.
static IS_OFF: AtomicBool = AtomicBool::new(false);

/// Sets the most edges of the process; with 0, calls know no parents from now on.
pub(crate) fn bound_edges(most: usize) {
    IS_OFF.store(most == 0, Ordering::Relaxed);
    node::bound_edges(most);
}

/// The body of a call that runs on this thread, and its children.
#[derive(Debug)]
pub struct Frame {
    meter: Cell<*const Meter>,
    children: Children,
}

/// Whether a call runs on this thread.
#[inline]
pub(crate) fn is_any() -> bool {
    !CURRENT.get().is_null()
}

/// Begins a child of the innermost call of this thread, where that had others before, and all of them ended; else nothing happens.
#[inline]
pub(crate) fn begin_next_child(now: Moment) -> Option<Parent> {
    // SAFETY: see `Frame::enter`.
    let children = unsafe { &CURRENT.get().as_ref()?.children };
    let name = children.name.get();
    if children.open.get() > 0 || !name.is_some() {
        return None;
    }
    children.open_first(now);
    Some(name)
}

/// Begins a child of the innermost call of this thread: a call that starts now. None where no call runs.
pub(crate) fn begin_child(now: Moment) -> Parent {
    // SAFETY: see `Frame::enter`.
    unsafe { CURRENT.get().as_ref() }.map_or(Parent::NONE, |frame| frame.begin_child(now))
}

/// Ends a child, where its parent is the innermost call of this thread; else it says `false`, and nothing happens.
#[inline]
pub(crate) fn end_child(parent: Parent, now: Moment) -> bool {
    // SAFETY: see `Frame::enter`.
    let frame = unsafe { CURRENT.get().as_ref() }.filter(|frame| frame.children.name.get() == parent);
    frame.inspect(|frame| frame.children.end(now)).is_some()
}

/// Counts the time that children covered of a call that ends now. Those that are still open outlive it.
pub(crate) fn close(children: &Children, meter: &Meter) {
    meter.cover(children.covered_at_end());
}

/// Ends a child, whatever this thread runs.
pub(crate) fn leave(parent: Parent, now: Moment) {
    if !end_child(parent, now) {
        end_child_elsewhere(parent, now);
    }
}

/// Ends a child whose parent is not the innermost call of this thread.
pub(crate) fn end_child_elsewhere(parent: Parent, now: Moment) {
    outlived::end(parent, now);
}

impl Frame {
    /// The frame of a call that has had no child.
    #[inline]
    #[must_use]
    pub fn new() -> Self {
        Self { meter: Cell::new(ptr::null()), children: Children::default() }
    }

    /// Takes the children that the call had in earlier polls.
    pub(crate) fn go_on(&self, children: &Children) {
        self.children.go_on(children);
    }

    /// Has calls that this thread starts be children of this frame's call, until the guard is dropped.
    ///
    /// The guard is not to be leaked: it ends the time in which the thread-local points here, and nothing else does.
    #[inline]
    pub(crate) fn enter<'a>(&'a self, meter: &'a Meter) -> Inside<'a> {
        let around = CURRENT.get();
        self.meter.set(meter);
        // SAFETY of whoever follows the pointer: it is here only as long as the guard borrows the frame and the meter, guards are locals
        // that end in the order of the stack, and only this thread has the pointer.
        CURRENT.set(self);
        Inside { around, _frame: PhantomData }
    }

    fn begin_child(&self, now: Moment) -> Parent {
        let children = &self.children;
        if !children.name.get().is_some() {
            if IS_OFF.load(Ordering::Relaxed) {
                return Parent::NONE;
            }
            // SAFETY: the meter was borrowed for as long as the frame is current, and it is.
            let node = unsafe { self.meter.get().as_ref() }.map_or(Node::OVERFLOW, Meter::node);
            children.name.set(Parent::new(node));
        }
        if children.open.get() > 0 {
            children.begin_beside(now);
        } else {
            children.open_first(now);
        }
        children.name.get()
    }

    /// The children so far, for a later poll; `None` where there were none.
    #[inline]
    pub(crate) fn children(&self) -> Option<&Children> {
        Some(&self.children).filter(|children| children.name.get().is_some())
    }

    /// Counts the time that children covered of a call that ends now.
    #[inline]
    pub(crate) fn end(&self, meter: &Meter) {
        if let Some(children) = self.children() {
            close(children, meter);
        }
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

/// The time in which a body is the innermost call of its thread. At its end the time of its children is counted, unless it is paused.
#[derive(Debug)]
#[must_use = "dropping the guard leaves the frame"]
pub(crate) struct Body<'a> {
    inside: Option<Inside<'a>>,
    frame: &'a Frame,
    meter: &'a Meter,
    is_paused: bool,
}

impl<'a> Body<'a> {
    /// From now on, until it is dropped. Not to be leaked, as [`Frame::enter`] says.
    #[inline]
    pub(crate) fn new(frame: &'a Frame, meter: &'a Meter) -> Self {
        Self { inside: Some(frame.enter(meter)), frame, meter, is_paused: false }
    }

    /// Ends it with a poll that is pending: the children go on.
    pub(crate) fn pause(mut self) {
        self.is_paused = true;
    }
}

impl Drop for Body<'_> {
    #[inline]
    fn drop(&mut self) {
        drop(self.inside.take());
        if !self.is_paused {
            self.frame.end(self.meter);
        }
    }
}

/// The time in which a frame is the innermost of its thread.
#[derive(Debug)]
#[must_use = "dropping the guard leaves the frame"]
pub(crate) struct Inside<'a> {
    around: *const Frame,
    _frame: PhantomData<&'a Frame>,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.set(self.around);
    }
}
