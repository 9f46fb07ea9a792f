//! The writer's cost: its share of a core, memory, and how many samples it takes in.

use crate::life::{HOUR, LONG, Life, duration, uniform};
use perf_runtime::collect::{DeltaSeries, DeltaSink, DeltaSlice};
use perf_runtime::{Monitor, Outcome};
use std::process::Command;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const SERIES: usize = 1_000;
const HOURS: u64 = 3;

/// 1,000 functions that are called each second, for some hours; with a history and without, in a process each.
pub(crate) fn of_thousand_series() {
    let of = |with: &str| {
        let child = Command::new(env::current_exe().expect("this program")).args(["cost-child", with]).output();
        let text = String::from_utf8(child.expect("a child").stdout).expect("a text");
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        (numbers[0], numbers[1])
    };
    let ((with_bytes, cpu), (without_bytes, _)) = (of("with"), of("without"));
    let lived = (HOURS * 3_600) as f64;
    println!("the writer's share of a core with {SERIES} busy series: {:.3} %", cpu / lived * 100.0);
    println!(
        "memory at its most: {:.1} MiB with, {:.1} without",
        with_bytes / 1_048_576.0,
        without_bytes / 1_048_576.0
    );
}

pub(crate) fn child(arguments: &[String]) {
    let with = arguments.first().is_some_and(|with| with == "with");
    let life = Life::begin(|settings| {
        settings.enabled = with;
        settings.commit_every.0 = Duration::from_secs(5);
    });
    let operations: Vec<_> = (0..SERIES).map(|place| life.monitor.operation(format!("o{place}").as_str())).collect();
    let mut noise = 7_u64;
    for _ in 0..HOURS * 3_600 {
        operations.iter().for_each(|operation| operation.record(duration(&mut noise), Outcome::Ok));
        life.tick(Duration::from_secs(1));
    }
    life.history.flush(LONG);
    println!("{} {}", most_bytes(), cpu_of("perf-history"));
}

/// The ticks of a monitor with 1,000 busy series and a history beside those of one without, one after the other and each first in turn.
pub(crate) fn ticks() {
    let life = Life::begin(|settings| settings.commit_every.0 = Duration::from_secs(5));
    let without = Monitor::builder().build().expect("a monitor");
    let sides = [&life.monitor, &without].map(|monitor| {
        let operation = |place: usize| monitor.operation(format!("o{place}").as_str());
        (monitor, (0..SERIES).map(operation).collect::<Vec<_>>())
    });
    let (mut noise, mut times) = (7_u64, [Vec::new(), Vec::new()]);
    for round in 0..usize::try_from(HOURS * 3_600).expect("a number") {
        for (_, operations) in &sides {
            operations.iter().for_each(|operation| operation.record(duration(&mut noise), Outcome::Ok));
        }
        life.clock.advance(Duration::from_secs(1));
        for side in [round % 2, 1 - round % 2] {
            let start = Instant::now();
            sides[side].0.tick();
            times[side].push(start.elapsed().as_secs_f64() * 1e6);
        }
        life.history.catch_up(LONG);
    }
    let [with, without] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        (times[times.len() / 2], times[times.len() * 99 / 100])
    });
    println!("a tick with {SERIES} busy series, the median: {:.0} us with a history, {:.0} without", with.0, without.0);
    println!("the 99th percentile: {:.0} us with a history, {:.0} without", with.1, without.1);
    println!("with a history by without: {:.3}, {:.3} of the 99th percentiles", with.0 / without.0, with.1 / without.1);
}

/// 1,000 gauges that have a new value every five seconds, for three hours.
pub(crate) fn ingest() {
    let life = Life::begin(|_| ());
    let gauges: Vec<_> =
        (0..SERIES).map(|place| life.monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    let mut noise = 7_u64;
    let rows = HOURS * 720;
    // To read the monitor is a part of the writer's work that is not the history's: it is measured beside it.
    let mut cursor = life.monitor.cursor();
    let (ask, asked) = sync_channel(0);
    let read = move || {
        while asked.recv().is_ok() {
            cursor.read(&mut Nothing);
        }
    };
    let reader = thread::Builder::new().name("reader".to_owned()).spawn(read).expect("a thread");
    let before = cpu_of("perf-history");
    let start = Instant::now();
    for _ in 0..rows {
        gauges.iter().for_each(|gauge| gauge.set((uniform(&mut noise) * 1e4).round() / 100.0));
        life.tick(Duration::from_secs(5));
        ask.send(()).expect("it reads");
    }
    life.tick(2 * HOUR);
    life.history.flush(LONG);
    let samples = (rows as usize * SERIES) as f64;
    let (cpu, reading) = (cpu_of("perf-history") - before, cpu_of("reader"));
    drop(ask);
    reader.join().expect("it ends");
    println!("samples a second into sealed chunks: {:.0} by the writer's time on a core", samples / (cpu - reading));
    println!("samples a second with the time that it reads the monitor: {:.0}", samples / cpu);
    println!("samples a second with all that the monitor does: {:.0}", samples / start.elapsed().as_secs_f64());
}

/// The most memory that this process ever had, in bytes.
fn most_bytes() -> f64 {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.split_whitespace().next().and_then(|number| number.parse::<f64>().ok()).unwrap_or_default() * 1_024.0
}

struct Nothing;

impl DeltaSink for Nothing {
    fn slice(&mut self, _: &DeltaSeries<'_>, _: &DeltaSlice<'_>) {}
}

/// The seconds that threads of this name ran.
pub(crate) fn cpu_of(name: &str) -> f64 {
    let tasks = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let of = |folder: std::path::PathBuf| {
        let read = |file: &str| fs::read_to_string(folder.join(file)).unwrap_or_default();
        // Nanoseconds, before those that it waited.
        let ran = read("schedstat").split_whitespace().next().and_then(|nanos| nanos.parse::<f64>().ok());
        if read("comm").trim() == name { ran.unwrap_or_default() / 1e9 } else { 0.0 }
    };
    tasks.map(|task| of(task.path())).sum()
}
