//! The call that runs on each thread, and its children.
//!
//! A call's body has a frame on the stack while it runs or is polled. A thread-local points to the innermost frame, and a guard keeps
//! the one around it. So a call that starts finds its parent by one load, and the time that a parent's children cover is summed up in
//! the parent's frame, from the moments that the children read anyway: less the start of a child where none was open, and the
//! end where none is left open. That is the length of the union of their intervals.
//!
//! A frame that outlasts a poll is put away with the calls that wait (see `waiting`). A child names its parent as no
//! other call is named: one that ends anywhere but inside its parent leaves its end for the parent to find (see `outlived`).

use super::bound;
use super::children::Children;
use super::context::Context;
use super::node::Node;
use super::outlived;
pub(crate) use super::parent::Parent;
use crate::measure::cells::cell_table::Ticket;
use crate::measure::cells::meter::Meter;
use crate::measure::cells::recorder::{self, HandedOver};
use crate::measure::clock::{self, Moment};
use std::cell::Cell;
use std::num::NonZeroU64;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering, compiler_fence};
use std::thread::LocalKey;

thread_local! {
    /// The innermost frame of this thread. Without a destructor, so it can be read as long as the thread runs.
    static INNERMOST: Cell<*const Frame> = const { Cell::new(ptr::null()) };
}

/// The innermost frame of this thread.
///
/// Signal handlers of the thread read it too, as they would read C's `volatile sig_atomic_t`: the compiler keeps volatile stores in their order,
/// and the processor shows a thread its own stores in theirs. A fence of the compiler's alone comes where other memory counts: it costs no
/// instruction, but registers must be read again after it, so there is none where a call begins.
#[derive(Clone, Copy)]
pub(super) struct Current(&'static LocalKey<Cell<*const Frame>>);

pub(super) const CURRENT: Current = Current(&INNERMOST);

impl Current {
    #[inline]
    pub(super) fn get(self) -> *const Frame {
        self.0.get()
    }

    /// Changes it, after the volatile stores before.
    #[inline]
    fn set(self, frame: *const Frame) {
        // SAFETY: the cell is this thread's own, and no reference to its value is ever given out.
        self.0.with(|current| unsafe { current.as_ptr().write_volatile(frame) });
    }

    /// Changes it back, before the memory of the frame that it showed is used again.
    #[inline]
    fn restore(self, frame: *const Frame) {
        self.set(frame);
        fence_for_handlers();
    }

    /// The value, for a signal handler too.
    pub(super) fn in_handler(self) -> *const Frame {
        // SAFETY: as above.
        self.0.with(|current| unsafe { current.as_ptr().read_volatile() })
    }
}

/// Keeps later stores behind the stores before it, for signal handlers of this thread: an instruction that is none, of which the compiler knows that it
/// reads memory. As it does not write, what registers hold is still good, which a fence would not leave.
#[inline]
fn fence_for_handlers() {
    #[cfg(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64")))]
    // SAFETY: it is empty.
    unsafe {
        std::arch::asm!("", options(nostack, preserves_flags, readonly));
    }
    #[cfg(not(all(not(miri), any(target_arch = "x86_64", target_arch = "aarch64"))))]
    compiler_fence(Ordering::SeqCst);
}

/// Whether nobody wants the tree.
static IS_OFF: AtomicBool = AtomicBool::new(false);

/// Sets the most edges of the process; with 0, calls know no parents from now on.
pub(crate) fn bound_edges(most: usize) {
    IS_OFF.store(most == 0, Ordering::Relaxed);
    bound::bound_edges(most);
}

/// Lends the innermost call of this thread, so that calls on other threads may be its children; `None` where no call runs.
pub(crate) fn lend() -> Option<Lent> {
    // SAFETY: see `Frame::enter`.
    let frame = unsafe { CURRENT.get().as_ref() }?;
    let name = Some(frame.name(clock::now)).filter(|name| name.is_some())?;
    frame.children.lend();
    Some(Lent(name))
}

/// A call that is lent, for as long as this lives: to calls on any thread.
#[derive(Debug)]
pub(crate) struct Lent(Parent);

impl Lent {
    /// The frame in which calls are children of the one that is lent.
    pub(crate) fn frame(&self) -> Frame {
        Frame { children: Children::of_lent(self.0), ..Frame::new() }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        outlived::give_back(self.0);
    }
}

/// The body of a call that runs on this thread, and its children.
#[derive(Debug)]
pub struct Frame {
    pub(super) meter: Cell<*const Meter>,
    /// The call that this one was made inside.
    parent: Cell<Parent>,
    /// The frame that was the innermost before it.
    pub(super) around: Cell<*const Frame>,
    /// The address of a call of an async body, which no other call has while it lasts; zero of another.
    address: usize,
    pub(super) children: Children,
}

// SAFETY: what its pointers point to is a meter, which every thread may use, and the frame around it; and they are followed only while the frame is
// entered on a thread, which borrows all of them.
unsafe impl Send for Frame {}

/// Whether a call runs on this thread.
#[inline]
pub(crate) fn is_any() -> bool {
    !CURRENT.get().is_null()
}

/// The address of the innermost call of this thread, where that is one of an async body, and else zero.
#[inline]
pub(crate) fn address() -> usize {
    // SAFETY: see `Frame::enter`.
    unsafe { CURRENT.get().as_ref() }.map_or(0, |frame| frame.address)
}

/// The context of the innermost call of this thread, and the name of the root of its tree where that is known. The call gets a name, as if it
/// had made another one. `None` where no call runs, or nobody wants the tree.
pub(crate) fn running() -> Option<(Context, Option<NonZeroU64>)> {
    // SAFETY: see `Frame::enter`.
    let frame = unsafe { CURRENT.get().as_ref() }?;
    let name = frame.name(clock::now);
    let context = name.context()?;
    // A call that is lent has no meter here, and its caller is not known.
    let is_root = !frame.parent.get().is_some() && !frame.meter.get().is_null();
    let root = if is_root { Some(name) } else { recorder::root_of(name) };
    Some((context, root.and_then(|root| NonZeroU64::new(root.bits()))))
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

/// Has a child go on that covers none of its parent's time at present, where the parent is the innermost call of this thread; else it says `false`, and
/// nothing happens.
pub(crate) fn reopen_child(parent: Parent, now: Moment) -> bool {
    // SAFETY: see `Frame::enter`.
    let frame =
        unsafe { CURRENT.get().as_ref() }.filter(|frame| parent.is_some() && frame.children.name.get() == parent);
    frame.inspect(|frame| frame.children.reopen(now)).is_some()
}

/// Ends a child, where its parent is the innermost call of this thread; else it says `false`, and nothing happens.
#[inline]
pub(crate) fn end_child(parent: Parent, now: Moment) -> bool {
    // SAFETY: see `Frame::enter`.
    let frame = unsafe { CURRENT.get().as_ref() }.filter(|frame| frame.children.name.get() == parent);
    frame.inspect(|frame| frame.children.end(now)).is_some()
}

/// Notes that a call of `child` waits at a place, where its parent is the innermost call of this thread.
#[inline]
pub(crate) fn child_waits(parent: Parent, place: Option<Ticket>, child: impl FnOnce() -> Node) {
    // SAFETY: see `Frame::enter`.
    if let Some(frame) = unsafe { CURRENT.get().as_ref() }.filter(|frame| frame.children.name.get() == parent) {
        frame.children.wait_for(child(), place.map_or(0, Ticket::number));
    }
}

/// Notes that a call of `child`, which waited at a place, does so no longer.
pub(crate) fn child_waited(parent: Parent, place: Ticket, child: Node) {
    // SAFETY: see `Frame::enter`.
    if let Some(frame) = unsafe { CURRENT.get().as_ref() }.filter(|frame| frame.children.name.get() == parent) {
        frame.children.wait_no_longer(child, place.number());
    }
}

/// Counts the time that children covered of a call that ends now, and was made inside `parent`; and hands it over to the call's end. Those
/// that are still open outlive it.
pub(crate) fn close(children: &Children, meter: &Meter, parent: Parent, over: &HandedOver) {
    let covered = children.covered_at_end(clock::now);
    meter.cover(covered);
    over.set(children.name.get(), parent, covered);
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
        Self {
            meter: Cell::new(ptr::null()),
            parent: Cell::new(Parent::NONE),
            around: Cell::new(ptr::null()),
            address: 0,
            children: Children::default(),
        }
    }

    /// The same of a call of an async body, which is at an address.
    #[inline]
    pub(crate) fn of_async(address: usize) -> Self {
        Self { address, ..Self::new() }
    }

    /// Takes the children that the call had in earlier polls.
    pub(crate) fn go_on(&self, children: &Children) {
        self.children.go_on(children);
    }

    /// As [`enter`](Self::enter), of a call that is lent: it has its name already, and needs no meter to get one.
    #[inline]
    pub(crate) fn enter_lent(&self) -> Inside<'_> {
        self.around.set(CURRENT.get());
        // A signal handler sees the name of the call that is lent.
        compiler_fence(Ordering::SeqCst);
        CURRENT.set(self);
        Inside { frame: self }
    }

    /// Has calls that this thread starts be children of this frame's call, until the guard is dropped.
    ///
    /// The guard is not to be leaked: it ends the time in which the thread-local points here, and nothing else does.
    #[inline]
    pub(crate) fn enter<'a>(&'a self, meter: &'a Meter, parent: Parent) -> Inside<'a> {
        self.around.set(CURRENT.get());
        // SAFETY: the cell is the frame's own, and no reference to its value is ever given out. Volatile, for signal handlers: see `Current`.
        unsafe { self.meter.as_ptr().write_volatile(meter) };
        self.parent.set(parent);
        // SAFETY of whoever follows the pointer: it is here only as long as the guard borrows the frame and the meter, guards are locals
        // that end in the order of the stack, and only this thread has the pointer.
        CURRENT.set(self);
        Inside { frame: self }
    }

    fn begin_child(&self, now: Moment) -> Parent {
        let children = &self.children;
        if !self.name(|| now).is_some() {
            return Parent::NONE;
        }
        if children.open.get() > 0 {
            children.begin_beside(now);
        } else {
            children.open_first(now);
        }
        children.name.get()
    }

    /// The call's name among its children, given to it at the moment `now` if it has none yet; none where nobody wants the tree.
    #[inline]
    fn name(&self, now: impl FnOnce() -> Moment) -> Parent {
        let children = &self.children;
        if !children.name.get().is_some() {
            if IS_OFF.load(Ordering::Relaxed) {
                return Parent::NONE;
            }
            // SAFETY: the meter was borrowed for as long as the frame is current, and it is.
            let meter = unsafe { self.meter.get().as_ref() };
            let context = meter.map_or(Context::OVERFLOW, |meter| meter.context(self.parent.get().context()));
            let parent = self.parent.get();
            let name = if parent.is_some() {
                Parent::new(context, parent.recording())
            } else {
                let name = Parent::new(context, recorder::begin_root(now()));
                recorder::own_root(name);
                name
            };
            children.name.set(name);
        }
        children.name.get()
    }

    /// The child for which the poll that ends waits, if any: the one that said last that it does.
    #[inline]
    pub(crate) fn waits_for(&self) -> Option<Node> {
        self.children().and_then(Children::take_waits_for)
    }

    /// The children so far, for a later poll; `None` where there were none.
    #[inline]
    pub(crate) fn children(&self) -> Option<&Children> {
        Some(&self.children).filter(|children| children.name.get().is_some())
    }

    /// The name by which children know the call; none where there were none.
    pub(crate) fn known_as(&self) -> Parent {
        self.children.name()
    }

    /// Ends the time in which children cover any, at the moment `now`, and says the name by which they know the call: none where there were
    /// none. Those that are still open outlive it. Where the frame is entered again it begins anew, with another name.
    #[inline]
    pub(crate) fn freeze(&self, now: impl FnOnce() -> Moment) -> Parent {
        let name = self.children.name.get();
        if name.is_some() {
            self.children.freeze(now);
        }
        name
    }

    /// As [`freeze`](Self::freeze), of a frame whose children are no part of a call.
    pub(crate) fn abandon(&self) {
        let name = self.freeze(clock::now);
        if !self.parent.get().is_some() {
            recorder::forget_root(name);
        }
    }

    /// The time that children covered when the frame was [frozen](Self::freeze), until it is entered again.
    pub(crate) fn frozen(&self) -> u64 {
        self.children.frozen()
    }

    /// Counts the time that children covered of a call that ends now, and hands it over to the call's end.
    #[inline]
    pub(crate) fn end(&self, meter: &Meter, over: &HandedOver) {
        if let Some(children) = self.children() {
            close(children, meter, self.parent.get(), over);
            // Said once more, as by a panic of what comes after the body, it counts nothing.
            children.forget();
        }
    }
}

impl Default for Frame {
    fn default() -> Self {
        Self::new()
    }
}

/// The time in which a body is the innermost call of its thread. At its end the time of its children is counted and handed over, unless it
/// is paused.
#[derive(Debug)]
#[must_use = "dropping the guard leaves the frame"]
pub(crate) struct Body<'a> {
    inside: Option<Inside<'a>>,
    frame: &'a Frame,
    meter: &'a Meter,
    over: &'a HandedOver,
    is_paused: bool,
}

impl<'a> Body<'a> {
    /// From now on, until it is dropped. Not to be leaked, as [`Frame::enter`] says.
    #[inline]
    pub(crate) fn new(frame: &'a Frame, meter: &'a Meter, parent: Parent, over: &'a HandedOver) -> Self {
        Self { inside: Some(frame.enter(meter, parent)), frame, meter, over, is_paused: false }
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
            self.frame.end(self.meter, self.over);
        }
    }
}

/// The time in which a frame is the innermost of its thread.
#[derive(Debug)]
#[must_use = "dropping the guard leaves the frame"]
pub(crate) struct Inside<'a> {
    frame: &'a Frame,
}

impl Drop for Inside<'_> {
    #[inline]
    fn drop(&mut self) {
        CURRENT.restore(self.frame.around.get());
    }
}
