//! Bytes on the disk.

use crate::life::{DAY, Life, duration, uniform};
use perf_runtime::Outcome;
use perf_runtime::series::{Selector, TimeRange};
use std::fs;
use std::time::{Duration, Instant};

/// Bytes a sample of gauges. All of them stay in steps of five seconds, and in the longer ones.
pub(crate) fn of_gauges(arguments: &[String]) {
    let mut wanted = 0;
    let mut columns: Vec<Vec<f64>> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--samples" => wanted = rest.next().and_then(|number| number.parse().ok()).expect("a number"),
            path => columns.extend(columns_of(path)),
        }
    }
    if columns.is_empty() {
        columns = (0..50).map(walk).collect();
    }
    let length = columns.iter().map(Vec::len).max().unwrap_or_default();
    let rows = length.max(wanted / columns.len());
    // One after the other: they share a clock.
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let life = Life::begin(|settings| {
        settings.keep_5s.0 = 60 * DAY;
        settings.keep_1m.0 = 60 * DAY;
    });
    let gauges: Vec<_> =
        (0..columns.len()).map(|place| life.monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    let (begun, mut writing, mut samples) = (TimeRange::last(Duration::from_secs(1)).end(), Duration::ZERO, 0_usize);
    for row in 0..rows {
        for (gauge, column) in gauges.iter().zip(&columns) {
            // Of shorter columns, each once; of one that is played again, what comes next.
            let value = if wanted == 0 { column.get(row) } else { column.get(row % column.len()) };
            value.into_iter().for_each(|value| gauge.set(*value));
        }
        samples += gauges.len();
        let start = Instant::now();
        life.tick(Duration::from_secs(5));
        writing += start.elapsed();
    }
    let used = life.history.status().bytes;
    let end = TimeRange::last(Duration::from_secs(1)).end();
    let bytes = life.bytes_when_compact();
    let tracks = life.monitor.tracks(&Selector::metric("gauge_0"), TimeRange::between(begun, end).expect("a range"));
    let read: f64 = tracks.metrics.iter().flat_map(|track| &track.points).filter_map(|point| point.count).sum();
    println!("{} series, {samples} samples; {read} readings of the first read back", columns.len());
    println!("bytes: {bytes} ({used} before it is compact), of an empty history {empty}");
    println!(
        "bytes a sample: {:.3}, of the whole file {:.3}",
        (bytes - empty) as f64 / samples as f64,
        bytes as f64 / samples as f64
    );
    println!("samples a second, with the monitor's ticks: {:.0}", samples as f64 / writing.as_secs_f64());
}

/// Bytes a minute of a function that is called five times a second, in steps of a minute and of an hour: those of five seconds are
/// kept for two days, and told apart.
pub(crate) fn of_calls() {
    let of = |hours: u64| {
        let life = Life::begin(|settings| settings.keep_5s.0 = Duration::from_secs(2 * 3_600));
        let mut noise = 7_u64;
        for _ in 0..hours * 720 {
            (0..25).for_each(|_| life.monitor.operation("search").record(duration(&mut noise), Outcome::Ok));
            life.tick(Duration::from_secs(5));
        }
        life.bytes_when_compact()
    };
    let [short, long] = [10, 58].map(of);
    println!("bytes of 10 hours: {short}, of 58: {long}");
    let in_minutes = (long.saturating_sub(short)) as f64 / (48.0 * 60.0);
    println!("bytes a minute of a function called 5 times a second, beyond steps of 5 s: {in_minutes:.1}");
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let life = Life::begin(|settings| (settings.keep_5s.0, settings.keep_1m.0) = (60 * DAY, 60 * DAY));
    let mut noise = 7_u64;
    for _ in 0..24 * 720 {
        (0..25).for_each(|_| life.monitor.operation("search").record(duration(&mut noise), Outcome::Ok));
        life.tick(Duration::from_secs(5));
    }
    let all = (life.bytes_when_compact() - empty) as f64 / (24.0 * 60.0);
    println!("the same while steps of 5 s are kept, all tiers: {all:.1}");
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
