//! The tree of calls: who called whom, and what of a call's time is its own.

mod program;
mod random;
mod requests;

use crate::series::{Edge, SeriesId};
use crate::test_util::{Isolated, IsolationHandle, ManualClock, isolated};
use crate::{Kind, Window, monitor};
use std::future::{pending, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// A test of its own, whose monitor observes from now on.
fn observed() -> (Isolated, ManualClock) {
    let (alone, clock) = (isolated(), ManualClock::hold());
    monitor();
    (alone, clock)
}

/// Edges by the labels of their series, and their calls, seconds and failures.
fn edges() -> Vec<(String, String, u64, f64, u64)> {
    let name = |id: &SeriesId| id.labels.get("operation").unwrap_or_default().to_owned();
    let told = |edge: &Edge| (name(&edge.parent), name(&edge.child), edge.calls, edge.seconds, edge.failed);
    monitor().edges(Window::LastHour).iter().map(told).collect()
}

fn own_time(operation: &str) -> Duration {
    let summary = monitor().summary(Window::LastHour);
    summary
        .find(Kind::Operation, &[operation])
        .map_or(Duration::MAX, |series| Duration::from_secs_f64(series.self_seconds))
}

fn edge(parent: &str, child: &str, calls: u64, seconds: f64, failed: u64) -> (String, String, u64, f64, u64) {
    (parent.to_owned(), child.to_owned(), calls, seconds, failed)
}

#[monitor("tree_leaf")]
async fn leaf(clock: &ManualClock, seconds: u32, waits: bool) -> Result<(), ()> {
    clock.advance(seconds * SECOND);
    if waits {
        yield_once().await;
    }
    if seconds.is_multiple_of(2) { Ok(()) } else { Err(()) }
}

fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |_| {
        let ready = std::mem::replace(&mut yielded, true);
        if ready { Poll::Ready(()) } else { Poll::Pending }
    })
}

#[test]
fn a_call_made_inside_another_is_its_child_and_the_rest_is_its_own_time() {
    #[monitor("tree_parent")]
    async fn parent(clock: &ManualClock) {
        clock.advance(SECOND);
        let _ = leaf(clock, 2, false).await;
        let _ = leaf(clock, 3, true).await;
    }
    let (_alone, clock) = observed();
    let mut future = pin!(parent(&clock));
    assert!(poll(future.as_mut()).is_pending());
    clock.advance(10 * SECOND);
    assert!(poll(future).is_ready());
    assert_eq!(edges(), [edge("tree_parent", "tree_leaf", 2, 15.0, 1)]);
    assert_eq!((own_time("tree_parent"), own_time("tree_leaf")), (SECOND, 15 * SECOND));
    // Without a parent there is no edge.
    let _ = poll(pin!(leaf(&clock, 2, false)));
    assert_eq!(edges().len(), 1);
}

#[test]
fn sync_calls_have_parents_and_children_too() {
    #[monitor("tree_sync_leaf")]
    fn sync_leaf(clock: &ManualClock) {
        clock.advance(SECOND);
    }
    #[monitor("tree_sync")]
    fn block(clock: &ManualClock) {
        clock.advance(SECOND);
        sync_leaf(clock);
        sync_leaf(clock);
    }
    struct Owner(u32);
    impl Owner {
        #[monitor("tree_sync_closure")]
        fn closure(self, clock: &ManualClock) -> u32 {
            sync_leaf(clock);
            self.0
        }
    }
    #[monitor("tree_sync_scope")]
    fn scope(clock: &ManualClock) -> impl Fn() + '_ {
        sync_leaf(clock);
        || ()
    }
    let (_alone, clock) = observed();
    block(&clock);
    assert_eq!(Owner(7).closure(&clock), 7);
    scope(&clock)();
    let expected = [
        edge("tree_sync", "tree_sync_leaf", 2, 2.0, 0),
        edge("tree_sync_closure", "tree_sync_leaf", 1, 1.0, 0),
        edge("tree_sync_scope", "tree_sync_leaf", 1, 1.0, 0),
    ];
    assert_eq!(edges(), expected);
    assert_eq!((own_time("tree_sync"), own_time("tree_sync_closure")), (SECOND, Duration::ZERO));
}

#[test]
fn children_that_run_at_the_same_time_cover_the_time_in_which_one_does() {
    #[monitor("tree_join")]
    async fn joined(clock: &ManualClock) {
        clock.advance(SECOND);
        let mut open: Vec<_> =
            [(2, true), (4, true), (6, false)].map(|(seconds, waits)| Box::pin(leaf(clock, seconds, waits))).into();
        poll_fn(|context| {
            open.retain_mut(|one| one.as_mut().poll(context).is_pending());
            if open.is_empty() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
        clock.advance(SECOND);
    }
    let (_alone, clock) = observed();
    let mut future = pin!(joined(&clock));
    assert!(poll(future.as_mut()).is_pending());
    clock.advance(10 * SECOND);
    assert!(poll(future).is_ready());
    // From the first one's start to the last one's end; two of them waited for the ten seconds.
    assert_eq!(own_time("tree_join"), 2 * SECOND);
    assert_eq!(edges(), [edge("tree_join", "tree_leaf", 3, 22.0 + 20.0 + 6.0, 0)]);
}

#[test]
fn a_child_that_is_dropped_or_unwinds_is_a_child_and_the_parent_after_it_is_current() {
    #[monitor("tree_panics")]
    async fn panics() {
        panic!("as it should");
    }
    #[monitor("tree_catches")]
    async fn catches(clock: &ManualClock) {
        {
            let mut dropped = Box::pin(leaf(clock, 2, true));
            assert!(poll(dropped.as_mut()).is_pending());
            clock.advance(SECOND);
        }
        let mut unwinds = Box::pin(panics());
        assert!(catch_unwind(AssertUnwindSafe(|| poll(unwinds.as_mut()))).is_err());
        let _ = leaf(clock, 4, false).await;
    }
    let (_alone, clock) = observed();
    assert!(poll(pin!(catches(&clock))).is_ready());
    let expected = [edge("tree_catches", "tree_leaf", 2, 7.0, 0), edge("tree_catches", "tree_panics", 1, 0.0, 1)];
    assert_eq!(edges(), expected);
    assert_eq!(own_time("tree_catches"), Duration::ZERO);
}

#[test]
fn a_child_belongs_to_the_call_that_first_polled_it_and_a_parent_owns_nothing_of_what_outlives_it() {
    #[monitor("tree_first")]
    async fn first(clock: &ManualClock, child: Pin<&mut (impl Future + ?Sized)>) {
        assert!(poll(child).is_pending());
        clock.advance(SECOND);
    }
    #[monitor("tree_second")]
    async fn second(clock: &ManualClock, child: Pin<&mut (impl Future + ?Sized)>) {
        clock.advance(SECOND);
        assert!(poll(child).is_ready());
        let _ = leaf(clock, 2, false).await;
    }
    let (_alone, clock) = observed();
    let mut child = pin!(leaf(&clock, 2, true));
    assert!(poll(pin!(first(&clock, child.as_mut()))).is_ready());
    clock.advance(10 * SECOND);
    assert!(poll(pin!(second(&clock, child.as_mut()))).is_ready());
    let expected = [edge("tree_first", "tree_leaf", 1, 14.0, 0), edge("tree_second", "tree_leaf", 1, 2.0, 0)];
    assert_eq!(edges(), expected);
    assert_eq!((own_time("tree_first"), own_time("tree_second")), (Duration::ZERO, SECOND));
}

#[test]
fn a_child_that_ends_on_another_thread_while_its_parent_waits_ends_for_the_parent() {
    #[monitor("tree_lends")]
    async fn lends(
        clock: &ManualClock,
        alone: IsolationHandle,
        mut child: Pin<Box<dyn Future<Output = Result<(), ()>> + Send + '_>>,
    ) {
        assert!(poll(child.as_mut()).is_pending());
        clock.advance(SECOND);
        thread::scope(|scope| {
            scope.spawn(|| {
                let _joined = alone.enter();
                assert!(poll(child.as_mut()).is_ready());
            });
        });
        clock.advance(4 * SECOND);
        yield_once().await;
        let _ = leaf(clock, 2, false).await;
    }
    let (alone, clock) = observed();
    let mut future = pin!(lends(&clock, alone.handle(), Box::pin(leaf(&clock, 2, true))));
    assert!(poll(future.as_mut()).is_pending());
    clock.advance(8 * SECOND);
    assert!(poll(future).is_ready());
    assert_eq!(edges(), [edge("tree_lends", "tree_leaf", 2, 5.0, 0)]);
    assert_eq!(own_time("tree_lends"), 12 * SECOND);
}

#[test]
fn a_tree_that_wanders_between_threads_keeps_its_edges() {
    #[monitor("tree_wanders")]
    async fn wanders(clock: &ManualClock) {
        for _ in 0..4 {
            let _ = leaf(clock, 2, true).await;
            clock.advance(SECOND);
        }
    }
    let (alone, clock) = observed();
    let mut future = Box::pin(wanders(&clock));
    let mut is_ready = false;
    while !is_ready {
        (future, is_ready) = thread::scope(|scope| {
            let handle = alone.handle();
            let polled = scope.spawn(move || {
                let _joined = handle.enter();
                let is_ready = poll(future.as_mut()).is_ready();
                (future, is_ready)
            });
            polled.join().unwrap()
        });
        clock.advance(SECOND);
    }
    assert_eq!(edges(), [edge("tree_wanders", "tree_leaf", 4, 12.0, 0)]);
    assert_eq!(own_time("tree_wanders"), 4 * SECOND);
}

#[test]
fn recursion_is_an_edge_to_itself_and_many_children_may_be_open_at_once() {
    #[monitor("tree_recursive")]
    fn recursive(clock: &ManualClock, depth: u32) {
        clock.advance(SECOND);
        if depth > 0 {
            recursive(clock, depth - 1);
        }
    }
    #[monitor("tree_many")]
    async fn many(clock: &ManualClock, children: usize) {
        let mut open: Vec<_> = (0..children).map(|_| Box::pin(waits_for_ever())).collect();
        for child in &mut open {
            assert!(poll(child.as_mut()).is_pending());
        }
        clock.advance(SECOND);
        drop(open);
        clock.advance(SECOND);
    }
    #[monitor("tree_for_ever")]
    async fn waits_for_ever() {
        pending::<()>().await;
    }
    let (_alone, clock) = observed();
    recursive(&clock, 9);
    assert!(poll(pin!(many(&clock, 70_000))).is_ready());
    let expected =
        [edge("tree_many", "tree_for_ever", 70_000, 70_000.0, 0), edge("tree_recursive", "tree_recursive", 9, 45.0, 0)];
    assert_eq!(edges(), expected);
    assert_eq!((own_time("tree_recursive"), own_time("tree_many")), (10 * SECOND, SECOND));
}

#[test]
#[cfg(target_pointer_width = "64")]
fn a_call_takes_no_more_room_for_its_parent() {
    assert_eq!(size_of::<crate::__private::Call>(), 56);
}

#[test]
fn operations_have_parents_and_children_too() {
    let (_alone, clock) = observed();
    let [outer, inner] = ["tree_outer", "tree_inner"].map(|name| monitor().operation(name));
    let mut waits = pin!(outer.watch(async {
        inner.run(|| clock.advance(SECOND));
        let _ = leaf(&clock, 2, true).await;
        clock.advance(SECOND);
    }));
    assert!(poll(waits.as_mut()).is_pending());
    clock.advance(10 * SECOND);
    assert!(poll(waits).is_ready());
    outer.run(|| {
        let call = inner.start();
        clock.advance(SECOND);
        call.finish(crate::Outcome::Error);
    });
    let expected = [edge("tree_outer", "tree_inner", 2, 2.0, 1), edge("tree_outer", "tree_leaf", 1, 12.0, 0)];
    assert_eq!(edges(), expected);
    assert_eq!((own_time("tree_outer"), own_time("tree_leaf")), (SECOND, 12 * SECOND));
}

#[test]
fn edges_of_a_range_are_those_whose_calls_ended_in_it() {
    let (_alone, clock) = observed();
    let [outer, inner] = ["tree_outer", "tree_inner"].map(|name| monitor().operation(name));
    let call = || outer.run(|| inner.run(|| clock.advance(SECOND)));
    for _ in 0..120 {
        call();
        monitor().tick();
    }
    let calls = |window: Window| monitor().edges(window).first().map(|edge| edge.calls);
    assert_eq!(calls(Window::LastMinute), Some(60));
    assert_eq!(calls(Window::LastHour), Some(120));
    clock.advance(2 * 3_600 * SECOND);
    monitor().tick();
    assert_eq!(calls(Window::LastHour), None);
    call();
    assert_eq!(calls(Window::LastMinute), Some(1));
}
