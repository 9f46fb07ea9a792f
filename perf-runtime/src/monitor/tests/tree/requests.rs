//! Requests in the tree of calls, what calls wait for, and the shares of a root's time.

use super::{SECOND, leaf, observed, own_time, poll, yield_once};
use crate::operation::HttpRequest;
use crate::series::Edge;
use crate::test_util::{IsolationHandle, ManualClock};
use crate::{InCurrentCall, Kind, Outcome, Window, monitor};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::thread;

/// Edges by their series, with calls and seconds, and the seconds that the parent waited.
fn edges() -> Vec<(String, String, u64, f64, f64)> {
    let told =
        |edge: Edge| (edge.parent.to_string(), edge.child.to_string(), edge.calls, edge.seconds, edge.waited_seconds);
    monitor().edges(Window::LastHour).into_iter().map(told).collect()
}

fn edge(parent: &str, child: &str, calls: u64, seconds: f64, waited: f64) -> (String, String, u64, f64, f64) {
    (parent.to_owned(), child.to_owned(), calls, seconds, waited)
}

fn own_time_of_request(status: &str) -> f64 {
    let summary = monitor().summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["GET", "/series", status]).expect("a request").self_seconds
}

const ROUTE: &str = "http_request{method=GET,route=/series}";
const LEAF: &str = "operation{operation=tree_leaf}";

fn request() -> HttpRequest {
    monitor().http_request_to("GET", "/series")
}

#[test]
fn calls_made_in_the_work_of_a_request_are_its_children_and_the_rest_is_its_own_time() {
    let (_alone, clock) = observed();
    let mut request = request();
    clock.advance(SECOND);
    let mut child = pin!(leaf(&clock, 2, true));
    assert!(request.work(|_| poll(child.as_mut())).is_pending());
    request.pause();
    clock.advance(10 * SECOND);
    assert!(request.work(|_| poll(child)).is_ready());
    clock.advance(SECOND);
    request.answer(200);
    assert_eq!(edges(), [edge(ROUTE, LEAF, 1, 12.0, 10.0)]);
    assert!((own_time_of_request("200") - 2.0).abs() < 1e-9);
}

#[test]
fn what_is_called_after_the_head_of_an_answer_is_inside_the_request_and_no_part_of_its_time() {
    let (_alone, clock) = observed();
    let mut request = request();
    clock.advance(SECOND);
    let mut open = pin!(leaf(&clock, 2, true));
    assert!(request.work(|_| poll(open.as_mut())).is_pending());
    request.streams();
    let _ = request.work(|_| poll(pin!(leaf(&clock, 4, false))));
    assert!(request.work(|_| poll(open)).is_ready());
    request.answer(200);
    assert_eq!(edges(), [edge(ROUTE, LEAF, 2, 10.0, 0.0)]);
    assert!((own_time_of_request("200") - 1.0).abs() < 1e-9);
}

#[test]
fn a_part_of_the_work_that_unwinds_makes_the_request_one_that_panicked_and_keeps_its_children() {
    let (_alone, clock) = observed();
    let mut request = request();
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        request.work(|_| {
            let _ = poll(pin!(leaf(&clock, 2, false)));
            panic!("as it should")
        })
    }));
    assert!(unwound.is_err());
    clock.advance(SECOND);
    drop(request);
    let summary = monitor().summary(Window::LastHour);
    let series = summary.find(Kind::HttpRequest, &["GET", "/series", ""]).expect("a request");
    assert_eq!((series.outcomes.panicked, series.outcomes.cancelled), (1, 0));
    assert!((series.self_seconds - 1.0).abs() < 1e-9);
    assert_eq!(edges(), [edge(ROUTE, LEAF, 1, 2.0, 0.0)]);
}

#[test]
fn a_request_inside_a_call_is_a_child_and_so_are_operations_inside_a_request() {
    #[monitor("tree_asks")]
    fn asks(clock: &ManualClock) {
        clock.advance(SECOND);
        let mut request = request();
        request.work(|_| {
            monitor().operation("tree_leaf").run(|| clock.advance(3 * SECOND));
        });
        clock.advance(SECOND);
        request.answer(503);
        clock.advance(SECOND);
    }
    let (_alone, clock) = observed();
    asks(&clock);
    let expected = [edge("operation{operation=tree_asks}", ROUTE, 1, 4.0, 0.0), edge(ROUTE, LEAF, 1, 3.0, 0.0)];
    assert_eq!(edges(), expected);
    assert_eq!(own_time("tree_asks"), 2 * SECOND);
    let failed: Vec<_> = monitor().edges(Window::LastHour).iter().map(|edge| edge.failed).collect();
    assert_eq!(failed, [1, 0]);
}

#[test]
fn a_call_waits_for_the_child_that_was_polled_last_and_the_rest_of_its_waiting_is_for_nothing_measured() {
    #[monitor("tree_waits")]
    async fn waits(clock: &ManualClock) {
        let _ = leaf(clock, 2, true).await;
        yield_once().await;
        monitor().operation("tree_watched").watch(yield_once()).await;
    }
    let (_alone, clock) = observed();
    let mut future = pin!(waits(&clock));
    for pause in [3, 5, 7] {
        assert!(poll(future.as_mut()).is_pending());
        clock.advance(pause * SECOND);
    }
    assert!(poll(future).is_ready());
    let waits = "operation{operation=tree_waits}";
    let watched = edge(waits, "operation{operation=tree_watched}", 1, 7.0, 7.0);
    assert_eq!(edges(), [edge(waits, LEAF, 1, 5.0, 3.0), watched]);
    let summary = monitor().summary(Window::LastHour);
    let series = summary.find(Kind::Operation, &["tree_waits"]).expect("a call");
    assert!((series.waited_seconds - 15.0).abs() < 1e-9);
}

#[test]
fn a_child_that_is_over_is_nothing_that_a_call_waits_for() {
    #[monitor("tree_gives_up")]
    async fn gives_up(clock: &ManualClock) {
        {
            let mut child = pin!(leaf(clock, 2, true));
            assert!(poll(child.as_mut()).is_pending());
        }
        yield_once().await;
    }
    let (_alone, clock) = observed();
    let mut future = pin!(gives_up(&clock));
    assert!(poll(future.as_mut()).is_pending());
    clock.advance(10 * SECOND);
    assert!(poll(future).is_ready());
    assert_eq!(edges(), [edge("operation{operation=tree_gives_up}", LEAF, 1, 2.0, 0.0)]);
}

#[test]
fn what_a_series_did_before_it_had_a_part_in_the_tree_is_in_no_share() {
    #[monitor("tree_late")]
    fn late(clock: &ManualClock, child: impl FnOnce()) {
        clock.advance(SECOND);
        child();
    }
    #[monitor("tree_late_child")]
    fn child(clock: &ManualClock) {
        clock.advance(SECOND);
    }
    let (_alone, clock) = observed();
    (0..100).for_each(|_| late(&clock, || ()));
    (0..100).for_each(|_| child(&clock));
    monitor().tick();
    for _ in 0..70 {
        clock.advance(60 * SECOND);
        monitor().tick();
    }
    let mut earlier = request();
    clock.advance(50 * SECOND);
    earlier.work(|_| ());
    earlier.answer(200);
    late(&clock, || child(&clock));
    let mut request = request();
    request.work(|_| child(&clock));
    clock.advance(SECOND);
    request.answer(200);
    let shares = |id: &str| {
        let shares = monitor().shares(&id.parse().expect("a series"), Window::LastMinute).expect("a call ended");
        (shares.seconds.round(), shares.unannotated_seconds.round())
    };
    assert_eq!(shares("operation{operation=tree_late}"), (2.0, 1.0));
    assert_eq!(shares(ROUTE), (2.0, 1.0));
}

#[test]
fn a_predicate_that_panics_after_the_body_counts_its_children_once() {
    type Open<'a> = Pin<Box<dyn Future<Output = Result<(), ()>> + 'a>>;
    fn panics<T>(_: &T) -> bool {
        panic!("as it should")
    }
    #[monitor("tree_judged", ok_if = panics)]
    async fn judged(clock: &ManualClock, open: &mut Option<Open<'_>>) {
        clock.advance(SECOND);
        let _ = leaf(clock, 2, false).await;
        if let Some(open) = open {
            assert!(poll(open.as_mut()).is_pending());
        }
    }
    let (_alone, clock) = observed();
    let mut open: Option<Open<'_>> = Some(Box::pin(leaf(&clock, 4, true)));
    let unwound = catch_unwind(AssertUnwindSafe(|| poll(pin!(judged(&clock, &mut open)))));
    assert!(unwound.is_err());
    assert_eq!(own_time("tree_judged"), SECOND);
}

#[test]
fn what_is_spawned_is_inside_a_call_where_that_is_said_on_whatever_thread_it_goes_on() {
    #[monitor("tree_spawns")]
    async fn spawns(clock: &ManualClock, alone: IsolationHandle) {
        let _ = leaf(clock, 2, false).await;
        let mut spawned = Box::pin(leaf(clock, 4, true).in_current_call());
        let mut local = pin!(leaf(clock, 6, true));
        thread::scope(|scope| {
            scope.spawn(|| {
                let _joined = alone.enter();
                assert!(poll(spawned.as_mut()).is_pending());
            });
        });
        assert!(poll(local.as_mut()).is_pending());
        clock.advance(SECOND);
        assert!(poll(spawned.as_mut()).is_ready());
        clock.advance(SECOND);
        assert!(poll(local).is_ready());
        clock.advance(10 * SECOND);
        assert!(poll(pin!(leaf(clock, 8, false).in_current_call())).is_ready());
    }
    let (alone, clock) = observed();
    assert!(poll(pin!(spawns(&clock, alone.handle()))).is_ready());
    let seconds = 2.0 + (4.0 + 6.0 + 1.0) + (6.0 + 1.0 + 1.0) + 8.0;
    assert_eq!(edges(), [edge("operation{operation=tree_spawns}", LEAF, 4, seconds, 0.0)]);
    assert_eq!(own_time("tree_spawns"), 10 * SECOND);
    // Outside of any call it is itself.
    let mut outside = pin!(leaf(&clock, 2, true).in_current_call());
    assert!(poll(outside.as_mut()).is_pending());
    assert!(poll(outside).is_ready());
    assert_eq!(edges().len(), 1);
}

#[test]
fn each_root_knows_its_own_share_of_a_series_that_several_call() {
    #[monitor("tree_shared")]
    fn shared(clock: &ManualClock, work: impl FnOnce()) {
        clock.advance(SECOND);
        work();
    }
    #[monitor("tree_slow")]
    fn slow(clock: &ManualClock) {
        clock.advance(6 * SECOND);
    }
    #[monitor("tree_root_of_slow")]
    fn root_of_slow(clock: &ManualClock) {
        clock.advance(SECOND);
        shared(clock, || slow(clock));
    }
    #[monitor("tree_root_of_nothing")]
    fn root_of_nothing(clock: &ManualClock) {
        clock.advance(SECOND);
        shared(clock, || ());
    }
    let (_alone, clock) = observed();
    root_of_slow(&clock);
    root_of_nothing(&clock);
    let shares = |name: &str| {
        let id = format!("operation{{operation={name}}}").parse().expect("a series");
        let shares = monitor().shares(&id, Window::LastHour).expect("a call ended");
        let rounded = |seconds: f64| (seconds * 1e9).round() / 1e9;
        let parts: Vec<_> = shares.parts.iter().map(|part| (part.series.to_string(), rounded(part.seconds))).collect();
        (rounded(shares.seconds), rounded(shares.unannotated_seconds), parts)
    };
    let part = |name: &str, seconds: f64| (format!("operation{{operation={name}}}"), seconds);
    let of_slow = vec![part("tree_slow", 6.0), part("tree_shared", 1.0)];
    assert_eq!(shares("tree_root_of_slow"), (8.0, 1.0, of_slow));
    assert_eq!(shares("tree_root_of_nothing"), (2.0, 1.0, vec![part("tree_shared", 1.0)]));
    // Of all its calls.
    assert_eq!(shares("tree_shared"), (8.0, 2.0, vec![part("tree_slow", 6.0)]));
    assert!(monitor().shares(&"operation{operation=tree_none}".parse().unwrap(), Window::LastHour).is_none());
}

#[test]
fn edges_are_metrics_and_so_is_the_time_of_each_series_own() {
    let (_alone, clock) = observed();
    monitor().operation("tree_outer").run(|| {
        clock.advance(SECOND);
        monitor().operation("tree_inner").record(SECOND, Outcome::Ok);
        monitor().operation("tree_inner").run(|| clock.advance(2 * SECOND));
    });
    let text = monitor().render_prometheus();
    let (outer, inner) = ("operation{operation=tree_outer}", "operation{operation=tree_inner}");
    for line in [
        format!("call_edges_total{{parent=\"{outer}\",child=\"{inner}\"}} 1"),
        format!("call_edge_seconds_total{{parent=\"{outer}\",child=\"{inner}\"}} 2"),
        format!("call_edge_failures_total{{parent=\"{outer}\",child=\"{inner}\"}} 0"),
        format!("call_edge_wait_seconds_total{{parent=\"{outer}\",child=\"{inner}\"}} 0"),
        "operation_self_seconds_total{operation=\"tree_outer\"} 1".to_owned(),
        "operation_self_seconds_total{operation=\"tree_inner\"} 3".to_owned(),
    ] {
        assert!(text.lines().any(|told| told == line), "{line}\n{text}");
    }
}
