//! The last panic of each thread: its message and its place in the source.
//!
//! The standard library tells both only to the panic hook. So a hook is put in front of the one that is there, once for the process and only
//! where somebody asks for it; the one before it runs as ever. A hook that is set later and calls none before it ends this one's work.

use super::text::{MAX_TEXT, cut};
use crate::measure::clock::{self, Moment};
use crate::text::source_path;
use std::cell::RefCell;
use std::panic::{self, PanicHookInfo};
use std::sync::Once;

/// A panic of a thread.
#[derive(Debug)]
pub(super) struct LastPanic {
    /// Its message, cut; `None` where it was no text.
    pub(super) message: Option<Box<str>>,
    /// Whether the message stands in the source as it is.
    pub(super) is_literal: bool,
    /// The file, the line and the column.
    pub(super) place: Option<Box<str>>,
    at: Moment,
}

thread_local! {
    static LAST: RefCell<Option<LastPanic>> = const { RefCell::new(None) };
}

/// Has the process remember the last panic of each thread.
pub(crate) fn remember() {
    static ONCE: Once = Once::new();
    // A thread that unwinds may not change the hook; a later monitor does.
    if std::thread::panicking() {
        return;
    }
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            note(info);
            before(info);
        }));
    });
}

/// Allocates; a thread that panics does so anyway. Nothing in it can panic.
fn note(info: &PanicHookInfo<'_>) {
    let payload = info.payload();
    let literal = payload.downcast_ref::<&'static str>().copied();
    let message = literal.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    let place = info.location().map(|at| format!("{}:{}:{}", source_path(at.file()), at.line(), at.column()));
    let last = LastPanic {
        message: message.map(|message| cut(message, MAX_TEXT).into()),
        is_literal: literal.is_some(),
        place: place.map(Into::into),
        at: clock::now(),
    };
    let _ = LAST.try_with(|place| place.try_borrow_mut().map(|mut place| *place = Some(last)));
}

/// Shows this thread's last panic, where it came no earlier than `started`: one of before is not what a call unwinds by.
pub(super) fn with_since(started: Moment, look: impl FnOnce(Option<&LastPanic>)) {
    let mut look = Some(look);
    let _ = LAST.try_with(|place| {
        let place = place.try_borrow().ok();
        let last = place.as_deref().and_then(Option::as_ref).filter(|last| last.at >= started);
        if let Some(look) = look.take() {
            look(last);
        }
    });
    // The thread ends, and its last panic is gone.
    if let Some(look) = look {
        look(None);
    }
}
