//! Every call of several lives is told once, whatever steps, tiers and hours lie between them.

use super::{LONG, Life, MOMENT, SECOND, total};
use perf_runtime::series::TimeRange;
use perf_runtime::test_util::ManualClock;
use proptest::prelude::*;
use std::time::{Duration, SystemTime};

/// Totals over a range, and the calls that ended in it, over lives, gaps and tiers. All begins so many milliseconds after a full
/// hour.
fn told_and_expected(lives: &[(u64, u64, u64)], begin: u64, step: Option<u64>, phase: u64) -> (u64, u64) {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    clock.set_time_of_day(SystemTime::UNIX_EPOCH + Duration::from_secs(490_000 * 3_600) + Duration::from_millis(phase));
    let origin = TimeRange::last(SECOND).end();
    let mut elapsed = Duration::ZERO;
    let mut ends = Vec::new();
    let mut last: Option<Life> = None;
    for &(seconds, every, away) in lives {
        last.take().into_iter().for_each(Life::end);
        clock.advance(Duration::from_secs(away));
        elapsed += Duration::from_secs(away) + MOMENT;
        let life = Life::kept(folder.path(), |settings| {
            settings.keep_5s.0 = Duration::from_secs(2 * 3_600);
            settings.keep_1m.0 = Duration::from_secs(3 * 3_600);
            settings.commit_every.0 = 60 * SECOND;
        });
        // One right after the begin.
        life.after(&clock, MOMENT, 1);
        ends.push(origin + elapsed);
        for second in 0..seconds {
            let called = second % every == 0;
            life.second(&clock, u64::from(called));
            elapsed += SECOND;
            if called {
                ends.push(origin + elapsed);
            }
            // A reader that comes late is given what memory holds by the minute alone.
            if second % 40 == 39 {
                life.history.catch_up(LONG);
            }
        }
        last = Some(life);
    }
    let life = last.unwrap();
    life.history.flush(LONG);
    let range = TimeRange::last(Duration::from_secs(begin));
    let range = step.map_or(range, |step| range.with_step(Duration::from_secs(step)));
    let tracks = life.calls(range);
    let late = Duration::from_millis(500);
    let expected = ends.iter().filter(|end| **end - late >= tracks.start).count() as u64;
    assert_eq!(life.history.status().damaged, 0);
    (total(&tracks), expected)
}

#[test]
fn hours_that_lives_share_are_told_once() {
    let lives = [(658, 8, 1_912), (3_316, 2, 179), (2_212, 8, 7_438), (926, 12, 1_640)];
    let (told, expected) = told_and_expected(&lives, 34_075, Some(788), 350);
    assert_eq!(told, expected);
}

/// The first step begins before the range, where the steps of 5 s are forgotten already and those of a minute are not.
#[test]
fn a_first_step_that_begins_in_an_older_tier_is_whole() {
    for (lives, begin, step, phase) in [
        (&[(2_634, 1, 2_337), (610, 1, 6_107)][..], 3_226, 3_976, 3_157_001),
        (&[(381, 1, 429), (733, 1, 8_295), (2_310, 1, 4_159)], 6_471, 811, 2_168_001),
    ] {
        let (told, expected) = told_and_expected(lives, begin, Some(step), phase);
        assert_eq!(told, expected, "{phase}");
    }
}

/// Calls right after the begin, in the first half second of a step, are of the step before, like all that ends a moment after a step. The
/// file has them, and memory as well.
#[test]
fn calls_right_after_the_begin_are_told_once() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    clock.set_time_of_day(
        SystemTime::UNIX_EPOCH + Duration::from_secs(490_000 * 3_600) + Duration::from_millis(13_200) + MOMENT,
    );
    for lives in 1..4 {
        clock.advance(Duration::from_millis(46_997));
        let life = Life::begin(folder.path());
        life.after(&clock, MOMENT, 1);
        for second in 1..14 {
            let tracks = life.calls(TimeRange::last(Duration::from_secs(600)));
            assert_eq!(total(&tracks), lives, "after {second} s of the last");
            life.second(&clock, 0);
            life.history.flush(LONG);
        }
        let minutes = TimeRange::last(Duration::from_secs(600)).with_step(Duration::from_secs(60));
        assert_eq!(total(&life.calls(minutes)), lives);
        life.end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Totals over any range equal the calls that ended in it, over lives, gaps and tiers.
    #[test]
    fn every_call_is_told_once(
        lives in prop::collection::vec((1_u64..4_000, 1_u64..20, 1_u64..9_000), 1..5),
        begin in 1_u64..40_000,
        step in prop::option::of(prop_oneof![1_u64..4_000, Just(60), Just(3_600), Just(7_200)]),
        phase in 0_u64..3_600_000,
    ) {
        let (told, expected) = told_and_expected(&lives, begin, step, phase);
        prop_assert_eq!(told, expected);
    }
}
