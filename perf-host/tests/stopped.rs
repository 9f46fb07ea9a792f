//! A process that is stopped and goes on, as a debugger, a full disk of a log or a paused container make it: nothing is said to
//! have blocked, waited or failed for as long as that.
#![cfg(all(feature = "tokio", target_os = "linux"))]

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::MetricValue;
use perf_runtime::rule::RuleSet;
use perf_runtime::test_util::ManualClock;
use std::pin::pin;
use std::process::{Command, Stdio};
use std::task::{Context, Waker};
use std::thread;
use std::time::{Duration, Instant};

/// In the child's environment: that it is the child.
const CHILD: &str = "PERF_TEST_STOPPED";
const SECOND: Duration = Duration::from_secs(1);
const STOPPED: Duration = Duration::from_millis(2_500);
const RUNS: Duration = Duration::from_secs(1);

#[test]
fn a_process_that_was_stopped_blocked_nothing_meanwhile() {
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_child", "--ignored", "--nocapture"]).env(CHILD, "1").stdout(Stdio::piped());
    let child = child.spawn().unwrap();
    let send = |signal: &str| {
        let kill = format!("kill -{signal} {}", child.id());
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success(), "{kill}");
    };
    for _ in 0..2 {
        thread::sleep(RUNS);
        send("STOP");
        thread::sleep(STOPPED);
        send("CONT");
    }
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// Polls that keep a worker for less than may be told, one after the other: the process is nearly always stopped within one.
#[test]
#[ignore = "is stopped by the test above"]
fn the_child() {
    if std::env::var_os(CHILD).is_none() {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let monitor = Monitor::builder().rules(perf_host::rules()).install().unwrap();
    let _entered = runtime.enter();
    Host::builder().parts([Part::Executor, Part::Monitoring]).install(&monitor).unwrap();
    let resize = monitor.operation("resize");
    runtime.spawn(async move {
        loop {
            resize.watch(async { thread::sleep(Duration::from_millis(80)) }).await;
            tokio::task::yield_now().await;
        }
    });
    let (started, mut longest) = (Instant::now(), [0.0_f64; 2]);
    while started.elapsed() < 3 * RUNS + 2 * STOPPED {
        for metric in monitor.metrics().read() {
            let Some(place) = ["executor_blocked_seconds", "tokio_schedule_delay_seconds"]
                .iter()
                .position(|name| *name == metric.name)
            else {
                continue;
            };
            for series in metric.series {
                if let MetricValue::Gauge(value) = series.value {
                    longest[place] = longest[place].max(value);
                }
            }
        }
        thread::sleep(Duration::from_millis(5));
    }
    println!("blocked {} s, delayed {} s", longest[0], longest[1]);
    assert!(longest.iter().all(|seconds| *seconds < 1.0), "{longest:?}");
    let events = monitor.alerts().history();
    assert!(events.is_empty(), "{events:?}");
}

/// For how long the function that blocks has done so, as it is told.
fn seconds(monitor: &Monitor) -> Option<f64> {
    let metrics = monitor.metrics().read();
    let blocked = metrics.into_iter().find(|metric| metric.name == "executor_blocked_seconds")?;
    blocked
        .series
        .into_iter()
        .find_map(|one| if let MetricValue::Gauge(value) = one.value { Some(value) } else { None })
}

#[test]
fn time_in_which_the_process_was_stopped_is_nobodys() {
    let clock = ManualClock::hold();
    let mut rules = RuleSet::default();
    rules.extend(perf_host::rules());
    let monitor = Monitor::builder().rules(rules).build().unwrap();
    Host::builder().parts([Part::Executor]).install(&monitor).unwrap();
    let tick = |span: Duration| {
        clock.advance(span);
        monitor.tick();
    };
    let handle = monitor.operation("handle");
    (0..3).for_each(|_| tick(SECOND));
    let mut request = pin!(handle.watch(async {
        tick(15 * SECOND);
        assert_eq!(seconds(&monitor), None, "it was stopped, and had no time to block anything");
        assert!(monitor.alerts().active().is_empty(), "{:?}", monitor.alerts().active());
        tick(SECOND);
        assert_eq!(seconds(&monitor), Some(1.0), "what was seen of it");
        tick(SECOND);
        assert_eq!(seconds(&monitor), Some(2.0));
        assert_eq!(monitor.alerts().active().len(), 1, "that is evidence");
    }));
    assert!(request.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready());
}
