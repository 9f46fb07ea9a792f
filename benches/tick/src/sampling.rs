//! The cost of sampling everything that there is of this machine each second, on the real clock: processor time of the
//! whole process, for what may hang is read on threads of its own.

use kit::cost::Cpu;
use kit::stats::Spread;
use perf_host::Host;
use perf_runtime::Monitor;
use std::net::TcpListener;
use std::thread;
use std::time::{Duration, Instant};

const SECOND: Duration = Duration::from_secs(1);
/// The rates' windows are full by then, and the disks were read once.
const WARM_UP: u32 = 6;
/// The most that all of it may take of a core.
const BAR: f64 = 0.5;

/// Prints a table of so many seconds with nothing sampled, and as many with everything.
pub(crate) fn run(seconds: u32) {
    // It accepts by itself as many as may wait: one a second.
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let target = listener.local_addr().expect("an address").to_string();
    println!(
        "| {seconds} s, a tick each second | min µs a tick | median µs | p10–p90 | the process, µs a second | of one core, % |\n\
         |---|--:|--:|--:|--:|--:|"
    );
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    for samples in [false, true] {
        let monitor = Monitor::builder().build().expect("no setting is wrong");
        if samples {
            let host = Host::builder().latency_target(&target).latency_interval(SECOND);
            let _within = runtime.enter();
            host.install(&monitor).expect("no setting is wrong");
        }
        row(if samples { "everything sampled" } else { "nothing sampled" }, &monitor, seconds);
    }
}

fn row(name: &str, monitor: &Monitor, seconds: u32) {
    tick(monitor, WARM_UP);
    let before = Cpu::of_process();
    let micros = tick(monitor, seconds);
    let after = Cpu::of_process();
    let used = (after.user + after.system).saturating_sub(before.user + before.system);
    let a_second = used.as_secs_f64() * 1e6 / f64::from(seconds);
    let Spread { min, p10, median, p90, .. } = Spread::of(micros);
    let share = a_second / 1e6 * 100.0;
    println!("| {name} | {min:.0} | {median:.0} | {p10:.0}–{p90:.0} | {a_second:.0} | {share:.3} (at most {BAR}) |");
}

/// Ticks once a second, and says how many microseconds of the processor each took on this thread.
fn tick(monitor: &Monitor, seconds: u32) -> Vec<f64> {
    let began = Instant::now();
    let ticks = (1..=seconds).map(|second| {
        thread::sleep((began + second * SECOND).saturating_duration_since(Instant::now()));
        let before = kit::cost::thread_time();
        monitor.tick();
        kit::cost::thread_time().saturating_sub(before).as_secs_f64() * 1e6
    });
    ticks.collect()
}
