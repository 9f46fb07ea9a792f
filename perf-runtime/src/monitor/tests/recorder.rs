//! Whole calls: which are kept, and what is in them.

mod choice;
mod fields;
mod room;
mod storm;
mod streams;

use super::is_read_back;
use crate::measure::cells::recorder::pool;
use crate::series::{RecordedCall, RecordedTree, Selector};
use crate::test_util::{Isolated, ManualClock, isolated};
use crate::{InCurrentCall, Monitor, Outcome, Window, monitor};
use std::cell::RefCell;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// Held for writing by the test that takes all buffers.
static BUFFERS: RwLock<()> = RwLock::new(());

/// Has other tests take their buffers, and not all of them.
fn some_buffers() -> RwLockReadGuard<'static, ()> {
    BUFFERS.read().unwrap_or_else(PoisonError::into_inner)
}

/// Keeps other tests from taking any.
fn all_buffers() -> RwLockWriteGuard<'static, ()> {
    BUFFERS.write().unwrap_or_else(PoisonError::into_inner)
}

/// A test of its own whose monitor records calls.
pub(super) struct Recorded {
    _buffers: RwLockReadGuard<'static, ()>,
    alone: Isolated,
}

pub(super) fn recorded() -> (Recorded, ManualClock) {
    let buffers = some_buffers();
    let (alone, clock) = (isolated(), ManualClock::hold());
    Monitor::builder().recorder(true).install().unwrap();
    (Recorded { _buffers: buffers, alone }, clock)
}

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

fn kept(operation: &str) -> Vec<RecordedCall> {
    monitor().recorded_calls(&Selector::calls().label("operation", operation), Window::LastHour)
}

/// The one tree that is kept.
fn tree(operation: &str) -> RecordedTree {
    let kept = kept(operation);
    assert_eq!(kept.len(), 1, "{kept:?}");
    let tree = monitor().recorded_call(&kept[0].id).unwrap();
    assert_eq!(tree.call, kept[0]);
    is_read_back(&tree);
    tree
}

/// Name, place of the caller, start, duration and own time in seconds, and outcome.
type Shown = (String, Option<usize>, f64, f64, f64, Outcome);

fn shown(tree: &RecordedTree) -> Vec<Shown> {
    let name = |id: &crate::series::SeriesId| id.labels.get("operation").unwrap_or_default().to_owned();
    let inside = tree.inside.iter();
    inside
        .map(|one| (name(&one.series), one.parent, one.start_seconds, one.seconds, one.self_seconds, one.outcome))
        .collect()
}

fn ok(name: &str, parent: Option<usize>, [start, whole, own]: [f64; 3]) -> Shown {
    (name.to_owned(), parent, start, whole, own, Outcome::Ok)
}

fn yield_once() -> impl Future<Output = ()> {
    let mut yielded = false;
    poll_fn(move |_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending })
}

#[monitor("rec_leaf")]
async fn leaf(clock: &ManualClock, seconds: u32, waits: bool) {
    clock.advance(seconds * SECOND);
    if waits {
        yield_once().await;
    }
}

#[monitor("rec_sync_leaf")]
fn sync_leaf(clock: &ManualClock, seconds: u32) {
    clock.advance(seconds * SECOND);
}

#[monitor("rec_middle")]
async fn middle(clock: &ManualClock) {
    clock.advance(SECOND);
    leaf(clock, 2, true).await;
    sync_leaf(clock, 3);
}

#[test]
fn a_call_is_kept_with_all_calls_inside_it_and_their_own_times() {
    #[monitor("rec_root")]
    async fn root(clock: &ManualClock) {
        clock.advance(SECOND);
        middle(clock).await;
        sync_leaf(clock, 1);
    }
    let (_alone, clock) = recorded();
    clock.advance(SECOND);
    let begun = monitor().time_of_day();
    let mut future = pin!(root(&clock));
    assert!(poll(future.as_mut()).is_pending());
    clock.advance(10 * SECOND);
    assert!(poll(future).is_ready());
    let tree = tree("rec_root");
    let expected = [
        ok("rec_middle", None, [1.0, 16.0, 1.0]),
        ok("rec_leaf", Some(0), [2.0, 12.0, 12.0]),
        ok("rec_sync_leaf", Some(0), [14.0, 3.0, 3.0]),
        ok("rec_sync_leaf", None, [17.0, 1.0, 1.0]),
    ];
    assert_eq!(shown(&tree), expected);
    let call = tree.call;
    assert_eq!((call.seconds, call.self_seconds, call.outcome), (18.0, Some(1.0), Outcome::Ok));
    assert_eq!((call.start, call.calls, call.missing), (begun, 4, 0));
    assert_eq!((call.is_slowest, call.is_failed, call.trace_id), (true, false, None));
    // Those inside are none by themselves.
    assert!(kept("rec_middle").is_empty() && kept("rec_leaf").is_empty());
}

#[test]
fn calls_that_run_at_the_same_time_cover_their_caller_once() {
    #[monitor("rec_joins")]
    async fn joins(clock: &ManualClock) {
        let (mut one, mut other) = (pin!(leaf(clock, 1, true)), pin!(leaf(clock, 2, true)));
        assert!(poll(one.as_mut()).is_pending());
        assert!(poll(other.as_mut()).is_pending());
        clock.advance(SECOND);
        one.await;
        other.await;
        clock.advance(SECOND);
    }
    let (_alone, clock) = recorded();
    assert!(poll(pin!(joins(&clock))).is_ready());
    let tree = tree("rec_joins");
    assert_eq!(shown(&tree), [ok("rec_leaf", None, [0.0, 4.0, 4.0]), ok("rec_leaf", None, [1.0, 3.0, 3.0])]);
    assert_eq!((tree.call.seconds, tree.call.self_seconds), (5.0, Some(1.0)));
}

#[test]
fn a_call_that_is_dropped_is_kept_as_cancelled_with_what_ended_inside_it() {
    #[monitor("rec_cancelled")]
    async fn root(clock: &ManualClock) {
        sync_leaf(clock, 1);
        {
            let mut middle = Box::pin(middle(clock));
            assert!(poll(middle.as_mut()).is_pending());
            clock.advance(SECOND);
        }
        clock.advance(SECOND);
        leaf(clock, 1, true).await;
    }
    let (_alone, clock) = recorded();
    {
        let mut future = Box::pin(root(&clock));
        assert!(poll(future.as_mut()).is_pending());
        clock.advance(SECOND);
    }
    let tree = tree("rec_cancelled");
    let cancelled =
        |name: &str, parent, start, whole, own| (name.to_owned(), parent, start, whole, own, Outcome::Cancelled);
    let expected = [
        ok("rec_sync_leaf", None, [0.0, 1.0, 1.0]),
        cancelled("rec_middle", None, 1.0, 4.0, 1.0),
        cancelled("rec_leaf", Some(1), 2.0, 3.0, 3.0),
    ];
    assert_eq!(shown(&tree), expected);
    // The last leaf was open as the call ended, and covers it all the same.
    assert_eq!((tree.call.outcome, tree.call.seconds, tree.call.self_seconds), (Outcome::Cancelled, 8.0, Some(1.0)));
}

#[test]
fn the_first_that_fail_are_kept_with_their_errors_beside_the_slowest() {
    #[monitor("rec_fails_inside", err)]
    fn inside(id: u32) -> Result<(), String> {
        Err(format!("there is no order {id}"))
    }
    #[monitor("rec_fails", err)]
    fn fails(clock: &ManualClock, id: u32) -> Result<(), String> {
        inside(id)?;
        clock.advance(SECOND);
        Ok(())
    }
    #[monitor("rec_panics")]
    fn panics(clock: &ManualClock) {
        sync_leaf(clock, 1);
        std::panic::resume_unwind(Box::new("as the test says"));
    }
    let (_alone, clock) = recorded();
    for id in 0..9 {
        fails(&clock, id).unwrap_err();
    }
    let failed = kept("rec_fails");
    assert_eq!(failed.iter().filter(|call| call.is_failed).count(), 3);
    let tree = monitor().recorded_call(&failed.last().unwrap().id).unwrap();
    let error = tree.call.error.clone().unwrap();
    assert_eq!(error.text.as_deref(), Some("there is no order 0"));
    assert_eq!(tree.inside[0].error.as_ref().unwrap().text, error.text);
    assert_eq!((tree.call.outcome, tree.inside[0].outcome), (Outcome::Error, Outcome::Error));
    is_read_back(&tree);
    catch_unwind(AssertUnwindSafe(|| panics(&clock))).unwrap_err();
    let tree = self::tree("rec_panics");
    assert_eq!((tree.call.outcome, tree.call.is_failed), (Outcome::Panicked, true));
    assert_eq!(shown(&tree), [ok("rec_sync_leaf", None, [0.0, 1.0, 1.0])]);
}

#[test]
fn of_each_minute_the_slowest_are_kept_for_as_long_as_the_settings_say() {
    #[monitor("rec_slowest")]
    fn root(clock: &ManualClock, millis: u64) {
        clock.advance(Duration::from_millis(millis));
        sync_leaf(clock, 0);
    }
    let (_buffers, _alone) = (some_buffers(), isolated());
    let clock = ManualClock::hold();
    let builder = Monitor::builder().recorder(true).recorded_calls_per_minute(2, 0).recorded_minutes(2);
    let monitor = builder.install().unwrap();
    // Cells of time begin where the clock does.
    let to_minute = || {
        let since = monitor.time_of_day().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
        clock.advance(Duration::from_millis(60_000 - u64::try_from(since % 60_000).unwrap()));
    };
    let millis = || {
        let millis = |call: &RecordedCall| (call.seconds * 1_000.0).round();
        kept("rec_slowest").iter().map(millis).collect::<Vec<_>>()
    };
    to_minute();
    for millis in [5, 9, 1, 7, 8, 2, 9, 3] {
        root(&clock, millis);
    }
    assert_eq!(millis(), [9.0, 9.0]);
    to_minute();
    for millis in [4, 3, 5, 1] {
        root(&clock, millis);
    }
    assert_eq!(millis(), [5.0, 4.0, 9.0, 9.0]);
    clock.advance(120 * SECOND);
    assert_eq!(millis(), [0.0; 0]);
}

#[test]
fn calls_on_other_threads_are_in_the_tree_of_the_call_that_they_belong_to() {
    #[monitor("rec_moves")]
    async fn moves(clock: &ManualClock) {
        leaf(clock, 1, true).await;
        sync_leaf(clock, 1);
        yield_once().await;
    }
    #[monitor("rec_lends")]
    async fn lends(handle: crate::test_util::IsolationHandle) {
        let lent = handle.attach(
            async {
                #[monitor("rec_lent")]
                async fn lent() {}
                lent().await;
            }
            .in_current_call(),
        );
        thread::scope(|scope| scope.spawn(|| assert!(poll(pin!(lent)).is_ready())).join().unwrap());
    }
    let (alone, clock) = recorded();
    let handle = alone.alone.handle();
    let mut future = Box::pin(moves(&clock));
    for _ in 0..3 {
        thread::scope(|scope| {
            let work = || {
                let _joined = handle.enter();
                let _ = poll(future.as_mut());
            };
            scope.spawn(work).join().unwrap();
        });
    }
    assert_eq!(
        shown(&tree("rec_moves")),
        [ok("rec_leaf", None, [0.0, 1.0, 1.0]), ok("rec_sync_leaf", None, [1.0, 1.0, 1.0])]
    );
    assert!(poll(pin!(lends(handle))).is_ready());
    assert_eq!(shown(&tree("rec_lends")), [ok("rec_lent", None, [0.0; 3])]);
}

#[test]
fn calls_beyond_the_bound_of_a_tree_are_counted_as_missing() {
    #[monitor("rec_thousands")]
    fn root(clock: &ManualClock) {
        (0..1_234).for_each(|_| sync_leaf(clock, 0));
        clock.advance(SECOND);
    }
    let (_alone, clock) = recorded();
    root(&clock);
    let tree = tree("rec_thousands");
    assert_eq!((tree.inside.len(), tree.call.calls, tree.call.missing), (1_000, 1_000, 234));
}

#[test]
fn a_call_that_outlives_its_root_is_in_no_tree_of_another() {
    type Left<'a> = RefCell<Vec<Pin<Box<dyn Future<Output = ()> + 'a>>>>;
    #[monitor("rec_left")]
    async fn root<'a>(clock: &'a ManualClock, left: &Left<'a>) {
        let mut open = Box::pin(leaf(clock, 1, true));
        assert!(poll(open.as_mut()).is_pending());
        left.borrow_mut().push(open);
    }
    #[monitor("rec_after")]
    fn after<'a>(clock: &'a ManualClock, left: &Left<'a>) {
        sync_leaf(clock, 1);
        left.take().into_iter().for_each(|mut left| assert!(poll(left.as_mut()).is_ready()));
    }
    let (_alone, clock) = recorded();
    let left = RefCell::default();
    assert!(poll(pin!(root(&clock, &left))).is_ready());
    after(&clock, &left);
    let first = tree("rec_left");
    assert_eq!((shown(&first), first.call.missing), (Vec::new(), 0));
    let second = tree("rec_after");
    assert_eq!((shown(&second), second.call.missing), (vec![ok("rec_sync_leaf", None, [0.0, 1.0, 1.0])], 0));
}

#[test]
fn where_all_buffers_are_taken_a_call_is_kept_without_those_inside_and_counted() {
    #[monitor("rec_no_buffer")]
    fn root(clock: &ManualClock) {
        sync_leaf(clock, 1);
    }
    let _buffers = all_buffers();
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().recorder(true).install().unwrap();
    {
        let _all = pool::exhaust();
        root(&clock);
    }
    let tree = tree("rec_no_buffer");
    assert_eq!((tree.inside.len(), monitor.recorder_state().without_buffer), (0, 1));
    // It does not look as if its time were its own.
    assert_eq!(
        (tree.call.calls_known, tree.call.calls, tree.call.missing, tree.call.self_seconds),
        (false, 0, 0, None)
    );
    clock.advance(60 * SECOND);
    root(&clock);
    let known = &kept("rec_no_buffer")[0];
    assert_eq!((known.calls, known.calls_known, known.self_seconds), (1, true, Some(0.0)));
    assert_eq!(monitor.recorder_state().without_buffer, 1);
}

#[test]
fn without_the_wish_nothing_is_recorded() {
    #[monitor("rec_off")]
    fn root(clock: &ManualClock) {
        sync_leaf(clock, 1);
    }
    let (_alone, clock) = (isolated(), ManualClock::hold());
    let monitor = Monitor::builder().install().unwrap();
    root(&clock);
    assert!(kept("rec_off").is_empty() && !monitor.recorder_state().enabled);
    // Nor is it afterwards, of what was before.
    let other = Monitor::builder().recorder(true).build().unwrap();
    assert!(other.recorded_calls(&Selector::calls(), Window::LastHour).is_empty());
}

#[test]
fn requests_and_operations_are_recorded_too() {
    let (_alone, clock) = recorded();
    let step = monitor().operation("rec_step");
    let mut request = monitor().http_request("GET", "/carts/{id}");
    request.work(|_| {
        step.run(|| sync_leaf(&clock, 2));
        clock.advance(SECOND);
    });
    request.fails_with("out-of-stock", None);
    request.answer(500);
    let all = monitor().recorded_calls(&Selector::kind(crate::Kind::HttpRequest), Window::LastHour);
    assert_eq!(all.len(), 1);
    let tree = monitor().recorded_call(&all[0].id).unwrap();
    assert_eq!(tree.call.series.to_string(), "http_request{method=GET,route=/carts/{id},status=500}");
    assert_eq!((tree.call.seconds, tree.call.self_seconds, tree.call.is_failed), (3.0, Some(1.0), true));
    assert_eq!(tree.call.error.as_ref().unwrap().error_type.as_deref(), Some("out-of-stock"));
    assert_eq!(shown(&tree), [ok("rec_step", None, [0.0, 2.0, 0.0]), ok("rec_sync_leaf", Some(0), [0.0, 2.0, 2.0])]);
    // The part of an answer that streams after its head is no part of it.
    let mut request = monitor().http_request("GET", "/events");
    request.work(|_| sync_leaf(&clock, 1));
    request.streams();
    request.work(|_| sync_leaf(&clock, 5));
    clock.advance(600 * SECOND);
    request.answer(200);
    let streamed = Selector::kind(crate::Kind::HttpRequest).label("route", "/events");
    let all = monitor().recorded_calls(&streamed, Window::LastHour);
    assert_eq!((all[0].seconds, all[0].calls, all[0].missing), (1.0, 1, 0));
    // An operation by itself is a root, polled or not.
    let outer = monitor().operation("rec_outer");
    let mut future = pin!(outer.watch(leaf(&clock, 1, true)));
    assert!(poll(future.as_mut()).is_pending());
    assert!(poll(future).is_ready());
    assert_eq!(shown(&self::tree("rec_outer")), [ok("rec_leaf", None, [0.0, 1.0, 1.0])]);
}

#[test]
fn settings_that_are_not_allowed_are_refused() {
    for (builder, field) in [
        (Monitor::builder().recorded_calls_per_minute(101, 0), "recorder.slowest"),
        (Monitor::builder().recorded_calls_per_minute(0, 101), "recorder.failed"),
        (Monitor::builder().recorded_minutes(0), "recorder.minutes"),
        (Monitor::builder().recorded_calls_inside(1_025), "recorder.calls"),
    ] {
        assert_eq!(builder.build().unwrap_err().field, field);
    }
}
