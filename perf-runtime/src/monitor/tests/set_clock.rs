//! Questions about times at which somebody set the clock.

use crate::extend::{ErrorSlice, LATE, LogPosition, LogSlice};
use crate::series::{Edge, Selector, SeriesId, TimeRange};
use crate::test_util::{Isolated, ManualClock, isolated};
use crate::{Monitor, monitor};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::TestRunner;
use std::time::{Duration, SystemTime};

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);

#[monitor("set_clock_inner")]
fn inner() -> Result<(), &'static str> {
    Err("no card")
}

#[monitor("set_clock_outer")]
fn outer() -> Result<(), &'static str> {
    inner()
}

/// A monitor, and the times that its clock showed.
struct Shop {
    clock: ManualClock,
    monitor: Monitor,
    /// The first and the last.
    times: (SystemTime, SystemTime),
}

impl Shop {
    /// Another one of the same test, for edges are bounded in the process.
    fn open(_: &Isolated) -> Self {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        let now = monitor.time_of_day();
        Self { clock, monitor, times: (now, now) }
    }

    /// One call that fails in each second, made inside another one that fails.
    fn fail(&mut self, seconds: u64) {
        for _ in 0..seconds {
            outer().unwrap_err();
            self.pass(SECOND);
        }
    }

    fn pass(&mut self, time: Duration) {
        self.clock.advance(time);
        self.monitor.tick();
        self.note();
    }

    /// Sets the clock, a little after a tick.
    fn set(&mut self, time: SystemTime) {
        self.clock.advance(SECOND / 10);
        self.clock.set_time_of_day(time);
        self.note();
    }

    fn note(&mut self) {
        let now = self.monitor.time_of_day();
        self.times = (self.times.0.min(now), self.times.1.max(now));
    }

    /// The failures of one of the two that are told of a range.
    fn told(&self, range: TimeRange) -> u64 {
        let errors = self.monitor.errors(&Selector::calls().label("operation", "set_clock_inner"), range);
        errors.series.iter().map(|series| series.failed).sum()
    }

    /// The same of all ranges of a length that follow each other, from before everything to after it.
    fn told_by(&self, length: Duration) -> u64 {
        let (first, last) = self.times;
        let starts = (0..).map(|step| first - MINUTE + step * length).take_while(|start| *start < last + MINUTE);
        starts.map(|start| self.told(TimeRange::between(start, start + length).unwrap())).sum()
    }

    /// The same of everything, and how many calls of the one inside the other.
    fn told_of_all(&self) -> (u64, u64) {
        let (first, last) = self.times;
        let all = TimeRange::between(first - MINUTE, last + MINUTE).unwrap();
        (self.told(all), calls(&self.monitor.edges(all)))
    }
}

fn calls(edges: &[Edge]) -> u64 {
    edges.iter().map(|edge| edge.calls).sum()
}

/// The failures and calls that a log is given.
fn of_slices(slices: &[LogSlice]) -> (u64, u64) {
    let of_inner = |errors: &&ErrorSlice| errors.errors.labels.get("operation") == Some("set_clock_inner");
    let failed =
        |slice: &LogSlice| slice.errors.iter().filter(of_inner).map(|errors| errors.errors.failed).sum::<u64>();
    let calls = |slice: &LogSlice| {
        let tree = serde_json::to_value(&slice.tree).unwrap();
        tree["edges"].as_array().unwrap().iter().map(|edge| edge[3].as_u64().unwrap()).sum::<u64>()
    };
    (slices.iter().map(failed).sum(), slices.iter().map(calls).sum())
}

#[test]
fn each_failure_and_call_inside_another_is_in_the_range_of_the_time_that_was_shown() {
    let back = |shop: &Shop, by| shop.monitor.time_of_day() - by;
    let forward = |shop: &Shop, by| shop.monitor.time_of_day() + by;
    let steps: [&dyn Fn(&Shop) -> SystemTime; 6] = [
        &|shop| back(shop, 20 * SECOND),
        &|shop| back(shop, HOUR),
        &|shop| back(shop, DAY),
        &|shop| forward(shop, 20 * SECOND),
        &|shop| forward(shop, HOUR),
        &|shop| forward(shop, DAY),
    ];
    let alone = isolated();
    for (number, step) in (0..).zip(steps) {
        let mut shop = Shop::open(&alone);
        shop.pass(10 * MINUTE);
        shop.fail(100);
        let (before, to) = (shop.monitor.time_of_day(), step(&shop));
        shop.set(to);
        shop.fail(100);
        // At last all slices are of minutes.
        for later in [SECOND, 2 * MINUTE, 8 * MINUTE, 35 * MINUTE] {
            shop.pass(later);
            assert_eq!(shop.told_of_all(), (200, 200), "{number}, {later:?} later");
            for length in [7 * SECOND, MINUTE, 10 * MINUTE] {
                assert_eq!(shop.told_by(length), 200, "{number}, {later:?} later, by {length:?}");
            }
            // Of minutes, as whole as they are told in the end.
            if before.max(to).duration_since(before.min(to)).unwrap() >= HOUR {
                let around = |time| TimeRange::between(time - 5 * MINUTE, time + 5 * MINUTE).unwrap();
                for time in [before, to] {
                    let calls = calls(&shop.monitor.edges(around(time)));
                    assert_eq!((shop.told(around(time)), calls), (100, 100), "{number}");
                }
                let between = TimeRange::between(before.min(to) + 9 * MINUTE, before.max(to) - 9 * MINUTE).unwrap();
                let edges = shop.monitor.edges(between);
                assert_eq!((shop.told(between), edges.as_slice()), (0, [].as_slice()), "{number}: never shown");
            }
        }
    }
}

#[test]
fn the_last_minutes_are_known_after_the_clock_was_set() {
    let alone = isolated();
    for set in [|time| time - DAY, |time| time - 10 * MINUTE, |time| time + DAY] {
        let mut shop = Shop::open(&alone);
        shop.fail(400);
        shop.set(set(shop.monitor.time_of_day()));
        shop.fail(100);
        let range = TimeRange::last(MINUTE);
        assert_eq!((shop.told(range), calls(&shop.monitor.edges(range))), (60, 60));
        // A series without calls inside it, of which memory alone is asked.
        shop.monitor.operation("alone").record(SECOND, crate::Outcome::Ok);
        (0..10).for_each(|_| shop.pass(SECOND));
        let alone: SeriesId = "operation{operation=alone}".parse().unwrap();
        assert!(shop.monitor.shares(&alone, TimeRange::last(MINUTE)).is_some());
        // All of the last minute was observed, and nothing of what the clock left out.
        let tracks = shop.monitor.tracks(&Selector::from(&alone), TimeRange::last(MINUTE));
        let covered: f64 = tracks.series[0].points.iter().map(|point| point.covered).sum();
        assert!((59.0..=61.0).contains(&covered), "{covered} s");
        assert_eq!(tracks.series[0].points[0].count, Some(0), "somebody observed");
    }
}

/// Within some hours the clock is set now and then, by moments to hours; a log asks now and then.
#[test]
fn a_log_is_given_each_failure_and_call_inside_another_once() {
    let step = (1_u64..120, 0_u64..1_200, -9_000_000_i64..9_000_000, any::<bool>());
    let alone = isolated();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let run = runner.run(&vec(step, 1..14), |steps| {
        let mut shop = Shop::open(&alone);
        let (mut all, mut told, mut position) = (0, (0, 0), LogPosition::default());
        let mut ask = |shop: &Shop, until: Option<SystemTime>| {
            let slices = shop.monitor.log_slices(&mut position, until);
            for slice in &slices {
                let (first, last) = shop.times;
                assert!(first <= slice.start && slice.start <= slice.end && slice.end <= last + MINUTE, "{slice:?}");
            }
            let more = of_slices(&slices);
            told = (told.0 + more.0, told.1 + more.1);
            told
        };
        for (busy, idle, set, asks) in steps {
            shop.fail(busy);
            all += busy;
            shop.pass(Duration::from_secs(idle));
            let now = shop.monitor.time_of_day().duration_since(SystemTime::UNIX_EPOCH).unwrap();
            let minute = Duration::from_secs(now.as_secs() / 60 * 60) + LATE;
            ask(&shop, Some(SystemTime::UNIX_EPOCH + minute));
            let (now, by) = (shop.monitor.time_of_day(), Duration::from_millis(set.unsigned_abs()));
            // Rarely by hours.
            let by = if asks { by } else { by / 2_000 };
            shop.set(if set < 0 { now - by } else { now + by });
            shop.fail(1);
            all += 1;
            if !asks && set % 2 == 0 {
                // An hour that is yet to come.
                let told = ask(&shop, Some(shop.monitor.time_of_day() + HOUR));
                prop_assert!(told.0 <= all && told.1 <= all);
            }
        }
        prop_assert_eq!(ask(&shop, None), (all, all));
        prop_assert_eq!(ask(&shop, None), (all, all));
        Ok(())
    });
    run.unwrap();
}

/// Within an hour the clock is set now and then, by seconds to hours.
#[test]
fn ranges_that_follow_each_other_tell_each_failure_once() {
    let step = (1_u64..120, 0_u64..120, -9_000_i64..9_000);
    let alone = isolated();
    let mut runner = TestRunner::new(ProptestConfig::with_cases(24));
    let run = runner.run(&(vec(step, 1..10), 200_u64..2_000), |(steps, length)| {
        let mut shop = Shop::open(&alone);
        let mut all = 0;
        for (busy, idle, set) in steps {
            shop.fail(busy);
            all += busy;
            shop.pass(Duration::from_secs(idle));
            let (now, by) = (shop.monitor.time_of_day(), Duration::from_secs(set.unsigned_abs()));
            shop.set(if set < 0 { now - by } else { now + by });
            prop_assert_eq!(shop.told_of_all(), (all, all));
            prop_assert_eq!(shop.told_by(Duration::from_secs(length)), all);
        }
        Ok(())
    });
    run.unwrap();
}
