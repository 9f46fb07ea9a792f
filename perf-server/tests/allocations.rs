//! A warm request allocates nothing of ours. The clock stands still: a duration of a magnitude that never was before does
//! allocate, a page of buckets.

use bytes::Bytes;
use http::{Request, Response};
use http_body::{Body, Frame};
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use perf_server::HttpLayer;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tower_layer::Layer as _;
use tower_service::Service;

struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

// SAFETY: all it does beside what the system's allocator does is to count, in a cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// A body of one part, which takes no memory of its own.
struct Part(Option<Bytes>);

impl Body for Part {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|part| Ok(Frame::data(part))))
    }
}

/// A service that answers each request with a status of its own.
#[derive(Clone)]
struct Statuses;

impl Service<Request<u16>> for Statuses {
    type Response = Response<Part>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Part>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<u16>) -> Self::Future {
        let mut response = Response::new(Part(Some(Bytes::from_static(b"part"))));
        *response.status_mut() = request.into_body().try_into().expect("a status");
        ready(Ok(response))
    }
}

#[test]
fn a_thousand_warm_requests_allocate_nothing() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let mut service = HttpLayer::new(&monitor).layer(Statuses);
    let mut answer = |status: u16| {
        let mut context = Context::from_waker(Waker::noop());
        let mut answer = pin!(service.call(Request::new(status)));
        let Poll::Ready(Ok(answer)) = answer.as_mut().poll(&mut context) else { panic!("it is ready") };
        let mut body = pin!(answer.into_body());
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut context) {}
    };
    let mut both = || (answer(200), answer(503));
    (0..10).for_each(|_| _ = both());
    let before = ALLOCATIONS.get();
    (0..1_000).for_each(|_| _ = both());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"http_requests_total{method="GET",route="unmatched",status="503",outcome="error"} 1010"#));
}

/// A service of axum's bodies, which reads them.
#[derive(Clone)]
struct Reads;

impl Service<Request<axum::body::Body>> for Reads {
    type Response = Response<Part>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Part>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<axum::body::Body>) -> Self::Future {
        let mut body = pin!(request.into_body());
        while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut Context::from_waker(Waker::noop())) {}
        ready(Ok(Response::new(Part(Some(Bytes::from_static(b"part"))))))
    }
}

#[test]
fn a_request_without_a_body_allocates_nothing_and_to_watch_one_takes_one() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let mut service = HttpLayer::new(&monitor).layer(Reads);
    for (text, allowed) in [("", 0), ("a body", 1)] {
        let mut taken = 0;
        for is_warm in [false, true] {
            for _ in 0..100 {
                let request = Request::new(axum::body::Body::from(text));
                let before = ALLOCATIONS.get();
                let mut context = Context::from_waker(Waker::noop());
                let mut answer = pin!(service.call(request));
                let Poll::Ready(Ok(answer)) = answer.as_mut().poll(&mut context) else { panic!("it is ready") };
                let mut body = pin!(answer.into_body());
                while let Poll::Ready(Some(_)) = body.as_mut().poll_frame(&mut context) {}
                taken += if is_warm { ALLOCATIONS.get() - before } else { 0 };
            }
        }
        assert_eq!(taken, 100 * allowed, "{text:?}");
    }
}
