//! A call that is seen in two ways counts once: by the inner of both, where the outer one asks.

use perf_runtime::operation::Operation;
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Label, Monitor, Outcome, Window, monitor, monitor_agent, monitor_mcp_call};
use std::future::{Ready, pending, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[monitor_mcp_call("once", "answer")]
async fn answer(is_good: bool) -> Result<(), &'static str> {
    tick().await;
    if is_good { Ok(()) } else { Err("refused") }
}

#[derive(Clone, Copy, Label)]
enum Size {
    Small,
    Large,
}

#[monitor_mcp_call("once", "sized", labels(size = size))]
async fn sized(size: Size) -> Result<(), &'static str> {
    tick().await;
    match size {
        Size::Small => Ok(()),
        Size::Large => Err("too large"),
    }
}

/// Waits once.
async fn tick() {
    let mut is_first = true;
    std::future::poll_fn(|_| if std::mem::take(&mut is_first) { Poll::Pending } else { Poll::Ready(()) }).await;
}

#[monitor_mcp_call("once", "wait")]
async fn wait() -> Result<(), &'static str> {
    pending().await
}

#[monitor_mcp_call("once", "fall")]
fn fall() -> Ready<Result<(), &'static str>> {
    panic!("fell")
}

fn outcome(result: &Result<(), &'static str>) -> Outcome {
    Outcome::from_success(result.is_ok())
}

/// The calls that were `ok`, `error`, `panicked` and `cancelled`, and those in flight.
fn counted(monitor: &Monitor, capability: &str) -> [u64; 5] {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::McpCall, &["once", capability]).map_or([0; 5], |series| {
        let total = &series.total;
        [total.ok, total.error, total.panicked, total.cancelled, series.in_flight]
    })
}

#[test]
fn a_future_is_the_call_of_the_function_of_the_same_names_that_it_runs() {
    let _alone = isolated();
    let monitor = monitor();
    let calls = monitor.mcp_call("once", "answer");
    // The function counts with its own outcome, directly and behind other calls, in whatever poll it begins.
    for is_good in [true, false] {
        let answering = async {
            tick().await;
            monitor.operation("between").watch(answer(is_good)).await.ok();
            Ok(())
        };
        let mut watched = pin!(monitor.watch_once(&calls, answering, outcome));
        assert!(poll(watched.as_mut()).is_pending());
        assert!(poll(watched.as_mut()).is_pending());
        assert_eq!(counted(&monitor, "answer")[4], 1, "in flight once");
        assert!(poll(watched.as_mut()).is_ready());
    }
    assert_eq!(counted(&monitor, "answer"), [1, 1, 0, 0, 0]);
    // Where it is not called the future is the call.
    assert!(poll(pin!(monitor.watch_once(&calls, ready(Err("no such thing")), outcome))).is_ready());
    assert_eq!(counted(&monitor, "answer"), [1, 2, 0, 0, 0]);
    // Another one of the same series beside it, between its polls, is not inside it.
    let mut beside = pin!(monitor.watch_once(
        &calls,
        async {
            tick().await;
            Ok(())
        },
        outcome
    ));
    assert!(poll(beside.as_mut()).is_pending());
    let mut other = pin!(answer(true));
    assert!(poll(other.as_mut()).is_pending() && poll(other.as_mut()).is_ready() && poll(beside.as_mut()).is_ready());
    assert_eq!(counted(&monitor, "answer"), [3, 2, 0, 0, 0]);
}

#[test]
fn a_function_with_further_labels_is_the_call_too() {
    let _alone = isolated();
    let monitor = monitor();
    let calls = monitor.mcp_call("once", "sized");
    for size in [Size::Small, Size::Large] {
        let mut watched = pin!(monitor.watch_once(&calls, sized(size), outcome));
        assert!(poll(watched.as_mut()).is_pending() && poll(watched.as_mut()).is_ready());
        let mut around = pin!(async { monitor.is_inside(&calls) });
        assert_eq!(poll(around.as_mut()), Poll::Ready(false), "no more");
    }
    assert_eq!(counted(&monitor, "sized"), [0; 5], "the series without them has none");
    let summary = monitor.summary(Window::LastHour);
    let of = |size: &str| {
        summary.find(Kind::McpCall, &["once", "sized", size]).map(|series| (series.total.ok, series.total.error))
    };
    assert_eq!((of("small"), of("large")), (Some((1, 0)), Some((0, 1))));
}

#[test]
fn a_future_that_is_given_up_or_unwinds_counts_once_too() {
    let _alone = isolated();
    let monitor = monitor();
    let calls = monitor.mcp_call("once", "wait");
    // Never polled it is no call; given up before and after the function began it is one.
    drop(monitor.watch_once(&calls, wait(), outcome));
    for inner in [true, false] {
        let waiting = async { if inner { wait().await } else { pending().await } };
        let mut watched = Box::pin(monitor.watch_once(&calls, waiting, outcome));
        assert!(poll(watched.as_mut()).is_pending());
    }
    assert_eq!(counted(&monitor, "wait"), [0, 0, 0, 2, 0]);
    let calls = monitor.mcp_call("once", "fall");
    for inner in [true, false] {
        let falling = async { if inner { fall().await } else { panic!("fell") } };
        let mut watched = Box::pin(monitor.watch_once(&calls, falling, outcome));
        catch_unwind(AssertUnwindSafe(|| poll(watched.as_mut()))).unwrap_err();
        drop(watched);
    }
    assert_eq!(counted(&monitor, "fall"), [0, 0, 2, 0, 0]);
}

#[test]
fn the_names_of_functions_are_told_from_others() {
    let _alone = isolated();
    let monitor = monitor();
    monitor.mcp_call("once", "alone").run(|| ());
    let has = |labels: &[&str]| monitor.has_function(Kind::McpCall, labels);
    assert!(has(&["once", "answer"]) && !has(&["once", "alone"]) && !has(&["once", "nothing"]) && !has(&["once"]));
    assert!(!monitor.has_function(Kind::Tool, &["once", "answer"]));
    assert!(has(&["once", "sized"]) && !has(&["once", "sized", "small"]), "whatever further labels it has");
}

#[test]
fn without_such_a_function_it_is_watched_as_any_other() {
    let _alone = isolated();
    let monitor = monitor();
    let calls = monitor.mcp_call("once", "alone");
    let mut watched = pin!(monitor.watch_once(
        &calls,
        async {
            tick().await;
            Ok(())
        },
        outcome
    ));
    assert!(poll(watched.as_mut()).is_pending());
    assert_eq!(counted(&monitor, "alone"), [0, 0, 0, 0, 1]);
    assert!(poll(watched.as_mut()).is_ready());
    assert_eq!(counted(&monitor, "alone"), [1, 0, 0, 0, 0]);
}

/// Whether the thread is inside these, in each of so many operations one inside the other.
fn is_inside(calls: &Operation, between: usize) -> bool {
    if between == 0 {
        monitor().is_inside(calls)
    } else {
        monitor().operation("between").run(|| is_inside(calls, between - 1))
    }
}

#[monitor_mcp_call("once", "find")]
fn find<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[monitor_mcp_call("once", "other")]
fn other<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[monitor_agent("once")]
fn run<R>(body: impl FnOnce() -> R) -> R {
    body()
}

#[test]
fn a_call_is_inside_the_nearest_one_of_its_kind() {
    let _alone = isolated();
    let calls = &monitor().mcp_call("once", "find");
    assert!(!is_inside(calls, 0) && !is_inside(calls, 3));
    assert!(find(|| is_inside(calls, 0)) && find(|| is_inside(calls, 1)) && find(|| is_inside(calls, 62)));
    assert!(!find(|| is_inside(calls, 64)), "no further than that");
    assert!(!find(|| other(|| is_inside(calls, 1))), "another call of the kind makes it for itself");
    assert!(!find(|| run(|| is_inside(calls, 1))), "and so does a run of an agent");
    assert!(run(|| find(|| is_inside(calls, 1))));
    assert!(!is_inside(calls, 1), "all of them are over");
    // In polls of futures too, each with what is around it at the time.
    let mut watched = pin!(monitor().operation("around").watch(async {
        tick().await;
        is_inside(calls, 1)
    }));
    assert!(poll(watched.as_mut()).is_pending());
    assert_eq!(find(|| poll(watched.as_mut())), Poll::Ready(true));
    let named = monitor().mcp_call("once", "by hand");
    assert!(named.run(|| is_inside(&named, 2)) && !named.run(|| is_inside(calls, 2)));
}
