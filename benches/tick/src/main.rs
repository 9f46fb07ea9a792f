//! The cost of the monitor's own thread: processor time of a tick over 1,000 series that were called since the last one,
//! judged by the standard rules; and what sampling everything each second costs.

mod sampling;

use crowd::{Crowd, Observation, Ours, Wait};
use kit::cores::pin;
use kit::cost::thread_time;
use kit::stats::Spread;
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use std::hint::black_box;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

const USAGE: &str = "\
usage: tick [--quick]
  --quick  a tenth of the ticks: to see that it works, not to quote";

const SERIES: usize = 1_000;
/// Calls of each series between two ticks, from each thread that calls.
const CALLS: usize = 20;
/// Of five minutes: each ring has turned.
const TICKS: usize = 300;
/// Calls take so much less than [`Observation::FEW`] says, for they all move the one clock: less than a second between
/// two ticks, and in different buckets still.
const SHORTER: u32 = 1_000;
/// So many ticks before the first that counts: the minute of seconds is full then.
const WARM_UP: usize = 65;
/// The most that the ticks of a second may take of it.
const BAR: f64 = 0.5;
/// So long, once with nothing sampled and once with everything.
const SAMPLED_SECONDS: u32 = 60;
/// More than a cache holds.
const EVICTED_BYTES: usize = 64 << 20;

fn main() -> ExitCode {
    let divisor = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 1,
        [only] if only == "--quick" => 10,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let ticks = TICKS / divisor;
    // Before the clock is taken in hand.
    sampling::run(SAMPLED_SECONDS / divisor as u32);
    println!();
    // For the rest of the process: the calls refer to it.
    let clock: &'static ManualClock = Box::leak(Box::new(ManualClock::hold()));
    let monitor = Monitor::builder().build().expect("no setting is wrong");
    let wait: Box<Wait> = Box::new(|duration| clock.advance(duration / SHORTER));
    let ours = Ours::new(monitor, SERIES, wait);
    pin(1);
    println!(
        "| {SERIES} series, {CALLS} calls of each between ticks | min µs | median µs | p10–p90 | mean µs | of one core, % |\n\
         |---|--:|--:|--:|--:|--:|"
    );
    let well = Load { threads: 1, fails: false, evicts: false };
    for (name, load) in [
        ("idle: nothing called", Load { threads: 0, ..well }),
        ("busy, called from 1 thread", well),
        ("busy, called from 4 threads", Load { threads: 4, ..well }),
        ("busy, called from 4 threads, caches cold", Load { threads: 4, evicts: true, ..well }),
        ("the same, and an alert fires on each series", Load { threads: 4, evicts: true, fails: true }),
    ] {
        let micros = run(&ours, clock, ticks, load);
        let mean = micros.iter().sum::<f64>() / micros.len() as f64;
        let Spread { min, p10, median, p90, .. } = Spread::of(micros);
        // One tick a second.
        let share = mean / 1e6 * 100.0;
        println!("| {name} | {min:.0} | {median:.0} | {p10:.0}–{p90:.0} | {mean:.0} | {share:.3} (at most {BAR}) |");
    }
    ExitCode::SUCCESS
}

/// The load between two ticks.
#[derive(Clone, Copy)]
struct Load {
    /// How many threads call every series.
    threads: usize,
    /// Whether one call in four fails.
    fails: bool,
    /// Whether the caches are filled with something else.
    evicts: bool,
}

/// Microseconds of processor time of each tick.
fn run(ours: &Ours, clock: &ManualClock, ticks: usize, load: Load) -> Vec<f64> {
    let mut evicted = vec![0_u8; if load.evicts { EVICTED_BYTES } else { 0 }];
    let mut micros = Vec::with_capacity(ticks);
    let mut last = ours.monitor().uptime();
    let warm_up = if load.threads == 0 { 0 } else { WARM_UP };
    for _ in 0..warm_up + ticks {
        thread::scope(|scope| {
            for _ in 0..load.threads {
                scope.spawn(|| call_all(ours, load.fails));
            }
        });
        last += Duration::from_secs(1);
        clock.advance(last.saturating_sub(ours.monitor().uptime()));
        evicted.iter_mut().step_by(64).for_each(|byte| *byte = byte.wrapping_add(1));
        black_box(&evicted);
        let before = thread_time();
        ours.monitor().tick();
        micros.push(thread_time().saturating_sub(before).as_secs_f64() * 1e6);
    }
    micros.split_off(warm_up)
}

fn call_all(ours: &Ours, fails: bool) {
    for call in 0..CALLS {
        let observation = Observation::FEW[call % Observation::FEW.len()];
        for series in 0..ours.series() {
            ours.touch(series, Observation { failed: observation.failed && fails, ..observation });
        }
    }
}
