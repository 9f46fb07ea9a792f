//! Requests that go on after their duration: as roots, and inside other calls.

use super::{all_buffers, kept, poll, recorded, shown, some_buffers, sync_leaf, tree, yield_once};
use crate::measure::cells::recorder::pool;
use crate::series::{RecordedCall, Selector};
use crate::test_util::{ManualClock, isolated};
use crate::{Kind, Monitor, Window, monitor};
use std::cell::RefCell;
use std::pin::pin;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// More than there are buffers.
const MANY: usize = 2_100;

fn streaming(route: &str, clock: &ManualClock) -> crate::operation::HttpRequest {
    let mut request = monitor().http_request("GET", route);
    request.work(|_| sync_leaf(clock, 0));
    request.streams();
    request
}

#[test]
fn a_request_that_streams_inside_a_call_is_recorded_with_its_calls_as_it_ends() {
    let (_alone, clock) = recorded();
    let outer = monitor().operation("rec_streams_inside");
    outer.run(|| {
        let mut request = monitor().http_request("GET", "/inner");
        request.work(|_| sync_leaf(&clock, 2));
        clock.advance(SECOND);
        request.streams();
        request.work(|_| sync_leaf(&clock, 4));
        request.answer(200);
        clock.advance(SECOND);
    });
    let tree = tree("rec_streams_inside");
    // The call within the stream is inside nothing that is recorded.
    assert_eq!((tree.call.seconds, tree.call.self_seconds, tree.call.missing), (8.0, Some(5.0), 1));
    let inside = &tree.inside;
    assert_eq!(inside.len(), 2, "{inside:?}");
    assert_eq!((inside[0].series.kind, inside[0].seconds, inside[0].self_seconds), (Kind::HttpRequest, 3.0, 1.0));
    assert_eq!((inside[1].parent, inside[1].depth, inside[1].seconds), (Some(0), 2, 2.0));
}

#[test]
fn requests_that_stream_inside_calls_hold_no_buffers_of_them() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    let outer = monitor.operation("rec_holds");
    let open = (0..MANY).map(|_| outer.run(|| streaming("/inner", &clock))).collect::<Vec<_>>();
    assert_eq!(monitor.recorder_state().without_buffer, 0);
    clock.advance(60 * SECOND);
    outer.run(|| sync_leaf(&clock, 1));
    let last = &kept("rec_holds")[0];
    assert_eq!((last.calls, last.calls_known, last.missing), (1, true, 0));
    for request in open {
        request.answer(200);
    }
}

#[test]
fn requests_that_stream_make_way_for_others_and_say_so_with_their_own_time() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).recorded_calls_per_minute(100, 0).install().unwrap();
    let start = |place: usize| {
        let mut request = monitor.http_request("GET", &format!("/events/{}", place / 100));
        request.work(|_| sync_leaf(&clock, 1));
        request.streams();
        request
    };
    let free = pool::exhaust().len();
    let open = (0..MANY).map(start).collect::<Vec<_>>();
    assert_eq!(monitor.recorder_state().without_buffer, 0);
    for request in open {
        request.answer(200);
    }
    let all = monitor.recorded_calls(&Selector::kind(Kind::HttpRequest), Window::LastHour);
    let (known, unknown): (Vec<_>, Vec<_>) = all.iter().partition(|call| call.calls_known);
    assert_eq!((all.len(), known.len()), (MANY, free), "as many as there are buffers");
    let is_alike = |calls: &[&RecordedCall], inside| {
        calls.iter().all(|call| (call.calls, call.missing, call.self_seconds) == (inside, 0, Some(0.0)))
    };
    assert!(is_alike(&known, 1) && is_alike(&unknown, 0), "{all:?}");
}

#[test]
fn a_request_inside_a_call_that_nobody_counts_holds_no_buffer() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    let before = pool::exhaust().len();
    let other = RefCell::new(Some(Monitor::builder().build().unwrap()));
    let outer = monitor.operation("rec_around_uncounted");
    let body = async || {
        let mut request = other.borrow().as_ref().map(|other| other.http_request("GET", "/nobody")).unwrap();
        request.work(|_| sync_leaf(&clock, 1));
        yield_once().await;
        request.answer(200);
    };
    let mut open = (0..100).map(|_| Box::pin(outer.watch(body()))).collect::<Vec<_>>();
    assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_pending()));
    // A request of a monitor that is gone is counted nowhere.
    drop(other.take());
    assert!(open.iter_mut().all(|root| poll(root.as_mut()).is_ready()));
    drop(open);
    let after = pool::exhaust().len();
    assert!(after + 16 >= before, "{after} of {before}");
}

#[test]
fn a_request_whose_calls_found_no_room_tells_its_own_time_all_the_same() {
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    {
        let _all = pool::exhaust();
        let mut request = monitor.http_request("GET", "/full");
        request.work(|_| sync_leaf(&clock, 2));
        clock.advance(SECOND);
        request.answer(200);
    }
    let all = monitor.recorded_calls(&Selector::kind(Kind::HttpRequest), Window::LastHour);
    assert_eq!((all[0].calls_known, all[0].seconds, all[0].self_seconds), (false, 3.0, Some(1.0)));
    // One that makes no calls knows that.
    monitor.http_request("GET", "/alone").answer(200);
    let alone = Selector::kind(Kind::HttpRequest).label("route", "/alone");
    assert!(monitor.recorded_calls(&alone, Window::LastHour)[0].calls_known);
}

#[test]
fn calls_that_began_before_anybody_wanted_them_are_not_known() {
    #[monitor("rec_began_before")]
    async fn root(clock: &ManualClock) {
        sync_leaf(clock, 1);
        yield_once().await;
        sync_leaf(clock, 1);
    }
    let _buffers = some_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let mut future = pin!(root(&clock));
    assert!(poll(future.as_mut()).is_pending());
    let _monitor = Monitor::builder().recorder(true).install().unwrap();
    assert!(poll(future).is_ready());
    let tree = tree("rec_began_before");
    assert_eq!((tree.call.calls_known, tree.call.self_seconds, shown(&tree).len()), (false, None, 0));
}
