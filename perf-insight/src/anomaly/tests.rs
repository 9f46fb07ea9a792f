use super::*;
use crate::testing::Random;
use proptest::prelude::*;

/// A month of slices of five minutes.
const MONTH: usize = 8640;

fn count(values: &[f64]) -> usize {
    let series = Series::new(0, 300, values).expect("a series");
    let found = episodes(&series, AnomalySettings::default()).expect("good settings");
    found.len()
}

/// One value of an unchanged series, by the place and the value before.
type Kind = fn(&mut Random, usize, f64) -> f64;

fn day(at: usize) -> f64 {
    100.0 + 50.0 * (at as f64 * std::f64::consts::TAU / 288.0).sin()
}

#[test]
fn an_unchanged_month_has_at_most_one_unusual_episode_in_the_mean() {
    const SERIES: usize = 20;
    let kinds: [(&str, Kind); 5] = [
        ("normal", |random, _, _| 100.0 + 10.0 * random.normal()),
        ("with memory", |random, _, before| 0.9 * before + 10.0 + 5.0 * random.normal()),
        ("with days", |random, at, _| day(at) + 5.0 * random.normal()),
        ("latencies", |random, _, _| (0.4 * random.normal()).exp()),
        ("counts", |random, _, _| (3.0 + 1.7 * random.normal()).max(0.0).round()),
    ];
    let mut random = Random::new(11);
    for (name, kind) in kinds {
        let found: Vec<usize> = (0..SERIES)
            .map(|_| {
                let mut before = 100.0;
                let month = (0..MONTH).map(|at| {
                    before = kind(&mut random, at, before);
                    before
                });
                count(&month.collect::<Vec<f64>>())
            })
            .collect();
        let mean = found.iter().sum::<usize>() as f64 / SERIES as f64;
        println!("{name}: {mean} episodes a month, at most {:?}", found.iter().max());
        assert!(mean <= 1.0, "{name}: {mean} episodes a month");
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
            .map(|at| day(at) * if at / 288 % 7 < 5 { 1.0 } else { 0.4 } * (0.1 * random.normal()).exp())
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

/// Seconds until a doubling is found, at one call a second, in slices of five seconds.
fn seconds_to_find(random: &mut Random) -> Option<usize> {
    let mut detector = Detector::new(AnomalySettings::default()).expect("good settings");
    let mut slice = |factor: f64| (0..5).map(|_| factor * 0.05 * (0.5 * random.normal()).exp()).sum::<f64>() / 5.0;
    for _ in 0..720 {
        detector.observe(slice(1.0));
    }
    (1..=24).find(|_| detector.observe(slice(2.0)).unusual).map(|slices| 5 * slices)
}

#[test]
fn a_doubled_latency_at_one_call_a_second_is_found_within_two_minutes() {
    let mut random = Random::new(12);
    let mut found: Vec<usize> = (0..100).filter_map(|_| seconds_to_find(&mut random)).collect();
    found.sort_unstable();
    println!("{} of 100; median {} s, last {} s", found.len(), found[found.len() / 2], found[found.len() - 1]);
    assert!(found.len() >= 99, "{} of 100", found.len());
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
    let shift = first(&|_, value| value + 8.0).expect("a small shift for long");
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
        let (low, high) = tails.bounds(detector.threshold).expect("it has learned");
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
        let refused = Detector::new(AnomalySettings { risk }).expect_err("no risk");
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
