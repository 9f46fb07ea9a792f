//! Percentiles of spread durations: those of the file are those of the durations themselves, to the width of a bucket.

use super::{LONG, Life, SECOND};
use perf_runtime::Outcome;
use perf_runtime::series::{SeriesPoint, TimeRange};
use perf_runtime::test_util::ManualClock;
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3_600);
/// A bucket is at most so wide, as a share of its durations.
const WIDTH: f64 = 0.0625;

/// Durations of seven orders of magnitude, most of them around 20 ms: the same ones each time.
struct Durations(u64);

impl Durations {
    fn uniform(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    fn next(&mut self) -> Duration {
        // By Box and Muller.
        let normal = (-2.0 * self.uniform().ln()).sqrt() * (std::f64::consts::TAU * self.uniform()).cos();
        Duration::from_secs_f64(0.02 * (1.5 * normal).exp())
    }
}

/// The calls of a step and when they ended.
type Calls = Vec<(SystemTime, Duration)>;

/// Holds a point against the durations of its calls, sorted.
fn compare(point: &SeriesPoint, durations: &mut [Duration], what: &str) {
    durations.sort_unstable();
    assert_eq!(point.count, Some(durations.len() as u64), "{what}");
    let sum: f64 = durations.iter().map(Duration::as_secs_f64).sum();
    assert!((point.sum.unwrap() / sum - 1.0).abs() < 1e-6, "{what}: {:?} of {sum}", point.sum);
    let figures = [(50, point.p50), (90, point.p90), (95, point.p95), (99, point.p99), (100, point.max)];
    for (percent, told) in figures {
        // So many of them took no longer.
        let place = (percent * durations.len()).div_ceil(100).max(1) - 1;
        let (told, raw) = (told.unwrap(), durations[place].as_secs_f64());
        assert!(
            (told / raw - 1.0).abs() <= WIDTH,
            "{what}: {told} in place of {raw}, {percent} % of {}",
            durations.len()
        );
    }
}

/// Compares all steps of a range, and the whole of it.
fn compare_range(life: &Life, calls: &Calls, (from, to): (SystemTime, SystemTime), step: u64) {
    let range = TimeRange::between(from, to).unwrap().with_step(Duration::from_secs(step));
    let tracks = life.calls(range);
    assert_eq!((Duration::from_secs_f64(tracks.step), tracks.start), (Duration::from_secs(step), from));
    let late = Duration::from_millis(500);
    let within = |from: SystemTime, to: SystemTime| {
        let within = calls.iter().filter(|(ended, _)| (from..to).contains(&(*ended - late)));
        within.map(|(_, duration)| *duration).collect::<Vec<_>>()
    };
    let track = tracks.series.iter().find(|track| track.whole.count > Some(0)).unwrap();
    let mut busy = 0;
    for point in &track.points {
        let mut durations = within(point.start, point.start + Duration::from_secs(step));
        if durations.is_empty() {
            assert_eq!(point.count.unwrap_or_default(), 0);
        } else {
            compare(point, &mut durations, &format!("steps of {step} s, that at {:?}", point.start));
            busy += 1;
        }
    }
    assert!(busy > 1, "{busy} steps of {step} s");
    compare(&track.whole, &mut within(from, to), &format!("all steps of {step} s"));
}

#[test]
fn percentiles_are_those_of_the_durations_in_each_tier_and_over_a_restart() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let keep = |settings: &mut perf_history::Settings| {
        settings.keep_5s.0 = 4 * HOUR;
        settings.keep_1m.0 = 24 * HOUR;
    };
    let now = || TimeRange::last(SECOND).end();
    let (mut durations, mut calls) = (Durations(7), Calls::new());
    let begun = now();
    let mut work = |life: &Life, seconds: u64| {
        for second in 0..seconds {
            for _ in 0..second % 7 * 3 {
                let duration = durations.next();
                // The outcome of a call is nothing to its percentiles.
                let outcome = if duration.subsec_nanos() % 9 == 0 { Outcome::Error } else { Outcome::Ok };
                life.monitor.operation("search").record(duration, outcome);
                calls.push((now() + SECOND, duration));
            }
            clock.advance(SECOND);
            life.monitor.tick();
            life.history.catch_up(LONG);
        }
        calls.clone()
    };
    let life = Life::kept(folder.path(), keep);
    work(&life, 1_500);
    life.end();
    clock.advance(7 * SECOND);
    let life = Life::kept(folder.path(), keep);
    let calls = work(&life, 2_700);
    // Memory and the file, then the file alone, in steps of each of its tiers.
    let range = (begun, begun + 2 * HOUR);
    compare_range(&life, &calls, (begun, begun + HOUR + 10 * Duration::from_secs(60)), 60);
    life.history.flush(LONG);
    clock.advance(HOUR + HOUR / 4);
    life.monitor.tick();
    life.history.flush(LONG);
    for step in [5, 60, 600] {
        compare_range(&life, &calls, (begun, begun + HOUR), step);
    }
    for (away, steps) in [(6, &[60, 300, 3_600][..]), (40, &[3_600][..])] {
        clock.advance(away * HOUR);
        life.monitor.tick();
        life.history.flush(LONG);
        for step in steps {
            compare_range(&life, &calls, range, *step);
        }
    }
    life.end();
}
