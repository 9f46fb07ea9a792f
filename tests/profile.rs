//! The figures of the profiler, held against work whose use is known: time by the thread's own clock, memory by what is asked for.

use perf_host::CountingAllocator;
use perf_runtime::series::{ProfileSummary, SeriesSummary};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window, monitor, monitor_tool};
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::sync::{Arc, LazyLock, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

const MILLIS: f64 = 1e-3;

/// The processor time of this thread.
fn thread_time() -> Duration {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID).expect("Linux tells it").into()
}

/// Works until the thread has had a processor for so long.
fn burn(time: Duration) {
    let until = thread_time() + time;
    while thread_time() < until {
        black_box(());
    }
}

async fn yield_once() {
    let mut yielded = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut yielded, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Of a task that is never woken. The waker that does nothing has several addresses in one program, as the compiler likes.
fn context() -> Context<'static> {
    struct Nobody;
    impl Wake for Nobody {
        fn wake(self: Arc<Self>) {}
    }
    static WAKER: LazyLock<Waker> = LazyLock::new(|| Arc::new(Nobody).into());
    Context::from_waker(&WAKER)
}

/// A monitor that has seen the first call of a function: what it counts from now on is in its windows.
fn observed() -> Monitor {
    Monitor::builder().build().unwrap()
}

fn series(monitor: &Monitor, kind: Kind, label: &str) -> SeriesSummary {
    monitor.summary(Window::LastHour).find(kind, &[label]).expect("it is known").clone()
}

fn profile(monitor: &Monitor, label: &str) -> ProfileSummary {
    series(monitor, Kind::Operation, label).profile.expect("it is profiled")
}

fn near(value: f64, expected: f64) -> bool {
    (expected..expected * 1.2).contains(&value)
}

/// Burns 50 ms in ten polls, and waits for 100 ms between them.
#[monitor("profile_burns", profile)]
async fn burns_and_waits() {
    for _ in 0..10 {
        burn(Duration::from_millis(5));
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn processor_time_is_apart_from_the_time_by_the_clock() {
    let monitor = observed();
    let before = series(&monitor, Kind::Operation, "profile_burns");
    assert_eq!((before.profile.unwrap().calls, before.profile.unwrap().cpu_seconds_per_call), (0, None));
    tokio::spawn(burns_and_waits()).await.unwrap();
    let after = series(&monitor, Kind::Operation, "profile_burns");
    let profile = after.profile.unwrap();
    assert_eq!(profile.calls, 1);
    let cpu = profile.cpu_seconds_per_call.unwrap();
    assert!(near(cpu, 50.0 * MILLIS), "{cpu}");
    assert!(after.mean.unwrap() >= 150.0 * MILLIS, "{after:?}");
    let text = monitor.render_prometheus();
    let line =
        text.lines().find(|line| line.starts_with("operation_cpu_time_seconds_total{operation=\"profile_burns\"}"));
    let exposed: f64 = line.and_then(|line| line.rsplit_once(' ')?.1.parse().ok()).unwrap();
    assert!((exposed - cpu).abs() < 1e-9, "{exposed} and {cpu}");
}

#[test]
fn a_sync_function_is_profiled_from_entry_to_return() {
    #[monitor("profile_sync", profile)]
    fn work() {
        burn(Duration::from_millis(20));
        thread::sleep(Duration::from_millis(30));
    }
    let monitor = observed();
    work();
    work();
    let profile = profile(&monitor, "profile_sync");
    assert_eq!(profile.calls, 2);
    assert!(near(profile.cpu_seconds.unwrap(), 40.0 * MILLIS), "{profile:?}");
    assert!(near(profile.cpu_seconds_per_call.unwrap(), 20.0 * MILLIS), "{profile:?}");
}

/// Keeps the waker of each poll, and is ready at the one after the last.
async fn woken_from_outside(wakers: Arc<Mutex<Vec<Waker>>>, polls: usize) {
    let mut polled = 0;
    std::future::poll_fn(|context| {
        wakers.lock().unwrap().push(context.waker().clone());
        polled += 1;
        if polled > polls { Poll::Ready(()) } else { Poll::Pending }
    })
    .await;
}

#[test]
fn the_time_from_a_wake_to_the_poll_is_apart_from_the_time_of_waiting() {
    #[monitor("profile_scheduled", profile)]
    async fn waits(wakers: Arc<Mutex<Vec<Waker>>>) {
        woken_from_outside(wakers, 3).await;
    }
    let clock = ManualClock::hold();
    let monitor = observed();
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let mut future = pin!(waits(Arc::clone(&wakers)));
    let mut poll = || _ = future.as_mut().poll(&mut context());
    let last = || wakers.lock().unwrap().last().unwrap().clone();
    poll();
    clock.advance(Duration::from_secs(10)); // It waits for something.
    last().wake_by_ref();
    clock.advance(Duration::from_secs(2)); // It waits to run.
    last().wake(); // A second wake changes nothing.
    clock.advance(Duration::from_secs(1));
    poll();
    clock.advance(Duration::from_secs(5));
    poll(); // Polled without being woken, as the branch of a `join!` is: it waited for something all the time.
    last().wake();
    clock.advance(Duration::from_secs(4));
    poll();
    let profile = profile(&monitor, "profile_scheduled");
    assert_eq!(
        (profile.calls, profile.scheduled_seconds, profile.scheduled_seconds_per_call),
        (1, Some(7.0), Some(7.0))
    );
    assert!(wakers.lock().unwrap().windows(2).all(|two| two[0].will_wake(&two[1])), "one waker for one task");
    let text = monitor.render_prometheus();
    assert!(text.contains("operation_scheduled_time_seconds_total{operation=\"profile_scheduled\"} 7\n"), "{text}");
}

#[test]
fn a_body_that_goes_on_in_another_task_wakes_that() {
    #[monitor("profile_moved", profile)]
    async fn waits(wakers: Arc<Mutex<Vec<Waker>>>) {
        woken_from_outside(wakers, 2).await;
    }
    #[derive(Default)]
    struct Task(std::sync::atomic::AtomicUsize);
    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        }
    }
    let wakers = Arc::new(Mutex::new(Vec::new()));
    let mut future = pin!(waits(Arc::clone(&wakers)));
    let tasks = [Arc::new(Task::default()), Arc::new(Task::default())];
    for task in &tasks {
        let waker = Waker::from(Arc::clone(task));
        assert!(future.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    }
    wakers.lock().unwrap().last().unwrap().wake_by_ref();
    assert_eq!(tasks.map(|task| task.0.load(std::sync::atomic::Ordering::Relaxed)), [0, 1]);
}

#[test]
fn memory_is_counted_to_the_byte() {
    #[monitor("profile_memory", profile)]
    async fn hold(bytes: usize) -> Vec<u8> {
        drop(black_box(Vec::<u8>::with_capacity(bytes)));
        yield_once().await;
        let mut grown = black_box(Vec::<u8>::with_capacity(bytes));
        grown.reserve_exact(2 * bytes);
        grown
    }
    let monitor = observed();
    let mut future = pin!(hold(1_000));
    assert!(future.as_mut().poll(&mut context()).is_pending());
    drop(black_box(vec![0_u8; 5_000])); // Between polls: not the call's.
    let Poll::Ready(held) = future.as_mut().poll(&mut context()) else { panic!("it is ready") };
    let profile = profile(&monitor, "profile_memory");
    // 1,000, then 1,000 made into 2,000.
    assert_eq!((profile.calls, profile.allocations, profile.allocated_bytes), (1, Some(3), Some(4_000)));
    assert_eq!((profile.net_bytes, profile.net_bytes_per_call), (Some(2_000), Some(2_000.0)));
    assert_eq!((profile.allocations_per_call, profile.allocated_bytes_per_call), (Some(3.0), Some(4_000.0)));
    let text = monitor.render_prometheus();
    for line in [
        "operation_allocations_total{operation=\"profile_memory\"} 3\n",
        "operation_allocated_bytes_total{operation=\"profile_memory\"} 4000\n",
        "operation_released_bytes_total{operation=\"profile_memory\"} 2000\n",
        "operation_profiled_calls_total{operation=\"profile_memory\"} 1\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
    drop(held);
}

#[test]
fn a_call_that_gives_memory_back_leaves_less_than_none() {
    #[monitor("profile_takes", profile)]
    fn take(_bytes: Vec<u8>) {}
    let monitor = observed();
    take(Vec::with_capacity(3_000));
    let profile = profile(&monitor, "profile_takes");
    assert_eq!((profile.allocated_bytes, profile.net_bytes), (Some(0), Some(-3_000)));
}

#[test]
fn polls_are_the_calls_own_on_whatever_thread() {
    #[monitor("profile_moves", profile)]
    async fn work() {
        for _ in 0..2 {
            burn(Duration::from_millis(10));
            drop(black_box(Vec::<u8>::with_capacity(500)));
            yield_once().await;
        }
    }
    let monitor = observed();
    let future = Arc::new(Mutex::new(Box::pin(work())));
    for _ in 0..3 {
        let future = Arc::clone(&future);
        let poll = move || {
            burn(Duration::from_millis(5)); // The thread's, not the call's.
            let _ = future.lock().unwrap().as_mut().poll(&mut context());
        };
        thread::spawn(poll).join().unwrap();
    }
    let profile = profile(&monitor, "profile_moves");
    assert_eq!((profile.calls, profile.allocations, profile.net_bytes), (1, Some(2), Some(0)));
    assert!(near(profile.cpu_seconds.unwrap(), 20.0 * MILLIS), "{profile:?}");
}

#[test]
fn a_call_that_is_dropped_half_way_counts_once_and_gives_back_what_it_held() {
    #[monitor("profile_cancelled", profile, units = 10)]
    async fn hold() {
        let held = black_box(Vec::<u8>::with_capacity(10_000));
        burn(Duration::from_millis(10));
        yield_once().await;
        drop(held);
    }
    let monitor = observed();
    drop(hold()); // Never polled: no call.
    assert_eq!(profile(&monitor, "profile_cancelled").calls, 0);
    {
        let mut future = pin!(hold());
        assert!(future.as_mut().poll(&mut context()).is_pending());
        assert_eq!(profile(&monitor, "profile_cancelled").calls, 0, "it has not ended");
    }
    let profile = profile(&monitor, "profile_cancelled");
    assert_eq!((profile.calls, profile.allocated_bytes, profile.net_bytes), (1, Some(10_000), Some(0)));
    assert_eq!((profile.units, profile.units_per_second), (Some(0), None), "it did not end well");
    assert!(near(profile.cpu_seconds.unwrap(), 10.0 * MILLIS), "{profile:?}");
}

#[test]
fn a_call_that_panics_counts_once() {
    #[monitor("profile_panics", profile)]
    async fn fail(wait: bool) {
        burn(Duration::from_millis(10));
        if wait {
            yield_once().await;
        }
        std::panic::resume_unwind(Box::new(()));
    }
    #[monitor("profile_panics", profile)]
    fn fail_at_once() {
        burn(Duration::from_millis(10));
        std::panic::resume_unwind(Box::new(()));
    }
    let monitor = observed();
    for wait in [false, true] {
        let mut future = Box::pin(fail(wait));
        let poll = || while future.as_mut().poll(&mut context()).is_pending() {};
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    }
    assert!(catch_unwind(fail_at_once).is_err());
    let profile = profile(&monitor, "profile_panics");
    assert_eq!((profile.calls, series(&monitor, Kind::Operation, "profile_panics").total.panicked), (3, 3));
    assert!(near(profile.cpu_seconds.unwrap(), 30.0 * MILLIS), "{profile:?}");
}

#[test]
fn what_is_called_and_polled_within_is_in_it() {
    #[monitor("profile_inner", profile)]
    async fn inner() {
        burn(Duration::from_millis(10));
        yield_once().await;
        drop(black_box(Vec::<u8>::with_capacity(100)));
    }
    #[monitor("profile_outer", profile)]
    async fn outer() {
        inner().await;
        burn(Duration::from_millis(10));
        inner().await;
        // Not polled within.
        thread::spawn(|| burn(Duration::from_millis(30))).join().unwrap();
    }
    let run = || {
        let mut future = pin!(outer());
        while future.as_mut().poll(&mut context()).is_pending() {}
    };
    run(); // The first call of a function makes its cells, in whoever calls it.
    let monitor = observed();
    run();
    let [inner, outer] = ["profile_inner", "profile_outer"].map(|label| profile(&monitor, label));
    assert_eq!((inner.calls, inner.allocated_bytes), (2, Some(200)));
    assert_eq!(outer.calls, 1);
    assert!(outer.allocated_bytes >= inner.allocated_bytes);
    assert!(near(inner.cpu_seconds.unwrap(), 20.0 * MILLIS), "{inner:?}");
    assert!((30.0 * MILLIS..45.0 * MILLIS).contains(&outer.cpu_seconds.unwrap()), "{outer:?}");
}

#[test]
fn units_have_a_speed_by_the_wall_clock() {
    #[monitor_tool("profile_units", profile, units = Vec::len)]
    fn read(clock: &ManualClock, rows: usize) -> Result<Vec<u8>, String> {
        clock.advance(Duration::from_millis(250));
        if rows == 0 { Err("none".to_owned()) } else { Ok(vec![0; rows]) }
    }
    let clock = ManualClock::hold();
    let monitor = observed();
    read(&clock, 100).unwrap();
    read(&clock, 50).unwrap();
    read(&clock, 0).unwrap_err();
    let profile = series(&monitor, Kind::Tool, "profile_units").profile.unwrap();
    assert_eq!((profile.calls, profile.units, profile.units_per_second), (3, Some(150), Some(300.0)));
    let whole = serde_json::to_value(series(&monitor, Kind::Tool, "profile_units")).unwrap();
    assert_eq!(whole["profile"]["units_per_second"], 300.0);
}

#[test]
fn windows_look_back_as_far_as_they_say() {
    #[monitor("profile_windows", profile)]
    fn allocate() {
        drop(black_box(Vec::<u8>::with_capacity(100)));
    }
    let clock = ManualClock::hold();
    let monitor = observed();
    for _ in 0..600 {
        allocate();
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
    let seen = |window| {
        let profile = monitor.summary(window).find(Kind::Operation, &["profile_windows"]).unwrap().profile.unwrap();
        assert_eq!(profile.allocated_bytes, Some(100 * profile.calls));
        (profile.covered, profile.calls)
    };
    assert_eq!(seen(Window::LastMinute), (60.0, 60));
    let (covered, calls) = seen(Window::Last5Minutes);
    assert!((300..305).contains(&calls) && covered.to_bits() == (calls as f64).to_bits(), "{covered}");
    assert_eq!([Window::Last15Minutes, Window::LastHour].map(seen), [(600.0, 600), (600.0, 600)]);
    monitor.reset();
    allocate();
    assert_eq!(seen(Window::LastHour), (0.0, 1));
    let text = monitor.render_prometheus();
    assert!(text.contains("operation_profiled_calls_total{operation=\"profile_windows\"} 601\n"), "it never goes back");
}

#[test]
fn who_does_not_profile_shows_nothing_of_it() {
    #[monitor("profile_none")]
    fn plain() {}
    #[monitor_tool("profile_zero", profile, units = 1)]
    fn never_called() {}
    let _ = never_called;
    plain();
    let monitor = observed();
    assert_eq!(series(&monitor, Kind::Operation, "profile_none").profile, None);
    let text = monitor.render_prometheus();
    // Their own time is told of all calls, where some are made inside others.
    let told = text.lines().filter(|line| line.contains("total{operation=\"profile_none\"}"));
    assert_eq!(told.filter(|line| !line.starts_with("operation_self_seconds_total")).count(), 0, "{text}");
    for figure in [
        "profiled_calls",
        "cpu_time_seconds",
        "scheduled_time_seconds",
        "allocations",
        "allocated_bytes",
        "released_bytes",
        "units",
    ] {
        let zero = format!("tool_call_{figure}_total{{tool=\"profile_zero\"}} 0\n");
        assert!(text.contains(&zero), "{zero}{text}");
        assert!(text.contains(&format!("# TYPE tool_call_{figure}_total counter\n")));
        assert!(!text.contains(&format!("mcp_call_{figure}")), "no family without series");
    }
}
