//! Boxes for values, used again: so that a call with fields allocates nothing once its thread has some.

use super::values::Values;
use std::cell::RefCell;

/// As many as a thread keeps, of some 300 bytes at most: calls within calls, or calls that wait, that ended on it.
const KEPT: usize = 32;

type Boxes = Vec<Box<Values>>;

thread_local!(static EMPTY: RefCell<Boxes> = const { RefCell::new(Vec::new()) });

#[expect(clippy::unnecessary_box_returns, reason = "the box is what this is about")]
pub(super) fn hold() -> Box<Values> {
    let kept = EMPTY.try_with(|boxes| boxes.try_borrow_mut().ok()?.pop()).ok().flatten();
    kept.unwrap_or_default()
}

pub(crate) fn release(mut values: Box<Values>) {
    values.clear();
    // Refused while the thread ends; then the box is freed.
    let _ = EMPTY.try_with(|boxes| {
        if let Some(mut boxes) = boxes.try_borrow_mut().ok().filter(|boxes| boxes.len() < KEPT) {
            boxes.push(values);
        }
    });
}
