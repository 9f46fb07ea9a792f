//! A warm call allocates nothing.
//!
//! The clock stands still in these tests, for a duration of a magnitude that its function never had before does allocate:
//! a page of buckets, a dozen times in the life of a thread at most.

use perf_runtime::test_util::ManualClock;
use perf_runtime::{Label, Monitor, Outcome, monitor};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

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

/// How often `f` allocates in 1,000 calls, after some to warm up.
fn allocations(f: impl Fn()) -> usize {
    (0..10).for_each(|_| f());
    let before = ALLOCATIONS.get();
    (0..1_000).for_each(|_| f());
    ALLOCATIONS.get() - before
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

fn finish<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(Waker::noop())) {
            return value;
        }
    }
}

#[derive(Clone, Copy, Label)]
enum Tier {
    Free,
    Paid,
}

#[monitor("allocations_sync")]
fn sync(n: u8) -> Result<u8, u8> {
    if n == 0 { Err(n) } else { Ok(n) }
}

#[monitor("allocations_async")]
async fn waits(n: u8) -> Result<u8, u8> {
    yield_once().await;
    if n == 0 { Err(n) } else { Ok(n) }
}

#[monitor("allocations_failing", err)]
fn failing() -> Result<(), &'static str> {
    Err("no user 17 in shard 'a'")
}

#[monitor("allocations_parent")]
fn parent() {
    let _ = (sync(0), sync(1));
}

#[monitor("allocations_parent_async")]
async fn parent_waits() {
    let _ = (waits(0).await, waits(1).await);
}

#[monitor("allocations_labelled", labels(tier = tier), fields(text = %tier as u8))]
fn labelled(tier: Tier) {
    let _ = tier;
}

#[monitor("allocations_impl")]
fn made(n: u8) -> impl Future<Output = u8> {
    std::future::ready(n)
}

#[monitor("allocations_profiled", profile, units = n)]
fn profiled(n: u8) -> u8 {
    n
}

#[monitor("allocations_profiled_async", profile, units = |n| *n)]
async fn profiled_waits(n: u8) -> Result<u8, u8> {
    yield_once().await;
    if n == 0 { Err(n) } else { Ok(n) }
}

#[test]
fn a_thousand_warm_calls_allocate_nothing() {
    let _clock = ManualClock::hold();
    assert_eq!(allocations(|| _ = (sync(0), sync(1))), 0, "sync");
    assert_eq!(allocations(|| _ = (finish(waits(0)), finish(waits(1)))), 0, "async that waits");
    assert_eq!(allocations(|| _ = failing()), 0, "errors of a known kind, with their text");
    assert_eq!(allocations(parent), 0, "calls inside a call");
    assert_eq!(allocations(|| finish(parent_waits())), 0, "calls that wait inside one that does");
    assert_eq!(allocations(|| _ = profiled(1)), 0, "profiled");
    assert_eq!(allocations(|| _ = (finish(profiled_waits(0)), finish(profiled_waits(1)))), 0, "async and profiled");
    assert_eq!(allocations(|| drop((finish(made(1)), made(2)))), 0, "a future that is made");
    assert_eq!(allocations(|| _ = (labelled(Tier::Free), labelled(Tier::Paid))), 0, "labels from arguments");
}

/// A stream of three items, each of which is waited for or not.
#[monitor("allocations_stream")]
fn items(waits: bool) -> impl futures::Stream<Item = u8> {
    let (mut left, mut is_ready) = (3_u8, false);
    futures::stream::poll_fn(move |_| {
        is_ready = !is_ready || !waits;
        if !is_ready {
            return Poll::Pending;
        }
        left = left.saturating_sub(1);
        Poll::Ready((left > 0).then_some(left))
    })
}

#[test]
fn streams_allocate_nothing() {
    let _clock = ManualClock::hold();
    let all = |waits: bool, most: usize| {
        let mut stream = pin!(items(waits));
        for _ in 0..most {
            let _ = futures::Stream::poll_next(stream.as_mut(), &mut Context::from_waker(Waker::noop()));
        }
    };
    assert_eq!(allocations(|| all(false, 9)), 0, "items that are there");
    assert_eq!(allocations(|| all(true, 9)), 0, "items that are waited for");
    assert_eq!(allocations(|| all(true, 3)), 0, "streams that are dropped");
}

/// A subscriber that wants everything and keeps nothing: what is allocated under it is ours.
struct Listener;

impl Subscriber for Listener {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, _: &Event<'_>) {}

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

#[test]
fn calls_under_a_subscriber_allocate_nothing() {
    let _clock = ManualClock::hold();
    tracing::subscriber::with_default(Listener, || {
        assert_eq!(allocations(|| _ = (sync(0), sync(1))), 0, "sync");
        assert_eq!(allocations(|| _ = (finish(waits(0)), finish(waits(1)))), 0, "async that waits");
    });
}

#[test]
fn series_that_are_made_at_run_time_allocate_nothing_once_they_are_known() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let millis = Duration::from_millis(3);
    let operation = monitor.operation("allocations_run");
    let routes: Vec<String> = (0..20).map(|route| format!("/allocations/{route}/{{id}}")).collect();
    assert_eq!(allocations(|| monitor.operation("allocations").record(millis, Outcome::Ok)), 0, "operation");
    assert_eq!(allocations(|| drop(monitor.timer("allocations"))), 0, "timer");
    assert_eq!(allocations(|| operation.run(|| ())), 0, "run");
    assert_eq!(allocations(|| finish(operation.watch(yield_once()))), 0, "watch");
    assert_eq!(allocations(|| monitor.record_response_time("allocations", millis)), 0, "response time");
    assert_eq!(allocations(|| monitor.record_mcp_call("context7", "resolve", millis, true)), 0, "MCP call");
    let request = || routes.iter().for_each(|route| monitor.http_request("GET", route).answer(200));
    assert_eq!(allocations(request), 0, "HTTP request");
    assert_eq!(allocations(|| drop(monitor.http_request("GET", "/allocations"))), 0, "HTTP request that is cancelled");
    monitor.mark("allocations");
    let measure = || _ = monitor.measure("allocations", "allocations", None).unwrap();
    assert_eq!(allocations(|| monitor.mark("allocations")), 0, "mark");
    assert_eq!(allocations(measure), 0, "measure");
    assert_eq!(allocations(|| monitor.record_custom_metric("allocations", 1.0, "calls")), 0, "custom metric");
    metrics::with_local_recorder(&monitor.metrics_recorder(), || {
        assert_eq!(allocations(|| metrics::counter!("allocations_total", "a" => "b").increment(1)), 0, "counter");
        assert_eq!(allocations(|| metrics::histogram!("allocations_seconds").record(0.1)), 0, "histogram");
    });
}

#[test]
fn cancelled_calls_allocate_nothing() {
    let _clock = ManualClock::hold();
    let cancel = || {
        let mut future = pin!(waits(1));
        assert!(future.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    };
    assert_eq!(allocations(cancel), 0);
}

#[test]
fn recorded_calls_allocate_nothing_but_those_that_are_kept() {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().recorder(true).build().unwrap();
    assert_eq!(allocations(|| _ = (sync(0), sync(1))), 0, "calls without a caller");
    assert_eq!(allocations(parent), 0, "calls inside a call");
    assert_eq!(allocations(|| finish(parent_waits())), 0, "calls that wait inside one that does");
    let request = || {
        let mut request = monitor.http_request("GET", "/recorded");
        request.work(|_| parent());
        request.answer(200);
    };
    assert_eq!(allocations(request), 0, "a request with calls inside it");
}

#[perf_runtime::monitor("allocations_fields", fields(id, name = %name, order = ?order))]
fn with_fields(id: u64, name: &str, order: Option<u32>) {
    let _ = (id, name, order);
}

#[perf_runtime::monitor("allocations_fields_waits", fields(id))]
async fn with_fields_waits(id: u64) {
    with_fields(id, "inside", None);
    yield_once().await;
}

#[perf_runtime::monitor("allocations_fields_parent")]
fn parent_of_fields() {
    (0..20).for_each(|id| with_fields(id, "A-17", Some(3)));
}

#[test]
fn values_of_fields_allocate_nothing_but_in_calls_that_are_kept() {
    let _clock = ManualClock::hold();
    assert_eq!(allocations(|| with_fields(1, "A-17", Some(3))), 0, "values that nobody keeps");
    let _monitor = Monitor::builder().recorder(true).build().unwrap();
    assert_eq!(allocations(|| with_fields(1, "A-17", Some(3))), 0, "a call without a caller");
    assert_eq!(allocations(|| finish(with_fields_waits(1))), 0, "a call that waits");
    assert_eq!(allocations(parent_of_fields), 0, "calls inside a call");
}
