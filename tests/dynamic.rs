//! Series that are made at run time: by name, by scope, by closure, by future, by marks.

use perf_runtime::operation::MeasureError;
use perf_runtime::series::OutcomeCounts;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use std::future::{pending, ready};
use std::io::{self, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Waker};
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn monitor() -> Monitor {
    Monitor::builder().build().unwrap()
}

/// Calls of an operation by outcome, and calls in flight.
fn counted(monitor: &Monitor, operation: &str) -> ([u64; 4], u64) {
    let summary = monitor.summary(Window::LastHour);
    let series = summary.find(Kind::Operation, &[operation]).expect("a series");
    let OutcomeCounts { ok, error, panicked, cancelled, .. } = series.total;
    ([ok, error, panicked, cancelled], series.in_flight)
}

fn panics<R>(body: impl FnOnce() -> R) {
    let unwound = catch_unwind(AssertUnwindSafe(body));
    assert!(unwound.is_err());
}

fn poll<F: Future>(future: std::pin::Pin<&mut F>) -> std::task::Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_timer_is_a_call_that_ends_with_its_scope() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    {
        let _timer = monitor.timer("resize");
        clock.advance(2 * SECOND);
        assert_eq!(counted(&monitor, "resize"), ([0; 4], 1));
    }
    let early_return = || {
        let _timer = monitor.timer("resize");
        Err::<(), ()>(())?;
        Ok::<(), ()>(())
    };
    assert!(early_return().is_err());
    let timer = monitor.timer("resize");
    clock.advance(4 * SECOND);
    assert_eq!(timer.stop(), 4 * SECOND);
    assert_eq!(monitor.timer("resize").finish(Outcome::Error), Duration::ZERO);
    panics(|| {
        let _timer = monitor.timer("resize");
        panic!("on purpose");
    });
    assert_eq!(counted(&monitor, "resize"), ([3, 1, 1, 0], 0));
    let summary = monitor.summary(Window::LastHour);
    let mean = summary.find(Kind::Operation, &["resize"]).unwrap().mean.unwrap();
    assert!((mean - 6.0 / 5.0).abs() < 1e-9, "{mean}");
}

#[test]
fn a_guard_that_nobody_finishes_is_cancelled() {
    let monitor = monitor();
    let operation = monitor.operation("upload");
    drop(operation.start());
    operation.start().finish(Outcome::Error);
    panics(|| {
        let _call = operation.start();
        panic!("on purpose");
    });
    assert_eq!(counted(&monitor, "upload"), ([0, 1, 1, 1], 0));
}

/// Runs a closure when it is dropped.
struct AtDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for AtDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

#[test]
fn what_runs_well_while_another_unwinds_is_ok() {
    let monitor = monitor();
    panics(|| {
        let _late = AtDrop(|| {
            drop(monitor.timer("clean_up"));
            monitor.operation("clean_up").run(|| ());
            drop(monitor.operation("clean_up").start());
        });
        panic!("on purpose");
    });
    assert_eq!(counted(&monitor, "clean_up"), ([2, 0, 0, 1], 0));
}

#[test]
fn closures_are_calls() {
    let monitor = monitor();
    let operation = monitor.operation("parse");
    assert_eq!(operation.run(|| 42), 42);
    assert_eq!(operation.try_run(|| "7".parse::<u8>()), Ok(7));
    assert!(operation.try_run(|| "x".parse::<u8>()).is_err());
    panics(|| operation.run(|| panic!("on purpose")));
    panics(|| operation.try_run(|| -> Result<(), ()> { panic!("on purpose") }));
    assert_eq!(counted(&monitor, "parse"), ([2, 1, 2, 0], 0));
}

#[test]
fn futures_are_calls_from_their_first_poll_to_their_end() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let operation = monitor.operation("fetch");
    drop(operation.watch(pending::<()>()));
    assert_eq!(counted(&monitor, "fetch"), ([0; 4], 0), "never polled, no call");

    assert!(poll(pin!(operation.watch(ready(1)))).is_ready());
    assert!(poll(pin!(operation.try_watch(ready(Err::<(), _>("no"))))).is_ready());
    assert!(poll(pin!(operation.try_watch(ready(Ok::<_, ()>(1))))).is_ready());
    panics(|| poll(pin!(operation.watch(async { panic!("on purpose") }))));
    {
        let mut waits = pin!(operation.watch(pending::<()>()));
        assert!(poll(waits.as_mut()).is_pending());
        clock.advance(3 * SECOND);
        assert_eq!(counted(&monitor, "fetch").1, 1);
        let summary = monitor.summary(Window::LastHour);
        let series = summary.find(Kind::Operation, &["fetch"]).unwrap();
        assert_eq!(series.oldest_in_flight, Some(3.0), "its age is known");
    }
    assert_eq!(counted(&monitor, "fetch"), ([2, 1, 1, 1], 0));
    panics(|| {
        let mut waits = pin!(operation.watch(pending::<()>()));
        assert!(poll(waits.as_mut()).is_pending());
        panic!("on purpose, and not in the future");
    });
    assert_eq!(counted(&monitor, "fetch"), ([2, 1, 1, 2], 0), "another's unwinding cancels it");
}

#[test]
fn a_measure_is_a_call_between_two_marks() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    monitor.mark("start");
    clock.advance(2 * SECOND);
    monitor.mark("end");
    clock.advance(SECOND);
    assert_eq!(monitor.measure("batch", "start", "end"), Ok(2 * SECOND));
    assert_eq!(monitor.measure("batch", "start", None), Ok(3 * SECOND));
    let error = monitor.measure("batch", "sart", "end").unwrap_err();
    assert_eq!(error, MeasureError::UnknownMark { name: "sart".into() });
    assert!(error.to_string().contains("\"sart\""), "{error}");
    assert!(matches!(monitor.measure("batch", "end", "start"), Err(MeasureError::EndsBeforeItStarts { .. })));
    assert_eq!(counted(&monitor, "batch"), ([2, 0, 0, 0], 0), "an error records nothing");
    monitor.clear_mark("end");
    assert!(monitor.measure("batch", "start", "end").is_err());
    monitor.clear_marks();
    assert!(monitor.measure("batch", "start", None).is_err());
}

#[test]
fn an_overflowing_operation_counts_each_of_its_calls() {
    let monitor = monitor();
    for name in 0..200 {
        monitor.record_response_time(&format!("operation-{name}"), SECOND);
    }
    let one_too_many = monitor.operation("one too many");
    one_too_many.record(SECOND, Outcome::Ok);
    drop(one_too_many.timer());
    one_too_many.run(|| ());
    monitor.record_response_time("another", SECOND);
    let text = monitor.render_prometheus();
    assert!(text.contains(r#"operations_total{operation="__overflow__",outcome="ok"} 4"#), "{text}");
    let line = r#"perf_label_overflow_total{metric="operations_total",label="operation"} 4"#;
    assert!(text.contains(line), "{text}");
}

/// The output of a subscriber; each write also counts a call on a monitor.
#[derive(Clone)]
struct Log {
    text: Arc<Mutex<String>>,
    monitor: Monitor,
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.monitor.record_mcp_call("subscriber", "heard", SECOND, true);
        self.monitor.record_response_time("one more", Duration::ZERO);
        self.text.lock().unwrap().push_str(&String::from_utf8_lossy(bytes));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn the_first_overflow_of_a_label_is_told_to_a_subscriber_that_may_count_itself() {
    let log = Log { text: Arc::default(), monitor: monitor() };
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt().with_ansi(false).with_writer(move || writer.clone()).finish();
    tracing::subscriber::with_default(subscriber, || {
        for name in 0..300 {
            log.monitor.record_response_time(&format!("operation-{name}"), Duration::ZERO);
        }
    });
    let text = log.text.lock().unwrap();
    let told: Vec<&str> = text.lines().filter(|line| line.contains("a label of operations_total")).collect();
    assert_eq!(told.len(), 1, "{text}");
    let summary = log.monitor.summary(Window::LastHour);
    assert_eq!(summary.find(Kind::McpCall, &["subscriber", "heard"]).unwrap().total.ok, 1);
}

#[test]
fn many_threads_and_monitors_that_come_and_go_lose_nothing() {
    const CALLS: usize = 3_000;
    let monitor = monitor();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for call in 0..CALLS {
                    // More names than a thread keeps in mind, and some of them hot.
                    let name = format!("name-{}", if call % 2 == 0 { call % 6 } else { call % 180 });
                    monitor.operation(&name).record(SECOND, Outcome::Ok);
                    if call % 500 == 0 {
                        let short_lived = Monitor::builder().build().unwrap();
                        short_lived.record_mcp_call("server", &name, SECOND, true);
                        let summary = short_lived.summary(Window::LastHour);
                        assert_eq!(summary.find(Kind::McpCall, &["server", &name]).unwrap().total.ok, 1);
                    }
                }
            });
        }
    });
    let summary = monitor.summary(Window::LastHour);
    let calls = summary.series().iter().filter(|series| series.kind == Kind::Operation).map(|series| series.total.ok);
    assert_eq!(calls.sum::<u64>(), 8 * CALLS as u64);
    assert!(summary.find(Kind::McpCall, &["server", "name-0"]).is_none());
}
