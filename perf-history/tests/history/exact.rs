//! The life of one process alone, where others lived within the same steps.

use super::{Life, SECOND, total};
use perf_runtime::series::TimeRange;
use perf_runtime::test_util::ManualClock;
use std::time::Duration;

/// The lives that are known: the last one goes on, and ends now.
fn lives(life: &Life) -> Vec<TimeRange> {
    life.history.flush(super::LONG);
    let boots = life.history.view().overview().boots;
    boots.iter().map(|boot| TimeRange::between(boot.started.unwrap(), boot.ended.unwrap()).unwrap()).collect()
}

#[test]
fn a_life_is_told_without_those_beside_it_in_the_same_step() {
    let seconds = [130_u64, 40, 3, 0, 95];
    for pause in [Duration::from_millis(200), Duration::from_secs(2), Duration::from_secs(50)] {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let mut last = None;
        for (life, length) in seconds.iter().enumerate() {
            last.take().into_iter().for_each(Life::end);
            clock.advance(pause);
            let begun = Life::begin(folder.path());
            (0..*length).for_each(|_| begun.second(&clock, life as u64 + 1));
            // One ends within half a second.
            if *length == 0 {
                begun.after(&clock, Duration::from_millis(250), 7);
            }
            last = Some(begun);
        }
        let life = last.unwrap();
        let lives = lives(&life);
        assert_eq!(lives.len(), seconds.len());
        for step in [5, 60, 300, 3_600].map(Duration::from_secs) {
            for (number, (range, length)) in lives.iter().zip(seconds).enumerate() {
                let tracks = life.calls(range.with_step(step).exactly());
                let calls = if length == 0 { 7 } else { length * (number as u64 + 1) };
                assert_eq!(total(&tracks), calls, "life {number}, {step:?}, {pause:?}");
                let covered = tracks.series[0].whole.covered;
                let known = range.duration().as_secs_f64();
                assert!((covered - known).abs() < 1e-6, "life {number}: {covered} of {known}, {step:?}, {pause:?}");
                assert!(tracks.start <= range.start(), "whole steps are shown");
            }
        }
        // Other ranges are answered in whole steps, and say so by where these begin.
        let whole = life.calls(lives[1].with_step(Duration::from_secs(3_600)));
        assert!(total(&whole) >= 40 * 2 + 3 * 3 && whole.start < lives[1].start());
        // No moment is covered twice, where memory takes over from the file either.
        for step in [5, 60].map(Duration::from_secs) {
            let tracks = life.calls(TimeRange::last(Duration::from_secs(600)).with_step(step));
            let most = tracks.series[0].points.iter().map(|point| point.covered).fold(0.0, f64::max);
            assert!(most <= step.as_secs_f64() + 1e-6, "{most} of {step:?}, {pause:?}");
        }
        assert!(life.history.status().damaged == 0 && lives[0].duration() >= 129 * SECOND);
    }
}
