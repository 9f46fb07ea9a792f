//! The profiler, held against work whose use of the processor is known; and whether it disturbs what it looks at.
#![cfg(all(feature = "profiler", target_os = "linux"))]

mod work;

use perf_host::profiler::{Profiler, ProfilerError};
use perf_runtime::series::{SampledCpu, SeriesSummary};
use perf_runtime::{Kind, Monitor, Window, monitor};
use std::panic;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;
use work::{Random, Storm, burn, thread_time};

/// A process has one profiler, and one handler of a signal: so these tests come one after the other.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner)
}

fn start(monitor: &Monitor, frequency: u32) -> Profiler {
    Profiler::builder().frequency(frequency).start(monitor).expect("nobody else has the signal")
}

fn quiet() -> Monitor {
    let monitor = Monitor::builder().build().unwrap();
    monitor.tick();
    monitor
}

fn find(monitor: &Monitor, name: &str) -> SeriesSummary {
    monitor.summary(Window::LastHour).find(Kind::Operation, &[name]).expect("it was called").clone()
}

fn sampled(monitor: &Monitor, name: &str) -> SampledCpu {
    find(monitor, name).sampled_cpu.expect("it was sampled")
}

fn action() -> libc::sigaction {
    // SAFETY: all zero is a valid action, and there is room for one.
    unsafe {
        let mut action = std::mem::zeroed();
        assert_eq!(libc::sigaction(libc::SIGPROF, std::ptr::null(), &raw mut action), 0);
        action
    }
}

extern "C" fn of_another(_: libc::c_int) {}

/// Another part of the process handles the signal, until this is dropped.
struct Another;

impl Another {
    fn take() -> Self {
        // SAFETY: the handler does nothing.
        unsafe { libc::signal(libc::SIGPROF, of_another as extern "C" fn(libc::c_int) as libc::sighandler_t) };
        Self
    }

    fn is_there() -> bool {
        action().sa_sigaction == of_another as extern "C" fn(libc::c_int) as libc::sighandler_t
    }
}

impl Drop for Another {
    fn drop(&mut self) {
        // SAFETY: the default action needs nothing.
        unsafe { libc::signal(libc::SIGPROF, libc::SIG_DFL) };
    }
}

#[monitor("profiler_one")]
fn one(time: Duration) -> Duration {
    burn(time)
}

#[monitor("profiler_three")]
fn three(time: Duration) -> Duration {
    burn(3 * time)
}

#[monitor("profiler_around")]
fn around(time: Duration) -> [Duration; 2] {
    [one(time), three(time)]
}

/// Some 2,500 samples on two threads: the standard error of a share of 3 / 4 is 0.9 points. On a machine that is busy with other things
/// a signal tells of up to three of them, so 5 points are more than three errors there too.
#[test]
fn two_functions_that_burn_three_to_one_are_seen_so_and_their_sum_is_the_time_that_they_burnt() {
    let _alone = alone();
    let monitor = quiet();
    let profiler = start(&monitor, 250);
    let burnt = thread::scope(|scope| {
        let threads = [7, 8].map(|seed| {
            scope.spawn(move || {
                let (mut random, mut burnt) = (Random(seed), [Duration::ZERO; 2]);
                while burnt[0] + burnt[1] < Duration::from_secs(5) {
                    let more = around(Duration::from_micros(50 * random.up_to(40)));
                    burnt = [burnt[0] + more[0], burnt[1] + more[1]];
                }
                burnt
            })
        });
        threads.map(|thread| thread.join().unwrap()).map(|burnt| burnt.map(|one| one.as_secs_f64()))
    });
    let [by_one, by_three] = [0, 1].map(|function| burnt.iter().map(|of_thread| of_thread[function]).sum::<f64>());
    monitor.tick();
    profiler.stop();
    let [one, three] = ["profiler_one", "profiler_three"].map(|name| sampled(&monitor, name));
    let samples = one.samples + three.samples;
    assert!(samples > 800, "{samples}");
    let share = three.seconds / (one.seconds + three.seconds);
    let burnt = by_one + by_three;
    assert!((by_three / burnt - 0.75).abs() < 0.02, "{by_three} of {burnt}");
    assert!((share - by_three / burnt).abs() < 0.05, "{share} of {by_three} in {burnt}");
    let told = one.seconds + three.seconds;
    assert!((told / burnt - 1.0).abs() < 0.15, "{told} of {burnt}");
    let expected = one.seconds / (one.samples as f64).sqrt();
    assert!((one.standard_error - expected).abs() < 1e-9, "{one:?}");
    // It burns next to nothing itself.
    let own = find(&monitor, "profiler_around").sampled_cpu.map_or(0.0, |cpu| cpu.seconds);
    assert!(own < 0.05 * told, "{own}");
    let text = monitor.render_prometheus();
    assert!(text.contains("# TYPE operation_self_cpu_seconds_total counter\n"), "{text}");
    assert!(text.contains("\noperation_self_cpu_seconds_total{operation=\"profiler_three\"} "), "{text}");
}

#[monitor("profiler_sleeps")]
fn sleeps() {
    thread::sleep(Duration::from_millis(300));
}

#[test]
fn a_call_that_waits_takes_no_processor_time() {
    let _alone = alone();
    let monitor = quiet();
    let profiler = start(&monitor, 250);
    sleeps();
    monitor.tick();
    profiler.stop();
    let series = find(&monitor, "profiler_sleeps");
    assert!(series.self_seconds >= 0.3);
    assert!(series.sampled_cpu.is_none_or(|cpu| cpu.seconds < 0.05), "{series:?}");
}

#[test]
fn the_profiler_tells_what_it_sees_of_the_process() {
    let _alone = alone();
    let monitor = quiet();
    let profiler = start(&monitor, 250);
    burn(Duration::from_millis(300));
    monitor.tick();
    let text = monitor.render_prometheus();
    let value = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start)).unwrap_or_else(|| panic!("{start}: {text}"));
        line.rsplit_once(' ').unwrap().1.parse::<f64>().unwrap()
    };
    assert!(value("profiler_threads{state=\"sampled\"}") >= 1.0);
    assert!(value("profiler_threads{state=\"left_out\"}") == 0.0);
    assert!(value("profiler_cpu_seconds_total{call=\"none\"}") > 0.0);
    assert!((0.5..1.5).contains(&value("profiler_coverage_ratio")), "{text}");
    profiler.stop();
    monitor.tick();
    assert!(!monitor.render_prometheus().contains("profiler_threads{"));
}

#[test]
fn it_does_not_start_where_another_has_the_signal_or_a_profiler_runs() {
    let _alone = alone();
    let monitor = quiet();
    let another = Another::take();
    let refused = Profiler::builder().start(&monitor).unwrap_err();
    assert!(matches!(refused, ProfilerError::SignalTaken), "{refused}");
    assert!(Another::is_there(), "nothing is changed");
    drop(another);
    let profiler = start(&monitor, 99);
    let refused = Profiler::builder().start(&monitor).unwrap_err();
    assert!(matches!(refused, ProfilerError::AlreadyRunning), "{refused}");
    assert!(profiler.is_running());
    drop(profiler);
    assert!(start(&monitor, 99).is_running());
}

#[test]
fn settings_are_checked_and_a_profiler_that_is_not_enabled_changes_nothing() {
    let _alone = alone();
    let monitor = quiet();
    let refused = Profiler::builder().frequency(1_000).start(&monitor).unwrap_err();
    assert!(refused.to_string().contains("1 to 250"), "{refused}");
    let profiler = Profiler::builder().enabled(false).start(&monitor).unwrap();
    assert!(!profiler.is_running());
    assert_eq!(action().sa_sigaction, libc::SIG_DFL);
}

#[monitor("profiler_stopped")]
fn stopped(time: Duration) {
    burn(time);
}

/// The default action of the signal ends the process: one that came late would end this test.
#[test]
fn stopped_it_gives_the_signal_back_and_none_comes_late() {
    let _alone = alone();
    let monitor = quiet();
    let over = std::sync::atomic::AtomicBool::new(false);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while !over.load(std::sync::atomic::Ordering::Relaxed) {
                    stopped(Duration::from_millis(1));
                }
            });
        }
        for _ in 0..30 {
            let profiler = start(&monitor, 250);
            thread::sleep(Duration::from_millis(20));
            profiler.stop();
            assert_eq!(action().sa_sigaction, libc::SIG_DFL);
        }
        monitor.tick();
        let before = sampled(&monitor, "profiler_stopped").samples;
        thread::sleep(Duration::from_millis(100));
        assert_eq!(sampled(&monitor, "profiler_stopped").samples, before, "nobody samples now");
        over.store(true, std::sync::atomic::Ordering::Relaxed);
    });
}

#[test]
fn it_stops_where_another_takes_the_signal_over_and_leaves_it_to_the_other() {
    let _alone = alone();
    let monitor = quiet();
    let profiler = start(&monitor, 99);
    let another = Another::take();
    while profiler.is_running() {
        thread::sleep(Duration::from_millis(5));
    }
    profiler.stop();
    assert!(Another::is_there());
    drop(another);
}

/// The short form of the soak test `soak --profiler`. It fails by a crash, or by never ending.
#[test]
fn a_storm_of_allocations_panics_libraries_and_threads_passes() {
    let _alone = alone();
    let monitor = quiet();
    panic::set_hook(Box::new(|_| ()));
    let profiler = start(&monitor, 250);
    let storm = Storm::default();
    storm.rage(Duration::from_secs(2));
    assert!(profiler.is_running());
    profiler.stop();
    drop(panic::take_hook());
    monitor.tick();
    assert!(storm.least() > 0, "{storm:?}");
    let seen = ["storm_allocates", "storm_panics", "storm_loads"].map(|name| sampled(&monitor, name).samples);
    assert!(seen.iter().all(|samples| *samples > 0), "{seen:?}");
    assert!(thread_time() > Duration::ZERO);
}
