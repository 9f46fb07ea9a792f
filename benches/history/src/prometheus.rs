//! An hour of calls against Prometheus: the same figures, scraped every five seconds.

use crate::life::{DAY, Life, duration};
use perf_runtime::Outcome;
use perf_runtime::series::TimeRange;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, UNIX_EPOCH};

const SERIES: usize = 50;

/// Writes what a Prometheus would have scraped, with the time of each scrape, has `promtool` make a block of it, and compares. The
/// folder keeps both.
pub(crate) fn compare(arguments: &[String]) {
    let folder = Path::new(arguments.first().expect("a folder"));
    fs::create_dir_all(folder).expect("a folder");
    // One after the other: they share a clock.
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let life = Life::begin(|settings| settings.keep_5s.0 = 60 * DAY);
    let operations: Vec<_> = (0..SERIES).map(|place| life.monitor.operation(format!("o{place}").as_str())).collect();
    let (mut noise, mut text, mut scraped) = (7_u64, String::new(), 0_u64);
    for _ in 0..720 {
        for operation in &operations {
            for _ in 0..25 {
                let outcome = if noise.is_multiple_of(50) { Outcome::Error } else { Outcome::Ok };
                operation.record(duration(&mut noise), outcome);
            }
        }
        life.tick(Duration::from_secs(5));
        let now = TimeRange::last(Duration::from_secs(1)).end().duration_since(UNIX_EPOCH).expect("a time");
        // Counters and histograms: calls in flight are a gauge, which the history has not.
        let rendered = life.monitor.render_openmetrics();
        for line in rendered.lines().filter(|line| line.starts_with("operation")) {
            if !line.starts_with("operations_in_flight") && !line.contains("_created") {
                let _ = writeln!(text, "{line} {}", now.as_secs_f64());
                scraped += 1;
            }
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
    let ours = life.bytes_when_compact();
    let theirs = bytes_in(&blocks);
    println!("{SERIES} functions, 720 scrapes, {scraped} samples");
    println!("bytes: ours {ours} ({empty} of an empty file), blocks {theirs}");
    println!(
        "times smaller: {:.1}; without the empty file {:.1}",
        theirs as f64 / ours as f64,
        theirs as f64 / (ours - empty) as f64
    );
}

fn bytes_in(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let of = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_in(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(of).sum()
}
