use super::*;
use crate::testing::Random;

fn autoregressive(random: &mut Random, count: usize, memory: f64, level: f64, deviation: f64) -> Vec<f64> {
    let news = deviation * (1.0 - memory * memory).sqrt();
    let mut state = deviation * random.normal();
    (0..count)
        .map(|_| {
            state = memory * state + news * random.normal();
            level + state
        })
        .collect()
}

fn class(values: &[f64], settings: &TrendSettings) -> TrendClass {
    trend(&Series::new(0, 60, values).expect("a series"), settings).expect("enough values").class
}

fn is_trend(class: TrendClass) -> bool {
    !matches!(class, TrendClass::Stable | TrendClass::Volatile)
}

#[test]
fn at_most_one_in_twenty_series_without_a_trend_is_called_one() {
    const SERIES: u32 = 400;
    let mut random = Random::new(1);
    for count in [60, 120, 288, 720, 1440] {
        for memory in [0.0, 0.3, 0.6, 0.8, 0.9] {
            let wrong = (0..SERIES)
                .filter(|_| {
                    let values = autoregressive(&mut random, count, memory, 100.0, 20.0);
                    is_trend(class(&values, &TrendSettings::default()))
                })
                .count();
            let share = wrong as f64 / f64::from(SERIES);
            println!("n {count} φ {memory}: {share:.3}");
            assert!(share <= 0.05, "{share} of the series of {count} values with a memory of {memory}");
        }
    }
}

#[test]
fn nine_of_ten_drifts_of_a_fifth_are_found() {
    const SERIES: u32 = 200;
    let mut random = Random::new(2);
    // Noise as of a latency by the minute: a tenth of its level, over five hours to a day.
    for (count, memory) in [(288, 0.0), (288, 0.5), (720, 0.5), (1440, 0.8)] {
        let found = (0..SERIES)
            .filter(|_| {
                let mut values = autoregressive(&mut random, count, memory, 100.0, 10.0);
                for (at, value) in values.iter_mut().enumerate() {
                    *value += 20.0 * at as f64 / count as f64;
                }
                class(&values, &TrendSettings::default()) == TrendClass::Rising
            })
            .count();
        let share = found as f64 / f64::from(SERIES);
        println!("n {count} φ {memory}: {share:.3}");
        assert!(share >= 0.9, "{share} of the drifts over {count} values with a memory of {memory}");
    }
}

#[test]
fn an_even_rise_is_one_wherever_its_minutes_begin() {
    // One of sixty calls more fails each minute, and the minutes that are looked at begin anywhere in those.
    for phase in 0..60 {
        let fails = |second: usize| if second % 60 < second / 60 { 1.0 } else { 0.0 };
        let seconds: Vec<f64> = (0..3_600).map(fails).collect();
        let first = seconds.get(..phase).unwrap_or_default();
        let whole = seconds.get(phase..).unwrap_or_default().chunks_exact(60);
        let minutes = std::iter::once(first).filter(|part| !part.is_empty()).chain(whole).map(mean);
        for newest in [26, 28, 30, 58, 59] {
            let minutes: Vec<f64> = minutes.clone().collect();
            let from = minutes.len().saturating_sub(newest);
            assert_eq!(class(&minutes[from..], &TrendSettings::default()), TrendClass::Rising, "{phase} s, {newest}");
        }
    }
}

/// The share of series that are called a trend, whatever the change.
fn share_of_trends(mut make: impl FnMut() -> Vec<f64>) -> f64 {
    const SERIES: u32 = 400;
    let settings = TrendSettings { minimum_effect: 0.0, ..TrendSettings::default() };
    let found = (0..SERIES).filter(|_| is_trend(class(&make(), &settings))).count();
    found as f64 / f64::from(SERIES)
}

#[test]
fn a_walk_without_a_drift_is_seldom_called_a_trend() {
    let mut random = Random::new(4);
    // The longest memory that there is. The shortest walk hides most of it.
    for (count, at_most) in [(28, 0.16), (60, 0.08), (288, 0.08), (1440, 0.08)] {
        let share = share_of_trends(|| {
            let mut level = 100.0;
            let mut walk = || {
                level += random.normal();
                level
            };
            (0..count).map(|_| walk()).collect()
        });
        println!("n {count}: {share:.3}");
        assert!(share <= at_most, "{share} of the walks of {count} values");
    }
}

#[test]
fn a_smooth_series_without_a_trend_is_seldom_called_one() {
    let mut random = Random::new(5);
    // A mean of means, each with this memory: what a load average of something that swings is.
    for (count, memories, at_most) in [
        (28, [0.9, 0.9], 0.1),
        (28, [0.95, 0.95], 0.2),
        (60, [0.9, 0.9], 0.1),
        (60, [0.95, 0.95], 0.1),
        (288, [0.95, 0.95], 0.05),
    ] {
        let share = share_of_trends(|| {
            let mut means = [0.0; 2];
            let mut next = || {
                let [first, second] = &mut means;
                *first = memories[0] * *first + (1.0 - memories[0]) * random.normal();
                *second = memories[1] * *second + (1.0 - memories[1]) * *first;
                100.0 + *second
            };
            (0..200).for_each(|_| _ = next());
            (0..count).map(|_| next()).collect()
        });
        println!("n {count} φ {memories:?}: {share:.3}");
        assert!(share <= at_most, "{share} of {count} values with a memory of {memories:?}");
    }
}

#[test]
fn the_direction_knows_what_is_bad() {
    let rising: Vec<f64> = (0..60).map(|at| 100.0 + f64::from(at) + f64::from(at % 3)).collect();
    let falling: Vec<f64> = rising.iter().map(|value| 300.0 - value).collect();
    let of = |values: &[f64], direction| class(values, &TrendSettings { direction, ..TrendSettings::default() });
    assert_eq!(of(&rising, Direction::HigherIsWorse), TrendClass::Degrading);
    assert_eq!(of(&rising, Direction::LowerIsWorse), TrendClass::Improving);
    assert_eq!(of(&falling, Direction::HigherIsWorse), TrendClass::Improving);
    assert_eq!(of(&falling, Direction::LowerIsWorse), TrendClass::Degrading);
    assert_eq!(
        (of(&rising, Direction::Neutral), of(&falling, Direction::Neutral)),
        (TrendClass::Rising, TrendClass::Falling)
    );
}

#[test]
fn a_change_that_does_not_matter_is_stable_however_sure() {
    let values: Vec<f64> = (0..240).map(|at| 1000.0 + 0.1 * f64::from(at)).collect();
    let found = trend(&Series::new(0, 60, &values).expect("a series"), &TrendSettings::default()).expect("a trend");
    assert_eq!(found.class, TrendClass::Stable);
    assert!(found.confidence > 0.999 && found.relative < 0.05, "{found:?}");
    assert!(found.change_between.0 > 0.0, "it is there all the same");
}

#[test]
fn a_series_that_swings_without_a_direction_is_volatile() {
    let mut random = Random::new(3);
    let values = autoregressive(&mut random, 720, 0.99, 100.0, 60.0);
    let swinging: Vec<f64> = (0..720).map(|at| if at / 90 % 2 == 0 { 50.0 } else { 150.0 }).collect();
    assert_eq!(class(&swinging, &TrendSettings::default()), TrendClass::Volatile);
    assert!(!is_trend(class(&values, &TrendSettings::default())));
}

#[test]
fn a_part_of_a_season_is_no_trend_where_the_season_is_known() {
    // Six and a half days: without its season the rise of the last morning could pass for a trend.
    let values: Vec<f64> =
        (0..156).map(|hour| 100.0 + 50.0 * (f64::from(hour) * std::f64::consts::TAU / 24.0).sin()).collect();
    let settings = TrendSettings { season: Some(24), ..TrendSettings::default() };
    assert_eq!(class(&values, &settings), TrendClass::Stable);
    let short = Series::new(0, 3600, &values[..100]).expect("a series");
    let refused = trend(&short, &settings).expect_err("four days are four blocks");
    assert_eq!(refused, Error::TooLittleHistory { known: 100, needed: 144 });
}

#[test]
fn the_unknown_is_left_out_and_of_too_little_there_is_no_trend() {
    let mut values: Vec<f64> = (0..120).map(|at| 100.0 + f64::from(at)).collect();
    for at in (0..120).step_by(3) {
        values[at] = f64::NAN;
    }
    assert_eq!(class(&values, &TrendSettings::default()), TrendClass::Rising);
    let unknown = [f64::NAN; 100];
    assert!(trend(&Series::new(0, 60, &unknown).expect("a series"), &TrendSettings::default()).is_err());
    assert!(trend(&Series::new(0, 60, &[]).expect("a series"), &TrendSettings::default()).is_err());
    let wrong = TrendSettings { confidence: 1.0, ..TrendSettings::default() };
    assert!(trend(&Series::new(0, 60, &values).expect("a series"), &wrong).is_err());
}

#[test]
fn a_season_longer_than_the_series_is_too_little_history() {
    let values = [1.0; 100];
    let series = Series::new(0, 60, &values).expect("a series");
    for (season, needed) in [(101, 606), (usize::MAX / 2, usize::MAX), (usize::MAX, usize::MAX)] {
        let settings = TrendSettings { season: Some(season), ..TrendSettings::default() };
        assert_eq!(trend(&series, &settings), Err(Error::TooLittleHistory { known: 100, needed }));
    }
}

#[test]
fn a_line_without_noise_is_fitted_exactly() {
    let values: Vec<f64> = (0..48).map(|at| 10.0 + 2.0 * f64::from(at)).collect();
    let found = trend(&Series::new(0, 60, &values).expect("a series"), &TrendSettings::default()).expect("a trend");
    assert!((found.change - 96.0).abs() < 1e-9 && found.blocks == 24, "{found:?}");
}
