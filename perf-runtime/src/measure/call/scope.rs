//! The scope of a sync body: in its call's span, and inside its call.

use super::execution::Call;
use crate::measure::cells::tree::frame::{Body, Frame};
use crate::measure::model::outcome::Outcome;
use std::thread;

/// A sync body's time: in its call's span, and inside its call.
#[derive(Debug)]
#[must_use = "dropping the guard leaves the call's span"]
pub struct EnteredCall<'a> {
    #[expect(dead_code, reason = "left when dropped, before the body ends")]
    span: Option<tracing::span::Entered<'a>>,
    #[expect(dead_code, reason = "ended when dropped")]
    body: Body<'a>,
}

impl<'a> EnteredCall<'a> {
    #[inline]
    pub(super) fn new(call: &'a Call, frame: &'a Frame) -> Self {
        Self { span: call.enter_span(), body: call.body(frame) }
    }
}

/// Ends a call as its scope is left: for bodies that stay in their function and may leave it early.
#[derive(Debug)]
pub struct Scope {
    pub(crate) call: Call,
    unwinding_before: bool,
}

impl Call {
    /// Starts the call where it is, and runs a sync body inside its span.
    ///
    /// The body comes as an `FnOnce`, not as a closure called in place: so the compiler takes the lifetimes of what it
    /// returns from the signature.
    #[inline]
    pub fn run<R>(&mut self, body: impl FnOnce() -> R) -> R {
        let frame = Frame::new();
        let _entered = self.enter(&frame);
        body()
    }

    /// Starts the call where it is, for a sync body that stays in its function, and enters its span until the returned guard is dropped.
    /// Calls that the body makes are children of this one. The guard is not to be leaked.
    #[inline]
    pub fn enter<'a>(&'a mut self, frame: &'a Frame) -> EnteredCall<'a> {
        self.begin_at_once();
        EnteredCall::new(self, frame)
    }

    /// Hands the call to the scope by which it is measured.
    #[inline]
    pub fn scope(self) -> Scope {
        Scope { call: self, unwinding_before: thread::panicking() }
    }
}

impl Scope {
    /// Enters the call's span until the returned guard is dropped, at the end of the scope. Calls that are made until then are children of
    /// this one. The guard is not to be leaked.
    #[inline]
    pub fn enter<'a>(&'a self, frame: &'a Frame) -> EnteredCall<'a> {
        EnteredCall::new(&self.call, frame)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let unwound = !self.unwinding_before && thread::panicking();
        self.call.finish(if unwound { Outcome::Panicked } else { Outcome::Ok });
    }
}
