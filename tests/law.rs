//! The law: for every series, calls started are calls ok, failed, panicked, cancelled and in flight, taken together.

use perf_runtime::series::OutcomeCounts;
use perf_runtime::{
    Kind, Monitor, Window, monitor, monitor_agent, monitor_db_operation, monitor_external_call, monitor_llm_call,
    monitor_mcp_call, monitor_tool, monitor_workflow, monitor_workflow_step,
};
use std::future::{pending, poll_fn, ready};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;

/// The counts of a series since the process started, and its calls in flight.
fn counted(kind: Kind, labels: &[&str]) -> (OutcomeCounts, u64) {
    let summary = Monitor::builder().build().unwrap().summary(Window::LastHour);
    let series = summary.find(kind, labels).expect("every site is known before its first call");
    (series.total, series.in_flight)
}

fn counts(ok: u64, error: u64, panicked: u64, cancelled: u64) -> OutcomeCounts {
    let mut counts = OutcomeCounts::default();
    (counts.ok, counts.error, counts.panicked, counts.cancelled) = (ok, error, panicked, cancelled);
    counts
}

fn poll_once<F: Future>(future: std::pin::Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn every_attribute_is_known_at_zero_and_counts_its_own_kind() {
    #[monitor_db_operation("select", "law_users")]
    async fn db() {}
    #[monitor_workflow("law_flow")]
    async fn workflow() {}
    #[monitor_workflow_step("law_flow", "first")]
    async fn step() {}
    #[monitor_agent("law_agent")]
    async fn agent() {}
    #[monitor_tool("law_tool")]
    async fn tool() {}
    #[monitor_mcp_call("law_server", "resolve")]
    async fn mcp() {}
    #[monitor_llm_call("law_provider", "law-model")]
    async fn model() {}
    #[monitor_external_call("law_service", "charge")]
    async fn external() {}
    #[monitor("law_operation")]
    async fn operation() {}

    let series: [(Kind, &[&str]); 9] = [
        (Kind::DbOperation, &["select", "law_users"]),
        (Kind::Workflow, &["law_flow"]),
        (Kind::WorkflowStep, &["law_flow", "first"]),
        (Kind::Agent, &["law_agent"]),
        (Kind::Tool, &["law_tool"]),
        (Kind::McpCall, &["law_server", "resolve"]),
        (Kind::ExternalCall, &["law_service", "charge"]),
        (Kind::LlmCall, &["law_provider", "law-model"]),
        (Kind::Operation, &["law_operation"]),
    ];
    for (kind, labels) in series {
        assert_eq!(counted(kind, labels), (counts(0, 0, 0, 0), 0), "{kind} before its first call");
    }
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
        tokio::join!(db(), workflow(), step(), agent(), tool(), mcp(), external(), model(), operation());
    });
    for (kind, labels) in series {
        assert_eq!(counted(kind, labels), (counts(1, 0, 0, 0), 0), "{kind} after one call");
    }
}

#[test]
fn sync_calls_end_ok_failed_or_panicked() {
    #[monitor("law_sync")]
    fn half(number: i32) -> Result<i32, String> {
        assert!(number >= 0, "negative");
        if number % 2 == 0 { Ok(number / 2) } else { Err(format!("{number} is odd")) }
    }
    assert_eq!(half(4), Ok(2));
    assert_eq!(half(3), Err("3 is odd".to_owned()));
    assert!(catch_unwind(|| half(-1)).is_err());
    assert_eq!(counted(Kind::Operation, &["law_sync"]), (counts(1, 1, 1, 0), 0));
}

#[test]
fn async_calls_are_in_flight_until_they_end_or_are_dropped() {
    #[monitor("law_async")]
    async fn wait(forever: bool) -> Result<(), ()> {
        if forever { pending().await } else { ready(Err(())).await }
    }
    let read = || counted(Kind::Operation, &["law_async"]);
    drop(wait(true));
    assert_eq!(read(), (counts(0, 0, 0, 0), 0), "a future that was never polled is no call");
    {
        let mut call = pin!(wait(true));
        assert!(poll_once(call.as_mut()).is_pending());
        assert!(poll_once(call.as_mut()).is_pending());
        assert_eq!(read(), (counts(0, 0, 0, 0), 1));
    }
    assert_eq!(read(), (counts(0, 0, 0, 1), 0));
    assert_eq!(poll_once(pin!(wait(false))), Poll::Ready(Err(())));
    assert_eq!(read(), (counts(0, 1, 0, 1), 0));
}

#[test]
fn a_panic_in_a_later_poll_is_the_calls_own() {
    #[monitor("law_late_panic")]
    async fn third_time_unlucky() {
        let mut polls = 0;
        poll_fn(|_| {
            polls += 1;
            assert!(polls < 3, "third poll");
            Poll::<()>::Pending
        })
        .await;
    }
    let mut call = Box::pin(third_time_unlucky());
    assert!(poll_once(call.as_mut()).is_pending());
    assert!(poll_once(call.as_mut()).is_pending());
    let unwound = catch_unwind(AssertUnwindSafe(|| poll_once(call.as_mut())));
    assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"third poll"));
    drop(call);
    assert_eq!(counted(Kind::Operation, &["law_late_panic"]), (counts(0, 0, 1, 0), 0));
}

#[test]
fn what_somebody_elses_panic_drops_was_cancelled_and_what_it_calls_is_ok() {
    #[monitor("law_bystander")]
    async fn bystander() {
        pending::<()>().await;
    }
    #[monitor("law_cleanup")]
    fn cleanup() {}
    struct OnDrop;
    impl Drop for OnDrop {
        fn drop(&mut self) {
            cleanup();
        }
    }
    let unwound = catch_unwind(|| {
        let _on_drop = OnDrop;
        let mut call = Box::pin(bystander());
        assert!(poll_once(call.as_mut()).is_pending());
        panic!("not the bystander's");
    });
    assert!(unwound.is_err());
    assert_eq!(counted(Kind::Operation, &["law_bystander"]), (counts(0, 0, 0, 1), 0));
    assert_eq!(counted(Kind::Operation, &["law_cleanup"]), (counts(1, 0, 0, 0), 0));
}

#[test]
fn a_call_may_begin_on_one_thread_and_end_on_another() {
    #[monitor("law_moved")]
    async fn two_polls() {
        let mut polled = false;
        poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
    for _ in 0..40 {
        let mut call = Box::pin(two_polls());
        assert!(poll_once(call.as_mut()).is_pending());
        thread::spawn(move || assert!(poll_once(call.as_mut()).is_ready())).join().unwrap();
    }
    assert_eq!(counted(Kind::Operation, &["law_moved"]), (counts(40, 0, 0, 0), 0));
}

#[test]
fn streams_keep_the_law_and_give_each_item_once() {
    use futures::stream::{self, Stream, StreamExt};
    use perf_runtime::monitor;

    /// As many items as it is told, of which every third is waited for; then it panics, fails, or ends.
    #[monitor("law_stream")]
    fn numbers(upto: u32, end: u32) -> impl Stream<Item = Result<u32, ()>> {
        let mut polls = 0;
        let items = stream::poll_fn(move |context| {
            polls += 1;
            if polls % 3 == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            Poll::Ready(Some(Ok(1)))
        });
        items.take(upto as usize).chain(stream::iter((end < 2).then_some(end)).map(|end| {
            assert!(end > 0, "the end");
            Err(())
        }))
    }
    const STREAMS: u32 = 400;
    thread::scope(|scope| {
        for first in 0..4 {
            scope.spawn(move || {
                for n in (first..STREAMS).step_by(4) {
                    let mut stream = Box::pin(numbers(n % 5, n % 3));
                    // Some are dropped early, some never polled.
                    let most = if n % 7 == 0 { (n / 7) as usize % 4 } else { usize::MAX };
                    let _ = catch_unwind(AssertUnwindSafe(|| {
                        let mut polls = 0;
                        while polls < most && poll_once(pin!(stream.next())) != Poll::Ready(None) {
                            polls += 1;
                        }
                    }));
                }
            });
        }
    });
    let monitor = Monitor::builder().build().unwrap();
    let text = monitor.render_prometheus();
    let number = |line: &str| {
        let value =
            text.lines().find_map(|known| known.strip_prefix(line)).unwrap_or_else(|| panic!("{line} in {text}"));
        value.trim().parse::<u64>().unwrap()
    };
    let (counts, in_flight) = counted(Kind::Operation, &["law_stream"]);
    let never_polled = (0..STREAMS).filter(|n| n % 7 == 0 && n / 7 % 4 == 0).count() as u64;
    assert_eq!((counts.finished(), in_flight), (u64::from(STREAMS) - never_polled, 0));
    let (mut items, mut yielded) = (0, 0);
    for n in 0..STREAMS {
        let most = if n % 7 == 0 { n / 7 % 4 } else { u32::MAX };
        let (mut given, mut polls, mut inner) = (0, 0, 0);
        let all = n % 5;
        while polls < most {
            polls += 1;
            if given < all {
                inner += 1;
                given += u32::from(inner % 3 != 0);
            } else {
                given += u32::from(n % 3 == 1);
                break;
            }
        }
        items += u64::from(given);
        yielded += u64::from(given > 0);
    }
    assert_eq!(number(r#"operation_stream_items_total{operation="law_stream"}"#), items);
    assert_eq!(number(r#"operation_first_item_seconds_count{operation="law_stream"}"#), yielded);
    assert_eq!(number(r#"operation_longest_gap_seconds_count{operation="law_stream"}"#), yielded);
}

#[test]
fn two_functions_with_the_same_labels_are_one_series() {
    #[monitor_tool("law_shared")]
    fn one() {}
    #[monitor_tool("law_shared")]
    fn other() {}
    one();
    other();
    assert_eq!(counted(Kind::Tool, &["law_shared"]), (counts(2, 0, 0, 0), 0));
    let text = Monitor::builder().build().unwrap().render_prometheus();
    assert_eq!(text.matches("tool_calls_total{tool=\"law_shared\",outcome=\"ok\"}").count(), 1);
}

#[test]
fn the_guard_of_a_dynamic_operation_obeys_it_too() {
    use perf_runtime::Outcome;
    let monitor = Monitor::builder().build().unwrap();
    let operation = monitor.operation("resize");
    operation.record(Duration::from_millis(3), Outcome::Ok);
    operation.start().finish(Outcome::Error);
    drop(operation.start());
    let unwound = catch_unwind(AssertUnwindSafe(|| {
        let _call = operation.start();
        panic!("while resizing");
    }));
    assert!(unwound.is_err());
    let running = operation.start();
    let series = |summary: &perf_runtime::series::Summary| {
        let found = summary.find(Kind::Operation, &["resize"]).unwrap();
        (found.total, found.in_flight)
    };
    assert_eq!(series(&monitor.summary(Window::LastMinute)), (counts(1, 1, 1, 1), 1));
    running.finish(Outcome::Ok);
    assert_eq!(series(&monitor.summary(Window::LastMinute)), (counts(2, 1, 1, 1), 0));
}

/// Threads start calls and end them in every way, on a real runtime, while others read.
#[test]
fn it_holds_under_threads_panics_and_cancellation() {
    static STARTED: AtomicU64 = AtomicU64::new(0);

    #[monitor("law_storm")]
    async fn stormy(seed: u64) -> Result<(), ()> {
        STARTED.fetch_add(1, Ordering::Relaxed);
        if seed.is_multiple_of(3) {
            tokio::task::yield_now().await;
        }
        match seed % 5 {
            0 => Err(()),
            1 => panic!("seed {seed}"),
            2 => pending().await,
            _ => Ok(()),
        }
    }

    std::panic::set_hook(Box::new(|_| {}));
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_time().build().unwrap();
    let monitor = Monitor::builder().build().unwrap();
    runtime.block_on(async {
        let calls: Vec<_> = (0..5_000_u64).map(|seed| tokio::spawn(stormy(seed))).collect();
        let reader = tokio::task::spawn_blocking({
            let monitor = monitor.clone();
            move || {
                for _ in 0..50 {
                    monitor.tick();
                    assert_eq!(unequal_counts(&monitor.render_prometheus()), Vec::<String>::new());
                }
            }
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        for call in &calls {
            call.abort();
        }
        for call in calls {
            let _ = call.await;
        }
        reader.await.unwrap();
    });
    drop(runtime);
    let _ = std::panic::take_hook();

    let (total, in_flight) = counted(Kind::Operation, &["law_storm"]);
    assert_eq!(in_flight, 0);
    assert_eq!(total.finished(), STARTED.load(Ordering::Relaxed));
    assert!(total.ok > 0 && total.error > 0 && total.panicked > 0 && total.cancelled > 0, "{total:?}");
}

/// The histograms whose `_count` is not their `+Inf` bucket, or not what the counter says: none, ever.
fn unequal_counts(text: &str) -> Vec<String> {
    let value = |line: &str| line.rsplit(' ').next().map(str::to_owned);
    let of = |labels: &str, name: &str| {
        text.lines().find(|line| line.starts_with(name) && line.contains(labels)).and_then(value)
    };
    let infinite = text.lines().filter(|line| line.contains("le=\"+Inf\""));
    infinite
        .filter(|line| {
            let (name, rest) = line.split_once("_bucket{").unwrap();
            let labels = rest.split(",le=").next().unwrap();
            of(labels, &format!("{name}_count{{")) != value(line)
        })
        .map(str::to_owned)
        .collect()
}
