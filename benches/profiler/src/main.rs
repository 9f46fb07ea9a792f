//! The processor time that the profiler of `perf-host` takes of a thread that works, and how near its shares are to the truth.
//!
//! **Cost.** A thread reads the clock in a loop. Between two readings that are more than a microsecond apart something else had the processor: the
//! kernel's tick, and with the profiler a signal. Seconds with the profiler and without it take turns; what they differ in is what it costs.
//! Pauses of more than half a millisecond are other programs'. Where others work too, their difference is lost among theirs: so a thread also sends
//! itself the profiler's signal, which costs a system call more than a sample, and the kernel's look at a timer less.
//!
//! **Shares.** Two functions burn processor time 3 : 1 in pieces of random length for ten seconds.

// The work of the tests.
#[path = "../../../perf-host/tests/profiler/work.rs"]
#[allow(dead_code)]
mod work;

use perf_host::profiler::Profiler;
use perf_runtime::{Kind, Monitor, Window, monitor};
use std::time::{Duration, Instant};
use work::{Random, burn};

/// The least and the most that a pause may take to be counted.
const PAUSES: (Duration, Duration) = (Duration::from_micros(1), Duration::from_micros(500));

fn main() {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let monitor = Monitor::builder().install().expect("the first one");
    signals(&monitor, if is_quick { 10_000 } else { 300_000 });
    cost(&monitor, if is_quick { 2 } else { 30 });
    for hertz in [99, 250] {
        shares(&monitor, hertz, Duration::from_secs(if is_quick { 2 } else { 10 }));
    }
}

/// Has this thread send itself the signal so many times.
fn signals(monitor: &Monitor, times: u32) {
    let profiler = start(monitor, 1);
    // SAFETY: neither has preconditions.
    let (process, thread) = unsafe { (libc::getpid(), libc::gettid()) };
    let each = |signal: libc::c_int| {
        let began = Instant::now();
        for _ in 0..times {
            // SAFETY: the signal is handled, or 0, which sends none.
            unsafe { libc::syscall(libc::SYS_tgkill, process, thread, signal) };
        }
        1e6 * began.elapsed().as_secs_f64() / f64::from(times)
    };
    let (with, without) = (each(libc::SIGPROF), each(0));
    drop(profiler);
    println!(
        "a signal that a thread sends itself: {with:.2} µs, of which the system call {without:.2} µs; a hundred a second: {:.4} % (bar: 0.1)",
        with / 100.0
    );
}

fn cost(monitor: &Monitor, rounds: usize) {
    println!("pauses of a thread that works, in parts of a second (median of {rounds} rounds)");
    let mut all: [Vec<f64>; 3] = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (place, hertz) in [None, Some(99), Some(250)].into_iter().enumerate() {
            let profiler = hertz.map(|hertz| start(monitor, hertz));
            all[place].push(pauses(Duration::from_secs(1)));
            drop(profiler);
        }
    }
    let [without, at_99, at_250] = all.map(|mut shares| {
        shares.sort_by(f64::total_cmp);
        shares[shares.len() / 2]
    });
    println!("  without            {:8.4} %", 100.0 * without);
    for (hertz, with) in [(99, at_99), (250, at_250)] {
        let more = with - without;
        let each = more / f64::from(hertz);
        println!(
            "  at {hertz:3} Hz          {:8.4} %   the profiler {:.4} % (bar at 100 Hz: 0.1), {:.2} µs a sample",
            100.0 * with,
            100.0 * more,
            1e6 * each
        );
    }
}

fn start(monitor: &Monitor, hertz: u32) -> Profiler {
    Profiler::builder().frequency(hertz).start(monitor).expect("nobody else has the signal")
}

/// The share of a time in which this thread, which works inside a call, did not have the processor.
#[monitor("pauses")]
fn pauses(time: Duration) -> f64 {
    let began = Instant::now();
    let (mut last, mut paused) = (began, Duration::ZERO);
    while last - began < time {
        let now = Instant::now();
        let gap = now - last;
        if gap > PAUSES.0 && gap < PAUSES.1 {
            paused += gap;
        }
        last = now;
    }
    paused.as_secs_f64() / (last - began).as_secs_f64()
}

#[monitor("one")]
fn one(time: Duration) -> Duration {
    burn(time)
}

#[monitor("three")]
fn three(time: Duration) -> Duration {
    burn(3 * time)
}

fn shares(monitor: &Monitor, hertz: u32, time: Duration) {
    monitor.reset();
    let profiler = start(monitor, hertz);
    let (mut random, mut burnt) = (Random(u64::from(hertz)), [Duration::ZERO; 2]);
    while burnt.iter().sum::<Duration>() < time {
        let piece = Duration::from_micros(50 * random.up_to(40));
        burnt[0] += one(piece);
        burnt[1] += three(piece);
    }
    // Samples are in a window from the next tick on.
    std::thread::sleep(Duration::from_millis(1_500));
    drop(profiler);
    let summary = monitor.summary(Window::LastMinute);
    let [one, three] = ["one", "three"].map(|name| {
        summary
            .find(Kind::Operation, &[name])
            .and_then(|series| series.sampled_cpu)
            .map_or((0.0, 0.0), |cpu| (cpu.seconds, cpu.standard_error))
    });
    let seconds = burnt.map(|time| time.as_secs_f64());
    let [told, truth] = [three.0 / (one.0 + three.0), seconds[1] / (seconds[0] + seconds[1])];
    println!("two functions for {} s of processor time, at {hertz} Hz", time.as_secs());
    for (name, (told, error), truth) in [("one", one, seconds[0]), ("three", three, seconds[1])] {
        println!("  {name:5} {told:7.3} s ± {error:.3} s, burnt {truth:7.3} s");
    }
    println!(
        "  share of the second {:.2} %, burnt {:.2} %: off by {:.2} points (bar: 5)",
        100.0 * told,
        100.0 * truth,
        100.0 * (told - truth).abs()
    );
}
