//! Calls in flight: inside which others they wait, and how many there are.

use super::is_read_back;
use crate::series::{CallInFlight, CallsInFlight, Selector};
use crate::test_util::{Isolated, ManualClock, isolated};
use crate::{InCurrentCall, Kind, monitor};
use std::future::{pending, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn alone() -> (Isolated, ManualClock) {
    let (alone, clock) = (isolated(), ManualClock::hold());
    monitor();
    (alone, clock)
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn waiting(limit: usize) -> CallsInFlight {
    let found = monitor().in_flight(&Selector::calls(), limit);
    found.calls.iter().for_each(is_read_back);
    found
}

fn name(call: &CallInFlight) -> &str {
    call.labels.get("operation").unwrap_or_default()
}

/// The calls by their operations: the operation of the call that each was made inside, and how many were made inside it.
fn tree(calls: &[CallInFlight]) -> Vec<(&str, Option<&str>, u64)> {
    let of_id = |id: u64| calls.iter().find(|call| call.id == id).map(name);
    calls.iter().map(|call| (name(call), call.parent.and_then(of_id), call.inside)).collect()
}

#[monitor("flight_leaf")]
async fn leaf(clock: &ManualClock) {
    clock.advance(SECOND);
    pending::<()>().await;
}

#[monitor("flight_once")]
async fn once() {
    let mut yielded = false;
    poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

#[monitor("flight_middle")]
async fn middle(clock: &ManualClock) {
    clock.advance(SECOND);
    leaf(clock).await;
}

/// Polls all of them as long as one is pending.
async fn join<F: Future>(futures: impl IntoIterator<Item = F>) {
    let mut futures: Vec<_> = futures.into_iter().map(Box::pin).collect();
    poll_fn(|context| {
        futures.retain_mut(|future| future.as_mut().poll(context).is_pending());
        if futures.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn each_names_the_call_that_it_was_made_inside() {
    #[monitor("flight_root")]
    async fn root(clock: &ManualClock) {
        clock.advance(SECOND);
        middle(clock).await;
    }
    let (_alone, clock) = alone();
    let mut future = pin!(root(&clock));
    assert!(poll(future.as_mut()).is_pending());
    let CallsInFlight { calls, total, .. } = waiting(9);
    let expected = [
        ("flight_root", None, 1),
        ("flight_middle", Some("flight_root"), 1),
        ("flight_leaf", Some("flight_middle"), 0),
    ];
    assert_eq!((tree(&calls).as_slice(), total), (expected.as_slice(), 3));
    let callers: Vec<_> = calls.iter().map(|call| call.caller.as_ref().map(ToString::to_string)).collect();
    let named = |operation: &str| Some(format!("operation{{operation={operation}}}"));
    assert_eq!(callers, [None, named("flight_root"), named("flight_middle")]);
    let place = calls[2].place.as_deref().unwrap();
    let (file, line) = place.rsplit_once(':').unwrap();
    assert!(file.ends_with("in_flight.rs") && line.parse::<u32>().is_ok(), "{place}");
    // Polled again they are the same calls.
    assert!(poll(future).is_pending());
    let ids = |calls: &[CallInFlight]| calls.iter().map(|call| call.id).collect::<Vec<_>>();
    assert_eq!(ids(&waiting(9).calls), ids(&calls));
}

#[test]
fn all_are_counted_where_some_are_listed() {
    #[monitor("flight_crowd")]
    async fn crowd(clock: &ManualClock) {
        clock.advance(SECOND);
        join((0..1_000).map(|_| leaf(clock))).await;
    }
    let (_alone, clock) = alone();
    let mut future = pin!(crowd(&clock));
    assert!(poll(future.as_mut()).is_pending());
    let CallsInFlight { calls, total, .. } = waiting(3);
    assert_eq!((calls.len(), total, calls[0].inside), (3, 1_001, 1_000));
    // Of the selected ones, whatever is around them.
    let leaves = monitor().in_flight(&Selector::calls().label("operation", "flight_leaf"), 2);
    assert_eq!((leaves.calls.len(), leaves.total), (2, 1_000));
    let one = &leaves.calls[0];
    assert_eq!(
        (one.parent, one.caller.as_ref().map(ToString::to_string).as_deref()),
        (None, Some("operation{operation=flight_crowd}"))
    );
}

#[test]
fn a_request_is_the_caller_of_what_its_work_waits_for() {
    let (_alone, clock) = alone();
    let mut request = monitor().http_request_to("GET", "/series");
    let mut child = pin!(middle(&clock));
    assert!(request.work(|_| poll(child.as_mut())).is_pending());
    // The request has not said yet that it waits.
    let calls = waiting(9).calls;
    let caller = calls[0].caller.as_ref().map(ToString::to_string);
    assert_eq!(
        (calls.len(), calls[0].parent, caller.as_deref()),
        (2, None, Some("http_request{method=GET,route=/series}"))
    );
    request.pause();
    let calls = waiting(9).calls;
    assert_eq!((calls[0].kind, calls[0].inside, calls[0].parent), (Kind::HttpRequest, 1, None));
    assert_eq!((calls[1].parent, calls[2].parent), (Some(calls[0].id), Some(calls[1].id)));
    request.answer(200);
    // A call that outlives the request was made inside it all the same.
    let calls = waiting(9).calls;
    assert_eq!((calls.len(), calls[0].parent), (2, None));
    assert_eq!(calls[0].caller.as_ref().map(|caller| caller.kind), Some(Kind::HttpRequest));
}

#[test]
fn what_goes_on_elsewhere_is_inside_the_call_that_made_it() {
    #[monitor("flight_spawner")]
    async fn spawner<'a>(clock: &'a ManualClock, spawned: &mut Option<Pin<Box<dyn Future<Output = ()> + Send + 'a>>>) {
        clock.advance(SECOND);
        *spawned = Some(Box::pin(leaf(clock).in_current_call()));
        pending::<()>().await;
    }
    let (alone, clock) = alone();
    let mut spawned = None;
    {
        let mut future = pin!(spawner(&clock, &mut spawned));
        assert!(poll(future.as_mut()).is_pending());
    }
    // Its caller was dropped, and is not to be found: the place is another's now.
    let handle = alone.handle();
    let mut spawned = spawned.unwrap();
    thread::scope(|scope| {
        let poll_there = || {
            let _joined = handle.enter();
            assert!(poll(spawned.as_mut()).is_pending());
        };
        scope.spawn(poll_there).join().unwrap();
    });
    let mut other = pin!(once());
    assert!(poll(other.as_mut()).is_pending());
    let calls = waiting(9).calls;
    assert_eq!(tree(&calls), [("flight_leaf", None, 0), ("flight_once", None, 0)]);
    assert_eq!(
        calls[0].caller.as_ref().map(ToString::to_string).as_deref(),
        Some("operation{operation=flight_spawner}")
    );
}

#[test]
fn the_next_call_in_a_place_has_none_of_the_calls_of_the_one_before() {
    #[monitor("flight_place")]
    async fn place(clock: &ManualClock, calls: bool, left: &mut Option<Pin<Box<dyn Future<Output = ()>>>>) {
        clock.advance(SECOND);
        if calls {
            let mut child = Box::pin(once());
            assert!(poll(child.as_mut()).is_pending());
            *left = Some(child);
        }
        pending::<()>().await;
    }
    let (_alone, clock) = alone();
    let mut left = None;
    {
        let mut first = pin!(place(&clock, true, &mut left));
        assert!(poll(first.as_mut()).is_pending());
        assert_eq!(waiting(9).calls[0].inside, 1);
    }
    clock.advance(SECOND);
    let mut nothing = None;
    let mut second = pin!(place(&clock, false, &mut nothing));
    assert!(poll(second.as_mut()).is_pending());
    let calls = waiting(9).calls;
    assert_eq!(tree(&calls), [("flight_once", None, 0), ("flight_place", None, 0)]);
}

#[test]
fn operations_and_streams_are_part_of_the_tree() {
    let (_alone, clock) = alone();
    let operation = monitor().operation("flight_watched");
    let mut future = pin!(operation.watch(middle(&clock)));
    assert!(poll(future.as_mut()).is_pending());
    let calls = waiting(9).calls;
    assert_eq!(
        tree(&calls),
        [
            ("flight_watched", None, 1),
            ("flight_middle", Some("flight_watched"), 1),
            ("flight_leaf", Some("flight_middle"), 0)
        ]
    );
    assert_eq!(calls[0].place, None);
}
