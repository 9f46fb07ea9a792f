use super::*;
use crate::testing::Random;
use crate::trend::TrendSettings;
use proptest::prelude::*;

const HOUR: u32 = 3600;

/// Weeks of hours: a day, a weekend, noise.
fn weeks(random: &mut Random, hours: usize, noise: f64) -> Vec<f64> {
    (0..hours)
        .map(|hour| {
            let day = 50.0 * ((hour % 24) as f64 * std::f64::consts::TAU / 24.0).sin();
            let weekend = if hour / 24 % 7 >= 5 { 0.5 } else { 1.0 };
            weekend * (100.0 + day) + noise * random.normal()
        })
        .collect()
}

fn ahead(values: &[f64], horizon: usize) -> Result<Forecast, Error> {
    forecast(&Series::new(0, HOUR, values).expect("a series"), horizon, &ForecastSettings::default())
}

#[test]
fn a_week_without_noise_goes_on() {
    let all = weeks(&mut Random::new(1), 24 * 7 * 5, 0.0);
    let (past, future) = all.split_at(24 * 7 * 4 + 24 * 3);
    let coming = ahead(past, 96).expect("enough history");
    for (point, real) in coming.points.iter().zip(future) {
        assert!((point.value - real).abs() < 2.0, "{point:?} is {real}");
    }
    assert_eq!((coming.points[0].time, coming.points[95].time), (744 * 3600, (744 + 95) * 3600));
}

#[test]
fn an_interval_holds_the_share_that_it_says_it_holds() {
    let mut random = Random::new(2);
    let (mut held, mut all, mut said) = (0, 0, 0.0);
    for _ in 0..20 {
        let values = weeks(&mut random, 24 * 7 * 5, 8.0);
        let (past, future) = values.split_at(24 * 7 * 5 - 24);
        let coming = ahead(past, 24).expect("enough history");
        held +=
            coming.points.iter().zip(future).filter(|(point, real)| (point.low..=point.high).contains(real)).count();
        all += 24;
        said += coming.coverage / 20.0;
    }
    let really = held as f64 / f64::from(all);
    assert!((0.92..=0.995).contains(&really), "{really}");
    assert!((said - really).abs() < 0.04, "said {said}, was {really}");
}

#[test]
fn too_little_history_is_an_answer() {
    let values = weeks(&mut Random::new(3), 100, 1.0);
    assert_eq!(ahead(&values, 24), Err(Error::TooLittleHistory { known: 100, needed: 144 }));
    assert_eq!(ahead(&[], 7), Err(Error::TooLittleHistory { known: 0, needed: 127 }));
    let mut gaps = weeks(&mut Random::new(3), 336, 1.0);
    for value in gaps.iter_mut().step_by(3) {
        *value = f64::NAN;
    }
    assert_eq!(ahead(&gaps, 24), Err(Error::TooLittleHistory { known: 224, needed: 252 }));
}

#[test]
fn the_next_hour_needs_four_hours_and_knows_the_day_once_there_are_days() {
    const STEPS: u32 = 300;
    let hour = |values: &[f64], settings: &ForecastSettings| {
        forecast(&Series::new(0, STEPS, values).expect("a series"), 12, settings)
    };
    let default = ForecastSettings::default();
    // A disk that fills by 1 % an hour.
    let fills: Vec<f64> = (0..400).map(|step| 0.5 + f64::from(step) / 1_200.0).collect();
    let coming = hour(&fills[..48], &default).expect("four hours");
    let last = coming.points.last().expect("an hour").value;
    assert!((last - (0.5 + 59.0 / 1_200.0)).abs() < 0.003, "{last}");
    assert_eq!(hour(&fills[..47], &default), Err(Error::TooLittleHistory { known: 47, needed: 48 }));
    assert!(hour(&fills, &default).is_ok(), "more than a day, and too little for days");
    // Four hours are a small part of a day, and more is not.
    let steps = |horizon| forecast(&Series::new(0, STEPS, &fills).expect("a series"), horizon, &default).is_ok();
    assert_eq!([steps(48), steps(49)], [true, false]);
    // Where there is enough for days, they are learned as they are where they are asked for.
    let days: Vec<f64> =
        (0..1_452).map(|step| 10.0 + 5.0 * (f64::from(step) / 288.0 * std::f64::consts::TAU).sin()).collect();
    let named = ForecastSettings { seasons: Some((288, None)), ..default };
    assert_eq!(hour(&days, &default), hour(&days, &named));
    assert!(
        matches!(hour(&days[..1_451], &named), Err(Error::TooLittleHistory { needed: 1_452, .. })),
        "they are meant"
    );
    assert!(hour(&days[..1_451], &default).is_ok());
}

#[test]
fn a_week_is_enough_for_days_and_five_for_weeks() {
    assert!(ahead(&weeks(&mut Random::new(4), 24 * 7, 1.0), 24).is_ok());
    // Saturday is known to be quiet only where there were Saturdays.
    let values = weeks(&mut Random::new(4), 24 * (7 * 4 + 5), 1.0);
    let saturday = ahead(&values, 24).expect("enough history");
    assert!(saturday.points.iter().map(|point| point.value).fold(0.0, f64::max) < 95.0);
}

#[test]
fn a_constant_stays_with_next_to_no_interval() {
    for value in [0.0, 42.0, -3.5] {
        let coming = ahead(&[value; 400], 24).expect("enough history");
        assert!(coming.points.iter().all(|point| (point.value - value).abs() < 1e-6), "{value}: {:?}", coming.points);
        assert!(coming.points.iter().all(|point| point.high - point.low < 1e-6));
    }
}

#[test]
fn gaps_are_not_zeros() {
    let mut values = weeks(&mut Random::new(5), 24 * 7 * 4, 2.0);
    let whole = ahead(&values, 24).expect("enough history");
    values[100..110].fill(f64::NAN);
    values[600] = f64::INFINITY;
    let holed = ahead(&values, 24).expect("enough history");
    for (one, other) in whole.points.iter().zip(&holed.points) {
        assert!((one.value - other.value).abs() < 5.0, "{one:?} {other:?}");
    }
}

#[test]
fn a_series_without_a_season_has_a_forecast_too() {
    let mut random = Random::new(6);
    let values: Vec<f64> = (0..200).map(|_| 10.0 + random.normal()).collect();
    let settings = ForecastSettings { seasons: Some((1, None)), ..ForecastSettings::default() };
    let coming = forecast(&Series::new(0, 1, &values).expect("a series"), 12, &settings).expect("enough history");
    assert!(coming.points.iter().all(|point| (point.value - 10.0).abs() < 2.0 && point.low < 9.5 && point.high > 10.5));
    assert!(coming.error < coming.naive_error);
}

#[test]
fn bad_settings_are_named() {
    let values = vec![1.0; 400];
    let series = Series::new(0, HOUR, &values).expect("a series");
    let of = |horizon, settings| forecast(&series, horizon, &settings).expect_err("a bad setting").to_string();
    let good = ForecastSettings::default();
    assert!(of(24, ForecastSettings { share: 1.0, ..good }).starts_with("share is 1, "));
    assert!(of(0, good).starts_with("horizon is 0, "));
    assert!(of(169, good).starts_with("horizon is 169, "));
    assert!(of(24, ForecastSettings { seasons: Some((24, Some(30))), ..good }).starts_with("seasons is 30, "));
}

#[test]
fn a_limit_is_told_only_where_the_series_surely_moves_to_it() {
    let mut random = Random::new(7);
    let rising: Vec<f64> = (0..480).map(|hour| 40.0 + 0.05 * f64::from(hour) + random.normal()).collect();
    let series = Series::new(0, HOUR, &rising).expect("a series");
    let of = |limit| reach(&series, limit, &TrendSettings::default()).expect("enough");
    let Reach::At { time, earliest, latest: Some(latest) } = of(100.0) else { panic!("{:?}", of(100.0)) };
    assert!((time - 1200 * 3600).abs() < 40 * 3600, "{time}");
    assert!(earliest < time && time < latest && earliest < 1200 * 3600 && 1200 * 3600 < latest);
    assert_eq!((of(30.0), of(50.0), of(1e6)), (Reach::NotInSight, Reach::Already, Reach::NotInSight));
    let flat: Vec<f64> = (0..480).map(|_| 40.0 + random.normal()).collect();
    let flat = Series::new(0, HOUR, &flat).expect("a series");
    assert_eq!(reach(&flat, 100.0, &TrendSettings::default()), Ok(Reach::NotInSight));
    assert!(reach(&flat, f64::NAN, &TrendSettings::default()).is_err());
    // It was beyond the limit before anybody looked.
    let of = |limit, direction| {
        reach(&flat, limit, &TrendSettings { direction, ..TrendSettings::default() }).expect("enough")
    };
    let (higher, lower) = (crate::Direction::HigherIsWorse, crate::Direction::LowerIsWorse);
    assert_eq!([of(30.0, higher), of(50.0, higher)], [Reach::Already, Reach::NotInSight]);
    assert_eq!([of(30.0, lower), of(50.0, lower)], [Reach::NotInSight, Reach::Already]);
    assert_eq!(of(30.0, crate::Direction::Neutral), Reach::NotInSight);
}

#[test]
fn the_time_of_a_limit_is_by_the_steps_that_the_line_was_fitted_to() {
    // A day less an hour is no whole block, and left out.
    let values: Vec<f64> = (0..7 * 24 - 1).map(f64::from).collect();
    let series = Series::new(0, HOUR, &values).expect("a series");
    let settings = TrendSettings { season: Some(24), ..TrendSettings::default() };
    let Ok(Reach::At { time, .. }) = reach(&series, 1000.0, &settings) else { panic!("not reached") };
    assert!((time - 1000 * 3600).abs() <= 3600, "{} hours", time / 3600);
}

#[test]
fn the_history_that_is_needed_without_a_season_is_enough() {
    let settings = ForecastSettings { seasons: Some((1, None)), ..ForecastSettings::default() };
    for (horizon, needed) in [(1, 27), (4, 32), (11, 47), (48, 120)] {
        let values: Vec<f64> = (0..needed).map(|at| f64::from(at % 5)).collect();
        let of = |count: usize| {
            forecast(&Series::new(0, 1, &values[..count]).expect("a series"), horizon, &settings)
                .map(|found| found.points.len())
        };
        assert_eq!(of(values.len()), Ok(horizon));
        assert_eq!(
            of(values.len() - 1),
            Err(Error::TooLittleHistory { known: values.len() - 1, needed: values.len() })
        );
    }
}

#[test]
fn seasons_longer_than_the_series_are_an_answer() {
    let values = [1.0; 100];
    let series = Series::new(0, HOUR, &values).expect("a series");
    let most = usize::MAX;
    for (season, horizon) in [
        ((101, None), 1),
        ((most, None), most),
        ((most / 2, None), 3),
        ((most / 4, Some(most)), most),
        ((101, Some(most)), 5),
    ] {
        let settings = ForecastSettings { seasons: Some(season), ..ForecastSettings::default() };
        let found = forecast(&series, horizon, &settings);
        assert!(matches!(found, Err(Error::TooLittleHistory { known: 100, .. })), "{season:?}: {found:?}");
    }
    let settings = ForecastSettings { seasons: Some((most, Some(most))), ..ForecastSettings::default() };
    assert!(matches!(forecast(&series, 1, &settings), Err(Error::Invalid { field: "seasons", .. })));
    // A second season that there is too little of is left out.
    let settings = ForecastSettings { seasons: Some((2, Some(most))), ..ForecastSettings::default() };
    assert!(forecast(&series, 4, &settings).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn whatever_the_values_an_answer_is_finite_and_within_its_interval(
        values in proptest::collection::vec(
            prop_oneof![5 => -1e3..1e6, 1 => Just(0.0), 1 => Just(f64::NAN), 1 => Just(1e300), 1 => Just(f64::INFINITY)], 0..500),
        horizon in 1_usize..40,
        season in prop_oneof![Just(None), Just(Some((1, None))), Just(Some((2, Some(5)))), Just(Some((7, None)))],
    ) {
        let settings = ForecastSettings { seasons: season, ..ForecastSettings::default() };
        if let Ok(found) = forecast(&Series::new(0, HOUR, &values).expect("a series"), horizon, &settings) {
            prop_assert_eq!(found.points.len(), horizon);
            for point in found.points {
                prop_assert!(point.value.is_finite() && point.low <= point.value && point.value <= point.high, "{:?}", point);
            }
        }
    }
}
