//! Boxes of exchanges that are over, for the next ones on the same thread: so a warm request allocates nothing. One that ends
//! on another thread leaves its box there; a thread that has none left makes one.

use super::state::State;
use std::cell::RefCell;

/// A thread keeps so many, of some hundred bytes each.
const MOST: usize = 64;

thread_local! {
    #[expect(clippy::vec_box, reason = "the boxes are what is kept")]
    static SPARE: RefCell<Vec<Box<State>>> = const { RefCell::new(Vec::new()) };
}

/// One that holds nothing of use.
#[allow(clippy::unnecessary_box_returns, reason = "the box is what is to be had")]
#[inline]
pub(super) fn take() -> Box<State> {
    // None is to be had while the thread ends.
    let spare = SPARE.try_with(|spare| spare.try_borrow_mut().ok()?.pop());
    spare.ok().flatten().unwrap_or_default()
}

/// Keeps one whose request is over.
#[inline]
pub(super) fn keep(state: Box<State>) {
    let _ = SPARE.try_with(|spare| {
        if let Ok(mut spare) = spare.try_borrow_mut()
            && spare.len() < MOST
        {
            spare.push(state);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::HttpLayer;
    use axum::body::Body;
    use http::{Request, Response};
    use perf_runtime::Monitor;
    use std::convert::Infallible;
    use std::future::pending;
    use tower_layer::Layer;
    use tower_service::Service;

    #[test]
    fn a_thread_keeps_some_boxes_and_no_more() {
        let monitor = Monitor::builder().build().unwrap();
        let never = tower::service_fn(|_: Request<Body>| pending::<Result<Response<Body>, Infallible>>());
        let mut service = HttpLayer::new(&monitor).layer(never);
        let kept = || SPARE.with_borrow(Vec::len);
        let requests: Vec<_> = (0..2 * MOST).map(|_| service.call(Request::default())).collect();
        assert_eq!(kept(), 0);
        drop(requests);
        assert_eq!(kept(), MOST);
        let one = service.call(Request::default());
        assert_eq!(kept(), MOST - 1);
        drop(one);
        assert_eq!(kept(), MOST);
    }
}
