use super::*;
use crate::testing::Random;

/// Monday, 2024-01-01 00:00 UTC.
const MONDAY: i64 = 1_704_067_200;

fn weeks(random: &mut Random, count: usize, noise: f64, of: impl Fn(usize, usize) -> f64) -> Vec<f64> {
    (0..count * WEEK_HOURS).map(|hour| of(hour / 24 % 7, hour % 24) + noise * random.normal()).collect()
}

fn of(values: &[f64]) -> Pattern {
    pattern(&Series::new(MONDAY, 3600, values).expect("a series")).expect("enough")
}

#[test]
fn days_and_weeks_are_told_apart() {
    let mut random = Random::new(1);
    let hours = of(&weeks(&mut random, 4, 5.0, |_, hour| if (8..18).contains(&hour) { 100.0 } else { 20.0 }));
    assert!(hours.daily_strength > 0.95 && hours.weekly_strength < 0.15, "{hours:?}");
    let days = of(&weeks(&mut random, 4, 5.0, |day, _| if day < 5 { 100.0 } else { 20.0 }));
    assert!(days.daily_strength < 0.1 && days.weekly_strength > 0.95, "{days:?}");
    let none = of(&weeks(&mut random, 4, 5.0, |_, _| 50.0));
    assert!(none.daily_strength < 0.1 && none.weekly_strength < 0.15, "{none:?}");
}

#[test]
fn the_profile_has_the_busiest_and_the_quietest_hour() {
    let shape = |day: usize, hour: usize| {
        if (day, hour) == (2, 9) {
            90.0
        } else if (day, hour) == (6, 4) {
            1.0
        } else {
            30.0
        }
    };
    let found = of(&weeks(&mut Random::new(2), 3, 0.5, shape));
    assert_eq!((found.busiest, found.quietest), (2 * 24 + 9, 6 * 24 + 4));
    assert_eq!((found.week.len(), found.day.len()), (168, 24));
    assert!((found.week[57].expect("known") - 90.0).abs() < 2.0);
}

#[test]
fn the_hour_of_the_week_is_that_of_the_calendar() {
    assert_eq!((hour_of_week(MONDAY), hour_of_week(MONDAY - 1), hour_of_week(0)), (0, 167, 72));
    assert_eq!(hour_of_week(MONDAY + 26 * 3600 + 59 * 60), 26);
    assert_eq!(hour_of_week(-1), 71, "before 1970");
}

#[test]
fn growth_by_week_is_found_and_not_made_up() {
    let mut random = Random::new(3);
    let growing: Vec<f64> =
        (0..6 * 168).map(|hour| 100.0 * (1.0 + 0.1 * f64::from(hour / 168)) + random.normal()).collect();
    let growth = of(&growing).growth.expect("six weeks");
    assert!((growth.by_week - 0.08).abs() < 0.005 && growth.weeks == 6, "{growth:?}");
    assert!(growth.between.0 > 0.0);
    let flat: Vec<f64> = (0..6 * 168).map(|_| 100.0 + random.normal()).collect();
    let growth = of(&flat).growth.expect("six weeks");
    assert!(growth.between.0 < 0.0 && growth.between.1 > 0.0, "{growth:?}");
    assert!(of(&flat[..2 * 168]).growth.is_none(), "two weeks are no growth");
}

#[test]
fn what_comes_each_day_or_week_is_told_with_its_hour() {
    // Within ten minutes.
    let at = |period: i64, count: i64| {
        (0..count).map(|turn| MONDAY + turn * period + 2 * HOUR + turn * 7 % 11 * 60).collect::<Vec<i64>>()
    };
    let nightly = at(DAY, 10);
    let found = recurrences(&nightly).expect("ten events");
    assert_eq!((found.len(), found[0].period, found[0].times), (1, Period::Day, 10));
    assert!((found[0].at - 2 * HOUR).abs() < 900 && found[0].closeness > 0.99, "{found:?}");
    let found = recurrences(&at(WEEK, 8)).expect("eight events");
    assert!(found.iter().any(|habit| habit.period == Period::Week), "{found:?}");
    assert!(recurrences(&nightly[..3]).is_err());
}

#[test]
fn what_comes_each_day_is_no_habit_of_the_week() {
    let mut random = Random::new(6);
    // 60 days, at three at night, give or take half an hour to three hours; all of them, or about one in three.
    // From a Monday and from a Thursday, on which the counted weeks begin.
    for (begin, minutes, share) in [(0, 30, 1.0), (3, 30, 1.0), (3, 120, 1.0), (3, 179, 1.0), (0, 30, 0.3)] {
        let times: Vec<i64> = (0..60)
            .map(|day| (day, random.even(), i64::from(random.below(120 * minutes)) - 60 * i64::from(minutes)))
            .filter(|(_, kept, _)| *kept < share)
            .map(|(day, _, off)| MONDAY + (begin + day) * DAY + 3 * HOUR + off)
            .collect();
        let found: Vec<Period> = recurrences(&times).expect("enough").into_iter().map(|habit| habit.period).collect();
        assert_eq!(found, [Period::Day], "within {minutes} minutes, {share} of the days");
    }
}

#[test]
fn events_at_any_time_are_no_habit() {
    let mut random = Random::new(5);
    let found = (0..200)
        .filter(|_| {
            let times: Vec<i64> = (0..12).map(|_| MONDAY + 60 * i64::from(random.below(40_320))).collect();
            !recurrences(&times).expect("twelve").is_empty()
        })
        .count();
    assert!(found <= 4, "{found} of 200");
}

#[test]
fn too_little_is_told() {
    let values = [1.0; 47];
    let refused = pattern(&Series::new(0, 3600, &values).expect("a series")).expect_err("not two days");
    assert_eq!(refused, Error::TooLittleHistory { known: 47, needed: 48 });
    assert!(pattern(&Series::new(0, 7200, &values).expect("a series")).is_err(), "two hours a step");
    let constant = of(&[5.0; 400]);
    assert_eq!((constant.daily_strength, constant.weekly_strength), (0.0, 0.0));
}
