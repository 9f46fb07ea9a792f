//! The time to read 30 days back.

use crate::cost::cpu_of;
use crate::life::{DAY, LONG, Life, duration};
use perf_history::Fsync;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::{Kind, Outcome};
use std::time::{Duration, Instant, SystemTime};

const SERIES: usize = 50;
/// The name of the thread that reads.
const OWN: &str = "history";

/// 30 days of functions, each called 30 times a minute, in steps of a minute.
fn live_for_a_month(life: &Life, series: usize) {
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
}

fn series(wanted: Option<&String>) -> usize {
    wanted.map_or(SERIES, |series| series.parse().expect("a number of series"))
}

/// Fills a folder with a history of the last 30 days, for whoever looks at it then.
pub(crate) fn fill(arguments: &[String]) {
    let folder = arguments.first().expect("a folder");
    let life = Life::begin(|settings| (settings.fsync, settings.path) = (Fsync::Never, Some(folder.into())));
    life.clock.set_time_of_day(SystemTime::now() - 30 * DAY);
    live_for_a_month(&life, series(arguments.get(1)));
}

/// Reads 30 days back, of one series and of all.
pub(crate) fn run(arguments: &[String]) {
    let life = Life::begin(|settings| settings.fsync = Fsync::Never);
    live_for_a_month(&life, series(arguments.first()));
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
        let (mut times, mut cpu) = (Vec::new(), f64::INFINITY);
        let mut counted = (0, 0);
        for _ in 0..10 {
            let (start, before) = (Instant::now(), cpu_of(OWN));
            let tracks = life.monitor.tracks(selector, range);
            times.push(start.elapsed().as_secs_f64() * 1e3);
            cpu = cpu.min((cpu_of(OWN) - before) * 1e3);
            let points = || tracks.series.iter().flat_map(|track| &track.points);
            counted = (points().count(), points().filter_map(|point| point.count).sum::<u64>());
        }
        let first = times[0];
        times.sort_by(f64::total_cmp);
        println!(
            "{what}: {:.1} ms warm (the first {first:.1}), {cpu:.1} ms on the core; {} points, {} calls",
            times[0], counted.0, counted.1
        );
    }
}
