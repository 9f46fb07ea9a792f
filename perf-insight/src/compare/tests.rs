use super::*;
use crate::testing::Random;
use proptest::prelude::*;

fn group<'a>(label: &'a str, costs: &'a [f64], calls: &'a [f64]) -> Group<'a> {
    Group { label, costs, calls }
}

fn noisy(random: &mut Random, mean: f64, share: f64, memory: f64, count: usize) -> Vec<f64> {
    let mut state = random.normal();
    (0..count)
        .map(|_| {
            state = memory * state + (1.0 - memory * memory).sqrt() * random.normal();
            mean * (1.0 + share * state)
        })
        .collect()
}

#[test]
fn a_changed_mix_is_no_regression() {
    // The slow route has three quarters of the calls in place of one quarter; neither route has changed.
    let (fast, slow) =
        (noisy(&mut Random::new(1), 0.01, 0.02, 0.0, 120), noisy(&mut Random::new(2), 0.1, 0.02, 0.0, 120));
    let (few, many) = ([25.0; 120], [75.0; 120]);
    let before = [group("fast", &fast, &many), group("slow", &slow, &few)];
    let after = [group("fast", &fast, &few), group("slow", &slow, &many)];
    let found = assert_no_regression(&before, &after, &CompareSettings::default()).expect("nothing has regressed");
    assert_eq!(found.overall.class, ChangeClass::NoChange);
    assert!(found.with_mix.expect("a mean") > 1.0, "the plain average has more than doubled");
}

#[test]
fn one_label_that_regresses_is_named() {
    let mut random = Random::new(3);
    let calls = [50.0; 120];
    let values: Vec<Vec<f64>> =
        [0.05, 0.05, 0.05, 0.08].iter().map(|mean| noisy(&mut random, *mean, 0.1, 0.3, 120)).collect();
    let before = [group("a", &values[0], &calls), group("b", &values[1], &calls), group("gone", &values[0], &calls)];
    let after = [group("a", &values[2], &calls), group("b", &values[3], &calls), group("new", &values[0], &calls)];
    let failed = assert_no_regression(&before, &after, &CompareSettings::default()).expect_err("b is slower");
    let Regression::Worse { labels, comparison } = &failed else { panic!("{failed:?}") };
    assert_eq!(labels, &["b"]);
    assert_eq!(
        (comparison.only_before.as_slice(), comparison.only_after.as_slice()),
        (&["gone".to_owned()][..], &["new".to_owned()][..])
    );
    assert!(failed.to_string().contains("by label: b"), "{failed}");
}

#[test]
fn the_same_twice_is_told_apart_in_at_most_one_of_twenty() {
    const ROUNDS: usize = 400;
    let mut random = Random::new(4);
    let calls = [20.0; 288];
    for memory in [0.0, 0.5, 0.9] {
        let wrong = (0..ROUNDS)
            .filter(|_| {
                let (old, new) = (noisy(&mut random, 1.0, 0.3, memory, 288), noisy(&mut random, 1.0, 0.3, memory, 288));
                let settings = CompareSettings { smallest: 0.0, ..CompareSettings::default() };
                let found = compare(&[group("", &old, &calls)], &[group("", &new, &calls)], &settings).expect("enough");
                matches!(found.overall.class, ChangeClass::Improved | ChangeClass::Regressed)
            })
            .count();
        let share = wrong as f64 / ROUNDS as f64;
        println!("memory {memory}: {share}");
        assert!(share <= 0.05 + 0.022, "{share} with a memory of {memory}: more than two deviations above 5 %");
    }
}

#[test]
fn a_tenth_more_is_found_and_a_hundredth_does_not_matter() {
    let mut random = Random::new(5);
    let calls = [20.0; 288];
    let mut of = |factor: f64| {
        let (old, new) = (noisy(&mut random, 1.0, 0.2, 0.5, 288), noisy(&mut random, factor, 0.2, 0.5, 288));
        let after = [group("", &new, &calls)];
        compare(&[group("", &old, &calls)], &after, &CompareSettings::default()).expect("enough").overall.class
    };
    let found = (0..50).filter(|_| of(1.15) == ChangeClass::Regressed).count();
    let better = (0..50).filter(|_| of(0.85) == ChangeClass::Improved).count();
    let small = (0..50).filter(|_| of(1.01) == ChangeClass::Regressed).count();
    assert!(found >= 45 && better >= 45 && small <= 1, "{found} {better} {small} of 50");
}

#[test]
fn errors_that_were_none_before_are_a_regression_and_noise_is_unclear() {
    let calls = [100.0; 60];
    let errors: Vec<f64> = (0..60).map(|at| if at % 4 == 0 { 0.05 } else { 0.03 }).collect();
    let of = |old: &[f64], new: &[f64]| {
        compare(&[group("", old, &calls)], &[group("", new, &calls)], &CompareSettings::default())
            .expect("enough")
            .overall
    };
    let found = of(&[0.0; 60], &errors);
    assert_eq!((found.class, found.relative), (ChangeClass::Regressed, None));
    assert_eq!(of(&[0.0; 60], &[0.0; 60]).class, ChangeClass::NoChange);
    let mut random = Random::new(6);
    let (old, new) = (noisy(&mut random, 1.0, 0.9, 0.0, 60), noisy(&mut random, 1.0, 0.9, 0.0, 60));
    let found = of(&old, &new);
    assert_eq!(found.class, ChangeClass::Unclear);
    assert!(found.detectable.expect("a mean") > 0.1);
}

#[test]
fn slices_without_calls_count_for_nothing() {
    let (costs, calls) = ([1.0, f64::NAN, 1.0, 1.0, 5.0, 1.0, 1.0, 1.0], [9.0, 9.0, 9.0, 9.0, 0.0, 9.0, 9.0, 9.0]);
    let found = compare(&[group("", &costs, &calls)], &[group("", &costs, &calls)], &CompareSettings::default());
    let found = found.expect("six slices");
    assert!((found.overall.before - 1.0).abs() < 1e-12);
    let short =
        compare(&[group("", &costs[..6], &calls[..6])], &[group("", &costs, &calls)], &CompareSettings::default());
    assert_eq!(short, Err(Error::TooLittleHistory { known: 4, needed: 6 }));
    let uneven = compare(&[group("", &costs, &calls[..3])], &[], &CompareSettings::default());
    assert!(uneven.expect_err("uneven").to_string().starts_with("calls is 3, "));
}

#[test]
fn the_highest_rate_borne_is_below_the_first_that_was_not() {
    let rates: Vec<f64> = (0..200).map(f64::from).collect();
    let costs: Vec<f64> = rates.iter().map(|rate| if *rate < 120.0 { 0.1 } else { 0.5 }).collect();
    let found = bearable_rate(&rates, &costs, 0.2).expect("enough");
    assert_eq!(found, Bearable { rate: 119.0, is_limit: true });
    assert_eq!(bearable_rate(&rates, &costs, 1.0), Ok(Bearable { rate: 199.0, is_limit: false }));
    assert_eq!(bearable_rate(&rates, &costs, 0.01), Ok(Bearable { rate: 0.0, is_limit: true }));
    assert!(bearable_rate(&rates[..5], &costs[..5], 1.0).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_unit_changes_nothing_but_the_unit(
        old in proptest::collection::vec(0.1..10.0, 6..80), new in proptest::collection::vec(0.1..10.0, 6..80), unit in 0.001..1000.0,
    ) {
        let of = |old: &[f64], new: &[f64]| {
            let (before, after) = (vec![3.0; old.len()], vec![3.0; new.len()]);
            compare(&[group("", old, &before)], &[group("", new, &after)], &CompareSettings::default()).expect("enough").overall
        };
        let scaled = |values: &[f64]| values.iter().map(|value| value * unit).collect::<Vec<f64>>();
        let (plain, other) = (of(&old, &new), of(&scaled(&old), &scaled(&new)));
        prop_assert_eq!(plain.class, other.class);
        prop_assert!((plain.relative.unwrap() - other.relative.unwrap()).abs() < 1e-9);
        prop_assert!(plain.difference_between.0 <= plain.after - plain.before && plain.after - plain.before <= plain.difference_between.1);
    }
}
