//! Tests that run side by side and see nothing of each other.

use metrics::{counter, describe_counter};
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{InstallError, Kind, Label, Monitor, Outcome, Window, monitor, monitor_tool};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Label)]
enum Region {
    Eu,
    Us,
}

#[monitor_tool("isolated_search", labels(region = region))]
fn search(region: Region) -> &'static str {
    region.as_str()
}

#[monitor_tool("isolated_wait", slow = "2s")]
async fn wait() {
    tokio::task::yield_now().await;
}

/// Calls that ended well since the start, as a monitor sees them.
fn ok(monitor: &Monitor, labels: &[&str]) -> u64 {
    let summary = monitor.summary(Window::LastMinute);
    summary.find(Kind::Tool, labels).unwrap().total.of(Outcome::Ok)
}

/// Sixteen at once, as the tests of a program are.
#[test]
fn each_test_counts_its_own_calls() {
    const TESTS: u64 = 16;
    let together = Barrier::new(16);
    thread::scope(|scope| {
        for test in 1..=TESTS {
            let together = &together;
            scope.spawn(move || {
                let _alone = isolated();
                let monitor = Monitor::builder().build().unwrap();
                together.wait();
                (0..test).for_each(|_| assert_eq!(search(Region::Eu), "eu"));
                together.wait();
                assert_eq!(ok(&monitor, &["isolated_search", "eu"]), test);
                assert_eq!(ok(&monitor, &["isolated_search", "us"]), 0, "all series are there");
                search(Region::Us);
                assert_eq!(
                    ok(&super::monitor(), &["isolated_search", "us"]),
                    1,
                    "what is known without a monitor at hand"
                );
                monitor.reset();
                assert_eq!(ok(&monitor, &["isolated_search", "eu"]), 0);
                assert!(monitor.render_prometheus().contains(&format!("region=\"eu\",outcome=\"ok\"}} {test}\n")));
            });
        }
    });
    let outside = Monitor::builder().build().unwrap();
    let seen = outside.summary(Window::LastMinute);
    let seen = seen.find(Kind::Tool, &["isolated_search", "eu"]).unwrap();
    assert_eq!(seen.total.finished(), 0, "and nobody else counts them");
}

#[test]
fn each_test_installs_a_monitor_that_ticks() {
    let _alone = isolated();
    assert!(Monitor::installed().is_none());
    let installed = Monitor::builder().namespace("alone").install().unwrap();
    assert!(matches!(Monitor::builder().install(), Err(InstallError::AlreadyInstalled)));
    search(Region::Us);
    describe_counter!("isolated_total", "Counted through the facade.");
    counter!("isolated_total").increment(3);
    let text = monitor().render_prometheus();
    assert!(
        text.contains("\nalone_tool_calls_total{tool=\"isolated_search\",region=\"us\",outcome=\"ok\"} 1\n"),
        "{text}"
    );
    assert!(text.contains("Counted through the facade.\n# TYPE isolated_total counter\nisolated_total 3\n"), "{text}");
    let patience = Instant::now();
    while installed.ticks().ticks == 0 {
        assert!(patience.elapsed() < Duration::from_secs(30), "no tick came");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn the_end_of_a_test_is_the_end_of_its_monitor() {
    let ticks = Arc::new(AtomicU64::new(0));
    {
        let _alone = isolated();
        let installed = Monitor::builder().install().unwrap();
        let ticks = Arc::clone(&ticks);
        installed.sample("counts", Duration::ZERO, move |_| {
            ticks.fetch_add(1, Ordering::Relaxed);
        });
        installed.tick();
    }
    assert!(ticks.load(Ordering::Relaxed) > 0);
    let patience = Instant::now();
    while Arc::strong_count(&ticks) > 1 {
        assert!(patience.elapsed() < Duration::from_secs(30), "the monitor lives");
        thread::sleep(Duration::from_millis(20));
    }
}

/// Two tests hold their clocks at once, and time goes on for a third.
#[test]
fn each_test_has_a_clock() {
    let together = Barrier::new(3);
    let real = Monitor::builder().build().unwrap();
    thread::scope(|scope| {
        for minutes in [3_u64, 20] {
            let together = &together;
            scope.spawn(move || {
                let _alone = isolated();
                let clock = ManualClock::hold();
                together.wait();
                let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::P95).warning(0.5);
                let rule = rule.hold_for(Duration::from_mins(2)).build().unwrap();
                let monitor = Monitor::builder().rules([rule].into_iter().collect()).build().unwrap();
                for _ in 0..minutes * 60 {
                    monitor.operation("export").record(Duration::from_secs(1), Outcome::Ok);
                    clock.advance(Duration::from_secs(1));
                    monitor.tick();
                }
                assert_eq!(monitor.alerts().active().len(), 1);
                assert_eq!(monitor.uptime(), Duration::from_mins(minutes));
                together.wait();
            });
        }
        together.wait();
        let before = real.uptime();
        thread::sleep(Duration::from_millis(5));
        let passed = real.uptime().saturating_sub(before);
        assert!(passed >= Duration::from_millis(5) && passed < Duration::from_mins(1), "{passed:?}");
        together.wait();
    });
}

#[tokio::test]
async fn tasks_of_a_runtime_on_this_thread_belong_to_the_test() {
    let _alone = isolated();
    let tasks: Vec<_> = (0..10).map(|_| tokio::spawn(wait())).collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(ok(&monitor(), &["isolated_wait"]), 10);
}

#[test]
fn other_threads_and_tasks_join_by_the_handle() {
    let alone = isolated();
    let handle = alone.handle();
    let joined =
        tokio::runtime::Builder::new_multi_thread().on_thread_start(move || handle.join_thread()).build().unwrap();
    joined.block_on(async { tokio::spawn(async { wait().await }).await.unwrap() });
    assert_eq!(ok(&monitor(), &["isolated_wait"]), 1, "by the thread");
    let others = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    others.block_on(async {
        tokio::spawn(async { wait().await }).await.unwrap();
        tokio::spawn(handle.attach(async { wait().await })).await.unwrap();
        let (done, is_done) = tokio::sync::oneshot::channel();
        tokio::spawn(handle.attach(async {
            counter!("isolated_attached_total").increment(1);
            wait().await;
            done.send(()).unwrap();
            pending().await;
        }));
        is_done.await.unwrap();
    });
    // Its end drops the task that waits for ever.
    drop(others);
    thread::spawn(move || {
        let _joined = handle.enter();
        search(Region::Eu);
    })
    .join()
    .unwrap();
    let monitor = monitor();
    assert_eq!(ok(&monitor, &["isolated_wait"]), 3, "the task that did not join is not the test's");
    assert_eq!(ok(&monitor, &["isolated_search", "eu"]), 1);
    let text = monitor.render_prometheus();
    assert!(text.contains("\nisolated_attached_total 1\n"), "{text}");
    let cancelled = "\ntool_calls_total{tool=\"isolated_pending\",outcome=\"cancelled\"} 1\n";
    assert!(text.contains(cancelled), "{text}");
}

#[monitor_tool("isolated_pending")]
async fn pending() {
    std::future::pending::<()>().await;
}

#[test]
fn isolations_nest_and_end_with_their_guards() {
    let outer = isolated();
    search(Region::Eu);
    {
        let _inner = isolated();
        search(Region::Eu);
        search(Region::Eu);
        assert_eq!(ok(&monitor(), &["isolated_search", "eu"]), 2);
    }
    assert_eq!(ok(&monitor(), &["isolated_search", "eu"]), 1);
    drop(outer);
}
