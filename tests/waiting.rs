//! A future that returns `Pending`: its time apart, its slow polls, its place in the list of calls in flight.

use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, monitor, monitor_agent};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const MILLISECOND: Duration = Duration::from_millis(1);

fn poll<F: Future>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Keeps its thread for each of these times, once a poll.
async fn work(clock: &ManualClock, polls: &[Duration]) {
    let mut polls = polls.iter();
    poll_fn(|_| {
        let Some(&took) = polls.next() else { return Poll::Ready(()) };
        clock.advance(took);
        if polls.len() == 0 { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

/// The value of a sample, by the start of its line.
fn sample(monitor: &Monitor, line: &str) -> Option<f64> {
    let text = monitor.render_prometheus();
    text.lines().find(|candidate| candidate.starts_with(line))?.rsplit(' ').next()?.parse().ok()
}

#[test]
fn the_oldest_calls_are_listed_first_with_their_ages() {
    #[monitor_agent("waiting_researcher")]
    async fn research(clock: &ManualClock) {
        work(clock, &[MILLISECOND, MILLISECOND]).await;
    }
    #[monitor("waiting_listed")]
    async fn other(clock: &ManualClock) {
        work(clock, &[MILLISECOND, MILLISECOND]).await;
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let ages = || {
        let calls = monitor.calls_in_flight(usize::MAX);
        // Other tests' calls may wait at the same time.
        let of_this_test = ["waiting_researcher", "waiting_listed"];
        let waiting = calls.into_iter().filter(|call| of_this_test.contains(&call.labels[0].1.as_str()));
        waiting.map(|call| (call.kind, (call.age * 1e3).round())).collect::<Vec<_>>()
    };
    let (mut first, mut second) = (pin!(research(&clock)), pin!(other(&clock)));
    assert_eq!(ages(), [], "a future that was not polled is not a call");
    assert!(poll(first.as_mut()).is_pending());
    clock.advance(Duration::from_secs(2));
    assert!(poll(second.as_mut()).is_pending());
    clock.advance(Duration::from_secs(1));
    assert_eq!(ages(), [(Kind::Agent, 3_002.0), (Kind::Operation, 1_001.0)]);
    assert!(poll(first.as_mut()).is_ready());
    assert_eq!(ages(), [(Kind::Operation, 1_002.0)], "a call that ended is not in flight");
}

#[test]
fn a_waiting_call_may_end_on_another_thread_or_be_dropped_there() {
    #[monitor("waiting_moved")]
    async fn moved() {
        let mut polled = false;
        poll_fn(|_| if std::mem::replace(&mut polled, true) { Poll::Ready(()) } else { Poll::Pending }).await;
    }
    let monitor = Monitor::builder().build().unwrap();
    let waiting =
        || monitor.calls_in_flight(usize::MAX).iter().filter(|call| call.labels[0].1 == "waiting_moved").count();
    let mut calls: Vec<_> = (0..20).map(|_| Box::pin(moved())).collect();
    for call in &mut calls {
        assert!(poll(call.as_mut()).is_pending());
    }
    assert_eq!(waiting(), 20);
    let rest = calls.split_off(10);
    std::thread::spawn(move || calls.iter_mut().for_each(|call| assert!(poll(call.as_mut()).is_ready())))
        .join()
        .unwrap();
    assert_eq!(waiting(), 10);
    std::thread::spawn(move || drop(rest)).join().unwrap();
    assert_eq!(waiting(), 0);
}

#[test]
fn busy_time_is_what_the_polls_took_and_slow_polls_are_counted() {
    #[monitor("waiting_busy")]
    async fn busy(clock: &ManualClock, polls: &[u32]) {
        let polls: Vec<Duration> = polls.iter().map(|&count| count * MILLISECOND).collect();
        work(clock, &polls).await;
    }
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    // Ready at once: never idle, however long it took. The poll was a slow one.
    assert!(poll(pin!(busy(&clock, &[80]))).is_ready());
    {
        let mut call = pin!(busy(&clock, &[2, 30, 3]));
        for _ in 0..2 {
            assert!(poll(call.as_mut()).is_pending());
            clock.advance(Duration::from_secs(1));
        }
        assert!(poll(call.as_mut()).is_ready());
    }
    {
        // Cancelled after two seconds of waiting.
        let mut call = pin!(busy(&clock, &[1, 1]));
        assert!(poll(call.as_mut()).is_pending());
        clock.advance(Duration::from_secs(2));
    }
    let busy = sample(&monitor, "operation_busy_seconds_total{operation=\"waiting_busy\"}").unwrap();
    assert!((busy - 0.116).abs() < 1e-9, "80 + 2 + 30 + 3 + 1 ms, got {busy}");
    let slow = sample(&monitor, "operation_slow_polls_total{operation=\"waiting_busy\"}").unwrap();
    assert!((slow - 2.0).abs() < 1e-9, "80 and 30 ms, got {slow}");
    let summary = monitor.summary(perf_runtime::Window::LastMinute);
    let series = summary.find(Kind::Operation, &["waiting_busy"]).unwrap();
    assert!((series.mean.unwrap() - (0.080 + 2.035 + 2.001) / 3.0).abs() < 1e-9);
}
