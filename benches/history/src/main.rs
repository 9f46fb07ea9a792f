//! The history's size on disk a sample, what it costs to write, and the time to read it back.
//!
//! `history CSV..` plays the columns of files as gauges, a row every five seconds. Without files it plays noise around a walk.
//! Beside them runs a function that is called five times a second.

use perf_history::{History, Settings};
use perf_runtime::series::{Selector, TimeRange, Tracks};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome};
use std::time::{Duration, Instant};
use std::{env, fs};

const LONG: Duration = Duration::from_secs(600);

fn main() {
    let columns: Vec<Vec<f64>> = env::args().skip(1).flat_map(|path| columns_of(&path)).collect();
    let columns = if columns.is_empty() { (0..50).map(walk).collect() } else { columns };
    let of =
        |with_gauges: bool, calls: u32| run(if with_gauges { &columns } else { &[] }, columns_rows(&columns), calls);
    let samples: usize = columns.iter().map(Vec::len).sum();
    let alone = of(false, 0);
    let gauges = of(true, 0);
    println!("{} series, {samples} samples", columns.len());
    println!("bytes of an empty history: {}, of the samples: {}", alone.bytes, gauges.bytes);
    println!("bytes a sample: {:.2}", (gauges.bytes - alone.bytes) as f64 / samples as f64);
    println!("samples a second: {:.0}", samples as f64 / gauges.writing.as_secs_f64());
    println!("read of everything: {:.1} ms", gauges.reading.as_secs_f64() * 1e3);
    let calls = of(false, 25);
    let minutes = columns_rows(&columns) as f64 / 12.0;
    println!(
        "bytes a minute of a function called 5 times a second: {:.1}",
        calls.bytes.saturating_sub(alone.bytes) as f64 / minutes
    );
    println!("read of {minutes:.0} minutes of it: {:.1} ms", calls.reading.as_secs_f64() * 1e3);
}

struct Ran {
    bytes: u64,
    writing: Duration,
    reading: Duration,
}

fn run(columns: &[Vec<f64>], rows: usize, calls: u32) -> Ran {
    let folder = tempfile::tempdir().expect("a folder");
    let clock = ManualClock::hold();
    let monitor = History::set_up(Monitor::builder()).build().expect("a monitor");
    let mut settings = Settings::default();
    settings.path = Some(folder.path().to_owned());
    settings.commit_every.0 = Duration::from_secs(300);
    let history = History::with_settings(&monitor, settings).expect("a history");
    let gauges: Vec<_> =
        (0..columns.len()).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    let mut noise = 7_u64;
    let begun = TimeRange::last(Duration::from_secs(1)).end();
    let mut writing = Duration::ZERO;
    for row in 0..rows {
        for (gauge, column) in gauges.iter().zip(columns) {
            column.get(row).into_iter().for_each(|value| gauge.set(*value));
        }
        for _ in 0..calls {
            // Around 20 ms, over some octaves.
            let spread = (0..4).map(|_| uniform(&mut noise)).sum::<f64>() - 2.0;
            let seconds = 0.02 * (1.2 * spread).exp();
            monitor.operation("search").record(Duration::from_secs_f64(seconds), Outcome::Ok);
        }
        clock.advance(Duration::from_secs(5));
        monitor.tick();
        let start = Instant::now();
        history.catch_up(LONG);
        writing += start.elapsed();
    }
    // Past the end of the last hour, so that everything is sealed.
    clock.advance(Duration::from_secs(2 * 3_600));
    monitor.tick();
    history.flush(LONG);
    let range = TimeRange::between(begun, TimeRange::last(Duration::from_secs(1)).end()).expect("a range");
    let selector = Selector::kind(Kind::Operation).or(Selector::metrics());
    let start = Instant::now();
    let tracks = monitor.tracks(&selector, range);
    let reading = start.elapsed();
    let read = tracks.metrics.iter().filter(|track| track.name.starts_with("gauge_")).flat_map(|track| &track.points);
    let read: f64 = read.filter_map(|point| point.count).sum();
    println!("{read} readings of gauges read back, {} calls", counted(&tracks));
    history.compact(LONG);
    let bytes = history.status().bytes;
    Ran { bytes, writing, reading }
}

fn counted(tracks: &Tracks) -> u64 {
    tracks.series.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum()
}

fn columns_rows(columns: &[Vec<f64>]) -> usize {
    columns.iter().map(Vec::len).max().unwrap_or_default()
}

/// The columns of a file that are numbers.
fn columns_of(path: &str) -> Vec<Vec<f64>> {
    let text = fs::read_to_string(path).expect("a file");
    let mut columns: Vec<Vec<f64>> = Vec::new();
    for line in text.lines().skip(1) {
        for (place, field) in line.split(',').enumerate() {
            if columns.len() <= place {
                columns.push(Vec::new());
            }
            columns[place].extend(field.trim().parse::<f64>());
        }
    }
    columns.retain(|column| column.len() > 100);
    columns
}

fn walk(seed: u64) -> Vec<f64> {
    let mut noise = seed * 2 + 1;
    let mut value = 100.0;
    let step = |_| {
        value += uniform(&mut noise) - 0.5;
        (value * 100.0_f64).round() / 100.0
    };
    (0..17_280).map(step).collect()
}

fn uniform(noise: &mut u64) -> f64 {
    *noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*noise >> 11) as f64 / (1_u64 << 53) as f64
}
