//! The failures of each hour by kind, and its calls inside calls.

use super::{LONG, Life, SECOND};
use perf_runtime::extend::LATE;
use perf_runtime::series::{Edge, Selector, SeriesErrors, SeriesId, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome};
use proptest::prelude::*;
use std::time::{Duration, UNIX_EPOCH};

const HOUR: Duration = Duration::from_secs(3_600);

fn since_1970(monitor: &Monitor) -> Duration {
    monitor.time_of_day().duration_since(UNIX_EPOCH).unwrap()
}

/// Has a life go on for so many seconds. The thread of the history lives by another clock, and at the turn of an hour it is to see each
/// second.
fn go_on(life: &Life, clock: &ManualClock, seconds: u64, each: impl Fn(u64)) {
    for second in 0..seconds {
        each(second);
        life.second(clock, 1);
        let into_hour = since_1970(&life.monitor).as_secs() % 3_600;
        if second % 30 == 0 || !(3..3_597).contains(&into_hour) {
            life.history.catch_up(LONG);
        }
    }
}

/// Ticks come a tenth of a second after slices of the hour before may end, and the last one 35 minutes into an hour.
fn to_the_middle_of_an_hour(life: &Life, clock: &ManualClock) {
    let next_hour = HOUR.as_nanos() - since_1970(&life.monitor).as_nanos() % HOUR.as_nanos();
    let next_hour = Duration::from_nanos(u64::try_from(next_hour).unwrap());
    clock.advance(next_hour + 1_500 * SECOND + LATE + Duration::from_millis(100));
}

#[test]
fn failures_are_kept_by_kind_over_hours_and_restarts() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let fail = |life: &Life, seconds: u64| {
        go_on(life, &clock, seconds, |second| {
            let error = format!("no card {second}");
            life.monitor.operation("pay").try_run(|| Err::<(), _>(error)).unwrap_err();
            if second.is_multiple_of(2) {
                life.monitor.operation("ship").record(SECOND, Outcome::Error);
            }
        });
    };
    let failed = |life: &Life, length: u64| {
        let errors = life.monitor.errors(&Selector::calls(), TimeRange::last(Duration::from_secs(length)));
        let told = |series: &SeriesErrors| (series.groups.len(), series.failed);
        errors.series.iter().map(told).collect::<Vec<_>>()
    };
    let life = Life::begin(folder.path());
    to_the_middle_of_an_hour(&life, &clock);
    fail(&life, 7_500);
    assert_eq!(failed(&life, 3 * 3_600), [(1, 7_500), (1, 3_750)]);
    // Memory holds the last hour to the slice: a window is no longer for the hours that are on disk.
    for (length, most) in [(60, 62), (300, 305), (3_600, 3_660)] {
        let calls = failed(&life, length)[0].1;
        assert!((length..=most).contains(&calls), "{length}: {calls}");
    }
    life.end();
    clock.advance(120 * SECOND);
    let life = Life::begin(folder.path());
    fail(&life, 100);
    assert_eq!(failed(&life, 3 * 3_600), [(1, 7_600), (1, 3_800)]);
    assert_eq!(failed(&life, 60), [(1, 60), (1, 30)]);
    let errors = life.monitor.errors(&Selector::calls().limit(1), TimeRange::last(Duration::from_secs(9_000)));
    assert_eq!((errors.series[0].groups[0].type_name.as_deref(), errors.left_out), (Some("alloc::string::String"), 1));
    life.end();
}

/// A page that asks for points and goods at once, and a search that asks for points; 10 and 20 ms each.
fn pages(life: &Life, clock: &ManualClock, second: u64) {
    let operation = |name| life.monitor.operation(name);
    operation("page").run(|| {
        operation("points").run(|| clock.advance(Duration::from_millis(10)));
        operation("goods").run(|| clock.advance(Duration::from_millis(20)));
    });
    if second.is_multiple_of(2) {
        operation("find").run(|| operation("points").run(|| clock.advance(Duration::from_millis(10))));
    }
}

#[test]
fn calls_inside_calls_are_kept_over_hours_and_restarts() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let calls = |edges: &[Edge]| edges.iter().map(|edge| edge.calls).collect::<Vec<_>>();
    let edges = |life: &Life, seconds: u64| calls(&life.monitor.edges(TimeRange::last(Duration::from_secs(seconds))));
    let page: SeriesId = "operation{operation=page}".parse().unwrap();
    let share = |life: &Life, seconds: u64| life.monitor.shares(&page, TimeRange::last(Duration::from_secs(seconds)));
    let life = Life::kept(folder.path(), |settings| settings.commit_every.0 = Duration::from_secs(300));
    to_the_middle_of_an_hour(&life, &clock);
    // Of `find > points`, `page > goods` and `page > points`, in this order.
    go_on(&life, &clock, 7_500, |second| pages(&life, &clock, second));
    assert_eq!(edges(&life, 4 * 3_600), [3_750, 7_500, 7_500], "though a commit comes as late as it may");
    let recent = edges(&life, 60)[1];
    assert!((57..=62).contains(&recent), "a window is no longer for the hours that are on disk: {recent}");
    life.end();
    clock.advance(120 * SECOND);
    let life = Life::begin(folder.path());
    go_on(&life, &clock, 100, |second| pages(&life, &clock, second));
    assert_eq!(edges(&life, 4 * 3_600), [3_800, 7_600, 7_600]);
    let shares = share(&life, 4 * 3_600).unwrap();
    assert!((shares.seconds - 7_600.0 * 0.03).abs() < 1e-6, "{shares:?}");
    let parts: Vec<_> =
        shares.parts.iter().map(|part| (part.series.to_string(), (part.share * 300.0).round())).collect();
    assert_eq!(
        parts,
        [("operation{operation=goods}".to_owned(), 200.0), ("operation{operation=points}".to_owned(), 100.0)]
    );
    // A series without calls inside is told of as far back as the tree is known.
    let search = life.monitor.shares(&"operation{operation=search}".parse().unwrap(), TimeRange::last(4 * HOUR));
    assert!(search.is_some_and(|search| (search.seconds - 7_600.0 * 0.02).abs() < 5.0));
    life.end();
}

/// How many failures, calls inside calls, and calls of payments are told of a range.
fn told_of(life: &Life, range: TimeRange) -> (u64, u64, u64) {
    let failed = life.monitor.errors(&Selector::calls(), range).series.iter().map(|series| series.failed).sum();
    let inside = life.monitor.edges(range).iter().map(|edge| edge.calls).sum();
    let payments = Selector::calls().label("operation", "pay");
    (failed, inside, super::total(&life.monitor.tracks(&payments, range)))
}

/// A payment that fails inside an order.
fn order(life: &Life) {
    let operation = |name| life.monitor.operation(name);
    operation("order").run(|| operation("pay").try_run(|| Err::<(), _>("no card")).unwrap_err());
}

#[test]
fn an_hour_in_which_the_clock_is_set_is_kept_up_to_then_and_from_then_on() {
    for by in [-24 * 3_600_i64, -3_600, -600, 600, 24 * 3_600] {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let life = Life::begin(folder.path());
        to_the_middle_of_an_hour(&life, &clock);
        go_on(&life, &clock, 300, |_| order(&life));
        // Between two ticks.
        clock.advance(Duration::from_millis(100));
        let before = life.monitor.time_of_day();
        let span = Duration::from_secs(by.unsigned_abs());
        clock.set_time_of_day(if by < 0 { before - span } else { before + span });
        let after = life.monitor.time_of_day();
        go_on(&life, &clock, 200, |_| order(&life));
        let all = TimeRange::between(before.min(after) - 2 * HOUR, before.max(after) + 2 * HOUR).unwrap();
        let told = |life: &Life, range| {
            let (failed, inside, _) = told_of(life, range);
            (failed, inside)
        };
        assert_eq!(told(&life, all), (500, 500), "{by}");
        // Of an hour that was shown twice, both are told.
        let around = |time| TimeRange::between(time - 1_200 * SECOND, time + 1_200 * SECOND).unwrap();
        if span > HOUR {
            let told = [before, after].map(|time| told(&life, around(time)));
            assert_eq!(told, [(300, 300), (200, 200)], "{by}");
        }
        life.end();
        clock.set_time_of_day(before.max(after) + HOUR);
        let life = Life::begin(folder.path());
        assert_eq!(told(&life, all), (500, 500), "{by}, after a restart");
        if span > HOUR {
            let told = [before, after].map(|time| told(&life, around(time)));
            assert_eq!(told, [(300, 300), (200, 200)], "{by}, after a restart");
        }
        life.end();
    }
}

#[test]
fn a_clean_up_forgets_failures_and_calls_inside_calls_for_good() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = Life::begin(folder.path());
    to_the_middle_of_an_hour(&life, &clock);
    let happen = |second: u64| {
        let error = format!("no card {second}");
        life.monitor.operation("pay").try_run(|| Err::<(), _>(error)).unwrap_err();
        pages(&life, &clock, second);
    };
    let known = || {
        let range = TimeRange::last(4 * HOUR);
        let failed =
            life.monitor.errors(&Selector::calls(), range).series.iter().map(|series| series.failed).sum::<u64>();
        (failed, life.monitor.edges(range).iter().map(|edge| edge.calls).max())
    };
    go_on(&life, &clock, 300, happen);
    let at = life.monitor.time_of_day();
    life.history.view().forget_before(at, LONG).unwrap();
    // Over the end of the hour, which is written out of memory.
    go_on(&life, &clock, 2_100, |second| {
        if (120..130).contains(&second) {
            happen(second);
        }
    });
    assert_eq!(known(), (10, Some(10)));
    // Of the hour that is over nobody can tell which part of it is meant.
    life.history.view().forget_before(at + 300 * SECOND, LONG).unwrap();
    assert_eq!(known(), (0, None));
    life.end();
}

#[test]
fn a_file_that_is_joined_brings_nothing_back_of_before_a_clean_up() {
    for is_ours in [true, false] {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let life = Life::begin(folder.path());
        to_the_middle_of_an_hour(&life, &clock);
        // Another process of the service, with a file of its own.
        let other = Life::begin(folder.path());
        let files = || std::fs::read_dir(folder.path()).unwrap().count();
        let both = |seconds: u64, orders: bool| {
            go_on(&life, &clock, seconds, |_| {
                if orders {
                    order(&life);
                    order(&other);
                }
                other.monitor.tick();
            });
        };
        both(100, true);
        let at = life.monitor.time_of_day();
        if !is_ours {
            // The hours of before are in both files.
            both(3_600, false);
        }
        both(20, false);
        let cleaned = if is_ours { &life } else { &other };
        cleaned.history.view().forget_before(at + 10 * SECOND, LONG).unwrap();
        assert_eq!(files(), 2);
        other.end();
        go_on(&life, &clock, 130, |_| ());
        assert_eq!(files(), 1, "joined");
        let all = TimeRange::between(at - 3 * HOUR, at + 3 * HOUR).unwrap();
        let (failed, inside, _) = told_of(&life, all);
        assert_eq!((failed, inside), (0, 0), "{is_ours}");
        life.end();
        let life = Life::begin(folder.path());
        let (failed, inside, calls) = told_of(&life, all);
        assert_eq!((failed, inside, calls), (0, 0, 0), "{is_ours}, after a restart");
        assert!(life.history.view().overview().boots.iter().all(|boot| boot.started >= Some(at + 10 * SECOND)));
        life.end();
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, failure_persistence: None, ..ProptestConfig::default() })]

    /// The clock is set now and then, by moments to hours: what is told over everything is what was counted, by memory and the file and by the
    /// file alone, and never more.
    #[test]
    fn whatever_becomes_of_the_clock_each_is_told_once(
        steps in prop::collection::vec((1_u64..900, -5_400_000_i64..5_400_000, 1_i64..1_000), 1..7),
        restart in any::<bool>(),
    ) {
        let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
        let mut life = Life::begin(folder.path());
        let (mut first, mut last) = (life.monitor.time_of_day(), life.monitor.time_of_day());
        let (mut all, steps_before) = (0, steps.len() / 2);
        for (place, (seconds, set, divisor)) in steps.into_iter().enumerate() {
            go_on(&life, &clock, seconds, |_| order(&life));
            all += seconds;
            last = last.max(life.monitor.time_of_day());
            let (failed, inside, calls) = told_of(&life, TimeRange::between(first - 2 * HOUR, last + 2 * HOUR).unwrap());
            prop_assert_eq!((failed, inside), (all, all));
            prop_assert!(calls <= all, "{} of {}", calls, all);
            // Somebody sets it between two ticks.
            clock.advance(Duration::from_millis(100));
            last = last.max(life.monitor.time_of_day());
            let (now, by) = (life.monitor.time_of_day(), Duration::from_millis((set / divisor).unsigned_abs()));
            clock.set_time_of_day(if set < 0 { now - by } else { now + by });
            first = first.min(life.monitor.time_of_day());
            last = last.max(life.monitor.time_of_day());
            let range = TimeRange::between(first - 2 * HOUR, last + 2 * HOUR).unwrap();
            let (failed, inside, calls) = told_of(&life, range);
            prop_assert_eq!((failed, inside), (all, all));
            prop_assert!(calls <= all, "{} of {}", calls, all);
            if restart && place == steps_before {
                life.end();
                life = Life::begin(folder.path());
                let (failed, inside, _) = told_of(&life, range);
                prop_assert_eq!((failed, inside), (all, all), "after a restart");
            }
        }
        go_on(&life, &clock, 5, |_| ());
        let range = TimeRange::between(first - 2 * HOUR, last + 2 * HOUR).unwrap();
        life.end();
        clock.set_time_of_day(last + 3 * HOUR);
        let life = Life::begin(folder.path());
        prop_assert_eq!(told_of(&life, range), (all, all, all));
        life.end();
    }
}
