//! Questions about the course of series, on the manual clock.

use perf_insight::compare::ChangeClass;
use perf_insight::runtime::{Ahead, Figure, Question, anomalies, comparisons, forecasts, trends};
use perf_insight::trend::TrendClass;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Kind, Monitor, Outcome};
use std::time::Duration;

/// An hour of calls: one operation takes longer and longer, one is as it was, one fails more and more, and one is slow and fails from
/// the middle on.
fn an_hour(clock: &ManualClock) -> Monitor {
    let monitor = Monitor::builder().build().expect("a monitor");
    for second in 0..3_600_u32 {
        let millis = |base: u32| Duration::from_millis(u64::from(base));
        monitor.operation("slower").record(millis(20 + second / 60), Outcome::Ok);
        monitor.operation("steady").record(millis(20 + second % 3), Outcome::Ok);
        let outcome = if second % 60 < second / 60 { Outcome::Error } else { Outcome::Ok };
        monitor.operation("failing").record(millis(20), outcome);
        let is_late = second >= 1_800;
        let outcome = if is_late && second % 2 == 0 { Outcome::Error } else { Outcome::Ok };
        monitor.operation("stepped").record(millis(if is_late { 40 } else { 20 } + second % 3), outcome);
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
    monitor
}

fn of(names: &[&str]) -> Selector {
    let one = |name: &&str| Selector::kind(Kind::Operation).label("operation", *name);
    names.iter().map(one).reduce(Selector::or).expect("one at least")
}

fn minutes_ago(monitor: &Monitor, from: u64, to: u64) -> TimeRange {
    let now = monitor.time_of_day();
    let ago = |minutes: u64| now - Duration::from_secs(60 * minutes);
    TimeRange::between(ago(from), ago(to)).expect("a range")
}

#[test]
fn what_the_series_of_an_hour_tell_and_what_they_cannot() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = an_hour(&clock);

    let found = trends(&monitor, &Question::about(of(&["slower", "steady"])));
    let classes: Vec<_> =
        found.series.iter().map(|one| (one.name.as_str(), one.found.map(|trend| trend.class))).collect();
    assert_eq!(classes, [("slower", Some(TrendClass::Degrading)), ("steady", Some(TrendClass::Stable))], "{found:#?}");
    let one = trends(&monitor, &Question::about(of(&["slower", "steady", "failing"])).most(1));
    assert_eq!((one.series.len(), one.left_out), (1, 2), "the rest is counted");
    let errors = trends(&monitor, &Question::about(of(&["failing"])).figure(Figure::Errors));
    assert_eq!(errors.series[0].found.map(|trend| trend.class), Some(TrendClass::Degrading), "{errors:#?}");
    let short = trends(&monitor, &Question::about(of(&["steady"])).over(minutes_ago(&monitor, 3, 0)));
    assert_eq!(short.series[0].found, None);
    assert!(short.series[0].why_not.as_deref().is_some_and(|why| why.starts_with("not enough history")), "{short:#?}");

    // An hour is too little for either of these, and that is the answer.
    for ahead in [Ahead::Hour, Ahead::Day] {
        let coming = forecasts(&monitor, &Question::about(of(&["steady"])), ahead, None);
        assert!(coming.series[0].why_not.as_deref().is_some_and(|why| why.contains("are needed")), "{coming:#?}");
    }
    let unusual = anomalies(&monitor, &Question::about(of(&["steady"])));
    assert!(unusual.series[0].why_not.as_deref().is_some_and(|why| why.ends_with("277 are needed")), "{unusual:#?}");

    let (before, after) = (minutes_ago(&monitor, 59, 31), minutes_ago(&monitor, 28, 1));
    let all = Question::about(Selector::calls());
    let found = comparisons(&monitor, &all, before, after);
    let [kind] = found.kinds.as_slice() else { panic!("{found:#?}") };
    let class = |name: &str| kind.series.iter().find(|one| one.series.contains(name)).map(|one| one.change.class);
    assert_eq!((kind.kind, class("stepped")), (Kind::Operation, Some(ChangeClass::Regressed)));
    assert_eq!(class("steady"), Some(ChangeClass::NoChange), "{found:#?}");
    let errors = comparisons(&monitor, &all.figure(Figure::Errors), before, after);
    let stepped = errors.kinds[0].series.iter().find(|one| one.series.contains("stepped")).expect("it is there");
    assert_eq!(stepped.change.class, ChangeClass::Regressed, "{errors:#?}");

    // Times are as everywhere, and a finding that there is not is left out.
    let json = serde_json::to_value(&short).expect("JSON");
    assert!(json["start"].as_str().is_some_and(|at| at.ends_with('Z')) && json["series"][0].get("found").is_none());
    let json = serde_json::to_value(&found).expect("JSON");
    let place = kind.series.iter().position(|one| one.series.contains("stepped")).expect("it is there");
    assert_eq!(json["kinds"][0]["series"][place]["change"]["class"], "regressed");
}

#[test]
fn of_a_hundred_series_the_one_that_is_slower_is_told_and_no_other_by_chance() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().expect("a monitor");
    let names: Vec<String> = (0..100).map(|place| format!("unchanged{place}")).collect();
    let mut state = 1_u64;
    // Numerical Recipes' generator of 64 bits; its upper bits are as good as chance here.
    let mut micros = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % 40_000
    };
    for second in 0..3_600 {
        // Few calls of each, so that their means vary by more than what matters.
        for (_, name) in names.iter().enumerate().filter(|(place, _)| place % 30 == second % 30) {
            monitor.operation(name).record(Duration::from_micros(micros()), Outcome::Ok);
        }
        let took = (20_000 + micros() / 10) * if second < 1_800 { 10 } else { 12 } / 10;
        monitor.operation("slower").record(Duration::from_micros(took), Outcome::Ok);
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
    let (before, after) = (minutes_ago(&monitor, 59, 31), minutes_ago(&monitor, 28, 1));
    let found = comparisons(&monitor, &Question::about(Selector::calls()).most(200), before, after);
    let [kind] = found.kinds.as_slice() else { panic!("{found:#?}") };
    assert_eq!(kind.series.len(), 101);
    let is_told = |class| matches!(class, ChangeClass::Regressed | ChangeClass::Improved);
    let told: Vec<&str> =
        kind.series.iter().filter(|one| is_told(one.change.class)).map(|one| one.series.as_str()).collect();
    assert_eq!(told, ["operation{operation=slower}"]);
}
