//! How soon a blocked worker is named: on a clock moved by hand, so that it holds on any machine.

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::MetricValue;
use perf_runtime::test_util::ManualClock;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const PERIODS: u32 = 20;

/// The functions that block a thread now.
fn named(monitor: &Monitor) -> Vec<String> {
    let metrics = monitor.metrics().read();
    let blocked = metrics.into_iter().filter(|metric| metric.name == "executor_blocked_seconds");
    let series = blocked.flat_map(|metric| metric.series).filter(|one| matches!(one.value, MetricValue::Gauge(_)));
    series.flat_map(|one| one.labels.to_vec()).map(|(_, function)| function).collect()
}

/// After which time a function that begins to block so long after a tick is named, with the ticks that come each second.
fn named_after(offset: Duration) -> Duration {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Executor]).install(&monitor).unwrap();
    let handle = monitor.operation("handle");
    let mut request = pin!(handle.watch(async {
        monitor.operation("validate").run(|| {
            let mut after = SECOND.saturating_sub(offset);
            clock.advance(after);
            monitor.tick();
            while named(&monitor).is_empty() {
                assert!(after < 10 * SECOND, "nobody is named");
                after += SECOND;
                clock.advance(SECOND);
                monitor.tick();
            }
            assert_eq!(named(&monitor), ["operation{operation=validate}"], "the one that blocks, not its caller");
            after
        })
    }));
    let Poll::Ready(after) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it is done")
    };
    clock.advance(SECOND);
    monitor.tick();
    assert_eq!(named(&monitor), [""; 0], "it does not block any more");
    after
}

#[test]
fn a_blocked_worker_is_named_within_two_seconds_whenever_it_begins_to_block() {
    let all: Vec<Duration> = (0..PERIODS).map(|period| named_after(SECOND * period / PERIODS)).collect();
    println!("named after {:?} to {:?}", all.iter().min().unwrap(), all.iter().max().unwrap());
    assert!(all.iter().all(|after| *after < 2 * SECOND), "{all:?}");
}
