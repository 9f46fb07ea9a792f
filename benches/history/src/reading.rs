//! The time to read 30 days back.

use crate::life::{DAY, LONG, Life, duration};
use perf_history::Fsync;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::{Kind, Outcome};
use std::time::{Duration, Instant};

const SERIES: usize = 50;

/// 30 days of 50 functions, or as many as are asked for, each called 30 times a minute, in steps of a minute.
pub(crate) fn run(arguments: &[String]) {
    let series = arguments.first().map_or(SERIES, |series| series.parse().expect("a number of series"));
    let life = Life::begin(|settings| settings.fsync = Fsync::Never);
    let names: Vec<String> = (0..series).map(|place| format!("o{place}")).collect();
    let operations: Vec<_> = names.iter().map(|name| life.monitor.operation(name.as_str())).collect();
    let mut noise = 7_u64;
    for _ in 0..30 * 1_440 {
        for operation in &operations {
            (0..30).for_each(|_| operation.record(duration(&mut noise), Outcome::Ok));
        }
        life.tick(Duration::from_secs(60));
    }
    life.history.flush(LONG);
    let month = TimeRange::last(30 * DAY);
    // Of 44 minutes, so that they come from steps of a minute: some thousand points.
    let in_minutes = month.with_step(Duration::from_secs(44 * 60));
    let (one, all) = (Selector::kind(Kind::Operation).label("operation", "o0"), Selector::kind(Kind::Operation));
    for (what, selector, range) in [
        ("one series, in steps as by default", &one, month),
        ("one series, from steps of a minute", &one, in_minutes),
        ("all series, in steps as by default", &all, month),
        ("all series, from steps of a minute", &all, in_minutes),
    ] {
        let mut times = Vec::new();
        let mut counted = (0, 0);
        for _ in 0..10 {
            let start = Instant::now();
            let tracks = life.monitor.tracks(selector, range);
            times.push(start.elapsed().as_secs_f64() * 1e3);
            let points = || tracks.series.iter().flat_map(|track| &track.points);
            counted = (points().count(), points().filter_map(|point| point.count).sum::<u64>());
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        println!("{what}: {:.1} ms warm (the first {first:.1}); {} points, {} calls", times[0], counted.0, counted.1);
    }
}
