use super::*;
use crate::testing::Random;
use proptest::prelude::*;

/// A month of minutes, and of slices of five.
const MINUTES: usize = 43_200;
const MONTH: usize = 8640;

fn count(values: &[f64]) -> usize {
    let series = Series::new(0, 300, values).expect("a series");
    let found = episodes(&series, AnomalySettings::default()).expect("good settings");
    found.len()
}

/// One value of an unchanged series, by the place and the value before.
type Kind = fn(&mut Random, usize, f64) -> f64;

fn day(at: usize, steps: f64) -> f64 {
    100.0 + 50.0 * (at as f64 * std::f64::consts::TAU / steps).sin()
}

/// Minute by minute, as a process is watched: five times as many values as slices of five minutes, and as many chances to be wrong.
#[test]
fn an_unchanged_month_of_minutes_has_at_most_one_unusual_episode() {
    const SERIES: usize = 4;
    use Scale::{Linear, Logarithmic};
    let kinds: [(&str, Scale, Kind); 6] = [
        ("normal", Linear, |random, _, _| 100.0 + 10.0 * random.normal()),
        ("with memory", Linear, |random, _, before| 0.9 * before + 10.0 + 5.0 * random.normal()),
        ("with days", Linear, |random, at, _| day(at, 1_440.0) + 5.0 * random.normal()),
        ("durations with days", Logarithmic, |random, at, _| day(at, 1_440.0) * (0.1 * random.normal()).exp()),
        ("durations", Logarithmic, |random, _, _| random.normal().exp()),
        ("counts", Linear, |random, _, _| (3.0 + 1.7 * random.normal()).max(0.0).round()),
    ];
    let mut random = Random::new(11);
    for (name, scale, kind) in kinds {
        let found: Vec<usize> = (0..SERIES)
            .map(|_| {
                let mut before = 100.0;
                let month = (0..MINUTES).map(|at| {
                    before = kind(&mut random, at, before);
                    before
                });
                let month: Vec<f64> = month.collect();
                let series = Series::new(0, 60, &month).expect("a series");
                episodes(&series, AnomalySettings::default().on(scale)).expect("good settings").len()
            })
            .collect();
        println!("{name}: {found:?}");
        assert!(found.iter().sum::<usize>() <= SERIES, "{name}: {found:?}");
    }
}

#[test]
fn weekends_are_usual_beside_the_profile_of_the_weeks_before() {
    const SERIES: usize = 5;
    const WEEK: usize = 7 * 288;
    let mut random = Random::new(16);
    let mut found = 0;
    for _ in 0..SERIES {
        let values: Vec<f64> = (0..3 * WEEK + MONTH)
            .map(|at| day(at, 288.0) * if at / 288 % 7 < 5 { 1.0 } else { 0.4 } * (0.1 * random.normal()).exp())
            .collect();
        let (past, month) = values.split_at(3 * WEEK);
        let past = Series::new(0, 300, past).expect("a series");
        let habit = crate::pattern::pattern(&past).expect("three weeks");
        let beside: Vec<f64> = month
            .iter()
            .enumerate()
            .map(|(at, value)| value / habit.usual(past.time_of(3 * WEEK + at)).unwrap_or(f64::NAN))
            .collect();
        found += count(&beside);
    }
    let mean = found as f64 / SERIES as f64;
    println!("{mean} episodes a month");
    assert!(mean <= 1.0, "{mean} episodes a month");
}

/// The seconds until a doubling is found that begins at any moment, at one call a second, after a day of an even course:
/// by the means of whole minutes, each looked at three seconds after its end.
fn seconds_to_find(random: &mut Random) -> Option<f64> {
    const KNOWN: usize = 1_440;
    let mut detector = Detector::new(AnomalySettings::default().on(Scale::Logarithmic)).expect("good settings");
    let onset = 60.0 * random.even();
    let mut minute = |from: f64| {
        let call = |second: u32| (0.5 * random.normal()).exp() * if f64::from(second) >= from { 2.0 } else { 1.0 };
        (0..60).map(call).sum::<f64>() / 60.0
    };
    for _ in 0..KNOWN {
        detector.observe(minute(f64::INFINITY));
    }
    let found = (0..3_u32).find(|later| detector.observe(minute(if *later > 0 { 0.0 } else { onset })).unusual)?;
    Some(60.0 * (f64::from(found) + 1.0) - onset + 3.0)
}

#[test]
fn a_doubled_latency_at_one_call_a_second_is_found_within_two_minutes() {
    let mut random = Random::new(12);
    let found: Vec<Option<f64>> = (0..100).map(|_| seconds_to_find(&mut random)).collect();
    let soon = found.iter().flatten().filter(|seconds| **seconds <= 120.0).count();
    assert!(soon >= 99, "{soon} of 100: {found:?}");
}

#[test]
fn what_is_expected_goes_with_the_course_and_is_absent_at_first() {
    let mut random = Random::new(18);
    let values: Vec<f64> = (0..4_320)
        .map(|at| if at == 4_000 { f64::NAN } else { day(at, 1_440.0) * (0.05 * random.normal()).exp() })
        .collect();
    let series = Series::new(0, 60, &values).expect("a series");
    let found = bounds(&series, AnomalySettings::default().on(Scale::Logarithmic)).expect("good settings");
    assert_eq!(found[0].time, 60 * 276, "nothing is known before");
    let value = |one: &Bounds| values[usize::try_from(one.time / 60).expect("a minute")];
    let within = |one: &Bounds| one.low <= value(one) && value(one) <= one.high;
    assert!(found.iter().filter(|one| !value(one).is_nan()).all(|one| within(one) && one.unusual == Some(false)));
    assert!(found.iter().filter(|one| value(one).is_nan()).all(|one| one.unusual.is_none() && one.low < one.high));
    // The day goes from 50 to 150. A band around it is narrower than it is.
    let last_day = found.iter().filter(|one| one.time >= 60 * 2_880);
    let widest = last_day.map(|one| one.high / one.low).fold(0.0, f64::max);
    assert!((1.2..3.0).contains(&widest), "{widest}");
}

#[test]
fn what_is_not_above_zero_has_no_logarithm_and_is_passed_over() {
    let mut detector = Detector::new(AnomalySettings::default().on(Scale::Logarithmic)).expect("good settings");
    let mut random = Random::new(19);
    (0..1_500).for_each(|_| _ = detector.observe((0.1 * random.normal()).exp()));
    let before = detector.expected();
    for value in [0.0, -1.0] {
        assert!(!detector.observe(value).unusual);
    }
    assert_eq!(detector.expected(), before);
    assert!(detector.observe(4.0).unusual && before.is_some_and(|(low, high)| low > 0.2 && high < 4.0), "{before:?}");
}

#[test]
fn a_new_level_is_one_episode_and_then_usual() {
    let mut random = Random::new(13);
    let values: Vec<f64> = (0..4000).map(|at| if at < 1000 { 100.0 } else { 200.0 } + 5.0 * random.normal()).collect();
    let series = Series::new(0, 60, &values).expect("a series");
    let found = episodes(&series, AnomalySettings::default()).expect("good settings");
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].began, 60_000);
    assert!(found[0].last < 60 * 2000 && found[0].unusual > 10, "{found:?}");
    let (low, high) = found[0].expected.expect("it had learned");
    assert!(low < 90.0 && (110.0..160.0).contains(&high), "{low} to {high}");
}

#[test]
fn each_test_finds_its_own() {
    let mut random = Random::new(14);
    let calm: Vec<f64> = (0..3000).map(|_| 100.0 + 5.0 * random.normal()).collect();
    let first = |change: &dyn Fn(usize, f64) -> f64| {
        let values: Vec<f64> =
            calm.iter().enumerate().map(|(at, value)| if at < 2500 { *value } else { change(at, *value) }).collect();
        let series = Series::new(0, 1, &values).expect("a series");
        let found = episodes(&series, AnomalySettings::default()).expect("good settings");
        found.into_iter().find(|episode| episode.began >= 2500)
    };
    let spike = first(&|at, value| if at == 2600 { 200.0 } else { value }).expect("a spike");
    assert!(spike.began == 2600 && spike.value > 199.0, "{spike:?}");
    let shift = first(&|_, value| value + 12.0).expect("a small shift for long");
    assert!(shift.began < 2560 && matches!(shift.test, Test::Step | Test::Shift), "{shift:?}");
    let quiet = first(&|_, value| 100.0 + 0.1 * (value - 100.0)).expect("it has gone quiet");
    assert_eq!(quiet.test, Test::Spread);
    assert_eq!(first(&|_, value| value), None);
    // Within the range of the day, but not at this hour.
    let slow: Vec<f64> = (0..4000)
        .map(|at| 100.0 + 80.0 * (f64::from(at) * 0.003).sin() + if at == 3700 { 60.0 } else { 0.0 } + random.normal())
        .collect();
    let series = Series::new(0, 1, &slow).expect("a series");
    let found = episodes(&series, AnomalySettings::default()).expect("good settings");
    assert!(found.iter().any(|episode| episode.began == 3700 && episode.test == Test::Surprise), "{found:?}");
}

#[test]
fn the_unknown_is_passed_over() {
    let mut random = Random::new(15);
    let mut with = Detector::new(AnomalySettings::default()).expect("good settings");
    let mut without = with.clone();
    for _ in 0..500 {
        let value = random.normal();
        let gap = with.observe(f64::NAN);
        assert!(!gap.unusual && gap.score == 0.0);
        assert_eq!(with.observe(value), without.observe(value));
    }
}

#[test]
fn a_long_flat_time_makes_no_test_blind() {
    let mut random = Random::new(17);
    let flat = std::iter::repeat_n(0.0, 200_000);
    let noise = (0..5_000).map(|_| random.normal());
    let values: Vec<f64> = [100.0].into_iter().chain(flat).chain([100.0]).chain(noise).chain([100.0]).collect();
    let mut detector = Detector::new(AnomalySettings::default()).expect("good settings");
    let all: Vec<Observation> = values.iter().map(|value| detector.observe(*value)).collect();
    assert!(all.iter().all(|found| found.score.is_finite()));
    assert!(all[200_001].begins && all[205_002].begins, "{:?} {:?}", all[200_001], all[205_002]);
    for (tails, test) in detector.tails.iter().zip(TESTS) {
        let (low, high) = tails.bounds(detector.threshold, test.fresh()).expect("it has learned");
        assert!(low.is_finite() && high.is_finite() && low < high, "{test:?}: {low} to {high}");
    }
    // A small swing that only the surprise can tell, once the one great surprise has faded.
    let mut last = all[205_002];
    for at in 0..100_000 {
        let swing = 80.0 * (f64::from(at) * 0.003).sin();
        last = detector.observe(swing + if at == 99_700 { 60.0 } else { 0.0 } + random.normal());
        if at == 99_700 {
            break;
        }
    }
    assert!(last.unusual && last.test == Test::Surprise, "{last:?}");
}

#[test]
fn the_state_of_a_series_is_small() {
    assert!(size_of::<Detector>() <= 1024, "{} bytes", size_of::<Detector>());
}

#[test]
fn a_risk_that_is_none_is_refused() {
    for risk in [0.0, 0.9, f64::NAN] {
        let refused = Detector::new(AnomalySettings { risk, ..AnomalySettings::default() }).expect_err("no risk");
        assert!(refused.to_string().starts_with("risk is "), "{refused}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_comes_later_changes_nothing(
        values in proptest::collection::vec(
            prop_oneof![6 => -100.0..100.0, 1 => Just(f64::NAN), 1 => Just(1e99), 1 => Just(0.0)], 200..600),
        cut in 0_usize..600,
    ) {
        let of = |values: &[f64]| -> Vec<Observation> {
            let mut detector = Detector::new(AnomalySettings::sensitive()).expect("good settings");
            values.iter().map(|value| detector.observe(*value)).collect()
        };
        let all = of(&values);
        let cut = cut.min(values.len());
        prop_assert_eq!(&all[..cut], &of(&values[..cut])[..]);
        prop_assert!(all.iter().all(|found| found.score.is_finite() && found.score >= 0.0));
    }
}
