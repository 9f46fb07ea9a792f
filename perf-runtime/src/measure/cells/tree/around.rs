//! Looks at the calls that a thread is in.

use super::frame::{CURRENT, Frame};
use super::node::Node;
use crate::measure::cells::meter::Meter;

/// A call that this thread is in.
pub(crate) enum Innermost<'a> {
    None,
    Call(&'a Meter),
    /// A call of this node, which is lent to a future that this thread polls.
    Lent(Node),
}

/// Looks at the calls that this thread is in, the innermost first, until `look` gives something; at so many, at the most. One that is lent is the last: where it
/// was made is not known here.
pub(crate) fn find_around<R>(most: usize, mut look: impl FnMut(Innermost<'_>) -> Option<R>) -> Option<R> {
    let mut place = CURRENT.get();
    for _ in 0..most {
        // SAFETY: see `Frame::enter`: the innermost frame is there, and so are those around it, whose guards end after its own.
        let frame = unsafe { place.as_ref() }?;
        // SAFETY: the meter was borrowed for as long as the frame is entered, and it is.
        let Some(meter) = (unsafe { frame.meter.get().as_ref() }) else { return look(lent(frame)) };
        if let Some(found) = look(Innermost::Call(meter)) {
            return Some(found);
        }
        place = frame.around.get();
    }
    None
}

/// Shows the innermost call of this thread. Signal handlers may ask too.
pub(crate) fn with_innermost<R>(look: impl FnOnce(Innermost<'_>) -> R) -> R {
    // SAFETY: see `Frame::enter`; and `Current` for a handler, to which the frame is there as long as the pointer is.
    let Some(frame) = (unsafe { CURRENT.in_handler().as_ref() }) else { return look(Innermost::None) };
    // SAFETY: the meter was borrowed for as long as the frame is current, and it is. It was stored before the pointer, both volatile.
    match unsafe { frame.meter.as_ptr().read_volatile().as_ref() } {
        Some(meter) => look(Innermost::Call(meter)),
        None => look(lent(frame)),
    }
}

/// The call of a frame that has no meter here. Only of a call that is lent it has a name: of another, that may not be stored yet.
fn lent(frame: &Frame) -> Innermost<'static> {
    frame.children.name.get().context().map_or(Innermost::None, |context| Innermost::Lent(context.node()))
}
