//! An hour of calls against Prometheus: the same figures, scraped every five seconds.

use crate::life::{DAY, Life, duration};
use crate::scraper::bytes_in;
use perf_runtime::series::TimeRange;
use perf_runtime::{Operation, Outcome};
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

pub(crate) const SERIES: usize = 50;

/// Functions that are called five times a second each, with a history.
pub(crate) struct Functions {
    life: Life,
    operations: Vec<Operation>,
    noise: u64,
}

impl Functions {
    pub(crate) fn begin() -> Self {
        let life = Life::begin(|settings| (settings.keep_5s.0, settings.keep_1m.0) = (60 * DAY, 60 * DAY));
        let operations = (0..SERIES).map(|place| life.monitor.operation(format!("o{place}").as_str())).collect();
        Self { life, operations, noise: 7 }
    }

    /// Lives for five seconds. Gives the lines that are scraped then, and how many they are.
    pub(crate) fn step(&mut self) -> (String, u64) {
        for operation in &self.operations {
            for _ in 0..25 {
                let outcome = if self.noise.is_multiple_of(50) { Outcome::Error } else { Outcome::Ok };
                operation.record(duration(&mut self.noise), outcome);
            }
        }
        self.life.tick(Duration::from_secs(5));
        // Counters and histograms: calls in flight are a gauge, which the history has not.
        let rendered = self.life.monitor.render_prometheus();
        let lines =
            rendered.lines().filter(|line| line.starts_with("operation") && !line.starts_with("operations_in_flight"));
        lines.fold((String::new(), 0), |(text, count), line| (text + line + "\n", count + 1))
    }

    pub(crate) fn bytes_when_compact(&self) -> u64 {
        self.life.bytes_when_compact()
    }
}

/// Writes what a Prometheus would have scraped, with the time of each scrape, has `promtool` make a block of it, and compares. The
/// folder keeps both.
pub(crate) fn compare(arguments: &[String]) {
    let folder = Path::new(arguments.first().expect("a folder"));
    fs::create_dir_all(folder).expect("a folder");
    // One after the other: they share a clock.
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let mut functions = Functions::begin();
    let (mut text, mut scraped) = (String::new(), 0);
    for _ in 0..720 {
        let (lines, samples) = functions.step();
        scraped += samples;
        let now = TimeRange::last(Duration::from_secs(1)).end().duration_since(UNIX_EPOCH).expect("a time");
        for line in lines.lines() {
            let _ = writeln!(text, "{line} {}", now.as_secs_f64());
        }
    }
    text.push_str("# EOF\n");
    let (scrapes, blocks) = (folder.join("scrapes.txt"), folder.join("blocks"));
    fs::write(&scrapes, text).expect("room");
    let _ = fs::remove_dir_all(&blocks);
    let made = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .arg(&scrapes)
        .arg(&blocks)
        .output();
    let made = made.expect("promtool");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    println!("720 scrapes, five seconds each; the blocks that promtool makes of them:");
    println!("{SERIES} functions, {scraped} samples");
    tell(functions.bytes_when_compact(), empty, bytes_in(&blocks));
}

/// Tells how many times smaller the file is than their blocks.
pub(crate) fn tell(ours: u64, empty: u64, theirs: u64) {
    println!("bytes: ours {ours} ({empty} of an empty file), theirs {theirs}");
    println!(
        "times smaller: {:.1}; without the empty file {:.1}",
        theirs as f64 / ours as f64,
        theirs as f64 / (ours - empty) as f64
    );
}
