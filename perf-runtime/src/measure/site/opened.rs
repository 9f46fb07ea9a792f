//! The span of a call and the values of its fields, as far as somebody wants them: in boxes that are used again, so that a call under a subscriber
//! allocates nothing itself.

use crate::measure::cells::recorder::values::{self, Values};
use std::cell::RefCell;
use tracing::Span;

/// Things that a call has from its begin to its end, where somebody wants them. Boxed, because most calls have none and futures must stay small.
#[derive(Debug, Default)]
pub(crate) struct Opened {
    span: Option<Span>,
    values: Option<Box<Values>>,
}

impl Opened {
    /// The span, where a subscriber wants it.
    #[inline]
    pub(crate) fn span(&self) -> Option<&Span> {
        self.span.as_ref()
    }

    /// The values, where the recorder wants them.
    #[inline]
    pub(crate) fn values(&self) -> Option<&Values> {
        self.values.as_deref()
    }

    #[inline]
    pub(crate) fn take_values(&mut self) -> Option<Box<Values>> {
        self.values.take()
    }
}

/// As many as a thread keeps: calls within calls, or calls that wait, that ended on it. 48 bytes each.
const KEPT: usize = 64;

type Boxes = Vec<Box<Opened>>;

thread_local!(static EMPTY: RefCell<Boxes> = const { RefCell::new(Vec::new()) });

/// A box for a span and values; `None` where there is neither.
pub(super) fn hold(span: Option<Span>, values: Option<Box<Values>>) -> Option<Box<Opened>> {
    if span.is_none() && values.is_none() {
        return None;
    }
    let kept = EMPTY.try_with(|boxes| boxes.try_borrow_mut().ok()?.pop()).ok().flatten();
    let mut opened = kept.unwrap_or_default();
    *opened = Opened { span, values };
    Some(opened)
}

/// Closes a span and keeps its box.
pub(super) fn release(mut opened: Box<Opened>) {
    // The subscriber runs in this line: the list of boxes is not to be held here.
    opened.span = None;
    if let Some(values) = opened.values.take() {
        values::release(values);
    }
    // Refused while the thread ends; then the box is freed.
    let _ = EMPTY.try_with(|boxes| {
        if let Some(mut boxes) = boxes.try_borrow_mut().ok().filter(|boxes| boxes.len() < KEPT) {
            boxes.push(opened);
        }
    });
}
